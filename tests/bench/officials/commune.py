"""A commune for the bench: forty loudspeakers, real keys, and a year of what such a commune says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from broker.contract import Identity
from broker.contract.hub import Media, PlayNow
from broker.hub.records import Account, Announcement, Database, NodeRecord, Occurrence, Play, Revision
from broker.hub.records.database import open_url
from tests.hub.studio import Studio
from tests.hub.town import NOW, Keys, Town, make_keys, settle, settled

NODES: Final = 40
MOST_IN_ONE: Final = 500
"""Rows of one statement."""
DAILY: Final = (("Bản tin sáng", "routine", 6, 0, 420), ("Bản tin chiều", "routine", 17, 0, 360))
WEEKLY: Final = ("Ưu tiên", "priority", 18, 15, 90)
"""Monday, Wednesday and Friday in the whole commune."""
OWN: Final = ("Việc của thôn", "routine", 19, 0, 180)
"""Each village on a day of its own, every week."""


@contextmanager
def commune(folder: Path) -> Iterator[Studio]:
    """The hub of a commune with forty loudspeakers in three villages, as announce works in it; no year behind it."""
    keys = make_keys(folder / "keys")
    database = open_url(f"sqlite:///{folder / 'hub.db'}")
    settle(database)
    with database.session() as db:
        for number in range(4, NODES + 1):
            village = ("dong", "ben", "ha")[number % 3]
            db.add(
                NodeRecord(
                    name=f"thon-{number:02d}", village=village, label=f"Cụm {number}", registered_at=NOW
                )
            )
    try:
        yield Studio(settled(database, keys), folder / "hub")
    finally:
        database.close()


def commands(sent: list[tuple[str, Any]]) -> dict[Identity, PlayNow]:
    """The commands to play at once among what announce sent, by receiver."""
    found = {}
    for to, message in sent:
        if isinstance(message, PlayNow):
            node, _, service = to.partition(".")
            found[Identity(node, service)] = message
    return found


def starts_of_year(
    villages: list[str], first: datetime, days: int
) -> Iterator[tuple[str, str, datetime, int, list[str]]]:
    """Title, kind, start, seconds and villages of everything said from one local midnight on."""
    for day in range(days):
        midnight = first + timedelta(days=day)
        plan = [(*each, villages) for each in DAILY]
        if midnight.weekday() in (0, 2, 4):
            plan.append((*WEEKLY, villages))
        plan += [(*OWN, [code]) for n, code in enumerate(villages) if n % 7 == midnight.weekday()]
        for title, kind, hour, minute, length_s, places in plan:
            yield title, kind, midnight + timedelta(hours=hour, minutes=minute), length_s, places


def fill_year(database: Database, now: datetime) -> tuple[int, int]:
    """A year behind `now` in which every bulletin was its own, with all its plays. Returns bulletins and plays."""
    with database.session() as db:
        accounts = {row.username: row.id for row in db.scalars(select(Account))}
        nodes = [(row.name, row.village) for row in db.scalars(select(NodeRecord))]
        villages = sorted({village for _, village in nodes})
        people = min(accounts.values()), max(accounts.values())
        first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=365)
        plays = 0
        rows = list(starts_of_year(villages, first, 365))
        for number, (title, kind, start, length_s, places) in enumerate(rows, 1):
            _bulletin(db, f"nam-{number}", f"{title} số {number}", kind, start, length_s, places, people)
            heard = [node for node, village in nodes if village in places]
            _plays(db, f"nam-{number}", start, length_s, heard)
            plays += len(heard)
    return len(rows), plays


def _bulletin(
    db: Session,
    name: str,
    title: str,
    kind: str,
    start: datetime,
    length_s: int,
    places: list[str],
    people: tuple[int, int],
) -> None:
    before = start - timedelta(hours=8)
    text = f"{title}. Kính mời bà con lắng nghe. " * 12
    audio = msgspec.to_builtins(Media(sha256="0" * 64, size=9, type="audio/ogg", duration_ms=length_s * 1000))
    db.execute(insert(Announcement), [{"id": name, "created_at": before, "author_id": people[0]}])
    revision = Revision(
        announcement_id=name, number=1, state="expired", kind=kind, title=title, text=text, spoken=text,
        villages=places, starts=[{"at": start.isoformat(), "tolerance_s": 120}], author_id=people[0],
        approver_id=people[1], created_at=before, edited_at=before, submitted_at=before, decided_at=before,
        ended_at=start + timedelta(hours=1), audio=audio, envelope=text,
    )  # fmt: skip
    db.add(revision)
    db.flush()
    db.add(
        Occurrence(
            id=f"{name}.1", revision_id=revision.id, start=start, tolerance_s=120, duration_s=float(length_s)
        )
    )
    db.flush()


def _plays(db: Session, name: str, start: datetime, length_s: int, nodes: list[str]) -> None:
    over = start + timedelta(seconds=length_s)
    told = {
        "occurrence": f"{name}.1", "announcement": name, "revision": 1, "state": "played", "planned_at": start,
        "started_at": start, "ended_at": over, "late_ms": 40, "played_ms": length_s * 1000,
        "total_ms": length_s * 1000, "sound": "card", "proof_level": 3, "proof": "heard", "volume": 80,
        "said_at": over,
    }  # fmt: skip
    rows = [{**told, "node": node} for node in nodes]
    for n in range(0, len(rows), MOST_IN_ONE):
        db.execute(insert(Play), rows[n : n + MOST_IN_ONE])


__all__ = ["NODES", "NOW", "Keys", "Studio", "Town", "commands", "commune", "fill_year", "starts_of_year"]
