"""What takes long to start and is therefore shared by all tests of one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.brokers import EVERYONE, RunningBroker
from tests.postgres import RunningPostgres


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """One RabbitMQ, for the services of two nodes and of the hub. A test may kill it, and starts it again."""
    running = RunningBroker("rabbitmq", tmp_path_factory.mktemp("rabbitmq"), EVERYONE)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[RunningPostgres]:
    """One PostgreSQL; each test takes a `fresh` database of it. A test that kills it starts one of its own."""
    running = RunningPostgres()
    running.start()
    yield running
    running.close()
