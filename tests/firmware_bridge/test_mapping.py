"""Which values become readings, with what quality, and which are refused and counted."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from broker.contract.board import Reading
from firmware_bridge.drivers.modbus import Request
from firmware_bridge.mapping import Channel
from firmware_bridge.profile import FOLDER, ProfileError, Quantity, counts_of, load, requests, words_of

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def level(**changed: object) -> Channel:
    """The river sensor 4.5 m above the zero mark."""
    quantity = msgspec.structs.replace(load("urm15").quantities[0], **changed)
    return Channel(quantity, "song-van", datum_m=4.5)


def take(channel: Channel, millimetres: int, after_s: float) -> tuple[float, str] | None:
    reading = channel.take((millimetres,), START + timedelta(seconds=after_s), 100.0 + after_s)
    return (reading.value, reading.quality) if reading else None


def test_water_level_is_datum_minus_distance() -> None:
    channel = level()
    reading = channel.take((2400,), START, 100.0)
    assert reading is not None
    assert (reading.series, reading.value, reading.unit) == ("water_level_m.song-van", 2.1, "m")
    assert reading.at == START
    assert reading.quality == "good"


def test_the_makers_example_of_temperature_and_humidity() -> None:
    profile = load("xy-md02")
    air, damp = (Channel(quantity, "nha") for quantity in profile.quantities)
    assert [air.take((0x131,), START, 0.0), damp.take((0x222,), START, 0.0)] == [
        Reading(series="air_celsius.nha", at=START, value=30.5, unit="°C"),
        Reading(series="humidity_percent.nha", at=START, value=54.6, unit="%"),
    ]


def test_a_temperature_below_zero_is_signed() -> None:
    channel = Channel(load("xy-md02").quantities[0], "nha")
    reading = channel.take((0xFFFB,), START, 0.0)
    assert reading is not None
    assert reading.value == -0.5


def test_a_blind_sensor_gives_no_reading_and_is_counted() -> None:
    channel = level()
    assert [take(channel, counts, n) for n, counts in enumerate((0, 65535, 299, 5001))] == [None] * 4
    assert channel.refused == {"blind": 4}


def test_a_value_out_of_range_is_refused_and_counted() -> None:
    channel = Channel(load("xy-md02").quantities[0], "nha")
    assert channel.take((700,), START, 0.0) is None
    assert channel.refused == {"out-of-range": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_is_refused_and_counted(value: float) -> None:
    quantity = Quantity(
        name="x_m", unit="m", function=3, register=0, type="float32", low=0, high=9, rate_per_min=1
    )
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    channel = Channel(quantity, "a")
    assert channel.take((high, low), START, 0.0) is None
    assert channel.refused == {"not-a-number": 1}


def test_a_jump_is_suspect_until_three_readings_agree() -> None:
    channel = level()
    told = [take(channel, counts, n * 5) for n, counts in enumerate((2400, 1400, 1405, 1398, 1400))]
    assert [quality for _, quality in filter(None, told)] == ["good", "suspect", "suspect", "good", "good"]


def test_a_single_spike_does_not_make_the_next_good_value_suspect() -> None:
    channel = level()
    told = [take(channel, counts, n * 5) for n, counts in enumerate((2400, 1400, 2401, 1400, 2402))]
    assert [quality for _, quality in filter(None, told)] == ["good", "suspect", "good", "suspect", "good"]


def test_a_long_silence_allows_a_larger_change() -> None:
    channel = level()
    assert take(channel, 2400, 0) == (2.1, "good")
    assert take(channel, 1400, 300) == (3.1, "good")


def test_a_sensor_that_repeats_itself_for_too_long_is_stale() -> None:
    channel = level(stuck_after_s=60)
    qualities = [told[1] for n in range(0, 80, 20) if (told := take(channel, 2400, n))]
    assert qualities == ["good", "good", "good", "good"]
    assert take(channel, 2400, 80) == (2.1, "stale")
    assert take(channel, 2401, 100) == (2.099, "good")


def test_touching_registers_are_read_by_one_request() -> None:
    ((request, quantities),) = requests(load("xy-md02"), 7)
    assert request == Request(7, 4, 1, 2)
    assert [quantity.name for quantity in quantities] == ["air_celsius", "humidity_percent"]


@pytest.mark.parametrize("kind", ["uint16", "int16", "uint32", "int32", "float32"])
@pytest.mark.parametrize("order", ["high-first", "low-first"])
def test_what_the_simulator_writes_is_what_the_driver_reads(kind: str, order: str) -> None:
    quantity = msgspec.convert(
        {
            "name": "x_m",
            "unit": "m",
            "function": 3,
            "register": 0,
            "type": kind,
            "word_order": order,
            "scale": 0.5,
            "low": 0,
            "high": 9,
            "rate_per_min": 1,
        },
        Quantity,
    )
    assert counts_of(quantity, words_of(quantity, 300.5)) == 601


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_profile_loads_and_names_its_source(path: Path) -> None:
    profile = load(path.stem)
    assert len(profile.source) > 20
    assert requests(profile, 1) or profile.coils


def test_an_unknown_profile_says_which_there_are() -> None:
    shipped = "pzem-016, urm12, urm15, waveshare-relay-d, xy-md02"
    with pytest.raises(ProfileError, match=rf"'nothing' not found; there are: {shipped}"):
        load("nothing")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('speed = 1\n[[quantities]]\nname="a_m"', "unknown field `speed`"),
        ("", "neither quantities nor coils nor inputs"),
        ('[[quantities]]\nname="a_m"', "missing required field"),
        ("this is no toml", "Expected"),
    ],
)
def test_a_broken_profile_names_file_and_field(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "odd.toml").write_text(f'model="x"\nabout="y"\nsource="z"\n{line}\n')
    with pytest.raises(ProfileError, match=rf"odd\.toml: .*({complaint})"):
        load("odd", tmp_path)


def test_the_amplifiers_sensor_says_milliamperes_low_word_first() -> None:
    voltage, current = load("pzem-016").quantities
    (ask, _), *others = requests(load("pzem-016"), 2)
    assert (ask.function, ask.start, ask.count, others) == (4, 0, 3, [])
    assert counts_of(voltage, (2213,)) * voltage.scale == pytest.approx(221.3)
    assert counts_of(current, (0x11C2, 0x0001)) * current.scale == pytest.approx(70.082)
