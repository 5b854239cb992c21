"""The whole link over each broker, with a real ingest: a broker dies with all it held, nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.contract import Lane
from broker.contract.board import Reading, Readings
from broker.contract.kiosk import FeedbackSent
from broker.hub.records import Database, Feedback, Gap, HighWater, Quarantine, ServiceSeen, open_database
from broker.hub.telemetry import series
from broker.link.session import Session
from tests.brokers import KINDS, RunningBroker, broker_of
from tests.link.living import BOARD, EVERYONE, KIOSK, ingest_of, living, log_of, session_of
from tests.settings import give_passwords, hub_settings
from tests.until import until

pytestmark = pytest.mark.timeout(300)

PART = 120
SINCE = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    yield from broker_of(request, tmp_path / "broker", EVERYONE)


def say(kiosk: Session, board: Session, part: int) -> None:
    """One part of what both have to say."""
    for number in range(part * PART, (part + 1) * PART):
        at = SINCE + timedelta(seconds=number)
        kiosk.send(FeedbackSent(code=f"{number:010d}", at=at, sealed=b"x"))
        board.send(Readings(items=[Reading(series="air_celsius", at=at, value=float(number), unit="°C")]))


def stored(database: Database) -> tuple[list[int], list[float]]:
    """Feedback in the order of its arrival, and the readings."""
    with database.reading() as db:
        codes = [int(code) for code in db.scalars(select(Feedback.code).order_by(Feedback.code))]
        points = series.raw(db, "thon-01", "air_celsius", SINCE, SINCE + timedelta(hours=1))
    return codes, [point.value for point in points]


def test_what_a_dying_broker_held_comes_again_and_everything_is_stored_exactly_once(
    broker: RunningBroker, tmp_path: Path
) -> None:
    hub = hub_settings(tmp_path, broker.port)
    give_passwords(hub, broker.passwords)
    kiosk, board = session_of(KIOSK, broker, tmp_path), session_of(BOARD, broker, tmp_path)
    database = open_database(hub)
    try:
        with ingest_of(hub), living(kiosk, board):
            say(kiosk, board, 0)
            until(lambda: len(stored(database)[0]) > PART // 4, 60, lambda: log_of(hub).read_text()[-2000:])
            say(kiosk, board, 1)
            broker.kill()
            say(kiosk, board, 2)
            until(lambda: not kiosk.connected and not board.connected, 60)
            broker.start()
            until(
                lambda: kiosk.outbox.held()[Lane.EVENT] == board.outbox.held()[Lane.TELE] == 0,
                90,
                lambda: log_of(hub).read_text()[-2000:],
            )
        assert stored(database) == (list(range(3 * PART)), [float(n) for n in range(3 * PART)])
        with database.reading() as db:
            assert {(m.source, m.lane): m.upto for m in db.scalars(select(HighWater))} == {
                (str(KIOSK), "event"): 3 * PART,
                (str(BOARD), "tele"): 3 * PART,
            }
            assert list(db.scalars(select(Gap))) == list(db.scalars(select(Quarantine))) == []
            assert db.get_one(ServiceSeen, str(KIOSK)).state in ("ready", "stopped")
    finally:
        database.close()
