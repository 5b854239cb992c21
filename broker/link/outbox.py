"""Unsent messages survive power loss: SQLite with full sync, one position per (epoch, lane).

A message is deleted only when the hub has said that it is on its own disk. Threads that put at the same
moment share one sync. What cannot be kept is told: the word of a loss is written with the deletion itself.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from broker.contract.message import DURABLE_LANES, Lane
from broker.contract.node import Lost
from broker.link.clock import ClockState

log = logging.getLogger(__name__)

RESERVE = 1 << 20
"""Bytes set aside on the disk, for the alarms that come when others have filled it."""
QUOTA: dict[Lane, int] = {Lane.ALARM: 96 << 20, Lane.EVENT: 32 << 20, Lane.TELE: 64 << 20}
"""Bytes a lane may hold on this machine's disk."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    lane TEXT NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL, body BLOB NOT NULL,
    at TEXT NOT NULL, clock TEXT NOT NULL, PRIMARY KEY (lane, seq));
CREATE TABLE IF NOT EXISTS lanes (lane TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS epoch (value TEXT NOT NULL);
"""

_NONE = "SELECT NULL WHERE 0"
_EACH_MINUTE = (
    "SELECT min(seq) FROM outbox WHERE lane = 'tele' AND seq <= :edge GROUP BY topic, substr(at, 1, 16)"
)
"""Readings that stay: none, or the first of each topic and minute."""
Reason = Literal["quota", "disk-full"]


class OutboxFull(Exception):
    """Nothing more can be kept here; the text is a Vietnamese sentence for the person who tried."""


@dataclass(frozen=True)
class Row:
    """One kept message."""

    seq: int
    first: int
    """From here up to the position before `seq` nothing is held."""
    topic: str
    body: bytes
    at: datetime
    clock: str


@dataclass
class _Waiting:
    lane: Lane
    topic: str
    body: bytes
    at: datetime
    clock: str
    done: bool = False
    error: Exception | None = field(default=None)


TellLost = Callable[[Lost], tuple[str, bytes]]
"""Topic and body of the word of a loss."""


class Outbox:
    """Messages of one service that the hub has not acknowledged. Any thread may call any method."""

    def __init__(self, path: Path, tell_lost: TellLost, quota: dict[Lane, int] | None = None) -> None:
        """Open or create. A file that SQLite calls damaged is moved aside and a new epoch begins.

        Raises OSError or sqlite3.Error when the folder cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._quota = dict(QUOTA if quota is None else quota)
        self._tell_lost = tell_lost
        self._waiting: list[_Waiting] = []
        self._gate = threading.Lock()
        self._lock = threading.Lock()
        self._reserve = path.with_name(f"{path.name}.reserve")
        try:
            self._open(path)
        except sqlite3.OperationalError:
            self._reserve.unlink(missing_ok=True)  # on a full disk its space lets this service start
            self._open(path)
        except sqlite3.DatabaseError:
            path.replace(path.with_name(f"{path.name}.damaged-{os.urandom(3).hex()}"))
            self._open(path)
        self._set_aside()

    def _set_aside(self) -> None:
        """Fill the reserve; on a full disk it stays empty until there is space again."""
        with suppress(OSError), self._reserve.open("ab") as file:
            if file.tell() < RESERVE:
                os.posix_fallocate(file.fileno(), 0, RESERVE)

    def _open(self, path: Path) -> None:
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(_SCHEMA)
        row = db.execute("SELECT value FROM epoch").fetchone()
        if row is None:
            row = (os.urandom(8).hex(),)
            db.execute("INSERT INTO epoch VALUES (?)", row)
        self.epoch: str = row[0]
        self._db = db
        self._last: dict[Lane, int] = dict.fromkeys(DURABLE_LANES, 0) | {
            Lane(lane): last for lane, last in db.execute("SELECT lane, last FROM lanes")
        }
        self._released = dict.fromkeys(DURABLE_LANES, 0)
        self._deleted = dict(self._released)
        found = self._db.execute("SELECT lane, sum(length(body)) FROM outbox GROUP BY lane")
        self._bytes = dict.fromkeys(DURABLE_LANES, 0) | {Lane(lane): size for lane, size in found}

    def put(self, lane: Lane, topic: str, body: bytes, at: datetime, clock: ClockState) -> None:
        """Keep a message; returns when it is on the disk. Raises OutboxFull."""
        mine = _Waiting(lane, topic, body, at, clock)
        with self._gate:
            self._waiting.append(mine)
        with self._lock:
            if not mine.done:
                self._commit()
        if mine.error:
            raise mine.error

    def _commit(self) -> None:
        """Write all that waits in one transaction; the caller holds the lock."""
        with self._gate:
            batch, self._waiting = self._waiting, []
        try:
            self._write(batch)
        except sqlite3.Error as why:  # whoever shares this transaction must hear that nothing was kept
            for each in batch:
                each.error = each.error or why
        for each in batch:
            each.done = True

    def _write(self, batch: Sequence[_Waiting]) -> None:
        """What fits its lane goes to the disk; the others get their error."""
        accepted = []
        for each in batch:
            if each.lane != Lane.TELE and self._bytes[each.lane] + len(each.body) > self._quota[each.lane]:
                each.error = OutboxFull(
                    "Máy đã đầy, chưa cất thêm được. Xin báo cán bộ xã kiểm tra đường mạng."
                )
            else:
                accepted.append(each)
        try:
            with self._transaction():
                wanted = sum(len(each.body) for each in accepted if each.lane == Lane.TELE)
                self._make_room(wanted, accepted)
                self._insert(accepted)
        except sqlite3.OperationalError as why:
            log.error("outbox: %s", why, extra={"event": "disk-full"})
            self._squeeze(accepted)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, in the file and in what this object remembers of it."""
        kept = (dict(self._last), dict(self._bytes), dict(self._deleted))
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._delete_released()
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._last, self._bytes, self._deleted = kept
            raise

    def _squeeze(self, batch: Sequence[_Waiting]) -> None:
        """A full disk: readings give way to what people said, and alarms have their reserve."""
        with suppress(sqlite3.OperationalError), self._transaction():
            self._give_up(8, _NONE, "disk-full", batch)
            self._insert(batch)
            return
        for each in batch:
            each.error = OutboxFull("Máy hết chỗ, chưa cất được. Xin báo cán bộ xã.")
        alarms = [each for each in batch if each.lane == Lane.ALARM]
        if alarms:
            self._reserve.unlink(missing_ok=True)
            with suppress(sqlite3.OperationalError):
                with self._transaction():
                    self._insert(alarms)
                for each in alarms:  # only now: it is the commit that a full disk refuses
                    each.error = None

    def _insert(self, batch: Sequence[_Waiting]) -> None:
        """Put messages at the end of their lanes."""
        rows = []
        for each in batch:
            self._last[each.lane] += 1
            self._bytes[each.lane] += len(each.body)
            place = (each.lane.value, self._last[each.lane])
            rows.append((*place, each.topic, each.body, each.at.isoformat(), each.clock))
        self._db.executemany("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany(
            "INSERT INTO lanes VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET last = excluded.last",
            [(lane.value, self._last[lane]) for lane in {each.lane for each in batch}],
        )

    def _lose(self, lane: Lane, first: int, last: int, count: int, reason: Reason, like: _Waiting) -> None:
        """Keep the word of a loss, told at the time and clock of the message that brought it about."""
        said = Lost(lane=lane.value, first=first, last=last, count=count, reason=reason)  # type: ignore[arg-type]
        self._insert([_Waiting(Lane.EVENT, *self._tell_lost(said), like.at, like.clock)])

    def _make_room(self, wanted: int, batch: Sequence[_Waiting]) -> None:
        """Readings beyond their quota: the oldest are thinned to one a minute, and only then given up."""
        if wanted and self._bytes[Lane.TELE] + wanted > self._quota[Lane.TELE]:
            self._give_up(2, _EACH_MINUTE, "quota", batch)
        while self._bytes[Lane.TELE] > 0 and self._bytes[Lane.TELE] + wanted > self._quota[Lane.TELE]:
            self._give_up(8, _NONE, "quota", batch)

    def _give_up(self, part: int, kept: str, reason: Reason, batch: Sequence[_Waiting]) -> None:
        """Delete the oldest 1/part of the readings but for those `kept`, and say so."""
        count = self._db.execute("SELECT count(*) FROM outbox WHERE lane = 'tele'").fetchone()[0]
        if not count:
            return
        edge = self._db.execute(
            "SELECT seq FROM outbox WHERE lane = 'tele' ORDER BY seq LIMIT 1 OFFSET ?", (count // part,)
        ).fetchone()[0]
        where = f"FROM outbox WHERE lane = 'tele' AND seq <= :edge AND seq NOT IN ({kept})"
        first, last, lost, size = self._db.execute(
            f"SELECT min(seq), max(seq), count(*), sum(length(body)) {where}", {"edge": edge}
        ).fetchone()
        if lost:
            self._db.execute(f"DELETE {where}", {"edge": edge})
            self._bytes[Lane.TELE] -= size
            self._lose(Lane.TELE, first, last, lost, reason, batch[0])

    def release(self, lane: Lane, epoch: str, upto: int) -> int:
        """The hub has kept everything up to a position: it is not given again, and deleted with the next write.

        An ack of another epoch or of positions never given changes nothing. Returns by how far it moved.
        """
        with self._lock:
            moved: int = upto - self._released[lane]
            if epoch != self.epoch or upto > self._last[lane] or moved <= 0:
                return 0
            self._released[lane] = upto
            return moved

    def tidy(self) -> None:
        """Delete what was released, when no write has done so by the way. A full disk leaves it for later."""
        with self._lock:
            if self._released != self._deleted:
                with suppress(sqlite3.OperationalError), self._transaction():
                    pass  # every transaction begins by deleting what was released
            self._set_aside()

    def _delete_released(self) -> None:
        for lane, upto in self._released.items():
            if upto > self._deleted[lane]:
                asked = (lane.value, upto)
                size = self._db.execute(
                    "SELECT coalesce(sum(length(body)), 0) FROM outbox WHERE lane = ? AND seq <= ?", asked
                ).fetchone()[0]
                self._db.execute("DELETE FROM outbox WHERE lane = ? AND seq <= ?", asked)
                self._bytes[lane] -= size
                self._deleted[lane] = upto

    def after(self, lane: Lane, seq: int, limit: int) -> list[Row]:
        """Up to `limit` messages beyond position `seq`, in order."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, topic, body, at, clock FROM outbox"
                " WHERE lane = ? AND seq > ? ORDER BY seq LIMIT ?",
                (lane.value, max(seq, self._released[lane]), limit),
            ).fetchall()
            if not rows:
                return []
            held = self._db.execute(
                "SELECT max(seq) FROM outbox WHERE lane = ? AND seq > ? AND seq < ?",
                (lane.value, self._released[lane], rows[0][0]),
            ).fetchone()[0]
        found = []
        for number, topic, body, at, clock in rows:
            found.append(Row(number, (held or 0) + 1, topic, body, datetime.fromisoformat(at), clock))
            held = number
        return found

    def first(self, lane: Lane) -> int:
        """Lowest position still held; one past the last given when nothing is held."""
        query = "SELECT min(seq) FROM outbox WHERE lane = ? AND seq > ?"
        with self._lock:
            found: int | None = self._db.execute(query, (lane.value, self._released[lane])).fetchone()[0]
        return self._last[lane] + 1 if found is None else found

    def last(self, lane: Lane) -> int:
        """The last position given, 0 before the first."""
        return self._last[lane]

    def held(self) -> dict[Lane, int]:
        """How many messages wait in each lane."""
        query = "SELECT count(*) FROM outbox WHERE lane = ? AND seq > ?"
        with self._lock:
            return {
                lane: int(self._db.execute(query, (lane.value, upto)).fetchone()[0])
                for lane, upto in self._released.items()
            }

    def close(self) -> None:
        """Close the file; what is kept stays."""
        self.tidy()
        with self._lock:
            self._db.close()
