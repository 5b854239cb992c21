"""The amplifier's line against a simulated relay board on a real pseudo-terminal: leases, keys, current, alarms."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from broker.contract import Identity
from broker.contract.board import AmplifierAlarm, AmplifierState, BoardStatus
from broker.contract.speaker import AmplifierLease
from broker.link.config import Settings
from broker.link.outbox import OutboxFull
from firmware_bridge.alarms import Alarms
from firmware_bridge.service import build
from firmware_bridge.simulator import Device, SimulatedAmplifier, SimulatedBoard
from tests.fakes.session import FakeClock, FakeSession
from tests.settings import node_settings
from tests.until import until

SPEAKER = Identity("thon-01", "speaker")
LINE = """
[[board.ports]]
port = "{port}"
[[board.ports.devices]]
address = 1
profile = "waveshare-relay-d"
name = "ro-le"
[[board.ports.devices]]
address = 2
profile = "pzem-016"
name = "tang-am"
[board.amplifier]
relay = "ro-le:0"
microphone = "ro-le:6"
mute = "ro-le:7"
current = "tang-am"
"""


def settings_at(folder: Path, port: str) -> Settings:
    """A node with an amplifier's line."""
    return node_settings(folder, extra=LINE.format(port=port))


class Line:
    """The service of one amplifier's line, and what it says."""

    def __init__(self, folder: Path, port: str) -> None:
        settings = settings_at(folder, port)
        self.session = FakeSession(
            Identity("thon-01", "board"), settings, FakeClock(datetime.now(UTC), running=True)
        )
        (self.worker,) = build(settings, cast(Any, self.session))

    def lease(self, lease_ms: int = 3000, is_playing: bool = False) -> None:
        self.session.deliver(AmplifierLease(lease_ms=lease_ms, is_playing=is_playing), SPEAKER)

    def state(self, timeout_s: float = 5.0, **wanted: object) -> AmplifierState:
        """The first state that is so."""
        found = self.session.wait_for(
            AmplifierState,
            lambda one: all(getattr(one, key) == value for key, value in wanted.items()),
            timeout_s,
        )
        assert isinstance(found, AmplifierState)
        return found

    @property
    def last(self) -> AmplifierState:
        found = self.session.messages(AmplifierState)[-1]
        assert isinstance(found, AmplifierState)
        return found


@contextmanager
def running(folder: Path, port: str) -> Iterator[Line]:
    line = Line(folder, port)
    stop, failures = threading.Event(), []

    def live() -> None:
        try:
            line.worker.run(stop, lambda: None)
        except BaseException as why:  # noqa: BLE001  (told below, in the test's own thread)
            failures.append(why)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield line
    finally:
        stop.set()
        thread.join(2.0)
        assert not thread.is_alive(), "the worker did not stop"
    assert failures == []


@pytest.fixture
def amplifier() -> SimulatedAmplifier:
    return SimulatedAmplifier()


@pytest.fixture
def board(amplifier: SimulatedAmplifier, tmp_path: Path) -> Iterator[SimulatedBoard]:
    made = SimulatedBoard(amplifier.devices, link=tmp_path / "line", values=amplifier.values)
    made.plug()
    yield made
    made.unplug()


