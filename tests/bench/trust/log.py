"""Looking through an audit log of 100,000 entries, beside SHA-256 over the same bytes. Seconds of CPU."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert

from broker.hub.audit import inspect
from broker.hub.records import Database
from broker.hub.records.audit import AuditRow, audit_rows, write_audit
from broker.hub.records.database import open_url
from broker.trust.audit import Entry, Row, append, verify
from tests.bench.link.processes import figure, median
from tests.settings import hub_settings

ROWS = int(os.environ.get("LANGSO_BENCH_ROWS", "100000"))
AGAIN, WRITTEN = 3, 300
ACTIONS = ("announcement.approved", "clip.viewed", "node.revoked", "readings.exported", "rules.changed")


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Whole look with and without the database, and what one entry costs."""
    database = open_url(f"sqlite:///{folder / 'hub.db'}")
    rows, texts = _fill(database)
    bare = median([_timed(lambda: _hash_all(texts)) for _ in range(AGAIN)])
    chain = median([_timed(lambda: verify(rows)) for _ in range(AGAIN)])
    house = hub_settings(folder)
    with database.reading() as db:
        whole = median([_timed(lambda: inspect(db, house)) for _ in range(AGAIN)])
        reading = median([_timed(lambda: sum(1 for _ in audit_rows(db))) for _ in range(AGAIN)])
        assert inspect(db, house).verdict.head.index == ROWS
        assert inspect(db, house).is_well
    per = 100_000 / ROWS
    name = f"SHA-256 over the same {sum(map(len, texts)) / 1e6:.0f} MB, row by row"
    yield figure("audit: chain of 100,000 rows", chain * per, "s", name, chain / bare)
    yield figure("audit: verify 100,000 rows of SQLite", whole * per, "s", name, whole / bare)
    yield figure("audit: … of it, reading the rows", reading * per, "s", name, reading / bare)
    with database.session() as db:
        began_s = time.thread_time()
        for n in range(WRITTEN):
            write_audit(db, datetime.now(UTC), "bich.an", "clip.viewed", f"clip-{n}")
        wrote_s = time.thread_time() - began_s
    yield figure("audit: write one entry, commit apart", wrote_s / WRITTEN * 1000, "ms")
    database.close()


def _fill(database: Database) -> tuple[list[Row], list[bytes]]:
    """A log as years of a commune leave it, put in at once; its rows, and the bytes that its hashes cover."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows: list[Row] = []
    texts: list[bytes] = []
    encode = msgspec.json.Encoder(order="sorted").encode
    for n in range(ROWS):
        entry = Entry(
            at=at + timedelta(minutes=n),
            actor=f"can.bo-{n % 20}",
            action=ACTIONS[n % len(ACTIONS)],
            subject=f"TB-{n:06d}",
            detail={"villages": "dong, tay", "revision": str(n % 9)},
        )
        rows.append(append(rows[-1] if rows else None, entry))
        texts.append(rows[-1].prev.encode() + b"\0" + encode(entry))
    with database.session() as db:
        for first in range(0, ROWS, 5000):
            db.execute(insert(AuditRow), [_columns(row) for row in rows[first : first + 5000]])
    return rows, texts


def _columns(row: Row) -> dict[str, Any]:
    entry = row.entry
    return {
        "id": row.index,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "prev": row.prev,
        "hash": row.hash,
    }


def _hash_all(texts: list[bytes]) -> None:
    for text in texts:
        hashlib.sha256(text).hexdigest()


def _timed(act: Callable[[], object]) -> float:
    """Seconds of CPU: others may use this machine too."""
    began_s = time.thread_time()
    act()
    return time.thread_time() - began_s
