"""A few dozen of the seeded schedules, each a test of its own; `./langso faults --schedules` runs any number.

What a failure prints begins with the seed: `./langso faults --schedules 1 --seed …` plays it again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.commune import need_mosquitto
from tests.faults.light_commune import Ground
from tests.faults.run import lay_ground, play

pytestmark = pytest.mark.timeout(300)

MOSQUITTO = range(3000, 3020)
AMQTT = range(3100, 3104)
POSTGRES = range(3200, 3203)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What all schedules share."""
    return lay_ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a schedule plays."""
    return tmp_path / "s"


def check(ground: Ground, seed: int, folder: Path) -> None:
    verdict = play(ground, seed, folder)
    assert verdict.is_clean, "\n".join([verdict.line(), *verdict.played.findings.lines(), str(folder)])
    assert verdict.played.findings.stored > 0, verdict.line()


@pytest.mark.parametrize("seed", MOSQUITTO)
def test_nothing_is_lost_and_nothing_doubled_on_mosquitto(ground: Ground, folder: Path, seed: int) -> None:
    need_mosquitto()
    check(ground, seed, folder)
