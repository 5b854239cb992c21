"""Thông báo có camera: what the public is told about the cameras, written once and printed for every place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.camera_notice import KEPT_DAYS, SETTERS, notice_of, set_notice
from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, now
from broker.hub.console.wording import local
from broker.hub.declined import Declined
from broker.hub.records import Account, Camera, CameraNotice, NodeRecord

pages = Blueprint("notice", __name__)

READERS = ("leader", "admin", "police", "auditor")
NOTES = {"set": "Đã ghi. Xin in lại thông báo và thay bản cũ ở từng nơi có camera."}


@dataclass(frozen=True)
class Place:
    """One place with cameras, and what each of them looks at."""

    node: str
    name: str
    cameras: Sequence[str]


@pages.get("/cameras/notice")
@access.allow(*READERS)
def page() -> str:
    """The words, and the places they are printed for."""
    return _page()


@pages.post("/cameras/notice")
@access.allow(*SETTERS)
def change() -> Response | tuple[str, int]:
    """Write the words anew."""
    form = request.form
    try:
        with desk().database.session() as db:
            account = db.get_one(Account, access.visitor().id)
            set_notice(
                db,
                account,
                form.get("purpose", ""),
                form.get("keeper", ""),
                form.get("contact", ""),
                form.get("days", ""),
                now(),
            )
    except Declined as why:
        return _page(str(why)), 409
    return redirect(url_for("notice.page", note="set"))


@pages.get("/cameras/notice/<node>")
@access.allow(*READERS)
def sheet(node: str) -> str:
    """The sheet for one place, A4. 404 while nothing is written or no camera stands there."""
    with desk().database.reading() as db:
        notice = notice_of(db)
        place = next((each for each in _places(db) if each.node == node), None)
    if notice is None or place is None:
        abort(404)
    return render_template(
        "notice-sheet.html",
        here="notice",
        notice=notice,
        place=place,
        day=f"{local(notice.edited_at):%-d/%-m/%Y}",
    )


def _page(trouble: str = "") -> str:
    with desk().database.reading() as db:
        notice, places = notice_of(db), _places(db)
    return render_template(
        "notice.html",
        here="notice",
        notice=notice,
        fields=dict(request.form) if trouble else _fields(notice),
        places=places,
        may_set=access.visitor().is_any(*SETTERS),
        trouble=trouble,
        note=NOTES.get(request.args.get("note", ""), ""),
    )


def _fields(notice: CameraNotice | None) -> dict[str, str]:
    """What stands in the form; a first proposal while the commune has written nothing."""
    if notice is None:
        return {
            "purpose": "Giữ gìn an ninh, trật tự nơi công cộng của thôn; phòng trộm cắp, cháy và tai nạn.",
            "keeper": f"Uỷ ban nhân dân {_within(desk().commune_name)}. Công an xã xem cảnh báo.",
            "contact": "",
            "days": str(KEPT_DAYS),
        }
    return {
        "purpose": notice.purpose,
        "keeper": notice.keeper,
        "contact": notice.contact,
        "days": str(notice.kept_days),
    }


def _within(name: str) -> str:
    """A commune's name inside a sentence: "Xã Vân Khê" → "xã Vân Khê"."""
    return f"{name[:1].lower()}{name[1:]}" if name.startswith(("Xã ", "Phường ")) else name


def _places(db: Session) -> list[Place]:
    """Every node with cameras, in the commune's order."""
    commune = commune_of(db)
    rows = db.scalars(select(Camera).where(Camera.retired_at.is_(None)).order_by(Camera.name)).all()
    nodes: Sequence[NodeRecord] = commune.nodes
    found = [(node, [row.name for row in rows if row.node == node.name]) for node in nodes]
    return [Place(node.name, node.label, names) for node, names in found if names]
