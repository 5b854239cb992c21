"""A village yard drawn by this program: a camera for the demo where there is none.

Good enough to look at, honest enough to judge: noise like a sensor's, a clock that runs, and now and then
somebody walks or rides through. Everything is vector shapes; no picture of a real place or person is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import cv2
import numpy as np

from edge.camera.picture import Colour

WIDTH_PX, HEIGHT_PX, FPS = 960, 540, 10
VISIT_EVERY_S = 60.0
FIRST_VISIT_S = 8.0
WALK_S, RIDE_S = 11.0, 5.0

_FINE = 4
"""Sub-pixel bits of the drawn outlines."""
_LOCAL = timezone(timedelta(hours=7))

Bgr = tuple[int, int, int]
Point = tuple[float, float]

WALL: Bgr = (150, 196, 214)
WALL_SHADE: Bgr = (118, 158, 176)
ROOF: Bgr = (62, 78, 150)
ROOF_DARK: Bgr = (46, 58, 118)
WOOD: Bgr = (52, 72, 98)
LEAF: Bgr = (62, 104, 70)
LEAF_DARK: Bgr = (44, 80, 52)
RED: Bgr = (42, 42, 196)
GOLD: Bgr = (60, 205, 245)
YARD: Bgr = (150, 160, 166)
SKY_TOP: Bgr = (214, 190, 160)
SKY_LOW: Bgr = (222, 220, 212)
DARK: Bgr = (46, 44, 42)
CREAM: Bgr = (212, 232, 240)


class Yard:
    """Draws the yard of a cultural house at any second; the same second always looks the same but for noise."""

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        """clock: what the time in the corner shows; the machine's by default."""
        self._clock = clock or (lambda: datetime.now(UTC))
        self._still = _draw_still()
        self._random = np.random.default_rng(7)
        noise = self._random.normal(0.0, 2.2, (HEIGHT_PX + 64, WIDTH_PX + 64)).astype(np.int16)
        self._noise = np.repeat(noise[:, :, None], 3, axis=2)

    def draw(self, at_s: float) -> Colour:
        """The picture at `at_s` seconds, 960 x 540."""
        picture = self._still.copy()
        _draw_flag(picture, at_s)
        visit = visitor(at_s)
        if visit is not None:
            kind, share, direction = visit
            x = -90.0 + share * (WIDTH_PX + 180.0)
            x = x if direction > 0 else WIDTH_PX - x
            if kind == "walker":
                _draw_walker(picture, x, 462.0, at_s, direction)
            else:
                _draw_rider(picture, x, 500.0, at_s, direction)
        dy, dx = (int(v) for v in self._random.integers(0, 64, 2))
        grain = self._noise[dy : dy + HEIGHT_PX, dx : dx + WIDTH_PX]
        seen: Colour = np.clip(picture.astype(np.int16) + grain, 0, 255).astype(np.uint8)
        _draw_clock(seen, self._clock())
        return seen


