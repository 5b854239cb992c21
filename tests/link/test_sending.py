"""Sending: a window, acknowledgements, patience; a history that leaves room; nothing slept through."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from broker.contract import Lane
from broker.contract.hub import Ack
from broker.contract.message import decode_frame
from broker.link.outbox import Outbox
from broker.link.sending import BEHIND, HEARD_S, HISTORY_WINDOW, LEAST_WINDOW, PATIENCE_S, WINDOW, Sending
from tests.fakes.clock import FakeClock
from tests.until import until

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


class Line:
    """An outbox being sent over a line that only notes what leaves."""

    def __init__(self, folder: Path) -> None:
        self.outbox = Outbox(folder / "o.db", lambda lost: ("lost", msgspec.json.encode(lost)))
        self.clock = FakeClock(NOW)
        self.sent: list[tuple[str, int, int]] = []
        self.is_open = True
        self.sending = Sending(self.outbox, self._publish, self.clock)

    def _publish(self, topic: str, frame: bytes) -> bool:
        if self.is_open:
            read = decode_frame(frame)
            self.sent.append((topic, read.seq, read.first))
        return self.is_open

    def put(self, lane: Lane, count: int, size: int = 10) -> None:
        for _ in range(count):
            self.outbox.put(lane, lane.value, b'"' + b"x" * size + b'"', NOW, "trusted")
        self.sending.wake()

    def ack(self, lane: str, upto: int) -> None:
        self.sending.ack(Ack(epoch=self.outbox.epoch, lane=lane, upto=upto))  # type: ignore[arg-type]

    def seqs(self, lane: str) -> list[int]:
        return [seq for topic, seq, _ in self.sent if topic == lane]

    @contextmanager
    def working(self) -> Iterator[None]:
        stop = threading.Event()
        worker = threading.Thread(
            target=self.sending.work, args=(stop, lambda: None, lambda: self.is_open), daemon=True
        )
        worker.start()
        try:
            yield
        finally:
            stop.set()
            self.sending.wake()
            worker.join(10)
            assert not worker.is_alive()

    def wait(self, lane: str, count: int) -> None:
        until(lambda: len(self.seqs(lane)) >= count, 30, lambda: len(self.seqs(lane)))


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def test_a_window_is_sent_and_the_rest_follows_the_acknowledgements(line: Line) -> None:
    line.put(Lane.EVENT, WINDOW + 50)
    with line.working():
        line.wait("event", WINDOW)
        assert line.seqs("event") == list(range(1, WINDOW + 1))
        line.ack("event", 30)
        line.wait("event", WINDOW + 30)
        line.ack("event", WINDOW)
        line.wait("event", WINDOW + 50)
    assert line.seqs("event") == list(range(1, WINDOW + 51))


def test_a_history_of_readings_leaves_half_of_the_way_free(line: Line) -> None:
    line.put(Lane.TELE, HISTORY_WINDOW + BEHIND + 1)
    line.put(Lane.ALARM, 1)
    assert line.sending.is_behind(Lane.TELE)
    with line.working():
        line.wait("tele", HISTORY_WINDOW)
        line.wait("alarm", 1)
        assert len(line.seqs("tele")) == HISTORY_WINDOW
        line.ack("tele", HISTORY_WINDOW)
        line.wait("tele", HISTORY_WINDOW + BEHIND + 1)
        line.ack("tele", HISTORY_WINDOW + 1)
        until(lambda: not line.sending.is_behind(Lane.TELE), 10)


def test_an_alarm_goes_before_the_rest_of_a_long_window_of_readings(line: Line) -> None:
    line.put(Lane.TELE, 150)
    line.put(Lane.ALARM, 1)
    with line.working():
        line.wait("tele", 150)
    assert line.sent[0][0] == "alarm"


def test_without_acknowledgements_the_window_comes_again_and_shrinks(line: Line) -> None:
    line.put(Lane.EVENT, WINDOW)
    with line.working():
        line.wait("event", WINDOW)
        expected, window = WINDOW, WINDOW
        for round_of in range(6):
            line.clock.advance(PATIENCE_S * 2**round_of + 1)
            window = max(LEAST_WINDOW, window // 2)
            expected += window
            line.wait("event", expected)
        assert len(line.seqs("event")) == expected
        line.ack("event", window)
        line.wait("event", expected + 2 * window)
    assert line.seqs("event")[expected : expected + 3] == [window + 1, window + 2, window + 3]


def test_a_hub_that_says_how_far_it_is_gets_the_rest_at_once(line: Line) -> None:
    line.put(Lane.ALARM, 3)
    with line.working():
        line.wait("alarm", 3)
        line.ack("alarm", 1)
        until(lambda: line.outbox.first(Lane.ALARM) == 2, 10)
        line.ack("alarm", 1)
        line.clock.advance(HEARD_S + 0.5)
        line.ack("alarm", 1)
        line.wait("alarm", 5)
        line.ack("alarm", 1)  # in the same second: it may have been said before what was sent again
    assert line.seqs("alarm") == [1, 2, 3, 2, 3]


def test_a_new_connection_begins_at_the_first_message_held(line: Line) -> None:
    line.put(Lane.EVENT, 3)
    with line.working():
        line.wait("event", 3)
        line.ack("event", 1)
        until(lambda: line.outbox.first(Lane.EVENT) == 2, 10)
        line.sending.restart()
        line.wait("event", 5)
    assert line.seqs("event") == [1, 2, 3, 2, 3]


def test_large_messages_fill_the_window_by_their_bytes(line: Line) -> None:
    line.put(Lane.ALARM, 60, 100_000)
    with line.working():
        line.wait("alarm", 42)
        assert len(line.seqs("alarm")) == 42, "the one that passes 4 MiB is the last"
        line.ack("alarm", 10)
        line.wait("alarm", 52)


def test_a_message_put_at_any_moment_is_sent_without_waiting_for_the_next_look(line: Line) -> None:
    with line.working():
        for number in range(1, 101):
            line.put(Lane.EVENT, 1)
            line.wait("event", number)
            line.ack("event", number)
    assert line.seqs("event") == list(range(1, 101))


def test_a_closed_line_takes_nothing_and_a_hole_is_told_with_the_next_message(line: Line) -> None:
    line.is_open = False
    line.put(Lane.TELE, 3)
    line.outbox._db.execute("DELETE FROM outbox WHERE seq = 2")
    with line.working():
        assert line.sent == []
        line.is_open = True
        line.sending.restart()
        line.wait("tele", 2)
    assert set(line.sent) == {("tele", 1, 0), ("tele", 3, 2)}


def test_what_was_acknowledged_is_deleted_even_when_nothing_more_is_put(line: Line) -> None:
    line.put(Lane.EVENT, 2)
    with line.working():
        line.wait("event", 2)
        line.ack("event", 2)
        until(lambda: line.outbox.first(Lane.EVENT) == 3, 10)
        line.clock.advance(2)
        until(
            lambda: line.outbox._db.execute("SELECT count(*) FROM outbox").fetchone() == (0,),
            10,
        )
