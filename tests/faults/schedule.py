"""What a seed means: which sources speak, how fast, and what breaks when. Pure: one seed, one schedule, for ever."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["kill", "freeze", "hole", "cut", "delay", "trickle", "refuse", "disk", "clock", "replay"]
Way = Literal["up", "down"]
"""Up: from a service to its broker. Down: from the broker to the service."""

ACTIVE_S = 4.5
"""Seconds in which things break; then all of it heals."""
BROKER = "broker"
INGEST = "hub.ingest"
JUMP_H = 11.0
"""A source and the hub jump forward at most so far each: 24 hours apart, times are refused as they should be."""
BACK_H = 80.0
"""A source that has lost its time says that it is days ago: into days that are packed already."""


@dataclass(frozen=True)
class Source:
    """One service that speaks: its identity, messages a second, and a crowd of messages at one moment."""

    identity: str
    rate_per_s: float
    burst: int
    burst_at_s: float
    threads: int = 1
    quota: int = 0
    """Bytes that its readings may fill on its disk; 0 leaves it at what every machine has."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with one process or its connection, from `at_s` on for `for_s` seconds."""

    kind: Kind
    target: str
    at_s: float
    for_s: float = 0.0
    way: Way = "up"
    amount: float = 0.0
    """cut: bytes that still pass. delay: seconds. trickle: bytes a second. clock: hours. replay: packets.
    disk: bytes left free."""

    @property
    def until_s(self) -> float:
        """When it is over."""
        return self.at_s + self.for_s

    def __str__(self) -> str:
        more = f" {self.way}" if self.kind in ("hole", "cut", "delay", "trickle", "replay") else ""
        more += f" {self.amount:g}" if self.amount else ""
        return f"{self.kind}({self.target}{more} @{self.at_s:.1f}+{self.for_s:.1f})"


@dataclass(frozen=True)
class Schedule:
    """All that happens in one run."""

    seed: int
    sources: tuple[Source, ...]
    faults: tuple[Fault, ...]

    @property
    def disks(self) -> frozenset[str]:
        """Identities whose disk gets full."""
        return frozenset(each.target for each in self.faults if each.kind == "disk")

    @property
    def losers(self) -> frozenset[str]:
        """Identities that may have to give up readings, and must say so."""
        return self.disks | {each.identity for each in self.sources if each.quota}

    def __str__(self) -> str:
        small = (f"quota({each.identity} {each.quota})" for each in self.sources if each.quota)
        return " ".join([*small, *map(str, self.faults)])


def draw(seed: int) -> Schedule:
    """The schedule of a seed."""
    dice = random.Random(seed)
    sources = _sources(dice)
    targets = [INGEST, *(each.identity for each in sources)]
    faults: list[Fault] = []
    for _ in range(dice.randint(3, 7)):
        kinds = [kind for kind in _WEIGHTS if kind != "disk" or not any(f.kind == "disk" for f in faults)]
        kind = dice.choices(kinds, [_WEIGHTS[each] for each in kinds])[0]
        faults.append(_DRAWN[kind](dice, targets))
    return Schedule(seed, sources, tuple(sorted(faults, key=lambda each: each.at_s)))


