"""`langso bench store`: how small readings lie on the disk, and how fast they are asked, out of ten million.

300 series of 30 nodes, one reading each 10 s with milliseconds of jitter, sensors of ten kinds. The rows are put
in with their marks as the recorder leaves them, in the order in which they would come; every two hours of them
the hub's own roll-up and packing run (in service every hour, which keeps fewer rows), and the file is measured as
it lies there then: nothing is vacuumed. The baseline holds the same readings as plain rows, SQLite WITHOUT ROWID.

LANGSO_BENCH_POINTS lowers the number of readings.
"""

from __future__ import annotations

import math
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask
from numpy.typing import NDArray
from sqlalchemy import text

from broker.contract import HUB, Identity
from broker.contract.board import Reading
from broker.hub import api
from broker.hub.records import Database
from broker.hub.records.database import open_url
from broker.hub.telemetry import chunks, rollup, series
from broker.hub.telemetry.chunks import DAY_MS, HOUR_MS
from broker.hub.telemetry.figures import from_ms, to_ms
from broker.hub.telemetry.recorder import Recorder
from tests.bench.link.processes import figure, ingest, median, publisher
from tests.brokers import RunningBroker
from tests.settings import hub_settings

POINTS = int(os.environ.get("LANGSO_BENCH_POINTS", "10000000"))
NODES, PER_NODE = 30, 10
SERIES = NODES * PER_NODE
EACH_MS, JITTER_MS = 10_000, 20
ROUND_MS = 2 * HOUR_MS
RAW_BYTES = 16
"""A time and a value of 8 bytes each."""
ASKED, AGAIN = 15, 5
"""Of how many series each question is asked, and how often: of each the quickest, of these the middle one."""
RUN_S = 12.0
BOARDS = [Identity(f"thon-{n:02d}", "board") for n in range(1, NODES + 1)]

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_BARE = "CREATE TABLE r (s INTEGER, t INTEGER, v REAL, q INTEGER, PRIMARY KEY (s, t)) WITHOUT ROWID"


def figures() -> Iterator[dict[str, Any]]:
    """Bytes per reading, three questions, and what ingest holds in memory over this store."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = hub_settings(folder).data_dir / "hub.db"
        began = time.monotonic()
        readings = _Readings(max(2, POINTS // SERIES))
        count = readings.count * SERIES
        database = open_url(f"sqlite:///{file}")
        ids = _fill(database, readings)
        database.close()
        filled_s = time.monotonic() - began
        yield figure("load average", os.getloadavg()[0], f"of {os.cpu_count()} cores")
        yield figure("readings stored", count, "readings")
        yield figure("rolled up and packed", count / filled_s, "readings/s")
        size = _bytes(file)
        yield figure(
            "stored reading, index and all", size / count, "bytes", "16 raw bytes", size / count / RAW_BYTES
        )
        bare = folder / "bare.db"
        _fill_bare(bare, readings, ids)
        rows = _bytes(bare)
        yield figure("plain SQLite row", rows / count, "bytes", "16 raw bytes", rows / count / RAW_BYTES)
        end_ms = readings.end_ms
        del readings
        database = open_url(f"sqlite:///{file}")
        with closing(sqlite3.connect(bare)) as plain:
            yield from _questions(database, plain, ids, end_ms)
        with closing(sqlite3.connect(file)) as plain:
            yield from _last_values(database, plain)
        database.close()
        yield from _memory(folder, file)


class _Readings:
    """What the boards measured: per series its times, values and qualities."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.end_ms = to_ms(datetime.now(UTC))
        self.start_ms = self.end_ms - count * EACH_MS
        dice = np.random.default_rng(11)
        grid = self.start_ms + np.arange(count) * EACH_MS
        self.at_ms = [grid + dice.integers(0, JITTER_MS, count) for _ in range(SERIES)]
        self.value = [_sensor(KINDS[n % PER_NODE], grid, dice) for n in range(SERIES)]
        self.quality = [np.where(dice.random(count) < 0.002, 2, 0) for _ in range(SERIES)]

    def between(self, since_ms: int, until_ms: int, ids: list[int]) -> list[tuple[int, int, float, int]]:
        """Rows of a stretch in the order in which they came."""
        parts = []
        for n, number in enumerate(ids):
            first, last = np.searchsorted(self.at_ms[n], (since_ms, until_ms))
            span = slice(first, last)
            same = np.full(last - first, number)
            parts.append((same, self.at_ms[n][span], self.value[n][span], self.quality[n][span]))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(columns[1], kind="stable")
        return list(zip(*(column[order].tolist() for column in columns), strict=True))


