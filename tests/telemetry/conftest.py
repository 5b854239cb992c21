"""A real hub database, new for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.hub.records import Database
from broker.hub.records.database import open_url
from tests.postgres import RunningPostgres


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty hub database with the current schema."""
    found = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    yield found
    found.close()


@pytest.fixture(scope="session")
def empty_postgres(request: pytest.FixtureRequest) -> str:
    """Name of a migrated PostgreSQL database without rows, made once and emptied for each test."""
    server: RunningPostgres = request.getfixturevalue("postgres")
    name = server.fresh()
    open_url(server.url(name)).close()
    server.remember(name)
    return name


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database, once of each kind."""
    if request.param == "sqlite":
        open_url(f"sqlite:///{tmp_path / 'hub.db'}").close()
        yield f"sqlite:///{tmp_path / 'hub.db'}"
        return
    name: str = request.getfixturevalue("empty_postgres")
    server: RunningPostgres = request.getfixturevalue("postgres")
    server.restore(name)
    yield server.url(name)


@pytest.fixture
def store(either: str) -> Iterator[Database]:
    """An empty hub database, once of each kind."""
    found = open_url(either)
    yield found
    found.close()
