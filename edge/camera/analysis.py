"""One camera's judgement: movement and tampering together, from pictures to findings. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge.camera.areas import Areas, Polygon
from edge.camera.episode import Episode, Step
from edge.camera.motion import Detector, MotionDetector, Verdict
from edge.camera.motion import Reason as Reason
from edge.camera.picture import Grey, shrink
from edge.camera.tamper import TamperStep, TamperWatch, What

ANALYSE_S, LEAST_GAP_S = 0.2, 0.15
"""Five pictures a second are judged; never two that are much closer than that: the second says little."""


TURNING_S = 10.0
"""For so long after a tampering began, movement is part of it; whoever moves later before a turned camera is told."""


@dataclass(frozen=True)
class Rules:
    """What people set for one camera's motion."""

    sensitivity: float = 0.5
    """0 to 1; 0.5 suits an ordinary camera."""
    zones: Sequence[tuple[str, Polygon]] = ()
    """Name and corners; with any zone only what stands in one counts."""
    ignored: Sequence[Polygon] = ()
    """Areas that are not looked at; privacy masks belong here as well."""


@dataclass(frozen=True)
class Finding:
    """Something began or ended. Seconds on the camera's time line; boxes in fractions of the picture."""

    kind: Literal["motion", "tamper"]
    phase: Literal["began", "ended"]
    start_s: float
    end_s: float
    what: What | None = None
    boxes: Sequence[tuple[float, float, float, float]] = ()
    """Where it moves: of the first picture when it began, of the best picture when it ended."""
    zone: str = ""
    confidence: float = 0.0
    """How sure it is, 0 to 1; of the best picture when a movement ended."""
    reasons: tuple[Reason, ...] = ()
    best_s: float = 0.0
    """When the best picture was taken: the one with most confidence so far."""
    healthy_s: float = 0.0
    """When the view was last seen healthy before a tampering began."""


