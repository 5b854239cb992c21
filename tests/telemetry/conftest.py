"""A real hub database, new for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.hub.records import Database
from broker.hub.records.database import open_url


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty hub database with the current schema."""
    found = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    yield found
    found.close()
