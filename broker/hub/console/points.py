"""What the records know of each node as a machine: enrolled or not, until when, its last word, what needs a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract import HUB
from broker.hub.console.faults import SERVICE_NAMES, service_trouble
from broker.hub.console.wording import ago, count, lasting, local, when
from broker.hub.keys.rights import HALF_OPEN
from broker.hub.records import (
    Base,
    Certificate,
    EnrolCode,
    NodeRecord,
    NodeSeen,
    Revocation,
    ServiceSeen,
    SpeakerSeen,
    Village,
)

SOON = timedelta(days=30)
"""A certificate with less than this left should have been renewed long ago: somebody has to look."""
ORDER = ("node", "speaker", "camera", "kiosk", "board")
Row = TypeVar("Row", bound=Base)
_WEIGHTS = ("bad", "look", "wait", "ok", "plain")


@dataclass(frozen=True)
class Line:
    """One program of a node: its life, and its certificate."""

    identity: str
    name: str
    weight: str
    said: str
    until: str
    until_weight: str
    last_word: str


@dataclass(frozen=True)
class Point:
    """One node as the page shows it."""

    name: str
    label: str
    village: str
    weight: str
    said: str
    since: str
    certificates: str
    certificates_weight: str
    last_word: str
    is_enrolled: bool
    is_retired: bool
    code: EnrolCode | None
    """The newest code, while it can still be used."""
    lines: Sequence[Line]


@dataclass(frozen=True)
class Seen:
    """Everything the pages of nodes read, once."""

    villages: Mapping[str, str]
    nodes: Sequence[NodeRecord]
    certificates: Mapping[str, Sequence[Certificate]]
    """Those that are not revoked, the newest of each identity, by node."""
    codes: Mapping[str, EnrolCode]
    """The newest code of each node, whatever became of it."""
    services: Mapping[str, Sequence[ServiceSeen]]
    health: Mapping[str, NodeSeen]
    speakers: Mapping[str, SpeakerSeen]
    revocations: Mapping[str, Revocation] = field(default_factory=dict)
    """The newest of each node."""
    is_dark: bool = False
    """The broker is down: what was well when it was last heard may not be any more."""


def seen_of(db: Session, name: str | None = None) -> Seen:
    """Read the nodes, or only the one that is named."""

    newest: dict[str, dict[str, Certificate]] = {}
    for certificate in _rows(db, Certificate, "node", name, Certificate.issued_at):
        if certificate.revoked_at is None:
            newest.setdefault(certificate.node, {})[certificate.identity] = certificate
    services: dict[str, list[ServiceSeen]] = {}
    for service in _rows(db, ServiceSeen, "node", name, ServiceSeen.identity):
        services.setdefault(service.node, []).append(service)
    return Seen(
        villages={row.code: row.name for row in db.scalars(select(Village))},
        nodes=_rows(db, NodeRecord, "name", name, NodeRecord.name),
        certificates={node: list(found.values()) for node, found in newest.items()},
        codes={row.node: row for row in _rows(db, EnrolCode, "node", name, EnrolCode.id)},
        services=services,
        health={row.node: row for row in _rows(db, NodeSeen, "node", name, NodeSeen.node)},
        speakers={row.node: row for row in _rows(db, SpeakerSeen, "node", name, SpeakerSeen.node)},
        revocations={row.node: row for row in _rows(db, Revocation, "node", name, Revocation.id)},
    )


def words_of(seen: Seen, name: str) -> Sequence[ServiceSeen]:
    """What a node's services last said, without the words of a machine that was revoked since."""
    revocation, code = seen.revocations.get(name), seen.codes.get(name)
    services = seen.services.get(name, ())
    if revocation is None:
        return services
    since = revocation.asked_at
    if code is not None and code.used_at is not None:
        since = max(since, code.used_at)
    return [one for one in services if one.seen_at >= since]


def rest_of(revocation: Revocation | None, at: datetime) -> float:
    """Seconds until a new machine gets rights under the name of one that was revoked; 0 when it may come at once."""
    if revocation is None:
        return 0.0
    since = revocation.crl_loaded_at or at
    return max(0.0, (since + HALF_OPEN - at).total_seconds())


def points_of(seen: Seen, at: datetime) -> list[Point]:
    """Every node; those that need a person first, those taken away last."""
    found = [point_of(seen, node, at) for node in seen.nodes if node.name != HUB]
    return sorted(found, key=lambda one: (one.is_retired, _WEIGHTS.index(one.weight), one.label))


def point_of(seen: Seen, node: NodeRecord, at: datetime) -> Point:
    """One node."""
    certificates = seen.certificates.get(node.name, ())
    services = words_of(seen, node.name)
    code = open_code(seen.codes.get(node.name), at)
    weight, said, since = _life(node, certificates, services, code, at)
    rest_s = 0.0 if services else rest_of(seen.revocations.get(node.name), at)
    if rest_s and node.retired_at is None and certificates:
        weight, said, since = "wait", "Chờ đủ hai phút sau thu hồi", f"còn {lasting(rest_s)}"
    if seen.is_dark and services and weight == "ok":
        weight, said, since = "wait", "Chưa biết", "lần cuối: đang chạy"
    until_weight, until = _until(certificates, at)
    words = [one.seen_at for one in services]
    if node.name in seen.health:
        words.append(seen.health[node.name].seen_at)
    is_retired = node.retired_at is not None
    if (
        not is_retired
        and until_weight in ("bad", "look")
        and _WEIGHTS.index(until_weight) < _WEIGHTS.index(weight)
    ):
        weight = until_weight
        said = "Chứng thư hết hạn" if until_weight == "bad" else "Chứng thư sắp hết"
    return Point(
        name=node.name,
        label=node.label,
        village=f"Thôn {seen.villages.get(node.village, node.village)}",
        weight=weight,
        said=said,
        since=since,
        certificates=until,
        certificates_weight=until_weight,
        last_word=ago(max(words), at) if words else "chưa nghe lần nào",
        is_enrolled=bool(certificates),
        is_retired=is_retired,
        code=code,
        lines=() if is_retired else _lines(certificates, services, at, is_dark=seen.is_dark),
    )