class Analyst:
    """Judges the pictures of one camera in order."""

    def __init__(self, rules: Rules | None = None, detector: Detector | None = None) -> None:
        """detector: another than the product's own; it brings its own areas."""
        rules = rules or Rules()
        self._areas = Areas(rules.zones, rules.ignored)
        self._detector = detector or MotionDetector(rules.sensitivity, self._areas)
        self._tamper = TamperWatch()
        self._episode, self._passing = Episode(), Episode()
        self._verdict = Verdict()
        self._best: tuple[float, Verdict] | None = None
        self._next_s: float | None = None
        self._last_s = 0.0

    @property
    def sensitivity(self) -> float:
        """0 to 1; may be set while running (day and night), nothing is learnt anew."""
        return self._detector.sensitivity

    @sensitivity.setter
    def sensitivity(self, sensitivity: float) -> None:
        """Set by whoever knows whether it is day or night."""
        self._detector.sensitivity = sensitivity

    @property
    def quiet(self) -> Sequence[Polygon]:
        """Areas in which movement tells nothing; may be set while running, nothing is learnt anew."""
        return self._areas.quiet

    @quiet.setter
    def quiet(self, quiet: Sequence[Polygon]) -> None:
        """Set by whoever knows the hours."""
        self._areas.quiet = quiet

    @property
    def busy(self) -> bool:
        """Something is followed, suspected, open or being learnt: every due picture is needed."""
        return self._episode.since_s is not None or self.suspects or self._detector.busy

    @property
    def suspects(self) -> bool:
        """The view is tampered with, or looks as if that may be beginning."""
        return self._tamper.suspected_since_s is not None

    @property
    def best_s(self) -> float | None:
        """When the open episode was seen best so far; None between episodes."""
        return self._best[0] if self._best is not None and self._episode.since_s is not None else None

    @property
    def best_boxes(self) -> Sequence[tuple[float, float, float, float]]:
        """Where it moved then: whoever names what moved must not look where it was at first."""
        return self._best[1].boxes if self._best is not None else ()

    def memory(self) -> bytes | None:
        """The healthy view, for a later life of this program; None while there is none."""
        return self._tamper.memory()

    def recall(self, memory: bytes) -> None:
        """Know the healthy view of an earlier life. Raises ValueError for bytes that are no such memory."""
        self._tamper.recall(memory)

    def packets_collapsed(self, collapsed: bool) -> None:
        """Whether the camera's packets are far smaller than they ever were: its picture may be frozen."""
        self._tamper.collapsed = collapsed

    def wants(self, at_s: float) -> bool:
        """True when a picture of this time is due; the others need not be prepared."""
        return self._next_s is None or at_s + 1e-3 >= self._next_s

    def look(self, luma: Grey, at_s: float) -> list[Finding]:
        """Judge one picture in the camera's own resolution."""
        due_s = at_s if self._next_s is None else self._next_s
        self._next_s = max(due_s + ANALYSE_S, at_s + LEAST_GAP_S)
        self._last_s = at_s
        small = shrink(luma)
        verdict = self._detector.look(small, at_s)
        whole = verdict.whole or verdict
        passing_s = self._passing.since_s if self._passing.since_s is not None else whole.moving_since_s
        tampered = self._tamper.look(luma, at_s, passing_s, small)
        since_s = self._unless_turning(verdict.moving_since_s)
        self._passing.see(at_s, self._unless_turning(whole.moving_since_s), whole.moving_until_s)
        self._verdict = verdict
        moved = self._episode.see(at_s, since_s, verdict.moving_until_s)
        found = [self._of_motion(step) for step in moved]
        if since_s is not None and (self._best is None or _worth(verdict) > _worth(self._best[1])):
            self._best = (at_s, verdict)
        return found + [_of_tamper(step) for step in tampered]

    def rest(self, luma: Grey, at_s: float) -> list[Finding]:
        """Take an idle camera's key picture, in which nothing happens: what is known of the view stays fresh."""
        self._next_s = at_s + ANALYSE_S / 2
        self._last_s = at_s
        small = shrink(luma)
        self._detector.rest(small, at_s)
        self._verdict = Verdict()
        moved = self._episode.see(at_s, None)
        self._passing.see(at_s, None)
        tampered = self._tamper.look(luma, at_s, None, small)
        return [self._of_motion(step) for step in moved] + [_of_tamper(step) for step in tampered]

    def resume(self, at_s: float) -> None:
        """The source is back after a gap: movement is learnt anew, the healthy view is remembered.

        Who turns a camera while it is unplugged is found on its return. Call `close` when it goes.
        """
        self._detector.resume(at_s)
        self._tamper.resume(at_s)
        self._episode, self._passing, self._best = Episode(), Episode(), None
        self._verdict = Verdict()
        self._next_s = None

    def close(self) -> list[Finding]:
        """The source is over or gone: end what is open."""
        self._passing.close()
        moved, tampered = self._episode.close(), self._tamper.close(self._last_s)
        return [self._of_motion(step) for step in moved] + [_of_tamper(step) for step in tampered]

    def _unless_turning(self, since_s: float | None) -> float | None:
        """A hand before the lens or a turned camera moves much; it is told as what it is."""
        suspected_s = self._tamper.suspected_since_s
        if since_s is None or suspected_s is None:
            return since_s
        return None if suspected_s < since_s < suspected_s + TURNING_S else since_s

    def _of_motion(self, step: Step) -> Finding:
        best_s, best = self._last_s, self._verdict
        if step.what == "ended" and self._best is not None:
            (best_s, best), self._best = self._best, None
        return Finding(
            "motion",
            step.what,
            step.start_s,
            step.end_s,
            boxes=best.boxes,
            zone=best.zone,
            confidence=best.confidence,
            reasons=best.reasons,
            best_s=best_s,
        )


def _worth(verdict: Verdict) -> float:
    """How well a picture shows what moves: sure, large, and not half out of the picture."""
    size = math.sqrt(max((w * h for _, _, w, h in verdict.boxes), default=0.0))
    return verdict.confidence * (0.05 + size) * (0.5 if "near-edge" in verdict.reasons else 1.0)


def _of_tamper(step: TamperStep) -> Finding:
    return Finding(
        "tamper",
        step.phase,
        step.start_s,
        step.end_s,
        step.what,
        confidence=step.confidence,
        healthy_s=step.healthy_s,
    )
