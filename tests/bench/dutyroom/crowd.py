"""Twenty officers with their pages open while a hundred cameras raise ten alerts a second: real broker, ingest, web."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from broker.contract import NODE_SERVICES
from broker.contract.camera import Box, MotionStarted
from broker.hub.accounts import create_account
from broker.hub.records import Alert
from broker.link.clock import MachineClock
from broker.link.config import load
from broker.link.session import Session
from broker.trust.enrolment import SETTINGS_FILE
from deploy.browser import Browser
from tests.bench.dutyroom.officer import Officer
from tests.bench.link.processes import figure, percentile
from tests.console.stage import JPEG
from tests.faults.commune import Commune
from tests.until import until

OFFICERS: Final = 20
NODES: Final = 4
CAMERAS: Final = 100
PER_S: Final = 10
LASTS_S: Final = 60
PASSWORD: Final = "mật khẩu của người trực ca"
ALLOWED_S: Final = 1.0
PAUSE: Final = threading.Event()


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """From the node's send to the row in each officer's queue, and what was lost on the way."""
    commune = Commune(folder, nodes=NODES)
    with ExitStack() as stack:
        stack.callback(commune.close)
        held = tuple(f"{house.name}.{each}" for house in commune.stage.houses for each in NODE_SERVICES)
        commune.start(held=held)
        officers = [Officer(browser) for browser in _signed_in(commune)]
        for officer in officers:
            stack.callback(officer.close)
        sent = _raise_alerts(commune, stack)
        until(lambda: len(_alerts(commune)) >= len(sent), 60)
        keys = _alerts(commune)
        PAUSE.wait(2 * ALLOWED_S)
        delays = [
            officer.shown[key] - sent[episode]
            for officer in officers
            for episode, key in keys.items()
            if key in officer.shown
        ]
        lost = len(sent) * OFFICERS - len(delays)
        said = f"{len(sent)} alerts, {PER_S} a second, {OFFICERS} officers"
        yield figure(f"{said}: alerts the hub lost", len(sent) - len(keys), "alerts", "0 allowed")
        yield figure("rows that never stood in an officer's queue", lost, "rows", "0 allowed")
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
            took_s = percentile(delays, share)
            yield figure(f"sent → in the queue, {name}", took_s, "s", "1 s allowed", took_s / ALLOWED_S)


def _signed_in(commune: Commune) -> list[Browser]:
    now = datetime.now(UTC)
    with commune.database.session() as db:
        for number in range(OFFICERS):
            create_account(
                db, username=f"truc{number}", full_name=f"Trần Văn {number}", roles=("police",), now=now,
                password=PASSWORD,
            )  # fmt: skip
    found = []
    for number in range(OFFICERS):
        browser = Browser(commune.stage.console_url)
        browser.sign_in(f"truc{number}", PASSWORD)
        found.append(browser)
    return found


def _raise_alerts(commune: Commune, stack: ExitStack) -> dict[str, float]:
    """Episode → when it was sent, by this machine's monotonic clock."""
    sessions = []
    for house in commune.stage.houses:
        settings = load(commune.stage.layout.node(house.name) / SETTINGS_FILE)
        session = Session(settings, "camera", MachineClock(settings.data_dir / "floor", "host"))
        _work(session, stack)
        until(lambda session=session: session.connected, 20)  # type: ignore[misc]
        session.ready()
        sessions.append(session)
    sent: dict[str, float] = {}
    began_s = time.monotonic()
    for number in range(PER_S * LASTS_S):
        PAUSE.wait(max(0.0, began_s + number / PER_S - time.monotonic()))
        episode, camera = f"bench-{number}", f"c{number % CAMERAS:03d}"
        sent[episode] = time.monotonic()
        sessions[number % NODES].send(
            MotionStarted(
                episode=episode, camera=camera, started_at=datetime.now(UTC), snapshot=JPEG,
                boxes=[Box(x=0.1, y=0.1, w=0.2, h=0.2)], confidence=0.8,
            )
        )  # fmt: skip
    return sent


def _work(session: Session, stack: ExitStack) -> None:
    """Connect, with the session's own threads, until the stack closes."""
    stop = threading.Event()
    session.open()
    for worker in session.workers():
        threading.Thread(target=worker.run, args=(stop, lambda: None), daemon=True).start()
    stack.callback(session.close)
    stack.callback(stop.set)


def _alerts(commune: Commune) -> dict[str, int]:
    with commune.database.reading() as db:
        rows = db.execute(select(Alert.episode, Alert.id).where(Alert.episode.like("bench-%"))).all()
    return dict(row._tuple() for row in rows)
