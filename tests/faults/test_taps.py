"""A short hammering of the touch screen; the long one is `./langso faults --taps`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import CHROMIUM
from tests.faults.taps import main


@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="chromium is not installed")
def test_a_hammered_screen_is_never_blank() -> None:
    said: list[str] = []
    assert main(["--taps", "120", "--seed", "7"], said.append) == 0, said
    assert "0 blank screens" in said[-1]