def test_a_lease_switches_it_on_and_its_end_off_again(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    amplifier.switches.coils[0] = True  # as a power cut left it
    with running(tmp_path, board.path) as line:
        line.state(relay="off", current="none")
        assert not amplifier.is_on
        line.lease(700, is_playing=True)
        line.state(relay="on", current="flowing")
        until(lambda: not amplifier.is_on, 3)
        until(lambda: line.last.relay == "off" and line.last.current == "none", 3)
        line.lease(10_000)
        until(lambda: amplifier.is_on, 3)
        line.lease(0)
        until(lambda: not amplifier.is_on, 3)
        until(lambda: line.last.relay == "off", 3)
        assert line.session.messages(AmplifierAlarm) == []
        assert {each.state for each in line.session.messages(BoardStatus)[-1].boards} == {"live"}


def test_the_end_of_the_service_switches_it_off(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, board.path) as line:
        line.lease(10_000)
        until(lambda: amplifier.is_on, 5)
    assert not amplifier.is_on
    assert line.last.relay == "unknown" or line.last.relay == "off"


def test_the_mute_key_switches_it_off_whatever_is_leased(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, board.path) as line:
        line.lease(10_000)
        line.state(relay="on")
        amplifier.turn(amplifier.MUTE, True)
        line.state(mute=True)
        until(lambda: not amplifier.is_on, 3)
        amplifier.turn(amplifier.MUTE, False)
        until(lambda: amplifier.is_on, 3)
        until(lambda: not line.last.mute, 3)


def test_a_key_that_stands_on_silence_stays_so_across_a_start_of_the_service(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    amplifier.turn(amplifier.MUTE, True)
    with running(tmp_path, board.path) as line:
        line.state(relay="off", mute=True)
        assert all(told.mute for told in line.session.messages(AmplifierState))


def test_a_line_that_comes_back_is_switched_off_until_it_is_asked_for_again(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, str(tmp_path / "line")) as line:
        line.lease(10_000)
        line.state(relay="on")
        board.unplug()
        until(lambda: line.last.relay == "unknown" and line.session.problems, 5)
        assert amplifier.is_on, "nobody can reach it"
        board.plug()
        until(lambda: not amplifier.is_on, 5)
        until(lambda: line.last.relay == "off" and not line.session.problems, 5)
        line.lease(10_000)
        until(lambda: amplifier.is_on, 3)


def test_the_neighbours_hear_every_second_and_the_hub_only_news(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, board.path) as line:
        until(lambda: len(line.session.nearby) >= 2, 10)
        first, second = line.session.nearby[:2]
        assert (second.at - first.at).total_seconds() >= 0.99
        shown = [(s.relay, s.current, s.microphone, s.mute) for s in line.session.messages(AmplifierState)]
        assert all(before != after for before, after in pairwise(shown))


def test_whoever_asks_hears_at_once_how_it_is(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, board.path) as line:
        line.state(relay="off", current="none")
        told, began = line.session.nearby, line.session.clock.now()
        for _ in range(5):
            before = len(told)
            line.lease(0)
            until(lambda n=before: len(told) > n, 5)
        assert (line.session.clock.now() - began).total_seconds() < 3, "unasked it says so once a second"


def test_a_village_head_at_the_microphone_is_no_alarm(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, board.path) as line:
        line.state(relay="off", current="none")
        amplifier.turn(amplifier.MICROPHONE, True)
        line.state(microphone=True, current="flowing", relay="off")
        asked = board.asked
        until(lambda: board.asked > asked + 40, 15)
        assert line.session.messages(AmplifierAlarm) == []


def test_a_bridged_relay_is_an_alarm_soon_and_told_when_over(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, board.path) as line:
        line.state(relay="off", current="none")
        began = line.session.clock.now()
        amplifier.is_bridged = True
        alarm = line.session.wait_for(AmplifierAlarm)
        told = line.session.clock.now()
        assert (alarm.what, alarm.ended_at, alarm.current_a) == ("unexplained-current", None, 0.42)
        assert (told - began).total_seconds() >= 1.5
        assert (told - alarm.started_at).total_seconds() < 3.0
        amplifier.is_bridged = False
        ended = line.session.wait_for(AmplifierAlarm, lambda one: one.ended_at is not None)
        assert ended.alarm == alarm.alarm


def test_a_relay_that_does_not_follow_is_an_alarm(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    amplifier.switches.is_stuck = True
    with running(tmp_path, board.path) as line:
        line.state(relay="off")
        line.lease(10_000)
        alarm = line.session.wait_for(AmplifierAlarm)
        assert alarm.what == "relay-stuck"
        amplifier.switches.is_stuck = False
        ended = line.session.wait_for(AmplifierAlarm, lambda one: one.ended_at is not None)
        assert ended.alarm == alarm.alarm
        assert amplifier.is_on, "it was asked again and again"


def test_an_alarm_that_was_over_while_the_service_was_down_is_told_so(
    amplifier: SimulatedAmplifier, board: SimulatedBoard, tmp_path: Path
) -> None:
    amplifier.is_bridged = True
    with running(tmp_path, board.path) as line:
        alarm = line.session.wait_for(AmplifierAlarm)
    amplifier.is_bridged = False
    with running(tmp_path, board.path) as line:
        ended = line.session.wait_for(AmplifierAlarm)
        assert (ended.alarm, ended.what, ended.ended_at is not None) == (alarm.alarm, alarm.what, True)
    with running(tmp_path, board.path) as line:
        line.state(relay="off", current="none")
        assert line.session.messages(AmplifierAlarm) == []


def test_a_dead_sensor_keeps_neither_relay_nor_keys_waiting(
    amplifier: SimulatedAmplifier, tmp_path: Path
) -> None:
    relay_only: list[Device] = amplifier.devices[:1]
    with SimulatedBoard(relay_only) as board, running(tmp_path, board.path) as line:
        line.lease(10_000)
        line.state(relay="on", current="unknown")
        amplifier.turn(amplifier.MUTE, True)
        line.state(mute=True)
        until(lambda: not amplifier.is_on, 3)
        assert line.session.messages(AmplifierAlarm) == []


def test_damaged_answers_turn_no_key_and_confirm_no_relay(
    amplifier: SimulatedAmplifier, tmp_path: Path
) -> None:
    chance, damaged = random.Random(6), []

    def spoil(raw: bytes) -> bytes:
        if not raw or chance.random() > 0.3:
            return raw
        damaged.append(raw)
        place, bit = chance.randrange(len(raw)), 1 << chance.randrange(8)
        return raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]

    with (
        SimulatedBoard(amplifier.devices, values=amplifier.values, spoil=spoil) as board,
        running(tmp_path, board.path) as line,
    ):
        line.lease(10_000, is_playing=True)
        line.state(timeout_s=10, relay="on", current="flowing")
        line.lease(0)
        until(lambda: not amplifier.is_on, 10)
        until(lambda: line.last.relay == "off", 10)
        told = line.session.messages(AmplifierState)
    assert not any(one.mute or one.microphone for one in told)
    assert {one.current_a for one in told} <= {None, 0.0, 0.42}
    assert len(damaged) > 5


def test_an_adapter_that_hears_itself_proves_no_relay(amplifier: SimulatedAmplifier, tmp_path: Path) -> None:
    only_echo = SimulatedBoard([], values=amplifier.values)
    only_echo.echoes = True
    with only_echo as board, running(tmp_path, board.path) as line:
        line.lease(10_000)
        until(lambda: "silent-ro-le" in line.session.problems, 10)
        assert line.session.messages(AmplifierState) == [], "nothing is known of its keys yet"
        line.session.clock.advance(5)
        line.state(relay="unknown")
        assert {one.relay for one in line.session.messages(AmplifierState)} == {"unknown"}


def test_alarms_wait_while_the_outbox_is_full(tmp_path: Path) -> None:
    session = FakeSession(Identity("thon-01", "board"))
    alarms = Alarms(tmp_path / "alarms.json", cast(Any, session))
    at = session.clock.now()
    session.refuse = OutboxFull("Đĩa của máy đã đầy.")
    alarms.begin("no-current", at, 0.0)
    alarms.begin("no-current", at, 0.0)
    session.refuse = None
    again = Alarms(tmp_path / "alarms.json", cast(Any, session))
    again.tell()
    again.tell()
    (told,) = session.messages(AmplifierAlarm)
    again.end_all(at)
    assert [one.ended_at for one in session.messages(AmplifierAlarm)][-1] == at
    assert session.messages(AmplifierAlarm)[-1].alarm == told.alarm


def test_a_damaged_file_of_alarms_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "alarms.json").write_bytes(b'[{"alarm": ')
    session = FakeSession(Identity("thon-01", "board"))
    alarms = Alarms(tmp_path / "alarms.json", cast(Any, session))
    alarms.begin("relay-stuck", session.clock.now(), None)
    assert len(session.messages(AmplifierAlarm)) == 1
