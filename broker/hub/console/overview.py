"""Tổng quan: which villages need a person, the figures of today or this month, what the sensors say.

Every figure is counted from the records; where nothing was measured the page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.console import access
from broker.hub.console.day import Commune, bounds, commune_of, today_of
from broker.hub.console.desk import desk, now
from broker.hub.console.faults import TAMPERINGS, Fault, broker_trouble, faults_of
from broker.hub.console.figures import Figure, figures_of
from broker.hub.console.levels import Chart, charts_of
from broker.hub.console.sources import todo_for
from broker.hub.console.wording import count, lasting, long_day
from broker.hub.records import Alert, Camera, CameraSeen, HelperCall
from broker.look.villages import VillageState, village_map

pages = Blueprint("overview", __name__)

HELPER_LATE_S = 600
READERS = ("editor", "approver", "leader", "admin", "auditor", "police")


@dataclass(frozen=True)
class Need:
    """Something a person should do, and where."""

    village: str
    place: str
    weight: str
    text: str
    href: str
    action: str


@pages.get("/overview")
@access.allow(*READERS)
def overview() -> str:
    """The page; `range=day` counts today only."""
    at = now()
    is_day = request.args.get("range") == "day"
    today = today_of(at)
    since = bounds(today if is_day else today.replace(day=1))[0]
    with desk().database.reading() as db:
        commune = commune_of(db)
        needs = needs_of(db, commune, at)
        figures: Sequence[Figure] = figures_of(db, since, at, access.visitor())
        charts: Sequence[Chart] = charts_of(db, commune, at)
        todo = todo_for(db, access.visitor(), at)
        dead = broker_trouble(db, at)
    states = states_of(commune, needs, is_dark=bool(dead))
    head = "Chưa biết các thôn thế nào." if dead and commune.nodes else headline(commune, states)
    drawn = village_map(
        commune.shapes(),
        states,
        label=f"Bản đồ xã: {head}",
        river=desk().river(),
    )
    return render_template(
        "overview.html",
        here="over",
        day=long_day(today),
        head=head,
        map=drawn,
        needs=needs,
        figures=figures,
        charts=charts,
        todo=todo,
        dead=dead,
        is_day=is_day,
    )


def states_of(commune: Commune, needs: Sequence[Need], *, is_dark: bool = False) -> dict[str, VillageState]:
    """Colour of each village: the worst of what it needs; villages without a point stay blank.

    is_dark: no word comes from any point, so that nobody can call a village calm.
    """
    states: dict[str, VillageState] = {} if is_dark else {node.village: "ok" for node in commune.nodes}
    for need in needs:
        if need.weight == "bad":
            states[need.village] = "bad"
        elif states.get(need.village) != "bad":
            states[need.village] = "look"
    return states


def headline(commune: Commune, states: dict[str, VillageState]) -> str:
    """The answer first: how many villages are at rest, how many need a person."""
    troubled = sum(state in ("look", "bad") for state in states.values())
    calm = sum(state == "ok" for state in states.values())
    if not commune.nodes:
        return "Xã chưa có điểm nào."
    if not troubled:
        return f"Cả {count(calm).lower()} thôn có điểm đều yên." if calm > 1 else "Thôn có điểm đang yên."
    said = f"{count(troubled)} thôn cần người."
    return f"{count(calm)} thôn yên. {said}" if calm else said


def needs_of(db: Session, commune: Commune, at: datetime) -> list[Need]:
    """What needs a person now, the worst first."""
    needs = [_of_fault(fault, commune) for fault in faults_of(db, commune, at)]
    needs += _blind_cameras(db, commune, at)
    needs += _late_helpers(db, commune, at)
    return sorted(needs, key=lambda need: (need.weight != "bad", need.place))


def _of_fault(fault: Fault, commune: Commune) -> Need:
    place = commune.names.get(fault.village, fault.village)
    first = fault.text.partition(". ")[0].rstrip(".")
    text = f"{fault.name}: {first[:1].lower()}{first[1:]}"
    href = f"{url_for('speakers.points')}#{fault.node}" if _may_see_speakers() else ""
    return Need(fault.village, place, fault.weight, text, href, "Xem")


def _blind_cameras(db: Session, commune: Commune, at: datetime) -> list[Need]:
    """Cameras that do not see. Only that they do not: what they saw is the police's."""
    seen = {(one.node, one.camera): one for one in db.scalars(select(CameraSeen)).all()}
    tampered = {
        (one.node, one.camera): one
        for one in db.scalars(
            select(Alert).where(Alert.kind == "tamper", Alert.ended_at.is_(None), Alert.state != "closed")
        )
    }
    href = url_for("duty.room") if access.visitor().is_any("police") else ""
    needs = []
    for camera in db.scalars(select(Camera).where(Camera.retired_at.is_(None))).all():
        state, open_one = seen.get((camera.node, camera.camera)), tampered.get((camera.node, camera.camera))
        if state is not None and state.state == "offline":
            said = f"camera {camera.name} mất nối {lasting((at - state.since).total_seconds())}"
        elif open_one is not None:
            since = lasting((at - open_one.started_at).total_seconds())
            said = f"camera {camera.name} {TAMPERINGS.get(open_one.what, 'cần xem')} {since}"
        else:
            continue
        place = commune.names.get(camera.village, camera.village)
        needs.append(Need(camera.village, place, "look", said, href, "Xem"))
    return needs


def _late_helpers(db: Session, commune: Commune, at: datetime) -> list[Need]:
    """Calls for a helper that nobody has taken for a while."""
    late = select(HelperCall).where(
        HelperCall.taken_at.is_(None),
        HelperCall.received_at < at - timedelta(seconds=HELPER_LATE_S),
        HelperCall.received_at > at - timedelta(days=1),
    )
    where = {node.name: node for node in commune.nodes}
    needs = []
    for call in db.scalars(late).all():
        node = where.get(call.node)
        if node is not None:
            waited = lasting((at - call.received_at).total_seconds() // 60 * 60)
            text = f"có người nhờ giúp ở {node.label}, chờ {waited}"
            place = commune.names.get(node.village, node.village)
            needs.append(Need(node.village, place, "look", text, url_for("today.today"), "Nhận"))
    return needs


def _may_see_speakers() -> bool:
    return access.visitor().is_any("editor", "approver", "leader", "admin", "auditor", "village")
