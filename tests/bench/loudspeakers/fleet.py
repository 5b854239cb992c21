"""Simulated loudspeakers that play for real: HubTime, player and FileSink over clocks and cards that run as they like.

Time is simulated: whenever the player waits, its town lets that much time pass. Nodes share nothing but the hub's
clock, so each has a town of its own and they play one after the other.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np

from edge.speaker.player import Outcome, Score, play
from edge.speaker.sinks import FileSink, Samples
from tests.speaker.clocks import EPOCH, Network, Node, Town

NODES: Final = 8
RATE_HZ: Final = 8000
MARK: Final = 30_000
"""A sample that stands nowhere else: the first of each sentence."""
SENTENCE_S, REST_S = 2.6, 0.4
LEAST_S: Final = 0.0001
"""No wait is shorter: a number of seconds to which nothing can be added would stand still."""
ARMED_S: Final = 12.0
"""So long before its start by the own clock a play has its device open; the hub may be five seconds ahead."""


@dataclass(frozen=True)
class Machine:
    """One loudspeaker: its luck, how far its clock is wrong, and how fast its two crystals run."""

    seed: int
    offset_s: float
    drift: float
    card_ppm: float
    """The sound card's crystal beside the machine's own."""


@dataclass(frozen=True)
class Heard:
    """When true time hears each sentence begin, and what the player says of itself."""

    marks_s: tuple[float, ...]
    outcome: Outcome


def fleet_of(seed: int) -> list[Machine]:
    """Eight machines: clocks up to 5 s wrong, crystals and cards spread over ±50 ppm."""
    chance = random.Random(seed)
    cards = [-50 + 100 * number / (NODES - 1) for number in range(NODES)]
    chance.shuffle(cards)
    return [
        Machine(seed * 100 + n, chance.uniform(-4.95, 4.95), chance.uniform(-50e-6, 50e-6), cards[n])
        for n in range(NODES)
    ]


def speech_of(sentences: int) -> Score:
    """Noise in sentences of three seconds with rests between; the same samples again and again."""
    noise = np.random.default_rng(1).normal(0, 4000, round(SENTENCE_S * RATE_HZ))
    sentence: Samples = np.clip(noise, -20_000, 20_000).astype(np.int16)
    sentence[0] = MARK
    rest = np.zeros(round(REST_S * RATE_HZ), dtype=np.int16)
    part = np.concatenate([sentence, rest])
    return Score((part,) * sentences, RATE_HZ, (len(part) * sentences,))


def perform(
    machine: Machine,
    score: Score,
    start_s: float,
    folder: Path,
    *,
    network: Network | None = None,
    resync: bool = True,
    asks: bool = True,
) -> Heard:
    """Let one machine, switched on at true second 0, play `score` at `start_s` of the commune's time.

    asks: False keeps it to its own clock.
    """
    town = Town()
    node = town.node(machine.seed, machine.offset_s, machine.drift, network)
    node.connected = asks
    town.run_to(start_s - machine.offset_s - ARMED_S)
    sink = _Recorded(folder, node, machine.card_ppm)
    sink.open(score.rate_hz, f"node-{machine.seed}")
    now, now_s = node.clock.now(), node.clock.monotonic()
    elapsed = node.hub_time.elapsed_of(EPOCH + timedelta(seconds=start_s), now, now_s)
    outcome = play(
        score, sink, elapsed, lambda: "", _Passing(town), resync=resync, monotonic=node.clock.monotonic
    )
    return Heard(tuple(sink.marks_s), outcome)


def skew_ms(heard: list[Heard], mark: int) -> float:
    """Between the first and the last node at one mark (-1: the last), in milliseconds of true time."""
    moments = [each.marks_s[mark] for each in heard]
    return 1000 * (max(moments) - min(moments))


class _Passing:
    """An event nobody sets: waiting for it lets the town's time pass."""

    def __init__(self, town: Town) -> None:
        self._town = town

    def wait(self, timeout: float | None = None) -> bool:
        """As of threading.Event."""
        self._town.run_to(self._town.true_s + max(LEAST_S, timeout or 0.0))
        return False

    def clear(self) -> None:
        """As of threading.Event."""


class _Recorded(FileSink):
    """A FileSink that notes at which true second each mark sounds."""

    def __init__(self, folder: Path, node: Node, ppm: float) -> None:
        super().__init__(folder, node.clock.now, node.clock.monotonic, ppm)
        self._true_at: Callable[[float], float] = node.clock.true_at
        self._ppm = ppm
        self.marks_s: list[float] = []

    def write(self, samples: Samples, at: int | None = None) -> int:
        """As FileSink.write."""
        begins = super().write(samples, at)
        frame, at_s = self.clock()
        for found in np.flatnonzero(samples == MARK):
            ahead_s = (begins + int(found) - frame) / RATE_HZ / (1 + self._ppm / 1e6)
            self.marks_s.append(self._true_at(at_s + ahead_s))
        return begins
