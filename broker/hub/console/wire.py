"""Đường truyền: whether every source is heard, what was lost on the way, what came and could not be stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from broker.hub import quarantine
from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.faults import broker_trouble
from broker.hub.console.pace import Pace
from broker.hub.console.pager import here, page_of, turn
from broker.hub.console.poison import say_reason, show_bytes
from broker.hub.console.sources import (
    READERS,
    Point,
    Todo,
    losses_of,
    marks_of,
    name_of,
    points_of,
    todo_of,
)
from broker.hub.console.wording import count, number, when
from broker.hub.records import Quarantine, write_audit

pages = Blueprint("wire", __name__)

POINTS, LOSSES, POISONS = 8, 8, 8
"""How many stand on one page."""


@dataclass(frozen=True)
class Poison:
    """One kind of message that could not be stored."""

    number: int
    source: str
    identity: str
    what: str
    advice: str
    reason: str
    topic: str
    count: int
    count_said: str
    first: str
    last: str
    sample: str
    size: int


@pages.get("/wire")
@access.allow(*READERS)
def wire() -> str:
    """The page, or only its changing part for the script."""
    at, args = now(), request.args
    with desk().database.reading() as db:
        commune = commune_of(db)
        marks = marks_of(db)
        paces = _pace().look({mark: row.upto for mark, row in marks.items()}, at)
        points = points_of(db, commune, marks, paces, at)
        labels = {point.node: point.label for point in points}
        losses = losses_of(db, labels, at)
        fresh, seen = _poisons(db, labels, at)
        todo = todo_of(db, at)
        dead = broker_trouble(db, at)
    return render_template(
        "_wire.html" if is_part() else "wire.html",
        here="wire",
        head="Không tin nào về được trung tâm." if dead else headline(points, todo),
        dead=dead,
        said=" ".join([say_points(points), *todo.sentences()]),
        todo=todo,
        chatter=[name_of(name, labels) for name in todo.chatterers],
        points=page_of(points, args.get("diem", ""), POINTS),
        losses=page_of(losses, args.get("thieu", ""), LOSSES),
        poisons=page_of(fresh, args.get("hong", ""), POISONS),
        seen=page_of(seen, args.get("daxem", ""), POISONS),
        may_handle=access.visitor().is_any("admin"),
        address=here(),
        turn=turn,
    )


@pages.post("/wire/quarantine/<int:number>/seen")
@access.allow("admin")
def set_aside(number: int) -> AnyResponse:
    """I looked at this kind of bad message; it counts anew when it comes again."""
    looked_at = request.form.get("count", "")
    with desk().database.session() as db:
        wanted = int(looked_at) if looked_at.isascii() and looked_at.isdigit() and len(looked_at) < 16 else 0
        quarantine.set_aside(db, number, wanted, access.visitor().username, now())
    return redirect(url_for("wire.wire"))


@pages.get("/wire/quarantine/<int:number>/sample")
@access.allow("admin")
def sample(number: int) -> Response:
    """The kept bytes as a file: never shown by a browser as anything. Taking it is recorded."""
    with desk().database.session() as db:
        row = db.get(Quarantine, number)
        if row is None:
            abort(404)
        write_audit(
            db, now(), access.visitor().username, "quarantine.downloaded", row.source, {"reason": row.reason}
        )
        body, source = row.sample, re.sub(r"[^a-z0-9.-]", "-", row.source)
    answer = Response(body, mimetype="application/octet-stream")
    answer.headers.set("Content-Disposition", "attachment", filename=f"mau-{source}-{number}.bin")
    return answer


def headline(points: list[Point], todo: Todo) -> str:
    """The answer first."""
    lost = [point for point in points if point.weight == "bad"]
    if not points:
        return "Xã chưa có điểm nào."
    if lost:
        return f"{count(len(lost))} điểm có phần mất nối."
    return "Có việc cần xem trên đường truyền." if todo.sentences() else "Tin từ mọi điểm về đủ."


def say_points(points: list[Point]) -> str:
    """How many sources are connected, as a sentence."""
    sources = [source for point in points for source in point.sources]
    joined = sum(source.weight != "bad" and not source.life.startswith("Chưa") for source in sources)
    if not sources:
        return "Chưa có máy nào nối về trung tâm."
    if joined == len(sources):
        return f"Cả {number(joined)} chương trình ở {len(points)} điểm đang nối."
    return f"{number(joined)} trên {number(len(sources))} chương trình đang nối."


def _poisons(db: Session, labels: dict[str, str], at: datetime) -> tuple[list[Poison], list[Poison]]:
    """What nobody looked at yet and what was set aside, newest first."""
    rows = db.scalars(select(Quarantine).order_by(Quarantine.last_at.desc(), Quarantine.id)).all()
    said = [_poison(row, labels, at) for row in rows]
    return [each for each in said if each.count], [each for each in said if not each.count]


def _poison(row: Quarantine, labels: dict[str, str], at: datetime) -> Poison:
    what, advice = say_reason(row.reason)
    return Poison(
        number=row.id,
        source=name_of(row.source, labels),
        identity=row.source,
        what=what,
        advice=advice,
        reason=row.reason,
        topic=row.topic,
        count=row.count,
        count_said=number(row.count),
        first=when(row.first_at, at),
        last=when(row.last_at, at),
        sample=show_bytes(row.sample),
        size=len(row.sample),
    )


def _pace() -> Pace:
    found: Pace = current_app.extensions["pace"]
    return found
