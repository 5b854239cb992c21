"""The amplifier as the loudspeaker sees it: leases, keys, local use; then with the real board service beside it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest

from broker.contract import Identity
from broker.contract.board import AmplifierState
from broker.contract.speaker import AmplifierLease, LocalUse
from broker.link.clock import MachineClock
from broker.link.config import Settings
from broker.link.outbox import OutboxFull
from broker.link.session import Session
from edge.speaker.amplifier import Amplifier
from edge.speaker.amplifier_seen import FOLLOW_S, STALE_S, WARM_S, AmplifierSeen
from firmware_bridge.service import build
from firmware_bridge.simulator import SimulatedAmplifier, SimulatedBoard
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.firmware_bridge.test_amplifier import settings_at
from tests.settings import give_passwords
from tests.until import until

BOARD = Identity("thon-01", "board")
OFF = AmplifierState(at=FakeClock().now(), relay="off", current="none")
ON = AmplifierState(at=FakeClock().now(), relay="on", current="flowing")
UNWIRED = AmplifierState(at=FakeClock().now(), relay="unknown", current="unknown")


def keys(microphone: bool = False, mute: bool = False) -> AmplifierState:
    return AmplifierState(at=FakeClock().now(), relay="off", current="none", microphone=microphone, mute=mute)


def seen(*words: tuple[float, AmplifierState]) -> AmplifierSeen:
    """What was heard, each at its second."""
    made = AmplifierSeen()
    for at_s, said in words:
        made.hear(said, at_s)
    return made


# -- what is known


def test_without_a_word_or_a_relay_nothing_is_waited_for() -> None:
    assert seen().warm_in_s(10, 10) == 0
    assert seen((10, UNWIRED)).warm_in_s(10, 10) == 0


def test_a_relay_is_waited_for_until_it_was_on_for_three_seconds() -> None:
    assert seen((9, OFF)).warm_in_s(10, 10) == FOLLOW_S + WARM_S
    known = seen((9, OFF), (10.2, ON), (11.2, ON))
    assert known.warm_in_s(10, 11.2) == pytest.approx(2.0)
    assert known.warm_in_s(10, 13.2) == 0


def test_a_relay_that_never_closes_holds_nothing_up_for_long() -> None:
    known = seen(*((10 + n, OFF) for n in range(6)))
    assert known.warm_in_s(10, 10 + FOLLOW_S + WARM_S) == 0


def test_a_relay_that_opened_meanwhile_must_warm_up_again() -> None:
    known = seen((10, ON), (11, OFF), (12, ON))
    assert known.warm_in_s(12, 12.5) == pytest.approx(2.5)


def test_after_five_seconds_of_silence_there_is_no_amplifier_and_no_key() -> None:
    known = seen((10, keys(mute=True)))
    assert known.keys(10 + STALE_S - 0.1).mute
    assert not known.keys(10 + STALE_S).mute
    assert known.last(10 + STALE_S) is None


def test_current_counts_as_drawn_when_it_flowed_nearly_all_the_time() -> None:
    known = seen((10, OFF), *((11 + n, ON) for n in range(10)), (21, OFF), (22, OFF))
    assert known.drawn(11, 21, 22) is True
    assert known.drawn(10, 22, 22) is True, "10 of 12 seconds"
    assert known.drawn(10, 13, 22) is False
    assert known.drawn(21, 22, 22) is False
    assert known.drawn(30, 40, 40) is None, "nobody has said anything since"
    assert known.drawn(12, 12, 22) is None


def test_without_a_sensor_or_without_words_nobody_can_tell_of_current() -> None:
    assert seen(*((10 + n, UNWIRED) for n in range(10))).drawn(10, 19, 20) is None
    gap = seen((10, ON), (11, ON), (20, ON), (21, ON))
    assert gap.drawn(10, 21, 21) is None
    assert gap.drawn(20, 21, 21) is True


# -- asking


class Room:
    """An amplifier's worker, running, on a session without a network."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = FakeClock(running=True)
        self.session = FakeSession(Identity("thon-01", "speaker"), clock=self.clock)
        self.changes = 0
        self.amplifier = Amplifier(
            cast(Any, self.session), self.clock, home, changed=self._count, monotonic=self.clock.monotonic
        )

    def _count(self) -> None:
        self.changes += 1

    @contextmanager
    def live(self) -> Iterator[Room]:
        stop = threading.Event()
        thread = threading.Thread(target=self.amplifier.run, args=(stop, lambda: None))
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join(5)
            assert not thread.is_alive()

    def hear(self, said: AmplifierState) -> None:
        self.session.deliver(said, BOARD)

    def leases(self) -> list[tuple[int, bool]]:
        return [(one.lease_ms, one.is_playing) for one in self.session.messages(AmplifierLease)]

    def uses(self) -> list[LocalUse]:
        return self.session.messages(LocalUse)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_lease_is_asked_at_once_renewed_every_second_and_given_back(room: Room) -> None:
    with room.live():
        until(lambda: room.leases() == [(0, False)], 5)
        room.amplifier.hold(is_playing=False)
        room.amplifier.hold(is_playing=False)
        assert room.leases() == [(0, False), (3000, False)]
        room.amplifier.hold(is_playing=True)
        assert room.leases()[-1] == (3000, True)
        room.clock.advance(1.0)
        until(lambda: len(room.leases()) >= 4, 5)
        room.amplifier.release()
        said = room.leases()
        assert said[-1] == (0, False)
        room.clock.advance(5.0)
        room.hear(keys(microphone=True))
        until(lambda: room.amplifier.microphone, 5)
        assert room.leases() == said, "nothing is renewed that was given back"


