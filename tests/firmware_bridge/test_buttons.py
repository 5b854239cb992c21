"""SOS buttons on a simulated board behind a real pseudo-terminal: pressed, let go, across starts, cut wires."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from broker.contract import Identity
from broker.contract.board import AmplifierState, SosAlarm
from broker.link.config import Settings
from firmware_bridge.buttons import Contact
from firmware_bridge.profile import load
from firmware_bridge.service import build, check
from firmware_bridge.simulator import Device, SimulatedAmplifier, SimulatedBoard, Switches
from tests.fakes.session import FakeClock, FakeSession
from tests.settings import node_settings
from tests.until import until

LINE = """
[[board.ports]]
port = "{port}"
[[board.ports.devices]]
address = 1
profile = "waveshare-relay-d"
name = "ro-le"
"""
KEYS = """
[board.amplifier]
relay = "ro-le:0"
mute = "ro-le:7"
"""
GATE = """
[[board.sos]]
name = "cong"
place = "Cổng chính"
input = "ro-le:2"
"""
SHOP = """
[[board.sos]]
name = "cua-hang"
place = "Cửa hàng"
input = "ro-le:4"
closed_at_rest = true
"""


class House:
    """The service of one line, and what it says."""

    def __init__(self, folder: Path, extra: str) -> None:
        settings = node_settings(folder, extra=extra)
        clock = FakeClock(datetime.now(UTC), running=True)
        self.session = FakeSession(Identity("thon-01", "board"), settings, clock)
        self.workers = build(settings, cast(Any, self.session))

    def said(self, name: str = "cong", *, is_over: bool = False) -> SosAlarm:
        found = self.session.wait_for(
            SosAlarm, lambda one: one.input == name and (one.ended_at is not None) == is_over
        )
        assert isinstance(found, SosAlarm)
        return found

    @property
    def all(self) -> list[SosAlarm]:
        return list(self.session.messages(SosAlarm))


@contextmanager
def running(folder: Path, extra: str) -> Iterator[House]:
    house, stop = House(folder, extra), threading.Event()
    threads = [threading.Thread(target=each.run, args=(stop, lambda: None)) for each in house.workers]
    with ExitStack() as after:
        after.callback(stop.set)
        for thread in threads:
            thread.start()
            after.callback(thread.join, 2.0)
        after.callback(stop.set)
        yield house
    assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def switches() -> Switches:
    return Switches(inputs={4: True})


@pytest.fixture
def board(switches: Switches, tmp_path: Path) -> Iterator[SimulatedBoard]:
    made = SimulatedBoard([Device(1, load("waveshare-relay-d"), switches=switches)], link=tmp_path / "line")
    made.plug()
    yield made
    made.unplug()


def test_a_press_is_told_within_a_second_and_again_when_let_go(
    switches: Switches, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, LINE.format(port=board.path) + GATE) as house:
        until(lambda: board.asked > 3, 5)
        pressed_at = house.session.clock.now()
        switches.inputs[2] = True
        alarm = house.said()
        told_at = house.session.clock.now()
        assert (alarm.place, alarm.ended_at) == ("Cổng chính", None)
        assert (told_at - pressed_at).total_seconds() < 1.0
        assert abs((alarm.started_at - pressed_at).total_seconds()) < 1.0
        switches.inputs[2] = False
        over = house.said(is_over=True)
        assert (over.alarm, over.started_at) == (alarm.alarm, alarm.started_at)
        assert over.ended_at is not None
        assert over.ended_at > over.started_at
        assert len(house.all) == 2


def test_a_wire_that_is_cut_at_a_button_closed_at_rest_is_an_alarm_and_only_its_own(
    switches: Switches, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, LINE.format(port=board.path) + GATE + SHOP) as house:
        until(lambda: board.asked > 3, 5)
        assert house.all == []
        switches.inputs[4] = False
        assert house.said("cua-hang").place == "Cửa hàng"
        assert {each.input for each in house.all} == {"cua-hang"}


def test_a_line_that_is_pulled_out_lets_no_button_go(
    switches: Switches, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, LINE.format(port=tmp_path / "line") + GATE) as house:
        switches.inputs[2] = True
        alarm = house.said()
        board.unplug()
        until(lambda: house.session.problems, 5)
        assert len(house.all) == 1
        switches.inputs[2] = False
        board.plug()
        assert house.said(is_over=True).alarm == alarm.alarm


def test_a_button_let_go_while_the_service_was_down_ends_its_alarm(
    switches: Switches, board: SimulatedBoard, tmp_path: Path
) -> None:
    extra = LINE.format(port=board.path) + GATE
    switches.inputs[2] = True
    with running(tmp_path, extra) as house:
        alarm = house.said()
    with running(tmp_path, extra) as house:
        asked = board.asked
        until(lambda: board.asked > asked + 6, 5)
        assert house.all == [], "still the same press"
    switches.inputs[2] = False
    with running(tmp_path, extra) as house:
        assert house.said(is_over=True).alarm == alarm.alarm
        assert len(house.all) == 1


def test_a_clock_put_forward_during_a_press_makes_it_no_longer(
    switches: Switches, board: SimulatedBoard, tmp_path: Path
) -> None:
    with running(tmp_path, LINE.format(port=board.path) + GATE) as house:
        switches.inputs[2] = True
        house.said()
        house.session.clock.step(3 * 86_400)
        switches.inputs[2] = False
        over = house.said(is_over=True)
        assert over.ended_at is not None
        assert over.ended_at - over.started_at < timedelta(minutes=1)


def test_a_button_no_longer_in_the_settings_ends_its_alarm(
    switches: Switches, board: SimulatedBoard, tmp_path: Path
) -> None:
    switches.inputs[2] = True
    with running(tmp_path, LINE.format(port=board.path) + GATE) as house:
        alarm = house.said()
    house = House(tmp_path, "")
    assert [(each.alarm, each.ended_at is None) for each in house.all] == [(alarm.alarm, False)]


def test_buttons_beside_the_amplifiers_keys_share_its_line(tmp_path: Path) -> None:
    amplifier = SimulatedAmplifier()
    with SimulatedBoard(amplifier.devices, values=amplifier.values) as board:
        extra = LINE.format(port=board.path) + KEYS + GATE
        with running(tmp_path, extra) as house:
            assert len(house.workers) == 1
            house.session.wait_for(AmplifierState, lambda one: one.relay == "off")
            amplifier.turn(2, True)
            amplifier.turn(amplifier.MUTE, True)
            house.said()
            house.session.wait_for(AmplifierState, lambda one: one.mute)


def test_what_is_read_once_is_no_press_and_a_contact_that_bounces_is_one() -> None:
    contact = Contact(False)
    assert [contact.take(each, n) for n, each in enumerate([True, False, True])] == [False] * 3
    assert contact.is_doubtful
    assert contact.take(True, 3.0)
    assert (contact.is_pressed, contact.since_s) == (True, 2.0)
    bounces = [False, True, False, False, True, False, False]
    assert not any(contact.take(each, 4.0) for each in bounces)
    assert contact.take(False, 5.0)
    assert not contact.is_pressed


WEATHER = """
[[board.ports.devices]]
address = 3
profile = "xy-md02"
name = "san"
"""
OTHER = """
[[board.ports]]
port = "/dev/ttyUSB1"
[[board.ports.devices]]
address = 1
profile = "waveshare-relay-d"
name = "khac"
"""


def settings_of(folder: Path, extra: str) -> Settings:
    return node_settings(folder, extra=LINE.format(port="/dev/ttyUSB0") + extra)


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (GATE.replace("ro-le:2", "ro-lo:2"), "'ro-lo', which is none of"),
        (GATE.replace("ro-le:2", "ro-le:8"), "'ro-le' has 8 inputs, from 0 on"),
        (KEYS + GATE.replace("ro-le:2", "ro-le:7"), "which is the mute key's"),
        (KEYS + GATE.replace("ro-le:2", "ro-le:0"), "lets an input switch the relay"),
        (GATE + GATE.replace("ro-le:2", "ro-le:3"), "name 'cong' twice"),
        (GATE + SHOP.replace("ro-le:4", "ro-le:2"), "which is button 'cong''s"),
        (WEATHER + GATE, "found san beside SOS buttons"),
        (OTHER + GATE + SHOP.replace("ro-le:4", "khac:4"), "stand on several lines"),
    ],
)
def test_what_cannot_work_is_one_sentence(tmp_path: Path, extra: str, sentence: str) -> None:
    found = check(settings_of(tmp_path, extra))
    assert any(sentence in text for text in found), found


def test_buttons_on_a_line_of_their_own_or_on_the_amplifiers_are_right(tmp_path: Path) -> None:
    assert check(settings_of(tmp_path / "a", GATE + SHOP)) == []
    assert check(settings_of(tmp_path / "b", KEYS + GATE)) == []
    assert check(settings_of(tmp_path / "c", OTHER + KEYS + GATE.replace("ro-le:2", "khac:2"))) == []
