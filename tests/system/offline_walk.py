"""Run inside an empty network namespace: bring up loopback, start the kiosk, walk its pages in Chromium.

usage: offline_walk.py PORT COMMAND…
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from playwright.sync_api import sync_playwright

from tests.bench.screens.running import RunningKiosk
from tests.browser.conftest import CHROMIUM, FLAGS

PAGES = (
    "/",
    "/nha",
    "/su-kien/sinh-con/hoi",
    "/linh-vuc",
    "/linh-vuc/tu-phap",
    "/tim?q=lam+giay+khai+sinh",
    "/tt/1.000894",
    "/tt/1.000894/kiem-giay",
    "/canh-bao",
)


def main(port: int, command: list[str]) -> int:
    """0 when every page was shown whole, with its fonts and script, and nothing was asked of anyone else."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    kiosk = RunningKiosk(port, process.pid)
    try:
        _wait(kiosk)
        return _walk(kiosk)
    finally:
        process.terminate()
        process.wait(10)


def _wait(kiosk: RunningKiosk) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            kiosk.get("/nha")
            return
        except OSError:
            if time.monotonic() > until:
                raise


def _walk(kiosk: RunningKiosk) -> int:
    wrong: list[str] = []
    with sync_playwright() as play:
        flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.on("requestfailed", lambda asked: wrong.append(f"{asked.url}: {asked.failure}"))
        page.on("pageerror", lambda why: wrong.append(str(why)))
        for path in PAGES:
            answer = page.goto(kiosk.url + path)
            if answer is None or answer.status != 200 or len(page.locator("main").inner_text()) < 10:
                wrong.append(f"{path} is not there")
            page.evaluate("document.fonts.ready")
        browser.close()
    # A page that is left gives up what it was asking: that is no failure.
    wrong = [each for each in wrong if "ERR_ABORTED" not in each]
    sys.stdout.write(f"seen {len(PAGES)} pages\n" + "\n".join(wrong) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
