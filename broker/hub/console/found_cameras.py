"""Cameras found on a point's network: searching, asking one for its streams, adding it without typing an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import camera_search, cameras
from broker.hub.camera_address import MASK, meant
from broker.hub.camera_search import outcome_of
from broker.hub.console import access
from broker.hub.console.camera_form import SENSITIVITIES, name_of, sensitivity_of
from broker.hub.console.cameras import opener
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.wording import hms
from broker.hub.declined import Declined
from broker.hub.records import Account, Camera, CameraSearch, NodeRecord
from broker.trust.envelope import CameraAddress, CameraLogin
from broker.trust.seal import public_of

pages = Blueprint("found_cameras", __name__)

IN_PATH = (
    "Địa chỉ luồng này có mật khẩu ở giữa (•••) nên không tự ghép được; xin thêm camera bằng tay ở trang "
    "Camera của xã."
)
CODECS = {"h264": "H.264", "hevc": "H.265", "mjpeg": "MJPEG"}
LEAST_HIGH = 320
"""Movement is judged in a sub stream with at least so many rows, where there is one."""


@dataclass(frozen=True)
class Device:
    """One device in the list."""

    name: str
    hardware: str
    address: str
    known_as: str
    """The camera of this point that has its address already."""


@dataclass(frozen=True)
class Stream:
    """One stream of a device."""

    source: str
    said: str
    """ "2560×1440, H.264"."""


@pages.post("/camera-search")
@access.allow("admin")
def search() -> Response | tuple[str, int]:
    """Have a point look for cameras."""
    try:
        with desk().database.session() as db:
            me, node = _me(db), db.get(NodeRecord, request.form.get("node", ""))
            row = camera_search.ask(db, me, node, now())
    except Declined as why:
        return _refused(str(why))
    return _to(row)


@pages.get("/camera-search/<name>")
@access.allow("admin")
def one(name: str) -> str | tuple[str, int]:
    """How a search stands; for the script only whether it still waits."""
    return _page(name)


@pages.post("/camera-search/<name>/ask")
@access.allow("admin")
def ask(name: str) -> Response | str | tuple[str, int]:
    """Ask one of the devices for its streams."""
    login = CameraLogin(user=request.form.get("user", "").strip(), password=request.form.get("password", ""))
    try:
        with desk().database.session() as db:
            row = camera_search.ask_device(db, _me(db), name, _number("device"), login, now())
    except Declined as why:
        return _page(name, str(why))
    return _to(row)


@pages.post("/camera-search/<name>/add")
@access.allow("admin")
def add(name: str) -> Response | str | tuple[str, int]:
    """Add the camera whose streams were told; setting it up follows."""
    try:
        with desk().database.session() as db:
            row = camera_search.found(db, name, now())
            added = cameras.add(
                db,
                _me(db),
                db.get(NodeRecord, row.node),
                name_of(request.form),
                _address(row.streams),
                sensitivity_of(request.form.get("sensitivity", "0.5")),
                public_of(opener()),
                now(),
            )
            place = url_for("camera_page.one", node=added.node, camera=added.camera)
    except Declined as why:
        return _page(name, str(why))
    return redirect(place)


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)


def _to(row: CameraSearch) -> Response:
    return redirect(url_for("found_cameras.one", name=row.request))


def _number(field: str) -> int:
    """A number of a list; -1 for what is none."""
    typed = request.form.get(field, "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else -1


def _address(streams: Sequence[Mapping[str, Any]]) -> CameraAddress:
    """The chosen streams with the login in them. Raises Declined."""
    main, sub = _number("main"), _number("sub")
    if main not in range(len(streams)):
        raise Declined("no-stream", "Xin chọn luồng chính.")
    if main == sub:
        raise Declined(
            "same-stream", "Luồng phụ trùng với luồng chính; camera có một luồng thì chọn không có luồng phụ."
        )
    smaller = _with_login(streams[sub]["source"]) if sub in range(len(streams)) else ""
    return CameraAddress(source=_with_login(streams[main]["source"]), sub_source=smaller)


def _with_login(source: str) -> str:
    """Name and password as they were typed, put where a stream's address has them. Raises Declined."""
    parts = urlsplit(source)
    place = parts.netloc.rpartition("@")[2]
    rest = source[source.index(parts.netloc) + len(parts.netloc) :]
    if MASK in rest:
        raise Declined("password-in-path", IN_PATH)
    user, password = request.form.get("user", "").strip(), request.form.get("password", "")
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return meant(f"{parts.scheme}://{who}{place}{rest}", [])


def _refused(trouble: str) -> tuple[str, int]:
    """No search began: what stood in the way, and the way back."""
    return render_template("found_cameras.html", here="cameras", trouble=trouble, standing="none"), 409


def _page(name: str, trouble: str = "") -> str | tuple[str, int]:
    at = now()
    try:
        with desk().database.reading() as db:
            row = camera_search.found(db, name, at)
            house = db.get(NodeRecord, row.node)
            devices = _devices(db, row)
    except Declined as why:
        return render_template("found_cameras.html", here="cameras", trouble=str(why), standing="none"), 404
    standing = outcome_of(row, at)
    if is_part():
        return render_template("_found_cameras.html", standing=standing)
    shown = {
        "name": name,
        "node": row.node,
        "house": house.label if house else row.node,
        "asked": hms(row.asked_at),
        "standing": standing,
        "reason": {"silent": camera_search.SILENT, "refused": row.reason}.get(standing, ""),
        "devices": devices,
        "device": urlsplit(row.device).hostname or "",
        "streams": _streams(row.streams),
        "small": smaller_of(row.streams),
        "sensitivities": SENSITIVITIES,
        "trouble": trouble,
        "form": {key: value for key, value in request.form.items() if key != "password"},
    }
    page = render_template("found_cameras.html", here="cameras", **shown)
    return (page, 409) if trouble else page


def _devices(db: Session, row: CameraSearch) -> list[Device]:
    own = select(Camera).where(Camera.node == row.node, Camera.retired_at.is_(None))
    known = {_host(each.source): each.name for each in db.scalars(own)}
    return [
        Device(each["name"], each["hardware"], each["address"], known.get(each["address"], ""))
        for each in row.devices
    ]


def _streams(streams: Sequence[Mapping[str, Any]]) -> list[Stream]:
    found = []
    for each in streams:
        size = f"{each['width_px']}×{each['height_px']}" if each["width_px"] else ""
        codec = CODECS.get(each["codec"], each["codec"])
        found.append(Stream(each["source"], ", ".join(part for part in (size, codec) if part)))
    return found


def smaller_of(streams: Sequence[Mapping[str, Any]]) -> int | None:
    """Which stream movement is best judged in, the first being the main one; None where there is one size only."""
    largest = streams[0]["height_px"] if streams else 0
    smaller = [(each["height_px"], n) for n, each in enumerate(streams) if each["height_px"] < largest]
    good = [each for each in smaller if each[0] >= LEAST_HIGH]
    return min(good)[1] if good else max(smaller)[1] if smaller else None


def _host(source: str) -> str:
    try:
        return urlsplit(source).hostname or ""
    except ValueError:
        return ""
