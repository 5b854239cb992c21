"""Real databases, as new for every test, with full sync as in service: SQLite and PostgreSQL. And real keys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.hub.records import Database
from broker.hub.records.database import open_url
from tests.hub.house import House
from tests.hub.studio import Studio
from tests.hub.town import Keys, Town, make_keys, settle, settled
from tests.postgres import RunningPostgres


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows, made once and copied by each test."""
    path = tmp_path_factory.mktemp("empty") / "hub.db"
    open_url(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of a commune, made once."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def town_file(tmp_path_factory: pytest.TempPathFactory, empty_file: Path, keys: Keys) -> Path:
    """The database of the small commune, made once and copied by each test."""
    path = tmp_path_factory.mktemp("town") / "hub.db"
    shutil.copy(empty_file, path)
    database = open_url(f"sqlite:///{path}")
    settle(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def empty_postgres(postgres: RunningPostgres) -> str:
    """Name of a migrated database without rows; each test gets it as new."""
    name = postgres.fresh()
    open_url(postgres.url(name)).close()
    postgres.remember(name)
    return name


@pytest.fixture(scope="session")
def town_postgres(postgres: RunningPostgres, keys: Keys) -> str:
    """Name of the database of the small commune; each test gets it as new."""
    name = postgres.fresh()
    database = open_url(postgres.url(name))
    settle(database)
    database.close()
    postgres.remember(name)
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on: every test that uses one runs on both."""
    found: str = request.param
    return found


@pytest.fixture
def database(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty hub database with the current schema."""
    yield from _opened(kind, "empty", tmp_path, request)


@pytest.fixture
def town(kind: str, tmp_path: Path, keys: Keys, request: pytest.FixtureRequest) -> Iterator[Town]:
    """Three villages with a node each, an editor and two approvers."""
    for database in _opened(kind, "town", tmp_path, request):
        yield settled(database, keys)


def _opened(kind: str, rows: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of that kind with the rows of that name (`empty` or `town`)."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue(f"{rows}_file"), folder / "hub.db")
        found = open_url(f"sqlite:///{folder / 'hub.db'}")
    else:
        server: RunningPostgres = request.getfixturevalue("postgres")
        name: str = request.getfixturevalue(f"{rows}_postgres")
        server.restore(name)
        found = open_url(server.url(name))
    yield found
    found.close()


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "media")


@pytest.fixture
def studio(town: Town, tmp_path: Path) -> Studio:
    """A sender for the small commune."""
    return Studio(town, tmp_path / "hub")
