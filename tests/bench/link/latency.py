"""From a measurement to the store's answer: at 50 readings a second, while a backlog comes in, beside a flood.

Five real sources make ten readings a second each. A watcher in a process of its own asks the store what it shows.
In every round they are left alone first; then another source comes back with thousands of readings in its outbox;
then one more publishes valid frames at 2,000 messages a second, whatever is acknowledged: in the first round the
ingest still grants it the burst of a history, later it does not. Figures are medians of the
rounds, ratios are taken within a round: one stall of the machine is more than one reading in a hundred.
"""

from __future__ import annotations

import bisect
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from broker.contract import HUB, Identity
from tests.bench.link.processes import FILTER, Child, child, figure, ingest, median, percentile, publisher
from tests.brokers import RunningBroker
from tests.settings import give_passwords, node_settings

INGEST = Identity(HUB, "ingest")
ROUNDS = 3
LIVE = [Identity(f"thon-{number:02d}", "board") for number in range(1, 6)]
RETURNING = [Identity(f"thon-{number:02d}", "board") for number in range(11, 11 + ROUNDS)]
FLOODS = Identity("thon-21", "board")
PER_S = 50.0
BACKLOG = 10_000
FLOOD_PER_S = 2000.0
SETTLE_S, BARE_S, CALM_S, FLOOD_S, DRAIN_LIMIT_S = 4.0, 12.0, 10.0, 12.0, 25.0


@dataclass(frozen=True)
class Span:
    """A part of the run, in monotonic seconds."""

    began_s: float
    ended_s: float

    @property
    def lasted_s(self) -> float:
        """Seconds."""
        return self.ended_s - self.began_s


@dataclass(frozen=True)
class Round:
    """The three parts of a round, and who came back in it."""

    calm: Span
    drain: Span
    flood: Span
    returned: Identity


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Latencies at their 99th percentile and the rate of the drain."""
    broker = RunningBroker("mosquitto", folder / "broker", [INGEST, *LIVE, *RETURNING, FLOODS])
    broker.start()
    try:
        bare = _bare_ms(broker)
        rounds, made, seen, commits = _watched(broker, folder)
    finally:
        broker.stop()
    waits = _waits(made, seen)
    calm, drain, flood = (
        [percentile(_within(waits, span), 0.99) for span in spans]
        for spans in zip(*((each.calm, each.drain, each.flood) for each in rounds), strict=True)
    )
    p50 = median([percentile(_within(waits, each.calm), 0.5) for each in rounds])
    p99, base = median(calm), percentile(bare, 0.99)
    yield figure(
        "create → queryable at 50/s, p99", p99, "ms", "bare publish → paho subscriber, p99", p99 / base
    )
    yield figure("create → queryable at 50/s, p50", p50, "ms")
    yield figure("bare publish → subscriber at 50/s, p99", base, "ms")
    kept = [(at_s, (kept_s - at_s) * 1e3) for each in made.values() for _, at_s, kept_s in each]
    own = median([percentile(_within(kept, each.calm), 0.99) for each in rounds])
    yield figure("of it until the source has kept it, p99", own, "ms")
    disk = median([percentile(_within(commits, each.calm), 0.99) for each in rounds])
    yield figure("a bare commit to this disk meanwhile, p99 (it takes two)", disk, "ms")
    rate = median([_drained(seen.get(each.returned.node, []), each.drain) for each in rounds])
    yield figure("backlog drain", rate, "messages/s", "live rate of 50/s", rate / PER_S)
    worse = median([during / before for during, before in zip(drain, calm, strict=True)])
    yield figure("live p99 while a backlog drains", median(drain), "ms", "live p99 just before", worse)
    worse = median([during / before for during, before in zip(flood, calm, strict=True)])
    yield figure("others' p99 beside 2,000/s of one node", median(flood), "ms", "live p99 just before", worse)


def _bare_ms(broker: RunningBroker) -> list[float]:
    """Milliseconds from publish to a subscriber that keeps nothing, at the same rate."""
    with (
        child("subscriber", broker.port, broker.passwords[str(INGEST)], FILTER) as bare,
        publisher(broker, LIVE, hop=False) as sources,
    ):
        bare.answer()
        sent = sources.ask({"do": "pace", "per_s": PER_S, "seconds": BARE_S})["sent"]
        _wait(1.0)
        came = {(node, seq): at_s for node, seq, at_s in bare.last_words()["seen"]}
    return [(came[node, seq] - at_s) * 1e3 for node, seq, at_s in sent if (node, seq) in came]


Made = Mapping[str, Sequence[tuple[int, float, float]]]
"""By node: value, monotonic second of creation, monotonic second when it was on the source's disk."""
Seen = Mapping[str, Sequence[tuple[int, float]]]
"""By node: value, monotonic second when the store answered with it."""
Waits = list[tuple[float, float]]
"""(monotonic second when it began, milliseconds)"""


