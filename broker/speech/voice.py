"""Engines that turn spoken text into sound, behind one Protocol, and which of them a setting names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from broker.speech.sound import Pcm

EngineName = Literal["espeak", "gtts"]

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

    def synthesise(self, text: str, voice: str, rate: float = 1.0) -> Pcm:
        """Speak one sentence that is already in spoken form. `rate` 1.0 is a calm announcer.

        Raises EngineError, also for a voice it does not have.
        """


def choose(name: EngineName = "espeak") -> tuple[Engine, ...]:
    """The engines a setting names, in the order they are to be tried; the last one needs no network.

    Raises EngineError when this machine cannot speak at all.
    """
    from broker.speech.espeak import espeak

    local = espeak()
    if name == "gtts":
        from broker.speech.online import OnlineEngine

        return (OnlineEngine(), local)
    return (local,)