def visitor(at_s: float) -> tuple[str, float, int] | None:
    """Who is in view: kind, share of the way done, direction. None while the yard is empty."""
    since_s = at_s - FIRST_VISIT_S
    if since_s < 0:
        return None
    number, within_s = int(since_s // VISIT_EVERY_S), since_s % VISIT_EVERY_S
    kind, lasts_s = ("walker", WALK_S) if number % 2 == 0 else ("rider", RIDE_S)
    if within_s >= lasts_s:
        return None
    return kind, within_s / lasts_s, 1 if number % 4 in (0, 3) else -1


def _fill(picture: Colour, points: Sequence[Point], colour: Bgr) -> None:
    """A filled polygon with smooth edges."""
    outline = np.array([[round(x * 2**_FINE), round(y * 2**_FINE)] for x, y in points], np.int32)
    cv2.fillPoly(picture, [outline], colour, cv2.LINE_AA, _FINE)


def _box(picture: Colour, x: float, y: float, w: float, h: float, colour: Bgr) -> None:
    _fill(picture, [(x, y), (x + w, y), (x + w, y + h), (x, y + h)], colour)


def _round(picture: Colour, x: float, y: float, radius: float, colour: Bgr, squash: float = 1.0) -> None:
    """A filled circle, or an ellipse `squash` times as high."""
    turn = np.linspace(0.0, 2 * math.pi, 40, endpoint=False)
    _fill(picture, [(x + radius * math.cos(t), y + radius * squash * math.sin(t)) for t in turn], colour)


def _line(picture: Colour, a: Point, b: Point, colour: Bgr, width_px: int) -> None:
    ends = [tuple(round(v * 2**_FINE) for v in p) for p in (a, b)]
    cv2.line(picture, ends[0], ends[1], colour, width_px, cv2.LINE_AA, _FINE)


def _draw_still() -> Colour:
    """All that never moves."""
    picture = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    share = np.linspace(0.0, 1.0, 300)[:, None]
    picture[:300] = (np.array(SKY_TOP) * (1 - share) + np.array(SKY_LOW) * share)[:, None, :]
    for x, y, r in ((60, 262, 60), (150, 270, 50), (840, 262, 66), (930, 256, 60), (760, 276, 44)):
        _round(picture, x, y, r, (116, 146, 124), 0.7)
    share = np.linspace(0.0, 1.0, HEIGHT_PX - 290)[:, None]
    picture[290:] = (np.array(YARD) * (1.04 - 0.22 * share))[:, None, :].clip(0, 255)
    _draw_tiles(picture)
    _draw_wall(picture)
    _draw_house(picture)
    _draw_tree(picture, 862, 330)
    _draw_pots(picture)
    _line(picture, (118, 330), (118, 96), (150, 150, 150), 5)
    _round(picture, 118, 94, 6, GOLD)
    return picture


def _draw_tiles(picture: Colour) -> None:
    """Joints of the paved yard, closer together with distance, and worn spots so that the ground has texture."""
    for i in range(9):
        y = 330 + 210 * (i / 8.0) ** 1.7
        _line(picture, (0, y), (WIDTH_PX, y), (128, 138, 144), 1)
    for i in range(-9, 10):
        _line(picture, (480 + i * 58, 330), (480 + i * 150, HEIGHT_PX), (128, 138, 144), 1)
    spots = np.random.default_rng(3)
    for _ in range(260):
        x, y = spots.uniform(0, WIDTH_PX), spots.uniform(336, HEIGHT_PX)
        shade = int(spots.integers(118, 160))
        _round(picture, x, y, spots.uniform(0.8, 3.2), (shade, shade + 6, shade + 10), 0.5)


def _draw_wall(picture: Colour) -> None:
    """The yard's wall with its brick caps."""
    _box(picture, 0, 276, WIDTH_PX, 58, (160, 188, 200))
    _box(picture, 0, 270, WIDTH_PX, 8, (96, 110, 160))
    _box(picture, 0, 328, WIDTH_PX, 6, (116, 136, 146))
    for x in range(20, WIDTH_PX, 46):
        _box(picture, x, 288, 22, 22, (132, 160, 174))


def _draw_house(picture: Colour) -> None:
    """The cultural house: tiled roof, three doors, steps, its sign."""
    _box(picture, 236, 196, 470, 138, WALL)
    _box(picture, 236, 196, 470, 14, WALL_SHADE)
    _fill(picture, [(206, 200), (296, 104), (646, 104), (736, 200)], ROOF)
    for i in range(1, 7):
        y = 104 + i * 14
        _line(picture, (296 - i * 13, y), (646 + i * 13, y), ROOF_DARK, 2)
    for i in range(24):
        _line(picture, (302 + i * 15, 106), (215 + i * 22.3, 198), ROOF_DARK, 1)
    _fill(picture, [(286, 104), (300, 94), (642, 94), (656, 104)], ROOF_DARK)
    for x in (262, 420, 578):
        _box(picture, x, 232, 104, 98, WOOD)
        for part in range(4):
            _box(picture, x + 5 + part * 25, 240, 20, 84, (70, 96, 126))
            _box(picture, x + 5 + part * 25, 240, 20, 30, (92, 84, 70))
    for x in (244, 392, 550, 690):
        _box(picture, x, 200, 12, 132, CREAM)
    for i, wide in enumerate((0, 10, 20)):
        _box(picture, 400 - wide, 330 + i * 7, 144 + 2 * wide, 7, (170 - 14 * i, 182 - 14 * i, 188 - 14 * i))
    _box(picture, 362, 192, 220, 38, RED)
    _write(picture, "NHÀ VĂN HOÁ", (472, 224), 0.64, GOLD)


def _draw_tree(picture: Colour, x: float, y: float) -> None:
    """A longan tree and its shadow."""
    _round(picture, x - 30, y + 20, 110, (134, 142, 146), 0.14)
    _fill(picture, [(x - 12, y + 20), (x - 6, y - 90), (x + 8, y - 90), (x + 14, y + 20)], (58, 76, 96))
    crown = ((-58, -120, 54), (0, -152, 64), (52, -118, 56), (-20, -96, 56), (30, -90, 48), (-70, -84, 34))
    for dx, dy, r in crown:
        _round(picture, x + dx, y + dy, r, LEAF_DARK, 0.86)
    for dx, dy, r in crown:
        _round(picture, x + dx - 8, y + dy - 9, r * 0.72, LEAF, 0.8)
    spots = np.random.default_rng(5)
    for _ in range(90):
        lx, ly = x + spots.normal(-8, 46), y + spots.normal(-118, 30)
        _round(picture, lx, ly, spots.uniform(2, 5), (86, 136, 96), 0.7)


def _draw_pots(picture: Colour) -> None:
    """Bonsai in front of the wall and a bench."""
    for x in (186, 752):
        _round(picture, x, 306, 24, LEAF_DARK, 0.9)
        _round(picture, x - 4, 300, 17, LEAF, 0.9)
        _fill(picture, [(x - 20, 326), (x + 20, 326), (x + 14, 350), (x - 14, 350)], (70, 92, 150))
    _box(picture, 28, 352, 120, 9, (120, 128, 132))
    _box(picture, 38, 361, 12, 22, (98, 106, 110))
    _box(picture, 126, 361, 12, 22, (98, 106, 110))


def _draw_flag(picture: Colour, at_s: float) -> None:
    """The national flag, moving a little."""
    top, bottom = [], []
    for i in range(13):
        swing = math.sin(i * 0.55 - at_s * 2.2) * 2.2 * i / 12
        top.append((121.0 + i * 6.0, 102.0 + swing))
        bottom.append((121.0 + i * 6.0, 150.0 + swing))
    _fill(picture, [*top, *reversed(bottom)], RED)
    star = []
    for i in range(10):
        angle, r = -math.pi / 2 + i * math.pi / 5, 14.0 if i % 2 == 0 else 5.6
        star.append((157 + r * math.cos(angle), 126 + math.sin(6 * 0.55 - at_s * 2.2) + r * math.sin(angle)))
    _fill(picture, star, GOLD)


def _draw_walker(picture: Colour, x: float, y: float, at_s: float, way: int) -> None:
    """A person in a conical hat; feet at (x, y), about 130 px tall."""
    swing = math.sin(at_s * 5.2) * 15.0
    _round(picture, x, y, 32, (112, 120, 126), 0.2)
    for part in (swing, -swing):
        _line(picture, (x, y - 56), (x + part * 0.5, y - 28), DARK, 11)
        _line(picture, (x + part * 0.5, y - 28), (x + part, y - 3), DARK, 10)
        _line(picture, (x + part - 3, y - 2), (x + part + 6 * way, y - 2), (30, 32, 40), 7)
    _line(picture, (x, y - 96), (x - swing * 0.9, y - 64), (128, 84, 58), 8)
    _fill(picture, [(x - 16, y - 104), (x + 16, y - 104), (x + 13, y - 52), (x - 13, y - 52)], (148, 98, 66))
    _line(picture, (x, y - 98), (x + swing * 0.9, y - 64), (162, 112, 78), 8)
    _round(picture, x + swing * 0.9, y - 62, 5, (140, 172, 208))
    _round(picture, x + 2 * way, y - 115, 11, (140, 172, 208))
    _fill(picture, [(x - 28, y - 116), (x, y - 138), (x + 28, y - 116)], (150, 204, 226))
    _line(picture, (x - 28, y - 116), (x + 28, y - 116), (112, 164, 190), 2)


def _draw_rider(picture: Colour, x: float, y: float, at_s: float, way: int) -> None:
    """Somebody on a motorbike; wheels stand on y, about 150 px long."""
    _round(picture, x, y, 74, (108, 116, 122), 0.12)
    for dx in (-48, 48):
        _round(picture, x + dx, y - 22, 24, (38, 36, 36))
        _round(picture, x + dx, y - 22, 16, (150, 152, 152))
        _round(picture, x + dx, y - 22, 5, (60, 60, 60))
        spoke = at_s * 9.0 * way
        for turn in (spoke, spoke + math.pi / 2):
            c, s = 15 * math.cos(turn), 15 * math.sin(turn)
            _line(picture, (x + dx - c, y - 22 - s), (x + dx + c, y - 22 + s), (90, 90, 90), 2)
    front = x + 48 * way
    _line(picture, (front, y - 22), (front - 14 * way, y - 76), (70, 70, 74), 6)
    _line(picture, (front - 18 * way, y - 78), (front - 4 * way, y - 84), (50, 50, 54), 5)
    body = [(-56, -52), (-50, -62), (6, -58), (26, -70), (34, -62), (14, -26), (-30, -26)]
    _fill(picture, [(x + dx * way, y + dy) for dx, dy in body], (52, 48, 168))
    _fill(picture, [(x + dx * way, y + dy) for dx, dy in ((-50, -64), (4, -62), (8, -54), (-52, -56))], DARK)
    _line(picture, (x - 6 * way, y - 64), (x + 14 * way, y - 50), (70, 60, 52), 13)
    _line(picture, (x + 14 * way, y - 50), (x + 10 * way, y - 26), (70, 60, 52), 11)
    torso = [(-20, -64), (4, -62), (10, -112), (-10, -114)]
    _fill(picture, [(x + dx * way, y + dy) for dx, dy in torso], (96, 128, 74))
    _line(picture, (x + 2 * way, y - 106), (x + 30 * way, y - 82), (84, 114, 64), 9)
    _round(picture, x + 4 * way, y - 126, 12, (140, 172, 208))
    _round(picture, x + 2 * way, y - 130, 14, (200, 204, 206), 0.86)


_MARKS: dict[str, tuple[str, list[list[Point]]]] = {
    "À": ("A", [[(-3.5, -1.5), (1.5, 2.0)]]),
    "Á": ("A", [[(3.5, -1.5), (-1.5, 2.0)]]),
    "Ă": ("A", [[(-4.5, -1.5), (-2.0, 1.5), (2.0, 1.5), (4.5, -1.5)]]),
}
"""Marks above capitals as strokes from the middle of the letter's top: the built-in letters have none."""


def _write(picture: Colour, text: str, at: tuple[int, int], scale: float, colour: Bgr) -> None:
    """Vietnamese capitals, centred on `at`."""
    font = cv2.FONT_HERSHEY_DUPLEX
    plain = [_MARKS.get(letter, (letter, []))[0] for letter in text]
    sizes = [cv2.getTextSize(letter, font, scale, 1)[0] for letter in plain]
    widths = [max(6, size[0]) + 1 for size in sizes]
    top = at[1] - cv2.getTextSize("A", font, scale, 1)[0][1] - 1.0
    x = at[0] - sum(widths) // 2
    for letter, bare, width in zip(text, plain, widths, strict=True):
        cv2.putText(picture, bare, (x, at[1]), font, scale, colour, 1, cv2.LINE_AA)
        for stroke in _MARKS.get(letter, ("", []))[1]:
            points = [(x + width / 2.0 + dx, top + dy) for dx, dy in stroke]
            for a, b in pairwise(points):
                _line(picture, a, b, colour, 2)
        x += width


def _draw_clock(picture: Colour, now: datetime) -> None:
    """Date and time in a dark strip, as cameras write them."""
    text = f"{now.astimezone(_LOCAL):%d/%m/%Y  %H:%M:%S}"
    wide = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.62, 1)[0][0]
    corner = picture[10:38, WIDTH_PX - wide - 32 : WIDTH_PX - 12]
    corner[:] = corner // 3
    cv2.putText(
        picture,
        text,
        (WIDTH_PX - wide - 22, 30),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.62,
        (240, 240, 240),
        1,
        cv2.LINE_AA,
    )
