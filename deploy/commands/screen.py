"""`langso screen`: the browser of a cultural house's panel, looked after."""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Declare the command."""
    screen = commands.add_parser(
        "screen", help="keep the browser on the panel (started by langso-kiosk.service)"
    )
    screen.add_argument("--url", default="http://127.0.0.1:8081/", help="the kiosk's address")
    screen.add_argument("--browser", default="chromium", metavar="PROGRAM")
    screen.add_argument(
        "--profiles",
        type=Path,
        metavar="FOLDER",
        help="where its profile lives, in memory; a new temporary folder",
    )
    screen.add_argument("rest", nargs="*", metavar="FLAG", help="further flags of the browser, after --")
    screen.set_defaults(act=_screen)


def _screen(chosen: argparse.Namespace) -> int:
    from broker.link.service import log_as
    from deploy.terminal import say_error
    from kiosk.screen import Screen

    log_as("screen", "INFO")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="langso-screen-") as own:
        screen = Screen(chosen.browser, chosen.url, chosen.profiles or Path(own), chosen.rest)
        try:
            screen.run(stop)
        except OSError as why:
            say_error(f"trình duyệt không mở được: {why}")
            return 1
    return 0
