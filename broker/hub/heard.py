"""Whether announce hears the broker: its word in the records, so that pages can say that the broker is down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from broker.hub.records import Setting, note_change, put_setting, setting

SETTING = "broker.heard"
SAY_AGAIN = timedelta(seconds=10)
STALE = timedelta(seconds=60)
"""An older word is announce's own silence and says nothing about the broker."""
GRACE = timedelta(seconds=5)
"""A connection that comes again within this is nobody's outage."""


class Hearing:
    """What announce says of its connection: at every change, and otherwise every ten seconds."""

    def __init__(self) -> None:
        self._said_at: datetime | None = None
        self._changed_at = datetime.max.replace(tzinfo=UTC)
        self._was_connected: bool | None = None
        self._is_told = False
        """Whether pages were told that the connection is away for longer than the grace."""

    def is_due(self, is_connected: bool, now: datetime) -> bool:
        """Whether something is to be written now."""
        if self._said_at is None or is_connected != self._was_connected:
            return True
        if not is_connected and not self._is_told and now - self._changed_at >= GRACE:
            return True  # pages looked at the change itself, when it could still be nobody's outage
        return not timedelta(0) <= now - self._said_at < SAY_AGAIN  # also when the clock was set back

    def write(self, db: Session, is_connected: bool, now: datetime) -> None:
        """Keep the word; an outage keeps its beginning over restarts of announce."""
        before = str(setting(db, SETTING, {}).get("away_since", ""))
        away_since = "" if is_connected else before or now.isoformat()
        put_setting(db, SETTING, {"away_since": away_since}, now)
        is_outage = bool(away_since) and now - datetime.fromisoformat(away_since) >= GRACE
        if before != away_since or is_outage != self._is_told:
            note_change(db, "service", "broker", now)
        if is_connected != self._was_connected:
            self._changed_at = now
        self._said_at, self._was_connected, self._is_told = now, is_connected, is_outage


def silent_since(db: Session, now: datetime) -> datetime | None:
    """Since when announce itself says nothing; None while it does, or when it never has."""
    row = db.get(Setting, SETTING)
    return row.at if row is not None and now - row.at > STALE else None


def away_since(db: Session, now: datetime) -> datetime | None:
    """Since when the broker does not answer, None while it does or when announce itself is silent."""
    row = db.get(Setting, SETTING)
    if row is None or not row.value.get("away_since") or now - row.at > STALE:
        return None
    since = datetime.fromisoformat(row.value["away_since"])
    return since if now - since >= GRACE else None
