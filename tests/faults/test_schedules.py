"""A few dozen of the seeded schedules, each a test of its own; `./langso faults --schedules` runs any number.

What a failure prints begins with the seed: `./langso faults --schedules 1 --seed …` plays it again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.brokers import need
from tests.faults.commune import need_mosquitto
from tests.faults.ground import Ground
from tests.faults.run import lay_ground, play
from tests.postgres import RunningPostgres

pytestmark = pytest.mark.timeout(300)

MOSQUITTO = range(3000, 3016)
AMQTT = range(3100, 3104)
POSTGRESQL = range(3200, 3203)
RABBITMQ = (3301, 3303)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What all schedules share."""
    return lay_ground(tmp_path_factory.mktemp("ground"))


def check(ground: Ground, seed: int, folder: Path) -> None:
    """Play it, and say all that is known when it was bad."""
    verdict = play(ground, seed, folder / "s")
    assert verdict.is_clean, "\n".join([verdict.line(), *verdict.played.findings.lines(), str(folder)])
    assert verdict.played.findings.stored > 0, verdict.line()


@pytest.mark.parametrize("seed", MOSQUITTO)
def test_nothing_is_lost_and_nothing_doubled_on_mosquitto(ground: Ground, tmp_path: Path, seed: int) -> None:
    need_mosquitto()
    check(ground, seed, tmp_path)


@pytest.mark.parametrize("seed", AMQTT)
def test_nothing_is_lost_and_nothing_doubled_on_amqtt(ground: Ground, tmp_path: Path, seed: int) -> None:
    check(replace(ground, broker="amqtt"), seed, tmp_path)


@pytest.mark.parametrize("seed", POSTGRESQL)
def test_nothing_is_lost_and_nothing_doubled_in_postgresql(
    ground: Ground, postgres: RunningPostgres, tmp_path: Path, seed: int
) -> None:
    need_mosquitto()
    check(replace(ground, postgres=postgres), seed, tmp_path)


@pytest.mark.xdist_group("rabbitmq")
@pytest.mark.parametrize("seed", RABBITMQ)
def test_nothing_is_lost_and_nothing_doubled_on_rabbitmq(ground: Ground, tmp_path: Path, seed: int) -> None:
    need("rabbitmq-server", "rabbitmq-server")
    check(replace(ground, broker="rabbitmq"), seed, tmp_path)
