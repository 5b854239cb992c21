"""The Vietnamese calendar: names of days, lunar dates, public holidays. The only importer of lunar-vn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from lunar_vn import solar_to_lunar

_DAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật")
_MONTHS = ("Giêng", "Hai", "Ba", "Tư", "Năm", "Sáu", "Bảy", "Tám", "Chín", "Mười", "Mười Một", "Chạp")


@dataclass(frozen=True)
class Lunar:
    """A day of the Vietnamese lunar calendar (UTC+7)."""

    day: int
    month: int
    year: int
    leap: bool

    @property
    def text(self) -> str:
        """As people say it: `13 tháng Mười âm lịch`."""
        leap = " nhuận" if self.leap else ""
        return f"{self.day} tháng {_MONTHS[self.month - 1]}{leap} âm lịch"


def lunar_of(day: date) -> Lunar:
    """The lunar date of a solar day."""
    found = solar_to_lunar(day)
    return Lunar(found.day, found.month, found.year, bool(found.leap))


def month_name(month: int) -> str:
    """A lunar month as people call it: 1 is `Giêng`, 12 is `Chạp`."""
    return _MONTHS[month - 1]


def lunar_months(since: date, until: date) -> Iterator[tuple[date, Lunar, int]]:
    """The lunar months that touch the days from `since` to `until`: first day, its lunar date, length (29 or 30)."""
    first = since - timedelta(days=lunar_of(since).day - 1)
    while first <= until:
        length = 30 if lunar_of(first + timedelta(days=29)).day == 30 else 29
        yield first, lunar_of(first), length
        first += timedelta(days=length)


def day_name(day: date) -> str:
    """`Thứ Bảy`."""
    return _DAYS[day.weekday()]


def holiday(day: date) -> str:
    """Name of the public holiday on this day, empty for none (Labour Code 45/2019/QH14, article 112).

    The days added around Tết and National Day are set each year by decision and are not guessed here.
    """
    solar = {
        (1, 1): "Tết Dương lịch",
        (4, 30): "Ngày Chiến thắng",
        (5, 1): "Quốc tế Lao động",
        (9, 2): "Quốc khánh",
    }
    if (day.month, day.day) in solar:
        return solar[day.month, day.day]
    lunar = lunar_of(day)
    if not lunar.leap and (lunar.month, lunar.day) == (3, 10):
        return "Giỗ Tổ Hùng Vương"
    if not lunar.leap and lunar.month == 1 and lunar.day <= 4:
        return "Tết Nguyên đán"
    return ""
