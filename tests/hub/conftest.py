"""A real database, new for every test, with FULL sync as in production; and a small commune with real keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.hub.records import Database
from broker.hub.records.database import open_url
from tests.hub.town import Keys, Town, make_keys, settle


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty hub database with the current schema."""
    found = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    yield found
    found.close()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of a commune, made once."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def town(database: Database, keys: Keys) -> Town:
    """Three villages with a node each, an editor and an approver."""
    return settle(database, keys)
