"""`./langso demo --check`: all five paths lead where they should, on each broker, from the command itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.brokers import need
from tests.postgres import RunningPostgres

ROOT = Path(__file__).parents[2]
PATHS = ("announcement", "camera", "villager", "board", "health")


@pytest.mark.xdist_group("demo")
@pytest.mark.timeout(420)
@pytest.mark.parametrize(("broker", "database"), [("embedded", "sqlite"), ("mosquitto", "postgresql")])
def test_every_path_leads_where_it_should(broker, database, request):
    order = [sys.executable, "-m", "deploy.cli", "demo", "--check", "--broker", broker]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    if broker == "mosquitto":
        need("mosquitto", "mosquitto")
    if database == "postgresql":
        server: RunningPostgres = request.getfixturevalue("postgres")
        order += ["--database", server.url(server.fresh()).replace(f":{server.password}@", "@")]
        env["PGPASSWORD"] = server.password
    done = subprocess.run(
        order,
        cwd=ROOT,
        env=env,
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
