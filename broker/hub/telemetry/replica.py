"""What a copy server still has to get: a durable queue of new readings, and a walk through the stored ones.

New readings wait in `replica_due`; what was stored before the server was named is walked through by series and
time. A server's word that it has a batch is not durability: VictoriaMetrics says so some seconds before its disk
has the points, and loses them when it is killed. So what was sent stays here for `held_s` more, and is sent again
when the connection breaks in between or the hub restarts. The same point twice is one point (VictoriaMetrics:
with -dedup.minScrapeInterval=1ms).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import delete, select

from broker.hub.records import Database
from broker.hub.records.reading import Replica, ReplicaDue, Series
from broker.hub.telemetry import line, series
from broker.hub.telemetry.series import Row

BATCH_MESSAGES = 100
BATCH_PAST = 5000

_ROWS = msgspec.msgpack.Decoder(list[Row])


@dataclass(frozen=True)
class Place:
    """How far a reader of the queue and the past is: `due` is an id of the queue."""

    due: int
    past: tuple[int, int]
    """Series, at_ms."""
    past_done: bool


@dataclass(frozen=True)
class Batch:
    """Rows to send, and the place after them."""

    rows: list[Row]
    after: Place


def register(database: Database, name: str) -> None:
    """From now on new readings are queued for the copy; what is already stored is walked through.

    name: the server and bucket. Under another name than before the walk begins anew.
    """
    with database.session() as db:
        db.execute(delete(Replica).where(Replica.name != name))
        if db.get(Replica, name) is None:
            db.add(Replica(name=name, past_series=0, past_ms=0, past_done=False))


def unregister(database: Database) -> None:
    """No server is named any more: stop queueing. Naming one again copies everything anew."""
    with database.session() as db:
        db.execute(delete(Replica))
        db.execute(delete(ReplicaDue))


class Trail:
    """Where the copying stands: ahead of what is on record by what was sent within `held_s`."""

    def __init__(self, database: Database, held_s: float) -> None:
        self._database = database
        self._held_s = held_s
        self._at: Place | None = None
        self._sent: deque[tuple[float, Place]] = deque()

    def take(self) -> Batch | None:
        """The next batch: what is new first, then the past. None when there is nothing to send."""
        if self._at is None:
            self._at = _recorded(self._database)
        return _next(self._database, self._at)

    def sent(self, batch: Batch, now_s: float) -> None:
        """The server said that it has the batch. now_s: of a clock that never goes back."""
        self._at = batch.after
        self._sent.append((now_s, batch.after))

    def settle(self, now_s: float) -> None:
        """Forget for good what was sent `held_s` ago."""
        place = None
        while self._sent and now_s - self._sent[0][0] >= self._held_s:
            place = self._sent.popleft()[1]
        if place is not None:
            _record(self._database, place)

    def rewind(self) -> None:
        """The server may have lost what it had not yet written: send again what is still held."""
        self._at = None
        self._sent.clear()


def _recorded(database: Database) -> Place:
    with database.reading() as db:
        found = db.scalar(select(Replica))
    if found is None:
        return Place(0, (0, 0), past_done=True)
    return Place(0, (found.past_series, found.past_ms), found.past_done)


def _record(database: Database, place: Place) -> None:
    with database.session() as db:
        db.execute(delete(ReplicaDue).where(ReplicaDue.id <= place.due))
        replica = db.scalar(select(Replica))
        if replica is not None and (replica.past_series, replica.past_ms) <= place.past:
            replica.past_series, replica.past_ms = place.past
            replica.past_done = place.past_done


def _next(database: Database, at: Place) -> Batch | None:
    with database.reading() as db:
        due = db.scalars(
            select(ReplicaDue).where(ReplicaDue.id > at.due).order_by(ReplicaDue.id).limit(BATCH_MESSAGES)
        ).all()
        if due:
            rows = [row for each in due for row in _ROWS.decode(each.points)]
            return Batch(rows, Place(due[-1].id, at.past, at.past_done))
        if at.past_done:
            return None
        found = series.walk(db, at.past, BATCH_PAST)
    reached = (found[-1].series, found[-1].at_ms) if found else at.past
    return Batch(found, Place(at.due, reached, past_done=len(found) < BATCH_PAST))


def lines_of(database: Database, rows: Sequence[Row]) -> list[str]:
    """Line protocol, one line a reading, times in milliseconds."""
    wanted = {row.series for row in rows}
    with database.reading() as db:
        found = db.scalars(select(Series).where(Series.id.in_(wanted)))
        heads = {each.id: line.head_of(each.node, each.service, each.name) for each in found}
    return [
        line.written(heads[number], value, quality, at_ms)
        for number, at_ms, value, quality in rows
        if number in heads
    ]
