"""What the sources wrote down against what the hub has: lost, doubled, invented, reordered, and gaps explained.

Everything is read from files and from the database after the fact; nothing asks the code under test what it did.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from broker.hub.records import Alert, Database, Feedback, Gap, HighWater, PlayStep, Quarantine, Series
from broker.hub.telemetry import series
from tests.faults import source as speaking

REASONS = ("disk-full", "quota")
PAGE = 5000
SHOWN = 5
"""Examples of each kind that a verdict names."""

Look = Mapping[str, int]
"""The time of every series' last value in milliseconds, as it stood at one moment."""


@dataclass
class Spoken:
    """One message as its source wrote it down."""

    n: int
    items: list[tuple[str, str]]
    epoch: str
    kept: bool = False
    refused: bool = False
    seq: int | None = None


@dataclass
class Outbox:
    """What the file of an outbox says: its epoch, the last position given in each lane, and what is left."""

    epoch: str
    last: dict[str, int]
    left: int


@dataclass
class Findings:
    """What is wrong, each as a line that names source and message; and the sums."""

    wrong: dict[str, list[str]] = field(default_factory=dict)
    attempted: int = 0
    accepted: int = 0
    stored: int = 0
    gaps: int = 0
    in_gaps: int = 0
    """Accepted messages whose loss was delivered with its reason."""
    told: int = 0
    """Messages that gaps count as lost; more than there are, where a source gave up what the hub already had."""

    def add(self, kind: str, line: str) -> None:
        """Note one wrong thing."""
        self.wrong.setdefault(kind, []).append(line)

    def count(self, kind: str) -> int:
        """How many of a kind were found."""
        return len(self.wrong.get(kind, []))

    @property
    def is_clean(self) -> bool:
        """True when nothing is wrong."""
        return not self.wrong

    def lines(self) -> list[str]:
        """Examples of all that is wrong."""
        found = []
        for kind, lines in self.wrong.items():
            more = f" … {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
            found.append(f"{kind}: {'; '.join(lines[:SHOWN])}{more}")
        return found


def judge(
    ledgers: Mapping[str, Path],
    outboxes: Mapping[str, Path],
    database: Database,
    media: Path,
    *,
    may_lose: Iterable[str] = (),
    looks: Sequence[Look] = (),
) -> Findings:
    """Compare. ledgers, outboxes: by identity. may_lose: identities whose disk was full in this schedule."""
    found = Findings()
    spoken = {who: read_ledger(path) for who, path in ledgers.items()}
    stored = {who: _stored(database, who) for who in ledgers}
    gaps = _gaps(database)
    for who in ledgers:
        _compare(found, who, spoken[who], stored[who], gaps.get(who, []))
        _check_order(found, who, spoken[who], stored[who])
        _check_positions(found, who, read_outbox(outboxes[who]), spoken[who], database, gaps.get(who, []))
        _check_counts(found, who, read_outbox(outboxes[who]), spoken[who], stored[who], gaps.get(who, []))
    _check_gaps(found, gaps, set(may_lose))
    _check_quarantine(found, database)
    _check_pictures(found, database, media)
    _check_last_values(found, database, stored, looks)
    return found


def read_ledger(path: Path) -> list[Spoken]:
    """All messages of a source, in the order in which it began to send them."""
    epoch = ""
    found: dict[int, Spoken] = {}
    for line in speaking.read(path):
        match line["do"]:
            case "start":
                epoch = line["epoch"]
            case "try":
                found[line["n"]] = Spoken(line["n"], [(key, value) for key, value in line["items"]], epoch)
            case "kept":
                found[line["n"]].kept, found[line["n"]].seq = True, line["seq"]
            case "refused":
                found[line["n"]].refused = True
    return list(found.values())


def read_outbox(path: Path) -> Outbox:
    """The state of an outbox file, from the file."""
    box = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        epoch = box.execute("SELECT value FROM epoch").fetchone()[0]
        last = dict(box.execute("SELECT lane, last FROM lanes WHERE last > 0").fetchall())
        left = box.execute("SELECT count(*) FROM outbox").fetchone()[0]
    finally:
        box.close()
    return Outbox(epoch, last, left)


def last_times(database: Database) -> Look:
    """When the last value of every series was measured."""
    with database.reading() as db:
        rows = db.execute(select(Series.node, Series.service, Series.name, Series.latest_ms))
        return {f"{node}.{service} {name}": ms for node, service, name, ms in rows}


