"""`./langso demo --check`: all five paths lead where they should, on each broker, from the command itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.brokers import need

ROOT = Path(__file__).parents[2]
PATHS = ("announcement", "camera", "villager", "board", "health")


@pytest.mark.xdist_group("demo")
@pytest.mark.timeout(420)
@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_every_path_leads_where_it_should(broker):
    if broker == "mosquitto":
        need("mosquitto", "mosquitto")
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "demo", "--check", "--broker", broker],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert done.returncode == 0, done.stdout + done.stderr
    for path in PATHS:
        assert lines[path].split()[1] == "ok"
    assert done.stderr == ""
