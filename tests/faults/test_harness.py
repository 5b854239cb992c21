"""The harness itself: the oracle speaks up when it should, a seed always means the same, a clock can be bent."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session as Db

from broker.contract import Identity
from broker.contract.board import Readings
from broker.contract.message import Lane, payload
from broker.contract.node import Lost
from broker.hub import arrivals
from broker.hub.records import Alert, Database, Gap, HighWater, Play, PlayStep, Quarantine, Series
from broker.hub.records.database import open_url
from broker.hub.telemetry.recorder import Recorder
from broker.link.media import MediaStore
from broker.link.outbox import Outbox
from tests.faults.bent_clock import BentClock, bend
from tests.faults.light_commune import Played
from tests.faults.oracle import Findings, judge, read_outbox
from tests.faults.run import Verdict
from tests.faults.schedule import ACTIVE_S, JUMP_H, draw
from tests.faults.source import LANES, SPEECH, Ledger, Said
from tests.hub.house import JPEG

NOW = datetime.now(UTC)
PICTURE = JPEG
BOARD, SPEAKER, CAMERA = "thon-01.board", "thon-02.speaker", "thon-03.camera"


class Told:
    """Sources whose words went through real ledgers and outboxes into a real database, as all went well."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.media = MediaStore(folder / "media")
        self.recorder = Recorder()
        self.ledgers: dict[str, Ledger] = {}
        self.boxes: dict[str, Outbox] = {}
        for who in (BOARD, SPEAKER, CAMERA):
            self.ledgers[who] = Ledger(folder / f"{who}.ledger")
            self.boxes[who] = Outbox(folder / f"{who}.db", _tell)
            self.ledgers[who].write("start", epoch=self.boxes[who].epoch)

    def say(self, who: str, *, arrives: bool = True, after: timedelta = timedelta(0)) -> Said:
        """One message into ledger and outbox; into the store unless it is to be lost."""
        said = self.send(who, after)
        if arrives:
            self.store(who, said)
        return said

    def send(self, who: str, after: timedelta = timedelta(0)) -> Said:
        ledger, box, lane = self.ledgers[who], self.boxes[who], LANES[who.partition(".")[2]]
        n = ledger.next()
        said = SPEECH[who.partition(".")[2]](n, NOW + after, PICTURE)
        ledger.write("try", n=n, items=said.items)
        box.put(lane, "t", payload(said.message), NOW, "trusted")
        ledger.write("kept", n=n, seq=box.last(lane))
        return said

    def store(self, who: str, said: Said) -> None:
        """What ingest does with it."""
        node, _, service = who.partition(".")
        with self.database.session() as db:
            ctx = arrivals.Context(
                db,
                self.media,
                self.recorder,
                Identity(node, service),
                self.boxes[who].epoch,
                datetime.now(UTC),
            )
            arrivals.store(ctx, said.message)
        self.recorder.committed()

    def settle(self, *, may_lose: tuple[str, ...] = (), looks: tuple[dict[str, int], ...] = ()) -> Findings:
        """Acknowledge everything, as the hub does when all is stored, and ask the oracle."""
        with self.database.session() as db:
            for who, box in self.boxes.items():
                for lane in (Lane.TELE, Lane.EVENT, Lane.ALARM):
                    if box.last(lane):
                        mark = HighWater(source=who, epoch=box.epoch, lane=lane.value, upto=box.last(lane))
                        mark.at = NOW
                        db.merge(mark)
                        box.release(lane, box.epoch, box.last(lane))
        for box in self.boxes.values():
            box.close()
        return self.judged(may_lose=may_lose, looks=looks)

    def judged(self, *, may_lose: tuple[str, ...] = (), looks: tuple[dict[str, int], ...] = ()) -> Findings:
        return judge(
            {who: self.folder / f"{who}.ledger" for who in self.ledgers},
            {who: self.folder / f"{who}.db" for who in self.ledgers},
            self.database,
            self.folder / "media",
            may_lose=may_lose,
            looks=looks,
        )


def _tell(lost: Lost) -> tuple[str, bytes]:
    return "t", payload(lost)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows."""
    path = tmp_path_factory.mktemp("empty") / "hub.db"
    open_url(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def database(empty: Path, tmp_path: Path) -> Iterator[Database]:
    """A hub's database, new for every test."""
    shutil.copy(empty, tmp_path / "hub.db")
    found = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    yield found
    found.close()


