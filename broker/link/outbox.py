"""Unsent messages survive power loss: SQLite with full sync, one position per (epoch, lane).

A message is deleted only when the hub has said that it is on its own disk. Threads that put at the same
moment share one sync.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from broker.contract.message import DURABLE_LANES, Lane
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


class OutboxFull(Exception):
    """Nothing more can be kept here; the text is a Vietnamese sentence for the person who tried."""


@dataclass(frozen=True)
class Row:
    """One kept message."""

    seq: int
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


class Outbox:
    """Messages of one service that the hub has not acknowledged. Any thread may call any method."""

    def __init__(self, path: Path, quota: dict[Lane, int] | None = None) -> None:
        """Open or create. A file that SQLite calls damaged is moved aside and a new epoch begins.

        Raises OSError or sqlite3.Error when the folder cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._quota = dict(QUOTA if quota is None else quota)
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
        self._last = dict.fromkeys(DURABLE_LANES, 0) | {
            Lane(lane): last for lane, last in db.execute("SELECT lane, last FROM lanes")
        }
        self._bytes = dict.fromkeys(DURABLE_LANES, 0) | {
            Lane(lane): size
            for lane, size in db.execute("SELECT lane, sum(length(body)) FROM outbox GROUP BY lane")
        }

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
            self._make_room(sum(len(each.body) for each in batch if each.lane == Lane.TELE))
            self._insert(accepted)
        except sqlite3.OperationalError as why:
            log.error("outbox: %s", why, extra={"event": "disk-full"})
            self._squeeze(accepted)

    def _squeeze(self, batch: Sequence[_Waiting]) -> None:
        """A full disk: readings give way to what people said, and alarms have their reserve."""
        try:
            self._drop_oldest_readings()
            self._insert(batch)
            return
        except sqlite3.OperationalError:
            for each in batch:
                each.error = OutboxFull("Máy hết chỗ, chưa cất được. Xin báo cán bộ xã.")
        alarms = [each for each in batch if each.lane == Lane.ALARM]
        if alarms:
            self._reserve.unlink(missing_ok=True)
            with suppress(sqlite3.OperationalError):
                self._insert(alarms)
                for each in alarms:
                    each.error = None

    def _insert(self, batch: Sequence[_Waiting]) -> None:
        last = dict(self._last)
        rows = []
        for each in batch:
            last[each.lane] += 1
            seq = last[each.lane]
            rows.append((each.lane.value, seq, each.topic, each.body, each.at.isoformat(), each.clock))
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._db.executemany(
                "INSERT INTO lanes VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET last = excluded.last",
                [(lane.value, seq) for lane, seq in last.items()],
            )
            self._db.execute("COMMIT")
        except sqlite3.OperationalError:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._last = last
        for each in batch:
            self._bytes[each.lane] += len(each.body)

    def _make_room(self, wanted: int) -> None:
        while self._bytes[Lane.TELE] > 0 and self._bytes[Lane.TELE] + wanted > self._quota[Lane.TELE]:
            self._drop_oldest_readings()

    def _drop_oldest_readings(self) -> None:
        """Thin the readings by their oldest eighth; the hub sees the gap by the `first` of the next frame."""
        lane = Lane.TELE.value
        count = self._db.execute("SELECT count(*) FROM outbox WHERE lane = ?", (lane,)).fetchone()[0]
        if count:
            edge = self._db.execute(
                "SELECT seq FROM outbox WHERE lane = ? ORDER BY seq LIMIT 1 OFFSET ?", (lane, count // 8)
            ).fetchone()[0]
            self._delete(Lane.TELE, edge)

    def release(self, lane: Lane, epoch: str, upto: int) -> int:
        """Forget what the hub has kept. An ack of another epoch or of positions never given changes nothing.

        Returns how many messages were forgotten.
        """
        with self._lock:
            if epoch != self.epoch or upto > self._last[lane]:
                return 0
            try:
                count = self._delete(lane, upto)
            except sqlite3.OperationalError as why:  # a full disk: the hub says it again
                log.warning("outbox: %s", why, extra={"event": "disk-full"})
                return 0
            self._set_aside()
            return count

    def _delete(self, lane: Lane, upto: int) -> int:
        row = self._db.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM outbox WHERE lane = ? AND seq <= ?",
            (lane.value, upto),
        ).fetchone()
        self._db.execute("DELETE FROM outbox WHERE lane = ? AND seq <= ?", (lane.value, upto))
        self._bytes[lane] -= row[1]
        return int(row[0])

    def after(self, lane: Lane, seq: int, limit: int) -> list[Row]:
        """Up to `limit` messages beyond position `seq`, in order."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, topic, body, at, clock FROM outbox"
                " WHERE lane = ? AND seq > ? ORDER BY seq LIMIT ?",
                (lane.value, seq, limit),
            ).fetchall()
        return [Row(s, topic, body, datetime.fromisoformat(at), clock) for s, topic, body, at, clock in rows]

    def first(self, lane: Lane) -> int:
        """Lowest position still held; one past the last given when nothing is held."""
        with self._lock:
            row = self._db.execute("SELECT min(seq) FROM outbox WHERE lane = ?", (lane.value,)).fetchone()
            return int(row[0]) if row[0] is not None else self._last[lane] + 1

    def held(self) -> dict[Lane, int]:
        """How many messages wait in each lane."""
        with self._lock:
            found = dict(self._db.execute("SELECT lane, count(*) FROM outbox GROUP BY lane").fetchall())
        return {lane: int(found.get(lane.value, 0)) for lane in DURABLE_LANES}

    def close(self) -> None:
        """Close the file; what is kept stays."""
        with self._lock:
            self._db.close()
