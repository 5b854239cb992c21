"""The whole service against simulated boards on real pseudo-terminals: readings, silence, unplugging, replugging."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from pymodbus.client import ModbusSerialClient

from broker.contract import Identity
from broker.contract.board import BoardStatus, Reading, Readings, ReadingsNow
from broker.contract.node import Lost
from broker.link.config import Machine, PlaceOf, Settings, SettingsError
from broker.link.equipment import BoardDevice, BoardPort, Boards
from broker.link.outbox import OutboxFull
from firmware_bridge.bus import Bus, board_of
from firmware_bridge.drivers.modbus import Request, framed
from firmware_bridge.port import Line, PortGone
from firmware_bridge.profile import Profile, load
from firmware_bridge.service import BATCH_ITEMS, KEPT, Outgoing, build
from firmware_bridge.simulator import Device, SimulatedBoard, answer, nature, village_board
from tests.fakes.session import FakeClock, FakeSession
from tests.settings import node_settings

STILL = {"air_celsius": 27.4, "humidity_percent": 81.0, "water_level_m": 2.1}


def settings_for(port: str, devices: list[BoardDevice] | None = None) -> Settings:
    """A node with one serial line."""
    if devices is None:
        devices = [
            BoardDevice(address=1, profile="xy-md02", name="nha-van-hoa"),
            BoardDevice(address=15, profile="urm15", name="song-van", datum_m=4.5),
        ]
    return Settings(
        machine=Machine(role="node", name="thon-01", data="/nowhere"),
        place=PlaceOf(province="00", commune="00000", commune_name="xã Vân Khê"),
        board=Boards(ports=[BoardPort(port=port, devices=devices)]),
    )


@contextmanager
def running(settings: Settings) -> Iterator[FakeSession]:
    """The service's workers, running as under service.run, on a session without a network."""
    session = FakeSession(Identity("thon-01", "board"), settings, FakeClock(datetime.now(UTC), running=True))
    stop = threading.Event()
    failures: list[BaseException] = []

    def live(run: Callable[[threading.Event, Callable[[], None]], None]) -> None:
        try:
            run(stop, lambda: None)
        except BaseException as why:  # noqa: BLE001  (told below, in the test's own thread)
            failures.append(why)

    workers = build(settings, session)  # type: ignore[arg-type]
    threads = [threading.Thread(target=live, args=(worker.run,)) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield session
    finally:
        stop.set()
        for thread in threads:
            thread.join(1.0)
        assert not any(thread.is_alive() for thread in threads), "a worker did not stop within a second"
    assert failures == []


def states(session: FakeSession) -> dict[str, str]:
    told = session.messages(BoardStatus)
    return {board.board: board.state for board in told[-1].boards} if told else {}


def values(session: FakeSession) -> dict[str, Reading]:
    return {item.series: item for told in session.messages(Readings) for item in told.items}


def test_readings_of_all_boards_arrive_together_with_units(tmp_path: Path) -> None:
    with (
        SimulatedBoard(village_board(), values=lambda: STILL) as board,
        running(settings_for(board.path)) as session,
    ):
        session.wait_for(Readings)
        found = values(session)
    assert {name: (r.value, r.unit, r.quality) for name, r in found.items()} == {
        "air_celsius.nha-van-hoa": (27.4, "°C", "good"),
        "humidity_percent.nha-van-hoa": (81.0, "%", "good"),
        "water_level_m.song-van": (2.1, "m", "good"),
    }
    assert states(session) == {"nha-van-hoa": "live", "song-van": "live"}
    assert session.problems == {}


def test_a_silent_board_is_told_in_one_sentence_while_the_other_goes_on() -> None:
    only_air = [Device(1, load("xy-md02"))]
    with (
        SimulatedBoard(only_air, values=lambda: STILL) as board,
        running(settings_for(board.path)) as session,
    ):
        session.wait_for(BoardStatus, lambda told: any(b.state == "silent" for b in told.boards))
        assert session.wait(lambda: "silent-song-van" in session.problems)
        assert "song-van" in session.problems["silent-song-van"]
        session.wait_for(Readings, lambda told: any(r.series.startswith("air") for r in told.items))
        assert states(session) == {"nha-van-hoa": "live", "song-van": "silent"}
        board.devices.append(village_board()[1])
        assert session.wait(lambda: "silent-song-van" not in session.problems)
        assert states(session)["song-van"] == "live"


def test_a_missing_port_is_one_clear_sentence(tmp_path: Path) -> None:
    port = tmp_path / "no-such-board"
    with running(settings_for(str(port))) as session:
        assert session.wait(lambda: bool(session.problems))
        assert list(session.problems.values()) == [
            f"Không thấy cổng {port}. Kiểm tra dây nối bo mạch; cắm lại là máy tự nhận."
        ]
        assert session.wait(lambda: states(session) == {"nha-van-hoa": "no-port", "song-van": "no-port"})


def test_a_board_unplugged_and_replugged_speaks_again_within_three_seconds(tmp_path: Path) -> None:
    link = tmp_path / "board"
    board = SimulatedBoard(village_board(), link=link, values=lambda: STILL)
    board.plug()
    with running(settings_for(str(link))) as session:
        assert session.wait(lambda: states(session).get("song-van") == "live")
        for _ in range(2):
            board.unplug()
            assert session.wait(lambda: set(states(session).values()) == {"no-port"}, 3.0)
            board.plug()
            replugged_s = time.monotonic()
            assert session.wait(lambda: set(states(session).values()) == {"live"}, 5.0)
            assert time.monotonic() - replugged_s < 3.0
        assert session.problems == {}
        board.unplug()


def test_damaged_answers_never_become_values() -> None:
    flips = iter(range(10**9))

    def spoil(raw: bytes) -> bytes:
        n = next(flips)
        if n % 3 == 0:
            return raw
        return bytes(byte ^ (0x40 if place == n % max(1, len(raw)) else 0) for place, byte in enumerate(raw))

    with (
        SimulatedBoard(village_board(), values=lambda: STILL, spoil=spoil) as board,
        running(settings_for(board.path)) as session,
    ):
        session.wait_for(Readings, timeout_s=20)
        assert {reading.value for reading in values(session).values()} <= set(STILL.values())
    assert next(flips) > 3


def pair_of_registers() -> Profile:
    """Two quantities that need two requests of the same shape, polled as fast as can be."""
    one = {"unit": "m", "function": 3, "type": "uint16", "low": 0, "high": 99, "rate_per_min": 1}
    two = [{"name": "a_m", "register": 1, **one}, {"name": "b_m", "register": 9, **one}]
    table = {"model": "x", "about": "x", "source": "x", "poll_s": 0.1, "timeout_s": 0.1, "quantities": two}
    return msgspec.convert(table, Profile)


def test_a_late_answer_never_answers_another_question() -> None:
    count = iter(range(10**9))

    def spoil(raw: bytes) -> bytes:
        if next(count) % 3 == 2:
            threading.Event().wait(0.3)
        return raw

    profile = pair_of_registers()
    bus = Bus([board_of("x", 5, profile, 0.0)], FakeClock(running=True))
    found: list[Reading] = []
    with (
        SimulatedBoard([Device(5, profile)], values=lambda: {"a_m": 10, "b_m": 20}, spoil=spoil) as board,
        Line(board.path, 9600, "N") as line,
    ):
        bus.start()
        pause = threading.Event()
        while bus.boards[0].errors < 3:
            found += bus.poll(line, lambda: None)
            pause.wait(bus.wait_s())
    assert {(r.series, r.value) for r in found} == {("a_m.x", 10), ("b_m.x", 20)}


def test_garbage_before_every_answer_costs_no_value() -> None:
    profile = pair_of_registers()
    bus = Bus([board_of("x", 5, profile, 0.0)], FakeClock(running=True))
    with (
        SimulatedBoard(
            [Device(5, profile)],
            values=lambda: {"a_m": 10, "b_m": 20},
            spoil=lambda raw: bytes(range(256)) + raw,
        ) as board,
        Line(board.path, 9600, "N") as line,
    ):
        bus.start()
        found = bus.poll(line, lambda: None)
    assert {(r.series, r.value) for r in found} == {("a_m.x", 10), ("b_m.x", 20)}
    assert bus.boards[0].errors == 0


def test_readings_wait_while_the_outbox_is_full() -> None:
    session = FakeSession(Identity("thon-01", "board"))
    outgoing = Outgoing(session)  # type: ignore[arg-type]
    at = datetime(2026, 11, 21, tzinfo=UTC)
    taken = [
        Reading(series="air_celsius.a", at=at + timedelta(seconds=n), value=n / 10, unit="°C")
        for n in range(BATCH_ITEMS + 5)
    ]
    outgoing.add(taken)
    session.refuse = OutboxFull("Đĩa của máy đã đầy.")
    outgoing.send(now=True)
    assert session.problems == {"outbox-full": "Đĩa của máy đã đầy."}
    session.refuse = None
    outgoing.send(now=True)
    assert session.problems == {}
    assert [item for told in session.messages(Readings) for item in told.items] == taken


def test_readings_that_memory_cannot_hold_either_are_told_as_lost() -> None:
    session = FakeSession(Identity("thon-01", "board"))
    outgoing = Outgoing(session)  # type: ignore[arg-type]
    at = datetime(2026, 11, 21, tzinfo=UTC)
    taken = [
        Reading(series="air_celsius.a", at=at + timedelta(seconds=n), value=float(n), unit="°C")
        for n in range(KEPT + 30)
    ]
    session.refuse = OutboxFull("Đĩa của máy đã đầy.")
    for n in range(0, len(taken), 100):
        outgoing.add(taken[n : n + 100])
        outgoing.send(now=True)
    session.refuse = None
    outgoing.send(now=True)
    assert [(told.count, told.reason) for told in session.messages(Lost)] == [(30, "disk-full")]
    assert [item for told in session.messages(Readings) for item in told.items] == taken[30:]


def test_while_a_history_is_on_its_way_the_newest_values_are_shown_at_once() -> None:
    session = FakeSession(Identity("thon-01", "board"))
    outgoing = Outgoing(session)  # type: ignore[arg-type]
    at = datetime(2026, 11, 21, tzinfo=UTC)
    taken = [
        Reading(series=name, at=at + timedelta(seconds=n), value=float(n), unit="m")
        for n in range(3)
        for name in ("level_m.a", "level_m.b")
    ]
    outgoing.add(taken)
    outgoing.send(now=True)
    assert session.messages(ReadingsNow) == []
    session.behind = True
    outgoing.add(taken)
    outgoing.send(now=True)
    assert [told.items for told in session.messages(ReadingsNow)] == [taken[-2:]]


def test_the_longest_readings_fit_a_packet() -> None:
    session = FakeSession(Identity("thon-01", "board"))
    outgoing = Outgoing(session)  # type: ignore[arg-type]
    at = datetime(2026, 11, 21, 1, 2, 3, 123456, tzinfo=UTC)
    name = "q" * 38 + "." + "d" * 41
    long = Reading(series=name, at=at, value=-123.456789, unit="m" * 12, quality="unchecked")
    outgoing.add([long] * BATCH_ITEMS)
    outgoing.send()
    assert [len(told.items) for told in session.messages(Readings)] == [BATCH_ITEMS]


def test_a_stop_sends_what_was_measured() -> None:
    with (
        SimulatedBoard(village_board(), values=lambda: STILL) as board,
        running(settings_for(board.path)) as session,
    ):
        assert session.wait(lambda: states(session).get("song-van") == "live")
        assert session.messages(Readings) == []
    assert set(values(session)) == {
        "air_celsius.nha-van-hoa",
        "humidity_percent.nha-van-hoa",
        "water_level_m.song-van",
    }


def test_boards_are_declared_in_the_settings_file(tmp_path: Path) -> None:
    settings = node_settings(
        tmp_path,
        extra="""
[[board.ports]]
port = "/dev/serial/by-id/usb-1"
baud = 19200
[[board.ports.devices]]
address = 15
profile = "urm15"
name = "song-van"
datum_m = 4.5
""",
    )
    session = FakeSession(Identity("thon-01", "board"), settings)
    (worker,) = build(settings, session)  # type: ignore[arg-type]
    assert worker.name == "port-0"
    assert settings.board.ports[0].devices[0].datum_m == 4.5


def test_wrong_settings_are_told_all_at_once() -> None:
    devices = [
        BoardDevice(address=1, profile="xy-md02", name="a"),
        BoardDevice(address=1, profile="xy-md03", name="a"),
    ]
    session = FakeSession(Identity("thon-01", "board"))
    with pytest.raises(SettingsError) as found:
        build(settings_for("/dev/ttyUSB0", devices), session)  # type: ignore[arg-type]
    assert len(found.value.lines) == 3
    assert "'xy-md03' not found" in found.value.lines[2]


def test_a_node_without_boards_is_well_and_idles() -> None:
    settings = settings_for("/dev/null")
    settings.board.ports = []
    with running(settings) as session:
        assert session.problems == {}


def test_a_port_is_ours_alone() -> None:
    with SimulatedBoard(village_board()) as board, Line(board.path, 9600, "N"):
        with pytest.raises(PortGone) as found:
            Line(board.path, 9600, "N")
        assert found.value.why == "busy"


@pytest.mark.parametrize("parity", ["N", "E", "O"])
def test_a_line_opens_with_each_parity(parity: str) -> None:
    with (
        SimulatedBoard(village_board(), values=lambda: STILL) as board,
        Line(board.path, 19200, parity) as line,
    ):  # type: ignore[arg-type]
        line.write(Request(1, 4, 1, 2).encode())
        assert line.read(5.0)


def test_pymodbus_reads_the_simulated_board() -> None:
    with SimulatedBoard(village_board(), values=lambda: STILL) as board:
        client = ModbusSerialClient(board.path, baudrate=9600, timeout=2)
        assert client.connect()
        try:
            air = client.read_input_registers(1, count=2, device_id=1)
            river = client.read_holding_registers(5, count=1, device_id=15)
            wrong = client.read_holding_registers(99, count=1, device_id=15)
        finally:
            client.close()
    assert air.registers == [274, 810]
    assert river.registers == [2400]
    assert wrong.exception_code == 2


def test_the_simulated_board_keeps_silent_on_a_damaged_request_and_refuses_unknown_functions() -> None:
    good = Request(1, 4, 1, 2).encode()
    assert answer(village_board(), STILL, good[:-1] + bytes([good[-1] ^ 1])) == b""
    assert answer(village_board(), STILL, Request(9, 4, 1, 2).encode()) == b""
    assert answer(village_board(), STILL, framed(bytes((1, 6, 0, 0, 0, 1)))) == framed(bytes((1, 0x86, 1)))


def test_nature_is_slow_and_within_what_the_sensors_can_say() -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    for step in range(0, 14 * 24 * 60, 37):
        now, later = (nature(at + timedelta(minutes=step, seconds=s)) for s in (0, 5))
        for device in village_board():
            for quantity in device.profile.quantities:
                change = abs(later[quantity.name] - now[quantity.name])
                assert quantity.low < now[quantity.name] < quantity.high
                assert change <= quantity.jitter + quantity.rate_per_min / 12
        assert 0.30 < 4.5 - now["water_level_m"] < 5.0


def test_the_simulator_runs_as_a_program_and_leaves_nothing(tmp_path: Path) -> None:
    link = tmp_path / "board"
    command = [sys.executable, "-m", "firmware_bridge.simulator", "--link", str(link)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as program:
        try:
            assert program.stdout is not None
            assert select.select([program.stdout], [], [], 20)[0]
            path = program.stdout.readline().decode().strip()
            assert os.path.realpath(link) == path
            with Line(str(link), 9600, "N") as line:
                line.write(Request(1, 4, 1, 2).encode())
                assert line.read(5.0)
            program.send_signal(signal.SIGTERM)
            assert program.wait(5) == 0
        finally:
            program.kill()
    assert not link.is_symlink()
