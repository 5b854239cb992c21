"""What `langso watch SOURCE` says: movement and tampering of one source, as they end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import cv2

from edge.camera.analysis import Analyst, Finding
from edge.camera.capture import kind_of, read
from edge.camera.chunk import Decoder


def watch(source: str, stop: threading.Event | None = None) -> Iterator[dict[str, Any]]:
    """Judge a video file as fast as it decodes, or a live source until `stop` is set.

    Yields {"kind": "motion", "start": s, "end": s} and {"kind": "tamper", "what": ..., "start": s, "end": s},
    seconds from the start of the source, each as it ends. Raises CaptureError.
    """
    cv2.setNumThreads(1)
    stop = stop or threading.Event()
    analyst, decoder = Analyst(), Decoder(quick=True)
    for chunk in read(source, stop, paced=kind_of(source) != "file"):
        for picture in decoder.decode(chunk):
            if analyst.wants(picture.at_s):
                yield from _ended(analyst.look(picture.luma, picture.at_s))
    yield from _ended(analyst.close())


def _ended(findings: list[Finding]) -> Iterator[dict[str, Any]]:
    for finding in findings:
        if finding.phase != "ended":
            continue
        span = {"start": round(finding.start_s, 2), "end": round(finding.end_s, 2)}
        if finding.kind == "motion":
            yield {"kind": "motion", **span}
        else:
            yield {"kind": "tamper", "what": finding.what, **span}
