"""`langso search` and `langso watch`: what the kiosk would find, and what a camera would see."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from typing import Any

RESULTS = 5


def add(commands: Any) -> None:
    """Declare the commands."""
    search = commands.add_parser("search", help="a query a line on stdin → a JSON line each")
    search.set_defaults(act=_search)
    watch = commands.add_parser(
        "watch", help="motion and tampering of a video, RTSP URL or device, as JSON lines"
    )
    watch.add_argument("source", metavar="SOURCE")
    watch.set_defaults(act=_watch)


def _search(chosen: argparse.Namespace) -> int:
    from deploy.terminal import put_json
    from kiosk.content import shipped
    from kiosk.search import Search

    del chosen
    index = Search(shipped().entries())
    for line in sys.stdin:
        query = line.rstrip("\r\n")
        hits = index.find(query, RESULTS)
        put_json(
            {"query": query, "results": [{"code": hit.code, "title": hit.title} for hit in hits[:RESULTS]]}
        )
    return 0


def _watch(chosen: argparse.Namespace) -> int:
    # Before NumPy is loaded: the threads of its BLAS cost a tenth of a CPU second to start, and pictures need none.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()  # loading makes no garbage, and looking for it is a tenth of the loading
    from deploy.terminal import put_json, say_error
    from edge.camera.capture import CaptureError
    from edge.camera.watch import watch

    gc.freeze()
    gc.enable()
    try:
        for found in watch(chosen.source):
            put_json(found)
    except CaptureError as why:
        say_error(str(why))
        return 1
    return 0
