"""The copying worker as a process of its own, for tests that kill it: `copy_child DATABASE SERVER HELD_S`."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import UTC, datetime

from broker.contract import Identity
from broker.hub.records.database import open_url
from broker.hub.telemetry.copying import Copying
from broker.hub.telemetry.replica import register
from broker.link.config import Influx
from tests.fakes.session import FakeClock, FakeSession


def main() -> None:
    """Copy until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    database = open_url(sys.argv[1])
    setting = Influx(url=sys.argv[2])
    session = FakeSession(Identity("hub", "ingest"), None, FakeClock(datetime.now(UTC), running=True))
    register(database, f"{setting.url} {setting.bucket}")
    Copying(database, setting, session, held_s=float(sys.argv[3])).run(stop, lambda: None)  # type: ignore[arg-type]
    database.close()


if __name__ == "__main__":
    main()
