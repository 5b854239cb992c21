"""`langso say` and `langso normalise`: what would be broadcast, and how it would be read."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Declare the commands."""
    say = commands.add_parser("say", help="speak a text as it would be broadcast")
    say.add_argument("text", metavar="TEXT")
    say.add_argument("--out", type=Path, metavar="F.wav", help="write the sound there (default: play it)")
    say.add_argument("--voice", default="vi", metavar="V", help="vi, vi-vn-x-central or vi-vn-x-south")
    say.add_argument(
        "--engine", choices=("espeak", "gtts"), default="espeak", help="gtts asks an outside service"
    )
    say.set_defaults(act=_say)
    normalise = commands.add_parser("normalise", help="a sentence a line on stdin → its spoken form")
    normalise.set_defaults(act=_normalise)


def _clips() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "langso" / "clips"


def _say(chosen: argparse.Namespace) -> int:
    import tempfile

    from broker.link.config import SpeechOf
    from broker.speech import lexicon
    from broker.speech.say import render
    from broker.speech.voice import EngineError, choose
    from deploy.terminal import put, say_error

    with tempfile.TemporaryDirectory() as folder:
        out = chosen.out or Path(folder) / "say.wav"
        try:
            clip = render(
                chosen.text,
                voice=chosen.voice,
                cache_dir=_clips(),
                out=out,
                engines=choose(SpeechOf(online=chosen.engine == "gtts")),
                lexicon=lexicon.load(),
            )
        except (EngineError, OSError, ValueError) as why:
            say_error(str(why))
            return 1
        if chosen.out is None:
            return _play(out)
        put(f"{chosen.out}: {clip.duration_ms / 1000:.1f} s")
    return 0


def _play(file: Path) -> int:
    import shutil
    import subprocess

    from deploy.terminal import say_error

    player = next((name for name in ("pw-play", "paplay", "aplay") if shutil.which(name)), None)
    if player is None:
        say_error("no program here plays sound (pw-play, paplay or aplay); write a file with --out F.wav")
        return 1
    done = subprocess.run([player, str(file)], check=False, capture_output=True, text=True)
    if done.returncode:
        say_error(f"{player}: {done.stderr.strip()}; write a file with --out F.wav")
    return done.returncode


def _normalise(chosen: argparse.Namespace) -> int:
    from broker.speech import lexicon
    from broker.speech.normalise import normalise
    from deploy.terminal import put

    del chosen
    words = lexicon.load()
    for line in sys.stdin:
        put(" ".join(normalise(line.rstrip("\n"), words).text.split()))
    return 0