def _day(at_ms: Numbers) -> Floats:
    return np.sin((at_ms % DAY_MS) / DAY_MS * 2 * math.pi)


def _walk(at_ms: Numbers, dice: np.random.Generator, step: float) -> Floats:
    return np.cumsum(dice.normal(0, step, len(at_ms)))


def _noise(at_ms: Numbers, dice: np.random.Generator, size: float) -> Floats:
    return dice.normal(0, size, len(at_ms))


KINDS: list[tuple[str, str, int, Callable[[Numbers, np.random.Generator], Floats]]] = [
    ("air_celsius", "°C", 1, lambda at, d: 26 + 5 * _day(at) + _walk(at, d, 0.01) + _noise(at, d, 0.05)),
    ("humidity_percent", "%", 1, lambda at, d: 78 - 12 * _day(at) + _noise(at, d, 0.2)),
    ("water_level_m", "m", 3, lambda at, d: 4.5 - (2.3 + _walk(at, d, 0.0004) + _noise(at, d, 0.002))),
    ("pressure_hpa", "hPa", 1, lambda at, d: 1008 + _walk(at, d, 0.01) + _noise(at, d, 0.05)),
    ("rain_mm", "mm", 1, lambda at, d: np.cumsum(d.random(len(at)) < 0.01) * 0.2),
    ("wind_ms", "m/s", 1, lambda at, d: d.gamma(2.0, 0.9, len(at))),
    ("soil_percent", "%", 1, lambda at, d: 40 + _walk(at, d, 0.003)),
    ("battery_volt", "V", 2, lambda at, d: 12.6 + 0.4 * _day(at) + _noise(at, d, 0.01)),
    ("light_lux", "lx", 0, lambda at, d: np.maximum(0, 30_000 * _day(at)) * (1 + _noise(at, d, 0.02))),
    ("cpu_celsius", "°C", 3, lambda at, d: np.rint((52 + 3 * _day(at) + _noise(at, d, 0.3)) / 0.487) * 0.487),
]
"""Name, unit, decimals of the sensor, and its signal."""


def _sensor(kind: tuple[str, str, int, Any], at_ms: Numbers, dice: np.random.Generator) -> Floats:
    found: Floats = np.round(kind[3](at_ms, dice), kind[2])
    return found + 0.0


