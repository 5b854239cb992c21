"""The copy on a real VictoriaMetrics and a real InfluxDB 1.6: complete and equal, whatever is killed in between."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from broker.contract import Identity
from broker.contract.board import Reading
from broker.hub.records import Database, Quarantine, Replica, ReplicaDue, Series
from broker.hub.telemetry import copying, influx, replica, series
from broker.hub.telemetry.figures import to_ms
from broker.hub.telemetry.recorder import Recorder
from broker.link.config import Influx
from tests.fakes.session import FakeClock, FakeSession
from tests.telemetry.servers import KINDS, QUALITIES, Points, RunningServer
from tests.until import until

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC).replace(microsecond=0)
RIVER, AIR, DOOR = "water_level_m.song-van", "air_celsius.nha-van-hoa", "door_open"
WRITTEN_S = {"victoria": 16.0, "influx": 1.0}
"""What a server confirmed so long ago is on its disk: VictoriaMetrics 1.79 needs 8 to 12 s, InfluxDB none."""


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningServer]:
    """Each real server, running."""
    yield from running(request.param, tmp_path)


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[RunningServer]:
    """A running VictoriaMetrics."""
    yield from running("victoria", tmp_path)


@pytest.fixture
def old_influx(tmp_path: Path) -> Iterator[RunningServer]:
    """A running InfluxDB 1.6."""
    yield from running("influx", tmp_path)


def running(kind: str, folder: Path) -> Iterator[RunningServer]:
    found = RunningServer(kind, folder / "server")
    found.start()
    yield found
    found.signal(signal.SIGKILL)


class Copy:
    """The copying worker, running in a thread of its own."""

    def __init__(self, database: Database, setting: Influx, held_s: float = 0.5) -> None:
        self.session = FakeSession(Identity("hub", "ingest"), None, FakeClock(NOW, running=True))
        replica.register(database, f"{setting.url} {setting.bucket}")
        worker = copying.Copying(database, setting, self.session, held_s=held_s)  # type: ignore[arg-type]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=worker.run, args=(self._stop, lambda: None))
        self._thread.start()

    def __enter__(self) -> Copy:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


class CopyingProcess:
    """The copying worker as a process that can be killed."""

    def __init__(self, database: Database, server: RunningServer) -> None:
        self._order = [
            sys.executable,
            "-m",
            "tests.telemetry.copy_child",
            str(database.engine.url),
            server.url,
            str(WRITTEN_S[server.kind]),
        ]
        self.process = self._start()

    def kill_and_start_again(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self.process = self._start()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*self._order], cwd=ROOT)


def store(database: Database, name: str, first: int, count: int, node: str = "thon-01") -> None:
    """Store `count` readings, a second apart, of every quality."""
    readings = [
        Reading(
            series=name,
            at=NOW - timedelta(hours=20) + timedelta(seconds=n),
            value=n / 8,  # VictoriaMetrics keeps twelve digits of a number, and these are fewer
            unit="m",
            quality=QUALITIES[n % len(QUALITIES)],  # type: ignore[arg-type]
        )
        for n in range(first, first + count)
    ]
    with database.session() as db:
        who = Identity(node, "board")
        assert Recorder().write(db, {who: readings}, NOW)[who].stored == count


def stored(database: Database) -> Points:
    """Everything the hub holds."""
    since, until_at = NOW - timedelta(days=2), NOW + timedelta(days=2)
    with database.reading() as db:
        return {
            (f"{row.node}/{row.name}", to_ms(point.at), point.value, point.quality)
            for row in db.scalars(select(Series))
            for point in series.raw(db, row.node, row.name, since, until_at, limit=10**6)
        }


def is_complete(database: Database) -> bool:
    with database.reading() as db:
        queued = db.scalar(select(func.count()).select_from(ReplicaDue))
        return queued == 0 and bool(db.scalar(select(Replica.past_done)))


def test_old_and_new_readings_arrive_equal(database: Database, server: RunningServer) -> None:
    store(database, RIVER, 0, 7000)
    with Copy(database, Influx(url=server.url)):
        store(database, AIR, 0, 40)
        store(database, DOOR, 0, 3, node="thon-02")
        store(database, RIVER, 7000, 60)
        until(lambda: is_complete(database), 60)
    assert len(stored(database)) == 7103
    assert server.points() == stored(database)


@pytest.mark.timeout(300)
def test_nothing_is_lost_when_both_are_killed_in_the_middle_of_batches(
    database: Database, server: RunningServer
) -> None:
    """kill -9 of the server, of the copying process, and of both, each while a batch is on its way."""
    draw = random.Random(server.kind)
    store(database, RIVER, 0, 12_000)
    copying_process = CopyingProcess(database, server)
    try:
        for turn in range(6):
            server.signal(signal.SIGSTOP)
            store(database, AIR, 1000 * turn, draw.randint(150, 900))
            until(server.has_unread, 60)  # a batch stands before the server, which has not confirmed it
            who = ("server", "copier", "both")[turn % 3]
            server.signal(signal.SIGCONT if who == "copier" or draw.random() < 0.5 else signal.SIGSTOP)
            if who in ("copier", "both"):
                copying_process.kill_and_start_again()
            if who in ("server", "both"):
                server.signal(signal.SIGKILL)
                server.start()
        until(lambda: is_complete(database), 120)
    finally:
        copying_process.end()
    assert server.points() == stored(database)


@pytest.mark.timeout(300)
def test_what_a_killed_server_confirmed_and_lost_is_sent_again(
    database: Database, server: RunningServer
) -> None:
    """VictoriaMetrics confirms before its disk has the points; nobody is writing when it dies."""
    with Copy(database, Influx(url=server.url), held_s=WRITTEN_S[server.kind]):
        for turn in range(3):
            store(database, RIVER, 100 * turn, 50)
            until(lambda: server.points() == stored(database), 60)
            server.signal(signal.SIGKILL)
            server.start()
        until(lambda: is_complete(database), 120)
    assert server.points() == stored(database)


@pytest.mark.timeout(300)
def test_a_server_away_is_told_and_the_copy_goes_on_when_it_is_back(
    database: Database, server: RunningServer
) -> None:
    store(database, RIVER, 0, 30)
    with Copy(database, Influx(url=server.url)) as copy:
        until(lambda: is_complete(database), 60)
        server.signal(signal.SIGTERM)
        for n in range(5):
            store(database, RIVER, 30 + 20 * n, 20)
        assert copy.session.wait(lambda: "influx" in copy.session.problems, 30)
        assert copy.session.problems["influx"] == copying.SENTENCES["away"]
        assert not is_complete(database)
        server.start()
        assert copy.session.wait(lambda: not copy.session.problems, 90)
        until(lambda: is_complete(database), 60)
    assert server.points() == stored(database)


def test_a_batch_sent_but_not_recorded_is_sent_again_and_stays_one(
    database: Database, server: RunningServer
) -> None:
    replica.register(database, "x")
    store(database, RIVER, 0, 25)
    sender = influx.Server(Influx(url=server.url))
    batch = replica.Trail(database, 0).take()
    assert batch is not None
    sender.write(replica.lines_of(database, batch.rows))  # and the hub dies before it records that
    sender.close()
    assert len(server.points()) == 25
    with Copy(database, Influx(url=server.url)):
        until(lambda: is_complete(database), 60)
    assert server.points() == stored(database)


@pytest.mark.timeout(300)
def test_another_server_at_the_same_address_is_met_in_its_own_dialect(
    database: Database, tmp_path: Path, victoria: RunningServer
) -> None:
    store(database, RIVER, 0, 5)
    with Copy(database, Influx(url=victoria.url)):
        until(lambda: is_complete(database), 60)
        victoria.signal(signal.SIGTERM)
        other = RunningServer("influx", tmp_path / "other", port=victoria.port)
        store(database, AIR, 0, 5)
        other.start()
        until(lambda: is_complete(database), 90)
    assert {name for name, *_ in other.points()} == {f"thon-01/{AIR}"}
    other.signal(signal.SIGKILL)


def test_a_line_the_server_refuses_is_counted_and_holds_up_no_other(
    database: Database, old_influx: RunningServer
) -> None:
    old_influx.ask("CREATE DATABASE langso", "POST")
    at_ns = to_ms(NOW - timedelta(hours=20)) * 1_000_000  # the week of the readings: types clash within one
    lines = f"air_celsius,node=thon-01,service=board,sensor=nha-van-hoa value=1i,quality=0i {at_ns}"
    write(old_influx, lines)  # from now on this server takes only whole numbers there
    store(database, RIVER, 0, 40)
    store(database, AIR, 0, 3)
    store(database, RIVER, 40, 40)
    with Copy(database, Influx(url=old_influx.url)):
        until(lambda: is_complete(database), 60)
    with database.reading() as db:
        row = db.scalars(select(Quarantine)).one()
    assert (row.source, row.count) == ("influx", 3)
    assert "field type conflict" in row.reason
    assert row.sample.startswith(b"air_celsius,node=thon-01")
    assert old_influx.points() - {(f"thon-01/{AIR}", to_ms(NOW - timedelta(hours=20)), 1.0, "good")} == {
        point for point in stored(database) if RIVER in point[0]
    }


def test_readings_older_than_the_server_keeps_are_counted_in_one_go(
    database: Database, old_influx: RunningServer
) -> None:
    old_influx.ask("CREATE DATABASE langso WITH DURATION 1h", "POST")
    store(database, RIVER, 0, 900)  # twenty hours ago
    with Copy(database, Influx(url=old_influx.url)):
        until(lambda: is_complete(database), 60)
    with database.reading() as db:
        row = db.scalars(select(Quarantine)).one()
    assert row.count == 900
    assert "retention" in row.reason


def test_an_influxdb_that_knows_people_takes_user_and_password(database: Database, tmp_path: Path) -> None:
    server = RunningServer("influx", tmp_path / "server", users=True)
    server.start()
    try:
        server.ask("CREATE USER langso WITH PASSWORD 'bí mật' WITH ALL PRIVILEGES", "POST")
        token = tmp_path / "token"
        token.write_text("langso:sai\n", encoding="utf-8")
        store(database, RIVER, 0, 10)
        setting = Influx(url=server.url, token_file=str(token))
        with Copy(database, setting) as copy:
            assert copy.session.wait(
                lambda: copy.session.problems.get("influx") == copying.SENTENCES["denied"], 30
            )
            token.write_text("langso:bí mật\n", encoding="utf-8")
            until(lambda: is_complete(database), 60)
        found = server.ask("SELECT count(value) FROM water_level_m", user="langso:bí mật")
        assert found["results"][0]["series"][0]["values"][0][1] == 10
    finally:
        server.signal(signal.SIGKILL)


def write(server: RunningServer, lines: str) -> None:
    """One v1 write, in nanoseconds."""
    import urllib.request

    request = urllib.request.Request(f"{server.url}/write?db=langso", data=lines.encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 204


def test_nothing_is_queued_where_no_server_is_named(database: Database) -> None:
    session = FakeSession(Identity("hub", "ingest"))
    assert copying.workers(database, Influx(), session) == []  # type: ignore[arg-type]
    store(database, RIVER, 0, 3)
    assert replica.Trail(database, 0).take() is None


def test_another_server_gets_everything_from_the_beginning(database: Database) -> None:
    def copied() -> int:
        trail, count = replica.Trail(database, 0), 0
        while (batch := trail.take()) is not None:
            count += len(batch.rows)
            trail.sent(batch, 0)
        trail.settle(0)
        return count

    replica.register(database, "first")
    store(database, RIVER, 0, 3)
    assert copied() == 6  # once as new, once on the walk
    replica.register(database, "first")
    assert copied() == 0
    replica.register(database, "second")
    assert copied() == 3


def test_what_was_sent_is_kept_until_the_server_can_have_written_it(database: Database) -> None:
    replica.register(database, "x")
    store(database, RIVER, 0, 3)
    trail = replica.Trail(database, 30)
    sent = []
    while (batch := trail.take()) is not None:
        sent += batch.rows
        trail.sent(batch, 100)
    trail.settle(129)
    assert not is_complete(database)
    trail.rewind()
    again = trail.take()
    assert again is not None
    assert again.rows == sent[:3]
    trail.sent(again, 200)
    while (batch := trail.take()) is not None:
        trail.sent(batch, 200)
    trail.settle(230)
    assert is_complete(database)
    assert replica.Trail(database, 30).take() is None


def test_a_missing_token_file_is_told_and_nothing_is_lost(database: Database, tmp_path: Path) -> None:
    store(database, RIVER, 0, 3)
    with Copy(database, Influx(url="http://127.0.0.1:9", token_file=str(tmp_path / "none"))) as copy:
        assert copy.session.wait(
            lambda: copy.session.problems.get("influx") == copying.SENTENCES["denied"], 30
        )
    assert not is_complete(database)


def test_line_protocol_of_a_reading(database: Database) -> None:
    replica.register(database, "x")
    store(database, RIVER, 15, 1)
    batch = replica.Trail(database, 0).take()
    assert batch is not None
    at_ms = to_ms(NOW - timedelta(hours=20)) + 15_000
    assert replica.lines_of(database, batch.rows) == [
        f"water_level_m,node=thon-01,service=board,sensor=song-van value=1.875,quality=3i {at_ms}"
    ]
