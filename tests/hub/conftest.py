"""A real database, new for every test, with FULL sync as in production; and a small commune with real keys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.hub.records import Database
from broker.hub.records.database import open_url
from tests.hub.town import Keys, Town, make_keys, settle, settled


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


@pytest.fixture
def database(tmp_path: Path, empty_file: Path) -> Iterator[Database]:
    """An empty hub database with the current schema."""
    yield from _opened(empty_file, tmp_path)


@pytest.fixture
def town(tmp_path: Path, town_file: Path, keys: Keys) -> Iterator[Town]:
    """Three villages with a node each, an editor and two approvers."""
    for database in _opened(town_file, tmp_path):
        yield settled(database, keys)


def _opened(template: Path, folder: Path) -> Iterator[Database]:
    shutil.copy(template, folder / "hub.db")
    found = open_url(f"sqlite:///{folder / 'hub.db'}")
    yield found
    found.close()
