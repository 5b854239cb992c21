"""CPU of a minute of video: everybody on the same films, as it is and without the start of the process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.cameras import films
from tests.bench.cameras.children import Ran
from tests.bench.cameras.films import MAIN, SUB, Film
from tests.bench.cameras.peers import MOTION, OURS, Peer, judge_all, peers
from tests.bench.cameras.scoring import Truth
from tests.bench.link.processes import figure, median
from tests.bench.speaking.aims import absent

STARTS = 3
START_S, MOTIONS_START_S = 0.2, 1.0
"""Films to measure a start with; `motion` does not open one that is over at once."""
AIMS = {
    (MAIN.name, True): (MOTION, 0.58),
    (MAIN.name, False): (MOTION, 0.12),
    (SUB.name, True): ("MOG2", 0.5),
}
"""Film → whose CPU ours is compared with, and the share wanted."""


def figures(folder: Path | None, of: Sequence[Truth]) -> Iterator[dict[str, Any]]:
    """Starts of processes, then each film."""
    who = peers()
    minutes = list(made(folder, of))
    start_s = dict(_starts(who))
    for name, cpu_s in start_s.items():
        lasts_s = MOTIONS_START_S if name == MOTION else START_S
        yield figure(f"CPU of a start, {name}", round(cpu_s, 3), f"s, a clip of {lasts_s:g} s")
    judged = judge_all(who, [film.path for film in minutes])
    for film in minutes:
        yield from _of_film(film, {name: runs[film.path] for name, runs in judged.items()}, start_s)
    for name, runs in judged.items():
        yield figure(
            f"memory, {name}, one camera", round(max(each.peak_mib for each in runs.values()), 1), "MiB"
        )


def made(folder: Path | None, of: Sequence[Truth]) -> Iterator[Film]:
    """The four films drawn, and four taken from the clips where there are some."""
    for form in (MAIN, SUB):
        for busy in (True, False):
            yield films.drawn(form, busy=busy)
    pair = films.chosen(list(of))
    if folder is None or pair is None:
        return
    for form in (MAIN, SUB):
        for busy, truth in zip((True, False), pair, strict=True):
            yield films.taken(form, folder / truth.name, busy=busy)


def _starts(who: Sequence[Peer]) -> Iterator[tuple[str, float]]:
    """The middle of several runs on a film too short to cost anything."""
    with tempfile.TemporaryDirectory() as folder:
        for each in who:
            lasts_s, times = (MOTIONS_START_S, 1) if each.name == MOTION else (START_S, STARTS)
            short = films.drawn(SUB, busy=False, lasts_s=lasts_s, into=Path(folder)).path
            yield each.name, median([each.judge(short).cpu_s for _ in range(times)])


def _of_film(film: Film, ran: Mapping[str, Ran], start_s: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """The others, then ours beside motion and MOG2, as it is and without the starts of both."""
    words = f"CPU of a minute, {film.name}"
    if ran[OURS].status:
        yield absent(f"{words}: ours", f"it ended with {ran[OURS].status}")
        return
    for name, each in ran.items():
        if name != OURS:
            yield figure(f"{words}: {name}", round(each.cpu_s, 3), "s")
    aimed_at, wanted = AIMS.get((film.form.name, film.busy), ("", 0.0))
    for name in (MOTION, "MOG2"):
        if name not in ran:
            continue
        for net in (False, True):
            cost, beside = (ran[each].cpu_s - net * start_s[each] for each in (OURS, name))
            row = figure(
                f"{words}{', without start' if net else ''}: ours",
                round(cost, 3),
                "s",
                name,
                round(cost / beside, 3),
            )
            if name == aimed_at:
                row |= {"aim": f"≤ {wanted:g} × {name}", "met": cost / beside <= wanted}
            yield row