def open_code(code: EnrolCode | None, at: datetime) -> EnrolCode | None:
    """The code if a machine could still use it now."""
    if code is None or code.used_at is not None or code.ended_at is not None:
        return None
    return code if code.expires_at > at and code.tries_left > 0 else None


def headline(points: Sequence[Point]) -> str:
    """The answer first."""
    here = [point for point in points if not point.is_retired]
    bad = sum(point.weight == "bad" for point in here)
    look = sum(point.weight == "look" for point in here)
    waits = sum(point.weight == "wait" for point in here)
    if not here:
        return "Xã chưa có điểm nào."
    if bad:
        return f"{count(bad)} điểm cần người xem."
    if look:
        return f"{count(look)} điểm nên xem."
    if waits:
        return f"{count(waits)} điểm đang chờ máy."
    return f"{count(len(here))} điểm đều chạy tốt." if len(here) > 1 else "Điểm của xã chạy tốt."


def say_certificates(points: Sequence[Point], seen: Seen) -> str:
    """How many certificates are in use and when the first of them ends."""
    here = {point.name for point in points if not point.is_retired}
    ends = [one.not_after for node, found in seen.certificates.items() if node in here for one in found]
    if not ends:
        return "Chưa cấp chứng thư nào."
    return f"{len(ends)} chứng thư đang dùng, sớm nhất hết ngày {_day(min(ends))}. Máy tự gia hạn trước đó."


def _rows(db: Session, table: type[Row], column: str, name: str | None, order: Any) -> list[Row]:
    """All rows of a table, or those of one node."""
    query = select(table).order_by(order)
    return list(db.scalars(query if name is None else query.where(getattr(table, column) == name)))


def _life(
    node: NodeRecord,
    certificates: Sequence[Certificate],
    services: Sequence[ServiceSeen],
    code: EnrolCode | None,
    at: datetime,
) -> tuple[str, str, str]:
    """Colour, word and since when."""
    if node.retired_at is not None:
        if code is not None:
            return "wait", "Đã thu hồi, chờ máy mới", f"mã đến {when(code.expires_at, at)}"
        return "plain", "Đã thu hồi", f"lúc {when(node.retired_at, at)}"
    if not certificates and not services:
        if code is not None:
            return "wait", "Chờ máy ghi danh", f"mã đến {when(code.expires_at, at)}"
        return "look", "Chưa ghi danh", "chưa có mã còn dùng được"
    if not services:
        return "wait", "Đã ghi danh, chưa nối", f"từ {when(max(c.issued_at for c in certificates), at)}"
    lost = [one for one in services if one.state in ("lost", "stopped")]
    if lost:
        said = "Mất nối" if len(lost) == len(services) else "Một phần mất nối"
        return "bad", said, f"từ {when(min(one.since for one in lost), at)}"
    if any(one.state == "starting" for one in services):
        return "wait", "Đang khởi động", ""
    if any(service_trouble(one, at) for one in services):
        return "look", "Chạy, có chỗ vướng", ""
    return "ok", "Đang chạy", f"từ {when(max(one.since for one in services), at)}"


def _until(certificates: Sequence[Certificate], at: datetime) -> tuple[str, str]:
    """How long the first certificate of some still lasts."""
    if not certificates:
        return "plain", "chưa có"
    end = min(one.not_after for one in certificates)
    left = end - at
    if left <= timedelta(0):
        return "bad", f"hết hạn {_day(end)}"
    if left < SOON:
        return "look", f"còn {max(1, left.days)} ngày"
    return "ok", f"đến {_day(end)}"


def _lines(
    certificates: Sequence[Certificate], services: Sequence[ServiceSeen], at: datetime, *, is_dark: bool
) -> list[Line]:
    """Every program of a node that has a certificate or was heard."""
    own = {one.identity: one for one in certificates}
    lives = {one.identity: one for one in services}
    return [
        _line(name, own.get(name), lives.get(name), at, is_dark=is_dark)
        for name in sorted({*own, *lives}, key=_rank)
    ]


def _line(
    identity: str,
    certificate: Certificate | None,
    life: ServiceSeen | None,
    at: datetime,
    *,
    is_dark: bool,
) -> Line:
    service = identity.partition(".")[2]
    weight, said = "wait", "Chưa nối"
    if life is not None:
        trouble = service_trouble(life, at)
        weight, said = trouble or (
            ("wait", "Chưa biết, lần cuối: đang chạy.") if is_dark else ("ok", "Đang chạy.")
        )
    until_weight, until = _until([certificate] if certificate else [], at)
    return Line(
        identity=identity,
        name=SERVICE_NAMES.get(service, service),
        weight=weight,
        said=said,
        until=until,
        until_weight=until_weight,
        last_word=ago(life.seen_at, at) if life else "chưa nghe",
    )


def _rank(identity: str) -> tuple[int, str]:
    service = identity.partition(".")[2]
    return (ORDER.index(service) if service in ORDER else len(ORDER), identity)


def _day(at: datetime) -> str:
    moment = local(at)
    return f"{moment.day}/{moment.month}/{moment.year}"
