"""Ingest: commit, then acknowledge; nothing lost, nothing doubled, and poison never stops a lane."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from broker.contract import Identity
from broker.contract.board import Readings, ReadingsNow
from broker.contract.camera import MotionStarted
from broker.contract.kiosk import HelperCalled
from broker.contract.node import Lost, NodeHealth
from broker.hub.bucket import Bucket
from broker.hub.ingest import next_size
from broker.hub.pulse import Pulse
from broker.hub.records import (
    Change,
    Database,
    Gap,
    HelperCall,
    HighWater,
    NodeRecord,
    NodeSeen,
    PlayStep,
    Quarantine,
    ServiceSeen,
    Village,
)
from broker.hub.records.database import open_url
from broker.hub.telemetry import series
from broker.link.inbox import Packet
from tests.hub.house import BOARD, CAMERA, JPEG, KIOSK, NOW, SPEAKER, House, reading, receipt, state
from tests.until import until


def test_messages_in_order_are_stored_and_acknowledged_once(house: House) -> None:
    assert house.take(*(house.entry(BOARD, reading(n), n) for n in (1, 2, 3)))
    assert house.values() == [1, 2, 3]
    assert house.acks() == [("thon-01.board", "e1", 3)]


def test_a_repeated_message_is_acknowledged_again_but_not_stored_again(house: House) -> None:
    house.take(house.entry(SPEAKER, receipt("playing"), 1))
    house.take(house.entry(SPEAKER, receipt("playing"), 1))
    assert len(house.all(PlayStep)) == 1
    assert house.acks() == [("thon-01.speaker", "e1", 1)] * 2


def test_a_message_that_comes_too_early_waits_for_its_predecessor(house: House) -> None:
    house.take(house.entry(BOARD, reading(1), 1), house.entry(BOARD, reading(3), 3))
    assert house.acks() == [("thon-01.board", "e1", 1)]
    house.take(house.entry(BOARD, reading(2), 2), house.entry(BOARD, reading(3), 3))
    assert house.values() == [1, 2, 3]
    assert house.all(Gap) == []


def test_what_a_source_no_longer_holds_becomes_a_gap(house: House) -> None:
    house.take(house.entry(BOARD, reading(1), 1))
    house.take(house.entry(BOARD, reading(8), 8), house.entry(BOARD, reading(6), 6, first=2))
    house.take(house.entry(BOARD, reading(8), 8))
    gap = house.all(Gap)[0]
    assert (gap.source, gap.first, gap.last, gap.count, gap.reason) == ("thon-01.board", 2, 5, 4, "")
    assert house.values() == [1, 6], "7 is held and must come first"
    assert house.acks()[-1] == ("thon-01.board", "e1", 6)


LOST = Lost(lane="tele", first=2, last=9, count=6, reason="quota")


@pytest.mark.parametrize("told_first", [True, False])
def test_a_loss_seen_and_told_is_one_row_with_its_reason(house: House, told_first: bool) -> None:
    told = house.entry(BOARD, LOST, 1)
    holes = [house.entry(BOARD, reading(n), n, first) for n, first in ((1, 0), (4, 2), (7, 5), (10, 8))]
    house.take(*([told, *holes] if told_first else [*holes, told]))
    assert [(g.first, g.last, g.count, g.reason) for g in house.all(Gap)] == [(2, 9, 6, "quota")]
    assert house.values() == [1, 4, 7, 10]


def test_losses_that_grow_are_added_up_and_of_two_reasons_stay_two(house: House) -> None:
    more = Lost(lane="tele", first=4, last=20, count=4, reason="quota")
    other = Lost(lane="tele", first=21, last=21, count=1, reason="disk-full")
    house.take(*(house.entry(BOARD, lost, n) for n, lost in enumerate((LOST, more, other), 1)))
    found = [(g.first, g.last, g.count, g.reason) for g in house.all(Gap)]
    assert found == [(2, 20, 10, "quota"), (21, 21, 1, "disk-full")]


def test_readings_of_now_move_the_last_value_and_are_not_stored(house: House) -> None:
    later = ReadingsNow(items=reading(5000).items)
    house.take(house.entry(BOARD, reading(1), 1), house.entry(BOARD, later))
    with house.database.reading() as db:
        assert [each.value for each in series.latest(db)] == [5000]
    assert house.values() == [1]
    house.take(house.entry(BOARD, reading(2), 2))
    with house.database.reading() as db:
        assert [each.value for each in series.latest(db)] == [5000], "history does not overtake it"


def test_a_new_epoch_begins_at_one_and_the_old_one_still_counts(house: House) -> None:
    house.take(house.entry(BOARD, reading(1), 1), house.entry(BOARD, reading(2), 1, epoch="e2"))
    assert sorted(house.acks()) == [("thon-01.board", "e1", 1), ("thon-01.board", "e2", 1)]
    assert house.values() == [1, 2]


def test_a_restarted_ingest_goes_on_from_its_records(house: House) -> None:
    house.take(house.entry(BOARD, reading(1), 1))
    house.intake = house.started()
    house.take(house.entry(BOARD, reading(1), 1), house.entry(BOARD, reading(2), 2))
    assert house.values() == [1, 2]
    assert house.acks()[-1] == ("thon-01.board", "e1", 2)


def test_poison_is_counted_and_its_lane_goes_on(house: House) -> None:
    house.take(house.entry(BOARD, reading(1), 1), house.poison(2), house.entry(BOARD, reading(3), 3))
    house.take(house.poison(4))
    assert house.values() == [1, 3]
    assert house.acks()[-1] == ("thon-01.board", "e1", 4)
    row = house.all(Quarantine)[0]
    assert (row.source, row.count, row.sample[-17:]) == ("thon-01.board", 2, b'"m":{"items":[]}}')
    assert "items" in row.reason


def test_of_a_revoked_node_nothing_is_stored_and_nothing_acknowledged(house: House) -> None:
    """Whatever the broker lets through: its word of yesterday counts, that of today does not."""
    house.take(house.entry(BOARD, reading(1), 1))
    _retire(house, NOW)
    thon_02 = Identity("thon-02", "board")
    house.take(
        house.entry(BOARD, reading(2), 2),
        house.entry(SPEAKER, receipt("playing"), 1),
        house.entry(SPEAKER, state("ready", "b1")),
        house.poison(3),
        Packet("thon-01.board", "t", b"?", reason="topic is not in the contract"),
    )
    assert house.values() == [1]
    assert (house.all(PlayStep), house.all(ServiceSeen), house.all(Quarantine)) == ([], [], [])
    assert house.acks() == [("thon-01.board", "e1", 1)], "only what was stored before"
    house.take(house.entry(thon_02, reading(7), 1))
    assert house.acks()[-1] == ("thon-02.board", "e1", 1), "others go on"
    _retire(house, None)
    house.take(house.entry(BOARD, reading(2), 2))
    assert house.acks()[-1] == ("thon-01.board", "e1", 2), "enrolled anew it goes on at once"


def _retire(house: House, at: datetime | None) -> None:
    with house.database.session() as db:
        db.merge(Village(code="dong", name="Đông"))
        for node in ("thon-01", "thon-02"):
            if db.get(NodeRecord, node) is None:
                db.add(NodeRecord(name=node, village="dong", label=node, registered_at=NOW))
        db.get_one(NodeRecord, "thon-01").retired_at = at


def test_poison_of_nobody_is_counted_too(house: House) -> None:
    house.take(Packet("unknown", "x/y", b"?", reason="topic is not in the contract"))
    assert house.all(Quarantine)[0].source == "unknown"


def test_reasons_a_source_can_fill_the_records_with_are_bounded(house: House) -> None:
    for n in range(130):
        house.take(Packet("thon-01.board", "t", b"", reason=f"reason {n}"))
        house.clock.advance(1)
    rows = {row.reason: row.count for row in house.all(Quarantine)}
    assert len(rows) == 101
    assert rows["other"] == 30


@pytest.mark.parametrize(
    "bad",
    [
        HelperCalled(call="c", at=NOW + timedelta(days=2), page="home"),
        HelperCalled(call="c", at=datetime(2026, 11, 21), page="home"),
    ],
)
def test_a_time_from_a_wrong_clock_is_quarantined(house: House, bad: HelperCalled) -> None:
    house.take(house.entry(KIOSK, bad, 1), house.entry(KIOSK, HelperCalled(call="d", at=NOW, page="p"), 2))
    assert [row.call for row in house.all(HelperCall)] == ["d"]
    assert house.all(Quarantine)[0].reason.startswith("HelperCalled: at ")
    assert house.acks() == [("thon-01.kiosk", "e1", 2)]


def test_readings_from_the_future_are_counted(house: House) -> None:
    house.take(house.entry(BOARD, reading(1, NOW + timedelta(days=3)), 1))
    assert house.values() == []
    assert "future" in house.all(Quarantine)[0].reason
    mixed = Readings(items=[*reading(2).items, *reading(3, NOW + timedelta(days=3)).items])
    house.take(house.entry(BOARD, mixed, 2), house.entry(BOARD, reading(4), 3))
    assert house.values() == [2, 4], "the good ones of a message are kept"
    assert house.acks()[-1] == ("thon-01.board", "e1", 3)


def test_a_message_the_database_cannot_take_does_not_hold_up_its_neighbours(house: House) -> None:
    huge = NodeHealth(
        at=NOW, uptime_s=2**63, load_1m=0, memory_free_percent=1, disk_free_percent=1, content_generation=1
    )
    node = Identity("thon-01", "node")
    house.take(house.entry(node, huge), house.entry(BOARD, reading(1), 1))
    assert house.values() == [1]
    assert house.all(NodeSeen) == []
    assert house.all(Quarantine)[0].source == "thon-01.node"


def test_when_the_database_refuses_nothing_is_acknowledged_and_states_are_kept(house: House) -> None:
    with writes_kept_waiting(house.database):
        assert not house.take(house.entry(KIOSK, state("ready")), house.entry(BOARD, reading(1), 1))
    assert house.acks() == []
    assert "database" in house.session.problems
    assert house.take()
    assert [row.identity for row in house.all(ServiceSeen)] == ["thon-01.kiosk"]
    assert house.take(house.entry(BOARD, reading(1), 1))
    assert house.acks() == [("thon-01.board", "e1", 1)]
    assert house.session.problems == {}


def test_a_full_disk_for_snapshots_stops_acknowledgements(house: House, tmp_path: Path) -> None:
    started = MotionStarted(episode="e", camera="cong", started_at=NOW, snapshot=JPEG)
    house.media.root.rmdir()
    assert not house.take(house.entry(CAMERA, started, 1))
    assert house.acks() == []
    house.media.root.mkdir()
    assert house.take(house.entry(CAMERA, started, 1))
    assert house.acks() == [("thon-01.camera", "e1", 1)]


@contextmanager
def writes_kept_waiting(database: Database) -> Iterator[None]:
    """Somebody else writes and does not end; and patience is short."""
    order = {"sqlite": "PRAGMA busy_timeout=0", "postgresql": "SET lock_timeout = 100"}[database.engine.name]

    def grow_impatient(connection: Any, _record: object) -> None:
        connection.execute(order)
        connection.commit()

    other = open_url(database.engine.url.render_as_string(hide_password=False))
    database.close()
    event.listen(database.engine, "connect", grow_impatient)
    with other.session() as db:
        db.execute(select(1))
        yield
    other.close()


def run(house: House, seconds: float, done: Callable[[], bool]) -> None:
    """Let the worker run until `done`."""
    stop = threading.Event()
    worker = threading.Thread(target=house.intake.run, args=(stop, lambda: None))
    worker.start()
    try:
        until(done, seconds, house.acks)
    finally:
        stop.set()
        worker.join(5)
    assert not worker.is_alive()


def test_a_chatterer_waits_and_is_named_and_others_do_not_wait(house: House) -> None:
    house.intake._buckets["thon-01.board"] = Bucket(400, 50, at_s=house.clock.monotonic())
    for n in range(1, 101):
        house.intake.inbox.put([house.entry(BOARD, reading(n), n)])
    house.intake.inbox.put([house.entry(KIOSK, HelperCalled(call="c", at=NOW, page="p"), 1)])
    run(house, 20, lambda: len(house.session.sent) == 2)
    assert sorted(house.acks()) == [("thon-01.board", "e1", 50), ("thon-01.kiosk", "e1", 1)]
    assert "thon-01.board" in house.session.problems["chatter"]
    house.clock.advance(61)
    run(house, 20, lambda: "chatter" not in house.session.problems and len(house.values()) == 100)
    assert house.acks()[-1] == ("thon-01.board", "e1", 100)


def test_in_a_new_connection_every_source_is_told_how_far_it_is_stored(house: House) -> None:
    house.take(house.entry(BOARD, reading(1), 1), house.entry(BOARD, reading(2), 2))
    house.clock.advance(5)
    house.take(house.entry(BOARD, reading(3), 1, epoch="e2"), house.entry(KIOSK, LOST, 1))
    house.acks()
    told = [("thon-01.board", "e2", 1), ("thon-01.kiosk", "e1", 1)]
    run(house, 20, lambda: len(house.session.sent) == 2)
    assert sorted(house.acks()) == told
    house.session.connections += 1
    run(house, 20, lambda: len(house.session.sent) == 2)
    assert sorted(house.acks()) == told


def test_transactions_grow_while_they_are_quick_and_shrink_when_an_alarm_would_wait() -> None:
    assert next_size(500, 500, 0.01) == 1000
    assert next_size(1500, 1500, 0.01) == 2000
    assert next_size(500, 20, 0.01) == 500, "there was no more to store"
    assert next_size(1000, 1000, 0.3) == 100
    assert next_size(1000, 10, 3.0) == 50
    assert next_size(50, 50, 9.0) == 50


def test_pages_hear_of_new_readings_at_once_and_then_once_a_second(house: House) -> None:
    def said() -> int:
        return len([row for row in house.all(Change) if row.topic == "reading"])

    for n in range(1, 6):
        house.take(house.entry(BOARD, reading(n), n))
    assert said() == 1
    house.clock.advance(1)
    run(house, 20, lambda: said() == 2)


def test_ingest_writes_its_own_sign_of_life(house: House) -> None:
    pulse = Pulse(house.database, house.session)
    pulse.write()
    house.clock.advance(2)
    house.session.problem("database", "Đầy đĩa.")
    pulse.write()
    row = house.all(ServiceSeen)[0]
    assert (row.identity, row.state, row.seen_at) == ("hub.ingest", "degraded", NOW + timedelta(seconds=2))
    assert len(house.all(Change)) == 2


def test_the_worker_stores_good_and_counts_bad_packets(house: House) -> None:
    for each in (house.entry(BOARD, reading(1), 1), house.poison(2), house.entry(BOARD, reading(3), 3)):
        house.intake.inbox.put([each])
    run(house, 20, lambda: bool(house.session.sent))
    assert house.acks() == [("thon-01.board", "e1", 3)]
    assert house.values() == [1, 3]
    assert house.all(Quarantine)[0].count == 1


CHILD = """
import sys
from pathlib import Path
from tests.hub import house as t
from broker.hub.records.database import open_url

house = t.House(open_url(sys.argv[1]), Path(sys.argv[2]))
n = int(sys.argv[3])
while True:
    house.take(*(house.entry(t.SPEAKER, t.receipt("ready"), k) for k in range(n + 1, n + 6)))
    n = house.acks()[-1][2]
    print(n, flush=True)
"""


def test_kill_9_between_commits_loses_nothing_acknowledged_and_doubles_nothing(
    house: House, tmp_path: Path
) -> None:
    url = house.database.engine.url.render_as_string(hide_password=False)
    said = 0
    for round_of in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, url, str(tmp_path / "media"), str(said)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            text=True,
        )
        assert child.stdout is not None
        for _ in range(7 + round_of):
            said = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest, _ = child.communicate()
        said = max([said, *map(int, rest.split("\n")[:-1])])
        with house.database.reading() as db:
            upto = db.scalars(select(HighWater.upto)).one()
            stored = db.scalar(select(func.count()).select_from(PlayStep))
        assert upto >= said, "acknowledged means stored"
        assert stored == upto, "each position stored once"
        said = upto
    assert said > 0
