"""The operator's own Piper voice: a program in a process of its own, a voice file pinned by its SHA-256.

Piper is GPL-3.0-or-later and is never imported; it gets a text, a line at a time, and leaves WAV files in a folder
of ours. Loading a voice takes it seconds, a sentence a fraction of its length, so that one process is kept for a
while, at the voice's own pace: another rate is made here, for another --length_scale would be another process. Only
options that both the C++ program (1.2) and the Python one (1.3 and later) know are used.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from broker.link.config import SpeechOf
from broker.speech.breaker import Breaker
from broker.speech.chunks import chunks
from broker.speech.engine import VOICES, EngineError
from broker.speech.guard import plain, plausible
from broker.speech.piper_child import LOAD_S, PiperChild, PiperStopped
from broker.speech.sound import Pcm, SoundError, read_wav
from broker.speech.tempo import at_tempo

_LONGEST_TEXT = 2000
_LONGEST_LINE = 160
"""Characters. A line of 600 took 0.93 GB of memory, one of 100 0.29: a hub's service has 1 GB in all."""
_REST_S = 0.12
"""Between two lines of one sentence."""
_S_PER_LETTER = 0.25


@dataclass
class PiperEngine:
    """One voice of the operator's."""

    voice_file: Path
    """FILE.onnx, with FILE.onnx.json beside it."""
    sha256: str
    speaks: str = "vi"
    """Which of VOICES it is."""
    program: str = "piper"
    load_s: float = LOAD_S
    sentence_s: float = 10.0
    """Longest wait for a sentence, beside a quarter of a second a letter."""
    breaker: Breaker = field(default_factory=Breaker)
    id: str = "piper"
    online: bool = False
    _child: PiperChild | None = None
    _checked: tuple[tuple[int, ...], str] = ((), "")
    """What the voice file was when it was read, and its SHA-256 then."""
    _described: str = ""
    """SHA-256 of the description the voice was first used with."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def version(self) -> str:
        """The voice and its description (sounds of letters, rate), by the start of their hashes."""
        try:
            described = hashlib.sha256(self._description()).hexdigest()
        except OSError:
            described = "none"
        return f"{self.sha256[:12].lower()}-{described[:6]}"

    def trouble(self) -> str:
        """Why this voice is not used, as a sentence for the operator; empty when it may be."""
        try:
            return self._trouble_of_settings() or self._trouble_of_hash() or self._trouble_of_facts()
        except OSError as why:
            return f"the Piper voice cannot be read: {why}"

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        """See Engine; one voice, no pitch. Raises EngineError, also while it rests after failures."""
        del pitch  # Piper has none
        parts = self._parts(text, voice)
        try:
            pcm = _joined([plausible(self._spoken(part), part, self.id) for part in parts])
        except PiperStopped as why:
            self.breaker.note_failure(is_refusal=why.is_late)
            raise EngineError(str(why)) from why
        except EngineError:
            self.breaker.note_failure()
            raise
        self.breaker.note_success()
        return at_tempo(pcm, rate)

    def synthesise_by(self, until_s: float, text: str, voice: str, rate: float = 1.0) -> Pcm:
        """The same for words that cannot wait: only while the voice is loaded and free, and until a moment.

        until_s: of time.monotonic(). Raises EngineError then; being late is no failure that Piper rests for.
        """
        self._loaded()
        parts = self._parts(text, voice)
        pcm = _joined([plausible(self._spoken_by(until_s, part), part, self.id) for part in parts])
        return at_tempo(pcm, rate)

    def close(self) -> None:
        """End its process now; the next sentence starts it again."""
        with self._lock:
            self._end()

    def _parts(self, text: str, voice: str) -> list[str]:
        """The lines to be spoken one after the other. Raises EngineError when this voice may not speak now."""
        if voice != self.speaks:
            raise EngineError(f"this Piper voice speaks {self.speaks}, not {voice!r}")
        said = plain(text)
        if not any(char.isalnum() for char in said) or len(said) > _LONGEST_TEXT:
            raise EngineError(f"piper takes 1 to {_LONGEST_TEXT} characters, not {len(said)}")
        reason = self.trouble()
        if reason:
            raise EngineError(reason)
        resting_s = self.breaker.rest_s()
        if resting_s > 0:
            raise EngineError(f"piper failed before and is left alone for {resting_s / 60:.0f} minutes more")
        return chunks(said, _LONGEST_LINE)

    def _end(self, *, at_once: bool = False) -> None:
        if self._child is not None:
            self._child.close(at_once=at_once)
            self._child = None

    def _spoken(self, text: str) -> Pcm:
        with self._lock:
            is_old = self._child is not None
            try:
                try:
                    pcm = self._said(text)
                except PiperStopped as why:
                    if why.is_late or not is_old:
                        raise
                    self._end()  # it ended since the last sentence, for want of work or on its own: once more
                    pcm = self._said(text)
            except (PiperStopped, SoundError, OSError) as why:
                self._end()
                raise why if isinstance(why, PiperStopped) else EngineError(f"piper failed: {why}") from why
        return self._at_its_rate(pcm)

    def _spoken_by(self, until_s: float, text: str) -> Pcm:
        if not self._lock.acquire(timeout=max(until_s - time.monotonic(), 0.0)):
            raise EngineError("piper is at other words, and these cannot wait")
        try:
            pcm = read_wav(self._loaded().say(text, max(until_s - time.monotonic(), 0.0)))
        except (PiperStopped, SoundError, OSError) as why:
            self._end(at_once=True)  # what it still says belongs to no sentence
            raise EngineError(f"piper failed: {why}") from why
        finally:
            self._lock.release()
        return self._at_its_rate(pcm)

    def _loaded(self) -> PiperChild:
        """Its process, when nobody has to wait for it to load. Raises EngineError."""
        child = self._child
        if child is None or not child.is_loaded:
            raise EngineError("piper has not loaded its voice, and these words cannot wait")
        return child

    def _at_its_rate(self, pcm: Pcm) -> Pcm:
        if pcm.rate_hz != self._rate_hz():
            raise EngineError(f"piper answered at {pcm.rate_hz} Hz, the voice has {self._rate_hz()}")
        return pcm

    def _said(self, text: str) -> Pcm:
        if self._child is None:
            self._child = PiperChild(self._command(), self.load_s)
        return read_wav(self._child.say(text, self.sentence_s + _S_PER_LETTER * len(text)))

    def _command(self) -> tuple[str, ...]:
        program = Path(
            shutil.which(self.program) or self.program
        ).absolute()  # it runs in a folder of its own
        file = str(self.voice_file.absolute())
        return (str(program), "--model", file, "--config", f"{file}.json")

    def _trouble_of_settings(self) -> str:
        if self.speaks not in VOICES:
            return f"speech.piper_speaks is {self.speaks!r}; it may be one of {', '.join(VOICES)}"
        if shutil.which(self.program) is None:
            return f"there is no program {self.program!r} here (speech.piper_program)"
        return ""

    def _trouble_of_hash(self) -> str:
        """Compare the file with its pin; read again only when the file has changed."""
        found = self.voice_file.stat()
        stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
        if self._checked[0] != stamp:
            with self.voice_file.open("rb") as file:
                self._checked = (stamp, hashlib.file_digest(file, "sha256").hexdigest())
        has = self._checked[1]
        if not self.sha256:
            return (
                f"speech.piper_sha256 is empty; {self.voice_file} has {has}: compare with where it came from"
            )
        if has != self.sha256.lower():
            return f"{self.voice_file} is another file than pinned: it has {has}, not {self.sha256}"
        return ""

    def _trouble_of_facts(self) -> str:
        """Whether the voice says of itself that it speaks Vietnamese."""
        facts = self._facts()
        named = (facts.get("espeak") or {}).get("voice"), (facts.get("language") or {}).get("code")
        said = [str(each) for each in named if each]
        if not said or any(each.lower().replace("_", "-").split("-")[0] != "vi" for each in said):
            return f"{self.voice_file} speaks {' and '.join(said) or 'no language it names'}, not Vietnamese"
        if not 8000 <= self._rate_hz() <= 48000:
            return f"{self.voice_file} names no sample rate"
        described = hashlib.sha256(self._description()).hexdigest()
        if described != (self._described or described):
            return (
                f"{self.voice_file}.json has changed since the voice was first used: restart if that was you"
            )
        self._described = described
        return ""

    def _facts(self) -> dict[str, dict[str, object]]:
        try:
            facts = json.loads(self._description().decode("utf-8"))
        except (ValueError, RecursionError) as why:
            raise OSError(f"{self.voice_file}.json is no JSON: {why}") from why
        if not isinstance(facts, dict):
            raise OSError(f"{self.voice_file}.json does not describe a voice")
        return facts

    def _description(self) -> bytes:
        return self.voice_file.with_name(f"{self.voice_file.name}.json").read_bytes()

    def _rate_hz(self) -> int:
        rate = (self._facts().get("audio") or {}).get("sample_rate")
        return rate if isinstance(rate, int) else 0


def _joined(parts: Sequence[Pcm]) -> Pcm:
    """The lines of a sentence one after the other."""
    rest = np.zeros(int(_REST_S * parts[0].rate_hz), dtype=np.int16)
    samples = [piece for part in parts for piece in (part.samples, rest)][:-1]
    return Pcm(np.concatenate(samples), parts[0].rate_hz)


def piper(speech: SpeechOf) -> PiperEngine:
    """The voice that the settings name. Whether it may be used is asked when it is to speak."""
    return PiperEngine(
        Path(speech.piper_voice), speech.piper_sha256.strip(), speech.piper_speaks, speech.piper_program
    )
