"""Proof of sound in made-up places: how often a horn that sounds is heard, and one that is silent is not.

Beside it the usual way, the correlation of band envelopes from 0.30 up, on the same recordings.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.speaker.proof import Likeness, Samples, Track, liken
from edge.speaker.self_test import chime_for_tests
from tests.bench.link.processes import figure, percentile
from tests.speaker import rooms

HZ = rooms.RATE_HZ
PLACES = 100
LONG_S = 22.0
SHORT_S = 14.0
SOUNDING = "heard, 22 s at"
SILENT = "falsely heard:"


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Shares over all places, the nearest misses, and the cost."""
    del folder
    found: dict[str, list[tuple[Likeness, float]]] = defaultdict(list)
    for place in range(PLACES):
        for name, played, track in recordings(place):
            found[name].append((liken(played, HZ, 0.0, track), by_envelopes(played, track)))
    for name, likes in found.items():
        usual = sum(score >= 0.3 for _, score in likes)
        yield figure(
            name, sum(like.is_heard for like, _ in likes), f"of {len(likes)}", f"band envelopes {usual}"
        )
        scores = [like.score for like, _ in likes]
        if name.startswith(SILENT):
            yield figure(f"highest score, {name}", max(scores), "of 1")
        else:
            yield figure(f"lowest score, {name}", min(scores), "of 1")
    costs_s = list(verdicts_s(51))
    yield figure("CPU of a verdict p50", 1000 * percentile(costs_s, 0.5), "ms per 20 s of sound", "bound 20")


def verdicts_s(times: int) -> Iterator[float]:
    """CPU seconds per 20 s of sound at the rate of a loudspeaker's own files."""
    bells = chime_for_tests(16_000)
    track = Track(chime_for_tests(HZ), HZ, 0.0)
    for _ in range(times):
        began_s = time.process_time()
        like = liken(bells, 16_000, 0.0, track)
        yield (time.process_time() - began_s) * 20 / like.length_s


def recordings(place: int) -> Iterator[tuple[str, Samples, Track]]:
    """What a microphone takes in one place: name, what our loudspeaker should have played, the recording."""
    chance = np.random.default_rng(place)
    kind = sorted(rooms.NOISES)[place % len(rooms.NOISES)]
    ours = rooms.programme(chance, LONG_S)
    own = rooms.through(ours, rooms.own_place(chance), chance)
    noise = rooms.NOISES[kind](chance, len(own))
    played = rooms.as_played(ours)

    def taken(sound: rooms.Air, snr_db: float) -> Track:
        return rooms.taken(rooms.mixed(sound, noise[: len(sound)], snr_db), chance)

    for snr_db in (5, 0, -5):
        yield f"{SOUNDING} {snr_db:+d} dB", played, taken(own, snr_db)
    brief = ours[: round(SHORT_S * HZ)]
    yield "heard, 14 s at +5 dB", rooms.as_played(brief), taken(own[: len(brief) + HZ], 5)
    yield f"{SILENT} noise alone", played, rooms.taken(noise, chance)
    yield f"{SILENT} silence", played, rooms.taken(chance.standard_normal(len(own)) * 1e-3, chance)
    yield from _others(chance, ours, taken)
    yield from _chimes(chance, place, taken)


def _others(chance: rooms.Chance, ours: rooms.Air, taken: Any) -> Iterator[tuple[str, Samples, Track]]:
    """Our loudspeaker is dead; others are not."""
    played = rooms.as_played(ours)
    other = rooms.through(rooms.programme(chance, LONG_S), rooms.own_place(chance), chance)
    yield f"{SILENT} other words, same voice, here", played, taken(other, 20)
    metres = chance.uniform(200, 400)
    far = rooms.through(rooms.programme(chance, LONG_S), rooms.far_place(chance, metres), chance)
    yield f"{SILENT} neighbour's other programme, loud", played, taken(far, 20)
    same = rooms.through(ours, rooms.far_place(chance, metres), chance)
    yield f"{SILENT} neighbour's same programme, 200 to 400 m", played, taken(same, chance.uniform(0, 25))
    first = (int(chance.integers(len(rooms.SENTENCES))),)
    mine, theirs = (rooms.programme(chance, LONG_S, first) for _ in range(2))
    alike = rooms.through(theirs, rooms.own_place(chance), chance)
    yield f"{SILENT} same chime and greeting at the same moment", rooms.as_played(mine), taken(alike, 20)
    brief = slice(0, round(SHORT_S * HZ))
    yield f"{SILENT} the same, 14 s", rooms.as_played(mine[brief]), taken(alike[brief], 20)


def _chimes(chance: rooms.Chance, place: int, taken: Any) -> Iterator[tuple[str, Samples, Track]]:
    ours, theirs = (chime_for_tests(HZ, f"{name}-{place}") for name in ("thon", "ban"))
    for name, bells in (("heard, test chime at +5 dB", ours), (f"{SILENT} a neighbour's test chime", theirs)):
        air = rooms.even(bells[: round((LONG_S - 0.5) * HZ)].astype(np.float64))
        arrived = rooms.through(air, rooms.own_place(chance), chance)
        yield name, ours, taken(arrived, 5 if name.startswith("heard") else 20)


# -- the usual way

STEP_S = 0.02
BANDS_HZ = np.geomspace(300, 3600, 9)


def by_envelopes(played: Samples, track: Track) -> float:
    """The best normalised correlation of eight log band envelopes over lags from 0 to 2 s."""
    there, here = _envelopes(played), _envelopes(track.samples)
    offset = round(-track.started_s / STEP_S)
    best = 0.0
    for lag in range(round(2 / STEP_S) + 1):
        here_now = here[:, offset + lag : offset + lag + there.shape[1]]
        there_now = there[:, : here_now.shape[1]]
        power = float(np.vdot(here_now, here_now)) * float(np.vdot(there_now, there_now))
        best = max(best, float(np.vdot(there_now, here_now)) / power**0.5 if power else 0.0)
    return best


def _envelopes(samples: Samples) -> NDArray[np.float64]:
    window, step = round(2 * STEP_S * HZ), round(STEP_S * HZ)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), window)[::step]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)) ** 2
    edges = np.rint(BANDS_HZ * window / HZ).astype(np.intp)
    bands = np.log(np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1).T + 1)
    return np.asarray(bands - bands.mean(axis=1, keepdims=True))