def _fill(database: Database, readings: _Readings) -> list[int]:
    """Put everything in as time passes; returns the ids of the series."""
    last = [(float(readings.value[n][-1]), int(readings.at_ms[n][-1])) for n in range(SERIES)]
    with database.session() as db:
        for m, who in enumerate(BOARDS):
            newest = [
                Reading(series=f"{name}.s{m}", at=from_ms(at_ms), value=value, unit=unit)
                for (name, unit, *_), (value, at_ms) in zip(KINDS, last[m * PER_NODE :], strict=False)
            ]
            Recorder().show(db, who, newest, datetime.now(UTC))
        order = "SELECT id FROM series ORDER BY id"
        ids = list(db.scalars(text(order)))
    for since_ms in range(readings.start_ms // HOUR_MS * HOUR_MS, readings.end_ms + 1, ROUND_MS):
        rows = readings.between(since_ms, since_ms + ROUND_MS, ids)
        marks = sorted({(row[0], row[1] // HOUR_MS) for row in rows})
        with database.session() as db:
            link = db.connection()
            link.exec_driver_sql(
                "INSERT INTO reading (series, at_ms, value, quality) VALUES (?, ?, ?, ?)", rows
            )
            link.exec_driver_sql("INSERT INTO reading_hour_due (series, hour) VALUES (?, ?)", marks)
        _put_in_order(database, from_ms(min(since_ms + ROUND_MS, readings.end_ms)))
    return ids


def _put_in_order(database: Database, now: datetime) -> None:
    """What the roll-up worker does."""
    found = 1
    while found:
        with database.session() as db:
            found = rollup.roll(db, now)
    rollup.seal_all(database, now, lambda took_s: False)


def _fill_bare(file: Path, readings: _Readings, ids: list[int]) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA synchronous=OFF")
        db.execute(_BARE)
        for n, number in enumerate(ids):
            columns = (readings.at_ms[n], readings.value[n], readings.quality[n])
            rows = zip([number] * readings.count, *(column.tolist() for column in columns), strict=True)
            db.executemany("INSERT INTO r VALUES (?, ?, ?, ?)", rows)
        db.commit()


def _bytes(file: Path) -> int:
    """The database and whatever lies beside it."""
    return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))


def _questions(
    database: Database, plain: sqlite3.Connection, ids: list[int], end_ms: int
) -> Iterator[dict[str, Any]]:
    """24 h of one series: all readings, and figures per five minutes. Each time of another series, in turn."""
    since_ms = end_ms - 25 * HOUR_MS
    span = (since_ms, since_ms + DAY_MS)
    bare, packed, grouped, asked = [], [], [], []
    with database.reading() as db:
        names = db.execute(text("SELECT id, node, name FROM series")).all()
        for number, node, name in names[:: max(1, len(names) // ASKED)]:
            rows = _timed(bare, lambda number=number: plain.execute(_SCAN, (number, *span)).fetchall())
            found = _timed(packed, lambda number=number: chunks.columns(db, number, *span))
            assert len(rows) == len(found.at_ms)
            assert [row[1] for row in rows] == found.value.tolist()
            sql = _timed(grouped, lambda number=number: plain.execute(_GROUP, (number, *span)).fetchall())
            place = (node, name, from_ms(span[0]), from_ms(span[1]), 300)
            own = _timed(asked, lambda place=place: series.query(db, *place))
            assert [(row[1], row[3]) for row in sql] == [(bucket.low, bucket.high) for bucket in own]
    base = "plain SQLite rows"
    yield figure("24 h of one series", median(packed), "ms", base, median(packed) / median(bare))
    yield figure("24 h in plain SQLite", median(bare), "ms")
    yield figure("5-minute figures of 24 h", median(asked), "ms", base, median(asked) / median(grouped))


_SCAN = "SELECT t, v, q FROM r WHERE s = ? AND t >= ? AND t < ? ORDER BY t"
_GROUP = (
    "SELECT (t + 25200000) / 300000 AS b, min(CASE WHEN q < 2 THEN v END), avg(CASE WHEN q < 2 THEN v END),"
    " max(CASE WHEN q < 2 THEN v END), count(*) FROM r WHERE s = ? AND t >= ? AND t < ? GROUP BY b ORDER BY b"
)


def _timed(into: list[float], ask: Callable[[], Any]) -> Any:
    """The answer; its milliseconds are noted, those of the least disturbed of a few times."""
    took = []
    for _ in range(AGAIN):
        began = time.perf_counter()
        found = ask()
        took.append((time.perf_counter() - began) * 1000)
    into.append(min(took))
    return found


def _last_values(database: Database, plain: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    app = Flask(__name__)
    app.register_blueprint(api.blueprint(database.reading))
    client = app.test_client()
    in_store: list[float] = []
    by_api: list[float] = []
    bare: list[float] = []
    for _ in range(ASKED):
        with database.reading() as db:
            db.connection()
            assert len(_timed(in_store, lambda: series.latest(db))) == SERIES
        assert len(_timed(bare, lambda: plain.execute("SELECT * FROM series").fetchall())) == SERIES
        assert _timed(by_api, lambda: client.get("/api/v1/series")).status_code == 200
    base = "the same rows by bare sqlite3"
    for how, took in (("in store", in_store), ("by API", by_api)):
        ratio = median(took) / median(bare)
        yield figure(f"last values of {SERIES} series, {how}", median(took), "ms", base, ratio)


def _memory(folder: Path, file: Path) -> Iterator[dict[str, Any]]:
    """Ingest over this store, its roll-up at work, 30 nodes sending one message a second each."""
    who = Identity(HUB, "ingest")
    broker = RunningBroker("mosquitto", folder / "broker", [who, *BOARDS], bounded=False)
    broker.start()
    try:
        with (
            ingest(broker, folder) as (pid, settings),
            publisher(broker, BOARDS, hop=True, step=timedelta(seconds=1)) as boards,
        ):
            assert settings.data_dir / "hub.db" == file
            boards.ask({"do": "build", "upto": int(RUN_S) + 10})
            boards.ask({"do": "pace", "per_s": NODES, "seconds": RUN_S})
            status = Path(f"/proc/{pid}/status").read_text()
    finally:
        broker.stop()
    for key, what in (("VmRSS", "now"), ("VmHWM", "at most")):
        kib = int(status.partition(f"{key}:")[2].split()[0])
        yield figure(f"memory of ingest over this store, {NODES} nodes, {what}", kib / 1024, "MiB")
