"""Readings of many sources into the records: few statements for all of them, each reading once.

What is stored already stays as it is, whether it is still a row or packed in its day; among readings of one time
that come together the first counts.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Dialect, select, update
from sqlalchemy.orm import Session

from broker.contract import Identity
from broker.contract.board import Reading
from broker.hub.records.database import insert_into
from broker.hub.records.reading import QUALITIES, ReplicaDue, Series
from broker.hub.telemetry.chunks import HOUR_MS, day_of, packed_times, sealed_until
from broker.hub.telemetry.figures import BELIEVED, to_ms

log = logging.getLogger(__name__)

RAW_KEPT = timedelta(days=396)
"""Thirteen months: one month of this year can be laid over the same month of last year."""

AHEAD = timedelta(hours=24)
"""A reading further in the hub's future than this comes from a wrong clock."""

MOST_ROWS = 256
"""Rows of one INSERT. Statements have 1, 2, 4 … rows, so that the database knows each after its first time."""
MOST_COPIED = 200
"""Readings of one entry in the copy server's queue."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_QUALITY = {name: number for number, name in enumerate(QUALITIES)}

Row = tuple[int, int, float, int]
"""Series id, at_ms, value, quality."""

_series = Series.__table__.c
_BELIEVED = f"({', '.join(str(each) for each in BELIEVED)})"
_INSERT = (
    "INSERT INTO reading (series, at_ms, value, quality) VALUES {rows}"
    " ON CONFLICT DO NOTHING RETURNING series, at_ms"
)
_MARK = "INSERT INTO reading_hour_due (series, hour) VALUES {rows} ON CONFLICT DO NOTHING"
_MOVE = (
    "UPDATE series SET latest_ms = v.column2, latest_value = v.column3, latest_quality = v.column4,"
    " received_at = {now} FROM (VALUES {rows}) AS v WHERE id = v.column1 AND "
)
_IS_NEWER = "latest_ms <= v.column2"
_IS_DOUBTED = f"(latest_ms = 0 OR latest_quality NOT IN {_BELIEVED})"
_MOVE_BELIEVED = f"{_MOVE}({_IS_NEWER} OR {_IS_DOUBTED})"
_MOVE_DOUBTED = f"{_MOVE}{_IS_NEWER} AND {_IS_DOUBTED}"


@dataclass
class Written:
    """What became of readings: `refused` by reason (future, too-old, no-time-zone, not-a-number)."""

    stored: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Recorder:
    """Writes readings; remembers the ids and units of series, and only those that are committed.

    One per process and thread of writing. After the transaction: `committed` or `rolled_back`.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._has_changed = False
        """This transaction made or changed series: what it reads of them may yet be undone."""

    def write(
        self, db: Session, batches: Mapping[Identity, Sequence[Reading]], received_at: datetime
    ) -> dict[Identity, Written]:
        """Store readings by source in the caller's transaction."""
        done = {who: Written() for who in batches}
        owners: dict[int, Written] = {}
        rows: dict[tuple[int, int], Row] = {}
        for who, readings in batches.items():
            mine = self._rows(db, who, readings, received_at, done[who])
            done[who].repeated = len(mine)
            for row in mine:
                rows.setdefault((row[0], row[1]), row)
            owners |= dict.fromkeys({row[0] for row in mine}, done[who])
        fresh = _insert(db, _not_packed(db, rows))
        for series, count in Counter([row[0] for row in fresh]).items():
            owners[series].stored += count
            owners[series].repeated -= count
        if fresh:
            _run(db, _MARK, sorted({(row[0], row[1] // HOUR_MS) for row in fresh}))
            _move_latest(db, fresh, received_at)
            _queue_copies(db, fresh)
        return done

    def show(self, db: Session, who: Identity, readings: Sequence[Reading], received_at: datetime) -> Written:
        """Move the last values only; the readings themselves come later, with their source's history."""
        done = Written()
        rows = self._rows(db, who, readings, received_at, done)
        if rows:
            _move_latest(db, rows, received_at)
        return done

    def committed(self) -> None:
        """The transaction is on the disk."""
        self._has_changed = False

    def rolled_back(self) -> None:
        """The transaction, or a savepoint around a write, was undone: nothing is remembered."""
        self._known.clear()
        self._has_changed = False

    def _rows(
        self, db: Session, who: Identity, readings: Sequence[Reading], received_at: datetime, done: Written
    ) -> list[Row]:
        """Rows of the readings that can be stored; the others are counted."""
        now_ms = to_ms(received_at)
        oldest_ms, newest_ms = now_ms - RAW_KEPT // _MS, now_ms + AHEAD // _MS
        sound: list[tuple[Reading, int]] = []
        refused = done.refused
        for reading in readings:
            if reading.at.tzinfo is None:
                refused["no-time-zone"] += 1
                continue
            at_ms = (reading.at - _EPOCH) // _MS
            if not math.isfinite(reading.value):
                refused["not-a-number"] += 1
            elif at_ms > newest_ms:
                refused["future"] += 1
            elif at_ms < oldest_ms:
                refused["too-old"] += 1
            else:
                sound.append((reading, at_ms))
        if refused:
            reasons = ", ".join(sorted(refused))
            extra = {"event": "readings-refused", "reason": reasons, "count": refused.total()}
            log.warning("readings refused: %s", reasons, extra=extra)
        ids = self._ids(db, who, {reading.series: reading for reading, _ in sound}, received_at)
        return [
            # Adding 0.0 makes -0.0 a 0.0, as SQLite stores it: rows and packed readings, here and on PostgreSQL, agree
            (ids[reading.series], at_ms, reading.value + 0.0, _QUALITY[reading.quality])
            for reading, at_ms in sound
        ]

    def _ids(
        self, db: Session, who: Identity, newest: Mapping[str, Reading], received_at: datetime
    ) -> dict[str, int]:
        """Ids of the series by name; new ones are made, a changed unit is written."""
        ids = {}
        unknown = {}
        for name, reading in newest.items():
            number, unit = self._known.get((who.node, who.service, name), (0, ""))
            if number and unit == reading.unit:
                ids[name] = number
            else:
                unknown[name] = reading
        if unknown:
            ids |= self._look_up(db, who, unknown, received_at)
        return ids

    def _look_up(
        self, db: Session, who: Identity, unknown: Mapping[str, Reading], received_at: datetime
    ) -> dict[str, int]:
        mine = select(_series.name, _series.id, _series.unit).where(
            _series.node == who.node, _series.service == who.service, _series.name.in_(unknown)
        )
        link = db.connection()
        found = {name: (number, unit) for name, number, unit in link.execute(mine)}
        missing = [
            _new_series(who, reading, received_at) for name, reading in unknown.items() if name not in found
        ]
        if missing:
            self._has_changed = True
            link.execute(insert_into(db, Series).on_conflict_do_nothing(), missing)
            found = {name: (number, unit) for name, number, unit in link.execute(mine)}
        for name, (number, unit) in found.items():
            key = (who.node, who.service, name)
            self._known.pop(key, None)
            if unit != unknown[name].unit:
                self._has_changed = True
                wanted = update(Series.__table__).where(_series.id == number)  # type: ignore[arg-type]
                link.execute(wanted.values(unit=unknown[name].unit))
            elif not self._has_changed:
                self._known[key] = (number, unit)
        return {name: number for name, (number, _) in found.items()}


def _new_series(who: Identity, reading: Reading, received_at: datetime) -> dict[str, Any]:
    return {
        "node": who.node,
        "service": who.service,
        "name": reading.series,
        "unit": reading.unit,
        "latest_ms": 0,
        "latest_value": float(reading.value),
        "latest_quality": 0,
        "received_at": received_at,
    }


def _not_packed(db: Session, rows: Mapping[tuple[int, int], Row]) -> list[Row]:
    """Rows whose time is not packed yet, by series and time."""
    until_ms = sealed_until(db)
    late: dict[tuple[int, int], list[int]] = {}
    for series, at_ms in rows:
        if at_ms <= until_ms:
            late.setdefault((series, day_of(at_ms)), []).append(at_ms)
    packed = {
        (series, at_ms)
        for (series, day), times in late.items()
        for at_ms in packed_times(db, series, day, times)
    }
    return sorted(row for key, row in rows.items() if key not in packed)


def _insert(db: Session, rows: list[Row]) -> list[Row]:
    """Insert what is not there yet; returns those that were new."""
    stored = _run(db, _INSERT, rows)
    if len(stored) == len(rows):
        return rows
    new = {(series, at_ms) for series, at_ms in stored}
    return [row for row in rows if (row[0], row[1]) in new]


def _move_latest(db: Session, rows: Sequence[Row], received_at: datetime) -> None:
    """Move the last value forward. A late arrival never overwrites a newer one, and a doubted reading never
    stands in for a believed one: a page would show a sensor's fault as the level of the river.
    """
    newest: dict[int, Row] = {}
    for row in rows:
        best = newest.get(row[0])
        if best is None or (row[3] in BELIEVED, row[1]) >= (best[3] in BELIEVED, best[1]):
            newest[row[0]] = row
    moves = sorted(newest.values())
    _run(db, _MOVE_BELIEVED, [row for row in moves if row[3] in BELIEVED], received_at)
    _run(db, _MOVE_DOUBTED, [row for row in moves if row[3] not in BELIEVED], received_at)


def _run(
    db: Session, statement: str, rows: Sequence[tuple[Any, ...]], now: datetime | None = None
) -> list[Any]:
    """Run a statement over many rows, written for the driver: an expression would be compiled for each number
    of rows, which costs more than the rows. Returns what it returns.
    """
    link = db.connection()
    mark = "?" if link.dialect.paramstyle == "qmark" else "%s"
    head = () if now is None else (_to_database(now, link.dialect),)
    answer: list[Any] = []
    done = 0
    while done < len(rows):
        size = min(MOST_ROWS, 1 << (len(rows) - done).bit_length() - 1)
        part = rows[done : done + size]
        row = f"({','.join([mark] * len(part[0]))})"
        sql = statement.format(rows=",".join([row] * size), now=mark)
        found = link.exec_driver_sql(sql, (*head, *chain.from_iterable(part)))
        if found.returns_rows:
            answer += found.all()
        done += size
    return answer


def _to_database(at: datetime, dialect: Dialect) -> Any:
    """A time as this database's driver takes it."""
    convert = _series.received_at.type.bind_processor(dialect)
    return at if convert is None else convert(at)


def _queue_copies(db: Session, fresh: Sequence[Row]) -> None:
    link = db.connection()
    if link.exec_driver_sql("SELECT name FROM replica LIMIT 1").first() is None:
        return
    parts = [fresh[n : n + MOST_COPIED] for n in range(0, len(fresh), MOST_COPIED)]
    queue = ReplicaDue.__table__.insert()  # type: ignore[attr-defined]
    link.execute(queue, [{"points": msgspec.msgpack.encode(part)} for part in parts])
