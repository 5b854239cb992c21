"""The commune's map: village outlines from the commune's own records, as one SVG.

No tiles and nothing from outside. A state is a colour and, where a person is needed, also a shape; the
village's name always stands on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

VillageState = Literal["", "ok", "look", "bad", "pick", "red"]

_VIEW = "10 10 386 284"
_MARKS = {
    "look": '<path class="mark look" d="M0,-9 9,7 -9,7z" transform="translate({x} {y}) translate(0 -19)"/>',
    "bad": '<rect class="mark bad" x="-7" y="-7" width="14" height="14" '
    'transform="translate({x} {y}) translate(0 -19) rotate(45)"/>',
    "dot": '<circle class="mark dot" r="7" transform="translate({x} {y}) translate(4 24)"/>',
}


@dataclass(frozen=True)
class VillageShape:
    """One village: code, name, outline as an SVG path, and where its name stands (same units)."""

    code: str
    name: str
    path: str
    x: float
    y: float


def village_map(
    villages: Sequence[VillageShape],
    states: Mapping[str, VillageState],
    *,
    label: str,
    cls: str = "",
    river: str = "",
    dot: str = "",
    links: Mapping[str, str] | None = None,
    view: str = _VIEW,
) -> Markup:
    """The map as SVG. `states` by village code; `dot` marks one village; `links` make villages clickable."""
    parts = [
        f'<svg class="map {escape(cls)}" viewBox="{escape(view)}" role="img" aria-label="{escape(label)}">'
    ]
    for village in villages:
        state = states.get(village.code, "")
        parts.append(
            f'<path class="village {escape(state)}" data-village="{escape(village.code)}" '
            f'd="{escape(village.path)}"/>'
        )
    if river:
        parts.append(f'<path class="river" d="{escape(river)}"/>')
    parts += [_name(v, states.get(v.code, ""), dot == v.code, links or {}) for v in villages]
    return Markup("".join(parts) + "</svg>")  # noqa: S704 (every text in it went through escape)


def _name(village: VillageShape, state: str, has_dot: bool, links: Mapping[str, str]) -> str:
    place = {"x": f"{village.x:.1f}", "y": f"{village.y:.1f}"}
    drawn = (
        f'<text class="{escape(state)}" x="{place["x"]}" y="{place["y"]}" '
        f'data-village="{escape(village.code)}">{escape(village.name)}</text>'
    )
    if state in _MARKS and not has_dot:
        drawn += _MARKS[state].format(**place)
    if has_dot:
        drawn += _MARKS["dot"].format(**place)
    if village.code in links:
        return f'<a href="{escape(links[village.code])}">{drawn}</a>'
    return drawn
