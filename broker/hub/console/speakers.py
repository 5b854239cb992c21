"""Cụm loa: every point with the life of its services, what is playing, and the button that silences all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.contract import HUB
from broker.hub.announcing.emergency_running import running as running_now
from broker.hub.console import access, evidence
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.faults import SERVICE_NAMES, advice_of, broker_trouble, service_trouble
from broker.hub.console.progress import NOTES
from broker.hub.console.stages import is_spoken
from broker.hub.console.wording import ago, count, lasting, number, when
from broker.hub.records import NodeRecord, NodeSeen, Occurrence, ServiceSeen
from broker.hub.silence import silence_of

pages = Blueprint("speakers", __name__)

LIFE = {
    "starting": "Đang khởi động",
    "ready": "Đang chạy",
    "degraded": "Chạy, có chỗ vướng",
    "stopped": "Đã tắt",
    "lost": "Mất nối",
}
ORDER = ("speaker", "camera", "kiosk", "board", "node")
HUB_NAMES = {"ingest": "Nhận tin từ các điểm", "announce": "Gửi lịch phát", "web": "Trang làm việc này"}
_ON_WIRE = {"ingest": "Không tin nào về được.", "announce": "Không lịch phát, lệnh nào tới loa."}
"""What a service of the hub cannot do while the broker is down."""
CLOCKS = {"trusted": "đồng hồ tin được", "estimated": "đồng hồ ước lượng", "unknown": "chưa biết chắc giờ"}


@dataclass(frozen=True)
class Service:
    """One service of a point as the page shows it."""

    identity: str
    name: str
    state: str
    weight: str
    said: str
    text: str
    since: str
    is_speaker: bool


@dataclass(frozen=True)
class Point:
    """One cultural house."""

    name: str
    label: str
    village: str
    services: Sequence[Service]
    health: str
    standing: evidence.Said


@dataclass(frozen=True)
class Line:
    """A playing in a list."""

    title: str
    said: str
    href: str


@pages.get("/speakers")
@access.allow("editor", "approver", "leader", "admin", "auditor", "village")
def points() -> str:
    """The page, or only its changing part for the script."""
    at = now()
    with desk().database.reading() as db:
        commune, dead = commune_of(db), broker_trouble(db, at)
        seen = db.scalars(select(ServiceSeen)).all()
        health = {one.node: one for one in db.scalars(select(NodeSeen)).all()}
        shown = [
            _point(
                n,
                commune,
                seen,
                health.get(n.name),
                _standing(db, n, at, is_dark=bool(dead)),
                at,
                is_dark=bool(dead),
            )
            for n in commune.nodes
        ]
        found = {
            "points": sorted(shown, key=_trouble),
            "head": "Chưa biết các cụm loa thế nào." if dead and shown else _headline(shown),
            "dead": dead,
            "hub": [_service(one, at, is_dark=bool(dead)) for one in seen if one.node == HUB],
            "playing": _lines(db, at, playing=True),
            "recent": _lines(db, at, playing=False),
            "is_silent": silence_of(db, at) is not None,
            "is_alarm": any(not one.is_drill for one in running_now(db, at)),
        }
    note = NOTES.get(request.args.get("note", ""), "")
    return render_template(
        "_speakers.html" if is_part() else "speakers.html", here="play", note=note, **found
    )


def _trouble(point: Point) -> int:
    """Points that need a person come first."""
    weights = {point.standing.weight, *(service.weight for service in point.services)}
    return 0 if "bad" in weights or not point.services else 1 if "look" in weights else 2


def _headline(shown: Sequence[Point]) -> str:
    troubled, watch = (sum(_trouble(point) == rank for point in shown) for rank in (0, 1))
    if not shown:
        return "Xã chưa có điểm nào."
    if troubled:
        return f"{count(troubled)} điểm cần người xem."
    if watch:
        return f"{count(watch)} điểm chạy nhưng có chỗ vướng."
    return f"{count(len(shown))} điểm đều chạy tốt." if len(shown) > 1 else "Điểm này chạy tốt."


def _point(
    node: NodeRecord,
    commune: Commune,
    seen: Sequence[ServiceSeen],
    health: NodeSeen | None,
    standing: evidence.Said,
    at: datetime,
    *,
    is_dark: bool,
) -> Point:
    own = sorted((s for s in seen if s.node == node.name), key=_rank)
    services = [_service(one, at, is_dark=is_dark) for one in own]
    village = f"Thôn {commune.names.get(node.village, node.village)}"
    return Point(node.name, node.label, village, services, " · ".join(_health(health, at)), standing)


def _rank(seen: ServiceSeen) -> int:
    return ORDER.index(seen.service) if seen.service in ORDER else len(ORDER)


def _standing(db: Session, node: NodeRecord, at: datetime, *, is_dark: bool) -> evidence.Said:
    """How a loudspeaker stands; while the broker is down nobody knows whether what was well still is."""
    known = evidence.standing_of(db, node, at)
    if is_dark and known.weight in ("ok", "wait", "plain"):
        return evidence.Said(
            "wait", f"Chưa biết, lần cuối: {known.said[:1].lower()}{known.said[1:]}", known.more
        )
    return known


def _service(seen: ServiceSeen, at: datetime, *, is_dark: bool) -> Service:
    """One row. is_dark: the broker is down, so what a service last said is old, and the hub's own reach nobody."""
    trouble = service_trouble(seen, at)
    text = " ".join(str(problem.get("text", "")) for problem in seen.problems)
    if seen.state == "lost" or (seen.state == "stopped" and seen.node == HUB):
        text = advice_of(seen)
    row = _row(seen, trouble, text, at)
    if is_dark and trouble is None and seen.node == HUB and seen.service in _ON_WIRE:
        return replace(row, weight="bad", said="Chạy, nhưng máy chuyển tin tắt", text=_ON_WIRE[seen.service])
    if is_dark and trouble is None and seen.node != HUB:
        return replace(row, weight="wait", said="Chưa biết", text="lần cuối: đang chạy")
    return row


