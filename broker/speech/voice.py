"""Which engines speak on this machine, in the order they are tried."""

from __future__ import annotations

from broker.link.config import SpeechOf
from broker.speech.engine import VOICES, Engine, EngineError

__all__ = ["VOICES", "Engine", "EngineError", "choose"]


def choose(speech: SpeechOf | None = None, *, may_ask_outside: bool = True) -> tuple[Engine, ...]:
    """The engines of the settings in the order they are to be tried: Piper, the online one, espeak-ng.

    The last one needs no network. Keep what this returns for as long as you render: an engine that failed is left
    alone for a while, and Piper's process is kept between sentences.
    may_ask_outside: False for an emergency and for what citizens read; nothing waits for the network then.
    Raises EngineError when this machine cannot speak at all.
    """
    from broker.speech.espeak import espeak

    speech = speech or SpeechOf()
    engines: list[Engine] = []
    if speech.piper_voice:
        from broker.speech.piper import piper

        engines.append(piper(speech))
    if speech.online and may_ask_outside:
        from broker.speech.online import OnlineEngine

        engines.append(OnlineEngine())
    return (*engines, espeak())
