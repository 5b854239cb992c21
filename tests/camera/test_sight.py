"""What is decoded of a stream, and that nothing is lost by decoding little."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from edge.camera.analysis import Analyst, Finding
from edge.camera.capture import read
from edge.camera.chunk import Chunk
from edge.camera.picture import Colour, Grey
from edge.camera.sight import KEPT_MOST_BYTES, Seen, Sight
from tests.camera.film import chunks_of, write_coded

FPS = 10
SIZE = (180, 320)


class Eyes(Analyst):
    """The product's analyst, noting what it was asked to look at."""

    def __init__(self) -> None:
        super().__init__()
        self.looked: list[float] = []
        self.rested: list[float] = []
        self.resumed: list[float] = []
        self.darkest = 255

    def look(self, luma: Grey, at_s: float) -> list[Finding]:
        """Note and judge."""
        self.looked.append(at_s)
        self.darkest = min(self.darkest, int(luma.max()))
        return super().look(luma, at_s)

    def rest(self, luma: Grey, at_s: float) -> list[Finding]:
        """Note and judge."""
        self.rested.append(at_s)
        self.darkest = min(self.darkest, int(luma.max()))
        return super().rest(luma, at_s)

    def resume(self, at_s: float) -> None:
        """Note and learn anew."""
        self.resumed.append(at_s)
        super().resume(at_s)


def _view(
    seconds: float, *, walks: tuple[float, float] | None = None, still: bool = False
) -> Iterator[Colour]:
    """A textured wall with a sensor's noise; between the seconds of `walks` something crosses it."""
    dice = np.random.default_rng(3)
    wall = np.repeat(np.repeat(dice.integers(60, 150, (45, 80)), 4, 0), 4, 1).astype(np.int16)
    noise = [dice.normal(0.0, 6.0, SIZE).astype(np.int16) for _ in range(7)]
    for number in range(round(seconds * FPS)):
        at_s = number / FPS
        grey = wall + (noise[0] if still else noise[number % 7])
        if walks is not None and walks[0] <= at_s < walks[1]:
            left = round(20 + 260 * (at_s - walks[0]) / (walks[1] - walks[0]))
            grey[70:118, left : left + 20] = 230
        yield np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.fixture(scope="module")
def quiet_chunks() -> list[Chunk]:
    """16 s in which nothing happens."""
    return list(chunks_of(_view(16.0), FPS))


@pytest.fixture(scope="module")
def walk_chunks() -> list[Chunk]:
    """16 s; somebody crosses between two key pictures, from 10.3 s on."""
    return list(chunks_of(_view(16.0, walks=(10.3, 13.3)), FPS))


def _all(sight: Sight, chunks: list[Chunk]) -> list[Seen]:
    return [seen for chunk in chunks for seen in sight.take(chunk)]


def test_at_rest_only_key_pictures_are_looked_at(quiet_chunks: list[Chunk]) -> None:
    eyes = Eyes()
    sight = Sight(eyes)
    assert _all(sight, quiet_chunks) == []
    assert sight.rests
    assert sight.gop_s == pytest.approx(2.0)
    assert max(eyes.looked) < 9.0
    assert [at_s % 2.0 for at_s in eyes.rested] == pytest.approx([0.0] * len(eyes.rested), abs=0.01)
    assert eyes.rested[-1] >= 12.0 - 0.01


def test_what_begins_between_two_key_pictures_is_dated_truly(walk_chunks: list[Chunk]) -> None:
    eyes = Eyes()
    sight = Sight(eyes)
    early = [chunk for chunk in walk_chunks if chunk.at_s < 10.2]
    assert _all(sight, early) == []
    assert sight.rests
    found = _all(sight, walk_chunks[len(early) :]) + list(sight.close())
    kinds = [(finding.kind, finding.phase) for finding, _ in found]
    assert kinds == [("motion", "began"), ("motion", "ended")]
    began, picture = found[0]
    assert began.start_s == pytest.approx(10.3, abs=0.7)
    assert picture is not None
    assert eyes.looked == sorted(eyes.looked)


def test_who_comes_right_before_the_source_is_cut_is_still_judged(walk_chunks: list[Chunk]) -> None:
    eyes = Eyes()
    sight = Sight(eyes)
    _all(sight, [chunk for chunk in walk_chunks if chunk.at_s < 11.9])
    list(sight.close())
    assert eyes.looked[-1] > 11.5


def test_a_long_way_between_key_pictures_is_never_slept_through(quiet_chunks: list[Chunk]) -> None:
    eyes = Eyes()
    sight = Sight(eyes)
    slow = [replace(chunk, at_s=2 * chunk.at_s, order_s=2 * chunk.order_s) for chunk in quiet_chunks]
    _all(sight, slow)
    assert sight.gop_s == pytest.approx(4.0)
    assert eyes.rested == []
    assert not sight.rests


