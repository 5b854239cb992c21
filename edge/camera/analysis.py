"""One camera's judgement: movement and tampering together, from pictures to findings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge.camera.episode import Episode, Step
from edge.camera.motion import Detector, MotionDetector, Verdict
from edge.camera.picture import Grey, shrink
from edge.camera.tamper import TamperStep, TamperWatch, What

ANALYSE_S = 0.2
"""Pictures closer than this are not judged: five a second."""


@dataclass(frozen=True)
class Finding:
    """Something began or ended. Seconds on the camera's time line; boxes in fractions of the picture."""

    kind: Literal["motion", "tamper"]
    phase: Literal["began", "ended"]
    start_s: float
    end_s: float
    what: What | None = None
    boxes: Sequence[tuple[float, float, float, float]] = ()


class Analyst:
    """Judges the pictures of one camera in order."""

    def __init__(self, sensitivity: float = 0.5, detector: Detector | None = None) -> None:
        self._detector = detector or MotionDetector(sensitivity)
        self._tamper = TamperWatch()
        self._episode = Episode()
        self._verdict = Verdict()
        self._next_s: float | None = None
        self._last_s = 0.0

    @property
    def verdict(self) -> Verdict:
        """What the detector said about the last picture judged."""
        return self._verdict

    def wants(self, at_s: float) -> bool:
        """True when a picture of this time is due; the others need not be prepared."""
        return self._next_s is None or at_s + 1e-3 >= self._next_s

    def look(self, luma: Grey, at_s: float) -> list[Finding]:
        """Judge one picture in the camera's own resolution."""
        due_s = at_s if self._next_s is None else self._next_s
        self._next_s = max(due_s + ANALYSE_S, at_s + ANALYSE_S / 2)
        self._last_s = at_s
        verdict = self._detector.look(shrink(luma), at_s)
        since_s = verdict.moving_since_s
        passing_s = self._episode.since_s if self._episode.since_s is not None else since_s
        tampered = self._tamper.look(luma, at_s, passing_s)
        suspected_s = self._tamper.suspected_since_s
        if since_s is not None and suspected_s is not None and since_s > suspected_s:
            since_s = None  # a hand before the lens or a turned camera moves much; it is told as what it is
        self._verdict = verdict
        moved = self._episode.see(at_s, since_s)
        return [self._of_motion(step) for step in moved] + [_of_tamper(step) for step in tampered]

    def close(self) -> list[Finding]:
        """The source is over or gone: end what is open."""
        moved, tampered = self._episode.close(), self._tamper.close(self._last_s)
        return [self._of_motion(step) for step in moved] + [_of_tamper(step) for step in tampered]

    def _of_motion(self, step: Step) -> Finding:
        return Finding("motion", step.what, step.start_s, step.end_s, None, self._verdict.boxes)


def _of_tamper(step: TamperStep) -> Finding:
    return Finding("tamper", step.phase, step.start_s, step.end_s, step.what)
