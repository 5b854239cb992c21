"""How late a play begins, in real time: whole loudspeaker services side by side, each with files instead of a card."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from broker.contract.speaker import PlayReceipt
from tests.bench.link.processes import figure, percentile
from tests.speaker.commune import make_signers
from tests.speaker.house import House
from tests.speaker.signers import MORNING, Signers

HOUSES: Final = 8
STARTS: Final = 4
EVERY_S: Final = 8.0
LATE_P95_MS, LATE_MAX_MS = 50.0, 250.0


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Every service begins the same plays at the same time: as late as a busy computer makes them."""
    signers = make_signers(folder / "commune")
    late = _planned(folder, signers)
    yield figure(
        f"a planned start is late, {HOUSES} services at once, p95 of {len(late)}",
        percentile(late, 0.95),
        "ms",
        "50 ms allowed",
        percentile(late, 0.95) / LATE_P95_MS,
    )
    yield figure("… max", max(late), "ms", "250 ms allowed", max(late) / LATE_MAX_MS)


def _planned(folder: Path, signers: Signers) -> list[float]:
    """Milliseconds by the clock of the sink, every start of every house."""
    with ExitStack() as stack:
        houses = [_house(folder / f"planned-{number}", signers, stack) for number in range(HOUSES)]
        for house in houses:
            media = house.hub.add(1.0)
            starts = [MORNING + timedelta(seconds=12 + EVERY_S * number) for number in range(STARTS)]
            house.start()
            house.hear(signers.trust_plan(), signers.plan(signers.announcement(*starts, audio=media)))
        found: list[float] = []
        for house in houses:
            assert house.waits(
                lambda house=house: house.states().count("played") == STARTS, 20 + EVERY_S * STARTS
            ), house.states()
            found += [
                abs(float(one.late_ms))
                for one in house.session.messages(PlayReceipt)
                if one.state == "played" and one.late_ms is not None
            ]
    assert len(found) == HOUSES * STARTS, found
    return found


def _house(folder: Path, signers: Signers, stack: ExitStack) -> House:
    folder.mkdir(parents=True)
    house = House(folder, signers, speed=1.0)
    stack.callback(house.end)
    return house
