"""How the console says things in Vietnamese: dates, durations, counts, sentences. Pure: `now` is given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from broker.link.clock import LOCAL

WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật")
_SMALL = ("Không", "Một", "Hai", "Ba", "Bốn", "Năm", "Sáu", "Bảy", "Tám", "Chín", "Mười")
_NBSP = "\N{NO-BREAK SPACE}"


def local(at: datetime) -> datetime:
    """The same instant on the clocks of Viet Nam."""
    return at.astimezone(LOCAL)


def hm(at: datetime) -> str:
    """Clock time, "17:30"."""
    return f"{local(at):%H:%M}"


def hms(at: datetime) -> str:
    """Clock time to the second, "17:30:08"."""
    return f"{local(at):%H:%M:%S}"


def long_day(day: date) -> str:
    """A date in full: "Thứ Bảy, 21 tháng 11 năm 2026"."""
    return f"{WEEKDAYS[day.weekday()]}, {day.day} tháng {day.month} năm {day.year}"


def short_day(day: date, today: date) -> str:
    """A date as short as can be understood today: "hôm nay", "mai", "thứ Hai 23/11"."""
    away = (day - today).days
    if away in (-1, 0, 1):
        return {-1: "hôm qua", 0: "hôm nay", 1: "mai"}[away]
    name = WEEKDAYS[day.weekday()]
    return f"{name[0].lower()}{name[1:]} {day.day}/{day.month}"


def day_name(day: date, today: date) -> str:
    """A day to choose from a list: "Hôm nay, 21/11", "Mai, 22/11", "Thứ Hai 23/11"."""
    said = short_day(day, today)
    said = f"{said}, {day.day}/{day.month}" if abs((day - today).days) <= 1 else said
    return said[0].upper() + said[1:]


def when(at: datetime, now: datetime) -> str:
    """A moment as one says it: "17:30", "06:00 mai", "06:00 thứ Hai 23/11"."""
    day, today = local(at).date(), local(now).date()
    return hm(at) if day == today else f"{hm(at)} {short_day(day, today)}"


def lasting(seconds: float) -> str:
    """A duration in at most two units: "2 phút 10 giây", "48 phút", "3 giờ 5 phút", "2 ngày"."""
    left = max(0, round(seconds))
    units = ((86400, "ngày"), (3600, "giờ"), (60, "phút"), (1, "giây"))
    said: list[str] = []
    for size, name in units:
        count, left = divmod(left, size)
        if count:
            said.append(f"{count}{_NBSP}{name}")
    return " ".join(said[:2]) or f"0{_NBSP}giây"


def ago(at: datetime, now: datetime) -> str:
    """How long since: "vừa xong", "8 phút trước", "2 giờ trước"."""
    seconds = (now - at).total_seconds()
    if seconds < 45:
        return "vừa xong"
    if seconds < 3600:
        return f"{round(seconds / 60)}{_NBSP}phút trước"
    if seconds < 86400:
        return f"{round(seconds / 3600)}{_NBSP}giờ trước"
    return f"{round(seconds / 86400)}{_NBSP}ngày trước"


def number(value: float, digits: int = 0) -> str:
    """A number as written in Vietnamese: thousands by point, decimals by comma."""
    text = f"{value:,.{digits}f}"
    return text.replace(",", "_").replace(".", ",").replace("_", ".")


def count(value: int) -> str:
    """A small count as a word that opens a sentence: 3 is "Ba", 12 is "12"."""
    return _SMALL[value] if 0 <= value < len(_SMALL) else str(value)


def villages(names: Sequence[str], total: int) -> str:
    """Which villages: "Cả xã" when it is all of them, else "Thôn Đông, thôn Bến"."""
    if names and len(names) >= total:
        return "Cả xã"
    text = ", ".join(f"thôn {name}" for name in names)
    return text[:1].upper() + text[1:]


def hours_of(at: datetime) -> float:
    """Local hours since midnight, for the day line."""
    moment = local(at)
    return moment.hour + moment.minute / 60 + moment.second / 3600
