"""The web service as a process of its own, for tests that kill it: `write_child DATABASE FOLDER PORT`."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from broker.hub.console.app import create_app
from broker.hub.console.live import Broadcaster
from broker.hub.console.service import serving
from broker.hub.records.database import open_url
from broker.link.clock import MachineClock
from tests.hub.town import hub_settings


def main() -> None:
    """Serve until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    database, folder = open_url(sys.argv[1]), Path(sys.argv[2])
    settings = hub_settings(folder / "data", folder / "keys")
    app = create_app(settings, database, MachineClock(folder / "floor", "host"), Broadcaster(database))
    serving(app, "127.0.0.1", int(sys.argv[3])).run(stop, lambda: None)


if __name__ == "__main__":
    main()
