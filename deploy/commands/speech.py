"""`langso say` and `langso normalise`: what would be broadcast, and how it would be read."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.speech.clip import Clip
    from broker.speech.engine import Engine
    from broker.speech.lexicon import Lexicon
    from broker.speech.normalise import Doubt

_SHOWN = 60


def add(commands: Any) -> None:
    """Declare the commands."""
    say = commands.add_parser("say", help="speak a text as it would be broadcast")
    text = say.add_mutually_exclusive_group(required=True)
    text.add_argument("text", nargs="?", metavar="TEXT", help="what to say")
    text.add_argument("--file", metavar="F.txt", help="say what stands in a file (UTF-8); - is stdin")
    say.add_argument("--out", type=Path, metavar="F.wav", help="write the sound there (default: play it)")
    say.add_argument("--voice", default="vi", metavar="V", help="vi, vi-vn-x-central or vi-vn-x-south")
    say.add_argument(
        "--engine", choices=("espeak", "gtts"), default="espeak", help="gtts asks an outside service"
    )
    say.add_argument("--piper", metavar="F.onnx", help="speak with this Piper voice; says its SHA-256")
    say.add_argument("--piper-program", default="piper", metavar="P", help="the piper program")
    say.add_argument("--profile", choices=("kiosk", "horn"), default="kiosk", help="for which loudspeaker")
    say.add_argument("--rate", type=_rate, default=1.0, metavar="R", help="1 is calm, 0.8 slower; 0.5 to 2")
    say.set_defaults(act=_say)
    normalise = commands.add_parser("normalise", help="a sentence a line on stdin → its spoken form")
    normalise.add_argument("--json", action="store_true", help="text, spans and doubts, one JSON line a line")
    normalise.set_defaults(act=_normalise)
    for each in (say, normalise):
        each.add_argument(
            "--words", type=Path, metavar="F.toml", help="the commune's own words: a table `words`"
        )


def _rate(text: str) -> float:
    rate = float(text)
    if not 0.5 <= rate <= 2:
        raise argparse.ArgumentTypeError(f"{text} is not between 0.5 and 2")
    return rate


def _clips() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "langso" / "clips"


def _say(chosen: argparse.Namespace) -> int:
    import tempfile

    from broker.speech import lexicon
    from broker.speech.lexicon import LexiconError
    from broker.speech.normalise import normalise
    from broker.speech.voice import EngineError
    from deploy.terminal import put, say_error

    with tempfile.TemporaryDirectory() as folder:
        out = chosen.out or Path(folder) / "say.wav"
        try:
            text, words = _text(chosen), lexicon.load(chosen.words)
            for doubt in normalise(text, words).doubts:
                say_error(_doubtful(doubt))
            clip = _spoken(text, words, chosen, out)
        except OSError as why:
            say_error(f"{_asked(chosen, why)}: {why.strerror or why}")
            return 1
        except (EngineError, LexiconError, ValueError) as why:
            say_error(str(why))
            return 1
        say_error(f"spoken by {clip.engine}, {clip.lufs:.1f} LUFS, for a {chosen.profile}")
        if chosen.out is None:
            return _play(out)
        put(f"{chosen.out}: {clip.duration_ms / 1000:.1f} s")
    return 0


def _asked(chosen: argparse.Namespace, why: OSError) -> str:
    """Which of the files the person named could not be used."""
    named = [
        one for one in (chosen.file, chosen.piper, chosen.words) if one and str(one) == str(why.filename)
    ]
    return str(named[0] if named else chosen.out or why.filename or "the sound")


def _text(chosen: argparse.Namespace) -> str:
    """What is to be said. Raises OSError, ValueError for a file that is no UTF-8."""
    if chosen.file is None:
        return str(chosen.text)
    if chosen.file == "-":
        return sys.stdin.read()
    return Path(chosen.file).read_text(encoding="utf-8")


def _spoken(text: str, words: Lexicon, chosen: argparse.Namespace, out: Path) -> Clip:
    """The clip of the first engine that speaks; why another one did not is said. Raises EngineError, OSError."""
    from broker.speech.master import PROFILES
    from broker.speech.say import render
    from broker.speech.voice import EngineError
    from deploy.terminal import say_error

    logging.getLogger("broker.speech").addHandler(logging.NullHandler())  # it is said below, once
    engines = _engines(chosen)
    for number, engine in enumerate(engines, 1):
        try:
            return render(
                text,
                voice=chosen.voice,
                cache_dir=_clips(),
                out=out,
                engines=(engine,),
                lexicon=words,
                profile=PROFILES[chosen.profile],
                rate=chosen.rate,
            )
        except EngineError as why:
            if number == len(engines):
                raise
            say_error(f"not spoken by {engine.id}: {why}")
    raise EngineError("no engine was given")


def _engines(chosen: argparse.Namespace) -> tuple[Engine, ...]:
    """A voice file named at the terminal is used as it is: its hash is said, for the settings to pin."""
    import hashlib

    from broker.link.config import SpeechOf
    from broker.speech.voice import choose
    from deploy.terminal import say_error

    if not chosen.piper:
        return choose(SpeechOf(online=chosen.engine == "gtts"))
    with Path(chosen.piper).open("rb") as file:
        pin = hashlib.file_digest(file, "sha256").hexdigest()
    say_error(f"the SHA-256 of {chosen.piper} is {pin}")
    speech = SpeechOf(
        online=chosen.engine == "gtts",
        piper_voice=chosen.piper,
        piper_sha256=pin,
        piper_speaks=chosen.voice,
        piper_program=chosen.piper_program,
    )
    return choose(speech)


def _doubtful(doubt: Doubt) -> str:
    """One line for a person: what was not read for certain, where, and what it might be."""
    found = doubt.found if len(doubt.found) <= _SHOWN else f"{doubt.found[:_SHOWN]}…"
    maybe = f"; perhaps {' | '.join(doubt.suggestions)}" if doubt.suggestions else ""
    return f"not sure how to read “{found}” at {doubt.start}–{doubt.end}{maybe}"


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
    from dataclasses import asdict

    from broker.speech import lexicon
    from broker.speech.lexicon import LexiconError
    from broker.speech.normalise import normalise
    from deploy.terminal import put, put_json, say_error

    try:
        words = lexicon.load(chosen.words)
    except LexiconError as why:
        say_error(str(why))
        return 1
    for number, line in enumerate(sys.stdin, 1):
        said = normalise(line.rstrip("\n"), words)
        if chosen.json:
            put_json(asdict(said))
            continue
        put(" ".join(said.text.split()))
        for doubt in said.doubts:
            say_error(f"line {number}: {_doubtful(doubt)}")
    return 0
