"""What it costs a source to keep a message before it is sent, beside a bare SQLite loop of full-sync commits."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broker.contract import Identity, read, topic_of
from broker.contract.board import Reading, Readings
from broker.contract.message import encode, payload
from broker.link.clock import MachineClock
from broker.link.session import Session
from tests.bench.link.processes import figure, median
from tests.brokers import PLACE
from tests.settings import node_settings

ROUNDS = 5
SPAN_S = 0.5
PACKETS = 20_000
READINGS = Readings(
    items=[
        Reading(series="water_level_m.song-van", at=datetime(2026, 11, 22, tzinfo=UTC), value=1.25, unit="m")
    ]
)


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Messages kept a second and CPU of each, with one thread and with eight; the decoding of a packet."""
    settings = node_settings(folder)
    (settings.keys_dir / "board.password").write_text("none")
    session = Session(
        settings, "board", MachineClock(settings.data_dir / "clock-floor", settings.clock.source)
    )
    body = payload(READINGS)
    with closing(_bare_database(folder / "bare.db")) as bare:
        rounds = [
            (
                _measured(1, lambda: bare.execute("INSERT INTO kept (body) VALUES (?)", (body,))),
                _measured(1, lambda: session.send(READINGS)),
                _measured(8, lambda: session.send(READINGS)),
            )
            for _ in range(ROUNDS)
        ]
    session.close()
    (bare_per_s, bare_us), *own = (
        (median([each[n][0] for each in rounds]), median([each[n][1] for each in rounds])) for n in range(3)
    )
    base = "bare SQLite commits, full sync"
    for threads, (per_s, us) in zip(("1 thread", "8 threads"), own, strict=True):
        yield figure(f"outbox, kept by {threads}", per_s, "messages/s", base, per_s / bare_per_s)
        yield figure(f"outbox, CPU by {threads}", us, "µs/message", base, us / bare_us)
    yield figure("bare SQLite commits, full sync", bare_per_s, "messages/s")
    yield figure("decoding a packet", _decoding_us(body), "µs/message")


def _bare_database(path: Path) -> sqlite3.Connection:
    """Every statement is its own transaction, on the disk when it returns."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE kept (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    return db


def _measured(threads: int, keep: Callable[[], object]) -> tuple[float, float]:
    """(messages a second, µs of CPU for each) of so many threads that keep one message after another."""
    counts = [0] * threads
    ends_s = time.monotonic() + SPAN_S

    def work(n: int) -> None:
        while time.monotonic() < ends_s:
            keep()
            counts[n] += 1

    began_s, began_cpu_s = time.monotonic(), time.process_time()
    if threads == 1:
        work(0)  # the bare connection belongs to this thread
    else:
        each = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
        for thread in each:
            thread.start()
        for thread in each:
            thread.join()
    used_s, took_s = time.process_time() - began_cpu_s, time.monotonic() - began_s
    return sum(counts) / took_s, used_s / sum(counts) * 1e6


def _decoding_us(body: bytes) -> float:
    """CPU of reading one packet by its topic: frame, message, every check of the contract."""
    topic = topic_of(PLACE, Identity("thon-01", "board"), Readings)
    raw = encode(body, datetime.now(UTC), "trusted", "0123456789abcdef", 1)
    began_s = time.thread_time()
    for _ in range(PACKETS):
        read(PLACE, topic, raw)
    return (time.thread_time() - began_s) / PACKETS * 1e6
