"""One camera: its addresses, how easily and when it raises alerts, the areas drawn on its picture, a picture of now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import camera_areas, camera_hours, cameras, stills
from broker.hub.announcing.render import media_store
from broker.hub.camera_heed import heed_of
from broker.hub.camera_setup import address_of
from broker.hub.camera_sight import dark_since, hints_of, sight_of
from broker.hub.camera_trial import SPANS, Line, try_areas
from broker.hub.console import access, camera_form
from broker.hub.console.cameras import alerts_today, opener, say_sight
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.pictures import send_media
from broker.hub.console.quiet import heed_said
from broker.hub.console.wording import WEEKDAYS, ago, hms, when
from broker.hub.declined import Declined
from broker.hub.quiet import past_of
from broker.hub.records import Account, Camera, CameraSeen, CameraStill, NodeRecord, ServiceSeen
from broker.trust.envelope import CameraAddress
from broker.trust.seal import public_of

LONGEST = SPANS[-1][0]
SETTING_UP = "cài đặt camera"
"""Why a picture is asked for here, as the audit log says it."""

pages = Blueprint("camera_page", __name__)

NOTES = {
    "set": "Đã lưu lúc {at}. Máy ở điểm theo cách đặt mới khi nhận được, thường trong vài giây.",
    "same": "Lúc {at}: không có gì thay đổi.",
    "view": "Đã ghi lúc {at}. Máy ở điểm học lại hướng nhìn này trong khoảng nửa phút.",
    "asked": "Đã xin hình lúc {at}, thường đến trong vài giây.",
}
NOTE_S = 120.0
"""So long a note is true; an address kept and opened later does not say it again."""
RETYPE = " Mật khẩu vừa gõ trong địa chỉ không được hiện lại, xin gõ lại."
MAKES = (
    (
        "Hikvision, HiLook, Ezviz",
        "rtsp://…:554/Streaming/Channels/101",
        "rtsp://…:554/Streaming/Channels/102",
    ),
    (
        "Dahua, Imou, KBVision",
        "rtsp://…:554/cam/realmonitor?channel=1&subtype=0",
        "rtsp://…:554/cam/realmonitor?channel=1&subtype=1",
    ),
    ("TP-Link Tapo, VIGI", "rtsp://…:554/stream1", "rtsp://…:554/stream2"),
    ("Uniview", "rtsp://…:554/media/video1", "rtsp://…:554/media/video2"),
)
"""Where common makes usually have their streams: main and sub. A hint for who types, not checked against any camera."""


@pages.get("/cameras/<node>/<camera>")
@access.allow("admin")
def one(node: str, camera: str) -> str:
    """The page, or only how its latest picture stands for the script."""
    return _page(node, camera)


@pages.post("/cameras/<node>/<camera>")
@access.allow("admin")
def change(node: str, camera: str) -> Response | tuple[str, int]:
    """Set the camera up, try its areas on stored alerts (button `act=try`), or take it away (`act=remove`)."""
    try:
        with desk().database.session() as db:
            me, row = db.get_one(Account, access.visitor().id), _found(db, node, camera)
            if request.form.get("act") == "remove":
                cameras.remove(db, me, row, now())
                return redirect(url_for("cameras.all_cameras"))
            if request.form.get("act") == "view":
                cameras.accept_view(db, me, row, now())
                return _back(node, camera, "view")
            private = opener()
            old = _kept(row, private)
            wanted = camera_form.wanted_of(request.form, old)
            if request.form.get("act") == "try":
                past = past_of(db, node, camera, now() - LONGEST)
                return _page(node, camera, trial=try_areas(wanted.areas, past, now())), 200
            made_of = request.form.get("made_of", "")
            changed = cameras.change(db, me, row, wanted, old, public_of(private), now(), made_of)
    except Declined as why:
        retype = RETYPE if camera_form.has_password(request.form) else ""
        is_old = isinstance(why, cameras.Outdated)
        return _page(node, camera, f"{why}{retype}", is_old=is_old), 409
    return _back(node, camera, "set" if changed else "same")


@pages.post("/cameras/<node>/<camera>/picture")
@access.allow("admin")
def ask(node: str, camera: str) -> Response | tuple[str, int]:
    """Ask for a picture of now; a script gets how it stands instead of the page."""
    try:
        with desk().database.session() as db:
            stills.ask(db, db.get_one(Account, access.visitor().id), node, camera, now(), SETTING_UP)
    except Declined as why:
        return _page(node, camera, str(why)), 409
    if is_part():
        return _page(node, camera), 200
    return _back(node, camera, "asked")


@pages.get("/cameras/<node>/<camera>/picture")
@access.allow("admin")
def picture(node: str, camera: str) -> Response:
    """The newest picture that this person asked for: what an officer asked for had a reason of its own."""
    with desk().database.reading() as db:
        _, still = stills.latest(db, node, camera, now(), access.visitor().id)
    if still is None or still.picture is None:
        abort(404)
    return send_media(media_store(desk().settings), still.picture, "image/jpeg")


def _back(node: str, camera: str, note: str) -> Response:
    at = int(now().timestamp())
    return redirect(url_for("camera_page.one", node=node, camera=camera, note=note, at=at))


def _noted() -> str:
    """What was just done, with its hour; nothing once that is long ago."""
    text, done_s = NOTES.get(request.args.get("note", ""), ""), request.args.get("at", 0, type=int)
    if not 0 <= int(now().timestamp()) - done_s <= NOTE_S:
        return ""
    return text.format(at=hms(datetime.fromtimestamp(done_s, now().tzinfo)))


def _found(db: Session, node: str, camera: str) -> Camera:
    found = db.get(Camera, (node, camera))
    if found is None or found.retired_at is not None:
        raise Declined("no-camera", "Không tìm thấy camera này, có thể nó đã được gỡ.")
    return found


def _kept(row: Camera, private: bytes) -> CameraAddress:
    """The address as it is kept; what was sealed to a key that is gone has to be typed again."""
    try:
        return address_of(row, private)
    except ValueError:
        return CameraAddress(source=row.source, sub_source=row.sub_source)


def _page(
    node: str, camera: str, trouble: str = "", *, is_old: bool = False, trial: Sequence[Line] = ()
) -> str:
    at = now()
    with desk().database.reading() as db:
        row = db.get(Camera, (node, camera))
        if row is None or row.retired_at is not None:
            abort(404)
        house = db.get(NodeRecord, node)
        seen, life = db.get(CameraSeen, (node, camera)), db.get(ServiceSeen, f"{node}.camera")
        asked, still = stills.latest(db, node, camera, at, access.visitor().id)
        raised, dark = alerts_today(db, at)[(node, camera)], dark_since(db, at)
        heed = heed_of(db, row)
    weight, said = say_sight(sight_of(life, seen, dark), at)
    found = {
        "row": row,
        "node": node,
        "house": house.label if house else node,
        "picture": _picture(asked, still),
        "size": f"{seen.width_px}×{seen.height_px}" if seen and seen.width_px else "",
        "trouble": trouble,
        "is_wrong": seen is not None and seen.state == "live" and bool(seen.tampering),
    }
    standing = {
        "weight": weight,
        "said": said,
        "detail": seen.detail if seen else "",
        "rate": f"{seen.frames_per_s:.0f}" if seen and seen.frames_per_s >= 1 else "",
        "raised": raised,
        "heed": heed,
        "heed_said": heed_said(heed, at),
    }
    if is_part():
        is_sight = request.args.get("part") == "sight"
        return render_template(
            "_camera_sight.html" if is_sight else "_camera_still.html", **found, **standing
        )
    is_mine = request.method == "POST" and request.endpoint == "camera_page.change"
    return render_template(
        "camera.html",
        here="cameras",
        form=_again(row, is_old=is_old) if (trouble or trial) and is_mine else camera_form.of_record(row),
        hints=hints_of(seen),
        sensitivities=camera_form.SENSITIVITIES,
        blank=camera_form.BLANK_AREAS,
        kinds=camera_areas.KINDS,
        days=tuple(zip(camera_hours.DAYS, WEEKDAYS, strict=True)),
        makes=MAKES,
        note=_noted(),
        trial=trial,
        **found,
        **standing,
    )


def _again(row: Camera, *, is_old: bool) -> camera_form.Filled:
    try:
        return camera_form.of_outdated(request.form, row) if is_old else camera_form.of_form(request.form)
    except Declined:  # areas that do not belong together cannot be shown again
        return camera_form.of_record(row)


def _picture(asked: CameraStill | None, still: CameraStill | None) -> dict[str, object]:
    """The newest picture and what became of the newest request."""
    at = now()
    outcome = stills.outcome_of(asked, at) if asked else ""
    taken = still.taken_at if still else None
    troubles = {"silent": stills.SILENT, "refused": asked.reason if asked else ""}
    return {
        "request": still.request if still else "",
        "taken": f"{hms(taken)}, {when(taken, at).partition(' ')[2] or 'hôm nay'}" if taken else "",
        "age": ago(taken, at) if taken else "",
        "is_waiting": outcome == "waiting",
        "trouble": troubles.get(outcome, ""),
    }
