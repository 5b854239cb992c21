"""The Modbus master against the specification's bytes, against pymodbus, and against every kind of damage."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse

from firmware_bridge.drivers.modbus import CoilWrite, Master, Refusal, Reply, Request, crc16, framed

AIR = Request(1, 4, 1, 2)
AIR_REPLY = framed(bytes.fromhex("01 04 04 01 31 02 22"))


def test_a_request_is_written_as_the_makers_sheet_shows_it() -> None:
    assert AIR.encode() == bytes.fromhex("01 04 00 01 00 02 20 0b")


def test_crc_of_the_specification() -> None:
    assert crc16(b"123456789") == 0x4B37


def test_a_reply_gives_its_registers() -> None:
    master = Master()
    master.ask(AIR)
    assert master.feed(AIR_REPLY) == [Reply(AIR, (305, 546))]
    assert not master.waiting
    assert master.held_bytes == 0


def test_a_reply_in_single_bytes_gives_its_registers() -> None:
    master = Master()
    master.ask(AIR)
    events = [event for byte in AIR_REPLY for event in master.feed(bytes([byte]))]
    assert events == [Reply(AIR, (305, 546))]


def test_bits_come_in_order_of_their_addresses() -> None:
    request = Request(3, 2, 0, 10)
    master = Master()
    master.ask(request)
    assert master.feed(framed(bytes((3, 2, 2, 0b1000_0101, 0b10)))) == [
        Reply(request, (1, 0, 1, 0, 0, 0, 0, 1, 0, 1))
    ]


def test_an_exception_reply_is_told_with_its_meaning() -> None:
    master = Master()
    master.ask(AIR)
    (event,) = master.feed(framed(bytes((1, 0x84, 2))))
    assert isinstance(event, Refusal)
    assert event.meaning == "illegal data address"


def test_a_coil_is_switched_as_the_makers_sheet_shows_it() -> None:
    assert CoilWrite(1, 0, True).encode() == bytes.fromhex("01 05 00 00 ff 00 8c 3a")
    assert CoilWrite(1, 0, False).encode() == bytes.fromhex("01 05 00 00 00 00 cd ca")


def test_a_switched_coil_is_answered_by_the_request_itself() -> None:
    master, asked = Master(), CoilWrite(1, 3, True)
    echo = master.ask(asked)
    noisy = b"\x01\x05\x07" + echo
    events = [event for byte in noisy for event in master.feed(bytes([byte]))]
    assert events == [Reply(asked, (1,))]
    assert master.noise_bytes == 3


@pytest.mark.parametrize("other", [CoilWrite(1, 3, False), CoilWrite(1, 2, True), CoilWrite(2, 3, True)])
def test_another_switching_confirms_nothing(other: CoilWrite) -> None:
    master = Master()
    master.ask(CoilWrite(1, 3, True))
    assert master.feed(other.encode()) == []


@settings(deadline=None)
@given(st.integers(0, 7), st.integers(1, 255))
def test_a_damaged_confirmation_confirms_nothing(place: int, flip: int) -> None:
    master = Master()
    echo = bytearray(master.ask(CoilWrite(1, 3, True)))
    echo[place] ^= flip
    assert master.feed(bytes(echo)) == []


def test_a_coil_that_the_board_has_not_got_is_refused() -> None:
    master = Master()
    master.ask(CoilWrite(1, 99, True))
    (event,) = master.feed(framed(bytes((1, 0x85, 2))))
    assert isinstance(event, Refusal)
    assert event.meaning == "illegal data address"


@pytest.mark.parametrize(("unit", "coil"), [(0, 0), (248, 0), (1, -1), (1, 0x10000)])
def test_a_coil_beyond_the_protocol_is_refused_before_it_is_written(unit: int, coil: int) -> None:
    with pytest.raises(ValueError, match="is not within"):
        CoilWrite(unit, coil, True)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(framed(bytes.fromhex("02 04 04 01 31 02 22")), id="another unit"),
        pytest.param(framed(bytes.fromhex("01 03 04 01 31 02 22")), id="another function"),
        pytest.param(framed(bytes.fromhex("01 04 02 01 31")), id="too few registers"),
        pytest.param(framed(bytes.fromhex("01 04 06 01 31 02 22 00 00")), id="too many registers"),
        pytest.param(AIR_REPLY[:-2] + AIR_REPLY[:-3:-1], id="CRC swapped"),
        pytest.param(AIR_REPLY[:-1], id="cut short"),
        pytest.param(AIR.encode(), id="own echo"),
    ],
)
def test_what_is_not_the_awaited_reply_gives_nothing(raw: bytes) -> None:
    master = Master()
    master.ask(AIR)
    assert master.feed(raw) == []


def test_the_reply_is_found_behind_an_echo_and_garbage() -> None:
    master = Master()
    master.ask(AIR)
    assert master.feed(AIR.encode() + b"\x01\x04\x04\xff" + AIR_REPLY) == [Reply(AIR, (305, 546))]
    assert master.noise_bytes == len(AIR.encode()) + 4


def test_a_reply_without_an_open_request_is_noise() -> None:
    master = Master()
    assert master.feed(AIR_REPLY) == []
    master.ask(AIR)
    assert master.feed(b"") == []
    assert master.noise_bytes == len(AIR_REPLY)


def test_a_given_up_request_is_not_answered_by_its_late_reply() -> None:
    master = Master()
    master.ask(AIR)
    master.give_up()
    assert master.feed(AIR_REPLY) == []


@pytest.mark.parametrize(
    ("unit", "function", "start", "count"),
    [
        (0, 3, 0, 1),
        (248, 3, 0, 1),
        (1, 5, 0, 1),
        (1, 3, 0, 126),
        (1, 3, 0, 0),
        (1, 3, 65535, 2),
        (1, 1, 0, 2001),
    ],
)
def test_a_request_outside_the_protocol_is_refused(unit: int, function: int, start: int, count: int) -> None:
    with pytest.raises(ValueError):
        Request(unit, function, start, count)


@given(st.lists(st.binary(max_size=300), max_size=12), st.integers(1, 125))
def test_any_bytes_never_raise_and_state_stays_small(pieces: list[bytes], count: int) -> None:
    master = Master()
    master.ask(Request(1, 3, 0, count))
    for piece in pieces:
        assert len(master.feed(piece)) <= 1
        assert master.held_bytes <= 256


def test_a_megabyte_of_the_awaited_head_stays_small() -> None:
    master = Master()
    master.ask(AIR)
    for _ in range(64):
        master.feed(b"\x01\x04\x04" * 5000)
        assert master.held_bytes <= 256


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=60), st.integers(1, 247), st.data())
@settings(max_examples=300)
def test_no_damage_of_up_to_two_bits_or_a_burst_gives_a_wrong_value(
    registers: list[int], unit: int, data: st.DataObject
) -> None:
    request = Request(unit, 3, 0, len(registers))
    body = b"".join(word.to_bytes(2, "big") for word in registers)
    whole = bytearray(framed(bytes((unit, 3, len(body))) + body))
    start = data.draw(st.integers(0, len(whole) * 8 - 1))
    pattern = data.draw(st.integers(1, 0xFFFF))
    as_number = int.from_bytes(whole, "big") ^ (pattern << start) & ((1 << len(whole) * 8) - 1)
    damaged = as_number.to_bytes(len(whole), "big")
    master = Master()
    master.ask(request)
    for event in master.feed(damaged):
        assert event == Reply(request, tuple(registers))


def test_random_damage_of_twenty_thousand_frames_gives_no_wrong_value() -> None:
    dice = random.Random(7)
    wrong = lost = 0
    for _ in range(20_000):
        words = (dice.randrange(0x10000), dice.randrange(0x10000))
        whole = bytearray(framed(bytes((1, 4, 4)) + b"".join(w.to_bytes(2, "big") for w in words)))
        kind = dice.randrange(3)
        place = dice.randrange(len(whole))
        if kind == 0:
            whole[place] ^= 1 << dice.randrange(8)
        elif kind == 1:
            del whole[place]
        else:
            whole[place:place] = dice.randbytes(4)
        master = Master()
        master.ask(AIR)
        events = master.feed(bytes(whole))
        wrong += any(event != Reply(AIR, words) for event in events)
        lost += not events
    assert wrong == 0
    assert lost < 20_000


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125), st.integers(1, 247))
def test_it_reads_what_pymodbus_writes(registers: list[int], unit: int) -> None:
    framer = FramerRTU(DecodePDU(is_server=False))
    reply = ReadHoldingRegistersResponse(registers=registers, dev_id=unit)
    request = Request(unit, 3, 0, len(registers))
    master = Master()
    master.ask(request)
    assert master.feed(framer.buildFrame(reply)) == [Reply(request, tuple(registers))]


@given(st.integers(1, 247), st.sampled_from([1, 2, 3, 4]), st.integers(0, 65000), st.integers(1, 125))
def test_pymodbus_reads_what_it_writes(unit: int, function: int, start: int, count: int) -> None:
    framer = FramerRTU(DecodePDU(is_server=True))
    used, pdu = framer.handleFrame(Request(unit, function, start, count).encode(), 0, 0)
    assert used == 8
    assert pdu is not None
    assert (pdu.dev_id, pdu.function_code, pdu.address, pdu.count) == (unit, function, start, count)
