"""What the touch screen says: a villager's word to the commune, and a call for a helper."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

from broker.contract.message import Message, message


@message("kiosk/event/feedback", senders=("kiosk",), receivers=("ingest",))
class FeedbackSent(Message):
    """A report or proposal. What the citizen wrote is sealed to the hub's key before it touches the disk."""

    code: Annotated[str, Meta(pattern=r"^[0-9A-HJKMNP-TV-Z]{10}$")]
    """Crockford base32, 50 random bits, shown to the villager in groups."""
    at: datetime
    sealed: Annotated[bytes, Meta(max_length=8192)]


@message("kiosk/event/helper", senders=("kiosk",), receivers=("ingest",), nearby=("speaker",))
class HelperCalled(Message):
    """Someone at the screen asks for a person; the house loudspeaker chimes at once, network or not."""

    call: str
    at: datetime
    page: str


class MissedWords(Struct, kw_only=True):
    """Words that found nothing, as several visitors typed them."""

    text: Annotated[str, Meta(min_length=2, max_length=80, pattern=r"^[a-z]+( [a-z]+)*$")]
    """Lower case, without marks, without digits."""
    count: Annotated[int, Meta(ge=1, le=10_000)]


@message("kiosk/tele/missed", senders=("kiosk",), receivers=("ingest",))
class SearchMissed(Message):
    """What was asked of the screen and found nothing, so that officials can add words. No visitor, no minute."""

    on: date
    """The local day."""
    words: Annotated[list[MissedWords], Meta(min_length=1, max_length=50)]


MESSAGES = (FeedbackSent, HelperCalled, SearchMissed)
