"""From a text to a mastered clip: CPU beside ffmpeg, size, a clip kept, a text changed in one sentence."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from broker.speech.cache import write_whole
from broker.speech.engine import Engine
from broker.speech.espeak import EspeakEngine, espeak
from broker.speech.lexicon import load as load_lexicon
from broker.speech.master import HORN, KIOSK, Profile
from broker.speech.say import render
from broker.speech.sentences import sentences
from broker.speech.sound import Pcm, resample, write_wav
from tests.bench.link.processes import figure, median
from tests.bench.speaking.aims import absent, aimed
from tests.bench.speaking.costs import Cost, least_of
from tests.bench.speaking.texts import spoken, written

MINUTE = 14
"""Sentences of about one minute."""
GOES = 3
AUDIO_S_AIM = 0.03
LOUDNORM_AIM = 0.5
HIT_MS = 10.0
KB_AIM = 130.0
REUSED_PERCENT = 99.0


@dataclass
class CountingEngine:
    """espeak-ng, and how often it was asked."""

    engine: EspeakEngine
    online: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.engine.id

    @property
    def version(self) -> str:
        return self.engine.version

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        self.asked.append(text)
        return self.engine.synthesise(text, voice, rate, pitch)


def figures() -> Iterator[dict[str, Any]]:
    """Everything that comes after the reader."""
    engine = espeak()
    ffmpeg = shutil.which("ffmpeg") or ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for profile in (KIOSK, HORN):
            yield from _whole_way(folder, engine, profile, MINUTE)
        yield from _beside_ffmpeg(folder, engine, ffmpeg)
        yield from _kept(folder, engine)
        yield from _changed(folder, engine)
        yield from _in_need(folder, engine)


def _whole_way(folder: Path, engine: Engine, profile: Profile, count: int) -> Iterator[dict[str, Any]]:
    """Written text → words → speech → mastered Opus, nothing kept from before."""
    lexicon, text = load_lexicon(), "\n".join(written(count))

    def go(number: int) -> Any:
        place = folder / f"{profile.name}-{count}-{number}"
        return render(
            text,
            voice="vi",
            cache_dir=place,
            out=folder / "clip.opus",
            engines=(engine,),
            lexicon=lexicon,
            profile=profile,
        )

    clip, cost = least_of(GOES, go)
    seconds = clip.duration_ms / 1000
    name = f"text → mastered Opus of {seconds:.0f} s, {profile.name}"
    yield aimed(f"{name}: CPU of a second", cost.cpu_s / seconds, "s", AUDIO_S_AIM)
    yield figure(f"{name}: time", cost.wall_s, "s", "its own length", cost.wall_s / seconds)
    yield aimed(f"{name}: size of a minute", clip.size / 1000 / seconds * 60, "kB", KB_AIM)


def _beside_ffmpeg(folder: Path, engine: Engine, ffmpeg: str) -> Iterator[dict[str, Any]]:
    """Mastering the same speech to WAV: ours with the sentences kept, ffmpeg's loudnorm in one pass.

    What ffmpeg takes to copy the file is taken off its side; reading the kept sentences stays on ours.
    """
    if not ffmpeg:
        yield absent("mastering beside ffmpeg's loudnorm", "the program ffmpeg is not here")
        return
    text, raw = "\n".join(spoken(MINUTE)), folder / "raw.wav"
    _write_raw(text, engine, KIOSK.rate_hz, raw)
    audio_s = (raw.stat().st_size - 44) / 2 / KIOSK.rate_hz

    def speak(place: str, out: str) -> Any:
        return render(text, voice="vi", cache_dir=folder / place, out=folder / out, engines=(engine,))

    def master(_: int) -> Any:
        for clip in _clips(folder / "words-0"):
            clip.unlink()
        return speak("words-0", "again.wav")

    _, way = least_of(GOES, lambda go: speak(f"words-{go}", "words.opus"))
    _, ours = least_of(GOES, master)
    norm = ("-af", "loudnorm=I=-16:TP=-1", "-ar", str(KIOSK.rate_hz))
    opus = ("-c:a", "libopus", "-b:a", str(KIOSK.bits_per_s), "-application", "voip")
    copied, mastered = _ffmpeg(ffmpeg, raw, folder, (), "x.wav"), _ffmpeg(ffmpeg, raw, folder, norm, "x.wav")
    whole = _ffmpeg(ffmpeg, raw, folder, (*norm, *opus), "x.opus")
    bare_s = mastered.cpu_s - copied.cpu_s
    yield figure("ffmpeg loudnorm: CPU of a second", bare_s / audio_s, "s")
    name, ratio = "mastering alone, CPU by ffmpeg's loudnorm", ours.cpu_s / bare_s
    yield aimed(name, ratio, "times", LOUDNORM_AIM, baseline="ffmpeg loudnorm", ratio=ratio)
    name, ratio = "words → mastered Opus: CPU of a second", way.cpu_s / whole.cpu_s
    yield figure(name, way.cpu_s / audio_s, "s", "ffmpeg loudnorm and libopus, without any engine", ratio)


def _clips(cache: Path) -> list[Path]:
    """Entries of finished clips: what says a duration; sentences are kept without."""
    return [file for file in cache.glob("??/*") if b'"duration_ms"' in file.open("rb").readline()]


def _write_raw(text: str, engine: Engine, rate_hz: int, to: Path) -> None:
    parts = []
    for one in sentences(text):
        rest = np.zeros(one.rest_ms * rate_hz // 1000, dtype=np.int16)
        parts += [resample(engine.synthesise(one.text, "vi"), rate_hz).samples, rest]
    write_wav(Pcm(np.concatenate(parts), rate_hz), to)


def _ffmpeg(ffmpeg: str, raw: Path, folder: Path, options: Sequence[str], out: str) -> Cost:
    order = [ffmpeg, "-y", "-loglevel", "error", "-i", str(raw), *options, str(folder / out)]
    _, cost = least_of(GOES, lambda _: subprocess.run(order, check=True, timeout=300))
    return cost


def _kept(folder: Path, engine: Engine) -> Iterator[dict[str, Any]]:
    """A clip that was made before, written to where it is wanted; beside writing the same bytes safely."""
    text, out = "\n".join(written(MINUTE)), folder / "kept.opus"
    lexicon = load_lexicon()

    def again() -> Any:
        return render(
            text, voice="vi", cache_dir=folder / "kept", out=out, engines=(engine,), lexicon=lexicon
        )

    clip = again()
    data = out.read_bytes()
    ours = _ms(again)
    bare = _ms(lambda: write_whole(out, data))
    name = f"clip of {clip.duration_ms / 1000:.0f} s that is kept, text and all"
    yield aimed(name, ours, "ms", HIT_MS, baseline="writing its bytes with fsync", ratio=ours / bare)
    _, cost = least_of(GOES, lambda _: again())
    yield figure(f"{name}: CPU", cost.cpu_s * 1000, "ms")


def _ms(act: Callable[[], object], goes: int = 25) -> float:
    """The middle one of several goes, milliseconds of wall time."""
    found = []
    for _ in range(goes):
        began_s = time.monotonic()
        act()
        found.append((time.monotonic() - began_s) * 1000)
    return median(found)


def _changed(folder: Path, engine: EspeakEngine) -> Iterator[dict[str, Any]]:
    """A text of 100 short sentences, then the same with one of them changed."""
    lines = [" ".join(said.split()[:5]) + "." for said in spoken(101)]
    other = lines.pop()
    asked: list[int] = []

    def speak(number: int) -> Any:
        counting = CountingEngine(engine)
        if number:
            lines[41] = other
        clip = render(
            "\n".join(lines),
            voice="vi",
            cache_dir=folder / "changed",
            out=folder / "c.opus",
            engines=(counting,),
        )
        asked.append(len(counting.asked))
        return clip

    speak(0)
    speak(1)
    reused = 100 * (1 - asked[1] / asked[0])
    name = f"one sentence of {len(lines)} changed: pieces of speech not spoken again"
    yield aimed(name, reused, f"% of {asked[0]}", REUSED_PERCENT, at_least=True)


def _in_need(folder: Path, engine: Engine) -> Iterator[dict[str, Any]]:
    """An emergency of three sentences from the written text to the clip."""
    lexicon, text = load_lexicon(), " ".join(written(3))

    def go(number: int) -> Any:
        return render(
            text,
            voice="vi",
            cache_dir=folder / f"need-{number}",
            out=folder / "need.opus",
            engines=(engine,),
            lexicon=lexicon,
            profile=HORN,
        )

    clip, cost = least_of(GOES, go)
    name = f"three sentences ({clip.duration_ms / 1000:.0f} s) to a clip, time"
    yield aimed(name, cost.wall_s, "s", 1.0)
