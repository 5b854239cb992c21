"""Thu hồi: a machine is lost, stolen or worn out; from now on it must neither hear nor say anything here."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from broker.hub.console import access
from broker.hub.console.courses import revoke_course
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.nodes import READERS, node_of
from broker.hub.console.points import Point, point_of, seen_of
from broker.hub.declined import Declined
from broker.hub.keys.enrolment import revoke_node
from broker.hub.records import Account, NodeRecord, Revocation

pages = Blueprint("revoke", __name__)

REASONS = {
    "lost": "Máy bị mất hoặc bị lấy cắp",
    "doubt": "Nghi có người khác dùng máy",
    "broken": "Máy hỏng, đem sửa hoặc bỏ",
    "replaced": "Thay bằng máy khác",
    "mistake": "Thêm nhầm điểm này",
}
"""What a person chooses from, by the value of the form."""
LONGEST_NOTE = 120


@pages.get("/nodes/<name>/revoke")
@access.allow("admin")
def ask(name: str) -> str:
    """Why, and are you sure."""
    return _page(name)


@pages.post("/nodes/<name>/revoke")
@access.allow("admin")
def revoke(name: str) -> Response | tuple[str, int]:
    """Cut the node off; the next page shows how it goes."""
    form = request.form
    try:
        if form.get("why", "") not in REASONS:
            raise Declined("reason-missing", "Xin chọn vì sao thu hồi; lý do được ghi vào sổ nhật ký.")
        if form.get("sure") != "yes":
            raise Declined("not-sure", "Xin đánh dấu vào ô xác nhận ở dưới rồi bấm lại.")
        note = " ".join(form.get("note", "").split())[:LONGEST_NOTE]
        reason = REASONS[form["why"]] + (f" ({note})" if note else "")
        with desk().database.session() as db:
            node = node_of(db, name)
            by = db.get_one(Account, access.visitor().id)
            revoke_node(db, node.name, by, reason, now())
    except Declined as why:
        return _page(name, str(why)), 409
    return redirect(url_for("revoke.watch", name=name))


@pages.get("/nodes/<name>/revocation")
@access.allow(*READERS)
def watch(name: str) -> str:
    """Each step of the newest revoking, as it is done."""
    at = now()
    with desk().database.reading() as db:
        node = node_of(db, name)
        query = select(Revocation).where(Revocation.node == name).order_by(Revocation.id.desc())
        row = db.scalars(query.limit(1)).first()
    if row is None:
        raise Declined("no-revocation", f"{node.label} chưa bị thu hồi lần nào.")
    return render_template(
        "_revocation.html" if is_part() else "revocation.html",
        here="nodes",
        node=node,
        row=row,
        course=revoke_course(node.label, row, at),
    )


def _page(name: str, trouble: str = "") -> str:
    node, point = _found(name)
    return render_template(
        "revoke.html",
        here="nodes",
        node=node,
        point=point,
        reasons=REASONS,
        trouble=trouble,
        form=request.form,
        longest=LONGEST_NOTE,
    )


def _found(name: str) -> tuple[NodeRecord, Point]:
    with desk().database.reading() as db:
        node = node_of(db, name)
        point = point_of(seen_of(db, name), node, now())
    if point.is_retired:
        raise Declined("already-revoked", f"{node.label} đã được thu hồi rồi.")
    return node, point
