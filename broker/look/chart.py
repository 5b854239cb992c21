"""A line chart drawn on the server as SVG: what was measured, where it stands now, and the levels that matter.

No inline style: colours come from the page's classes (`.levels` and `.spark` in console.css), so one chart follows
every theme. Gaps in the readings are gaps in the line; the lowest and highest values are a band behind it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

TOP = 22.0
LABEL_GAP = 19.0
"""Least distance between two names, so that they never touch."""
TICK_GAP = 64.0
"""Least distance between two times under the line."""
TICK_HALF = 22.0
"""Half of the widest time: nearer to the left edge it would be cut."""


@dataclass(frozen=True)
class Frame:
    """How large a chart is drawn, in the units of its own view box; one unit is a pixel where it fits."""

    width: int = 672
    height: int = 192
    names: int = 124
    """Room at the right for the names of levels and the last value."""

    @property
    def right(self) -> int:
        """Where the line ends."""
        return self.width - self.names

    @property
    def bottom(self) -> float:
        """Where the lowest value stands."""
        return self.height - 29.0


BESIDE = Frame()
"""In a column beside other things, as on the overview."""
WIDE = Frame(1216, 336)
"""Over a whole page."""
NARROW = Frame(350, 250, 106)
"""On a phone."""


@dataclass(frozen=True)
class Mark:
    """One point of the line; `value` None where nothing believable was measured.

    low, high: the lowest and highest behind the value, where it is the mean of several.
    """

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Level:
    """A value with a name that people act on: báo động I."""

    value: float
    name: str


@dataclass(frozen=True)
class Tick:
    """A time written under the line."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Plot:
    """Where moments and values stand on one chart."""

    frame: Frame
    since: datetime
    until: datetime
    low: float
    high: float

    def x(self, at: datetime) -> float:
        """Where a moment stands."""
        return round(self.frame.right * ((at - self.since) / (self.until - self.since)), 1)

    def y(self, value: float) -> float:
        """Where a value stands."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.frame.bottom - share * (self.frame.bottom - TOP), 1)


def line_chart(
    points: Sequence[Mark],
    levels: Sequence[Level] = (),
    *,
    label: str,
    unit: str,
    since: datetime,
    until: datetime,
    gap: timedelta,
    decimals: int = 1,
    since_text: str = "",
    until_text: str = "bây giờ",
    ticks: Sequence[Tick] = (),
    has_scale: bool = False,
    frame: Frame = BESIDE,
    cls: str = "",
) -> Markup:
    """An SVG for a figure of class `levels`.

    points: oldest first. label: what the picture says, for those who hear it. unit: as spoken, "mét".
    gap: the line is broken where two points are further apart than this. ticks: in place of the two texts at
    the ends. has_scale: with lines at round values.
    """
    shown = [mark for mark in points if since <= mark.at <= until]
    plot = Plot(frame, since, until, *_range(shown, levels))
    opening = f'<svg class="{escape(cls)}" viewBox="0 0 {frame.width} {frame.height}" role="img"'
    parts = [f'{opening} aria-label="{escape(label)}">']
    runs = _runs(shown, gap)
    grid, scale = _scale(plot) if has_scale else ("", "")
    parts += [_band(runs, plot), grid, _limits(levels, plot)]
    now = None
    if runs:
        spots = [[(plot.x(mark.at), plot.y(mark.value or 0.0)) for mark in run] for run in runs]
        parts.append(f'<path class="run" d="{"".join(map(_path, spots))}"/>')
        end_x, end_y = spots[-1][-1]
        parts.append(f'<circle class="end" cx="{end_x:g}" cy="{end_y:g}" r="5.5"/>')
        last = runs[-1][-1]
        is_now = until - last.at <= gap
        text = f"{said(last.value or 0.0, decimals)} {unit}"
        now = (end_y, text, ' class="at-now"' if is_now else "")
    else:
        middle = f'x="{frame.right / 2:g}" y="{(TOP + frame.bottom) / 2:g}"'
        parts.append(f'<text {middle} text-anchor="middle">Không có số đo</text>')
    parts += [scale, *_names(levels, now, plot)]
    parts += _times(ticks, plot) if ticks else _ends(since_text, until_text, frame)
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
    """A number as Vietnamese write it: 2,1 and 1.328; never a zero with a sign."""
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.translate(str.maketrans(",.", ".,"))


def _range(points: Sequence[Mark], levels: Sequence[Level]) -> tuple[float, float]:
    """Lowest and highest value to show, with a little air; never a flat line blown up out of noise."""
    values = [value for mark in points for value in (mark.value, mark.low, mark.high) if value is not None]
    values += [level.value for level in levels]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    air = max((high - low) * 0.06, abs(high) * 0.01, 0.05)
    return low - air, high + air


def _runs(points: Sequence[Mark], gap: timedelta) -> list[list[Mark]]:
    """Stretches without a gap or a missing value."""
    runs: list[list[Mark]] = []
    last: Mark | None = None
    for mark in points:
        if mark.value is not None:
            if last is not None and last.value is not None and mark.at - last.at <= gap:
                runs[-1].append(mark)
            else:
                runs.append([mark])
        last = mark
    return runs


def _path(spots: Sequence[tuple[float, float]]) -> str:
    """A line through the spots; a lone spot becomes a short dash, so that it can be seen."""
    steps = "".join(f"L{x:g} {y:g}" for x, y in spots[1:]) or "h2"
    return f"M{spots[0][0]:g} {spots[0][1]:g}{steps}"


def _band(runs: Sequence[Sequence[Mark]], plot: Plot) -> str:
    """The stretch between the lowest and the highest values; a lone one is two units wide."""
    drawn = []
    for run in runs:
        over = [(plot.x(m.at), plot.y(m.high if m.high is not None else m.value or 0.0)) for m in run]
        under = [(plot.x(m.at), plot.y(m.low if m.low is not None else m.value or 0.0)) for m in run]
        if len(run) == 1:
            (x, top), (_, bottom) = over[0], under[0]
            over, under = [(x - 1, top), (x + 1, top)], [(x - 1, bottom), (x + 1, bottom)]
        drawn.append(_path([*over, *reversed(under)]) + "Z")
    return f'<path class="band" d="{"".join(drawn)}"/>' if drawn else ""


def _limits(levels: Sequence[Level], plot: Plot) -> str:
    lines = "".join(f"M0 {plot.y(level.value):g}H{plot.frame.right}" for level in levels)
    return f'<path class="limit" d="{lines}"/>' if lines else ""


def _scale(plot: Plot) -> tuple[str, str]:
    """Lines at round values, and the value of each at the left above it."""
    step = _round_step((plot.high - plot.low) / 5)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    values = [n * step for n in range(math.ceil(plot.low / step), math.floor(plot.high / step) + 1)]
    lines = "".join(f"M0 {plot.y(value):g}H{plot.frame.right}" for value in values)
    names = [
        f'<text class="scale" x="2" y="{plot.y(value) - 4:g}">{said(value, decimals)}</text>'
        for value in values
    ]
    return f'<path class="grid" d="{lines}"/>', "".join(names)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, 50, … (or tenths and so on) that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * n for n in (1, 2, 5, 10, 20) if power * n >= least * 0.999)


def _ends(since_text: str, until_text: str, frame: Frame) -> list[str]:
    foot = frame.height - 10
    return [
        f'<text x="0" y="{foot}">{escape(since_text)}</text>',
        f'<text x="{frame.right}" y="{foot}" text-anchor="end">{escape(until_text)}</text>',
    ]


def _times(ticks: Sequence[Tick], plot: Plot) -> list[str]:
    """Times under the line; one that would touch its neighbour or leave the picture is left out."""
    parts, last = [], -TICK_GAP
    for tick in ticks:
        x = plot.x(tick.at)
        if x - last < TICK_GAP or not TICK_HALF <= x <= plot.frame.right:
            continue
        parts.append(f'<path class="tick" d="M{x:g} {plot.frame.bottom + 2:g}v6"/>')
        parts.append(
            f'<text x="{x:g}" y="{plot.frame.height - 8}" text-anchor="middle">{escape(tick.text)}</text>'
        )
        last = x
    return parts


def _names(levels: Sequence[Level], now: tuple[float, str, str] | None, plot: Plot) -> list[str]:
    """Names of the levels and the last value, moved apart where they would touch."""
    wanted = [(plot.y(level.value), level.name, "") for level in levels]
    if now is not None:
        wanted.append(now)
    wanted.sort()
    places = [y for y, _, _ in wanted]
    for n in range(1, len(places)):
        places[n] = max(places[n], places[n - 1] + LABEL_GAP)
    for n in range(len(places) - 1, -1, -1):
        most = plot.frame.bottom + 5 if n == len(places) - 1 else places[n + 1] - LABEL_GAP
        places[n] = min(places[n], most)
    return [
        f'<text x="{plot.frame.right + 14}" y="{place + 5:g}"{cls}>{escape(text)}</text>'
        for place, (_, text, cls) in zip(places, wanted, strict=True)
    ]
