"""Engines for words that cannot wait: an emergency is spoken within seconds, by whoever can speak now."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from broker.speech.engine import Engine
from broker.speech.piper import PiperEngine
from broker.speech.sound import Pcm

WITHIN_S = 4.0
"""How long Piper may take for all sentences of an emergency together before espeak-ng speaks them."""


@dataclass
class HurriedPiper:
    """Implements Engine for one clip: Piper while its voice is loaded and free, until its time is over."""

    piper: PiperEngine
    within_s: float = WITHIN_S
    id: str = "piper"
    online: bool = False
    _until_s: float | None = None

    @property
    def version(self) -> str:
        """Piper's: it sounds the same."""
        return self.piper.version

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        """See Engine. The time runs from the first sentence on. Raises EngineError."""
        del pitch  # Piper has none
        if self._until_s is None:
            self._until_s = time.monotonic() + self.within_s
        return self.piper.synthesise_by(self._until_s, text, voice, rate)


def hurried(engines: Sequence[Engine], within_s: float = WITHIN_S) -> tuple[Engine, ...]:
    """The same engines, in their order, for one clip that cannot wait: none of them asks outside or loads a voice."""
    return tuple(
        HurriedPiper(engine, within_s) if isinstance(engine, PiperEngine) else engine
        for engine in engines
        if not engine.online
    )
