"""What moved: a person, a vehicle, an animal? A small network names it, for officers to see first what matters.

It only names and ranks. Whether there is an alert is decided before it is asked, and a node without a network, or whose
network fails, raises exactly the same alerts.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from broker.contract.camera import Box, Label
from broker.link.service import Beat
from edge.camera.model_process import Going, ModelFailed, ModelProcess, Why
from edge.camera.nanodet import LEAST_SCORE, ModelRefused, Piece, Sighting, fill, merge, sightings
from edge.camera.picture import Colour

log = logging.getLogger(__name__)

Boxes = Sequence[tuple[float, float, float, float]]
"""(x, y, w, h) in fractions of the picture."""

MOST_LABELS = 4
"""Of each kind: a crowd of cars must not hide the one person among them."""
MOST_EPISODES = 64
"""Whose labels are remembered, to be told together with what a later look sees."""
LOOK_S = 2.0
"""From look to look, of all cameras together: two pieces each, so at most one computed a second."""
MOST_WAITING = 4
WIDEST_PX = 1280
"""A picture waits no larger than this."""
IDLE_S = 120.0
"""Then the network's process is ended: it holds 0.15 GB."""
REST_S, REST_MOST_S = 60.0, 3600.0
"""After a failure nothing is tried for so long, twice as long after each further one."""
_TICK_S = 0.25
_LEAST_PIECE = 0.35
"""The piece round the motion is at least this much of the picture's height: what surrounds a thing tells what it is."""
_ROUND = 2.0
"""And this many times the motion's own size."""
_NEAR = 0.1
"""What the network sees belongs to the motion when it meets the motion's box, grown by this much on each side."""

TROUBLE: dict[Why, str] = {
    "missing": "Không đọc được tệp mô hình nhận dạng của điểm này.",
    "runtime": "Điểm này chưa cài phần nhận dạng (langso[detect]).",
    "refused": "Tệp mô hình nhận dạng của điểm này không dùng được.",
    "ended": "Phần nhận dạng của điểm này bị lỗi và đã dừng.",
    "late": "Phần nhận dạng của điểm này chạy quá chậm.",
}
STILL_WARNED = "Cảnh báo chuyển động vẫn gửi như thường, chỉ không ghi là người, xe hay con vật."


class Labeller:
    """One network and what it sees. For one thread; nothing is loaded before the first look."""

    def __init__(self, model: Path, threads: int = 1) -> None:
        """model: a NanoDet as one ONNX file (`langso weights`)."""
        self._model = model
        self._threads = threads
        self._process: ModelProcess | None = None

    def look(self, colour: Colour, boxes: Boxes, going: Going = lambda: True) -> list[Label]:
        """Name what moved in a picture whose masks are burnt in, the surest first.

        boxes: where it moved; without any, everything in the picture is named. Looks at the picture as a whole and at
        a piece of it round the motion. Raises ModelFailed.
        """
        high, wide = colour.shape[:2]
        seen: list[Sighting] = []
        try:
            process = self._process or ModelProcess(self._model, self._threads, going)
            self._process = process
            for piece in pieces(wide, high, boxes):
                numbers = process.compute(fill(colour, piece, process.form), going)
                seen += sightings(numbers, process.form, piece)
        except ModelRefused as why:
            self.rest()
            raise ModelFailed("refused", f"{self._model}: {why}") from why
        except ModelFailed:
            self.rest()
            raise
        moved = [each for each in merge(seen) if _belongs(each, wide, high, boxes)]
        return combine((), [_label(each, wide, high) for each in moved])

    def rest(self) -> None:
        """Give its memory back; the next look loads it again."""
        if self._process is not None:
            self._process.close()
            self._process = None


def pieces(wide: int, high: int, boxes: Boxes) -> list[Piece]:
    """The whole picture and, where it is smaller, a square round the motion: round the largest when they lie apart."""
    whole = Piece(0, 0, wide, high)
    if not boxes:
        return [whole]
    short = min(wide, high)
    left, top = min(b[0] for b in boxes) * wide, min(b[1] for b in boxes) * high
    right, bottom = max(b[0] + b[2] for b in boxes) * wide, max(b[1] + b[3] for b in boxes) * high
    if _ROUND * max(right - left, bottom - top) > 0.9 * short:
        x, y, w, h = max(boxes, key=lambda b: b[2] * b[3])
        left, top, right, bottom = x * wide, y * high, (x + w) * wide, (y + h) * high
    side = round(max(_ROUND * max(right - left, bottom - top), _LEAST_PIECE * short))
    if not 0 < side <= 0.9 * short:
        return [whole]
    x_px = min(max(0, round((left + right - side) / 2)), wide - side)
    y_px = min(max(0, round((top + bottom - side) / 2)), high - side)
    return [Piece(x_px, y_px, side, side), whole]


def combine(before: Sequence[Label], now: Sequence[Label]) -> list[Label]:
    """Of two looks at one episode, each kind as it was seen most surely; the surest first."""
    labels: list[Label] = []
    for what in ("person", "vehicle", "animal"):
        looks = ([each for each in look if each.what == what] for look in (before, now))
        surest = max(looks, key=lambda look: max((each.score for each in look), default=0.0))
        labels += sorted(surest, key=lambda each: -each.score)[:MOST_LABELS]
    return sorted(labels, key=lambda each: -each.score)


