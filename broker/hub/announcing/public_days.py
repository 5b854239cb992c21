"""Public holidays of Viet Nam by day, with what people call them and a key by which a rule names them.

Tết and the Hùng Kings' day come from the lunar calendar of broker.link.calendar; the others, the added second day of
2/9 and the days off in lieu from the library `holidays` (Labour Code 45/2019/QH14, article 112; Resolution 80-NQ/TW
for 24/11). Days off that the state moves by a yearly decision are known only as far as that library knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from broker.link.calendar import lunar_months

HOLIDAYS = {
    "new-year": "Tết Dương lịch 1/1",
    "tet": "Tết Nguyên đán, từ giao thừa đến mồng ba",
    "hung": "Giỗ Tổ Hùng Vương 10/3 âm lịch",
    "victory": "Ngày Chiến thắng 30/4",
    "labour": "Quốc tế Lao động 1/5",
    "national": "Quốc khánh 2/9",
    "culture": "Ngày Văn hoá Việt Nam 24/11",
    "in-lieu": "Ngày nghỉ thêm, nghỉ bù",
}
"""Key → as an official chooses it."""

_SOLAR = {(1, 1): "new-year", (4, 30): "victory", (5, 1): "labour", (9, 2): "national", (11, 24): "culture"}
_NAMES = {
    "new-year": "Tết Dương lịch",
    "victory": "Ngày Chiến thắng",
    "labour": "Quốc tế Lao động",
    "national": "Quốc khánh",
    "culture": "Ngày Văn hoá Việt Nam",
}
_CULTURE_SINCE = 2026
_TET = ("Giao thừa", "Mồng một Tết", "Mồng hai Tết", "Mồng ba Tết")


@dataclass(frozen=True)
class PublicDay:
    """One public holiday: its key in HOLIDAYS and its own name."""

    key: str
    name: str


def public_days(since: date, until: date) -> dict[date, PublicDay]:
    """Every public holiday from `since` to `until`, both included, by day."""
    found: dict[date, PublicDay] = {}
    for year in range(since.year, until.year + 1):
        found |= {day: one for day, one in _of_year(year) if since <= day <= until}
    return dict(sorted(found.items()))


@lru_cache(maxsize=16)
def _of_year(year: int) -> tuple[tuple[date, PublicDay], ...]:
    """Of one year; kept, because the library takes its time."""
    found: dict[date, PublicDay] = {}
    for first, said, _ in lunar_months(date(year, 1, 1), date(year, 12, 31)):
        if said.leap:
            continue
        if said.month == 1:
            for n, name in enumerate(_TET):
                found[first + timedelta(days=n - 1)] = PublicDay("tet", name)
        if said.month == 3:
            found[first + timedelta(days=9)] = PublicDay("hung", "Giỗ Tổ Hùng Vương")
    for (month, day), key in _SOLAR.items():
        if key != "culture" or year >= _CULTURE_SINCE:
            found[date(year, month, day)] = PublicDay(key, _NAMES[key])
    for moment, name in _by_library(year):
        found.setdefault(moment, PublicDay("in-lieu", name))
    return tuple((day, one) for day, one in sorted(found.items()) if day.year == year)


def _by_library(year: int) -> list[tuple[date, str]]:
    from holidays import country_holidays  # heavy, and needed only where somebody chooses holidays

    return sorted(country_holidays("VN", years=year, language="vi").items())
