"""What the serial bridge says: readings of its boards, and how the boards are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from broker.contract.message import Message, message

Quality = Literal["good", "unchecked", "suspect", "stale"]
SeriesName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_-]+)*$", max_length=80)]


class Reading(Message):
    """One measured value. The unit also stands in the series' name: `water_level_m`, `air_celsius`."""

    series: SeriesName
    at: datetime
    value: float
    unit: str
    quality: Quality = "good"


@message("*/tele/readings", senders=("board", "node"), receivers=("ingest",), nearby=("kiosk",))
class Readings(Message):
    """Values measured together or kept while the hub was away; at most 200 in a message."""

    items: Annotated[list[Reading], Meta(min_length=1, max_length=200)]


@message("board/live/readings", senders=("board",), receivers=("ingest",))
class ReadingsNow(Message):
    """Values of this moment while older ones are still on their way: pages show the river now, not an hour ago.

    The same values follow in `Readings`; these are shown and not stored.
    """

    items: Annotated[list[Reading], Meta(min_length=1, max_length=200)]


class BoardState(Message):
    """One board as the bridge sees it."""

    board: str
    port: str
    state: Literal["live", "silent", "no-port"]
    since: datetime
    detail: str = ""
    polls: int = 0
    errors: int = 0


@message("board/state/boards", senders=("board",), receivers=("ingest",))
class BoardStatus(Message):
    """All boards of a node; retained."""

    boards: list[BoardState]


@message("board/state/amplifier", senders=("board",), receivers=("ingest",), nearby=("speaker",))
class AmplifierState(Message):
    """The amplifier of the house as relay, sensor and switches show it; at every change, and nearby once a second."""

    at: datetime
    relay: Literal["on", "off", "unknown"]
    """As read back from the coil."""
    current: Literal["flowing", "none", "unknown"]
    """By the sensor in the amplifier's supply; `unknown` where there is none."""
    current_a: float | None = None
    """Amperes."""
    microphone: bool = False
    """The key switch stands on the local microphone: somebody of the village speaks."""
    mute: bool = False
    """The key switch stands on silence."""


@message("board/alarm/amplifier", senders=("board",), receivers=("ingest",))
class AmplifierAlarm(Message):
    """The amplifier does what nobody asked for, or not what was asked; said again with `ended_at` when over."""

    alarm: str
    what: Literal["unexplained-current", "relay-stuck", "no-current"]
    """Current with neither a play nor the local microphone; a relay that does not follow; no current in a play."""
    started_at: datetime
    ended_at: datetime | None = None
    current_a: float | None = None


@message("board/alarm/sos", senders=("board",), receivers=("ingest",))
class SosAlarm(Message):
    """Somebody pressed an SOS button of the village; said again with `ended_at` when it was let go or reset."""

    alarm: str
    input: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    """The button as it is called in the node's settings."""
    started_at: datetime
    place: Annotated[str, Meta(max_length=80)] = ""
    """Where it hangs, in people's words."""
    ended_at: datetime | None = None
    mono_ms: Annotated[int, Meta(ge=0)] = 0


@message("board/alarm/sensor", senders=("board",), receivers=("ingest",))
class SensorAlarm(Message):
    """A sensor passed a level that its village set; said again when the level changes and with `ended_at` when over."""

    alarm: str
    series: SeriesName
    level: Annotated[int, Meta(ge=1, le=3)]
    value: float
    unit: str
    limit: float
    """The level that was passed, in the same unit."""
    started_at: datetime
    quality: Quality = "good"
    ended_at: datetime | None = None


MESSAGES = (SosAlarm, SensorAlarm, Readings, ReadingsNow, BoardStatus, AmplifierState, AmplifierAlarm)
