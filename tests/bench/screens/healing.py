"""From a killed browser or server to a screen that can be used, beside the eight seconds allowed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from kiosk.screen import Screen
from tests.bench.link.processes import figure
from tests.bench.screens.running import RunningKiosk, running_kiosk
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.until import until

ALLOWED_S: Final = 8.0
GIVEN_UP_S: Final = 60.0


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """The server as its supervisor starts it again (one second later, RestartSec), and the browser."""
    began = time.monotonic()
    with running_kiosk(folder / "server"):
        took = 1.0 + time.monotonic() - began
    yield figure("killed server to its first page", took, "s", "8 s allowed", took / ALLOWED_S)
    if not Path(CHROMIUM).exists():
        return
    with running_kiosk(folder / "kiosk") as kiosk:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        extra = ["--headless=new", *FLAGS, *root]
        screen = Screen(CHROMIUM, f"{kiosk.url}/", folder / "profiles", extra)
        stop = threading.Event()
        thread = threading.Thread(target=screen.run, args=(stop,))
        thread.start()
        try:
            _wait_for_beat(kiosk, time.monotonic())
            began = time.monotonic()
            os.killpg(screen.pid, signal.SIGKILL)
            took = _wait_for_beat(kiosk, began)
        finally:
            stop.set()
            thread.join()
    yield figure("killed browser to its first beat", took, "s", "8 s allowed", took / ALLOWED_S)


def _wait_for_beat(kiosk: RunningKiosk, since: float) -> float:
    """Seconds until a page has said, after `since`, that it lives."""

    def has_beaten() -> bool:
        age = json.loads(kiosk.get("/nhip")[1])["age_s"]
        return bool(time.monotonic() - age > since)

    until(has_beaten, GIVEN_UP_S)
    return time.monotonic() - since
