"""A commune with real keys for the tests of the loudspeaker."""

from __future__ import annotations

import pytest

from tests.speaker.commune import make_signers
from tests.speaker.signers import Signers


@pytest.fixture(scope="session")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    return make_signers(tmp_path_factory.mktemp("commune"))