def test_the_end_of_the_service_gives_it_back(room: Room) -> None:
    with room.live():
        room.amplifier.hold(is_playing=True)
    assert room.leases()[-1] == (0, False)


def test_a_turned_key_is_told_at_once_and_silence_of_the_board_ends_it(room: Room) -> None:
    with room.live():
        room.hear(keys(mute=True))
        until(lambda: room.changes == 1, 5)
        assert room.amplifier.mute
        assert room.amplifier.is_there
        room.clock.advance(STALE_S)
        until(lambda: room.changes == 2, 5)
        assert not room.amplifier.mute
        assert not room.amplifier.is_there


def test_a_village_heads_speech_is_told_from_beginning_to_end(room: Room) -> None:
    with room.live():
        room.hear(keys(microphone=True))
        room.hear(keys(microphone=True))
        until(lambda: len(room.uses()) == 1, 5)
        room.clock.advance(90)
        room.hear(keys())
        until(lambda: len(room.uses()) == 2, 5)
        began, ended = room.uses()
        assert (began.what, began.ended_at) == ("microphone", None)
        assert (ended.use, ended.started_at) == (began.use, began.started_at)
        assert ended.ended_at is not None
        assert ended.ended_at - began.started_at >= timedelta(seconds=90)


def test_a_use_goes_on_across_a_start_of_the_service_and_ends_once(tmp_path: Path) -> None:
    first = Room(tmp_path)
    with first.live():
        first.hear(keys(mute=True))
        until(lambda: first.uses(), 5)
    second = Room(tmp_path)
    with second.live():
        second.hear(keys(mute=True, microphone=True))
        until(lambda: second.uses(), 5)
        assert [one.what for one in second.uses()] == ["microphone"]
        second.hear(keys(microphone=True))
        until(lambda: len(second.uses()) == 2, 5)
    ended = second.uses()[-1]
    assert (ended.use, ended.what) == (first.uses()[0].use, "mute")
    assert ended.ended_at is not None


@pytest.mark.parametrize("why", [OutboxFull("Đầy chỗ chờ gửi."), sqlite3.OperationalError("disk is full")])
def test_a_full_outbox_keeps_the_news_for_later(room: Room, why: Exception) -> None:
    with room.live():
        until(lambda: room.leases(), 5)
        room.session.refuse = why
        room.hear(keys(microphone=True))
        until(lambda: room.amplifier.microphone, 5)
        room.hear(keys())
        until(lambda: not room.amplifier.microphone, 5)
    room.session.refuse = None
    again = Room(room.home)
    with again.live():
        again.clock.advance(11)
        until(lambda: again.uses(), 5)
    (told,) = again.uses()
    assert (told.what, told.ended_at is not None) == ("microphone", True)