# -- what the store holds


def _stored(database: Database, who: str) -> list[tuple[str, str]]:
    """Everything the store has of a source, in order of storing where the store knows one."""
    node, _, service = who.partition(".")
    return _READERS[service](database, node, service)


def _points(database: Database, node: str, service: str) -> list[tuple[str, str]]:
    with database.reading() as db:
        mine = select(Series.id, Series.name).where(Series.node == node, Series.service == service)
        names = {row.id: row.name for row in db.execute(mine)}
        found: list[series.Row] = []
        while page := series.walk(db, (found[-1].series, found[-1].at_ms) if found else (0, -1), PAGE):
            found += page
        return [(f"{names[row.series]}@{row.at_ms}", str(row.value)) for row in found if row.series in names]


def _feedback(database: Database, node: str, service: str) -> list[tuple[str, str]]:
    with database.reading() as db:
        rows = db.scalars(select(Feedback).where(Feedback.node == node).order_by(Feedback.code))
        return [(row.code, speaking.digest(row.sealed)) for row in rows]


def _steps(database: Database, node: str, service: str) -> list[tuple[str, str]]:
    with database.reading() as db:
        rows = db.scalars(select(PlayStep).where(PlayStep.node == node).order_by(PlayStep.id))
        return [(f"{row.occurrence}/{row.state}", row.reason) for row in rows]


def _alerts(database: Database, node: str, service: str) -> list[tuple[str, str]]:
    found = []
    with database.reading() as db:
        for row in db.scalars(select(Alert).where(Alert.node == node).order_by(Alert.id)):
            if row.snapshot:
                found.append((f"{row.episode}/started", row.snapshot))
            if row.ended_at:
                found.append((f"{row.episode}/ended", "over"))
    return found


_READERS: dict[str, Callable[[Database, str, str], list[tuple[str, str]]]] = {
    "board": _points,
    "kiosk": _feedback,
    "speaker": _steps,
    "camera": _alerts,
}
_ORDERED = ("speaker", "camera")
"""Services whose records stand in the order in which they were stored."""


def _gaps(database: Database) -> dict[str, list[Gap]]:
    found: dict[str, list[Gap]] = {}
    with database.reading() as db:
        for row in db.scalars(select(Gap).order_by(Gap.first)):
            found.setdefault(row.source, []).append(row)
    return found


# -- the comparisons


def _compare(
    found: Findings, who: str, spoken: list[Spoken], stored: list[tuple[str, str]], gaps: list[Gap]
) -> None:
    have = Counter(stored)
    known = {item for each in spoken for item in each.items}
    lane = speaking.LANES[who.partition(".")[2]].value
    for each in spoken:
        missing = [item for item in each.items if not have[item]]
        found.attempted += 1
        found.accepted += each.kept
        found.stored += not missing
        if each.refused and len(missing) < len(each.items):
            found.add("invented", f"{who} n{each.n} was refused and is stored")
        if not missing or not each.kept:
            if missing and len(missing) < len(each.items):
                found.add("lost", f"{who} n{each.n} is stored in part")
        elif _is_explained(each, lane, gaps):
            found.in_gaps += 1
        else:
            found.add("lost", f"{who} n{each.n} seq {each.seq} {missing[0][0]}")
    for (key, value), count in have.items():
        if count > 1:
            found.add("doubled", f"{who} {key} {count} times")
        if (key, value) not in known:
            found.add("invented", f"{who} {key} = {value[:20]}")


def _is_explained(spoken: Spoken, lane: str, gaps: list[Gap]) -> bool:
    """Whether a delivered gap with a reason covers this message."""
    return spoken.seq is not None and any(
        gap.epoch == spoken.epoch
        and gap.lane == lane
        and gap.first <= spoken.seq <= gap.last
        and getattr(gap, "reason", "") in REASONS
        for gap in gaps
    )


def _check_order(found: Findings, who: str, spoken: list[Spoken], stored: list[tuple[str, str]]) -> None:
    if who.partition(".")[2] not in _ORDERED:
        return
    numbers = {item: each.n for each in spoken for item in each.items if not item[0].endswith("/ended")}
    order = [(numbers[item], item[0]) for item in stored if item in numbers]
    for (n, key), (later, other) in itertools.pairwise(order):
        if later < n:
            found.add("reordered", f"{who} {other} (n{later}) stands behind {key} (n{n})")


