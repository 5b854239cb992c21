"""Silence over the whole commune: held for ten minutes, lifted by a word, carried to every node in its plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import Account, note_change, put_setting, setting, write_audit
from broker.hub.roles import require_role

HELD: Final = timedelta(minutes=10)
"""Long enough to find out what went wrong; it ends by itself, so that nobody forgets a silent commune."""
_NAME = "silence"


@dataclass(frozen=True)
class Silence:
    """Until when nothing sounds anywhere, and who ordered it (username)."""

    until: datetime
    by: str


def silence_of(db: Session, now: datetime) -> Silence | None:
    """The silence that holds now, None where loudspeakers may speak."""
    kept = setting(db, _NAME, None)
    if not kept:
        return None
    found = Silence(datetime.fromisoformat(str(kept["until"])), str(kept["by"]))
    return found if found.until > now else None


def hold_silence(db: Session, account: Account, now: datetime) -> Silence:
    """Nothing sounds for ten minutes from now, an emergency not either. The caller writes the audit log."""
    # whole seconds: nodes compare a signed text, and a second matters to nobody
    until = (now + HELD).replace(microsecond=0)
    put_setting(db, _NAME, {"until": until.isoformat(), "by": account.username}, now)
    note_change(db, "stop", "*", now)
    note_change(db, "plan", "*", now)
    return Silence(until, account.username)


def lift_silence(db: Session, account: Account, now: datetime) -> None:
    """Loudspeakers may speak again; what was cancelled stays cancelled.

    Declined: no right, or no silence holds any more.
    """
    require_role(db, account, now, "approver")
    if silence_of(db, now) is None:
        raise Declined("not-silent", "Lệnh im tiếng đã hết, loa đang nói bình thường.")
    put_setting(db, _NAME, {}, now)
    write_audit(db, now, account.username, "play.resumed", "*")
    note_change(db, "stop", "*", now)
    note_change(db, "plan", "*", now)
