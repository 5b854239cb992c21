"""Durable ingest beside a bare paho subscriber and beside Node-RED with SQLite: the same messages, one Mosquitto.

The hub's ingest commits every message with full sync before it acknowledges it; the bare subscriber only counts;
Node-RED inserts each into a database in WAL mode. Every round runs all three in turn, each in a new process that
is warm before the clock starts. CPU is user and system time of the process alone.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from broker.contract import HUB, Identity
from broker.hub.records import open_database
from broker.hub.telemetry import series
from broker.link.config import Settings
from tests.bench.link.processes import FILTER, Child, child, cpu_s, figure, ingest, median, publisher
from tests.bench.link.publisher import HOURS, SERIES
from tests.bench.node_red import flow
from tests.brokers import RunningBroker
from tests.until import until

ROUNDS = 3
SOURCES = 24
WARM, EACH = 50, 1000
"""Messages of one source before and on the clock; what one source may send at once is more (its burst)."""
SLOW_WARM, SLOW_EACH = 40, 100
"""The same for Node-RED, which takes some hundred messages a second."""
LIMIT_S = 15.0
"""A durable run that takes longer is cut off there and counts what was acknowledged."""
WINDOW = 150
"""Unacknowledged messages of one source: together fewer than the ingest's inbox holds."""
INGEST = Identity(HUB, "ingest")
BOARDS = [Identity(f"thon-{number:02d}", "board") for number in range(1, SOURCES + 1)]


@dataclass(frozen=True)
class Run:
    """What one run took: messages, seconds from the first publish to the last of them, CPU seconds.

    publisher_share: of one core, what the publishers used of it. again: messages they had to repeat.
    """

    count: int
    took_s: float
    used_s: float
    publisher_share: float
    again: int = 0

    @property
    def per_s(self) -> float:
        """Messages a second."""
        return self.count / self.took_s

    @property
    def cpu_us(self) -> float:
        """CPU of one message."""
        return self.used_s / self.count * 1e6


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Rate and CPU of the durable ingest over those of the baselines; medians of the rounds."""
    broker = RunningBroker("mosquitto", folder / "broker", [INGEST, *BOARDS], bounded=False)
    broker.start()
    program, missing = flow.find()
    bare, durable, red = [], [], []
    try:
        for n in range(ROUNDS):
            bare.append(_bare(broker))
            durable.append(_durable(broker, folder / f"durable-{n}"))
            if not missing:
                red.append(_node_red(broker, folder / f"node-red-{n}", program))
    finally:
        broker.stop()
    base, per_s = "bare paho QoS 1 subscriber", median([each.per_s for each in bare])
    own_us, bare_us = (median([each.cpu_us for each in runs]) for runs in (durable, bare))
    own_per_s = median([each.per_s for each in durable])
    yield figure("durable ingest, rate", own_per_s, "messages/s", base, own_per_s / per_s)
    yield figure("durable ingest, CPU", own_us, "µs/message", base, own_us / bare_us)
    if missing:
        yield figure(f"CPU per stored message beside Node-RED: not measured, {missing}", None, "")
    else:
        red_us = median([each.cpu_us for each in red])
        yield figure("CPU per stored message", own_us, "µs/message", flow.NAME, own_us / red_us)
        yield figure(f"{flow.NAME}, CPU", red_us, "µs/message")
        yield figure(f"{flow.NAME}, rate", median([each.per_s for each in red]), "messages/s")
    yield figure("bare paho subscriber, rate", per_s, "messages/s")
    yield figure("bare paho subscriber, CPU", bare_us, "µs/message")
    share = max(each.publisher_share for each in bare + durable)
    yield figure("publishers' share of one core, at most", share * 100, "%")
    again = sum(each.again for each in durable)
    yield figure("messages sent again for want of an ack", again, f"of {sum(each.count for each in durable)}")


def _bare(broker: RunningBroker) -> Run:
    marks = SOURCES * WARM, SOURCES * (WARM + EACH)
    with (
        child("subscriber", broker.port, broker.passwords[str(INGEST)], FILTER, *marks) as bare,
        publisher(broker, BOARDS, hop=False, window=WINDOW) as sources,
    ):
        bare.answer()
        _warm(sources, WARM, WARM + EACH)
        bare.answer()
        before_s = _settled(bare.pid)
        sent = _rush(sources, WARM + EACH)
        took_s = bare.answer()["at_s"] - sent["began_s"]
        return Run(SOURCES * EACH, took_s, cpu_s(bare.pid) - before_s, _share(sent))


def _durable(broker: RunningBroker, folder: Path) -> Run:
    with (
        ingest(broker, folder) as (pid, settings),
        publisher(broker, BOARDS, hop=True, window=WINDOW) as sources,
    ):
        _warm(sources, WARM, WARM + EACH)
        before_s = _settled(pid)
        sent = _rush(sources, WARM + EACH)
        used_s = cpu_s(pid) - before_s
        _must_hold(settings, sent["acked"])
        return Run(sent["count"], sent["ended_s"] - sent["began_s"], used_s, _share(sent), sent["again"])


def _warm(sources: Child, warm: int, upto: int) -> None:
    sources.ask({"do": "build", "upto": upto})
    sources.ask({"do": "rush", "upto": warm, "seconds": 60})


def _settled(pid: int) -> float:
    """CPU seconds of a process once it rests: what it does only after its start is none of a message's cost."""
    pause = threading.Event()
    used_s = cpu_s(pid)
    for _ in range(10):
        pause.wait(0.5)
        before_s, used_s = used_s, cpu_s(pid)
        if used_s - before_s < 0.03:
            break
    return used_s


def _rush(sources: Child, upto: int) -> dict[str, Any]:
    return sources.ask({"do": "rush", "upto": upto, "seconds": LIMIT_S})


def _share(sent: dict[str, Any]) -> float:
    return float(sent["cpu_s"] / (sent["ended_s"] - sent["began_s"]))


def _must_hold(settings: Settings, acked: dict[str, int]) -> None:
    """What was acknowledged is in the store, each with its value: a fast ingest that drops is none."""
    database = open_database(settings)
    since = datetime.now(UTC) - timedelta(hours=HOURS + 1)
    with database.reading() as db:
        for node, upto in acked.items():
            found = [int(point.value) for point in series.raw(db, node, SERIES, since, datetime.now(UTC))]
            assert found[:upto] == list(range(1, upto + 1)), (node, upto, len(found))
    database.close()


def _node_red(broker: RunningBroker, folder: Path, program: flow.Program) -> Run:
    warm, total = SOURCES * SLOW_WARM, SOURCES * (SLOW_WARM + SLOW_EACH)
    with (
        flow.running(program, folder, broker.port, INGEST, broker.passwords[str(INGEST)], FILTER) as (
            pid,
            file,
        ),
        closing(sqlite3.connect(file, timeout=30)) as db,
        publisher(broker, BOARDS, hop=False, window=WINDOW) as sources,
    ):

        def rows() -> int:
            return int(db.execute("SELECT coalesce(max(rowid), 0) FROM reading").fetchone()[0])

        _warm(sources, SLOW_WARM, SLOW_WARM + SLOW_EACH)
        until(lambda: rows() >= warm, 60, rows)
        before_s = _settled(pid)
        sent = _rush(sources, SLOW_WARM + SLOW_EACH)
        until(lambda: rows() >= total, 120, rows)
        took_s = time.monotonic() - sent["began_s"]
        return Run(total - warm, took_s, cpu_s(pid) - before_s, _share(sent))
