"""Every source of the wire as the records know it: alive or not, its last word, how far each lane is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.contract import HUB
from broker.hub.console.access import Visitor
from broker.hub.console.day import Commune
from broker.hub.console.faults import SERVICE_NAMES, service_trouble
from broker.hub.console.wording import ago, count, number, when
from broker.hub.records import Gap, HighWater, NodeSeen, Quarantine, ServiceSeen

READERS = ("leader", "admin", "auditor")
"""Who may see how the wire is; only the admin handles what lies there."""

LANES = {"alarm": "Cảnh báo", "event": "Biên nhận, lời báo", "tele": "Số đo"}
LOST_WHAT = {"alarm": "cảnh báo", "event": "tin", "tele": "số đo"}
MOST_LOSSES = 500
"""So many of the newest can be paged through."""
RECENT = timedelta(days=1)
"""A loss younger than this is something to do today."""
_IDENTITY = re.compile(r"\b[a-z0-9][a-z0-9-]*\.[a-z]+\b")


@dataclass(frozen=True)
class LaneLine:
    """How far one outbox lane is stored."""

    name: str
    upto: str
    epoch: str
    """The beginning of it: enough to see that an outbox is new."""
    at: str
    pace: str


@dataclass(frozen=True)
class Source:
    """One service of one node."""

    identity: str
    node: str
    name: str
    weight: str
    life: str
    since: str
    last_word: str
    lanes: Sequence[LaneLine]
    is_chatterer: bool


@dataclass(frozen=True)
class Point:
    """A node with its sources."""

    node: str
    label: str
    village: str
    sources: Sequence[Source]

    @property
    def weight(self) -> str:
        """The worst of its sources."""
        found = {source.weight for source in self.sources}
        return next((weight for weight in ("bad", "look", "wait") if weight in found), "ok")


@dataclass(frozen=True)
class Loss:
    """Messages that will never come, and why."""

    source: str
    what: str
    why: str
    span: str
    at: str
    is_recent: bool


@dataclass(frozen=True)
class Todo:
    """What on the wire waits for a person."""

    poisons: int = 0
    losses: int = 0
    chatterers: Sequence[str] = field(default=())

    def sentences(self) -> list[str]:
        """Each as a sentence; none when there is nothing to do."""
        found = []
        if self.poisons:
            found.append(f"{count(self.poisons)} loại tin hỏng chưa ai xem.")
        if self.losses:
            found.append(f"{count(self.losses)} chỗ thiếu tin trong một ngày qua.")
        if self.chatterers:
            found.append(f"{count(len(self.chatterers))} nguồn gửi quá nhiều.")
        return found


def todo_of(db: Session, at: datetime) -> Todo:
    """What waits for a person, by three counts."""
    poisons = db.scalar(select(func.count()).select_from(Quarantine).where(Quarantine.count > 0)) or 0
    losses = db.scalar(select(func.count()).select_from(Gap).where(Gap.at > at - RECENT)) or 0
    return Todo(poisons, losses, sorted(chatterers(db)))


def todo_for(db: Session, person: Visitor, at: datetime) -> Todo:
    """What waits on the wire, for pages of other things; nothing for those who cannot open the wire's page."""
    return todo_of(db, at) if person.is_any(*READERS) else Todo()


def chatterers(db: Session) -> set[str]:
    """Sources that ingest takes slowly now because they send too much: it says so as a problem of its own."""
    hub = db.get(ServiceSeen, f"{HUB}.ingest")
    told = [each for each in (hub.problems if hub else []) if str(each.get("code", "")).startswith("chatter")]
    return {
        name for each in told for name in _IDENTITY.findall(f"{each.get('code', '')} {each.get('text', '')}")
    }


def marks_of(db: Session) -> dict[tuple[str, str, str], HighWater]:
    """How far everything is stored, by source, epoch and lane."""
    return {(row.source, row.epoch, row.lane): row for row in db.scalars(select(HighWater)).all()}


def points_of(
    db: Session,
    commune: Commune,
    marks: Mapping[tuple[str, str, str], HighWater],
    paces: Mapping[tuple[str, str, str], float],
    at: datetime,
) -> list[Point]:
    """Every node with its sources; those that need a person first."""
    lives = {row.identity: row for row in db.scalars(select(ServiceSeen)).all()}
    health = {row.node: row.seen_at for row in db.scalars(select(NodeSeen)).all()}
    chatter = chatterers(db)
    known = {*lives, *(source for source, _, _ in marks)}
    labels = {
        node.name: (node.label, f"Thôn {commune.names.get(node.village, node.village)}")
        for node in commune.nodes
    }
    nodes = {*labels, *(identity.partition(".")[0] for identity in known)} - {HUB}
    points = []
    for node in nodes:
        own = sorted(name for name in known if name.partition(".")[0] == node)
        sources = [
            _source(
                name, lives.get(name), health.get(node), _lanes(name, marks, paces, at), name in chatter, at
            )
            for name in own
        ]
        label, village = labels.get(node, (node, "Chưa đăng ký"))
        points.append(Point(node, label, village, sources))
    return sorted(points, key=_rank)