def _belongs(one: Sighting, wide: int, high: int, boxes: Boxes) -> bool:
    """A parked car across the street is not what moved."""
    left, top, right, bottom = one.box
    for x, y, w, h in boxes:
        aside, above = _NEAR * w * wide, _NEAR * h * high
        meets_x = left < (x + w) * wide + aside and right > x * wide - aside
        if meets_x and top < (y + h) * high + above and bottom > y * high - above:
            return True
    return not boxes


def _label(one: Sighting, wide: int, high: int) -> Label:
    left, top = max(0.0, one.box[0] / wide), max(0.0, one.box[1] / high)
    right, bottom = min(1.0, one.box[2] / wide), min(1.0, one.box[3] / high)
    box = Box(x=round(left, 4), y=round(top, 4), w=round(right - left, 4), h=round(bottom - top, 4))
    return Label(what=one.what, score=round(max(LEAST_SCORE, one.score), 3), box=box)


@dataclass(frozen=True)
class _Asked:
    episode: str
    camera: str
    colour: Colour
    boxes: Boxes


class LabelWorker:
    """The worker `labels`: one network for all cameras of a node, one look after the other."""

    def __init__(
        self,
        labeller: Labeller,
        say: Callable[[str, str, list[Label]], None],
        trouble: Callable[[str], None],
        look_s: float = LOOK_S,
        rest_s: float = REST_S,
        idle_s: float = IDLE_S,
    ) -> None:
        """say: told the episode, the camera and what was seen, when anything was.

        trouble: told once why nothing is named (a Vietnamese sentence), and once, with "", that it is over.
        """
        self._labeller = labeller
        self._say = say
        self._trouble = trouble
        self._waiting: deque[_Asked] = deque(maxlen=MOST_WAITING)
        self._news = threading.Condition()
        self._look_s = look_s
        self._least_rest_s = rest_s
        self._idle_s = idle_s
        self._told = ""
        self._rest_s = 0.0
        self._said: dict[str, list[Label]] = {}
        """By episode, the newest last."""

    def ask(self, episode: str, camera: str, colour: Colour, boxes: Boxes) -> None:
        """Have a picture looked at some time soon. Never waits; of too many the oldest is forgotten."""
        wide = colour.shape[1]
        if wide > WIDEST_PX:
            size = (WIDEST_PX, max(1, round(colour.shape[0] * WIDEST_PX / wide)))
            colour = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.uint8)
        with self._news:
            self._waiting.append(_Asked(episode, camera, colour, tuple(boxes)))
            self._news.notify()

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Look at what is asked until stopped."""

        def going() -> bool:
            beat()
            return not stop.is_set()

        try:
            idle_s = 0.0
            while going():
                asked = self._next()
                if asked is None:
                    idle_s += _TICK_S
                    if idle_s >= self._idle_s:
                        self._labeller.rest()
                    continue
                idle_s = 0.0
                wait_s = self._look(asked, going)
                _pause(stop, beat, wait_s)
                if wait_s > self._look_s:
                    self._forget()
        finally:
            self._labeller.rest()

    def _next(self) -> _Asked | None:
        with self._news:
            if not self._waiting:
                self._news.wait(_TICK_S)
            return self._waiting.popleft() if self._waiting else None

    def _look(self, asked: _Asked, going: Going) -> float:
        """Look once, say what was seen; returns for how long to look at nothing."""
        try:
            labels = self._labeller.look(asked.colour, asked.boxes, going)
        except ModelFailed as why:
            return self._failed(why)
        except Exception as why:  # noqa: BLE001  (whatever goes wrong in naming must not end the cameras' service)
            return self._failed(ModelFailed("ended", repr(why)))
        self._rest_s = 0.0
        self._tell("")
        self._say_new(asked, labels)
        return self._look_s

    def _say_new(self, asked: _Asked, labels: list[Label]) -> None:
        """Say it when it tells more than an earlier look at the same episode did, and what that saw with it."""
        before = self._said.pop(asked.episode, [])
        labels = combine(before, labels)
        while len(self._said) >= MOST_EPISODES:
            del self._said[next(iter(self._said))]
        self._said[asked.episode] = labels
        if labels != before:
            self._say(asked.episode, asked.camera, labels)

    def _failed(self, why: ModelFailed) -> float:
        if why.why == "stopped":
            return 0.0
        log.warning("nothing can be named: %s", why, extra={"event": "label-failed", "reason": why.why})
        self._rest_s = min(REST_MOST_S, max(self._least_rest_s, 2 * self._rest_s))
        self._tell(f"{TROUBLE[why.why]} {STILL_WARNED}")
        return self._rest_s

    def _forget(self) -> None:
        """What was asked before or during a rest is old by now."""
        with self._news:
            self._waiting.clear()

    def _tell(self, sentence: str) -> None:
        if sentence != self._told:
            self._told = sentence
            self._trouble(sentence)


def _pause(stop: threading.Event, beat: Beat, for_s: float) -> None:
    """Wait, showing life."""
    while for_s > 0 and not stop.wait(min(for_s, _TICK_S)):
        beat()
        for_s -= _TICK_S
