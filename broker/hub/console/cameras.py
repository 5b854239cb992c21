"""Camera của xã: which cameras each point has, where their picture comes from, how easily they raise an alert."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, now
from broker.hub.declined import Declined
from broker.hub.records import Camera, CameraSeen, NodeRecord, note_change, write_audit

pages = Blueprint("cameras", __name__)

SENSITIVITIES = ((0.3, "Ít báo"), (0.5, "Vừa"), (0.7, "Báo nhiều"))
SEES = {"live": ("ok", "Đang nhìn"), "connecting": ("wait", "Đang nối"), "offline": ("bad", "Mất hình")}
MOST_PER_NODE = 16
_SOURCE = re.compile(r"(rtsps?://|https?://|/)\S+")


@pages.get("/cameras")
@access.allow("admin")
def all_cameras() -> str:
    """Every camera by point, with a form to add one."""
    return _page()


@pages.post("/cameras")
@access.allow("admin")
def add() -> Response | tuple[str, int]:
    """Add a camera to a point."""
    try:
        with desk().database.session() as db:
            node = db.get(NodeRecord, request.form.get("node", ""))
            if node is None or node.retired_at is not None:
                raise Declined("no-node", "Xin chọn điểm đặt camera.")
            name, source, sensitivity = _asked()
            taken = db.scalars(select(Camera.camera).where(Camera.node == node.name)).all()
            _refuse_many(db, node.name)
            camera = Camera(
                node=node.name,
                camera=free_code(name, taken),
                name=name,
                village=node.village,
                source=source,
                sensitivity=sensitivity,
            )
            db.add(camera)
            _changed(db, camera, "camera.added")
    except Declined as why:
        return _page(trouble=str(why)), 409
    return redirect(url_for("cameras.all_cameras"))


@pages.post("/cameras/<node>/<camera>")
@access.allow("admin")
def change(node: str, camera: str) -> Response | tuple[str, int]:
    """Change a camera, or take it away (button `act=remove`)."""
    try:
        with desk().database.session() as db:
            found = _found(db, node, camera)
            if request.form.get("act") == "remove":
                found.retired_at = now()
                _changed(db, found, "camera.removed")
            else:
                found.name, found.source, found.sensitivity = _asked()
                _changed(db, found, "camera.changed")
    except Declined as why:
        return _page(trouble=str(why)), 409
    return redirect(url_for("cameras.all_cameras"))


def free_code(name: str, taken: Sequence[str]) -> str:
    """A short code for the wire out of a name: "Cửa kho lúa" → "cua-kho-lua", numbered when taken."""
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    words = re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)))
    stem = "-".join(words)[:24].strip("-") or "camera"
    for n in range(1, MOST_PER_NODE * 8):
        code = stem if n == 1 else f"{stem}-{n}"
        if code not in taken:
            return code
    raise Declined("many-cameras", "Tên này đã dùng quá nhiều lần, xin đặt tên khác.")


def hide_password(source: str) -> str:
    """A source without the password in it, for the screen."""
    try:
        parts = urlsplit(source)
    except ValueError:  # `http://[`: whatever it says, it is not shown
        return source.partition("://")[0] + "://•••"
    if parts.password is None:
        return source
    return source.replace(f":{parts.password}@", ":•••@", 1)


def _page(trouble: str = "") -> str:
    with desk().database.reading() as db:
        commune = commune_of(db)
        rows = db.scalars(select(Camera).where(Camera.retired_at.is_(None)).order_by(Camera.name)).all()
        seen = {(one.node, one.camera): one for one in db.scalars(select(CameraSeen)).all()}
    by_node = {node.name: [row for row in rows if row.node == node.name] for node in commune.nodes}
    return render_template(
        "cameras.html",
        here="cameras",
        nodes=commune.nodes,
        by_node=by_node,
        seen=seen,
        sees=SEES,
        sensitivities=SENSITIVITIES,
        trouble=trouble,
        form=request.form,
        total=len(rows),
    )


def _asked() -> tuple[str, str, float]:
    """Name, source and sensitivity of the form. Raises Declined."""
    name = unicodedata.normalize("NFC", request.form.get("name", "").strip())
    source = request.form.get("source", "").strip()
    if not name or len(name) > 60:
        raise Declined("no-name", "Xin đặt tên camera, nhiều nhất 60 chữ cái.")
    if not _SOURCE.fullmatch(source) or len(source) > 400:
        raise Declined(
            "bad-source", "Nguồn hình phải là rtsp://…, http(s)://… hoặc đường dẫn như /dev/video0."
        )
    try:
        sensitivity = float(request.form.get("sensitivity", "0.5"))
    except ValueError:
        sensitivity = -1.0
    if not 0 <= sensitivity <= 1:
        raise Declined("bad-sensitivity", "Xin chọn mức báo: ít, vừa hoặc nhiều.")
    return name, source, sensitivity


def _found(db: Session, node: str, camera: str) -> Camera:
    found = db.get(Camera, (node, camera))
    if found is None or found.retired_at is not None:
        raise Declined("no-camera", "Không tìm thấy camera này, có thể nó đã được gỡ.")
    return found


def _refuse_many(db: Session, node: str) -> None:
    rows = db.scalars(select(Camera.camera).where(Camera.node == node, Camera.retired_at.is_(None))).all()
    if len(rows) >= MOST_PER_NODE:
        raise Declined("many-cameras", f"Mỗi điểm có nhiều nhất {MOST_PER_NODE} camera.")


def _changed(db: Session, camera: Camera, action: str) -> None:
    at = now()
    write_audit(db, at, access.visitor().username, action, f"{camera.node}.{camera.camera}")
    note_change(db, "camera", camera.node, at)
    note_change(db, "plan", camera.node, at)