def _sources(dice: random.Random) -> tuple[Source, ...]:
    """A board (tele), a kiosk or a loudspeaker (event) and a camera (alarm), each of a village of its own."""
    found = []
    speaking = dice.choice(("kiosk", "speaker"))
    for number, (service, slow, fast, crowd) in enumerate(
        (("board", 20, 80, 400), (speaking, 5, 40, 150), ("camera", 2, 10, 30)), 1
    ):
        found.append(
            Source(
                identity=f"thon-{number:02d}.{service}",
                rate_per_s=round(dice.uniform(slow, fast), 1),
                burst=dice.choice((0, 0, crowd // 4, crowd)),
                burst_at_s=round(dice.uniform(0.2, ACTIVE_S - 0.5), 2),
                threads=dice.choice((1, 3)) if service == "kiosk" else 1,
                quota=dice.choice((0, 0, 0, 15_000, 40_000)) if service == "board" else 0,
            )
        )
    return tuple(found)


def _times(dice: random.Random, longest_s: float) -> tuple[float, float]:
    """When it begins, and for how long it lasts."""
    at_s = round(dice.uniform(0.1, ACTIVE_S - 0.4), 2)
    return at_s, round(min(dice.uniform(0.3, longest_s), ACTIVE_S - at_s), 2)


def _way(dice: random.Random) -> Way:
    return "up" if dice.random() < 0.5 else "down"


def _kill(dice: random.Random, targets: list[str]) -> Fault:
    """for_s: how long it stays dead."""
    at_s = round(dice.uniform(0.1, ACTIVE_S), 2)
    return Fault("kill", dice.choice([BROKER, INGEST, *targets]), at_s, round(dice.uniform(0.05, 1.0), 2))


def _freeze(dice: random.Random, targets: list[str]) -> Fault:
    at_s = round(dice.uniform(0.1, ACTIVE_S - 0.5), 2)
    for_s = min(round(dice.uniform(0.5, 4.0), 2), ACTIVE_S - at_s)
    return Fault("freeze", dice.choice([BROKER, INGEST, *targets]), at_s, round(for_s, 2))


def _hole(dice: random.Random, targets: list[str]) -> Fault:
    return Fault("hole", dice.choice(targets), *_times(dice, 3.0), way=_way(dice))


def _cut(dice: random.Random, targets: list[str]) -> Fault:
    after = dice.choice((1, 3, 17, 200, 2000, 20_000)) + dice.randrange(40)
    at_s = round(dice.uniform(0.1, ACTIVE_S - 0.2), 2)
    return Fault("cut", dice.choice(targets), at_s, way=_way(dice), amount=after)


def _delay(dice: random.Random, targets: list[str]) -> Fault:
    amount = round(dice.uniform(0.05, 0.8), 2)
    return Fault("delay", dice.choice(targets), *_times(dice, 4.0), way=_way(dice), amount=amount)


def _trickle(dice: random.Random, targets: list[str]) -> Fault:
    amount = dice.choice((500, 5000, 50_000))
    return Fault("trickle", dice.choice(targets), *_times(dice, 3.0), way=_way(dice), amount=amount)


def _refuse(dice: random.Random, targets: list[str]) -> Fault:
    return Fault("refuse", dice.choice(targets), *_times(dice, 2.0))


def _disk(dice: random.Random, targets: list[str]) -> Fault:
    return Fault(
        "disk", dice.choice(targets), *_times(dice, 3.0), amount=dice.choice((0, 0, 20_000, 150_000))
    )


def _clock(dice: random.Random, targets: list[str]) -> Fault:
    target = dice.choice(targets)
    furthest_h = BACK_H if target != INGEST and dice.random() < 0.4 else JUMP_H
    hours = round(dice.uniform(-furthest_h, JUMP_H), 2)
    return Fault("clock", target, *_times(dice, ACTIVE_S), amount=hours)


def _replay(dice: random.Random, targets: list[str]) -> Fault:
    at_s = round(dice.uniform(0.5, ACTIVE_S), 2)
    return Fault("replay", dice.choice(targets), at_s, way=_way(dice), amount=dice.choice((1, 5, 40)))


_DRAWN: dict[Kind, Callable[[random.Random, list[str]], Fault]] = {
    "kill": _kill,
    "freeze": _freeze,
    "hole": _hole,
    "cut": _cut,
    "delay": _delay,
    "trickle": _trickle,
    "refuse": _refuse,
    "disk": _disk,
    "clock": _clock,
    "replay": _replay,
}
_WEIGHTS: dict[Kind, float] = {
    "kill": 6,
    "freeze": 3,
    "hole": 3,
    "cut": 4,
    "delay": 2,
    "trickle": 1,
    "refuse": 2,
    "disk": 1.5,
    "clock": 3,
    "replay": 3,
}
