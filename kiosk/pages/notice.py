"""The notice board, and what was said or warned of lately: the pages one reads without looking for anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, Response, abort, make_response, render_template, send_file

from broker.contract.board import Reading
from broker.contract.content import Approved, Heard, Notice
from broker.link.calendar import day_name, lunar_of
from broker.link.clock import LOCAL
from broker.look import say
from kiosk.house import House
from kiosk.visitor import CHOICES

FRESH = timedelta(minutes=30)
"""An older reading is not shown as the present."""
BOARD_LINES = 3
HEARD_SHOWN = 6


@dataclass(frozen=True)
class Today:
    """Time and date as a villager says them."""

    iso: str
    time: str
    day: str
    date: str
    lunar: str


@dataclass(frozen=True)
class Line:
    """One line of the board: when, and what."""

    when: str
    title: str


def today_of(now: datetime, language: str) -> Today:
    """The local day of an aware time."""
    local = now.astimezone(LOCAL)
    lunar = lunar_of(local.date())
    return Today(
        iso=local.isoformat(timespec="minutes"),
        time=f"{local:%H:%M}",
        day=say(day_name(local.date())),
        date=say("%(day)s tháng %(month)s", day=local.day, month=local.month),
        lunar=lunar.text if language == "vi" else f"Lunar {lunar.day}/{lunar.month}",
    )


def spoken_day(day: date, today: date) -> str:
    """Hôm nay, hôm qua, ngày mai, or the date."""
    near = {0: "Hôm nay", -1: "Hôm qua", 1: "Ngày mai"}
    found = near.get((day - today).days)
    return say(found) if found else f"{day.day}/{day.month}"


def _short_time(local: datetime, today: date) -> str:
    """17:30, Mai 17:30, or 24/11 17:30: narrow enough for the column of times."""
    clock = f"{local:%H:%M}"
    if local.date() == today:
        return clock
    is_next = local.date() == today + timedelta(days=1)
    return say("Mai %(time)s", time=clock) if is_next else f"{local.day}/{local.month} {clock}"


def board_of(house: House) -> tuple[Line | None, list[Line]]:
    """The headline and the lines under it: the commune's notices, what the loudspeaker will say, what it said."""
    content = house.content()
    now = house.clock.now()
    today = now.astimezone(LOCAL).date()
    coming = [each for each in content.events if each.at is None or each.at > now - timedelta(hours=6)]
    lines = [_line_of(each) for each in coming]
    lines += [
        Line(_short_time(at.astimezone(LOCAL), today), each.title)
        for at, each in content.coming(house.village_code, now)
    ]
    lines += [
        Line(spoken_day(each.at.astimezone(LOCAL).date(), today), each.title)
        for each in content.announcements(house.village_code)
        if each.kind != "emergency"  # one that holds takes the whole board, one that is over frightens nobody
    ]
    return (lines[0] if lines else None), lines[1 : 1 + BOARD_LINES]


def urgent_of(house: House) -> Approved | None:
    """The newest emergency that holds here now; a clock that cannot be believed hides none."""
    found = house.content().emergencies(house.village_code, house.clock.now())
    return found[0] if found else None


def _line_of(notice: Notice) -> Line:
    return Line(notice.when, notice.text)


def water_of(house: House) -> tuple[str, str] | None:
    """Water level and when it was measured, None without a fresh good reading."""
    now = house.clock.now()
    for reading in house.measured():
        if "water_level_m" in reading.series and _is_fresh(reading, now):
            metres = f"{reading.value:.2f}".rstrip("0").rstrip(".").replace(".", ",")
            at = reading.at.astimezone(LOCAL)
            return say("Sông cao %(metres)s mét", metres=metres), say("Đo lúc %(time)s", time=f"{at:%H:%M}")
    return None


def air_of(house: House) -> tuple[str, str] | None:
    """Air temperature and humidity, None without fresh good readings."""
    now = house.clock.now()
    fresh = [each for each in house.measured() if _is_fresh(each, now)]
    warmth = next((each for each in fresh if "air_celsius" in each.series), None)
    damp = next((each for each in fresh if "humidity_percent" in each.series), None)
    if warmth is None:
        return None
    second = (
        say("Độ ẩm %(percent)s phần trăm", percent=f"{damp.value:.0f}") if damp else say("Đo ở nhà văn hoá")
    )
    return say("Ngoài trời %(degrees)s độ", degrees=f"{warmth.value:.0f}"), second


def _is_fresh(reading: Reading, now: datetime) -> bool:
    return reading.quality in ("good", "unchecked") and abs(now - reading.at) < FRESH


def pages(house: House) -> Blueprint:
    """The blueprint of the notice board, of announcements heard, and of warnings."""
    job = Blueprint("notice", __name__)

    @job.get("/")
    def board() -> Response:
        # Coming here is leaving: whoever comes next finds nothing of the visitor before.
        lead, lines = board_of(house)
        now = house.clock.now()
        answer = make_response(
            render_template(
                "idle.html",
                urgent=urgent_of(house),
                today=today_of(now, "vi"),
                lead=lead,
                lines=lines,
                warning=house.content().warning_of(now.astimezone(LOCAL).date()),
                water=water_of(house),
                air=air_of(house),
                clock_known=house.clock.state() != "unknown",
            )
        )
        for name in CHOICES:
            answer.delete_cookie(name, httponly=True, samesite="Strict")
        answer.headers["Clear-Site-Data"] = '"storage"'
        return answer

    @job.get("/khan-cap")
    def urgent() -> str:
        found = urgent_of(house)
        return render_template("urgent.html", urgent=found)

    @job.get("/loa")
    def heard() -> str:
        found = house.content().announcements(house.village_code)[:HEARD_SHOWN]
        return render_template("heard.html", heard=[_heard_line(each) for each in found])

    @job.get("/loa/<code>")
    def one_heard(code: str) -> str:
        found = _announcement(code)
        sound = house.sound_of(found.audio.sha256)
        return render_template(
            "heard_one.html", line=_heard_line(found), one=found, has_sound=sound is not None
        )

    @job.get("/loa/<code>/tieng")
    def sound(code: str) -> Response:
        path = house.sound_of(_announcement(code).audio.sha256)
        if path is None:
            abort(404)
        return send_file(path, mimetype="audio/ogg", conditional=True)

    @job.get("/lich")
    def calendar() -> str:
        lines = [_line_of(each) for each in house.content().events]
        return render_template("calendar.html", lines=lines)

    @job.get("/canh-bao")
    def warnings() -> str:
        return render_template("warnings.html", warnings=house.content().warnings)

    @job.get("/canh-bao/<code>")
    def warning(code: str) -> str:
        found = next((each for each in house.content().warnings if each.code == code), None)
        if found is None:
            abort(404)
        return render_template("warning.html", warning=found)

    def _announcement(code: str) -> Heard:
        said = house.content().announcements(house.village_code)
        found = next((each for each in said if each.announcement == code), None)
        if found is None:
            abort(404)
        return found

    def _heard_line(one: Heard) -> tuple[str, Heard]:
        at = one.at.astimezone(LOCAL)
        day = spoken_day(at.date(), house.clock.now().astimezone(LOCAL).date())
        return f"{day}, {at.hour} giờ {at.minute:02d}", one

    return job
