"""A commune whose clocks run as they like: crystals that drift, a network of uneven ways, time that a test turns.

No thread and no real second passes: `Town.run_to` lets true time pass up to a moment, and every node asks its hub
through the real HubTime. The bench lines up loudspeakers with it.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

from broker.contract.hub import TimeTold
from broker.contract.message import Message
from broker.contract.speaker import TimeAsked
from broker.link.clock import ClockState
from broker.link.inbox import Inbox
from broker.link.session import NotConnected
from edge.speaker.align import HubTime

EPOCH = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
"""True second 0."""


@dataclass(frozen=True)
class Network:
    """How long packets are on their way, each way by its own, and how many never come."""

    way_s: tuple[float, float] = (0.0025, 0.040)
    """Uniform between these; the usual ones make 5 to 80 ms there and back."""
    lost: float = 0.05


class Crystal:
    """The clock of one simulated machine: the interface of broker.link.clock.Clock over true time."""

    def __init__(self, true_s: Callable[[], float], offset_s: float, drift: float) -> None:
        """offset_s: how far the wall clock is wrong at true second 0. drift: seconds gained in each."""
        self._true_s = true_s
        self._drift = drift
        self.offset_s = offset_s
        self._began_s = 1000.0 + 777.0 * abs(offset_s)
        """Machines were switched on at different times."""

    def monotonic(self) -> float:
        """Seconds of the crystal."""
        return self._began_s + self._true_s() * (1 + self._drift)

    def now(self) -> datetime:
        """What it takes the time for."""
        return EPOCH + timedelta(seconds=self._true_s() * (1 + self._drift) + self.offset_s)

    def state(self) -> ClockState:
        """Always believed."""
        return "trusted"

    def error_ms(self) -> int | None:
        """Not known."""
        return None

    def true_at(self, monotonic_s: float) -> float:
        """The true second at which it shows this."""
        return (monotonic_s - self._began_s) / (1 + self._drift)


@dataclass
class Node:
    """One loudspeaker's clocks, and its part of Session: what HubTime asks goes into the town's network."""

    town: Town
    clock: Crystal
    network: Network
    chance: random.Random
    connected: bool = True
    connections: int = 1
    is_cut: bool = False
    """All packets are lost, and nobody has noticed yet."""
    asked: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    hub_time: HubTime = field(init=False)

    def __post_init__(self) -> None:
        self.hub_time = HubTime(cast(Any, self), self.chance)

    def inbox(self, *_: type[Message]) -> Inbox[Any]:
        """Stays empty: answers are handed over at their time."""
        return Inbox(1)

    def send(self, asked: TimeAsked) -> None:
        """A question leaves; its answer is handed to `hub_time` when its ways are over."""
        if not self.connected:
            raise NotConnected("cut")
        self.asked += 1
        if self.is_cut or self.chance.random() < self.network.lost:
            return
        heard_s = self.town.true_s + self.chance.uniform(*self.network.way_s)
        told_s = heard_s + self.chance.uniform(0.0001, 0.002)
        came_s = told_s + self.chance.uniform(*self.network.way_s)
        told = TimeTold(
            ask=asked.ask, heard_at=self.town.hub_shows(heard_s), told_at=self.town.hub_shows(told_s)
        )
        self.town.at(came_s, lambda: self.hub_time.hear(told, self.clock.monotonic()))

    def problem(self, code: str, text: str) -> None:
        """As Session.problem."""
        self.problems[code] = text

    def cleared(self, code: str) -> None:
        """As Session.cleared."""
        self.problems.pop(code, None)

    def step(self) -> None:
        """Let HubTime ask, and come again when it wants to."""
        self.town.at(self.town.true_s + max(0.001, self.hub_time.step()), self.step)

    def error_s(self) -> float:
        """How far the hub's time as this node reckons it is from what the hub shows now."""
        now, now_s = self.clock.now(), self.clock.monotonic()
        shown = now + timedelta(seconds=self.hub_time.moves_s(now, now_s))
        return (shown - self.town.hub_shows(self.town.true_s)).total_seconds()


class Town:
    """True time, the hub's clock, and what is to happen when."""

    def __init__(self, hub_offset_s: float = 0.0) -> None:
        self.true_s = 0.0
        self.hub_offset_s = hub_offset_s
        self._number = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def hub_shows(self, true_s: float) -> datetime:
        """The hub's clock."""
        return EPOCH + timedelta(seconds=true_s + self.hub_offset_s)

    def node(self, seed: int, offset_s: float, drift: float, network: Network | None = None) -> Node:
        """A new node that begins to ask now."""
        crystal = Crystal(lambda: self.true_s, offset_s, drift)
        made = Node(self, crystal, network or Network(), random.Random(seed))
        made.step()
        return made

    def at(self, true_s: float, act: Callable[[], None]) -> None:
        """Let something happen at a true second."""
        heapq.heappush(self._events, (true_s, next(self._number), act))

    def run_to(self, true_s: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= true_s:
            self.true_s, _, act = heapq.heappop(self._events)
            act()
        self.true_s = true_s


def nodes_of(town: Town, count_of: int, seed: int, network: Network | None = None) -> list[Node]:
    """Nodes with wall clocks up to 5 s from true time either way, and crystals up to ±50 ppm off."""
    chance = random.Random(seed)
    return [
        town.node(seed * 1000 + number, chance.uniform(-4.95, 4.95), chance.uniform(-50e-6, 50e-6), network)
        for number in range(count_of)
    ]
