"""Tests of warnings run on SQLite, but for those that ask for more by name."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on; the records are of kinds that tests/hub tries on both."""
    found: str = request.param
    return found
