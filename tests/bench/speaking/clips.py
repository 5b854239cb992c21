"""Loudness and true peak of many clips, measured by an implementation that is not ours: FFmpeg's ebur128."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph

from broker.speech.engine import VOICES
from broker.speech.espeak import espeak
from broker.speech.master import HORN, KIOSK, Profile
from broker.speech.say import render, render_tracks
from broker.speech.sound import Pcm, resample, write_wav
from broker.speech.track import Track
from tests.bench.link.processes import figure, percentile
from tests.bench.speaking.aims import aimed
from tests.bench.speaking.texts import spoken

COUNT = int(os.environ.get("LANGSO_BENCH_CLIPS", "200"))
RATES = (0.8, 1.0, 1.2)
EACH_RECORDED = 5
"""Every fifth clip is a recording, damaged in one of the ways people record."""
LU_AIM, PEAK_AIM = 0.5, -1.0


def figures() -> Iterator[dict[str, Any]]:
    """Clips of 1 to 4 sentences: three voices, three rates, both profiles; a fifth of them recordings."""
    off: dict[str, list[float]] = {"spoken": [], "recorded": []}
    peaks: list[float] = []
    size = seconds = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(COUNT):
            profile = (KIOSK, HORN)[number // 3 % 2]
            is_recorded = number % EACH_RECORDED == EACH_RECORDED - 1
            clip = _recorded(folder, number, profile) if is_recorded else _spoken(folder, number, profile)
            lufs, peak_dbtp = heard(clip.path)
            off["recorded" if is_recorded else "spoken"].append(abs(lufs - profile.lufs))
            peaks.append(peak_dbtp)
            size, seconds = size + clip.size, seconds + clip.duration_ms / 1000
    for kind, found in off.items():
        if found:
            yield aimed(
                f"loudness off its aim, {kind}, worst of {len(found)} clips", max(found), "LU", LU_AIM
            )
            yield figure(f"… {kind}, 95 of 100 within", percentile(found, 0.95), "LU")
    everything = [*off["spoken"], *off["recorded"]]
    right = sum(each <= LU_AIM for each in everything) / COUNT * 100
    yield aimed("clips within half a LU", right, f"% of {COUNT}", 100, at_least=True)
    yield aimed("true peak, highest", max(peaks), "dBTP", PEAK_AIM)
    over = sum(each > PEAK_AIM for each in peaks)
    yield figure("clips above −1 dBTP", over, f"of {COUNT}")
    yield aimed("Opus, size of a minute", size / 1000 / seconds * 60, "kB", 130)


def heard(file: Path) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBTP of a sound file, by ebur128 (peaks at 192 kHz)."""
    with av.open(str(file)) as box:
        stream = box.streams.audio[0]
        graph = Graph()
        source = graph.add_abuffer(template=stream)
        graph.link_nodes(source, graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink"))
        graph.configure()
        for frame in box.decode(stream):
            graph.push(frame)
        graph.push(None)
    said: dict[str, str] = {}
    while True:
        try:
            said = graph.pull().metadata or said
        except (av.BlockingIOError, av.EOFError):
            break
    return float(said["lavfi.r128.I"]), 20 * np.log10(max(float(said["lavfi.r128.true_peak"]), 1e-6))


def _text(number: int) -> str:
    return " ".join(spoken(1 + number % 4, 3 * number % 300))


def _spoken(folder: Path, number: int, profile: Profile) -> Any:
    return render(
        _text(number),
        voice=list(VOICES)[number % 3],
        cache_dir=folder / "cache",
        out=folder / "clip.opus",
        engines=(espeak(),),
        profile=profile,
        rate=RATES[number // 7 % 3],
    )


def _recorded(folder: Path, number: int, profile: Profile) -> Any:
    pcm = espeak().synthesise(_text(number), list(VOICES)[number % 3])
    dice = np.random.default_rng(number)
    ways = ("telephone", "quiet and noisy", "off centre", "shouted", "long silence")
    way = ways[number // EACH_RECORDED % len(ways)]
    signal = pcm.samples / 32768
    if way == "telephone":
        pcm = resample(pcm, 8000)
        signal = pcm.samples / 32768
    elif way == "quiet and noisy":
        signal = 0.05 * signal + dice.normal(0, 0.0008, len(signal))
    elif way == "off centre":
        signal = 0.3 * signal + 0.2
    elif way == "shouted":
        signal = np.tanh(4 * signal) * 0.95
    else:
        signal = np.concatenate([np.zeros(5 * pcm.rate_hz), 0.4 * signal, np.zeros(5 * pcm.rate_hz)])
    file = folder / "said.wav"
    samples = np.clip(np.rint(signal * 32767), -32768, 32767).astype(np.int16)
    write_wav(Pcm(samples, pcm.rate_hz), file)
    return render_tracks(
        [Track("tay", recording=file)],
        voice="vi",
        cache_dir=folder / "cache",
        out=folder / "clip.opus",
        engines=(espeak(),),
        profile=profile,
    )