@pytest.fixture
def told(database: Database, tmp_path: Path) -> Told:
    """Ten messages of each source, all arrived."""
    found = Told(database, tmp_path)
    for who in (BOARD, SPEAKER, CAMERA):
        for _ in range(10):
            found.say(who)
    return found


def kinds(found: Findings) -> list[str]:
    return sorted(found.wrong)


def test_when_all_arrived_nothing_is_wrong(told: Told) -> None:
    found = told.settle()
    assert found.lines() == []
    assert (found.attempted, found.accepted, found.stored) == (30, 30, 30)


@pytest.mark.parametrize("who", [BOARD, SPEAKER, CAMERA])
def test_a_lost_message_is_called_lost(told: Told, who: str) -> None:
    told.say(who, arrives=False)
    found = told.settle()
    assert kinds(found) == ["lost", "marks"]
    assert f"{who} n11 seq 11" in found.wrong["lost"][0]


def test_a_message_stored_in_part_is_called_lost(told: Told) -> None:
    said = told.send(BOARD)
    assert isinstance(said.message, Readings)
    assert len(said.items) == 3
    told.store(BOARD, replace(said, message=Readings(items=said.message.items[:2])))
    assert "lost" in told.settle().wrong


def test_a_message_that_was_tried_and_never_kept_may_be_there_or_not(told: Told) -> None:
    for arrives in (True, False):
        n = told.ledgers[SPEAKER].next()
        said = SPEECH["speaker"](n, NOW, PICTURE)
        told.ledgers[SPEAKER].write("try", n=n, items=said.items)
        if arrives:
            told.boxes[SPEAKER].put(Lane.EVENT, "t", payload(said.message), NOW, "trusted")
            told.store(SPEAKER, said)
    assert told.settle().lines() == []


def test_a_message_stored_although_its_sender_was_told_no_is_invented(told: Told) -> None:
    n = told.ledgers[SPEAKER].next()
    said = SPEECH["speaker"](n, NOW, PICTURE)
    told.ledgers[SPEAKER].write("try", n=n, items=said.items)
    told.ledgers[SPEAKER].write("refused", n=n)
    told.store(SPEAKER, said)
    assert "invented" in told.settle().wrong


def test_a_doubled_message_is_called_doubled(told: Told) -> None:
    told.store(SPEAKER, told.say(SPEAKER))
    found = told.settle()
    assert kinds(found) == ["doubled"]
    assert "2 times" in found.wrong["doubled"][0]


@pytest.mark.parametrize("who", [BOARD, SPEAKER, CAMERA])
def test_a_message_nobody_sent_is_called_invented(told: Told, who: str) -> None:
    told.store(who, SPEECH[who.partition(".")[2]](999, NOW, PICTURE))
    assert kinds(told.settle()) == ["invented"]


def test_a_value_that_changed_on_the_way_is_lost_and_invented(told: Told) -> None:
    with told.database.session() as db:
        step = db.get_one(PlayStep, 4)
        step.reason = "n444"
    assert kinds(told.settle()) == ["invented", "lost", "marks"]


@pytest.mark.parametrize("who", [SPEAKER, CAMERA])
def test_messages_stored_in_another_order_are_called_reordered(told: Told, who: str) -> None:
    if who == CAMERA:
        told.say(CAMERA)  # the end of a tampering makes no record of its own
    first, second = told.send(who), told.send(who)
    told.store(who, second)
    told.store(who, first)
    assert kinds(told.settle()) == ["reordered"]


def test_a_last_value_that_is_not_the_newest_is_named(told: Told) -> None:
    with told.database.session() as db:
        db.execute(update(Series).values(latest_value=-1.0))
    found = told.settle()
    assert kinds(found) == ["last value"]
    assert "the newest stored is" in found.wrong["last value"][0]


def test_a_last_value_that_went_back_meanwhile_is_named(told: Told) -> None:
    found = told.settle(looks=({"a": 5, "b": 1}, {"a": 4}, {"a": 6, "b": 2}))
    assert found.wrong == {"last value": ["a went back from 5 to 4"]}


