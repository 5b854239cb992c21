"""Alerts of the duty room: what cameras raised, and what officers do with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from broker.contract.camera import CameraOutage, CameraTampered, MotionEnded, MotionLabelled, MotionStarted
from broker.hub import incidents, own_words
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, AlertStep, Camera, NodeRecord, note_change, write_audit
from broker.hub.roles import require_role
from broker.link.clock import LOCAL

CLOSE_REASONS = {
    "handled": "Đã xử lý",
    "people": "Người dân đi lại bình thường",
    "animal": "Chó, mèo, gia súc",
    "light": "Ánh sáng, đèn xe",
    "weather": "Mưa, gió, cây lay",
    "camera": "Camera rung hoặc lỗi",
    "test": "Thử thiết bị",
}
"""Why an alert was closed: code → what people read. All but the first are false alarms."""

CAMERAS = ("motion", "tamper", "outage")
"""Kinds of alerts that cameras raise."""
MAY_ACT = ("police",)
MAY_SEE = ("police",)
TRUE_REASON = "handled"
DECISIVE = {
    "in-hand": "nhận xử lý",
    "escalated": "chuyển cấp trên",
    "closed": "đóng",
    "reopened": "mở lại",
}
"""Steps after which a page that was opened before shows something that is no more: code → what the person did."""
LONGEST_NOTE, LONGEST_WHOM = 2000, 120

LONGEST_MS = 10 * 366 * 86_400_000
"""A length beyond ten years comes from a wrong count."""
_MOST, _WORD = 24, 60
"""Boxes, labels and reasons kept of one message; characters of a code or a zone's name."""


class OtherEpisode(ValueError):
    """A node named something under an id that already means something else."""


# -- what the nodes said; called by ingest with the snapshot already in the media store


def raise_motion(db: Session, node: str, said: MotionStarted, snapshot: str | None, now: datetime) -> Alert:
    """An episode has begun; `snapshot` None when what came was no picture. Said again it changes nothing but that."""
    alert = raised(db, node, said.episode, "motion", said.camera, said.started_at, now)
    alert.snapshot = snapshot or alert.snapshot
    alert.boxes = msgspec.to_builtins(said.boxes[:_MOST])
    alert.zone, alert.clock = said.zone[:_WORD], said.clock
    alert.confidence = max(alert.confidence or 0.0, said.confidence)
    if alert.ended_at is None:  # an end that came first knows better
        alert.reasons = _codes(said.reasons) or alert.reasons
    incidents.join(db, alert)
    note_changed(db, alert, now)
    return alert


def label_motion(db: Session, node: str, said: MotionLabelled, now: datetime) -> Alert | None:
    """A model named what moved. None when no such episode was told: labels alone raise nothing."""
    alert = db.scalars(select(Alert).where(Alert.node == node, Alert.episode == said.episode)).first()
    if alert is None:
        return None
    _refuse_other(alert, "motion", said.camera)
    alert.labels = msgspec.to_builtins(said.labels[:_MOST])
    note_changed(db, alert, now)
    return alert


def end_motion(
    db: Session, node: str, said: MotionEnded, has_clip: bool, now: datetime, best: str | None = None
) -> Alert:
    """An episode is over; `has_clip` when the bytes of its clip came before this message."""
    alert = raised(db, node, said.episode, "motion", said.camera, said.started_at, now)
    note_end(alert, said.ended_at, said.lasted_ms)
    alert.best = best or alert.best
    if said.boxes:
        alert.best_boxes = msgspec.to_builtins(said.boxes[:_MOST])
    alert.confidence = max(alert.confidence or 0.0, said.confidence)
    alert.reasons = _codes(said.reasons) or alert.reasons
    if said.clip is not None:
        alert.clip, alert.clip_sha256 = msgspec.to_builtins(said.clip), said.clip.sha256
        alert.has_clip, alert.clip_reason = has_clip, said.reason
    elif not alert.has_clip:  # also said later, when a clip was lost on its way
        alert.clip, alert.clip_sha256, alert.clip_reason = None, None, said.reason
    incidents.join(db, alert)
    note_changed(db, alert, now)
    return alert


