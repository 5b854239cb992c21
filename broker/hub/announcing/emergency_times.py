"""When an emergency sounds: its repeats, how long it holds, and how long a first signature waits. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from broker.hub.declined import Declined
from broker.trust.envelope import Start

REST_S = 60
"""Between the end of one playing and the next, so that people can hear each other and other words can pass."""
SHORTEST_EVERY_S, LONGEST_EVERY_S = 300, 7200
SHORTEST_LASTS_S, LONGEST_LASTS_S = 600, 86_400
DRILL_WITHIN_S = 120
"""A drill that cannot sound within this is not made up for."""
FIRST_HOLDS = timedelta(minutes=10)
"""So long a first signature waits for the second."""
MOST_CLICKED_MS = 120_000
"""A browser that claims to have taken longer from the button to the hub has a wrong clock."""


def refuse_rhythm(every_s: int, lasts_s: int) -> None:
    """Repeats and validity that a person may choose. Raises Declined."""
    if every_s and not SHORTEST_EVERY_S <= every_s <= LONGEST_EVERY_S:
        raise Declined("bad-every", "Xin chọn nhắc lại cách nhau từ 5 phút đến 2 giờ, hoặc không nhắc lại.")
    if not SHORTEST_LASTS_S <= lasts_s <= LONGEST_LASTS_S:
        raise Declined("bad-lasts", "Tin khẩn cấp có hiệu lực từ 10 phút đến 24 giờ, xin chọn lại.")


def starts_of(issued_at: datetime, every_s: int, lasts_s: int, length_s: float) -> list[Start]:
    """Its starts until it ends: at once, then every so often but never before one playing and a rest are over.

    A start may be as late as the next one or the end, as the nodes have it.
    """
    end = issued_at + timedelta(seconds=lasts_s)
    step_s = max(every_s, 60 * math.ceil((length_s + REST_S) / 60)) if every_s else lasts_s
    moments = [issued_at + timedelta(seconds=n) for n in range(0, lasts_s, step_s)]
    return [
        Start(at=at, tolerance_s=int((following - at).total_seconds()))
        for at, following in zip(moments, [*moments[1:], end], strict=True)
    ]


def drill_start(issued_at: datetime, lasts_s: int) -> Start:
    """The one start of a drill, within what its template allows."""
    return Start(at=issued_at, tolerance_s=min(DRILL_WITHIN_S, lasts_s))


def first_holds_until(issued_at: datetime, starts: Sequence[Start]) -> datetime:
    """Until when a first signature waits for the second, and never until the first repeat has come."""
    until = issued_at + FIRST_HOLDS
    return min(until, starts[1].at) if len(starts) > 1 else until


def late_ms(told_ms: int | None, start: datetime, pressed_at: datetime | None) -> int | None:
    """How late a playing began, from its start or from the button that let it speak, whichever came later.

    told_ms: as its loudspeaker counts, from the signed start: words of two signers start with the first signature,
    and nobody can be late before the second. pressed_at: Occurrence.clicked_at.
    """
    if told_ms is None or pressed_at is None or pressed_at <= start:
        return told_ms
    return max(0, told_ms - round((pressed_at - start).total_seconds() * 1000))


def clicked_at(clicked_ms: int, now: datetime) -> datetime:
    """When the button was pressed, by the hub's clock. clicked_ms: from there to the request, as the browser says."""
    return now - timedelta(milliseconds=min(max(clicked_ms, 0), MOST_CLICKED_MS))
