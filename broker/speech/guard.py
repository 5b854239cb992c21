"""What goes into an engine and what may come out of it: no commands in, nothing but plausible speech out. Pure."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from broker.speech.engine import EngineError
from broker.speech.sound import Pcm

# `[[…]]` switches espeak and Piper to phoneme input, `<…>` to SSML; control characters carry espeak's own commands
# and a line end would begin another utterance.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\[\]<>{}]+")
_SHORTEST_MS, _LONGEST_MS, _SPARE_MS = 25, 400, 2000
"""Per letter at rate 1.0; the spare is for what surrounds a single word."""
_SILENT = 330
"""Of 32768: −40 dBFS. No engine speaks that low."""


def plain(text: str) -> str:
    """A text in one line and in NFC, without what an engine takes for a command."""
    return unicodedata.normalize("NFC", _UNSAFE.sub(" ", text)).strip()


def plausible(pcm: Pcm, text: str, engine: str, rate: float = 1.0) -> Pcm:
    """The sound as it is when it can be speech of this text. Raises EngineError when it is far too short or long,
    or silent."""
    letters = sum(char.isalpha() for char in text)
    shortest, longest = letters * _SHORTEST_MS / rate, letters * _LONGEST_MS / rate + _SPARE_MS
    if not shortest <= pcm.duration_ms <= longest:
        raise EngineError(f"{engine} made {pcm.duration_ms} ms of sound for {letters} letters")
    if not len(pcm.samples) or np.abs(pcm.samples.astype(np.int32)).max() < _SILENT:
        raise EngineError(f"{engine} answered with silence")
    return pcm
