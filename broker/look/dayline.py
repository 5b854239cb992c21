"""The day line: one day as a strip, with what was said, what will be said and when loudspeakers keep quiet.

Drawn on the server as SVG whose places are per cent of the width, so that text never stretches and no
inline style is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

MarkKind = Literal["planned", "relay", "done", "hold", "clash", "pick"]

_WORDS = {
    "planned": "sẽ phát",
    "relay": "sẽ tiếp sóng",
    "done": "đã phát",
    "hold": "chờ duyệt",
    "clash": "trùng",
    "pick": "còn trống",
}
_CLOCK_SHARE = {"whole": 0.037}
"""How much of the strip's width "17:30" takes, by the strip's class; the others may be as narrow as a phone."""
_NARROW_SHARE = 0.12


@dataclass(frozen=True)
class Mark:
    """One playing on the line: local hours since midnight (17.5 is 17:30) and minutes of sound."""

    start_h: float
    minutes: float
    kind: MarkKind = "planned"
    label: str = ""
    is_own: bool = False
    """Whether it is what the page is about: its label is written before all others."""


@dataclass(frozen=True)
class Span:
    """Which hours of the day the strip shows, and the silent times of the day (local hours, [from, to))."""

    from_h: int
    to_h: int
    quiet: Sequence[tuple[float, float]] = ((0.0, 6.0), (21.0, 24.0))


def day_line(
    marks: Sequence[Mark], span: Span, *, name: str, now_h: float | None = None, cls: str = "whole"
) -> Markup:
    """The strip as SVG. `name` must be unique in the page: it names the strip's clip and pattern."""
    parts = [_opening(marks, span, cls), _definitions(name), _ground(span, name)]
    parts += [_hour_name(hour, span) for hour in _hours(span)]
    shown = [
        mark for mark in sorted(marks, key=lambda m: m.start_h) if span.from_h <= mark.start_h < span.to_h
    ]
    parts += [_block(mark, span) for mark in shown]
    parts += _labels(shown, span, now_h, _CLOCK_SHARE.get(cls, _NARROW_SHARE))
    return Markup("".join(parts) + "</svg>")  # noqa: S704 (every text in it went through escape)


def clock(hours: float) -> str:
    """Hours since midnight as a clock shows them: 17.5 is "17:30"."""
    minutes = round(hours * 60)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _x(hour: float, span: Span) -> str:
    return f"{(hour - span.from_h) / (span.to_h - span.from_h) * 100:.2f}%"


def _width(minutes: float, span: Span) -> str:
    return f"{max(minutes, 4.0) / 60 / (span.to_h - span.from_h) * 100:.2f}%"


def _hours(span: Span) -> range:
    return range(span.from_h + 1, span.to_h)


def _say_silences(quiet: Sequence[tuple[float, float]]) -> str:
    """The silent times in words: "loa yên lặng trước 06:00 và sau 21:00"."""
    said = [
        f"trước {clock(until)}"
        if since <= 0
        else f"sau {clock(since)}"
        if until >= 24
        else f"từ {clock(since)} đến {clock(until)}"
        for since, until in quiet
    ]
    return f"loa yên lặng {' và '.join(said)}" if said else "không có giờ loa yên lặng"


def _opening(marks: Sequence[Mark], span: Span, cls: str) -> str:
    said = "; ".join(f"{clock(mark.start_h)} {_WORDS[mark.kind]}" for mark in marks)
    text = (
        f"Đường ngày từ {span.from_h} giờ đến {span.to_h} giờ; {_say_silences(span.quiet)}; "
        f"{said or 'chưa có lượt phát nào'}"
    )
    return f'<svg class="day {escape(cls)}" width="100%" height="112" role="img" aria-label="{escape(text)}">'


def _definitions(name: str) -> str:
    key = escape(name)
    return (
        f'<defs><clipPath id="{key}c"><rect y="30" width="100%" height="54" rx="8"/></clipPath>'
        f'<pattern id="{key}q" width="10" height="10" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect class="hush" width="10" height="10"/>'
        '<path class="hatch" d="M.5 0V10"/></pattern></defs>'
    )


def _ground(span: Span, name: str) -> str:
    key = escape(name)
    quiet = [(max(since, span.from_h), min(until, span.to_h)) for since, until in span.quiet]
    hush = "".join(
        f'<rect x="{_x(a, span)}" y="30" width="{(b - a) / (span.to_h - span.from_h) * 100:.2f}%" '
        f'height="54" fill="url(#{key}q)"/>'
        for a, b in quiet
        if b > a
    )
    lines = "".join(
        f'<line class="hour" x1="{_x(hour, span)}" x2="{_x(hour, span)}" y1="30" y2="84"/>'
        for hour in _hours(span)
    )
    return (
        f'<g clip-path="url(#{key}c)"><rect class="sheet" y="30" width="100%" height="54"/>{hush}{lines}</g>'
        '<rect class="frame" y="30" width="100%" height="54" rx="8"/>'
    )


def _hour_name(hour: int, span: Span) -> str:
    return f'<text class="mark" x="{_x(hour, span)}" y="105" text-anchor="middle">{hour}</text>'


def _block(mark: Mark, span: Span) -> str:
    y, tall = (33, 48) if mark.kind == "clash" else (36, 42)
    cls = "" if mark.kind == "planned" else f" {mark.kind}"
    return (
        f'<rect class="play{cls}" x="{_x(mark.start_h, span)}" y="{y}" '
        f'width="{_width(mark.minutes, span)}" height="{tall}" rx="3"/>'
    )


def _labels(marks: Sequence[Mark], span: Span, now_h: float | None, share: float) -> list[str]:
    """Names above the blocks and the time of day, the page's own first; one that would lie on another is left out.

    share: of the width, that a clock time takes.
    """
    clock_h = share * (span.to_h - span.from_h)
    taken: list[tuple[float, float]] = []
    written: list[str] = []

    def is_free(begin: float, end: float) -> bool:
        if any(begin < other_end and other_begin < end for other_begin, other_end in taken):
            return False
        taken.append((begin, end))
        return True

    def write(mark: Mark) -> None:
        long_h = clock_h * max(1.0, len(mark.label) / 5)
        at_end = mark.start_h + long_h > span.to_h
        begin = mark.start_h - long_h if at_end else mark.start_h
        if mark.label and is_free(begin, begin + long_h):
            anchor = ' text-anchor="end"' if at_end else ""
            x = _x(mark.start_h, span)
            written.append(f'<text class="name" x="{x}" y="16"{anchor}>{escape(mark.label)}</text>')

    for mark in marks:
        if mark.is_own:
            write(mark)
    if now_h is not None and span.from_h <= now_h <= span.to_h:
        written.append(_now(now_h, span, clock_h, is_free))
    for mark in marks:
        if not mark.is_own:
            write(mark)
    return written


def _now(now_h: float, span: Span, clock_h: float, is_free: Callable[[float, float], bool]) -> str:
    """The time of day: its stroke always, its name where there is room."""
    x = _x(now_h, span)
    anchor, begin = "middle", now_h - clock_h / 2
    if begin < span.from_h:
        anchor, begin = "start", now_h
    elif begin + clock_h > span.to_h:
        anchor, begin = "end", now_h - clock_h
    stroke = f'<line class="now" x1="{x}" x2="{x}" y1="24" y2="90"/>'
    if not is_free(begin, begin + clock_h):
        return stroke
    return f'{stroke}<text class="nowname" x="{x}" y="16" text-anchor="{anchor}">{clock(now_h)}</text>'
