"""From a code on the page to the first message of a new node stored at the hub, in a whole commune of processes.

`langso enrol` and the node's service are started as a person would, one after the other. The baseline is the same
service of a node that has had its certificates for long: started, and first heard of.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broker.contract.message import NODE_SERVICES
from broker.hub.keys.enrolment import offer_code
from broker.hub.records import NodeSeen
from deploy.enrol import pin_of
from tests.bench.link.processes import ROOT, figure, median
from tests.faults.commune import Commune
from tests.until import until

ROUNDS = 3
PATIENCE_S = 90.0


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Seconds of the wall clock, the middle of several nodes."""
    commune = Commune(folder / "commune", nodes=1)
    old = commune.stage.houses[0].name
    try:
        commune.start(held=tuple(f"{old}.{service}" for service in NODE_SERVICES))
        village = commune.stage.houses[0].village
        enrolled, first, known = [], [], []
        for n in range(ROUNDS):
            found = _join(commune, f"diem-{n + 1:02d}", village, folder)
            enrolled.append(found[0])
            first.append(found[1])
            known.append(_start_again(commune, old))
    finally:
        commune.close()
    name = "the service of a known node, started"
    yield figure("enrolment to first message", median(first), "s", name, median(first) / median(known))
    yield figure(
        "enrolment: `langso enrol` alone", median(enrolled), "s", name, median(enrolled) / median(known)
    )
    yield figure("a known node's start to first message", median(known), "s")


def _join(commune: Commune, node: str, village: str, folder: Path) -> tuple[float, float]:
    """Seconds until the command has ended, and until the hub has stored the node's first word."""
    stage, home = commune.stage, folder / node
    home.mkdir()
    began_s = time.monotonic()
    with commune.database.session() as db:
        offer = offer_code(db, node=node, village=village, label=node, by="bench", now=datetime.now(UTC))
    hub = f"https://127.0.0.1:{stage.port('enrolment')}"
    order = ["enrol", node, "--hub", hub, "--code", offer.code, "--pin", pin_of(stage.layout)]
    order += ["--dir", str(home), "--data", str(home / "data")]
    subprocess.run(
        [sys.executable, "-m", "deploy.cli", *order], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    enrolled_s = time.monotonic() - began_s
    settings = home / "langso.toml"
    settings.write_text(settings.read_text() + '\n[clock]\nsource = "host"\n')
    _until_heard(commune, node, settings, began=datetime.now(UTC))
    first_s = time.monotonic() - began_s
    shutil.rmtree(home)
    return enrolled_s, first_s


def _start_again(commune: Commune, node: str) -> float:
    began_s = time.monotonic()
    _until_heard(commune, node, commune.stage.layout.node(node) / "langso.toml", began=datetime.now(UTC))
    return time.monotonic() - began_s


def _until_heard(commune: Commune, node: str, settings: Path, began: datetime) -> None:
    """Start the service `node` there, wait until the hub has stored what it says of its computer, and end it."""
    log = settings.with_name("bench.log")
    order = [sys.executable, "-m", "deploy.cli", "run", "node", "--config", str(settings)]
    with log.open("ab") as out, ExitStack() as stack:
        process = subprocess.Popen(order, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT)
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)

        def is_stored() -> bool:
            with commune.database.reading() as db:
                seen = db.get(NodeSeen, node)
                return seen is not None and seen.seen_at > began

        until(is_stored, PATIENCE_S, lambda: log.read_text()[-2000:])
