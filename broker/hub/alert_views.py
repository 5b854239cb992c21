"""Who saw the pictures of an alert, and why. It is written before a byte goes out.

While an alert is open the duty itself is the reason, written once an hour; for ten minutes after it stays that of the
officer who closed it. Of a closed one nobody else sees anything before saying why; what was said holds for that officer
and that alert for an hour. Each opening of a clip is written beside that. An officer's own words may name people: they
stand with the alert and never in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from broker.hub import own_words
from broker.hub.alerts import DECISIVE, MAY_SEE
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, AlertStep, note_change, write_audit
from broker.hub.roles import require_role

ON_DUTY: Final = "đang trực"
REASONS: Final = MappingProxyType(
    {
        "handover": "xem lại khi giao ca",
        "verify": "xác minh theo yêu cầu",
        "complaint": "giải quyết khiếu nại",
        "device": "kiểm tra thiết bị",
    }
)
"""Why somebody looks at a closed alert; beside these own words are taken."""
OTHER: Final = "other"
OTHER_SAID: Final = own_words.LOGGED
HOLDS: Final = timedelta(hours=1)
JUST_CLOSED: Final = timedelta(minutes=10)
"""So long the duty stays the reason of the officer who closed an alert."""


@dataclass(frozen=True)
class Reason:
    """Why pictures are looked at or taken out."""

    said: str
    """As it stands with the alert."""
    logged: str
    """As it stands in the audit log: without anybody's own words."""


def reason_of(code: str, words: str, choices: Mapping[str, str] = REASONS) -> Reason:
    """What somebody chose and wrote. Raises Declined when that is no reason."""
    own = own_words.cleaned(words)
    if code in choices:
        return Reason(f"{choices[code]}: {own}" if own else choices[code], choices[code])
    if code != OTHER:
        raise Declined("no-reason", "Xin chọn lý do xem hình.")
    own_words.refuse_few(own)
    return Reason(f"{OTHER_SAID}: {own}", OTHER_SAID)


def has_pictures(alert: Alert) -> bool:
    """Whether there is anything to see."""
    return bool(alert.snapshot or alert.before or alert.best or alert.has_clip)


def reason_now(db: Session, account_id: int, alert: Alert, now: datetime) -> str:
    """Why this officer may see the pictures now; empty while a reason has to be given first."""
    if alert.state != "closed":
        return ON_DUTY
    given = _steps(account_id, alert.id, "viewed", now).where(AlertStep.note.not_in(("", ON_DUTY)))
    said = db.scalar(given.order_by(AlertStep.id.desc()).limit(1)) or ""
    return said or (ON_DUTY if _has_just_closed(db, account_id, alert, now) else "")


def is_noted(db: Session, account_id: int, alert: Alert, now: datetime) -> bool:
    """Whether this officer's looking stands written with the reason that holds now: then no writing is needed."""
    reason = reason_now(db, account_id, alert, now)
    query = _steps(account_id, alert.id, "viewed", now).where(AlertStep.note == reason)
    return bool(reason) and db.scalar(query.limit(1)) is not None


def give_reason(db: Session, account: Account, alert_id: int, reason: Reason, now: datetime) -> Alert:
    """Say why the pictures of a closed alert are looked at. Of an open one the duty is the reason."""
    alert = _found(db, account, alert_id, now)
    if alert.state == "closed":
        _note(db, account, alert, reason, now)
    return alert


def note_view(db: Session, account: Account, alert_id: int, now: datetime) -> Alert:
    """Pictures are about to be shown. Raises Declined without the right, and while a reason is missing."""
    alert = _found(db, account, alert_id, now)
    if not reason_now(db, account.id, alert, now):
        raise Declined("hidden", "Cảnh báo đã đóng: xin mở cảnh báo và chọn lý do trước khi xem hình.")
    if not is_noted(db, account.id, alert, now):
        _note(db, account, alert, Reason(ON_DUTY, ON_DUTY), now)
    return alert


def note_clip(db: Session, account: Account, alert_id: int, now: datetime) -> Alert:
    """The clip is about to be played from its beginning, or is carried away. Declined as note_view is."""
    alert = note_view(db, account, alert_id, now)
    reason = reason_now(db, account.id, alert, now)
    logged = reason.partition(":")[0]  # what follows are somebody's own words
    _step(db, account, alert, "played", reason, now)
    write_audit(db, now, account.username, "clip.viewed", f"alert {alert.id}", {"reason": logged})
    return alert


def has_played(db: Session, account_id: int, alert: Alert, now: datetime) -> bool:
    """Whether this officer's opening of the clip was written within the last hour, for a player that goes on."""
    is_open = bool(reason_now(db, account_id, alert, now))
    return is_open and db.scalar(_steps(account_id, alert.id, "played", now).limit(1)) is not None


def _has_just_closed(db: Session, account_id: int, alert: Alert, now: datetime) -> bool:
    """Who closed it a moment ago still does what it was opened for, such as leaving out the place of a false alarm."""
    decisive = select(AlertStep).where(AlertStep.alert_id == alert.id, AlertStep.what.in_(DECISIVE))
    last = db.scalars(decisive.order_by(AlertStep.id.desc()).limit(1)).first()
    if last is None or last.what != "closed" or last.account_id != account_id:
        return False
    return last.at > now - JUST_CLOSED


def _steps(account_id: int, alert_id: int, what: str, now: datetime) -> Select[str]:
    mine = (AlertStep.alert_id == alert_id, AlertStep.account_id == account_id, AlertStep.what == what)
    return select(AlertStep.note).where(*mine, AlertStep.at > now - HOLDS)


def _found(db: Session, account: Account, alert_id: int, now: datetime) -> Alert:
    require_role(db, account, now, *MAY_SEE)
    alert = db.get(Alert, alert_id, with_for_update=True)
    if alert is None:
        raise Declined("no-alert", "Không tìm thấy cảnh báo này.")
    return alert


def _note(db: Session, account: Account, alert: Alert, reason: Reason, now: datetime) -> None:
    _step(db, account, alert, "viewed", reason.said, now)
    detail = {"reason": reason.logged}
    write_audit(db, now, account.username, "alert.pictures-viewed", f"alert {alert.id}", detail)


def _step(db: Session, account: Account, alert: Alert, what: str, note: str, now: datetime) -> None:
    db.add(AlertStep(alert_id=alert.id, account_id=account.id, at=now, what=what, note=note))
    db.flush()
    note_change(db, "alert", str(alert.id), now)
