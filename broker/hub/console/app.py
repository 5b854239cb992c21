"""The officials' console as one Flask app: sessions, rights, form tokens, the look, and a blueprint per job."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, g, jsonify, render_template, request, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from broker.hub import api, influx_api
from broker.hub.accounts import SignIn
from broker.hub.announcing.render import Renderer
from broker.hub.console import (
    access,
    account,
    approvals,
    approve,
    audit,
    broadcasts,
    camera_page,
    cameras,
    cap_out,
    channels,
    compose,
    content_board,
    content_edit,
    content_list,
    content_one,
    content_words,
    drills,
    duty,
    duty_day,
    duty_export,
    duty_phones,
    duty_pictures,
    duty_search,
    emergency,
    emergency_one,
    feedback,
    firststeps,
    found_cameras,
    hush,
    looking,
    loudspeaker,
    measured,
    menu,
    mykeys,
    nodes,
    notice,
    ordering,
    overview,
    patterns,
    people,
    phrases,
    places,
    placing,
    progress,
    recordings,
    revisions,
    revoke,
    rules,
    sessions,
    shift,
    signin,
    silent,
    sound,
    speakers,
    stations,
    stream,
    today,
    trust,
    urgent_line,
    urgent_templates,
    voices,
    warning_sources,
    warnings,
    week,
    wire,
    words,
)
from broker.hub.console.codes import ShownCodes
from broker.hub.console.desk import Desk, desk
from broker.hub.console.live import Broadcaster
from broker.hub.console.numbers import RecordNumber
from broker.hub.console.pace import Pace
from broker.hub.console.session_store import SESSIONS_FILE, SessionStore
from broker.hub.declined import Declined
from broker.hub.keys import canary
from broker.hub.live_pictures import LivePictures
from broker.hub.recordings import too_large
from broker.hub.records import Database
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.look.dress import dress
from broker.speech.examiner import Examiner

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
LARGEST_FORM = 512 * 1024
ROOMS = (
    signin,
    account,
    people,
    today,
    week,
    compose,
    approve,
    approvals,
    sound,
    voices,
    words,
    recordings,
    phrases,
    patterns,
    stations,
    channels,
    progress,
    revisions,
    broadcasts,
    speakers,
    loudspeaker,
    rules,
    silent,
    ordering,
    hush,
    emergency,
    emergency_one,
    urgent_templates,
    drills,
    duty,
    duty_phones,
    shift,
    duty_day,
    duty_export,
    duty_pictures,
    duty_search,
    looking,
    notice,
    feedback,
    found_cameras,
    content_list,
    content_words,
    content_board,
    content_edit,
    content_one,
    overview,
    measured,
    camera_page,
    cameras,
    wire,
    audit,
    nodes,
    placing,
    revoke,
    places,
    firststeps,
    mykeys,
    trust,
    warnings,
    warning_sources,
    cap_out,
    stream,
)
API_READERS = ("editor", "approver", "leader", "admin", "auditor", "police")


def create_app(settings: Settings, database: Database, clock: Clock, broadcaster: Broadcaster) -> Flask:
    """The console, ready to serve. Raises OSError when its own files in the data folder cannot be made."""
    app = Flask(__name__, static_folder=None)
    secret = sessions.kept_secret(settings.data_dir / "console.secret")
    store = SessionStore(settings.data_dir / SESSIONS_FILE)
    opener = sessions.ServerSessions(
        store, secret, clock, secure=settings.console.secure, on_end=broadcaster.doubt
    )
    app.config.update(
        SECRET_KEY=secret,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=True,
    )
    app.session_interface = opener
    app.url_map.converters["int"] = RecordNumber
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions["sign-in"] = SignIn(database, clock)
    app.extensions["desk"] = Desk(settings, database, clock, broadcaster, opener)
    app.extensions["renderer"] = Renderer(settings)  # one: it remembers which engine is in trouble
    app.extensions["examiner"] = Examiner()
    app.extensions["pace"] = Pace()
    app.extensions["shown-codes"] = ShownCodes()
    app.extensions["live-pictures"] = LivePictures(clock.monotonic)
    dress(app, static=STATIC)
    access.guard(app)
    recordings.let_in(app)
    warnings.let_in(app)
    forms = CSRFProtect(app)
    _add_blueprints(app, database)
    _add_writers(app, forms, influx_api.blueprint(database, clock))
    _add_errors(app)
    app.context_processor(_shared)
    app.add_template_filter(cameras.hide_password, "hide_password")
    app.add_url_rule("/healthz", "health", health)
    return app


@access.public
def health() -> Response:
    """For supervisors and proxies: the database answers, the broker keeps rights, how many live pages are open."""
    here = desk()
    with here.database.reading() as db:
        verdict, sentence = canary.standing(db)
    if verdict == "open":
        refused = jsonify({"ok": False, "why": sentence})
        refused.status_code = 503
        return refused
    return jsonify({"ok": True, "listeners": here.broadcaster.count()})


def _add_blueprints(app: Flask, database: Database) -> None:
    for room in ROOMS:
        app.register_blueprint(room.pages)
    readers = api.blueprint(database.reading)
    readers.after_request(audit.note_export)
    app.register_blueprint(readers)
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("api."):
            access.allow(*API_READERS)(view)


def _add_writers(app: Flask, forms: CSRFProtect, writers: Blueprint) -> None:
    """Programs have no session, hence no form token: every write shows a token of its own."""
    forms.exempt(writers)
    app.register_blueprint(writers)
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith(f"{writers.name}."):
            access.public(view)


def _shared() -> dict[str, Any]:
    """What every template may use."""
    person = g.get("visitor")
    shared: dict[str, Any] = {"visitor": person, "commune_name": desk().commune_name, "here": "", "theme": ""}
    shared["printed_head"] = audit.printed_head
    shared["is_trial"] = not desk().settings.console.second_factor
    if person is not None and not request.headers.get("X-Part"):
        shared |= menu.menus(desk().database, person) | {
            "hush": hush.hush_now(),
            "urgent": urgent_line.urgent_now(),
        }
    return shared


def _add_errors(app: Flask) -> None:
    app.register_error_handler(HTTPException, _say_error)
    app.register_error_handler(CSRFError, _say_stale_form)
    app.register_error_handler(Declined, _say_declined)


_SENTENCES = {
    400: ("Máy chưa hiểu yêu cầu này", "Anh/chị quay lại trang trước và thử lại."),
    401: ("Phiên làm việc đã hết", "Anh/chị đăng nhập lại để làm tiếp."),
    403: ("Trang này không thuộc việc của anh/chị", "Cần thêm quyền, xin nhờ người quản trị của xã."),
    404: ("Không có trang này", "Có thể bản tin hoặc cảnh báo đã được dọn đi."),
    405: ("Không mở trang theo cách này được", "Anh/chị quay lại trang trước và bấm nút trên trang."),
    413: ("Nội dung gửi lên quá dài", "Anh/chị chia thành nhiều bản tin ngắn hơn."),
    503: ("Trung tâm đang quá nhiều trang mở", "Anh/chị đóng bớt trang và thử lại sau một phút."),
}


def _say_error(why: HTTPException) -> tuple[str, int] | Response:
    code = why.code or 500
    if code == 413 and request.endpoint in recordings.UPLOADS:
        return _say_declined(Declined("too-large", too_large()))
    if 300 <= code < 400:
        return why.get_response()
    head, text = _SENTENCES.get(
        code, ("Trung tâm gặp trục trặc", "Xin thử lại; nếu vẫn vậy, báo người quản trị.")
    )
    if request.headers.get("X-Part") or request.path.startswith(("/api/", "/live")):
        return f"{head}. {text}\n", code
    return _sentence(head, text), code


def _say_stale_form(why: CSRFError) -> tuple[str, int]:
    log.info("form token refused", extra={"event": "csrf-refused", "reason": why.description or ""})
    return _sentence("Trang này mở đã lâu", "Anh/chị mở lại trang rồi gửi lần nữa; chưa có gì thay đổi."), 403


def _say_declined(why: Declined) -> tuple[str, int]:
    code = (
        404
        if why.code.startswith("no-")
        and why.code not in ("no-right", "no-note", "no-reason", "no-emergency-key")
        else 409
    )
    if request.headers.get("X-Part"):
        return f"{why}\n", code
    return _sentence("Chưa làm được việc này", str(why)), code


def _sentence(head: str, text: str) -> str:
    person = g.get("visitor")
    onward = access.home_of(person) if person else url_for("signin.sign_in")
    name = "Về trang đầu" if person else "Đăng nhập"
    return render_template("sentence.html", head=head, text=text, onward=onward, onward_name=name)
