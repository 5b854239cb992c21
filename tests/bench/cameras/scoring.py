"""How well a detector did on labelled clips: what it found, what it made up, and how soon. Pure.

The rules are those by which the sets of this project have always been judged: an event overlaps a labelled span
(1.5 s of slack) or is false; strictly it must also begin within 2 s of it or share half of it; events closer than
3 s are one; what ends within the first 3 s is learning, unless something is labelled there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ONSET_S, SHARED = 2.0, 0.5
LEARNING_S, SLACK_S, MERGED_S = 3.0, 1.5, 3.0
TAMPER_EARLY_S, TAMPER_FOUND_S, TAMPER_MEANT_S = 1.0, 10.0, 20.0
"""A tampering is found from 1 s before to 10 s after its second; until 20 s after it an event still means it."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """What is to be seen in one clip; seconds from its start."""

    name: str
    lasts_s: float
    motion: Sequence[Span] = ()
    ignored: Sequence[Span] = ()
    """Neither right nor wrong here: something that stood in view from the first picture."""
    tampering: Sequence[float] = ()
    purpose: str = ""
    """pos, neg or tam: only the first two count in F1."""
    groups: Sequence[str] = ()
    """The scene and the kinds that the clip belongs to."""


@dataclass(frozen=True)
class Score:
    """Counts of one clip, or of several added up."""

    spans: int = 0
    found: int = 0
    strict: int = 0
    false: int = 0
    late_s: Sequence[float] = field(default=())
    tampered: int = 0
    tampered_found: int = 0
    tampered_false: int = 0
    tampered_late_s: Sequence[float] = field(default=())

    @property
    def recall(self) -> float | None:
        """Share of labelled spans that were found; None without any."""
        return self.found / self.spans if self.spans else None

    @property
    def f1(self) -> float | None:
        """None without labelled spans."""
        return _f1(self.found, self.spans, self.found + self.false)

    @property
    def strict_f1(self) -> float | None:
        """The same with spans that were met only loosely counted as false."""
        return _f1(self.strict, self.spans, self.found + self.false)


def _f1(right: int, wanted: int, said: int) -> float | None:
    if not wanted:
        return None
    return 2 * right / (wanted + said) if right else 0.0


def truths_of(found: Mapping[str, Any]) -> list[Truth]:
    """Clips of a truth.json: {"clips": {file: {"dur","class","motion","tamper","ignore"?,"scene"?,"tags"?}}}."""
    return [_truth_of(name, clip) for name, clip in sorted(found["clips"].items())]


def _truth_of(name: str, clip: Mapping[str, Any]) -> Truth:
    words = name.rsplit(".", 1)[0].split("_")
    scene = str(clip.get("scene") or words[-1])
    tags = clip.get("tags") or words[2:-1]
    kinds = [tags] if isinstance(tags, str) else [str(each) for each in tags]
    return Truth(
        name,
        float(clip["dur"]),
        [(float(a), float(b)) for a, b in clip.get("motion", [])],
        [(float(a), float(b)) for a, b in clip.get("ignore", [])],
        [float(each["start"]) for each in clip.get("tamper", [])],
        str(clip.get("class", "")),
        (f"scene {scene}", *(f"kind {each}" for each in kinds)),
    )


def merged(spans: Iterable[Span]) -> list[Span]:
    """In order of time, those closer than 3 s made one."""
    found: list[Span] = []
    for start_s, end_s in sorted(spans):
        if found and start_s - found[-1][1] <= MERGED_S:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        else:
            found.append((start_s, end_s))
    return found


def _touch(event: Span, span: Span) -> bool:
    return event[0] < span[1] + SLACK_S and event[1] > span[0] - SLACK_S


def _is_strict(event: Span, span: Span) -> bool:
    shared = min(event[1], span[1]) - max(event[0], span[0])
    whole = max(event[1], span[1]) - min(event[0], span[0])
    return abs(event[0] - span[0]) <= ONSET_S or shared >= SHARED * whole


def score(events: Sequence[Mapping[str, Any]], truth: Truth) -> Score:
    """Judge the events of one clip: {"start", "end"?, "kind"?}, in seconds from its start."""
    moved = merged(_span(each) for each in events if each.get("kind", "motion") == "motion")
    early = any(start_s < LEARNING_S for start_s, _ in truth.motion)
    moved = [each for each in moved if each[1] > LEARNING_S or early]
    used = {each for each in moved if any(_touch(each, span) for span in truth.ignored)}
    found = strict = 0
    late_s = []
    for span in truth.motion:
        met = [each for each in moved if _touch(each, span)]
        if not met:
            continue
        found += 1
        used.update(met)
        strict += any(_is_strict(each, span) for each in met)
        if span[0] >= LEARNING_S:
            late_s.append(min(max(0.0, each[0] - span[0]) for each in met))
    tampered = _tampering([float(each["start"]) for each in events if each.get("kind") == "tamper"], truth)
    return Score(len(truth.motion), found, strict, len(moved) - len(used), late_s, *tampered)


def _span(event: Mapping[str, Any]) -> Span:
    return float(event["start"]), float(event.get("end", event["start"]))


def _tampering(said_s: Sequence[float], truth: Truth) -> tuple[int, int, int, list[float]]:
    """Tamperings, those found, false ones, and how late each found one was said to begin."""
    late_s = []
    for start_s in truth.tampering:
        after = [each - start_s for each in said_s if each >= start_s - TAMPER_EARLY_S]
        if after and min(after) <= TAMPER_FOUND_S:
            late_s.append(min(after))
    false = sum(
        not any(-TAMPER_EARLY_S <= each - start_s <= TAMPER_MEANT_S for start_s in truth.tampering)
        for each in said_s
    )
    return len(truth.tampering), len(late_s), false, late_s


def total(scores: Iterable[Score]) -> Score:
    """All of them as one."""
    all_of = list(scores)
    return Score(
        sum(each.spans for each in all_of),
        sum(each.found for each in all_of),
        sum(each.strict for each in all_of),
        sum(each.false for each in all_of),
        sorted(late for each in all_of for late in each.late_s),
        sum(each.tampered for each in all_of),
        sum(each.tampered_found for each in all_of),
        sum(each.tampered_false for each in all_of),
        sorted(late for each in all_of for late in each.tampered_late_s),
    )
