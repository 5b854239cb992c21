"""`./langso faults --taps N --seed S`: a child hammers the screen. Never blank, never elsewhere, memory level.

The kiosk runs as a process of its own; Chromium gets presses anywhere, one or two at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from playwright.async_api import CDPSession, Page, async_playwright
from playwright.async_api import Error as PlaywrightError

from tests.bench.screens.running import RunningKiosk, running_kiosk
from tests.browser.conftest import CHROMIUM, FLAGS

Tell = Callable[[str], None]
MISSING: Final = 69
"""EX_UNAVAILABLE."""
LOOK_EVERY: Final = 20
"""Taps between two looks at what is shown."""
WIDTH, HEIGHT = 1920, 1080
PRESS_S: Final = 5.0
LEAST_LETTERS: Final = 10
HEAP: Final = "JSHeapUsedSize"
TAPS_THAT_TELL: Final = 2000
"""Fewer say nothing about memory."""
GROWS_MB: Final = 12.0
HEAP_GROWS_MB: Final = 8.0


class Hammered(Exception):
    """The screen did what it must not; the text says what, after which tap."""


def main(arguments: Sequence[str], tell: Tell) -> int:
    """Run as many taps as asked for; 0 when nothing bad was seen."""
    parser = argparse.ArgumentParser(prog="langso faults")
    parser.add_argument("--taps", type=int, required=True, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    if not Path(CHROMIUM).exists():
        tell("chromium is not installed")
        return MISSING
    with tempfile.TemporaryDirectory() as folder, running_kiosk(Path(folder)) as kiosk:
        try:
            tell(asyncio.run(hammer(kiosk, chosen.taps, chosen.seed, tell)))
        except Hammered as why:
            tell(f"BAD   {why}")
            return 1
    return 0


async def hammer(kiosk: RunningKiosk, taps: int, seed: int, tell: Tell) -> str:
    """Tap so often; a line of what was seen. Raises Hammered."""
    chance = random.Random(seed)
    began = time.monotonic()
    pages: set[str] = set()
    level: list[tuple[float, float]] = []
    async with async_playwright() as play:
        flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True)
        wire = await page.context.new_cdp_session(page)
        await wire.send("Performance.enable")
        await page.goto(f"{kiosk.url}/")
        for tap in range(1, taps + 1):
            await _tap(wire, chance)
            if tap % LOOK_EVERY == 0:
                pages.add(await _look(page, kiosk, tap))
            if tap % max(LOOK_EVERY, taps // 20) == 0:
                level.append((kiosk.memory_mb(), await _heap(wire)))
                tell(
                    f"tap {tap}: server {level[-1][0]:.1f} MB, page {level[-1][1]:.1f} MB, {len(pages)} addresses"
                )
        await browser.close()
    # After two fifths every kind of page was shown, and what stays in memory is there.
    early, late = level[len(level) * 2 // 5], level[-1]
    grown, heap = late[0] - early[0], late[1] - early[1]
    if taps >= TAPS_THAT_TELL and (grown > GROWS_MB or heap > HEAP_GROWS_MB):
        raise Hammered(f"memory grew: server {grown:+.1f} MB, page {heap:+.1f} MB in {taps} taps")
    return (
        f"clean {taps} taps, seed {seed}: 0 blank screens, {len(pages)} addresses, server {grown:+.1f} MB, "
        f"page {heap:+.1f} MB, {time.monotonic() - began:.0f} s"
    )


async def _tap(wire: CDPSession, chance: random.Random) -> None:
    # Two fingers come as two presses without a pause. Touch events wait for ever for a page that is being left, and
    # one press in some ten thousand does too: it is let go, and whether the page lives shows at the next look.
    fingers = 2 if chance.random() < 0.1 else 1
    try:
        for _ in range(fingers):
            at = {
                "x": chance.randrange(WIDTH),
                "y": chance.randrange(HEIGHT),
                "button": "left",
                "clickCount": 1,
            }
            for what in ("mousePressed", "mouseReleased"):
                await asyncio.wait_for(wire.send("Input.dispatchMouseEvent", {"type": what, **at}), PRESS_S)
    except TimeoutError:
        return
    except PlaywrightError as why:
        # A page that is just being left takes no touch; one that is stuck shows at the next look.
        if "Target" in str(why):
            raise Hammered(f"the page is gone: {why}") from why


async def _look(page: Page, kiosk: RunningKiosk, tap: int) -> str:
    await page.wait_for_load_state("load", timeout=8_000)
    if not page.url.startswith(f"{kiosk.url}/"):
        raise Hammered(f"after tap {tap} the screen shows {page.url}")
    for _ in range(3):
        try:
            shown = await page.locator("main").inner_text(timeout=8_000)
            break
        except PlaywrightError:
            continue  # it was just being replaced
    else:
        raise Hammered(f"after tap {tap} nothing is shown at {page.url}")
    if len(shown.strip()) < LEAST_LETTERS:
        raise Hammered(f"after tap {tap} the screen is blank at {page.url}")
    return page.url.partition("?")[0]


async def _heap(wire: CDPSession) -> float:
    await wire.send("HeapProfiler.collectGarbage")
    metrics = (await wire.send("Performance.getMetrics"))["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == HEAP)) / 2**20
