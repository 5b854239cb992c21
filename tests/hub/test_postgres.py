"""The hub on PostgreSQL where it is not like SQLite: a server that goes away and comes back, values it refuses."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from broker.contract import Identity, Lane
from broker.contract.board import Reading, Readings
from broker.contract.kiosk import FeedbackSent, HelperCalled
from broker.contract.node import Problem
from broker.hub.console.live import Broadcaster
from broker.hub.records import (
    Database,
    Feedback,
    Gap,
    HelperCall,
    Quarantine,
    ServiceSeen,
    Village,
    note_change,
)
from broker.hub.records.database import DatabaseError, open_url
from broker.hub.telemetry import series
from broker.link.session import Session
from tests.brokers import RunningBroker
from tests.hub.house import BOARD, KIOSK, NOW, House, reading, state
from tests.link.living import EVERYONE, ingest_of, living, log_of, session_of
from tests.postgres import RunningPostgres
from tests.settings import give_passwords, hub_settings
from tests.until import until

pytestmark = pytest.mark.timeout(300)

PART = 100
SINCE = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def kind() -> str:
    """These are about PostgreSQL only."""
    return "postgresql"


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "media")


@pytest.fixture
def mortal() -> Iterator[RunningPostgres]:
    """A server that a test may kill."""
    server = RunningPostgres()
    server.start()
    yield server
    server.close()


# -- values it refuses


def test_a_value_it_refuses_is_quarantined_and_holds_up_nobody(house: House) -> None:
    evil = Reading(series="mua\0", at=NOW, value=1.0, unit="mm")
    assert house.take(
        house.entry(KIOSK, HelperCalled(call="a\0b", at=NOW, page="/"), 1),
        house.entry(KIOSK, HelperCalled(call="c", at=NOW, page="/"), 2),
        house.entry(KIOSK, state("ready", problems=[Problem(code="x\0", text="y\0")])),
        house.entry(BOARD, reading(1), 1),
        house.entry(BOARD, Readings(items=[evil]), 2),
        house.entry(BOARD, reading(3), 3),
        house.entry(Identity("thon-02", "board"), reading(4), 1),
    )
    assert sorted(house.acks()) == [
        ("thon-01.board", "e1", 3),
        ("thon-01.kiosk", "e1", 2),
        ("thon-02.board", "e1", 1),
    ]
    assert house.values() == [1, 3]
    assert [row.call for row in house.all(HelperCall)] == ["c"]
    found = {(row.source, row.reason): row.count for row in house.all(Quarantine)}
    assert ("thon-01.kiosk", "HelperCalled: DataError") in found
    assert [count for (source, _), count in found.items() if source == "thon-01.board"] == [1]
    assert "database" not in house.session.problems


def test_a_position_beyond_32_bits_is_kept(house: House) -> None:
    last = 2**53
    assert house.take(house.entry(BOARD, reading(1), last, first=1))
    assert house.take(house.entry(BOARD, reading(2), last))
    assert house.acks() == [("thon-01.board", "e1", last)] * 2
    assert [(gap.first, gap.last) for gap in house.all(Gap)] == [(1, last - 1)]


def test_what_it_says_of_a_refused_row_stays_out_of_error_texts(database: Database) -> None:
    def add() -> None:
        with database.session() as db:
            db.add(Village(code="bi-mat", name="Đông"))

    add()
    with pytest.raises(IntegrityError) as found:
        add()
    assert "pk_village" in str(found.value) or "village_pkey" in str(found.value)
    assert "bi-mat" not in str(found.value)


def test_nothing_can_be_written_while_only_reading(database: Database) -> None:
    def write() -> None:
        with database.reading() as db:
            note_change(db, "alert", "1", NOW)
            db.commit()

    with pytest.raises(DBAPIError, match="read-only"):
        write()


# -- opening it


def test_a_database_of_another_encoding_is_refused_with_a_sentence(postgres: RunningPostgres) -> None:
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE old ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(DatabaseError, match="SQL_ASCII") as found:
        open_url(postgres.url("old"))
    postgres.drop("old")
    assert postgres.password not in str(found.value)


@pytest.mark.parametrize("wrong", ["password", "port"])
def test_a_service_that_cannot_reach_it_says_so_without_the_password_and_may_be_started_again(
    postgres: RunningPostgres, tmp_path: Path, wrong: str
) -> None:
    url = postgres.url().replace(postgres.password, "geheim123")
    if wrong == "port":
        url = url.replace(f":{postgres.port}/", ":1/")
    hub = hub_settings(tmp_path, 1, extra=f'[database]\nurl = "{url}"\n')
    give_passwords(hub, {"hub.ingest": "x"})
    order = [sys.executable, "-m", "deploy.cli", "run", "ingest"]
    ended = subprocess.run(
        [*order, "--config", str(tmp_path / "hub" / "langso.toml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == 75, ended.stderr
    assert "127.0.0.1" in ended.stderr
    assert "geheim123" not in ended.stderr + ended.stdout


# -- a server that goes away


def say(kiosk: Session, board: Session, part: int) -> None:
    """One part of what both have to say."""
    for number in range(part * PART, (part + 1) * PART):
        at = SINCE + timedelta(seconds=number)
        kiosk.send(FeedbackSent(code=f"{number:010d}", at=at, sealed=b"x"))
        item = Reading(series="air_celsius", at=at, value=float(number), unit="°C")
        board.send(Readings(items=[item]))


def test_a_server_killed_while_ingest_runs_stops_acks_only_and_loses_and_doubles_nothing(
    mortal: RunningPostgres, tmp_path: Path
) -> None:
    broker = RunningBroker("mosquitto", tmp_path / "broker", EVERYONE)
    broker.start()
    name = mortal.fresh()
    hub = hub_settings(tmp_path, broker.port, extra=f'[database]\nurl = "{mortal.url(name)}"\n')
    give_passwords(hub, broker.passwords)
    kiosk, board = session_of(KIOSK, broker, tmp_path), session_of(BOARD, broker, tmp_path)

    def held() -> list[int]:
        return [kiosk.outbox.held()[Lane.EVENT], board.outbox.held()[Lane.TELE]]

    def said() -> str:
        return log_of(hub).read_text(encoding="utf-8")

    try:
        with ingest_of(hub) as ingest, living(kiosk, board):
            say(kiosk, board, 0)
            until(lambda: held() == [0, 0], 60, said)
            say(kiosk, board, 1)
            assert mortal.cut(name) > 0, "connections are ended from the server's side"
            until(lambda: held() == [0, 0], 60, said)
            mortal.kill()
            say(kiosk, board, 2)
            until(lambda: '"event":"database"' in said().replace(" ", ""), 60, said)
            assert held() == [PART, PART], "nothing is acknowledged that is not stored"
            mortal.start()
            until(lambda: held() == [0, 0], 90, said)
            until(lambda: "cleared: database" in said(), 20, said)
            assert ingest.poll() is None, "it went on by itself"
        database = open_url(mortal.url(name))
        with database.reading() as db:
            codes = list(db.scalars(select(Feedback.code).order_by(Feedback.code)))
            points = series.raw(db, "thon-01", "air_celsius", SINCE, SINCE + timedelta(hours=1))
            assert codes == [f"{n:010d}" for n in range(3 * PART)]
            assert [point.value for point in points] == [float(n) for n in range(3 * PART)]
            assert list(db.scalars(select(Gap))) == list(db.scalars(select(Quarantine))) == []
            assert db.get_one(ServiceSeen, "hub.ingest").problems == []
        database.close()
        assert mortal.password not in said()
    finally:
        broker.stop()


def test_pages_hear_of_changes_again_when_the_server_is_back(mortal: RunningPostgres) -> None:
    name = mortal.fresh()
    database = open_url(mortal.url(name))
    broadcaster = Broadcaster(database)
    stop = threading.Event()
    worker = threading.Thread(target=broadcaster.run, args=(stop, lambda: None))
    worker.start()
    try:
        listener = broadcaster.join(frozenset({"alert"}), 1)
        assert listener is not None

        def is_heard() -> bool:
            with database.session() as db:
                note_change(db, "alert", "7", NOW)
            return listener.next(0.5) is not None

        until(is_heard, 60)
        mortal.kill()
        mortal.start()
        until(is_heard, 60)
        assert worker.is_alive()
    finally:
        stop.set()
        worker.join(20)
        database.close()
