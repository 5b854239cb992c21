"""What a browser on a slow machine makes of it: bytes of the first load, and the time from tap to the next page."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.bench.link.processes import figure, percentile
from tests.bench.screens.running import running_kiosk
from tests.browser.conftest import CHROMIUM, FLAGS

SLOWER: Final = 6
"""How much slower than this machine's core the page's is made."""
ALLOWED_KB, ALLOWED_SCRIPT_KB, ALLOWED_MS = 130.0, 15.0, 300.0
WALKS: Final = 8
TAPS: Final[Sequence[str]] = (
    ".find",
    ".bar .home",
    ".tile >> nth=0",
    ".bar .home",
    ".door >> nth=0",
    ".bar .home",
)
BARE: Final = "<!doctype html><html lang=vi><title>x</title><body><a href='/bare'>x</a>"
TAPPED: Final = """addEventListener("click", (event) => {
  sessionStorage.setItem("tapped", String(performance.timeOrigin + event.timeStamp));
}, true);"""
"""In every page before its own script; an event's time is when the browser got it, not when the page came to it."""
PAINTED: Final = """() => new Promise((done) => new PerformanceObserver((seen) => {
  const at = performance.timeOrigin + seen.getEntries().at(-1).startTime;
  done(at - Number(sessionStorage.getItem("tapped")));
}).observe({ type: "largest-contentful-paint", buffered: true }))"""


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Needs Chromium; says nothing without it. As on the panel the browser keeps what it got, in a profile on disk."""
    if not Path(CHROMIUM).exists():
        return
    with running_kiosk(folder) as kiosk, _bare_server() as bare_url, sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=CHROMIUM,
            args=[*FLAGS, "--no-sandbox"],
            viewport={"width": 1920, "height": 1080},
        )
        context.add_init_script(TAPPED)
        page = context.pages[0]
        wire = context.new_cdp_session(page)
        loaded = _first_load(page, wire, f"{kiosk.url}/nha")
        whole, script = sum(loaded.values()) / 1024, loaded.get("Script", 0) / 1024
        yield figure("first load of home", whole, "KB", "130 KB allowed", whole / ALLOWED_KB)
        yield figure("… its own script", script, "KB", "15 KB allowed", script / ALLOWED_SCRIPT_KB)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.goto(bare_url)
        bare = percentile([_change(page, "a") for _ in range(WALKS)], 0.95)
        page.goto(f"{kiosk.url}/nha")
        took = [_change(page, tapped) for _ in range(WALKS) for tapped in TAPS]
        p95 = percentile(took, 0.95)
        yield figure("page change at 6x slower CPU, p50", percentile(took, 0.5), "ms")
        yield figure("page change at 6x slower CPU, p95", p95, "ms", "a bare page", p95 / bare)
        yield figure("… beside what is allowed", p95, "ms", "300 ms allowed", p95 / ALLOWED_MS)
        context.close()


@contextmanager
def _bare_server() -> Iterator[str]:
    """A page of one link to itself; served, because a route of the driver would switch the browser's cache off."""

    class Bare(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = BARE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the figures' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Bare) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/bare"
        finally:
            server.shutdown()
            thread.join()


def _first_load(page: Page, wire: CDPSession, url: str) -> dict[str, float]:
    """Bytes on the wire by type, pictures left out."""
    kinds: dict[str, str] = {}
    loaded: dict[str, float] = {}
    wire.send("Network.enable")
    wire.on("Network.responseReceived", lambda said: kinds.update({said["requestId"]: said["type"]}))

    def finished(said: dict[str, Any]) -> None:
        kind = kinds.get(said["requestId"], "Other")
        if kind != "Image":
            loaded[kind] = loaded.get(kind, 0.0) + said["encodedDataLength"]

    wire.on("Network.loadingFinished", finished)
    page.goto(url, wait_until="load")
    page.evaluate("document.fonts.ready")
    wire.send("Network.disable")
    return loaded


def _change(page: Page, tapped: str) -> float:
    """From the finger's release until the largest thing of the next page stands on the screen, ms."""
    box = page.locator(tapped).first.bounding_box()
    if box is None:
        raise ValueError(f"{tapped} is not on {page.url}")
    with page.expect_navigation(wait_until="load"):
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return float(page.evaluate(PAINTED))
