"""The engine that always works: espeak-ng as installed, else the library of a wheel in a child process."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.speech.engine import VOICES, EngineError
from broker.speech.guard import plain
from broker.speech.sound import Pcm, SoundError, read_wav

WORDS_PER_MINUTE = 150
"""Speed at rate 1.0: slower than espeak's own 175, because a horn in the open smears fast speech."""

_PITCH = 50
"""espeak's own, of 0 to 99."""
_TIMEOUT_S = 30.0
_LONGEST_TEXT = 20_000
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class EspeakEngine:
    """espeak-ng in a process of its own: text on stdin, WAV on stdout."""

    command: tuple[str, ...]
    version: str
    cwd: Path | None = None
    id: str = "espeak"
    online: bool = False

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        """See Engine. Raises EngineError."""
        if voice not in VOICES:
            raise EngineError(f"espeak has no voice {voice!r}; it may be one of {', '.join(VOICES)}")
        if len(text) > _LONGEST_TEXT:
            raise EngineError(f"a sentence of {len(text)} characters is too long, at most {_LONGEST_TEXT}")
        words = min(max(round(WORDS_PER_MINUTE * rate), 80), 400)
        height = min(max(round(_PITCH * pitch), 0), 99)
        args = ["-v", voice, "-s", str(words), "-p", str(height), "-b", "1", "--stdin", "--stdout"]
        raw = _run([*self.command, *args], plain(text), self.cwd)
        try:
            return read_wav(raw)
        except SoundError as why:
            raise EngineError(f"espeak answered with no sound: {why}") from why


def _run(command: Sequence[str], text: str, cwd: Path | None) -> bytes:
    try:
        done = subprocess.run(
            command,
            input=text.encode(errors="replace"),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            cwd=cwd,
        )
    except (OSError, subprocess.TimeoutExpired) as why:
        raise EngineError(f"espeak could not run: {why}") from why
    if done.returncode != 0:
        detail = done.stderr.decode(errors="replace").strip().splitlines()
        raise EngineError(f"espeak ended with {done.returncode}: {detail[-1] if detail else 'no message'}")
    return done.stdout


def installed(program: str = "espeak-ng") -> EspeakEngine | None:
    """espeak-ng as the system installed it, when it is there and has Vietnamese."""
    found = shutil.which(program)
    if found is None:
        return None
    try:
        said = _run([found, "--version"], "", None).decode(errors="replace")
        has_voice = " vi " in _run([found, "--voices=vi"], "", None).decode(errors="replace")
    except EngineError:
        return None
    number = re.search(r"\d+(\.\d+)+", said)
    return EspeakEngine((found,), number[0] if number else "unknown") if has_voice else None


def from_wheel() -> EspeakEngine | None:
    """espeak-ng from the package espeakng-loader, in a child process: its licence and crashes stay outside."""
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    command = (sys.executable, "-m", "broker.speech.espeak_child")
    try:
        number = _run([*command, "--version"], "", _ROOT).decode(errors="replace").strip()
    except EngineError:
        return None
    return EspeakEngine(command, f"{number}-wheel", cwd=_ROOT)


def espeak() -> EspeakEngine:
    """espeak-ng from wherever this machine has it. Raises EngineError saying what to install."""
    engine = installed() or from_wheel()
    if engine is None:
        raise EngineError(
            "no espeak-ng here: install it (apt install espeak-ng) or the wheel espeakng-loader"
        )
    return engine
