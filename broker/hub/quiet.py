"""Quiet areas: what a camera tells no more because it was a false alarm too often. Tried before, undone by a click."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.alerts import MAY_ACT, TRUE_REASON
from broker.hub.camera_setup import MOST_QUIET
from broker.hub.declined import Declined
from broker.hub.quiet_proposal import LOWEST, Outcome, Past, Proposal, Trial, boxes_of, holds, propose, try_on
from broker.hub.records import Account, Alert, Camera, CameraQuiet, note_change, write_audit
from broker.hub.roles import require_role
from broker.link.clock import LOCAL

DAYS: Final = 30
MOST_PAST: Final = 1000
ASK_AGAIN: Final = timedelta(days=30)
ALL_DAYS: Final = list(range(7))
NAMES: Final = {
    "people": "chỗ người qua lại",
    "animal": "chỗ con vật qua lại",
    "light": "chỗ ánh sáng, đèn xe",
    "weather": "chỗ cây lay, mưa gió",
    "camera": "chỗ hình rung",
    "test": "chỗ thử thiết bị",
}
"""What an area is called by the reason of its false alarm."""
NIGHT_SINCE_H, NIGHT_UNTIL_H = 18, 6
"""As on the node (edge/camera/hours.py)."""
LOWEST_NOW: Final = (
    "Không rõ chuyển động ở chỗ nào trong hình, mà mức báo của camera lúc đó đã thấp nhất, "
    "nên không có gì để bỏ qua thêm. Nếu còn báo nhầm nhiều, xin xem lại chỗ đặt camera."
)
TOO_FEW: Final = (
    "Camera này mới báo nhầm một, hai lần trong {days} ngày, mà chỗ chuyển động rộng quá hoặc không rõ, "
    "nên máy chưa đề nghị gì. Còn báo nhầm nữa thì máy mới tính."
)
"""Why nothing is offered."""
STALE: Final = "Có cảnh báo hoặc cài đặt vừa thay đổi, máy đã tính lại. Xin xem lại rồi bấm lần nữa."


@dataclass(frozen=True)
class Offer:
    """A proposal for one false alert, and what it would have done in the last DAYS."""

    alert: int
    name: str
    proposal: Proposal
    trial: Trial
    past: tuple[Past, ...]

    @property
    def mark(self) -> str:
        """Tells whether what was shown is what would be set now."""
        said = (self.proposal, sorted(each.id for each in self.trial.hidden))
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def offer_for(db: Session, alert: Alert, now: datetime) -> Offer | None:
    """What could be done about a false alert; None for what was none, for other kinds and for a camera that is gone,
    and where nothing would change (why_none)."""
    camera = _camera_of_false(db, alert)
    if camera is None:
        return None
    past = past_of(db, alert.node, alert.camera, now - timedelta(days=DAYS))
    others = [each for each in past if each.id != alert.id]
    own = _past(alert)
    made = propose(own, others, _level_at(db, camera, own.at))
    if made is None:
        return None
    name = NAMES.get(alert.close_reason, "chỗ hay báo nhầm")
    return Offer(alert.id, name, made, try_on(made, past), tuple(past))


def why_none(db: Session, alert: Alert, now: datetime) -> str:
    """Why nothing is offered for a false alert, as a sentence; empty where something is or nobody would expect it."""
    camera = _camera_of_false(db, alert)
    if camera is None or offer_for(db, alert, now) is not None:
        return ""
    at_the_floor = _level_at(db, camera, _past(alert).at) <= LOWEST
    return LOWEST_NOW if at_the_floor else TOO_FEW.format(days=DAYS)


def past_of(db: Session, node: str, camera: str, since: datetime) -> list[Past]:
    """What a camera told since then that moved, oldest first; of very many false ones the newest."""
    query = select(Alert).where(
        Alert.node == node, Alert.camera == camera, Alert.kind == "motion", Alert.started_at > since
    )
    is_false = (Alert.state == "closed") & (Alert.close_reason != TRUE_REASON)
    newest = Alert.started_at.desc()
    # Only of false ones are there thousands, and what must not be hidden is never left out for them.
    rows = [
        *db.scalars(query.where(is_false).order_by(newest).limit(MOST_PAST)),
        *db.scalars(query.where(~is_false)),
    ]
    return sorted(map(_past, rows), key=lambda past: past.at)


def kept(db: Session, node: str, camera: str) -> Sequence[CameraQuiet]:
    """What a camera tells no more at present, the newest first."""
    query = select(CameraQuiet).where(
        CameraQuiet.node == node, CameraQuiet.camera == camera, CameraQuiet.undone_at.is_(None)
    )
    return db.scalars(query.order_by(CameraQuiet.applied_at.desc(), CameraQuiet.id.desc())).all()


def apply(
    db: Session, account: Account, alert_id: int, mark: str, now: datetime, *, knows_true: bool
) -> CameraQuiet:
    """Set what was offered for this alert. mark: of the offer that was seen.

    knows_true: the true alerts that it hides were seen. Declined: no right, no such alert, nothing to offer, another
    offer by now, true alerts hidden unseen, too many.
    """
    require_role(db, account, now, *MAY_ACT)
    alert = db.get(Alert, alert_id, with_for_update=True)
    offer = None if alert is None else offer_for(db, alert, now)
    if alert is None or offer is None:
        why = "" if alert is None else why_none(db, alert, now)
        raise Declined("no-offer", why or "Cảnh báo này không còn là báo nhầm, hoặc camera đã được gỡ.")
    if any(each.alert_id == alert_id for each in kept(db, alert.node, alert.camera)):
        raise Declined("twice", "Chỗ này đã được bỏ qua rồi.")
    if mark != offer.mark:
        raise Declined("stale", STALE)
    if offer.trial.count("true", "open") and not knows_true:
        raise Declined(
            "hides-true", "Bỏ qua chỗ này sẽ giấu cả báo thật: xin xem các lần đó và đánh dấu đã biết."
        )
    if len(kept(db, alert.node, alert.camera)) >= MOST_QUIET:
        raise Declined(
            "many-quiet", f"Camera này đã bỏ qua {MOST_QUIET} chỗ; xin cho báo lại chỗ không cần nữa."
        )
    row = _row(alert, offer, account, now)
    db.add(row)
    db.flush()
    _changed(db, account, row, "camera.quiet", now)
    return row


def undo(db: Session, account: Account, quiet_id: int, now: datetime) -> CameraQuiet:
    """Tell it again. Declined: no right, no such area. Undone twice changes nothing."""
    row = _found(db, account, quiet_id, now)
    if row.undone_at is None:
        row.undone_at, row.undone_by = now, account.id
        _changed(db, account, row, "camera.quiet-undone", now)
    return row


def undo_all(db: Session, account: Account, node: str, camera: str, now: datetime) -> None:
    """The camera looks elsewhere now, or is gone: what was drawn on the old view would silence the wrong places.

    Whoever may set the camera may do this; the caller has looked.
    """
    for row in kept(db, node, camera):
        row.undone_at, row.undone_by = now, account.id
        _changed(db, account, row, "camera.quiet-undone", now)


def keep(db: Session, account: Account, quiet_id: int, now: datetime) -> CameraQuiet:
    """Still wanted: asked again later. Declined: no right, no such area, undone meanwhile."""
    row = _found(db, account, quiet_id, now)
    if row.undone_at is not None:
        raise Declined("undone", "Chỗ này đã được báo lại rồi.")
    row.ask_again_at = now + ASK_AGAIN
    write_audit(
        db, now, account.username, "camera.quiet-kept", f"{row.node}.{row.camera}", {"quiet": str(row.id)}
    )
    note_change(db, "alert", str(row.alert_id or 0), now)
    return row


def _camera_of_false(db: Session, alert: Alert) -> Camera | None:
    """The camera in use of a motion that turned out to be none; None for everything else."""
    camera = db.get(Camera, (alert.node, alert.camera)) if alert.kind == "motion" else None
    is_false = alert.state == "closed" and alert.close_reason not in ("", TRUE_REASON)
    return camera if camera is not None and camera.retired_at is None and is_false else None


def _level_at(db: Session, camera: Camera, at: datetime) -> float:
    """The sensitivity in force at that hour, by the node's rule (edge/camera/hours.py)."""
    hour = at.astimezone(LOCAL).hour
    is_night = hour >= NIGHT_SINCE_H or hour < NIGHT_UNTIL_H
    usual = camera.night_sensitivity if is_night else None
    lowered = [
        row.sensitivity
        for row in kept(db, camera.node, camera.camera)
        if row.sensitivity is not None
        and (not row.hours or any(holds((each["since_min"], each["until_min"]), at) for each in row.hours))
    ]
    return min([camera.sensitivity if usual is None else usual, *lowered])


