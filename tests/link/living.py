"""Sessions that live as in a service, and a real ingest process beside them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.contract import Identity
from broker.link.clock import MachineClock
from broker.link.config import Settings
from broker.link.session import Session
from tests.brokers import RunningBroker
from tests.settings import give_passwords, hub_settings, node_settings
from tests.until import until

KIOSK, SPEAKER, BOARD = (Identity("thon-01", name) for name in ("kiosk", "speaker", "board"))
INGEST, ANNOUNCE = Identity("hub", "ingest"), Identity("hub", "announce")
EVERYONE = (KIOSK, SPEAKER, BOARD, INGEST, ANNOUNCE)


def session_of(who: Identity, broker: RunningBroker, folder: Path) -> Session:
    """A session of one service, not yet connected."""
    make = hub_settings if who.node == "hub" else node_settings
    settings = make(folder, port=broker.port)
    give_passwords(settings, broker.passwords)
    return Session(settings, who.service, MachineClock(settings.data_dir / "floor", "host"))


@contextmanager
def living(*sessions: Session) -> Iterator[None]:
    """Run the sessions' own workers as a service would."""
    stop = threading.Event()
    threads = []
    for session in sessions:
        session.open()
        threads += [
            threading.Thread(target=each.run, args=(stop, lambda: None)) for each in session.workers()
        ]
    for thread in threads:
        thread.start()
    try:
        for session in sessions:
            until(lambda s=session: s.connected, 60)
            session.ready()
        yield
    finally:
        stop.set()
        for session in sessions:
            session.close()
        for thread in threads:
            thread.join(5)


@contextmanager
def ingest_of(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The hub's ingest, as its supervisor starts it."""
    file = settings.data_dir.parent / "langso.toml"
    order = [sys.executable, "-m", "deploy.cli", "run", "ingest", "--config", str(file)]
    with log_of(settings).open("ab") as log:
        process = subprocess.Popen(order, stdout=log, stderr=log, cwd=Path(__file__).parents[2])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def log_of(settings: Settings) -> Path:
    """Where that ingest speaks to its operator."""
    return settings.data_dir / "ingest.log"
