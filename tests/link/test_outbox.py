"""The outbox: what is put survives, positions never repeat, a full disk gives way by lane."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from broker.contract import Lane
from broker.contract.message import DURABLE_LANES
from broker.contract.node import Lost
from broker.link.outbox import Outbox, OutboxFull

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SMALL = {Lane.ALARM: 1000, Lane.EVENT: 1000, Lane.TELE: 1000}


def open_box(file: Path, quota: dict[Lane, int] | None = None) -> Outbox:
    return Outbox(file, lambda lost: ("lost", msgspec.json.encode(lost)), quota)


def losses(box: Outbox) -> list[Lost]:
    rows = box.after(Lane.EVENT, 0, 999)
    return [msgspec.json.decode(row.body, type=Lost) for row in rows if row.topic == "lost"]


def put(box: Outbox, lane: Lane, *bodies: bytes) -> None:
    for body in bodies:
        box.put(lane, "t", body, NOW, "trusted")


def test_positions_and_epoch_go_on_after_a_new_start(tmp_path: Path) -> None:
    box = open_box(tmp_path / "o.db")
    put(box, Lane.EVENT, b"a", b"b")
    box.release(Lane.EVENT, box.epoch, 2)
    box.close()
    again = open_box(tmp_path / "o.db")
    put(again, Lane.EVENT, b"c")
    assert again.epoch == box.epoch
    assert [(row.seq, row.body) for row in again.after(Lane.EVENT, 0, 9)] == [(3, b"c")]
    assert again.first(Lane.EVENT) == 3


def test_an_ack_of_another_epoch_or_of_the_future_deletes_nothing(tmp_path: Path) -> None:
    box = open_box(tmp_path / "o.db")
    put(box, Lane.EVENT, b"a")
    assert box.release(Lane.EVENT, "0" * 16, 1) == 0
    assert box.release(Lane.EVENT, box.epoch, 99) == 0
    assert box.held()[Lane.EVENT] == 1


def test_many_threads_share_syncs_and_each_gets_its_own_position(tmp_path: Path) -> None:
    box = open_box(tmp_path / "o.db")
    threads = [threading.Thread(target=put, args=(box, Lane.EVENT, *[b"x"] * 25)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.seq for row in box.after(Lane.EVENT, 0, 999)] == list(range(1, 201))


def test_readings_beyond_their_quota_are_thinned_to_one_a_minute_and_the_loss_is_told(tmp_path: Path) -> None:
    box = open_box(tmp_path / "o.db", SMALL | {Lane.TELE: 2000})
    for second in range(0, 205, 10):  # twenty of 100 bytes fit; one more does not
        box.put(Lane.TELE, "t", b"x" * 100, NOW + timedelta(seconds=second), "trusted")
    rows = box.after(Lane.TELE, 0, 99)
    assert [row.seq for row in rows] == [1, 7, *range(12, 22)]
    assert [row.first for row in rows] == [1, 2, 8, *range(13, 22)]
    assert losses(box) == [Lost(lane="tele", first=2, last=11, count=9, reason="quota")]


def test_thinned_readings_that_still_do_not_fit_lose_their_oldest(tmp_path: Path) -> None:
    box = open_box(tmp_path / "o.db", SMALL)
    for minute in range(25):
        box.put(Lane.TELE, "t", b"x" * 100, NOW + timedelta(minutes=minute), "trusted")
    rows = box.after(Lane.TELE, 0, 99)
    assert sum(len(row.body) for row in rows) <= 1000
    assert [row.seq for row in rows] == list(range(rows[0].seq, 26))
    told = losses(box)
    assert sum(each.count for each in told) == rows[0].seq - 1
    assert told[-1].last == rows[0].seq - 1


def test_what_was_released_is_neither_given_nor_counted_before_it_is_deleted(tmp_path: Path) -> None:
    box = open_box(tmp_path / "o.db")
    put(box, Lane.TELE, b"a", b"b", b"c")
    assert box.release(Lane.TELE, box.epoch, 2) == 2
    assert [(row.seq, row.first) for row in box.after(Lane.TELE, 0, 9)] == [(3, 1)]
    assert (box.first(Lane.TELE), box.held()[Lane.TELE]) == (3, 1)


def test_a_full_event_lane_refuses_with_a_sentence_and_alarms_still_fit(tmp_path: Path) -> None:
    box = open_box(tmp_path / "o.db", {Lane.ALARM: 1000, Lane.EVENT: 100, Lane.TELE: 1000})
    put(box, Lane.EVENT, b"x" * 90)
    with pytest.raises(OutboxFull, match="Máy đã đầy"):
        put(box, Lane.EVENT, b"x" * 90)
    put(box, Lane.ALARM, b"y" * 90)
    assert box.held() == {Lane.ALARM: 1, Lane.EVENT: 1, Lane.TELE: 0}


def test_nobody_is_told_kept_when_readings_are_full_and_the_disk_takes_nothing(tmp_path: Path) -> None:
    box = open_box(tmp_path / "o.db", SMALL)
    put(box, Lane.TELE, *[b"x" * 100] * 10)
    other = sqlite3.connect(tmp_path / "o.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # the first waits for this writer, the rest meet in one transaction
    told: list[object] = []

    def try_to_put(lane: Lane) -> None:
        try:
            put(box, lane, b"y" * 50)
            told.append(lane)
        except OutboxFull:
            told.append("full")

    threads = [threading.Thread(target=try_to_put, args=(lane,)) for lane in [*DURABLE_LANES] * 4]
    for thread in threads:
        thread.start()
    other.execute("ALTER TABLE outbox RENAME TO gone")
    other.execute("COMMIT")
    for thread in threads:
        thread.join()
    other.close()
    assert told == ["full"] * len(threads)


def test_a_damaged_file_is_moved_aside_and_a_new_epoch_begins(tmp_path: Path) -> None:
    file = tmp_path / "o.db"
    box = open_box(file)
    box.close()
    for each in tmp_path.glob("o.db-*"):
        each.unlink()
    file.write_bytes(b"not a database, but long enough to be looked at" * 50)
    again = open_box(file)
    put(again, Lane.EVENT, b"a")
    assert again.epoch != box.epoch
    assert list(tmp_path.glob("o.db.damaged-*"))


_WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from broker.contract import Lane
from broker.link.outbox import Outbox
box = Outbox(Path(sys.argv[1]), lambda lost: ("lost", b""))
n = box.first(Lane.EVENT) - 1 + box.held()[Lane.EVENT]
while True:
    n += 1
    box.put(Lane.EVENT, "t", str(n).encode(), datetime.now(UTC), "trusted")
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""


def test_a_writer_killed_at_any_moment_keeps_every_message_it_was_told_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "o.db"
    told = 0
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", _WRITER, str(file)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _ in range(20):
            told = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        rest = child.communicate()[0].split()
        told = int(rest[-1]) if rest else told
    box = open_box(file)
    rows = box.after(Lane.EVENT, 0, 100_000)
    assert [int(row.body) for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= told
