"""A line chart drawn on the server as SVG: what was measured, where it stands now, and the levels that matter.

No inline style: colours come from the page's classes (`.levels` and `.spark` in console.css), so one chart follows
every theme. Gaps in the readings are gaps in the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

WIDTH, HEIGHT = 672, 192
PLOT_RIGHT = 548
"""Right of it stand the names of levels and the last value."""
TOP, BOTTOM = 22.0, 163.0
FOOT = 182
LABEL_GAP = 19.0
"""Least distance between two names, so that they never touch."""


@dataclass(frozen=True)
class Mark:
    """One point of the line; `value` None where nothing believable was measured."""

    at: datetime
    value: float | None


@dataclass(frozen=True)
class Level:
    """A value with a name that people act on: báo động I."""

    value: float
    name: str


def line_chart(
    points: Sequence[Mark],
    levels: Sequence[Level] = (),
    *,
    label: str,
    unit: str,
    since: datetime,
    until: datetime,
    decimals: int = 1,
    since_text: str = "",
    until_text: str = "bây giờ",
    gap: timedelta | None = None,
) -> Markup:
    """An SVG for a figure of class `levels`.

    points: oldest first. label: what the picture says, for those who hear it. unit: as spoken, "mét".
    gap: the line is broken where two points are further apart; None: an eighth of the whole time.
    """
    shown = [mark for mark in points if since <= mark.at <= until]
    low, high = _range(shown, levels)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
        _limits(levels, low, high),
    ]
    runs = _runs(shown, gap or (until - since) / 8)
    if runs:
        spots = [[(_x(m.at, since, until), _y(m.value or 0.0, low, high)) for m in run] for run in runs]
        parts.append(f'<path class="run" d="{"".join(map(_path, spots))}"/>')
        end_x, end_y = spots[-1][-1]
        parts.append(f'<circle class="end" cx="{end_x:g}" cy="{end_y:g}" r="5.5"/>')
        last = runs[-1][-1].value
        parts += _names(
            levels, low, high, now=None if last is None else (end_y, f"{said(last, decimals)} {unit}")
        )
    else:
        parts += _names(levels, low, high, now=None)
        parts.append(
            f'<text x="{PLOT_RIGHT / 2:g}" y="{(TOP + BOTTOM) / 2:g}" text-anchor="middle">Chưa có số đo</text>'
        )
    parts.append(f'<text x="0" y="{FOOT}">{escape(since_text)}</text>')
    parts.append(f'<text x="{PLOT_RIGHT}" y="{FOOT}" text-anchor="end">{escape(until_text)}</text>')
    return Markup("".join(parts) + "</svg>")  # noqa: S704  (every text in it went through escape)


def spark(values: Sequence[float], *, label: str, goal: float | None = None) -> Markup:
    """A small line of at least two values with the last one marked, and a dashed line where the goal is.

    For class `spark`; 132 × 52 as in console.css.
    """
    if len(values) < 2:
        return Markup("")
    among = [*values, *([] if goal is None else [goal])]
    low, high = min(among), max(among)
    high = high if high > low else low + 1
    spots = [
        (n * 132 / (len(values) - 1), 46 - (value - low) / (high - low) * 40)
        for n, value in enumerate(values)
    ]
    line = _path(spots)
    parts = [
        f'<svg class="spark" viewBox="0 0 132 52" role="img" aria-label="{escape(label)}">',
        f'<path class="area" d="{line}V52H0Z"/>',
    ]
    if goal is not None:
        parts.append(f'<path class="goal-line" d="M0 {46 - (goal - low) / (high - low) * 40:.1f}H132"/>')
    end_x, end_y = spots[-1]
    parts.append(f'<path d="{line}"/><circle cx="{end_x:g}" cy="{end_y:.1f}" r="4.5"/></svg>')
    return Markup("".join(parts))  # noqa: S704  (numbers, and a label that went through escape)


def said(value: float, decimals: int = 1) -> str:
    """A number as Vietnamese write it: 2,1 and 1.328."""
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


def _range(points: Sequence[Mark], levels: Sequence[Level]) -> tuple[float, float]:
    """Lowest and highest value to show, with a little air; never a flat line blown up out of noise."""
    values = [mark.value for mark in points if mark.value is not None] + [level.value for level in levels]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    air = max((high - low) * 0.06, abs(high) * 0.01, 0.05)
    return low - air, high + air


def _runs(points: Sequence[Mark], gap: timedelta) -> list[list[Mark]]:
    """Stretches without a gap or a missing value."""
    runs: list[list[Mark]] = []
    for mark in points:
        if mark.value is None:
            continue
        if runs and mark.at - runs[-1][-1].at <= gap:
            runs[-1].append(mark)
        else:
            runs.append([mark])
    return runs


def _x(at: datetime, since: datetime, until: datetime) -> float:
    return round(PLOT_RIGHT * ((at - since) / (until - since)), 1)


def _y(value: float, low: float, high: float) -> float:
    return round(BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP), 1)


def _path(spots: Sequence[tuple[float, float]]) -> str:
    """A line through the spots; a lone spot becomes a short dash, so that it can be seen."""
    steps = "".join(f"L{x:g} {y:g}" for x, y in spots[1:]) or "h2"
    return f"M{spots[0][0]:g} {spots[0][1]:g}{steps}"


def _limits(levels: Sequence[Level], low: float, high: float) -> str:
    lines = "".join(f"M0 {_y(level.value, low, high):g}H{PLOT_RIGHT}" for level in levels)
    return f'<path class="limit" d="{lines}"/>' if lines else ""


def _names(levels: Sequence[Level], low: float, high: float, now: tuple[float, str] | None) -> list[str]:
    """Names of the levels and the last value, moved apart where they would touch."""
    wanted = [(_y(level.value, low, high), level.name, "") for level in levels]
    if now is not None:
        wanted.append((now[0], now[1], ' class="at-now"'))
    wanted.sort()
    places = [y for y, _, _ in wanted]
    for n in range(1, len(places)):
        places[n] = max(places[n], places[n - 1] + LABEL_GAP)
    for n in range(len(places) - 1, -1, -1):
        most = BOTTOM + 5 if n == len(places) - 1 else places[n + 1] - LABEL_GAP
        places[n] = min(places[n], most)
    return [
        f'<text x="{PLOT_RIGHT + 14}" y="{place + 5:g}"{cls}>{escape(text)}</text>'
        for place, (_, text, cls) in zip(places, wanted, strict=True)
    ]
