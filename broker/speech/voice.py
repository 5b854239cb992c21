"""Which engines speak on this machine, in the order they are tried."""

from __future__ import annotations

from broker.speech.engine import VOICES, Engine, EngineError, EngineName

__all__ = ["VOICES", "Engine", "EngineError", "EngineName", "choose"]


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