def test_a_damaged_record_of_uses_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "local-use.json").write_bytes(b'[{"use": 7}]')
    room = Room(tmp_path)
    with room.live():
        room.hear(keys(microphone=True))
        until(lambda: room.uses(), 5)


# -- with the real board service, over the nearby sockets


@contextmanager
def served(session: Session, *runs: Callable[[threading.Event, Callable[[], None]], None]) -> Iterator[None]:
    """A session and its service's workers, without a broker: neighbours need none."""
    stop = threading.Event()
    session.open()
    threads = [
        threading.Thread(target=run, args=(stop, lambda: None))
        for run in (*(each.run for each in session.workers()), *runs)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        session.close()
        for thread in threads:
            thread.join(5)
        assert not any(thread.is_alive() for thread in threads)


class Pole:
    """A node whose board service runs on a simulated amplifier."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.simulated = SimulatedAmplifier()

    def session(self, service: str) -> Session:
        return Session(self.settings, service, MachineClock(self.settings.data_dir / "floor", "host"))


@pytest.fixture
def pole(tmp_path: Path) -> Iterator[Pole]:
    line = tmp_path / "line"
    settings = settings_at(tmp_path, str(line))
    give_passwords(settings, {"thon-01.board": "x", "thon-01.speaker": "x"})
    settings.broker.port = 1  # nobody listens there
    made = Pole(settings)
    with TemporaryDirectory(prefix="ls-") as short:  # a socket's path has room for a hundred letters
        settings.machine.run = short
        with SimulatedBoard(made.simulated.devices, link=line, values=made.simulated.values):
            session = made.session("board")
            (worker,) = build(settings, session)
            with served(session, worker.run):
                yield made


def test_both_services_together_switch_it_hear_its_keys_and_its_current(pole: Pole) -> None:
    session = pole.session("speaker")
    turned_s: list[float] = []
    amplifier = Amplifier(
        session,
        session.clock,
        pole.settings.data_dir / "speaker",
        changed=lambda: turned_s.append(time.monotonic()),
    )
    with served(session, amplifier.run):
        until(lambda: amplifier.is_there, 10)
        amplifier.hold(is_playing=True)
        assert 0 < amplifier.warm_in_s() <= FOLLOW_S + WARM_S
        until(lambda: pole.simulated.is_on, 5)
        until(lambda: amplifier.warm_in_s() <= WARM_S, 5)
        since_s = time.monotonic()
        until(lambda: amplifier.drawn(since_s + 0.5, since_s + 1.5) is not None, 5)
        assert amplifier.drawn(since_s + 0.5, since_s + 1.5) is True
        key_s = time.monotonic()
        pole.simulated.turn(pole.simulated.MUTE, True)
        until(lambda: turned_s, 5)
        assert amplifier.mute
        until(lambda: not pole.simulated.is_on, 5)
        assert turned_s[0] - key_s < 0.5
        pole.simulated.turn(pole.simulated.MUTE, False)
        until(lambda: pole.simulated.is_on and not amplifier.mute, 5)
        amplifier.release()
        until(lambda: not pole.simulated.is_on, 5)


def test_a_loudspeaker_service_that_is_killed_leaves_no_horn_humming(pole: Pole) -> None:
    file = pole.settings.data_dir.parent / "langso.toml"
    command = [sys.executable, "-m", "tests.speaker.amplifier_child", str(file), pole.settings.machine.run]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as child:
        until(lambda: pole.simulated.is_on, 20)
        child.kill()
        child.wait()
        killed_s = time.monotonic()
        assert pole.simulated.is_on
        until(lambda: not pole.simulated.is_on, 10)
        assert time.monotonic() - killed_s < 5.0
