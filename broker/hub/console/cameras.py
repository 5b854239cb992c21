"""Camera của xã: which cameras each point has, whether they see, how many alerts they raised today; adding one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import camera_setup
from broker.hub import cameras as setting_up
from broker.hub.camera_address import meant
from broker.hub.camera_address import shown as hide_password
from broker.hub.camera_sight import TAMPERINGS, Sight, hints_of, sights_of
from broker.hub.cameras import free_code
from broker.hub.console import access
from broker.hub.console.camera_form import MOST_SHOWN, SENSITIVITIES, name_of, sensitivity_of
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, now
from broker.hub.console.wording import local, when
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, Camera, CameraSeen, NodeRecord
from broker.trust.envelope import CameraAddress
from broker.trust.seal import public_of

__all__ = ["free_code", "hide_password", "pages"]

pages = Blueprint("cameras", __name__)

NO_KEY = "Máy chủ thiếu khoá niêm phong nên chưa cất được địa chỉ camera; xin báo người lắp máy."


@dataclass(frozen=True)
class Line:
    """One camera in the list."""

    row: Camera
    weight: str
    said: str
    detail: str
    hints: list[str]
    alerts: int
    """Raised today."""


@pages.get("/cameras")
@access.allow("admin")
def all_cameras() -> str:
    """Every camera by point, with a form to add one."""
    return _page()


@pages.post("/cameras")
@access.allow("admin")
def add() -> Response | tuple[str, int]:
    """Add a camera to a point; setting it up follows."""
    try:
        with desk().database.session() as db:
            row = setting_up.add(
                db,
                db.get_one(Account, access.visitor().id),
                db.get(NodeRecord, request.form.get("node", "")),
                name_of(request.form),
                CameraAddress(source=meant(request.form.get("source", ""), [])),
                sensitivity_of(request.form.get("sensitivity", "0.5")),
                public_of(opener()),
                now(),
            )
            place = url_for("camera_page.one", node=row.node, camera=row.camera)
    except Declined as why:
        return _page(str(why)), 409
    return redirect(place)


def opener() -> bytes:
    """The hub's private sealing key. Raises Declined when it is missing."""
    found = camera_setup.hub_opener(desk().settings.keys_dir)
    if not found:
        raise Declined("no-seal-key", NO_KEY)
    return found


def say_sight(sight: Sight, at: datetime) -> tuple[str, str]:
    """Colour and words of how a camera stands: ("bad", "Mất hình từ 17:05")."""
    since = f" từ {when(sight.since, at)}" if sight.since else ""
    return {
        "seeing": ("ok", "Đang nhìn"),
        "resting": ("ok", "Đang nhìn, ngoài giờ canh"),
        "connecting": ("wait", "Đang nối"),
        "offline": ("bad", f"Mất hình{since}"),
        "tampered": ("bad", TAMPERINGS.get(sight.tampering, "Cần xem")),
        "away": ("bad", f"Điểm mất nối{since}"),
        "dark": ("bad", f"Chưa biết{since}: máy chuyển tin không chạy"),
        "unknown": ("wait", "Chưa có tin"),
    }[sight.standing]


def alerts_today(db: Session, at: datetime) -> Counter[tuple[str, str]]:
    """Alerts raised since midnight, by node and camera."""
    midnight = local(at).replace(hour=0, minute=0, second=0, microsecond=0)
    query = select(Alert.node, Alert.camera, func.count()).where(Alert.raised_at >= midnight)
    rows = db.execute(query.group_by(Alert.node, Alert.camera)).all()
    return Counter({(node, camera): count for node, camera, count in rows})


def _page(trouble: str = "") -> str:
    at = now()
    with desk().database.reading() as db:
        commune = commune_of(db)
        rows = db.scalars(select(Camera).where(Camera.retired_at.is_(None)).order_by(Camera.name)).all()
        seen = {(one.node, one.camera): one for one in db.scalars(select(CameraSeen)).all()}
        sights, raised = sights_of(db, at), alerts_today(db, at)
    by_node: dict[str, list[Line]] = {node.name: [] for node in commune.nodes}
    for row in rows:
        key = (row.node, row.camera)
        weight, said = say_sight(sights[key], at)
        line = Line(row, weight, said, sights[key].detail, hints_of(seen.get(key)), raised[key])
        by_node.setdefault(row.node, []).append(line)
    return render_template(
        "cameras.html",
        here="cameras",
        nodes=commune.nodes,
        by_node=by_node,
        blind=sum(sight.is_blind for sight in sights.values()),
        dark=any(sight.standing == "dark" for sight in sights.values()),
        sensitivities=SENSITIVITIES,
        trouble=trouble,
        form={**request.form, "source": hide_password(request.form.get("source", ""))[:MOST_SHOWN]},
        total=len(rows),
    )
