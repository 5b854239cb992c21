"""Pages and memory of the kiosk's own process, beside a bare Flask application on the same web server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from kiosk.content import shipped
from tests.bench.link.processes import figure, percentile
from tests.bench.screens.running import RunningKiosk, running_kiosk

ALLOWED_MB: Final = 60.0
ROUNDS: Final = 5
BARE: Final = """
import sys, flask, waitress
app = flask.Flask("bare")
app.add_url_rule("/", view_func=lambda: flask.render_template_string("<!doctype html><title>x</title>{{ n }}", n=1))
app.test_client().get("/")
print(next(l.split()[1] for l in open("/proc/self/status") if l.startswith("VmRSS:")))
"""


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Time of each kind of page, and memory after all of them."""
    pages = ["/", "/nha", "/linh-vuc", "/tim?q=lam+giay+khai+sinh"]
    pages += [f"/su-kien/{event.code}" for event in shipped().life_events]
    pages += [f"/tt/{code}" for code in shipped().procedures]
    with running_kiosk(folder) as kiosk:
        fresh = kiosk.memory_mb()
        home = _p95(kiosk, ["/nha"] * 100)
        all_pages = _p95(kiosk, pages * ROUNDS)
        walked = kiosk.memory_mb()
    bare_mb = int(subprocess.run([sys.executable, "-c", BARE], capture_output=True, check=True).stdout) / 1024
    yield figure("pages: home, p95", home, "ms")
    yield figure("pages: every kind, p95", all_pages, "ms", "home", all_pages / home)
    yield figure("memory of the server, just started", fresh, "MB", "bare Flask", fresh / bare_mb)
    yield figure(f"… after {len(pages) * ROUNDS} pages", walked, "MB", "60 MB allowed", walked / ALLOWED_MB)


def _p95(kiosk: RunningKiosk, pages: list[str]) -> float:
    took = []
    for page in pages:
        began = time.perf_counter()
        kiosk.get(page)
        took.append((time.perf_counter() - began) * 1e3)
    return percentile(took, 0.95)
