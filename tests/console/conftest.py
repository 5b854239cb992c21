"""A console with a small commune behind it, new for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.stage import Stage, set_stage, settle
from tests.hub.town import Keys, make_keys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of a commune, made once."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of the commune, made once and copied for each test."""
    return settle(tmp_path_factory.mktemp("settled") / "hub.db")


@pytest.fixture
def stage(tmp_path: Path, keys: Keys, settled: Path) -> Iterator[Stage]:
    """The commune of tests/console/stage.py."""
    with set_stage(tmp_path, keys, settled) as found:
        yield found
