"""Child process of the kiosk: reads sentences aloud, one a line, until nobody asks any more."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from broker.speech import lexicon
from broker.speech.lexicon import Lexicon
from broker.speech.say import render
from broker.speech.voice import Engine, EngineError, choose
from kiosk.aloud import HEAD, SAID, UNSAID, Start


def main() -> int:
    """Answer each sentence with its sound, or with why there is none. Returns the exit code."""
    with socket.socket(fileno=os.dup(0)) as line, line.makefile("rb", 0) as asked:
        start = msgspec.json.decode(asked.readline(), type=Start)
        line.settimeout(start.rests_s)
        words, engines = lexicon.load(), None
        try:
            while sentence := asked.readline():
                engines = engines or choose(start.speech, may_ask_outside=False)
                line.sendall(_answer(msgspec.json.decode(sentence, type=str), start, engines, words))
        except EngineError as why:
            line.sendall(_unsaid(why))
        except (TimeoutError, ConnectionError):
            pass  # nobody asks any more
    return 0


def _answer(text: str, start: Start, engines: Sequence[Engine], words: Lexicon) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "sentence.ogg"
        try:
            render(
                text,
                voice=start.speech.voice,
                cache_dir=Path(start.clips),
                out=out,
                engines=engines,
                lexicon=words,
            )
            sound = out.read_bytes()
        except (EngineError, OSError) as why:
            return _unsaid(why)
    return HEAD.pack(SAID, len(sound)) + sound


def _unsaid(why: Exception) -> bytes:
    said = str(why).encode()
    return HEAD.pack(UNSAID, len(said)) + said


if __name__ == "__main__":
    sys.exit(main())
