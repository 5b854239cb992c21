"""What each detector found and made up on labelled clips, all together and with each scene and kind left out in turn.

Nothing here is trained, so leaving out changes no detector: it shows whether one family of clips carries a figure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.cameras.peers import MOTION, OURS, judge_all, peers
from tests.bench.cameras.scoring import Score, Truth, score, total, truths_of
from tests.bench.link.processes import figure, percentile
from tests.bench.speaking.aims import absent, aimed

TAMPER_S = 5.0
MOST_GROUPS = 40
"""Groups of a single clip are left out of the table when there are more."""
Scored = Mapping[str, Mapping[str, Score]]
"""Detector → clip → score."""


def truths(folder: Path) -> list[Truth]:
    """The clips of a folder with truth.json that are there."""
    found = json.loads((folder / "truth.json").read_text("utf-8"))
    return [each for each in truths_of(found) if (folder / each.name).is_file()]


def figures(folder: Path, of: Sequence[Truth]) -> Iterator[dict[str, Any]]:
    """Everybody on all clips: sums, then the groups."""
    who = peers()
    judged = judge_all(who, [folder / each.name for each in of])
    scored = {
        name: {each.name: score(runs[folder / each.name].events, each) for each in of}
        for name, runs in judged.items()
    }
    yield figure("clips", len(of), f"of {sum(each.lasts_s for each in of) / 60:.1f} min")
    broken = sum(run.status != 0 for run in judged[OURS].values())
    yield aimed("ours: clips that ended with an error", broken, "clips", 0)
    if MOTION not in scored:
        yield absent("motion", "the program motion is not installed")
    else:
        behind_s = max(run.behind_s for run in judged[MOTION].values())
        yield aimed("motion: behind its real time, worst", round(behind_s, 2), "s", 1.0)
    for name in scored:
        yield from _sums(name, scored, of)
    yield from _tampering(scored, of)
    yield from _groups(scored, of)


def counted(scores: Mapping[str, Score], of: Sequence[Truth]) -> Score:
    """The sum over clips that are about movement; those of tampering do not count."""
    return total(scores[each.name] for each in of if each.purpose in ("pos", "neg"))


def _sums(name: str, scored: Scored, of: Sequence[Truth]) -> Iterator[dict[str, Any]]:
    said = counted(scored[name], of)
    beside = counted(scored[MOTION], of) if MOTION in scored and name != MOTION else None
    for what, value, peers_value in (
        ("F1", said.f1, beside and beside.f1),
        ("strict F1", said.strict_f1, beside and beside.strict_f1),
        ("recall", said.recall, beside and beside.recall),
        ("false events", said.false, beside and beside.false),
    ):
        if value is not None:
            yield beside_peer(f"{name}: {what}", value, MOTION, peers_value)
    if said.late_s:
        for share, at_most_s in ((0.5, 0.5), (0.95, 2.0)):
            late_s = percentile(said.late_s, share)
            yield aimed(f"{name}: onset, p{share * 100:.0f}", round(late_s, 2), "s", at_most_s)


def beside_peer(name: str, value: float, peer: str, peers_value: float | None) -> dict[str, Any]:
    """A figure with the peer's own; the ratio only where the peer has something to divide by."""
    if peers_value is None:
        return figure(name, round(value, 3), "")
    ratio = round(value / peers_value, 3) if peers_value else None
    return figure(name, round(value, 3), "", f"{peer} {peers_value:.3g}", ratio)


def _tampering(scored: Scored, of: Sequence[Truth]) -> Iterator[dict[str, Any]]:
    """Only ours can say it; false ones are counted on all clips."""
    said = total(scored[OURS].values())
    if said.tampered:
        yield aimed(
            "ours: tampering found", said.tampered_found, f"of {said.tampered}", said.tampered, at_least=True
        )
    yield aimed("ours: tampering made up", said.tampered_false, f"on {len(of)} clips", 0)
    if said.tampered_late_s:
        latest_s = max(said.tampered_late_s)
        yield aimed("ours: tampering is said to begin late, latest", round(latest_s, 2), "s", TAMPER_S)


def groups_of(of: Sequence[Truth]) -> list[str]:
    """Scenes, then kinds, that are not all clips; when there are very many, only those of several clips."""
    about = [each for each in of if each.purpose in ("pos", "neg")]
    sizes = {group: sum(group in each.groups for each in about) for each in about for group in each.groups}
    parts = [group for group, size in sizes.items() if size < len(about)]
    if len(parts) > MOST_GROUPS:
        parts = [group for group in parts if sizes[group] > 1]
    return sorted(parts, key=lambda group: (not group.startswith("scene"), group))


def _groups(scored: Scored, of: Sequence[Truth]) -> Iterator[dict[str, Any]]:
    """Each group by itself, then all but it; ours beside motion, or beside MOG2 where there is no motion."""
    peer = MOTION if MOTION in scored else "MOG2"
    for group in groups_of(of):
        for title, part in (
            (f"{group}", [each for each in of if group in each.groups]),
            (f"all but {group}", [each for each in of if group not in each.groups]),
        ):
            said, beside = counted(scored[OURS], part), counted(scored[peer], part)
            for what, value, peers_value in (
                ("F1", said.f1, beside.f1),
                ("strict F1", said.strict_f1, beside.strict_f1),
                ("false events", said.false, beside.false),
            ):
                if value is not None:
                    yield beside_peer(f"{title}: {what}", value, peer, peers_value)
