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


MESSAGES = (Readings, ReadingsNow, BoardStatus)
