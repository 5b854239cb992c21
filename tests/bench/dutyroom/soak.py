"""An officer's page left open: what its memory does over a shift of alerts, in Chromium."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import CDPSession, sync_playwright
from werkzeug.serving import make_server

from broker.contract.camera import Box, MotionStarted
from broker.hub import alerts
from tests.bench.link.processes import figure
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.console.stage import Stage, set_stage, settle
from tests.hub.town import PASSWORD, make_keys

MINUTES: Final = float(os.environ.get("LANGSO_BENCH_SOAK_MIN", "30"))
EVERY_S: Final = 2.0
"""One alert in this time: nine hundred in half an hour, more than a bad night brings."""


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """JavaScript heap and elements of the page, after a fifth of the time and at the end."""
    make = make_keys(folder / "keys")
    with set_stage(folder / "stage", make, settle(folder / "settled.db")) as stage:
        server = make_server("127.0.0.1", 0, stage.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield from _watched(stage, f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _watched(stage: Stage, site: str) -> Iterator[dict[str, Any]]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM, headless=True, chromium_sandbox=False, args=FLAGS
        )
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{site}/sign-in")
        page.fill("[name=name]", "khoa")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/duty**")
        devtools = page.context.new_cdp_session(page)
        count, first = 0, (0.0, 0)
        began_s = time.monotonic()
        while time.monotonic() - began_s < MINUTES * 60:
            _raise(stage, count)
            count += 1
            page.wait_for_timeout(EVERY_S * 1000)
            if count % 5 == 0 and page.locator("#moi").is_visible():
                page.keyboard.press("m")
            if not first[1] and time.monotonic() - began_s > MINUTES * 12:
                first = _size(devtools)
        last = _size(devtools)
        rows = page.locator("li[data-alert]").count()
        chromium.close()
    said = f"page open for {MINUTES:g} minutes, {count} alerts"
    yield figure(f"{said}: heap at the end", last[0], "MiB", "after a fifth of the time", last[0] / first[0])
    yield figure("… elements of the page", last[1], "elements", "after a fifth", last[1] / first[1])
    yield figure("… rows in its queue", rows, "rows", "")


def _raise(stage: Stage, number: int) -> None:
    stage.clock.advance(EVERY_S)
    now = stage.now()
    said = MotionStarted(
        episode=f"soak-{number}", camera="kho", started_at=now, snapshot=b"", boxes=[Box(x=0.1, y=0.1, w=0.2, h=0.2)],
        confidence=0.8,
        clock="unknown",  # then no two of them are taken for one incident
    )  # fmt: skip
    with stage.database.session() as db:
        alerts.raise_motion(db, "thon-01", said, None, now)


def _size(devtools: CDPSession) -> tuple[float, int]:
    """MiB of the heap after its garbage is gone, and elements."""
    devtools.send("HeapProfiler.collectGarbage")
    heap = devtools.send("Runtime.getHeapUsage")["usedSize"] / 2**20
    nodes = devtools.send("Memory.getDOMCounters")["nodes"]
    return heap, nodes
