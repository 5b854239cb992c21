"""The one way from a text to a clip: for `langso say`, the hub's rendering and the kiosk's reading aloud."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from broker.speech.cache import ClipCache
from broker.speech.lexicon import Lexicon
from broker.speech.master import KIOSK, PLAIN, Clip, Frame, Profile, speak
from broker.speech.normalise import normalise
from broker.speech.sentences import Sentence, sentences
from broker.speech.voice import Engine, choose


def render(
    text: str,
    *,
    voice: str,
    cache_dir: Path,
    out: Path,
    engines: Sequence[Engine] | None = None,
    lexicon: Lexicon | None = None,
    profile: Profile = KIOSK,
    frame: Frame = PLAIN,
    rate: float = 1.0,
) -> Clip:
    """Speak a text into `out` (`.wav`, else Opus in Ogg).

    With a lexicon the text is a written one and is normalise()d sentence by sentence; without, it is spoken
    exactly as it stands (an approved announcement). The clip's timings refer to the text as given.
    Raises EngineError when no engine can speak it, OSError when the disk does not take it.
    """
    engines = engines or choose()
    parts = [(piece, spoken_of(piece, lexicon)) for piece in sentences(text)]
    parts = [(piece, spoken) for piece, spoken in parts if any(char.isalnum() for char in spoken)]
    return speak(
        text, engines, voice, profile, ClipCache(cache_dir), out, rate=rate, frame=frame, parts=parts
    )


def spoken_of(piece: Sentence, lexicon: Lexicon | None) -> str:
    """What is said for one sentence."""
    return piece.text if lexicon is None else normalise(piece.text, lexicon).text
