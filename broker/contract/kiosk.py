"""What the touch screen says: a villager's word to the commune, and a call for a helper."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

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


MESSAGES = (FeedbackSent, HelperCalled)
