"""What an engine that turns spoken text into sound must offer, and the voices people may choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from broker.speech.sound import Pcm

VOICES = {
    "vi": "Miền Bắc",
    "vi-vn-x-central": "Miền Trung",
    "vi-vn-x-south": "Miền Nam",
}
"""Voices people may choose, with their names on screen. A minority language is never read by one of these."""


class EngineError(Exception):
    """An engine could not speak; the text says why. Another engine may be asked instead."""


class Engine(Protocol):
    """One way to turn text into sound."""

    @property
    def id(self) -> str:
        """Short name; part of the cache key."""

    @property
    def version(self) -> str:
        """Version of the engine and its data; part of the cache key."""

    @property
    def online(self) -> bool:
        """Whether the text leaves this machine."""

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        """Speak one sentence, or a piece of one, that is already in spoken form.

        rate: 1.0 is a calm announcer, 0.8 slower. pitch: 1.0 is the voice's own; an engine that cannot change it
        speaks as it does. Raises EngineError, also for a voice it does not have.
        """
