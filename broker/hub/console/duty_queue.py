"""The queue of the duty room: one row for each incident, open ones first, and what of it makes a sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer, selectinload

from broker.hub.alert_kinds import choice_of
from broker.hub.console.day import Commune
from broker.hub.console.watch import cameras_of, state_of, title_of
from broker.hub.console.wording import when
from broker.hub.records import ALERT_STATES, Alert, Camera

SHOWN = 60
"""How many rows the queue holds; older alerts are found by search."""
OPEN = tuple(state for state in ALERT_STATES if state != "closed")
"""Named one by one: so the database looks only at these, however many are closed."""
LOUD = 20
"""How many unseen alerts of a choice are told for the sound."""
OPEN_READ, CLOSED_READ = 500, 180
"""How many alerts are read for the rows: an incident may hold many."""
ICONS = {"outage": "offline", "tamper": "blind", "sos": "siren", "sensor": "river", "amplifier": "horn"}


@dataclass(frozen=True)
class Entry:
    """One row: an alert alone, or those of an incident."""

    key: str
    """What the script knows the row by, whichever of its alerts it leads to."""
    id: int
    """The alert it leads to: the newest nobody has seen, else the newest open one, else the newest."""
    ids: frozenset[int]
    title: str
    clock: str
    at: str
    """Scripts order by it, the largest first (`_rank`)."""
    weight: str
    said: str
    place: str
    count: str
    """ "3 camera" or "3 lần"; empty for one alert alone."""
    is_done: bool
    icon: str = ""
    """What it is at a glance: a person as far as the model can tell, a camera that does not see."""


@dataclass(frozen=True)
class Queue:
    """The rows, and what stands beside them."""

    entries: Sequence[Entry]
    unseen: int
    open: int
    """How many nobody has closed."""
    loud: str
    """Alerts that nobody has seen, as "12:person 15:sos"."""
    more: int
    """Open alerts that found no room."""


def queue_of(db: Session, commune: Commune, at: datetime, here: int | None = None) -> Queue:
    """Every open alert that fits, an SOS first, then closed ones, and how many nobody has seen. here: what is shown
    beside it, whose row tells of it.

    The newest first by when the hub heard of it: by its own time one of a wrong clock, or one that came hours late,
    would stand where nobody looks.
    """
    known = cameras_of(db)
    unneeded = (defer(each) for each in (Alert.boxes, Alert.best_boxes, Alert.clip, Alert.reasons))
    newest = (
        select(Alert)
        .options(selectinload(Alert.officer), *unneeded)
        .order_by(Alert.raised_at.desc(), Alert.id.desc())
    )
    of_open = newest.where(Alert.state.in_(OPEN))
    is_open = list(db.scalars(of_open.where(Alert.kind == "sos").limit(SHOWN)))
    is_open += db.scalars(of_open.where(Alert.kind != "sos").limit(OPEN_READ))
    groups = sorted(_grouped(is_open), key=_rank, reverse=True)[:SHOWN]
    if len(groups) < SHOWN:
        rows = list(db.scalars(newest.where(Alert.state == "closed").limit(CLOSED_READ)))
        groups = _grouped([*(one for group in groups for one in group), *rows])[:SHOWN]
    sizes = _sizes(db, groups)
    raised = [one for one in is_open if one.state == "raised"]
    total = db.scalar(select(func.count()).select_from(Alert).where(Alert.state.in_(OPEN))) or 0
    unseen = db.scalar(select(func.count()).select_from(Alert).where(Alert.state == "raised")) or 0
    return Queue(
        entries=[_entry(group, known, sizes, commune, at, here) for group in groups],
        unseen=unseen,
        open=total,
        loud=_loud(raised),
        more=total - sum(one.state != "closed" for group in groups for one in group),
    )


def _grouped(alerts: Iterable[Alert]) -> list[list[Alert]]:
    """Alerts by incident, in the order of the first of each."""
    groups: dict[str, list[Alert]] = {}
    for one in alerts:
        groups.setdefault(_key(one), []).append(one)
    return list(groups.values())


def _rank(group: Sequence[Alert]) -> str:
    """Rows stand by it, the largest first: an open SOS, what else is open, what is closed; of these the last heard."""
    open_ones = [one for one in group if one.state != "closed"]
    newest = max(open_ones or group, key=lambda one: (one.raised_at, one.id))
    weight = 2 if any(one.kind == "sos" for one in open_ones) else int(bool(open_ones))
    return f"{weight} {newest.raised_at.isoformat(timespec='microseconds')} {newest.id:010d}"


def _loud(raised: Iterable[Alert]) -> str:
    """A few of each choice: a hundred movements silence no SOS."""
    by_choice: dict[str, list[int]] = {}
    for one in raised:
        by_choice.setdefault(choice_of(one.kind, one.labels), []).append(one.id)
    return " ".join(
        f"{number}:{choice}" for choice, numbers in by_choice.items() for number in numbers[:LOUD]
    )


def _key(alert: Alert) -> str:
    return f"a{alert.id}" if alert.incident_id is None else f"i{alert.incident_id}"


def _sizes(db: Session, groups: Sequence[Sequence[Alert]]) -> Mapping[int | None, tuple[int, int]]:
    """How many alerts and cameras each incident has, also those that are not in the queue."""
    wanted = [group[0].incident_id for group in groups if group[0].incident_id is not None]
    each = (Alert.incident_id, Alert.node, Alert.camera)
    query = select(*each, func.count()).where(Alert.incident_id.in_(wanted)).group_by(*each)
    found: dict[int | None, tuple[int, int]] = {}
    for incident, _, _, count in db.execute(query):
        alerts, cameras = found.get(incident, (0, 0))
        found[incident] = alerts + count, cameras + 1
    return found


def say_count(alerts: int, cameras: int) -> str:
    """ "3 camera", or "3 lần" of one camera; empty for a single alert."""
    if alerts < 2:
        return ""
    return f"{cameras} camera" if cameras > 1 else f"{alerts} lần"


def _entry(
    group: Sequence[Alert],
    cameras: Mapping[tuple[str, str], Camera],
    sizes: Mapping[int | None, tuple[int, int]],
    commune: Commune,
    at: datetime,
    here: int | None,
) -> Entry:
    open_ones = [one for one in group if one.state != "closed"]
    raised = [one for one in open_ones if one.state == "raised"]
    one = (raised or open_ones or group)[0]
    told = next((each for each in group if each.id == here), one)
    weight, said = state_of(min(open_ones, key=_calm) if open_ones else told)
    size = sizes.get(one.incident_id, (1, 1))
    return Entry(
        key=_key(one),
        id=one.id,
        ids=frozenset(each.id for each in group),
        title=title_of(told, cameras),
        clock=when(told.started_at, at),
        at=_rank(group),
        weight=weight,
        said=said,
        place=f"Thôn {commune.names.get(one.village, one.village)}" if one.village else one.node,
        count=say_count(*size),
        is_done=not open_ones,
        icon=_icon(group),
    )


def _calm(alert: Alert) -> int:
    """What an incident is called by is the least calm of it: what nobody looked at in time, then what is new."""
    if alert.state == "raised":
        return 1 - bool(alert.unseen_at)
    if alert.escalated_at is not None:
        return 3
    return 2 if alert.state == "seen" else 4


def _icon(group: Sequence[Alert]) -> str:
    kinds = {choice_of(one.kind, one.labels) for one in group}
    if "sos" in kinds:
        return ICONS["sos"]
    return "people" if "person" in kinds else ICONS.get(group[0].kind, "")