def raise_tampering(
    db: Session,
    node: str,
    said: CameraTampered,
    snapshot: str | None,
    now: datetime,
    before: str | None = None,
) -> Alert:
    """A camera was covered, blinded, moved or frozen; with `ended_at` it is over."""
    alert = raised(db, node, said.tampering, "tamper", said.camera, said.started_at, now)
    alert.what = said.what
    note_end(alert, said.ended_at, said.lasted_ms)
    alert.snapshot, alert.before = snapshot or alert.snapshot, before or alert.before
    alert.confidence, alert.clock = max(alert.confidence or 0.0, said.confidence), said.clock
    note_changed(db, alert, now)
    return alert


def raise_outage(db: Session, node: str, said: CameraOutage, now: datetime) -> Alert:
    """No picture comes from a camera; with `ended_at` one does again, and `lasted_ms` says how long the gap was."""
    alert = raised(db, node, said.outage, "outage", said.camera, said.last_picture_at or said.told_at, now)
    alert.what, alert.clock = said.why[:_WORD] or alert.what or "", said.clock
    note_end(alert, said.ended_at, said.lasted_ms)
    note_changed(db, alert, now)
    return alert


def clip_arrived(db: Session, sha256: str, now: datetime) -> int:
    """The bytes of a clip are here. Returns how many alerts it belongs to."""
    rows = db.scalars(select(Alert).where(Alert.clip_sha256 == sha256, Alert.has_clip.is_(False))).all()
    for alert in rows:
        alert.has_clip = True
        note_changed(db, alert, now)
    return len(rows)


# -- what officers do


def mark_seen(db: Session, account: Account, alert_id: int, now: datetime) -> Alert:
    """An officer looked at it. Only the first look counts."""
    alert = _for_officer(db, account, alert_id, now)
    if alert.state == "raised":
        alert.state, alert.seen_at = "seen", now
        _step(db, alert, account, "seen", "", now)
        _decided(db, alert, account, "alert.seen", now)
    return alert


def take(
    db: Session,
    account: Account,
    alert_id: int,
    now: datetime,
    *,
    upon: int | None = None,
    instead: bool = False,
) -> Alert:
    """ "Tôi xử lý": this officer has it in hand. Declined when another has and not `instead`, or when it is closed.

    `upon`, here and below: the last decisive step that the officer's page showed; Declined when others went on since.
    """
    alert = _for_officer(db, account, alert_id, now)
    _refuse_closed(db, alert, account)
    _refuse_news(db, alert, account, upon)
    if is_others(alert, account) and not instead:
        raise Declined("taken", f"{_holder(alert)} đang xử lý cảnh báo này rồi.")
    if alert.state == "in-hand" and alert.officer_id == account.id:
        return alert  # pressed twice: one step tells it
    alert.seen_at = alert.seen_at or now
    alert.state, alert.in_hand_at, alert.officer_id = "in-hand", now, account.id
    _step(db, alert, account, "in-hand", "", now)
    _decided(db, alert, account, "alert.taken", now)
    return alert


def escalate(
    db: Session,
    account: Account,
    alert_id: int,
    whom: str,
    note: str,
    now: datetime,
    *,
    upon: int | None = None,
) -> Alert:
    """Pass it upwards, to whom and with a word why; it stays open."""
    alert = _for_officer(db, account, alert_id, now)
    _refuse_closed(db, alert, account)
    _refuse_news(db, alert, account, upon)
    to = " ".join(whom.split())
    if not to or len(to) > LONGEST_WHOM:
        raise Declined("whom", f"Xin ghi chuyển cho ai, nhiều nhất {LONGEST_WHOM} chữ cái.")
    if alert.state == "raised":
        alert.state = "seen"
    alert.seen_at = alert.seen_at or now
    alert.escalated_at, alert.escalated_to = now, to
    _step(db, alert, account, "escalated", ": ".join(part for part in (to, note.strip()) if part), now)
    _decided(db, alert, account, "alert.escalated", now)
    return alert


