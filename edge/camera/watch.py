"""What `langso watch SOURCE` says: movement and tampering of one source, as they end."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import cv2

from edge.camera.analysis import Analyst
from edge.camera.capture import kind_of, read
from edge.camera.sight import Seen, Sight


def watch(source: str, stop: threading.Event | None = None) -> Iterator[dict[str, Any]]:
    """Judge a video file as fast as it decodes, or a live source until `stop` is set.

    Yields {"kind": "motion", "start": s, "end": s} and {"kind": "tamper", "what": ..., "start": s, "end": s},
    seconds from the start of the source, each as it ends. Raises CaptureError.
    """
    cv2.setNumThreads(1)
    stop = stop or threading.Event()
    sight = Sight(Analyst())
    for chunk in read(source, stop, paced=kind_of(source) != "file"):
        yield from _ended(sight.take(chunk))
    yield from _ended(sight.close())


def _ended(seen: Iterable[Seen]) -> Iterator[dict[str, Any]]:
    for finding, _ in seen:
        if finding.phase != "ended":
            continue
        span = {"start": round(finding.start_s, 2), "end": round(finding.end_s, 2)}
        if finding.kind == "motion":
            yield {"kind": "motion", **span}
        else:
            yield {"kind": "tamper", "what": finding.what, **span}
