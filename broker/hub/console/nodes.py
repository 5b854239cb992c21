"""Điểm và máy: every node as a machine, and how a new one gets its certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.console import access
from broker.hub.console.codes import ShownCode, ShownCodes
from broker.hub.console.courses import START, enrol_course
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.faults import announce_trouble, broker_trouble
from broker.hub.console.points import (
    headline,
    point_of,
    points_of,
    rest_of,
    say_certificates,
    seen_of,
    words_of,
)
from broker.hub.console.spot import Spot, spot_of
from broker.hub.console.wording import lasting, local, when
from broker.hub.declined import Declined
from broker.hub.keys import canary, crl
from broker.hub.keys.command import enrol_command, root_fingerprint
from broker.hub.keys.enrolment import offer_code
from broker.hub.records import (
    Account,
    EnrolCode,
    NodeRecord,
    NodeSeen,
    Revocation,
    SpeakerSeen,
    Village,
)
from broker.trust.keys import IdentityError

pages = Blueprint("nodes", __name__)

READERS = ("leader", "admin", "auditor")
"""Who may see the machines; only the admin adds and revokes."""
MOST_NODES = 999
_NO_PERSON = {"provision": "Người cài máy", "demo": "Bản chạy thử"}
"""Who acted at a terminal, in words."""


@dataclass(frozen=True)
class Choice:
    """A village to put a node into."""

    code: str
    name: str
    nodes: int


@dataclass(frozen=True)
class Door:
    """Something that decides who may come in, and how it stands."""

    name: str
    weight: str
    said: str


@dataclass(frozen=True)
class Happened:
    """Something that happened to a node."""

    at: datetime
    said: str
    time: str


@pages.get("/nodes")
@access.allow(*READERS)
def all_nodes() -> str:
    """The page, or only its changing part for the script."""
    at = now()
    with desk().database.reading() as db:
        seen = seen_of(db)
        doors, dead = _doors(db, at), broker_trouble(db, at)
    points = points_of(replace(seen, is_dark=bool(dead)), at)
    return render_template(
        "_nodes.html" if is_part() else "nodes.html",
        here="nodes",
        head="Chưa biết các điểm thế nào." if dead and points else headline(points),
        dead=dead,
        said=say_certificates(points, seen),
        points=[point for point in points if not point.is_retired],
        retired=[point for point in points if point.is_retired],
        doors=doors,
        root=_root(),
    )


@pages.get("/nodes/<name>")
@access.allow(*READERS)
def one_node(name: str) -> str:
    """One node: each of its programs, what it holds, what happened to it."""
    return show(name)


def show(name: str, spot: Spot | None = None) -> str:
    """The page of one node. spot: the place as it was typed, where that could not be kept."""
    at = now()
    with desk().database.reading() as db:
        node = node_of(db, name)
        seen = replace(seen_of(db, name), is_dark=bool(broker_trouble(db, at)))
        point = point_of(seen, node, at)
        past = _past(db, node)
        spot = spot or spot_of(db, node)
    return render_template(
        "_node.html" if is_part() else "node.html",
        here="nodes",
        point=point,
        revocation=seen.revocations.get(name),
        facts=_facts(node, seen.health.get(name), seen.speakers.get(name), at),
        past=past,
        spot=spot,
    )


@pages.get("/nodes/new")
@access.allow("admin")
def new() -> str:
    """Choose the village; everything else is proposed."""
    return _new_page()


@pages.post("/nodes/new")
@access.allow("admin")
def add() -> Response | tuple[str, int]:
    """Register a node and get its first code."""
    form = request.form
    try:
        with desk().database.session() as db:
            village = db.get(Village, form.get("village", ""))
            if village is None:
                raise Declined("no-village-chosen", "Xin chọn thôn đặt máy.")
            name = form.get("name", "").strip().lower() or free_name(
                db.scalars(select(NodeRecord.name)).all()
            )
            if db.get(NodeRecord, name) is not None:
                raise Declined("node-taken", f"Tên máy {name} đã có điểm dùng, xin chọn tên khác.")
            label = " ".join(form.get("label", "").split())[:60] or _free_label(db, village)
            _offer(db, name, village.code, label)
    except Declined as why:
        return _new_page(str(why)), 409
    return redirect(url_for("nodes.enrol", name=name))


@pages.post("/nodes/<name>/code")
@access.allow("admin")
def code_again(name: str) -> Response:
    """A new code for a node that has no certificates: never enrolled, or revoked."""
    with desk().database.session() as db:
        node = node_of(db, name)
        _offer(db, node.name, node.village, node.label)
    return redirect(url_for("nodes.enrol", name=name))


@pages.get("/nodes/<name>/enrol")
@access.allow("admin")
def enrol(name: str) -> str:
    """The one command for the machine, and how its enrolment goes."""
    at = now()
    person = access.visitor()
    with desk().database.reading() as db:
        node = node_of(db, name)
        seen = seen_of(db, name)
    row = seen.codes.get(name)
    words = words_of(seen, name)
    rest_s = 0.0 if words else rest_of(seen.revocations.get(name), at)
    course = enrol_course(node.label, row, words, at, rest_s)
    shown = _shown().get(person.id, name, at)
    if row is None or row.used_at is not None or course.is_over:
        _shown().drop(person.id, name)
        shown = None
    return render_template(
        "_enrol.html" if is_part() else "enrol.html",
        here="nodes",
        node=node,
        village=f"Thôn {seen.villages.get(node.village, node.village)}",
        course=course,
        is_open=row is not None and row.used_at is None and not course.is_over,
        shown=shown,
        left=lasting((shown.expires_at - at).total_seconds()) if shown else "",
        start=START,
        command=enrol_command(desk().settings, name, shown.code) if shown else [],
    )


def node_of(db: Session, name: str) -> NodeRecord:
    """A node by its name. Raises Declined when there is none."""
    node = db.get(NodeRecord, name)
    if node is None:
        raise Declined("no-node", "Không có điểm này; có thể tên đã gõ nhầm.")
    return node


def free_name(taken: Sequence[str]) -> str:
    """The name that is proposed for the next node: "thon-05"."""
    return next(name for n in range(1, MOST_NODES) if (name := f"thon-{n:02d}") not in taken)


def _root() -> str:
    try:
        return root_fingerprint(desk().settings)
    except IdentityError:
        return ""  # the page says that the hub has no keys yet


def _doors(db: Session, at: datetime) -> list[Door]:
    """Whether the broker keeps to everybody's rights, and how long its list of revoked certificates lasts."""
    verdict, said = canary.standing(db)
    weight = {"clear": "ok", "open": "bad", "unknown": "look"}.get(verdict, "wait")
    until = crl.ends(desk().settings.keys_dir)
    warned = crl.warning(until, at)
    lasts = f"Còn hạn đến {when(until, at)}, trung tâm tự ký lại mỗi ngày." if until else ""
    dead = broker_trouble(db, at) or announce_trouble(db, at)
    return [
        Door("Máy chuyển tin", "bad" if dead else "ok", dead or "Đang chạy."),
        Door("Quyền của từng máy", weight, said or "Chưa thử lần nào."),
        Door("Danh sách thu hồi", "bad" if warned else "ok", warned or lasts),
    ]


