"""Pages of the duty room with 30,000 alerts of a hundred cameras, beside the same pages with two hundred."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert, select

from broker.hub.records import Alert, AlertStep, Camera, CameraSeen
from tests.bench.link.processes import figure
from tests.bench.officials.pages import asked
from tests.console.stage import NOW, Stage, set_stage, settle
from tests.hub.town import make_keys

ALLOWED_MS: Final = 50.0
FEW, MANY = 200, 30_000
CAMERAS: Final = 100
OPEN: Final = 60
DAYS: Final = 90


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """p95 of whole answers of the app, as an officer asks."""
    keys = make_keys(folder / "keys")
    settle(folder / "settled.db")
    before: dict[str, tuple[float, float]] = {}
    for count in (FEW, MANY):
        with set_stage(folder / f"stage-{count}", keys, folder / "settled.db") as stage:
            newest = fill(stage, count)
            client = stage.client("khoa")
            for name, path in pages_of(newest):
                took, used = asked(client, path)
                if count == FEW:
                    before[name] = took, used
                    continue
                said = f"{name} with {count} alerts, p95"
                yield figure(said, took, "ms", f"the same with {FEW}", took / before[name][0])
                yield figure("… its CPU, p95", used, "ms", f"the same with {FEW}", used / before[name][1])
                yield figure("… beside what is allowed", took, "ms", "50 ms allowed", took / ALLOWED_MS)


def pages_of(newest: int) -> list[tuple[str, str]]:
    """What an officer opens again and again."""
    return [
        ("the duty room", f"/duty/{newest}"),
        ("its queue", "/duty/queue"),
        ("its cameras", "/duty/cameras"),
        ("search", "/duty/search?kind=motion"),
        ("a camera's day", "/duty/camera/thon-01/c001"),
        ("the shift", "/duty/shift"),
    ]


def fill(stage: Stage, count: int) -> int:
    """So many alerts of the last months, the newest open; returns the newest."""
    chosen = random.Random(9)  # the same alerts each time
    with stage.database.session() as db:
        for number in range(CAMERAS):
            code = f"c{number:03d}"
            db.add(Camera(node="thon-01", camera=code, name=f"Camera {number}", village="dong", source=""))
            db.add(CameraSeen(node="thon-01", camera=code, state="live", since=NOW, seen_at=NOW))
        step = timedelta(days=DAYS) / count
        rows = []
        for number in range(count):
            at = NOW - step * (count - number)
            is_open = number >= count - OPEN
            rows.append(
                {
                    "kind": chosen.choice(["motion"] * 8 + ["tamper", "outage"]),
                    "node": "thon-01",
                    "camera": f"c{chosen.randrange(CAMERAS):03d}",
                    "village": chosen.choice(["dong", "ben", "trung"]),
                    "episode": f"e{number}",
                    "state": "raised" if is_open else "closed",
                    "started_at": at,
                    "ended_at": at + timedelta(seconds=20),
                    "raised_at": at + timedelta(seconds=1),
                    "closed_at": None if is_open else at + timedelta(minutes=3),
                    "close_reason": "" if is_open else chosen.choice(["handled", "weather", "animal"]),
                    "lasted_ms": 20_000,
                    "has_clip": False,
                }
            )
        db.execute(insert(Alert), rows)
        db.flush()
        officer = stage.people["khoa"].id
        closed = db.execute(select(Alert.id, Alert.closed_at).where(Alert.state == "closed")).all()
        if closed:
            steps = [
                {"alert_id": key, "at": at, "what": "closed", "account_id": officer} for key, at in closed
            ]
            db.execute(insert(AlertStep), steps)
        newest = db.scalar(select(Alert.id).order_by(Alert.id.desc()).limit(1))
    assert newest is not None
    return newest
