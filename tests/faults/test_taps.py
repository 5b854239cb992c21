"""A short hammering of the touch screen; the long one is `./langso faults --taps`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import CHROMIUM

ROOT = Path(__file__).parents[2]
HAMMER = "import sys; from tests.faults.taps import main; sys.exit(main(sys.argv[1:], print))"


@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="chromium is not installed")
def test_a_hammered_screen_is_never_blank() -> None:
    # A process of its own: one that drives a browser for other tests cannot drive a second.
    order = [sys.executable, "-c", HAMMER, "--taps", "60", "--seed", "7"]
    ended = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 blank screens" in ended.stdout
