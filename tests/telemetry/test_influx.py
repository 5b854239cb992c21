"""The copy on a real VictoriaMetrics: complete and equal, whatever is killed in between."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from broker.contract import Identity
from broker.contract.board import Reading
from broker.hub.records import Database, Replica, ReplicaDue
from broker.hub.telemetry import influx, series
from broker.link.config import Influx
from tests.fakes.session import FakeClock, FakeSession
from tests.until import until

NOW = datetime.now(UTC).replace(microsecond=0)
RIVER, AIR = "water_level_m.song-van", "air_celsius.nha-van-hoa"


class Victoria:
    """A real VictoriaMetrics on a fixed free port, started and killed as the test likes."""

    def __init__(self, program: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [
            program,
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={folder}",
            "-dedup.minScrapeInterval=1ms",
            "-retentionPeriod=24",
            "-loggerLevel=ERROR",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, 20)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Let it write what it holds in memory, then end."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def points(self, metric: str) -> dict[int, float]:
        """All samples of a metric: time in ms to value."""
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=10):
            pass
        query = f"{self.url}/api/v1/export?match[]={metric}"
        with urllib.request.urlopen(query, timeout=10) as answer:
            rows = [json.loads(line) for line in answer]
        return {at: value for row in rows for at, value in zip(row["timestamps"], row["values"], strict=True)}

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[Victoria]:
    """A running server; the test is skipped where VictoriaMetrics is not installed."""
    program = shutil.which("victoria-metrics")
    if program is None:
        reason = "VictoriaMetrics is not installed (apt install victoria-metrics)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    server = Victoria(program, tmp_path / "victoria")
    server.start()
    yield server
    server.kill()


class Copy:
    """The copying worker, running in a thread of its own."""

    def __init__(self, database: Database, setting: Influx) -> None:
        self.session = FakeSession(Identity("hub", "ingest"), None, FakeClock(NOW, running=True))
        (worker,) = influx.workers(database, setting, self.session)  # type: ignore[arg-type]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=worker.run, args=(self._stop, lambda: None))
        self._thread.start()

    def __enter__(self) -> Copy:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


def store(database: Database, name: str, first: int, count: int) -> dict[int, float]:
    """Store `count` readings, a second apart; gives what a copy must hold."""
    readings = [
        Reading(series=name, at=NOW - timedelta(hours=2) + timedelta(seconds=n), value=n / 8, unit="m")
        for n in range(first, first + count)
    ]
    with database.session() as db:
        assert series.write(db, "thon-01", "board", readings, NOW).stored == count
    return {series.to_ms(reading.at): reading.value for reading in readings}


def is_complete(database: Database) -> bool:
    with database.reading() as db:
        queued = db.scalar(select(func.count()).select_from(ReplicaDue))
        return queued == 0 and bool(db.scalar(select(Replica.past_done)))


def test_old_and_new_readings_arrive_equal(database: Database, victoria: Victoria) -> None:
    wanted = store(database, RIVER, 0, 120)
    with Copy(database, Influx(url=victoria.url)):
        air = store(database, AIR, 0, 40)
        wanted |= store(database, RIVER, 120, 60)
        until(lambda: is_complete(database), 40)
    assert victoria.points("water_level_m_value") == wanted
    assert victoria.points("air_celsius_value") == air
    assert set(victoria.points("air_celsius_quality").values()) == {0}


def test_a_killed_server_loses_nothing_once_it_is_back(database: Database, victoria: Victoria) -> None:
    setting = Influx(url=victoria.url)
    wanted = store(database, RIVER, 0, 30)
    with Copy(database, setting) as copy:
        until(lambda: is_complete(database), 40)
        victoria.stop()
        for n in range(5):
            wanted |= store(database, RIVER, 30 + 20 * n, 20)
        assert copy.session.wait(lambda: "influx" in copy.session.problems)
        assert copy.session.problems["influx"] == influx.AWAY
        assert not is_complete(database)
        victoria.start()
        until(lambda: is_complete(database), 40)
        assert copy.session.wait(lambda: not copy.session.problems)
    assert victoria.points("water_level_m_value") == wanted


def test_a_batch_sent_but_not_confirmed_is_sent_again_and_stays_one(
    database: Database, victoria: Victoria
) -> None:
    influx.register(database, "x")
    wanted = store(database, RIVER, 0, 25)
    sender = influx.Sender(Influx(url=victoria.url))
    batch = influx.take(database)
    assert batch is not None
    sender.send(influx.lines_of(database, batch.rows))  # and the hub dies before it confirms
    sender.close()
    with Copy(database, Influx(url=victoria.url)):
        until(lambda: is_complete(database), 40)
    assert victoria.points("water_level_m_value") == wanted


def test_nothing_is_queued_where_no_server_is_named(database: Database) -> None:
    session = FakeSession(Identity("hub", "ingest"))
    assert influx.workers(database, Influx(), session) == []  # type: ignore[arg-type]
    store(database, RIVER, 0, 3)
    assert influx.take(database) is None


def test_another_server_gets_everything_from_the_beginning(database: Database) -> None:
    influx.register(database, "first")
    store(database, RIVER, 0, 3)
    while (batch := influx.take(database)) is not None:
        influx.confirm(database, batch)
    influx.register(database, "first")
    assert influx.take(database) is None
    influx.register(database, "second")
    again = influx.take(database)
    assert again is not None
    assert len(again.rows) == 3


def test_a_missing_token_file_is_told_and_nothing_is_lost(database: Database, tmp_path: Path) -> None:
    store(database, RIVER, 0, 3)
    with Copy(database, Influx(url="http://127.0.0.1:9", token_file=str(tmp_path / "none"))) as copy:
        assert copy.session.wait(lambda: copy.session.problems.get("influx") == influx.DENIED)
    assert not is_complete(database)


def test_line_protocol_of_a_reading(database: Database) -> None:
    influx.register(database, "x")
    store(database, RIVER, 9, 1)
    batch = influx.take(database)
    assert batch is not None
    at_ms = series.to_ms(NOW - timedelta(hours=2)) + 9000
    assert influx.lines_of(database, batch.rows) == [
        f"water_level_m,node=thon-01,service=board,sensor=song-van value=1.125,quality=0i {at_ms}"
    ]
