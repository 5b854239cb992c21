"""Tìm cảnh báo: alerts of any age, fifty a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.alert_search import KINDS, ON_A_PAGE, OUTCOMES, Wanted, find
from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, now
from broker.hub.console.watch import state_of, title_of
from broker.hub.console.wording import hm, local, short_day
from broker.hub.records import Account, Alert, Camera
from broker.hub.row_numbers import number_of
from broker.link.clock import LOCAL

pages = Blueprint("duty_search", __name__)

FIELDS = ("tu", "den", "camera", "loai", "ai", "ket-qua")


@dataclass(frozen=True)
class Row:
    """One alert that was found."""

    id: int
    title: str
    day: str
    clock: str
    place: str
    weight: str
    said: str
    who: str
    is_doubtful: bool
    """The node was not sure of its time."""


@pages.get("/duty/search")
@access.allow("police")
def search() -> str:
    """`tu`, `den`: moments or days; `camera`: node/code; `loai`, `ai`, `ket-qua`; `sau`: where the page begins."""
    at, chosen = now(), {name: request.args.get(name, "").strip()[:60] for name in FIELDS}
    wanted, trouble = wanted_of(chosen)
    with desk().database.reading() as db:
        found = find(db, wanted, request.args.get("sau", ""))
        cameras = {(one.node, one.camera): one for one in db.scalars(select(Camera))}
        names = commune_of(db).names
        rows = [_row(one, cameras, names, at) for one in found.rows]
        officers = _officers(db)
    given = {name: value for name, value in chosen.items() if value}
    return render_template(
        "duty-search.html",
        here="duty",
        theme="night",
        rows=rows,
        chosen=chosen,
        is_chosen=bool(given),
        trouble=trouble,
        size=ON_A_PAGE,
        is_first=not request.args.get("sau"),
        first=f"{request.path}?{urlencode(given)}",
        onward=f"{request.path}?{urlencode({**given, 'sau': found.onward})}" if found.onward else "",
        cameras=_choices(cameras, names),
        officers=officers,
        kinds=KINDS,
        outcomes=OUTCOMES,
    )


def wanted_of(chosen: Mapping[str, str]) -> tuple[Wanted, str]:
    """What a form asks for, and a sentence where a part of it is not understood and left out."""
    since, until = moment(chosen["tu"]), moment(chosen["den"], is_end=True)
    trouble = ""
    if (chosen["tu"] and since is None) or (chosen["den"] and until is None):
        trouble = (
            "Chưa hiểu ngày giờ đã ghi nên chưa lọc theo đó. Xin ghi như 21/11/2026 hoặc chọn trong lịch."
        )
    elif since is not None and until is not None and since >= until:
        trouble = "Giờ bắt đầu ở sau giờ kết thúc nên không có cảnh báo nào."
    node, _, camera = chosen["camera"].partition("/")
    return Wanted(
        since=since,
        until=until,
        node=node,
        camera=camera,
        kind=chosen["loai"] if chosen["loai"] in KINDS else "",
        officer=number_of(chosen["ai"]) or 0,
        outcome=chosen["ket-qua"] if chosen["ket-qua"] in OUTCOMES else "",
    ), trouble


def moment(text: str, *, is_end: bool = False) -> datetime | None:
    """A moment as a browser sends it, or a day as one types it; the end of a span includes its day or minute."""
    for pattern in ("%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M", "%H:%M %d/%m/%Y"):
        try:
            found = datetime.strptime(text, pattern).replace(tzinfo=LOCAL)
        except ValueError:
            continue
        if not _is_sane(found.year):
            return None
        return found + timedelta(minutes=1) if is_end else found
    day = _day(text)
    if day is None or not _is_sane(day.year):
        return None
    return datetime.combine(day + timedelta(days=1) if is_end else day, time(), LOCAL)


def _is_sane(year: int) -> bool:
    return 1970 < year < 9999


def _day(text: str) -> date | None:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=LOCAL).date()
        except ValueError:
            continue
    return None


def _row(
    alert: Alert, cameras: Mapping[tuple[str, str], Camera], names: Mapping[str, str], at: datetime
) -> Row:
    weight, said = state_of(alert)
    if alert.officer and said.startswith(alert.officer.full_name.split()[-1]):
        said = "Đang xử lý"  # whole name stands below it
    day, today = local(alert.started_at).date(), local(at).date()
    return Row(
        id=alert.id,
        title=title_of(alert, cameras),
        day=short_day(day, today) if day.year == today.year else f"{day:%-d/%-m/%Y}",
        clock=hm(alert.started_at),
        place=f"Thôn {names.get(alert.village, alert.village)}" if alert.village else alert.node,
        weight=weight,
        said=said,
        who=alert.officer.full_name if alert.officer else "",
        is_doubtful=alert.clock != "trusted",
    )


def _choices(
    cameras: Mapping[tuple[str, str], Camera], names: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """(value, name, village) of every camera there ever was."""
    found = [
        (
            f"{one.node}/{one.camera}",
            f"{one.name} (đã gỡ)" if one.retired_at else one.name,
            names.get(one.village, one.village),
        )
        for one in cameras.values()
    ]
    return sorted(found, key=lambda each: (each[2], each[1]))


def _officers(db: Session) -> list[tuple[int, str]]:
    """Everybody with the work of police, and everybody who ever had an alert in hand."""
    query = select(Account.id, Account.full_name, Account.roles)
    handled: set[Any] = set(db.scalars(select(Alert.officer_id).distinct()))
    found = [(key, name) for key, name, roles in db.execute(query) if "police" in roles or key in handled]
    return sorted(found, key=lambda each: each[1].casefold())