def _row(seen: ServiceSeen, trouble: tuple[str, str] | None, text: str, at: datetime) -> Service:
    return Service(
        identity=seen.identity,
        name=SERVICE_NAMES.get(seen.service) or HUB_NAMES.get(seen.service, seen.service),
        state=seen.state,
        weight="ok" if trouble is None else "wait" if seen.state == "starting" else trouble[0],
        said=LIFE.get(seen.state, seen.state),
        text=text,
        since=f"từ {when(seen.since, at)}",
        is_speaker=seen.service == "speaker",
    )


def _health(health: NodeSeen | None, at: datetime) -> list[str]:
    """What the point's computer last said, in words."""
    said = []
    if health is not None:
        said.append(f"đĩa trống {number(health.disk_free_percent)} %")
        said.append(f"bộ nhớ trống {number(health.memory_free_percent)} %")
        if health.cpu_celsius is not None:
            said.append(f"máy {number(health.cpu_celsius)} °C")
        said.append(CLOCKS.get(health.clock, health.clock))
        said.append(f"chạy liền {lasting(health.uptime_s).split(' ')[0]}")
        said.append(f"báo {ago(health.seen_at, at)}")
    return said


def _lines(db: Session, at: datetime, *, playing: bool) -> list[Line]:
    """Playings of the last day that are under way, or that are over."""
    rows = db.scalars(
        select(Occurrence)
        .where(Occurrence.start > at - timedelta(days=3), Occurrence.start <= at + timedelta(minutes=1))
        .options(selectinload(Occurrence.revision), selectinload(Occurrence.plays))
        .order_by(Occurrence.start.desc())
        .limit(40)
    ).all()
    shown = [row for row in rows if _is_under_way(row, at) == playing]
    return [
        Line(
            row.revision.title,
            f"{when(row.start, at)} · {_said(row, at)}",
            url_for("progress.announcement", key=row.revision.announcement_id, lan=row.id),
        )
        for row in shown[:6]
    ]


def _is_under_way(row: Occurrence, at: datetime) -> bool:
    """Whether it sounds now, as far as is known: nobody stopped it, and it could not be over yet."""
    latest = row.start + timedelta(seconds=row.tolerance_s + row.duration_s)
    return row.cancelled_at is None and latest > at and any(play.state == "playing" for play in row.plays)


def _said(row: Occurrence, at: datetime) -> str:
    played = sum(is_spoken(play) for play in row.plays)
    now_playing = sum(play.state == "playing" for play in row.plays)
    if row.cancelled_at is not None and played < len(row.plays):
        return f"đã ra lệnh dừng, {now_playing} cụm chưa báo đã im" if now_playing else "đã dừng"
    if now_playing and not _is_under_way(row, at):
        return f"{played}/{len(row.plays)} cụm đã phát, {now_playing} cụm chưa báo đã xong"
    if now_playing:
        return f"{now_playing}/{len(row.plays)} cụm đang phát"
    return f"{played}/{len(row.plays)} cụm đã phát"
