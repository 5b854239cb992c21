"""The day line: one day as a strip, with what was said, what will be said and when loudspeakers keep quiet.

Drawn on the server as SVG whose places are per cent of the width, so that text never stretches and no
inline style is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_LABEL_GAP = 0.62
"""Least distance of two labels in hours on the whole-day strip; nearer ones lose theirs."""


@dataclass(frozen=True)
class Mark:
    """One playing on the line: local hours since midnight (17.5 is 17:30) and minutes of sound."""

    start_h: float
    minutes: float
    kind: MarkKind = "planned"
    label: str = ""


@dataclass(frozen=True)
class Span:
    """Which hours of the day the strip shows, and the quiet hours inside them (local hours)."""

    from_h: int
    to_h: int
    quiet_since_h: float = 21.0
    quiet_until_h: float = 6.0


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
    parts += _labels(shown, span, now_h)
    if now_h is not None and span.from_h <= now_h <= span.to_h:
        parts.append(_now(now_h, span))
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
    return range(max(int(span.quiet_until_h), span.from_h + 1), span.to_h)


def _opening(marks: Sequence[Mark], span: Span, cls: str) -> str:
    said = "; ".join(f"{clock(mark.start_h)} {_WORDS[mark.kind]}" for mark in marks)
    text = (
        f"Đường ngày từ {span.from_h} giờ đến {span.to_h} giờ; loa yên lặng trước "
        f"{clock(span.quiet_until_h)} và sau {clock(span.quiet_since_h)}; {said or 'chưa có lượt phát nào'}"
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
    quiet = [
        (span.from_h, min(span.quiet_until_h, span.to_h)),
        (max(span.quiet_since_h, span.from_h), span.to_h),
    ]
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


def _labels(marks: Sequence[Mark], span: Span, now_h: float | None) -> list[str]:
    """Names above the blocks; one that would lie on another or on the time of day is left out."""
    gap = _LABEL_GAP * (span.to_h - span.from_h) / 17
    written: list[str] = []
    last = -99.0
    for mark in marks:
        near_now = now_h is not None and -gap < mark.start_h - now_h < gap / 2
        if not mark.label or near_now or mark.start_h - last < gap:
            continue
        written.append(f'<text class="name" x="{_x(mark.start_h, span)}" y="16">{escape(mark.label)}</text>')
        last = mark.start_h + gap * (len(mark.label) // 8)
    return written


def _now(now_h: float, span: Span) -> str:
    x = _x(now_h, span)
    share = (now_h - span.from_h) / (span.to_h - span.from_h)
    anchor = "start" if share < 0.03 else "end" if share > 0.97 else "middle"
    return (
        f'<line class="now" x1="{x}" x2="{x}" y1="24" y2="90"/>'
        f'<text class="nowname" x="{x}" y="16" text-anchor="{anchor}">{clock(now_h)}</text>'
    )
