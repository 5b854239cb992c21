"""Films of one minute for what a detector costs: 720p at 15 and a sub-stream 640x360 at 8, something going on or not.

H.264 main without B pictures, a key picture every 2 s, as cheap cameras send. Drawn from the demo's yard, or taken
from a clip that is labelled, played at the film's own rate and begun again at its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from edge.camera.scene import FIRST_VISIT_S, VISIT_EVERY_S, WALK_S, Yard
from tests.bench.cameras.scoring import Truth

KEPT = Path(__file__).resolve().parents[3] / ".venv" / "films"
"""Films are made once a checkout."""
LASTS_S, KEY_EVERY_S = 60.0, 2
MADE = "3"
"""Another word when films are made otherwise, so that old ones are not taken for new ones."""


@dataclass(frozen=True)
class Form:
    """What a camera is set to send."""

    name: str
    width_px: int
    height_px: int
    fps: int
    bit_s: int


MAIN = Form("720p15", 1280, 720, 15, 1_000_000)
SUB = Form("640x360@8", 640, 360, 8, 300_000)


@dataclass(frozen=True)
class Film:
    """One file and what is to be seen in it."""

    form: Form
    busy: bool
    of: str
    path: Path

    @property
    def name(self) -> str:
        """For a row of the bench."""
        return f"{self.form.name} {'busy' if self.busy else 'idle'}, {self.of}"


def drawn(form: Form, *, busy: bool, lasts_s: float = LASTS_S, into: Path = KEPT) -> Film:
    """The drawn yard: somebody walks through it all the time, or nobody ever."""
    path = into / f"yard-{form.name}-{'busy' if busy else 'idle'}-{lasts_s:g}-{MADE}.mp4"
    if not path.is_file():
        write(path, _yard(form, lasts_s, busy=busy), form)
    return Film(form, busy, "drawn", path)


def taken(form: Form, clip: Path, *, busy: bool, into: Path = KEPT) -> Film:
    """A minute of a labelled clip."""
    print_of = hashlib.sha256(f"{clip.name} {clip.stat().st_size} {MADE}".encode()).hexdigest()[:12]
    path = into / f"clip-{form.name}-{print_of}.mp4"
    if not path.is_file():
        write(path, _again(clip, round(LASTS_S * form.fps)), form)
    return Film(form, busy, "clip", path)


def chosen(truths: list[Truth]) -> tuple[Truth, Truth] | None:
    """The clip in which most of the time something moves, and the emptiest one that is not tampered with."""
    plain = [each for each in truths if each.purpose in ("pos", "neg") and each.lasts_s >= 10]
    if not plain:
        return None

    def share(each: Truth) -> tuple[float, bool]:
        moving_s = sum(end_s - start_s for start_s, end_s in each.motion)
        return moving_s / each.lasts_s, "kind plain" in each.groups

    idle = [each for each in plain if not each.motion]
    quiet = [each for each in idle if "kind empty" in each.groups] or idle or plain
    return max(plain, key=share), min(quiet, key=share)


def _yard(form: Form, lasts_s: float, *, busy: bool) -> Iterator[av.VideoFrame]:
    at_s = 0.0
    clock = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    yard = Yard(lambda: clock + timedelta(seconds=at_s))
    for number in range(round(lasts_s * form.fps)):
        at_s = number / form.fps
        visit, within_s = divmod(at_s, WALK_S)
        shown_s = FIRST_VISIT_S + 2 * visit * VISIT_EVERY_S + within_s if busy else at_s - 1000.0
        yield av.VideoFrame.from_ndarray(np.ascontiguousarray(yard.draw(shown_s)), format="bgr24")


def _again(clip: Path, wanted: int) -> Iterator[av.VideoFrame]:
    """As many pictures of a clip as are wanted, from its start again when it ends."""
    came = 0
    while came < wanted:
        with av.open(str(clip)) as source:
            for frame in source.decode(video=0):
                if came == wanted:
                    return
                came += 1
                yield frame


def write(path: Path, frames: Iterator[av.VideoFrame], form: Form) -> None:
    """Encode; the file is there when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half.mp4")
    with av.open(str(half), "w") as film:
        stream = film.add_stream("libx264", rate=form.fps)
        stream.width, stream.height, stream.pix_fmt = form.width_px, form.height_px, "yuv420p"
        stream.bit_rate = form.bit_s
        context = stream.codec_context
        context.gop_size, context.max_b_frames, context.thread_count = KEY_EVERY_S * form.fps, 0, 1
        context.options = {"preset": "veryfast", "profile": "main", "sc_threshold": "0"}
        for number, frame in enumerate(frames):
            frame = _sized(frame, form)
            frame.pts, frame.time_base = number, Fraction(1, form.fps)
            frame.pict_type = 0
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    half.rename(path)


def _sized(frame: av.VideoFrame, form: Form) -> av.VideoFrame:
    """In the film's size; averaged when it gets smaller, so that noise falls as in a camera's own scaler."""
    if frame.width <= form.width_px:
        return frame.reformat(width=form.width_px, height=form.height_px, format="yuv420p")
    picture = cv2.resize(
        frame.to_ndarray(format="bgr24"), (form.width_px, form.height_px), interpolation=cv2.INTER_AREA
    )
    return av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