def test_a_gap_explains_a_loss_only_with_a_reason_on_a_disk_that_was_full(told: Told) -> None:
    told.say(BOARD, arrives=False)
    told.say(BOARD)
    told.settle()

    def judged_with(reason: str, position: int, may_lose: str) -> list[str]:
        with told.database.session() as db:
            db.execute(delete(Gap))
            _add_gap(db, told.boxes[BOARD].epoch, position, reason)
        return kinds(told.judged(may_lose=(may_lose,)))

    assert judged_with("disk-full", 11, BOARD) == []
    assert judged_with("disk-full", 11, SPEAKER) == ["gap"]
    assert judged_with("", 11, BOARD) == ["gap", "lost"]
    assert judged_with("quota", 5, BOARD) == ["lost"]


def _add_gap(db: Db, epoch: str, position: int, reason: str) -> None:
    gap = Gap(source=BOARD, epoch=epoch, lane="tele", first=position, last=position, at=NOW)
    gap.count, gap.reason = 1, reason
    db.add(gap)


def test_a_mark_behind_the_outbox_and_a_full_outbox_are_named(told: Told) -> None:
    told.settle()
    with told.database.session() as db:
        db.execute(update(HighWater).where(HighWater.source == SPEAKER).values(upto=9))
    box = sqlite3.connect(told.folder / f"{CAMERA}.db")
    box.execute("INSERT INTO outbox VALUES ('alarm', 11, 't', x'', '', '')")
    box.commit()
    box.close()
    assert read_outbox(told.folder / f"{CAMERA}.db").left == 1
    found = told.judged()
    assert kinds(found) == ["left over", "marks"]
    assert found.wrong["marks"] == [f"{SPEAKER} event: put 10, stored up to 9"]


def test_poison_and_a_missing_picture_are_named(told: Told) -> None:
    with told.database.session() as db:
        what = {"topic": "t", "count": 2, "sample": b"", "first_at": NOW, "last_at": NOW}
        db.add(Quarantine(source=BOARD, reason="bad", **what))
        sha256 = db.get_one(Alert, 1).snapshot
    assert sha256 is not None
    told.media.forget(sha256)
    found = told.settle()
    assert kinds(found) == ["lost", "poison"]
    assert found.wrong["poison"] == [f"{BOARD}: bad (2)"]


def test_the_state_of_a_play_is_that_of_its_last_receipt(told: Told) -> None:
    told.settle()
    with told.database.reading() as db:
        assert db.get_one(Play, ("luot-0", "thon-02")).state == "played"


# -- the verdict


def test_a_verdict_is_one_line_that_names_the_seed_and_what_was_wrong(told: Told) -> None:
    told.say(SPEAKER, arrives=False)
    schedule = draw(5000)
    played = Played(told.settle(), seconds=8.0, settled_s=1.0, left_out=schedule.faults[:1])
    verdict = Verdict(schedule, played, told.folder)
    assert not verdict.is_clean
    line = verdict.line()
    assert line.startswith("seed 5000     BAD")
    assert "accepted   31 stored   30 of   31  lost 1 doubled 0" in line
    assert all(str(fault) in line for fault in schedule.faults)
    assert line.endswith(f"left out: {schedule.faults[0]}")
    assert "\n" not in line


# -- the schedule and the clock


def test_a_seed_means_the_same_schedule_for_ever_and_all_of_it_is_over_in_time() -> None:
    for seed in range(300):
        schedule = draw(seed)
        assert draw(seed) == schedule
        assert 3 <= len(schedule.faults) <= 7
        assert len(schedule.disks) <= 1
        for fault in schedule.faults:
            assert 0 < fault.at_s <= ACTIVE_S
            assert fault.kind == "kill" or fault.until_s <= ACTIVE_S + 0.01
            assert fault.kind != "clock" or fault.amount <= JUMP_H
    assert {fault.kind for seed in range(300) for fault in draw(seed).faults} == {
        *("kill", "freeze", "hole", "cut", "delay", "trickle", "refuse", "disk", "clock", "replay")
    }


def test_a_bent_clock_jumps_and_its_durations_do_not(tmp_path: Path) -> None:
    clock = BentClock(tmp_path / "clock")
    before_s = clock.monotonic()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
    bend(tmp_path / "clock", -36_000)
    assert timedelta(hours=9.9) < datetime.now(UTC) - clock.now() < timedelta(hours=10.1)
    assert 0 <= clock.monotonic() - before_s < 60