def losses_of(db: Session, labels: Mapping[str, str], at: datetime) -> list[Loss]:
    """What was lost, newest first."""
    rows = db.scalars(select(Gap).order_by(Gap.at.desc(), Gap.id.desc()).limit(MOST_LOSSES)).all()
    return [_loss(row, labels, at) for row in rows]


def name_of(identity: str, labels: Mapping[str, str]) -> str:
    """A source in words: "Bo mạch, Đông 1, nhà văn hoá"."""
    if identity == "unknown":
        return "Nguồn lạ"
    if identity == "influx":
        return "Máy chủ Influx"
    node, _, service = identity.partition(".")
    if node == "token":
        return f"Chương trình {service}"
    return f"{SERVICE_NAMES.get(service, service)}, {labels.get(node, node)}"


def _source(
    identity: str,
    life: ServiceSeen | None,
    health_at: datetime | None,
    lanes: list[tuple[datetime, LaneLine]],
    is_chatterer: bool,
    at: datetime,
) -> Source:
    node, _, service = identity.partition(".")
    words = [*(moment for moment, _ in lanes), *([life.seen_at] if life else [])]
    if service == "node" and health_at is not None:
        words.append(health_at)
    weight, said = _life(life, at)
    return Source(
        identity=identity,
        node=node,
        name=SERVICE_NAMES.get(service, service),
        weight="look" if is_chatterer and weight == "ok" else weight,
        life=said,
        since=f"từ {when(life.since, at)}" if life else "",
        last_word=ago(max(words), at) if words else "chưa nghe",
        lanes=[line for _, line in lanes],
        is_chatterer=is_chatterer,
    )


def _life(life: ServiceSeen | None, at: datetime) -> tuple[str, str]:
    """Colour and word of a source's connection."""
    if life is None:
        return "look", "Chưa báo tình trạng"
    if life.state in ("lost", "stopped"):
        return "bad", "Mất nối" if life.state == "lost" else "Đã tắt"
    if life.state == "starting":
        return "wait", "Đang khởi động"
    return ("look", "Đang nối, có chỗ vướng") if service_trouble(life, at) else ("ok", "Đang nối")


def _lanes(
    identity: str,
    marks: Mapping[tuple[str, str, str], HighWater],
    paces: Mapping[tuple[str, str, str], float],
    at: datetime,
) -> list[tuple[datetime, LaneLine]]:
    """The newest outbox of each lane."""
    newest: dict[str, HighWater] = {}
    for (source, _, lane), row in marks.items():
        if source == identity and (lane not in newest or row.at > newest[lane].at):
            newest[lane] = row
    return [
        (
            row.at,
            LaneLine(
                LANES.get(lane, lane), number(row.upto), row.epoch[:6], ago(row.at, at), _say_pace(row, paces)
            ),
        )
        for lane, row in sorted(
            newest.items(), key=lambda each: list(LANES).index(each[0]) if each[0] in LANES else 9
        )
    ]


def _say_pace(row: HighWater, paces: Mapping[tuple[str, str, str], float]) -> str:
    pace = paces.get((row.source, row.epoch, row.lane))
    if pace is None:
        return ""
    return f"{number(pace, 0 if pace >= 10 or pace == 0 else 1)} tin/phút"


def _loss(row: Gap, labels: Mapping[str, str], at: datetime) -> Loss:
    total = row.count if row.count is not None else row.last - row.first + 1
    what = LOST_WHAT.get(row.lane, "tin")
    reasons = {
        "quota": f"Máy hết chỗ dành cho hàng chờ, đã bỏ bớt {what} cũ.",
        "disk-full": f"Đĩa của máy đầy, đã bỏ bớt {what} cũ.",
    }
    unsaid = (
        "Máy không còn giữ khi trung tâm hỏi: máy mới thay thẻ nhớ, hoặc trung tâm vừa phục hồi bản sao cũ."
    )
    return Loss(
        source=name_of(row.source, labels),
        what=f"{number(total)} {what}",
        why=reasons.get(row.reason, unsaid if not row.reason else f"Máy báo: {row.reason}."),
        span=f"{number(row.first)} – {number(row.last)}",
        at=when(row.at, at),
        is_recent=row.at > at - RECENT,
    )


def _rank(point: Point) -> tuple[int, str]:
    order: Iterable[str] = ("bad", "look", "wait", "ok")
    return list(order).index(point.weight), point.label
