"""Time that is left, written so that static/countdown.js lets it run down evenly in the page."""

from __future__ import annotations

import math
from datetime import datetime

from markupsafe import Markup

from broker.hub.console.wording import lasting


def countdown(until: datetime, now: datetime, *, by_minute: bool = False, over: str = "") -> Markup:
    """ "còn 48 phút" as HTML. by_minute: above one minute only whole minutes. over: what stands there once it is time.

    Without script it is the word of the moment the page was written.
    """
    seconds = max(0, math.ceil((until - now).total_seconds()))
    whole = seconds // 60 * 60 if by_minute and seconds > 60 else seconds
    return Markup(
        '<span class="num" data-until="{}" data-now="{}" data-by="{}" data-over="{}">{}</span>'
    ).format(
        _ms(until),
        _ms(now),
        "minute" if by_minute else "second",
        over,
        f"còn {lasting(whole)}" if whole else over,
    )


def _ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return round(at.timestamp() * 1000)
