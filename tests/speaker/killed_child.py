"""Runs a loudspeaker again and again, for a test that kills it with SIGKILL.

`python -m tests.speaker.killed_child FOLDER SPEED`: for each line with a time (ISO 8601) a new process of the service
begins at that time, and its number is printed. It is forked from here, where everything is imported already.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import datetime
from pathlib import Path

import edge.speaker.service as service
from broker.link.config import load
from broker.link.media import MediaStore
from broker.link.session import Session
from tests.fakes.clock import FakeClock
from tests.speaker.house import FakeHubMedia


def live(folder: Path, now: datetime, speed: float) -> None:
    """The service, until it is killed."""
    settings = load(folder / "node.toml")
    session = Session(settings, "speaker", FakeClock(now, running=True, speed=speed))
    store = MediaStore(settings.data_dir / "speaker" / "media")
    never = threading.Event()
    for worker in service.assemble(settings, session, store, FakeHubMedia(store)):
        threading.Thread(target=worker.run, args=(never, lambda: None)).start()
    never.wait()


def main(folder: Path, speed: float) -> None:
    """Fork a life for every line."""
    child = 0
    for line in sys.stdin:
        if child:
            os.waitpid(child, 0)
        child = os.fork()
        if child == 0:
            live(folder, datetime.fromisoformat(line.strip()), speed)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