def close(
    db: Session,
    account: Account,
    alert_id: int,
    reason: str,
    note: str,
    now: datetime,
    *,
    upon: int | None = None,
) -> Alert:
    """It is over. `reason` is one of CLOSE_REASONS; a true one says what was done."""
    alert = _for_officer(db, account, alert_id, now)
    _refuse_closed(db, alert, account)
    _refuse_news(db, alert, account, upon)
    if reason not in CLOSE_REASONS:
        raise Declined("no-reason", "Xin chọn lý do kết thúc cảnh báo.")
    said = note.strip()[:LONGEST_NOTE]
    if reason == TRUE_REASON and not said:
        raise Declined("no-note", "Xin ghi vài chữ đã làm gì rồi hãy đóng.")
    alert.seen_at = alert.seen_at or now
    alert.state, alert.closed_at, alert.officer_id = "closed", now, alert.officer_id or account.id
    alert.close_reason, alert.note = reason, said
    why = () if reason == TRUE_REASON else (f"báo nhầm, {CLOSE_REASONS[reason].lower()}",)
    _step(db, alert, account, "closed", ": ".join(part for part in (*why, said) if part), now)
    _decided(db, alert, account, "alert.closed", now)
    return alert


def reopen(
    db: Session, account: Account, alert_id: int, why: str, now: datetime, *, upon: int | None = None
) -> Alert:
    """It was not over after all: open again, in nobody's hand. Its pictures are kept again, where they still are.

    Of an open alert the duty is reason enough to see them, so reopening needs a reason as seeing them closed does, and
    the audit log has it as there: without own words.
    """
    alert = _for_officer(db, account, alert_id, now)
    _refuse_news(db, alert, account, upon)
    if alert.state != "closed":
        raise Declined("open", "Cảnh báo này đang mở.")
    own_words.refuse_few(why, "Xin ghi rõ vì sao mở lại, ít nhất vài chữ.")
    alert.state, alert.closed_at, alert.in_hand_at, alert.officer_id = "seen", None, None, None
    alert.close_reason, alert.note = "", ""
    alert.escalated_at, alert.escalated_to = None, ""
    _step(db, alert, account, "reopened", why, now)
    _decided(db, alert, account, "alert.reopened", now, {"reason": own_words.LOGGED})
    return alert


def add_note(db: Session, account: Account, alert_id: int, note: str, now: datetime) -> Alert:
    """A word for whoever reads it later; at any time, also when it is closed."""
    alert = _for_officer(db, account, alert_id, now)
    if not note.strip():
        raise Declined("no-note", "Ghi chú còn trống.")
    _step(db, alert, account, "noted", note, now)
    _decided(db, alert, account, "alert.noted", now)
    return alert


def raised(
    db: Session, node: str, episode: str, kind: str, camera: str, started_at: datetime, now: datetime
) -> Alert:
    """The alert of an episode, made when it is the first word of it. Raises OtherEpisode."""
    found = db.scalars(select(Alert).where(Alert.node == node, Alert.episode == episode)).first()
    if found is None:
        known = db.get(Camera, (node, camera)) if kind in CAMERAS else None  # a button may be called the same
        house = db.get(NodeRecord, node)
        village = known.village if known else house.village if house else ""
        found = Alert(
            kind=kind,
            node=node,
            camera=camera,
            village=village,
            episode=episode,
            started_at=started_at,
            raised_at=now,
            has_clip=False,
        )
        db.add(found)
        db.flush()
    _refuse_other(found, kind, camera)
    return found