def test_a_camera_that_stops_sending_key_pictures_is_looked_at_in_full(quiet_chunks: list[Chunk]) -> None:
    sight = Sight(Eyes())
    _all(sight, quiet_chunks)
    assert sight.rests
    last = quiet_chunks[-1]
    for number in range(1, 40):
        list(sight.take(replace(last, at_s=last.at_s + number / FPS, order_s=last.order_s + number / FPS)))
    assert not sight.rests


def test_what_is_kept_at_rest_has_a_bound(quiet_chunks: list[Chunk]) -> None:
    sight = Sight(Eyes())
    _all(sight, quiet_chunks)
    last = quiet_chunks[-1]
    list(sight.take(replace(last, at_s=last.at_s + 0.1, data=bytes(KEPT_MOST_BYTES + 1))))
    assert not sight.rests


def test_pictures_that_repeat_are_looked_at(quiet_chunks: list[Chunk]) -> None:
    sight = Sight(Eyes())
    _all(sight, quiet_chunks)
    frozen = list(chunks_of(_view(6.0, still=True), FPS, since_s=16.0))
    awake = []
    for chunk in frozen:
        list(sight.take(chunk))
        awake.append(not sight.rests)
    assert awake[-1]


def test_a_veil_hides_from_everybody_who_judges(quiet_chunks: list[Chunk]) -> None:
    eyes = Eyes()
    sight = Sight(eyes, veil=lambda luma: np.full_like(luma, 9))
    _all(sight, quiet_chunks[:100])
    assert eyes.darkest == 9


def test_a_source_that_was_away_is_learnt_anew(quiet_chunks: list[Chunk]) -> None:
    eyes = Eyes()
    sight = Sight(eyes)
    _all(sight, quiet_chunks[:100])
    list(sight.close())
    later = [replace(chunk, at_s=chunk.at_s + 60.0, order_s=chunk.order_s + 60.0) for chunk in quiet_chunks]
    _all(sight, later)
    assert eyes.resumed == pytest.approx([60.0])
    assert sight.rests


def test_damage_wakes_and_is_passed_over(quiet_chunks: list[Chunk]) -> None:
    sight = Sight(Eyes())
    for chunk in quiet_chunks:
        broken = chunk.at_s == pytest.approx(12.0, abs=0.01) or 13.0 < chunk.at_s < 13.4
        list(sight.take(replace(chunk, data=b"\0\0\1\x65rubbish") if broken else chunk))
    assert sight.damaged > 0
    list(sight.close())


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "most"),
    [("fast.avi", "mjpeg", "yuvj420p", 17), ("b.mp4", "libx264", "yuv420p", 70)],
)
def test_what_is_neither_due_nor_referred_to_is_not_decoded(
    tmp_path: Path, name: str, codec: str, pixels: str, most: int
) -> None:
    options = {"bf": "3", "b_strategy": "0", "preset": "veryfast"} if codec == "libx264" else {}
    path = write_coded(tmp_path / name, codec, pixels, fps=30, seconds=3.0, options=options)
    eyes = Eyes()
    sight = Sight(eyes)
    decoded = set()
    for chunk in read(str(path), Event(), paced=False):
        list(sight.take(chunk))
        if sight.newest is not None:
            decoded.add(sight.newest.at_s)
    assert len(decoded) <= most
    assert sight.damaged == 0
    assert len(eyes.looked) + len(eyes.rested) >= 4
    assert max(b - a for a, b in pairwise(eyes.looked)) < 0.35


def _judged(chunks: list[Chunk], damaged: Callable[[int], bool]) -> tuple[Eyes, Sight]:
    """All of it looked at, with rubbish in the pictures of some numbers."""
    eyes = Eyes()
    sight = Sight(eyes)
    for number, chunk in enumerate(chunks):
        list(sight.take(replace(chunk, data=b"\0\0\1\x41rubbish") if damaged(number) else chunk))
    return eyes, sight


def test_the_end_of_a_group_that_is_not_due_is_not_decoded(quiet_chunks: list[Chunk]) -> None:
    early = quiet_chunks[:30]
    groups = [number for number, chunk in enumerate(early) if chunk.key]
    whole, plain = _judged(early, lambda number: False)
    last, sight = _judged(early, lambda number: number + 1 in groups)
    assert (plain.damaged, sight.damaged) == (0, 0)
    assert last.looked == whole.looked
    assert len(whole.looked) == 15
    _, sight = _judged(early, lambda number: number + 2 in groups)
    assert sight.damaged > 0
    _, sight = _judged(early, lambda number: number + 3 in groups)
    assert sight.damaged > 0