def _check_positions(
    found: Findings, who: str, box: Outbox, spoken: list[Spoken], database: Database, gaps: list[Gap]
) -> None:
    with database.reading() as db:
        rows = db.scalars(select(HighWater).where(HighWater.source == who)).all()
        marks = {(row.epoch, row.lane): row.upto for row in rows}
    for lane, last in box.last.items():
        upto = marks.pop((box.epoch, lane), 0)
        if upto != last:
            found.add("marks", f"{who} {lane}: put {last}, stored up to {upto}")
    epochs = {each.epoch for each in spoken} | {box.epoch}
    for (epoch, lane), upto in marks.items():
        if epoch not in epochs:
            found.add("marks", f"{who} {lane}: epoch {epoch} up to {upto} was never given")
    if box.left:
        found.add("left over", f"{who}: {box.left} messages in the outbox")
    for each in spoken:
        if each.seq is not None and each.epoch == box.epoch:
            lane = speaking.LANES[who.partition(".")[2]].value
            if each.seq > box.last.get(lane, 0):
                found.add("marks", f"{who} n{each.n} had seq {each.seq}, the outbox gave only {box.last}")


def _check_counts(
    found: Findings,
    who: str,
    box: Outbox,
    spoken: list[Spoken],
    stored: list[tuple[str, str]],
    gaps: list[Gap],
) -> None:
    """Every position given is stored or counted as lost: also those that no ledger knows by their number."""
    lane = speaking.LANES[who.partition(".")[2]].value
    have = set(stored)
    kept = sum(have.issuperset(each.items) for each in spoken if each.epoch == box.epoch)
    placed = [gap for gap in gaps if (gap.epoch, gap.lane) == (box.epoch, lane) and gap.last]
    told = sum(gap.count or 0 for gap in placed)
    found.told += told
    given = box.last.get(lane, 0)
    if kept > given or kept + told < given:
        found.add("marks", f"{who} {lane}: {given} positions given, {kept} stored, {told} told as lost")


def _check_gaps(found: Findings, gaps: Mapping[str, list[Gap]], may_lose: set[str]) -> None:
    for who, rows in gaps.items():
        for gap in rows:
            found.gaps += 1
            name = f"{who} {gap.lane} {gap.first}-{gap.last}"
            if who not in may_lose:
                found.add("gap", f"{name}, and its disk was never full")
            elif getattr(gap, "reason", "") not in REASONS:
                found.add("gap", f"{name} without a reason")


def _check_quarantine(found: Findings, database: Database) -> None:
    with database.reading() as db:
        for row in db.scalars(select(Quarantine)):
            found.add("poison", f"{row.source}: {row.reason} ({row.count})")


def _check_pictures(found: Findings, database: Database, media: Path) -> None:
    with database.reading() as db:
        wanted = set(db.scalars(select(Alert.snapshot).where(Alert.snapshot.is_not(None))))
    for sha256 in sorted(each for each in wanted if each):
        file = media / sha256[:2] / sha256
        if not file.is_file():
            found.add("lost", f"picture {sha256[:12]} is not in the media store")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            found.add("lost", f"picture {sha256[:12]} has other bytes")


def _check_last_values(
    found: Findings,
    database: Database,
    stored: Mapping[str, list[tuple[str, str]]],
    looks: Sequence[Look],
) -> None:
    newest: dict[str, tuple[int, str]] = {}
    for who, items in stored.items():
        if who.endswith(".board"):
            for key, value in items:
                name, _, measured_ms = key.partition("@")
                name = f"{who} {name}"
                newest[name] = max(newest.get(name, (0, "")), (int(measured_ms), value))
    with database.reading() as db:
        for row in series.latest(db):
            name = f"{row.node}.{row.service} {row.series}"
            shown = (round(row.at.timestamp() * 1000), str(row.value))
            if name in newest and shown != newest[name]:
                found.add("last value", f"{name} shows {shown}, the newest stored is {newest[name]}")
    before: dict[str, int] = {}
    for look in looks:
        for name, ms in look.items():
            if ms < before.get(name, 0):
                found.add("last value", f"{name} went back from {before[name]} to {ms}")
            before[name] = max(ms, before.get(name, 0))
