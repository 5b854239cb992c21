"""A program as many write it: OpenCV's VideoCapture and background subtraction, 320 pixels wide, five times a second.

`plain.py MOG2|KNN FILE` prints {"start", "end"} for each event: two pictures with movement within a second begin one,
three seconds without end it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "threads;1")

import cv2
import numpy as np

WIDTH_PX, EVERY_S = 320, 0.2
AGAIN_S, GAP_S = 1.0, 3.0
LEARNING_S = 2.0
AREA_SHARE = 0.001
"""A whole spot at least this large is movement."""


def moving(name: str, path: str) -> Iterator[tuple[float, bool]]:
    """Second of each judged picture and whether anything moves in it."""
    film = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    model = cv2.createBackgroundSubtractorMOG2() if name == "MOG2" else cv2.createBackgroundSubtractorKNN()
    kernel = np.ones((3, 3), np.uint8)
    number, next_s, fps = 0, 0.0, film.get(cv2.CAP_PROP_FPS) or 15.0
    while film.grab():
        at_s, number = number / fps, number + 1
        if at_s + 1e-3 < next_s:
            continue
        next_s += EVERY_S
        came, picture = film.retrieve()
        if not came:
            continue
        height = round(picture.shape[0] * WIDTH_PX / picture.shape[1])
        seen = model.apply(cv2.resize(picture, (WIDTH_PX, height), interpolation=cv2.INTER_AREA))
        spots = cv2.morphologyEx((seen == 255).astype(np.uint8), cv2.MORPH_OPEN, kernel)
        _, _, stats, _ = cv2.connectedComponentsWithStats(spots)
        largest = int(stats[1:, cv2.CC_STAT_AREA].max(initial=0))
        yield at_s, at_s > LEARNING_S and largest >= AREA_SHARE * spots.size


def events(pictures: Iterator[tuple[float, bool]]) -> Iterator[tuple[float, float]]:
    """The hysteresis that all such programs share here."""
    before_s: float | None = None
    event: tuple[float, float] | None = None
    for at_s, moves in pictures:
        if event is not None and at_s - event[1] > GAP_S:
            yield event
            event = None
        if not moves:
            continue
        if event is not None:
            event = (event[0], at_s)
        elif before_s is not None and at_s - before_s <= AGAIN_S:
            event = (before_s, at_s)
        before_s = at_s
    if event is not None:
        yield event


def main() -> None:
    """Judge one file."""
    cv2.setNumThreads(1)
    for start_s, end_s in events(moving(sys.argv[1], sys.argv[2])):
        sys.stdout.write(json.dumps({"start": round(start_s, 2), "end": round(end_s, 2)}) + "\n")


if __name__ == "__main__":
    main()