def _row(alert: Alert, offer: Offer, account: Account, now: datetime) -> CameraQuiet:
    proposal = offer.proposal
    hours = []
    if proposal.hours is not None:
        since, until = proposal.hours
        hours = [{"days": ALL_DAYS, "since_min": since, "until_min": until or 1440}]
    return CameraQuiet(
        node=alert.node,
        camera=alert.camera,
        alert_id=alert.id,
        name=offer.name,
        area=None if proposal.corners is None else {"corners": [list(each) for each in proposal.corners]},
        hours=hours,
        sensitivity=proposal.sensitivity,
        applied_at=now,
        applied_by=account.id,
        hid_false=offer.trial.count("false"),
        hid_true=offer.trial.count("true", "open"),
        ask_again_at=now + ASK_AGAIN,
    )


def _found(db: Session, account: Account, quiet_id: int, now: datetime) -> CameraQuiet:
    require_role(db, account, now, *MAY_ACT)
    row = db.get(CameraQuiet, quiet_id, with_for_update=True)
    if row is None:
        raise Declined("no-quiet", "Không tìm thấy chỗ bỏ qua này.")
    return row


def _past(row: Alert) -> Past:
    outcome: Outcome = "open"
    if row.state == "closed":
        outcome = "true" if row.close_reason == TRUE_REASON else "false"
    # Hours of an area would follow a clock that the node itself does not believe.
    at = row.raised_at if row.clock == "unknown" else row.started_at
    return Past(row.id, at, tuple(boxes_of([*row.boxes, *row.best_boxes])), outcome)


def _changed(db: Session, account: Account, row: CameraQuiet, action: str, now: datetime) -> None:
    detail = {"quiet": str(row.id), "false": str(row.hid_false), "true": str(row.hid_true)}
    write_audit(db, now, account.username, action, f"{row.node}.{row.camera}", detail)
    note_change(db, "camera", row.node, now)
    note_change(db, "plan", row.node, now)
    note_change(db, "alert", str(row.alert_id or 0), now)
