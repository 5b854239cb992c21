"""Somebody who reads the hub's database in a process of its own: when does which reading become visible?

Looks every millisecond whether the database changed (PRAGMA data_version costs no read of it), and then asks the
store for the last value of every series, as a page does. Argument: the hub's TOML. Says {} when it looks, and
{"value"} to a line that names a node (the newest seen of it); when stdin closes {"seen": {node: [[value, at_s], …]}},
at_s after the answer was there.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from pathlib import Path

from broker.hub.records import open_database
from broker.hub.telemetry import series
from broker.link.config import load

LOOK_S = 0.001


def main(config: Path) -> None:
    """Watch until stdin closes."""
    settings = load(config)
    database = open_database(settings)
    bell = sqlite3.connect(settings.data_dir / "hub.db")
    seen: dict[str, list[tuple[int, float]]] = {}
    stop = threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            _say({"value": seen.get(json.loads(line), [(0, 0.0)])[-1][0]})
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    _say({})
    version = -1
    while not stop.wait(LOOK_S):
        now = bell.execute("PRAGMA data_version").fetchone()[0]
        if now == version:
            continue
        version = now
        with database.reading() as db:
            found = [(each.node, int(each.value)) for each in series.latest(db)]
        at_s = time.monotonic()
        for node, value in found:
            past = seen.setdefault(node, [])
            if not past or past[-1][0] < value:
                past.append((value, at_s))
    _say({"seen": seen})


def _say(words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