def _refuse_other(alert: Alert, kind: str, camera: str) -> None:
    if (alert.kind, alert.camera) != (kind, camera):
        raise OtherEpisode("this episode is something else's")


def note_end(alert: Alert, ended_at: datetime | None, lasted_ms: int) -> None:
    """When it ended and how long it lasted, where that is known. A clock set back meanwhile ends nothing before it
    began: then the length, which no clock can change, says when."""
    lasted_ms = min(lasted_ms, LONGEST_MS) or alert.lasted_ms or 0
    alert.lasted_ms = lasted_ms
    if ended_at is not None:
        is_after = ended_at >= alert.started_at
        alert.ended_at = ended_at if is_after else alert.started_at + timedelta(milliseconds=lasted_ms)


def _codes(reasons: list[str]) -> list[str]:
    return [each[:_WORD] for each in reasons[:_MOST]]


def _for_officer(db: Session, account: Account, alert_id: int, now: datetime) -> Alert:
    require_role(db, account, now, *MAY_ACT)
    return _get(db, alert_id)


def _get(db: Session, alert_id: int) -> Alert:
    alert = db.get(Alert, alert_id, with_for_update=True)
    if alert is None:
        raise Declined("no-alert", "Không tìm thấy cảnh báo này.")
    return alert


def is_others(alert: Alert, account: Account) -> bool:
    """Whether somebody else has it in hand."""
    return alert.state == "in-hand" and alert.officer_id not in (None, account.id)


def _holder(alert: Alert) -> str:
    return alert.officer.full_name if alert.officer else "Đồng chí khác"


def _refuse_closed(db: Session, alert: Alert, account: Account) -> None:
    if alert.state != "closed":
        return
    step = _last(db, alert, AlertStep.what == "closed")
    if step is None:
        raise Declined("closed", "Cảnh báo này đã kết thúc.")
    raise Declined("closed", f"{_who(step, account)} đã đóng cảnh báo này lúc {_hm(step.at)}.")


def _refuse_news(db: Session, alert: Alert, account: Account, upon: int | None) -> None:
    """Two officers at once: who decides on an old page is told what the other did, and nothing is done."""
    if upon is None:
        return
    others = or_(AlertStep.account_id.is_(None), AlertStep.account_id != account.id)
    step = _last(db, alert, AlertStep.what.in_(DECISIVE), AlertStep.id > upon, others)
    if step is not None:
        did = f"{_who(step, account)} vừa {DECISIVE[step.what]} cảnh báo này lúc {_hm(step.at)}"
        raise Declined("meanwhile", f"{did}. Chưa ghi gì thêm, xin xem lại rồi hãy làm.")


def _last(db: Session, alert: Alert, *which: ColumnElement[bool]) -> AlertStep | None:
    query = select(AlertStep).where(AlertStep.alert_id == alert.id, *which)
    return db.scalars(query.order_by(AlertStep.id.desc()).limit(1)).first()


def _who(step: AlertStep, account: Account) -> str:
    if step.account_id == account.id:
        return "Anh/chị"
    return step.account.full_name if step.account else "Máy"


def _hm(at: datetime) -> str:
    return f"{at.astimezone(LOCAL):%H:%M}"


def _step(db: Session, alert: Alert, account: Account, what: str, note: str, now: datetime) -> None:
    step: dict[str, Any] = {"alert_id": alert.id, "account_id": account.id}
    db.add(AlertStep(at=now, what=what, note=note.strip()[:LONGEST_NOTE], **step))
    note_changed(db, alert, now)


def _decided(
    db: Session,
    alert: Alert,
    account: Account,
    action: str,
    now: datetime,
    detail: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Into the audit log; an officer's note may name people and stays out of it."""
    write_audit(db, now, account.username, action, f"alert {alert.id}", dict(detail))


def note_changed(db: Session, alert: Alert, now: datetime) -> None:
    """Pages that are open learn of it."""
    note_change(db, "alert", str(alert.id), now)
