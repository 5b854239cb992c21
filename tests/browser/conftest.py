"""One Chromium for all browser tests, a real server for each app, and a page that watches what goes wrong.

Missing Chromium skips these tests and says so, and fails them where CI=true. Pictures are written to
docs/screens only when LANGSO_SHOTS=1.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from tests.console.conftest import keys, settled, stage

__all__ = ["keys", "settled", "stage"]
"""The console's commune is made by the same fixtures as in tests/console."""

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
]
SCREENS = Path(__file__).parents[2] / "docs" / "screens"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system installed it."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is not installed and CI=true: install it (apt install chromium)")
        pytest.skip("chromium is not installed")
    expect.set_options(timeout=20_000)  # the machine runs other tests beside these
    with sync_playwright() as play:
        made = play.chromium.launch(
            executable_path=CHROMIUM, headless=True, chromium_sandbox=os.geteuid() != 0, args=FLAGS
        )
        yield made
        made.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Serve a WSGI app on a free port of 127.0.0.1; returns its address without a slash at the end."""
    servers = []

    def start(app: Any) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, name="app under test")
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Watched:
    """A page, what its console complained about, and what it asked of anyone but 127.0.0.1."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Nothing went wrong and nothing left this machine."""
        assert self.complaints == []
        assert self.strangers == []


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open a page in a context of its own: open_page(width, height, **context options)."""
    contexts = []

    def start(width: int = 1920, height: int = 1080, **options: Any) -> Watched:
        options.setdefault("locale", "vi-VN")
        options.setdefault("timezone_id", "Asia/Ho_Chi_Minh")
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.on(
            "console", lambda said: watched.complaints.append(said.text) if said.type == "error" else None
        )
        watched.page.on("pageerror", lambda why: watched.complaints.append(str(why)))
        watched.page.on("request", lambda asked: _note_stranger(watched, asked.url))
        return watched

    yield start
    for context in contexts:
        context.close()


def _note_stranger(watched: Watched, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        watched.strangers.append(url)


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """shoot(page, "kiosk-home"): a picture for the docs, only when LANGSO_SHOTS=1."""

    def take(page: Page, name: str) -> None:
        if os.environ.get("LANGSO_SHOTS") == "1":
            SCREENS.mkdir(parents=True, exist_ok=True)
            page.evaluate("document.fonts.ready")
            page.screenshot(path=SCREENS / f"{name}.png")

    return take
