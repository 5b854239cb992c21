"""Pages of the console over a year of data of forty loudspeakers, beside the same pages with one day of it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from flask.testing import FlaskClient
from sqlalchemy import select

from broker.hub.broadcast_files import write_csv, write_xlsx
from broker.hub.broadcast_log import entries
from broker.hub.broadcast_totals import Period
from broker.hub.records import NodeRecord, ServiceSeen, SpeakerSeen
from tests.bench.link.processes import figure, percentile
from tests.bench.officials.commune import NODES, fill_year
from tests.console.stage import NOW, Stage, live_day, set_stage, settle
from tests.hub.town import make_keys

ROUNDS: Final = 60
TODAY_MS: Final = 50.0
PAGES: Final = (
    ("Today", "/"),
    ("the log of a month", "/broadcasts?ky=2026-10"),
    ("the log of a day", "/broadcasts"),
)


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """p95 of whole answers of the app, as an approver asks; then the year as files."""
    with set_stage(folder / "stage", make_keys(folder / "keys"), settle(folder / "settled.db")) as stage:
        _more_nodes(stage)
        live_day(stage)
        client = stage.client("binh")
        before = {name: asked(client, path) for name, path in PAGES}
        bulletins, plays = fill_year(stage.database, NOW)
        yield figure("a year of data", plays, "plays", f"of {bulletins} bulletins on {NODES} loudspeakers")
        for name, path in PAGES:
            took, used = asked(client, path)
            yield figure(
                f"{name} with a year of data, p95",
                took,
                "ms",
                "the same with a day of it",
                took / before[name][0],
            )
            yield figure("… its CPU, p95", used, "ms", "the same with a day of it", used / before[name][1])
            if path == "/":
                yield figure("… beside what is allowed", took, "ms", "50 ms allowed", took / TODAY_MS)
        yield from _files(stage)


def _more_nodes(stage: Stage) -> None:
    with stage.database.session() as db:
        villages = sorted(
            {row.village for row in db.scalars(select(NodeRecord))} | {"doai", "thuong", "go", "moi", "ha"}
        )
        for number in range(5, NODES + 1):
            name = f"thon-{number:02d}"
            village = villages[number % len(villages)]
            db.add(NodeRecord(name=name, village=village, label=f"Cụm {number}", registered_at=NOW))
            db.add(
                SpeakerSeen(node=name, doing="idle", output="USB Audio", sound="card", since=NOW, seen_at=NOW)
            )
            for service in ("node", "speaker"):
                seen = ServiceSeen(
                    identity=f"{name}.{service}", node=name, service=service, state="ready", since=NOW, boot="b",
                    version="0.1.0", seen_at=NOW,
                )  # fmt: skip
                db.add(seen)


def asked(client: FlaskClient, path: str) -> tuple[float, float]:
    """p95 of whole answers in milliseconds, and p95 of their CPU, which others on the machine change less."""
    took, used = [], []
    for _ in range(ROUNDS):
        began_s, cpu_s = time.perf_counter(), time.thread_time()
        answer = client.get(path)
        took.append((time.perf_counter() - began_s) * 1000)
        used.append((time.thread_time() - cpu_s) * 1000)
        assert answer.status_code == 200
        answer.close()
    return percentile(took, 0.95), percentile(used, 0.95)


def _files(stage: Stage) -> Iterator[dict[str, Any]]:
    year = Period.of("2026")
    assert year is not None
    rows = 0

    def read(write: Callable[[Any], object]) -> float:
        nonlocal rows
        began_s = time.thread_time()
        with stage.database.reading() as db:
            write(entries(db, year.since, year.until, NOW))
        return time.thread_time() - began_s

    def counted(found: Any) -> None:
        nonlocal rows
        rows = sum(1 for _ in found)

    bare_s = read(counted)
    for name, write in (
        ("CSV", lambda found: write_csv(io.BytesIO(), found)),
        ("XLSX", lambda found: write_xlsx(io.BytesIO(), found, year, "xã", {})),
    ):
        took_s = read(write)
        yield figure(
            f"the log of 2026 as {name}, {rows} rows",
            took_s,
            "s of CPU",
            "reading them alone",
            took_s / bare_s,
        )