def _offer(db: Session, name: str, village: str, label: str) -> None:
    at, person = now(), access.visitor()
    by = db.get_one(Account, person.id)
    offer = offer_code(db, node=name, village=village, label=label, by=by, now=at)
    _shown().put(person.id, name, ShownCode(offer.code, offer.expires_at), at)


def _new_page(trouble: str = "") -> str:
    with desk().database.reading() as db:
        nodes = db.scalars(select(NodeRecord)).all()
        choices = [
            Choice(row.code, row.name, sum(n.village == row.code and n.retired_at is None for n in nodes))
            for row in db.scalars(select(Village).order_by(Village.rank, Village.code))
        ]
    return render_template(
        "node-new.html",
        here="nodes",
        choices=choices,
        proposed=free_name([node.name for node in nodes]),
        trouble=trouble,
        form=request.form,
    )


def _free_label(db: Session, village: Village) -> str:
    """What people will call it: "Nhà văn hoá thôn Đông", numbered when there is one already."""
    stem = f"Nhà văn hoá thôn {village.name}"
    taken = set(db.scalars(select(NodeRecord.label)))
    return next(
        label for n in range(1, MOST_NODES) if (label := stem if n == 1 else f"{stem} {n}") not in taken
    )


def _facts(
    node: NodeRecord, health: NodeSeen | None, speaker: SpeakerSeen | None, at: datetime
) -> list[tuple[str, str]]:
    """What the machine last said it holds, as name and words."""
    found = [("Tên máy", node.name), ("Đăng ký", when(node.registered_at, at))]
    if speaker is not None:
        trust = f"số {speaker.trust_generation}" if speaker.trust_generation else "chưa có"
        found.append(("Danh sách tin cậy", trust))
        found.append(("Lịch phát", "đã nhận" if speaker.plan_generation else "chưa nhận"))
    if health is not None:
        if health.audit_index:
            found.append(("Giữ sổ nhật ký tới", f"dòng {health.audit_index}"))
        found.append(("Máy chạy liền", lasting(health.uptime_s)))
    return found


def _past(db: Session, node: NodeRecord) -> list[Happened]:
    """Codes, enrolments and revokings of a node, newest first."""
    names = _NO_PERSON | {row.username: row.full_name for row in db.scalars(select(Account))}
    found: list[tuple[datetime, str]] = []
    for code in db.scalars(select(EnrolCode).where(EnrolCode.node == node.name)):
        found.append((code.made_at, f"{names.get(code.made_by, code.made_by)} cấp mã ghi danh"))
        if code.used_at is not None:
            found.append((code.used_at, f"Máy nhận {len(code.services)} chứng thư"))
    for row in db.scalars(select(Revocation).where(Revocation.node == node.name)):
        why = f": {row.reason}" if row.reason else ""
        found.append((row.asked_at, f"{names.get(row.asked_by, row.asked_by)} thu hồi máy{why}"))
    return [
        Happened(moment, said, f"{local(moment):%H:%M, %d/%m/%Y}")
        for moment, said in sorted(found, key=lambda each: each[0], reverse=True)[:12]
    ]


def _shown() -> ShownCodes:
    found: ShownCodes = current_app.extensions["shown-codes"]
    return found
