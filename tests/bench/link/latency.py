"""From a measurement to the store's answer: at 50 readings a second, while a backlog comes in, beside a flood.

Five real sources make ten readings a second each. A watcher in a process of its own asks the store what it shows.
Then a sixth source comes back with thousands of readings in its outbox, and at last a seventh publishes valid
frames at 2,000 messages a second, whatever is acknowledged; the five are watched all the time.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from broker.contract import HUB, Identity
from tests.bench.link.processes import FILTER, Child, child, figure, ingest, percentile, publisher
from tests.brokers import RunningBroker
from tests.settings import give_passwords, node_settings

INGEST = Identity(HUB, "ingest")
LIVE = [Identity(f"thon-{number:02d}", "board") for number in range(1, 6)]
RETURNS = Identity("thon-06", "board")
FLOODS = Identity("thon-07", "board")
PER_S = 50.0
BACKLOG = 20_000
FLOOD_PER_S = 2000.0
SETTLE_S, BARE_S, NORMAL_S, DRAIN_LIMIT_S, FLOOD_S = 4.0, 12.0, 20.0, 40.0, 15.0


@dataclass(frozen=True)
class Span:
    """A part of the run, in monotonic seconds."""

    began_s: float
    ended_s: float

    @property
    def lasted_s(self) -> float:
        """Seconds."""
        return self.ended_s - self.began_s


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Latencies at their 99th percentile and the rate of the drain."""
    broker = RunningBroker("mosquitto", folder / "broker", [INGEST, *LIVE, RETURNS, FLOODS])
    broker.start()
    try:
        bare = _bare_ms(broker)
        normal, drain, flood, made, seen = _watched(broker, folder)
    finally:
        broker.stop()
    waits = _waits(made, seen)
    calm, meanwhile, beside = (_within(waits, each) for each in (normal, drain, flood))
    p99 = percentile(calm, 0.99)
    base = "bare publish → paho subscriber, p99"
    yield figure("create → queryable at 50/s, p99", p99, "ms", base, p99 / percentile(bare, 0.99))
    yield figure("create → queryable at 50/s, p50", percentile(calm, 0.5), "ms")
    yield figure("bare publish → subscriber at 50/s, p99", percentile(bare, 0.99), "ms")
    drained = _drained(seen.get(RETURNS.node, []), drain)
    yield figure("backlog drain", drained, "messages/s", "live rate of 50/s", drained / PER_S)
    slow = percentile(meanwhile, 0.99)
    yield figure("live p99 while a backlog drains", slow, "ms", "live p99 without", slow / p99)
    slow = percentile(beside, 0.99)
    yield figure("others' p99 beside 2,000/s of one node", slow, "ms", "live p99 without", slow / p99)


def _bare_ms(broker: RunningBroker) -> list[float]:
    """Milliseconds from publish to a subscriber that keeps nothing, at the same rate."""
    with (
        child("subscriber", broker.port, broker.passwords[str(INGEST)], FILTER) as bare,
        publisher(broker, LIVE, hop=False) as sources,
    ):
        bare.answer()
        sent = sources.ask({"do": "pace", "per_s": PER_S, "seconds": BARE_S})["sent"]
        came = {(node, seq): at_s for node, seq, at_s in bare.last_words()["seen"]}
    return [(came[node, seq] - at_s) * 1e3 for node, seq, at_s in sent if (node, seq) in came]


Made = Mapping[str, Sequence[tuple[int, float]]]


def _watched(broker: RunningBroker, folder: Path) -> tuple[Span, Span, Span, Made, Made]:
    """The whole course: spans of the calm, the drain and the flood; what was made and what was seen when."""
    pause = threading.Event()
    with ExitStack() as stack:
        _, settings = stack.enter_context(ingest(broker, folder / "latency"))
        live = {
            who.node: stack.enter_context(_source(broker, folder, who, PER_S / len(LIVE))) for who in LIVE
        }
        returns = stack.enter_context(_source(broker, folder, RETURNS, 0, BACKLOG))
        for each in (*live.values(), returns):
            each.answer()
        watcher = stack.enter_context(child("watcher", settings.data_dir.parent / "langso.toml"))
        watcher.answer()
        for each in live.values():
            each.tell({})
        pause.wait(SETTLE_S)
        began_s = time.monotonic()
        pause.wait(NORMAL_S)
        normal = Span(began_s, time.monotonic())
        drain = _drain(returns, watcher)
        returns.end()
        pause.wait(1.0)
        flooder = stack.enter_context(publisher(broker, [FLOODS], hop=True, step=timedelta(milliseconds=1)))
        order = {"do": "pace", "per_s": FLOOD_PER_S, "seconds": FLOOD_S, "resend": True}
        flooded = flooder.ask(order)
        made = {node: each.last_words(by_signal=True)["made"] for node, each in live.items()}
        pause.wait(2.0)
        seen = watcher.last_words()["seen"]
    return normal, drain, Span(flooded["began_s"], flooded["ended_s"]), made, seen


def _source(broker: RunningBroker, folder: Path, who: Identity, per_s: float, backlog: int = 0) -> Any:
    settings = node_settings(folder, who.node, broker.port)
    give_passwords(settings, broker.passwords)
    return child("source", folder / who.node / "langso.toml", per_s, backlog)


def _drain(returns: Child, watcher: Child) -> Span:
    """Let the source with the backlog connect; until all of it is seen, or the limit."""
    began_s = time.monotonic()
    returns.tell({})
    pause = threading.Event()
    while time.monotonic() - began_s < DRAIN_LIMIT_S:
        pause.wait(0.25)
        if watcher.ask(RETURNS.node)["value"] >= BACKLOG:
            break
    return Span(began_s, time.monotonic())


def _drained(seen: Sequence[tuple[int, float]], span: Span) -> float:
    """Readings a second, from the first that was seen to the last."""
    inside = [(value, at_s) for value, at_s in seen if span.began_s <= at_s <= span.ended_s]
    if len(inside) < 2:
        return 0.0
    (first, began_s), (last, ended_s) = inside[0], inside[-1]
    return (last - first) / (ended_s - began_s)


def _waits(made: Made, seen: Made) -> list[tuple[float, float]]:
    """(second of creation, milliseconds until it could be asked for) of every live reading."""
    found = []
    for node, each in made.items():
        values = [value for value, _ in seen.get(node, [])]
        for value, at_s in each:
            place = bisect.bisect_left(values, value)
            ended_s = seen[node][place][1] if place < len(values) else float("inf")
            found.append((at_s, (ended_s - at_s) * 1e3))
    return found


def _within(waits: Sequence[tuple[float, float]], span: Span) -> list[float]:
    return [wait_ms for at_s, wait_ms in waits if span.began_s <= at_s <= span.ended_s]
