"""Writes what other programs send: which series each token has, how many it may have, and their points."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract import HUB
from broker.contract.board import Reading
from broker.hub.quarantine import quarantine
from broker.hub.records import Database, Token, TokenSeries, insert_into, note_change
from broker.hub.telemetry.figures import from_ms, to_ms
from broker.hub.telemetry.line import BadLine, Line, read
from broker.hub.telemetry.outside import WRITER, Point, points_of
from broker.hub.telemetry.recorder import AHEAD, RAW_KEPT, Recorder

log = logging.getLogger(__name__)

MOST_SERIES = 2000
"""Of one token: a program that puts a changing number into a tag must not fill the hub with series."""
TOO_MANY = f"max-series-per-token limit exceeded ({MOST_SERIES})"
CHUNK = 1000
"""Points of one transaction: ingest waits for the database no longer than this takes."""
WAIT_S = 10.0
SAY_EVERY = timedelta(seconds=1)
_MS = timedelta(milliseconds=1)


class Busy(Exception):
    """Others are writing; try again."""


@dataclass
class Taken:
    """What became of a request."""

    points: int = 0
    """Stored now or before."""
    refused: list[BadLine] = field(default_factory=list)
    """By line."""


class Guestbook:
    """One for the web service; threads share it and write one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._recorder = Recorder()
        self._known: dict[int, dict[str, str]] = {}
        """Names of series by what their writer calls them, by token; only what is committed."""
        self._said_at: datetime | None = None

    def write(self, token: Token, text: str, unit_ns: int, now: datetime) -> Taken:
        """Store every good line. Returns after the commit.

        A request of more than CHUNK points is several transactions; what has no time of its own goes into the last
        one, so a writer that repeats what failed repeats no point under another time. Raises Busy, and
        OperationalError or InterfaceError when the database refuses.
        """
        taken = Taken()
        points = _points(token, text, unit_ns, now, taken)
        if not self._lock.acquire(timeout=WAIT_S):
            raise Busy
        try:
            parts = list(_parts(points))
            for number, part in enumerate(parts, 1):
                self._write(token, part, now, taken, is_last=number == len(parts))
        finally:
            self._lock.release()
        taken.refused.sort(key=lambda bad: bad.number)
        return taken

    def _write(
        self, token: Token, part: Sequence[Point], now: datetime, taken: Taken, *, is_last: bool
    ) -> None:
        """One transaction."""
        says = self._said_at is None or abs(now - self._said_at) >= SAY_EVERY
        try:
            with self._database.session() as db:
                good, names = self._admit(db, token, part, taken)
                if good:
                    self._recorder.write(db, {WRITER: [_reading(point) for point in good]}, now)
                if good and says:
                    note_change(db, "reading", HUB, now)
                if is_last:
                    _keep(db, token, taken.refused, now)
        except BaseException:
            self._recorder.rolled_back()
            self._known.pop(token.id, None)
            raise
        self._recorder.committed()
        self._known[token.id] = names
        taken.points += len(good)
        if good and says:
            self._said_at = now

    def _admit(
        self, db: Session, token: Token, part: Sequence[Point], taken: Taken
    ) -> tuple[list[Point], dict[str, str]]:
        """Points whose series the token has or may still make; the others are refused."""
        names = dict(self._known.get(token.id) or _names_of(db, token))
        fresh: dict[str, str] = {}
        good = []
        for point in part:
            if point.key not in names:
                if len(names) >= MOST_SERIES:
                    taken.refused.append(BadLine(point.number, point.key, TOO_MANY))
                    continue
                names[point.key] = fresh[point.key] = point.name
            good.append(point)
        if fresh:
            rows = [{"token": token.id, "key": key, "name": name} for key, name in fresh.items()]
            db.execute(insert_into(db, TokenSeries).on_conflict_do_nothing(), rows)
        return good, names


def _points(token: Token, text: str, unit_ns: int, now: datetime, taken: Taken) -> list[Point]:
    """Points by series and time; of two for one time the later counts, as with InfluxDB."""
    now_ms = to_ms(now)
    kept = (now_ms - RAW_KEPT // _MS, now_ms + AHEAD // _MS)
    lines = list(read(text))
    found: dict[tuple[str, int], Point] = {}
    for each in points_of(lines, token.name, unit_ns, now_ms, kept):
        if isinstance(each, BadLine):
            taken.refused.append(each)
        else:
            found[each.name, each.at_ms] = each
    texts = sum(len(line.texts) for line in lines if isinstance(line, Line))
    if texts:
        extra = {"event": "texts-left-out", "source": token.name, "count": texts}
        log.info("fields that hold a text are not stored", extra=extra)
    return list(found.values())


def _parts(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """Never none, so that what was refused is kept too."""
    stamped = [point for point in points if point.is_stamped]
    unstamped = [point for point in points if not point.is_stamped]
    whole = len(stamped) // CHUNK * CHUNK
    for n in range(0, whole, CHUNK):
        yield stamped[n : n + CHUNK]
    yield [*stamped[whole:], *unstamped]


def _names_of(db: Session, token: Token) -> dict[str, str]:
    rows = db.execute(select(TokenSeries.key, TokenSeries.name).where(TokenSeries.token == token.id))
    return {row.key: row.name for row in rows}


def _reading(point: Point) -> Reading:
    """`unchecked`: no profile of the hub knows what this program measures."""
    return Reading(
        series=point.name, at=from_ms(point.at_ms), value=point.value, unit="", quality="unchecked"
    )


def _keep(db: Session, token: Token, refused: Sequence[BadLine], now: datetime) -> None:
    """Count refused lines by reason, where people see them."""
    samples = {bad.reason: bad.text for bad in refused}
    for reason, count in Counter(bad.reason for bad in refused).items():
        said = f"line protocol: {reason}"
        quarantine(db, f"token.{token.name}", said, "api/v2/write", samples[reason].encode(), now, count)
