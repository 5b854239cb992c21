"""What a browser on a slow machine makes of it: bytes of the first load, and the time from tap to the next page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Needs Chromium; says nothing without it."""
    if not Path(CHROMIUM).exists():
        return
    with running_kiosk(folder) as kiosk, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        wire = page.context.new_cdp_session(page)
        page.route("**/bare", lambda route: route.fulfill(content_type="text/html", body=BARE))
        loaded = _first_load(page, wire, f"{kiosk.url}/nha")
        whole, script = sum(loaded.values()) / 1024, loaded.get("Script", 0) / 1024
        yield figure("first load of home", whole, "KB", "130 KB allowed", whole / ALLOWED_KB)
        yield figure("… its own script", script, "KB", "15 KB allowed", script / ALLOWED_SCRIPT_KB)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        bare = percentile([_change(page, f"{kiosk.url}/bare", "a") for _ in range(WALKS)], 0.95)
        took = [
            _change(page, f"{kiosk.url}/nha" if n % len(TAPS) == 0 else "", TAPS[n % len(TAPS)])
            for n in range(WALKS * len(TAPS))
        ]
        p95 = percentile(took, 0.95)
        yield figure("page change at 6x slower CPU, p95", p95, "ms", "a bare page", p95 / bare)
        yield figure("… beside what is allowed", p95, "ms", "300 ms allowed", p95 / ALLOWED_MS)
        browser.close()


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


def _change(page: Page, first: str, tapped: str) -> float:
    """From the tap until the next page has been painted, ms; `first` is opened before when given."""
    if first:
        page.goto(first)
    page.evaluate(
        "addEventListener('click', () => sessionStorage.setItem('tapped', String(Date.now())), true)"
    )
    page.locator(tapped).first.click()
    return float(
        page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame("
            "() => done(Date.now() - Number(sessionStorage.getItem('tapped'))))))"
        )
    )
