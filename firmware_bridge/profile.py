"""What a model is: a sensor's registers, units and limits, a board's relays; one TOML file per model in profiles/.

A model's file says what its maker says. What depends on the place (unit address, height above the water) is a
setting of the machine.
"""

from __future__ import annotations

import struct
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from firmware_bridge.drivers.modbus import READ_COILS, READ_INPUTS, Request

FOLDER = Path(__file__).parent / "profiles"

Kind = Literal["uint16", "int16", "uint32", "int32", "float32", "bit"]
_FORMATS: dict[str, str] = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "float32": ">f"}


class ProfileError(ValueError):
    """A profile is missing or wrong; the text says which file, what was found and what is allowed."""


class Quantity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measured quantity of a model: where it stands on the line and what can be believed of it."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=38)]
    """First part of its series; ends in the unit: `water_level_m`."""
    unit: Annotated[str, Meta(min_length=1, max_length=12)]
    """As people read it: `°C`."""
    function: Literal[1, 2, 3, 4]
    register: Annotated[int, Meta(ge=0, le=0xFFFF)]
    """Address as sent on the line, counted from 0."""
    type: Kind
    word_order: Literal["high-first", "low-first"] = "high-first"
    """Of the two registers of a 32-bit type."""
    scale: float = 1.0
    """Units per count."""
    from_datum: bool = False
    """The sensor measures a distance downwards: value = datum − distance."""
    nearest: float | None = None
    farthest: float | None = None
    """What the sensor itself can measure, before the datum; anything else is a blind sensor."""
    blind: tuple[int, ...] = ()
    """Counts by which the sensor says that it sees nothing."""
    low: float
    high: float
    """What this quantity can be; a value outside is refused, not published."""
    rate_per_min: Annotated[float, Meta(gt=0)]
    """Fastest change that is believed at once, units per minute."""
    jitter: Annotated[float, Meta(ge=0)] = 0.0
    """Difference between two polls that is mere noise, units."""
    stuck_after_s: Annotated[int, Meta(ge=0)] = 0
    """The very same counts for longer than this: the sensor repeats an old value. 0: may stand still."""

    @property
    def width(self) -> int:
        """Registers (or bits) it takes."""
        return 2 if self.type in ("uint32", "int32", "float32") else 1


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: what it measures, or what it switches."""

    model: str
    about: str
    source: str
    """Where the registers are written down."""
    baud: int = 9600
    """As delivered; the setting of the port decides."""
    poll_s: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0
    timeout_s: Annotated[float, Meta(ge=0.02, le=1.0)] = 0.3
    quantities: tuple[Quantity, ...] = ()
    coils: Annotated[int, Meta(ge=0, le=64)] = 0
    """Relays, as coils from address 0 on: switched by function 5, read back by function 1."""
    inputs: Annotated[int, Meta(ge=0, le=64)] = 0
    """Contacts, as discrete inputs from address 0 on, read by function 2; 1: closed."""
    is_linked: bool = False
    """As delivered, input n switches relay n by itself."""


def load(name: str, folder: Path = FOLDER) -> Profile:
    """The profile of that name. Raises ProfileError with one sentence."""
    found = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    if name not in found:
        raise ProfileError(f"profile {name!r} not found; there are: {', '.join(found)}")
    try:
        table = tomllib.loads(found[name].read_text(encoding="utf-8"))
        profile = msgspec.convert(table, Profile)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as why:
        raise ProfileError(f"{found[name]}: {why}") from why
    if not profile.quantities and not profile.coils and not profile.inputs:
        raise ProfileError(f"{found[name]}: found neither quantities nor coils nor inputs")
    for quantity in profile.quantities:
        if (quantity.type == "bit") != (quantity.function in (READ_COILS, READ_INPUTS)):
            raise ProfileError(f"{found[name]}: {quantity.name}: bits come by functions 1 and 2, only they")
        if quantity.low >= quantity.high or quantity.scale == 0:
            raise ProfileError(f"{found[name]}: {quantity.name}: low < high and scale ≠ 0 are needed")
    return profile


def requests(profile: Profile, unit: int) -> list[tuple[Request, tuple[Quantity, ...]]]:
    """The fewest requests that read a model: quantities whose registers touch go together."""
    asks: list[tuple[Request, tuple[Quantity, ...]]] = []
    for quantity in sorted(profile.quantities, key=lambda q: (q.function, q.register)):
        if asks:
            last, group = asks[-1]
            if last.function == quantity.function and last.start + last.count == quantity.register:
                wider = Request(unit, last.function, last.start, last.count + quantity.width)
                asks[-1] = (wider, (*group, quantity))
                continue
        asks.append((Request(unit, quantity.function, quantity.register, quantity.width), (quantity,)))
    return asks


def counts_of(quantity: Quantity, words: tuple[int, ...]) -> float:
    """What the registers say, before scale and datum. May be NaN or infinite for float32."""
    if quantity.type == "bit":
        return words[0]
    ordered = words if quantity.word_order == "high-first" else words[::-1]
    raw = b"".join(word.to_bytes(2, "big") for word in ordered)
    value: float = struct.unpack(_FORMATS[quantity.type], raw)[0]
    return value


def words_of(quantity: Quantity, value: float, datum_m: float = 0.0) -> tuple[int, ...]:
    """The registers by which a sensor of this model would say `value`; the inverse, for the simulator."""
    counts = (datum_m - value if quantity.from_datum else value) / quantity.scale
    if quantity.type == "bit":
        return (int(counts != 0),)
    raw = struct.pack(_FORMATS[quantity.type], counts if quantity.type == "float32" else round(counts))
    words = tuple(raw[n] << 8 | raw[n + 1] for n in range(0, len(raw), 2))
    return words if quantity.word_order == "high-first" else words[::-1]
