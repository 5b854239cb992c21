"""Which engines speak on this machine, in the order they are tried."""

from __future__ import annotations

from broker.link.config import SpeechOf
from broker.speech.engine import VOICES, Engine, EngineError

__all__ = ["VOICES", "Engine", "EngineError", "choose"]


def choose(speech: SpeechOf | None = None, *, may_ask_outside: bool = True) -> tuple[Engine, ...]:
    """The engines of the settings in the order they are to be tried; the last one needs no network.

    may_ask_outside: False for an emergency and for what citizens read; nothing waits for the network then.
    Raises EngineError when this machine cannot speak at all.
    """
    from broker.speech.espeak import espeak

    local = espeak()
    if speech is not None and speech.online and may_ask_outside:
        from broker.speech.online import OnlineEngine

        return (OnlineEngine(), local)
    return (local,)
