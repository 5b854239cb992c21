"""Silence over the whole commune: held for ten minutes, lifted by a word, carried to every node in its plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    NodeRecord,
    ServiceSeen,
    SpeakerSeen,
    note_change,
    put_setting,
    setting,
    write_audit,
)
from broker.hub.roles import require_role

HELD: Final = timedelta(minutes=10)
"""Long enough to find out what went wrong; it ends by itself, so that nobody forgets a silent commune."""
_NAME = "silence"


@dataclass(frozen=True)
class Silence:
    """Until when nothing sounds anywhere, and who ordered it (username)."""

    until: datetime
    by: str

    @property
    def since(self) -> datetime:
        """When it was ordered, to the second."""
        return self.until - HELD


@dataclass(frozen=True)
class Hushed:
    """What is known of who follows the order: an order that was given is no silence yet."""

    confirmed: Sequence[NodeRecord]
    """Houses whose loudspeaker said, since the order, that it keeps silent for the commune."""
    waiting: Sequence[NodeRecord]
    """Houses that have not said so, or are away now: they may still be speaking."""
    off: Sequence[NodeRecord]
    """Houses whose loudspeaker service was ended in order, or never was there: nothing can sound there."""


def silence_of(db: Session, now: datetime) -> Silence | None:
    """The silence that holds now, None where loudspeakers may speak."""
    found = _kept(db)
    return found if found is not None and found.until > now else None


def silent_until(db: Session) -> datetime | None:
    """Until when the commune was last ordered to be silent, which may be past; None where that was lifted."""
    found = _kept(db)
    return None if found is None else found.until


def hushed(db: Session, silence: Silence) -> Hushed:
    """Which houses have confirmed a silence."""
    nodes = db.scalars(select(NodeRecord).where(NodeRecord.retired_at.is_(None)).order_by(NodeRecord.name))
    seen = {row.node: row for row in db.scalars(select(SpeakerSeen))}
    lives = {
        row.node: row.state for row in db.scalars(select(ServiceSeen).where(ServiceSeen.service == "speaker"))
    }
    confirmed: list[NodeRecord] = []
    waiting: list[NodeRecord] = []
    off: list[NodeRecord] = []
    for node in nodes:
        lists = {"confirmed": confirmed, "waiting": waiting, "off": off}
        lists[follows(lives.get(node.name), seen.get(node.name), silence)].append(node)
    return Hushed(confirmed, waiting, off)


def follows(
    life: str | None, holds: SpeakerSeen | None, silence: Silence
) -> Literal["confirmed", "waiting", "off"]:
    """In which list of `Hushed` a house stands. life: state of its loudspeaker service, None if it never was there.

    What it said before the order does not count: that was another silence.
    """
    if life is None or life == "stopped":
        return "off"
    is_told = holds is not None and holds.silenced == "commune" and holds.seen_at >= silence.since
    return "confirmed" if is_told and life != "lost" else "waiting"


def _kept(db: Session) -> Silence | None:
    kept = setting(db, _NAME, None)
    return Silence(datetime.fromisoformat(str(kept["until"])), str(kept["by"])) if kept else None


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