def _watched(broker: RunningBroker, folder: Path) -> tuple[list[Round], Made, Seen, Waits]:
    """The whole course; what was made and what was seen when, by node; and what a bare commit took meanwhile."""
    with ExitStack() as stack:
        _, settings = stack.enter_context(ingest(broker, folder / "latency"))
        live = {
            who.node: stack.enter_context(_source(broker, folder, who, PER_S / len(LIVE))) for who in LIVE
        }
        returning = [stack.enter_context(_source(broker, folder, who, 0, BACKLOG)) for who in RETURNING]
        for each in (*live.values(), *returning):
            each.answer()
        watcher = stack.enter_context(child("watcher", settings.data_dir.parent / "langso.toml"))
        watcher.answer()
        for each in live.values():
            each.tell({})
        commits = stack.enter_context(_commits(folder / "commits.db"))
        _wait(SETTLE_S)
        rounds = [_round(broker, watcher, returning[n], RETURNING[n]) for n in range(ROUNDS)]
        made = {node: each.last_words(by_signal=True)["made"] for node, each in live.items()}
        _wait(2.0)
        return rounds, made, watcher.last_words()["seen"], commits


@contextmanager
def _commits(path: Path) -> Iterator[Waits]:
    """Twenty bare commits a second in a database of their own: what the disk asks of everybody now."""
    waits: Waits = []
    stop = threading.Event()

    def work() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("CREATE TABLE kept (at_s REAL)")
            while not stop.wait(0.05):
                began_s = time.monotonic()
                db.execute("INSERT INTO kept VALUES (?)", (began_s,))
                waits.append((began_s, (time.monotonic() - began_s) * 1e3))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def _wait(seconds: float) -> Span:
    began_s = time.monotonic()
    threading.Event().wait(seconds)
    return Span(began_s, time.monotonic())


def _round(broker: RunningBroker, watcher: Child, returns: Child, who: Identity) -> Round:
    calm = _wait(CALM_S)
    drain = _drain(returns, watcher, who)
    returns.end()
    with publisher(broker, [FLOODS], hop=True, step=timedelta(milliseconds=1)) as flooder:
        _wait(1.0)
        order = {"do": "pace", "per_s": FLOOD_PER_S, "seconds": FLOOD_S, "resend": True}
        flooded = flooder.ask(order)
    _wait(2.0)
    return Round(calm, drain, Span(flooded["began_s"], flooded["ended_s"]), who)


def _source(broker: RunningBroker, folder: Path, who: Identity, per_s: float, backlog: int = 0) -> Any:
    settings = node_settings(folder, who.node, broker.port)
    give_passwords(settings, broker.passwords)
    return child("source", folder / who.node / "langso.toml", per_s, backlog)


def _drain(returns: Child, watcher: Child, who: Identity) -> Span:
    """Let the source with the backlog connect; until all of it is seen, or the limit."""
    began_s = time.monotonic()
    returns.tell({})
    while time.monotonic() - began_s < DRAIN_LIMIT_S and watcher.ask(who.node)["value"] < BACKLOG:
        _wait(0.1)
    return Span(began_s, time.monotonic())


def _drained(seen: Sequence[tuple[int, float]], span: Span) -> float:
    """Readings a second, from the first that was seen to the last."""
    inside = [(value, at_s) for value, at_s in seen if span.began_s <= at_s <= span.ended_s]
    if len(inside) < 2:
        return 0.0
    (first, began_s), (last, ended_s) = inside[0], inside[-1]
    return (last - first) / (ended_s - began_s)


def _waits(made: Made, seen: Seen) -> Waits:
    """(second of creation, milliseconds until it could be asked for) of every live reading."""
    found = []
    for node, each in made.items():
        values = [value for value, _ in seen.get(node, [])]
        for value, at_s, _ in each:
            place = bisect.bisect_left(values, value)
            ended_s = seen[node][place][1] if place < len(values) else float("inf")
            found.append((at_s, (ended_s - at_s) * 1e3))
    return found


def _within(waits: Sequence[tuple[float, float]], span: Span) -> list[float]:
    return [wait_ms for at_s, wait_ms in waits if span.began_s <= at_s <= span.ended_s]
