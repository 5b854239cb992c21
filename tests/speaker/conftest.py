"""A commune with real keys for the tests of the loudspeaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.speaker.commune import make_signers
from tests.speaker.office import Office
from tests.speaker.signers import Signers


@pytest.fixture(scope="session")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    return make_signers(tmp_path_factory.mktemp("commune"))


@pytest.fixture
def office(tmp_path: Path, signers: Signers) -> Iterator[Office]:
    """A loudspeaker without workers that believes its trust list."""
    made = Office(tmp_path, signers)
    made.hear(signers.trust_plan())
    yield made
    made.close()
