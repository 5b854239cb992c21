"""Vì sao không phát? One loudspeaker, one day, one minute: what the records know of it, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from flask import Blueprint, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.hub.announcing.bookings import turns_of
from broker.hub.announcing.explain import Asked, Facts, Order, why
from broker.hub.announcing.order import later_s, lined_up
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.rules import rules_of
from broker.hub.announcing.schedule import rank_of
from broker.hub.announcing.turns import Turns
from broker.hub.console import access
from broker.hub.console.day import bounds, length_of, start_of, waiting
from broker.hub.console.desk import desk, now
from broker.hub.console.typed import clock_of, date_of
from broker.hub.console.wording import hm, local, short_day
from broker.hub.loudspeakers import tuning_of
from broker.hub.records import (
    Account,
    AuditRow,
    NodeRecord,
    Occurrence,
    Play,
    ServiceSeen,
    Stop,
    Village,
)
from broker.link.clock import LOCAL

pages = Blueprint("silent", __name__)

_REACH = timedelta(days=360)
"""A day typed without its year is the nearest past one, or one of the next few days."""

READERS = ("editor", "approver", "leader", "admin", "auditor", "village")
HUSHED = timedelta(minutes=10)
"""How long an order to the whole commune holds unless it is lifted (broker.hub.silence)."""


@pages.get("/why")
@access.allow(*READERS)
def page() -> str:
    """The question, and its answer once a loudspeaker is chosen."""
    at = now()
    trouble, said, asked = "", list[str](), None
    with desk().database.reading() as db:
        nodes = list(db.scalars(select(NodeRecord).order_by(NodeRecord.label)))
        minute = _minute(at)
        if isinstance(minute, str):
            trouble = minute
        elif request.args.get("node"):
            asked = next((node for node in nodes if node.name == request.args["node"]), None)
            if asked is None:
                trouble = "Không có cụm loa này; xin chọn trong danh sách."
            else:
                said = why(facts_of(db, asked, minute, at))
    shown = minute if isinstance(minute, datetime) else at
    return render_template(
        "silent.html",
        here="why",
        nodes=[node for node in nodes if node.retired_at is None or node is asked],
        chosen=asked,
        said=said,
        trouble=trouble,
        day=request.args.get("day", "") if trouble else _typed(local(shown)),
        clock=request.args.get("at") or hm(shown),
        minute=f"{hm(shown)} {short_day(local(shown).date(), local(at).date())}",
    )


def facts_of(db: Session, node: NodeRecord, minute: datetime, at: datetime) -> Facts:
    """Everything the records know of one loudspeaker around a minute."""
    begin, end = bounds(local(minute).date())
    rows = _occurrences(db, begin - timedelta(hours=3), end)
    here = [row for row in rows if node.village in row.revision.villages]
    turns, lined = turns_of(db), dict[str, Booking]()
    lined = lined_up(rows, turns)
    names = {row.id: row.full_name for row in db.scalars(select(Account))}
    stops = {
        row.occurrence: row for row in db.scalars(select(Stop).where(Stop.at >= begin, Stop.occurrence != ""))
    }
    life = db.get(ServiceSeen, f"{node.name}.speaker")
    village = db.get(Village, node.village)
    plays = [_asked(db, row, node, lined, turns, stops.get(row.id), names) for row in here]
    ahead = [
        (row.revision.title, row.start) for row in here if row.start > minute and row.cancelled_at is None
    ]
    return Facts(
        minute=minute,
        now=at,
        place=f"thôn {village.name if village else node.village}",
        quiet=rules_of(db).quiet,
        registered_at=node.registered_at,
        retired_at=node.retired_at,
        plays=plays,
        waiting=[
            (one.title, start, one.author.full_name)
            for one in waiting(db)
            if node.village in one.villages
            for start in map(start_of, one.starts)
        ],
        elsewhere=[row.revision.title for row in rows if row not in here and _covers(row, minute)],
        orders=_orders(db, begin - HUSHED, end),
        away_since=life.since if life is not None and life.state in ("lost", "stopped") else None,
        is_never_seen=life is None,
        next=min(ahead, key=lambda each: each[1], default=None),
    )


def _occurrences(db: Session, since: datetime, until: datetime) -> Sequence[Occurrence]:
    query = (
        select(Occurrence)
        .where(Occurrence.start >= since, Occurrence.start < until)
        .options(selectinload(Occurrence.revision), selectinload(Occurrence.plays))
        .order_by(Occurrence.start, Occurrence.id)
    )
    return db.scalars(query).all()


def _asked(
    db: Session,
    row: Occurrence,
    node: NodeRecord,
    lined: Mapping[str, Booking],
    turns: Turns,
    stop: Stop | None,
    names: Mapping[int, str],
) -> Asked:
    play = next((each for each in row.plays if each.node == node.name), None)
    play = play or Play(
        state="cancelled" if row.cancelled_at else "planned", reason="", proof_level=0, sound=""
    )
    revision = row.revision
    later = timedelta(seconds=later_s(row, node.name, lined, turns, tuning_of(db, node.name)))
    turn = turns.groups(revision.villages).get(node.name, 0) + 1 if turns.points else 0
    is_turned = bool(turns.spread_s(revision.villages, row.duration_s, row.tolerance_s))
    return Asked(
        title=revision.title,
        kind=rank_of(revision),
        start=row.start,
        begins=row.start + later,
        length_s=row.duration_s or length_of(revision),
        tolerance_s=row.tolerance_s,
        state=play.state,
        reason=play.reason,
        started_at=play.started_at,
        ended_at=play.ended_at,
        said_at=play.said_at,
        proof_level=play.proof_level,
        is_filed=play.sound == "file",
        is_drill=revision.drill,
        behind=_behind(row, lined),
        turn=turn if is_turned else 0,
        ended=revision.state if row.cancelled_at and revision.state in ("withdrawn", "superseded") else "",
        stopped_by=names.get(stop.account_id, "") if stop is not None else "",
        stopped_at=stop.at if stop is not None else None,
    )


def _behind(row: Occurrence, lined: Mapping[str, Booking]) -> str:
    """The ưu tiên after which this one speaks."""
    mine = lined.get(row.id)
    if mine is None or not mine.delay_s:
        return ""
    ahead = [
        each
        for each in lined.values()
        if each is not mine and each.begins < mine.begins and not each.villages.isdisjoint(mine.villages)
    ]
    return max(ahead, key=lambda each: each.end).title if ahead else ""


def _covers(row: Occurrence, minute: datetime) -> bool:
    return row.cancelled_at is None and row.start <= minute <= row.start + timedelta(seconds=row.duration_s)


def _orders(db: Session, since: datetime, until: datetime) -> list[Order]:
    """Orders of silence to the whole commune, as the audit log has them."""
    people = {row.username: row.full_name for row in db.scalars(select(Account))}
    rows = db.execute(
        select(AuditRow.at, AuditRow.actor, AuditRow.action)
        .where(
            AuditRow.at >= since,
            AuditRow.at < until,
            AuditRow.subject == "*",
            AuditRow.action.in_(("play.stopped", "play.resumed")),
        )
        .order_by(AuditRow.id)
    )
    found: list[Order] = []
    for at, actor, action in rows:
        if action == "play.stopped":
            found.append(Order(at, at + HUSHED, people.get(actor, actor)))
        elif found:
            found[-1] = Order(found[-1].since, min(found[-1].until, at), found[-1].by)
    return found


def _typed(at: datetime) -> str:
    """A day as people type it; a browser's own date field might put the month first."""
    return f"{at.day}/{at.month}/{at.year}"


def _minute(at: datetime) -> datetime | str:
    """The minute that is asked for, or the sentence why it cannot be read."""
    typed_day, typed_clock = request.args.get("day", ""), request.args.get("at", "")
    today = local(at).date()
    day = date_of(typed_day, today - _REACH) if typed_day else today
    clock = clock_of(typed_clock) if typed_clock else hm(at)
    if day is None or not 2000 <= day.year <= 2200:
        return "Ngày không đọc được, xin ghi như 21/11/2026."
    if clock is None:
        return f"Giờ “{typed_clock[:20]}” không đọc được, xin ghi như 17:30."
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=LOCAL)
