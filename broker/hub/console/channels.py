"""Kênh khác: where approved announcements go beside the loudspeakers, and what came of each message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import channels as ways
from broker.hub import feed
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.drafting import KINDS
from broker.hub.console.wording import when
from broker.hub.declined import Declined
from broker.hub.records import Account, Channel, Delivery

pages = Blueprint("channels", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor")
NOTES = {
    "added": "Đã thêm kênh. Bản tin duyệt từ lúc này sẽ gửi tới đó.",
    "on": "Kênh đã bật lại.",
    "off": "Kênh đã tạm dừng; tin duyệt trong lúc dừng sẽ không gửi bù.",
    "removed": "Đã bỏ kênh, địa chỉ và mật khẩu đã xoá.",
    "feed-on": "Nguồn tin đã mở cho mọi người.",
    "feed-off": "Nguồn tin đã đóng.",
}
STATES = {"waiting": ("wait", "Chờ gửi"), "sent": ("ok", "Đã nhận"), "given-up": ("bad", "Không gửi được")}


@dataclass(frozen=True)
class Line:
    """One channel as it is shown."""

    id: int
    name: str
    address: str
    kinds: str
    is_on: bool
    is_webhook: bool
    secret: str
    """Shown to who keeps the channels, for the other side to check our signature."""


@dataclass(frozen=True)
class Message:
    """One message as it is shown."""

    channel: str
    announcement: str
    said: str
    shape: str
    state: str
    problem: str


@pages.get("/channels")
@access.allow(*READERS)
def all_channels() -> str:
    """The list, the last messages, and for the admin a form to add."""
    return _page()


@pages.post("/channels")
@access.allow(*ways.KEEPERS)
def add() -> Response | tuple[str, int]:
    """Add one. Form: name, address, kinds."""
    form = request.form
    try:
        with desk().database.session() as db:
            ways.add_channel(
                db, _me(db), form.get("name", ""), form.get("address", ""), form.getlist("kinds"), now()
            )
    except Declined as why:
        return _page(str(why), form.get("name", ""), form.getlist("kinds")), 409
    return redirect(url_for("channels.all_channels", note="added"))


@pages.post("/channels/<int:channel>/<act>")
@access.allow(*ways.KEEPERS)
def change(channel: int, act: str) -> Response | tuple[str, int]:
    """on, off or remove."""
    try:
        with desk().database.session() as db:
            if act == "remove":
                ways.remove_channel(db, _me(db), channel, now())
            elif act in ("on", "off"):
                ways.switch_channel(db, _me(db), channel, now(), is_on=act == "on")
            else:
                raise Declined("no-act", "Không có việc này trên kênh.")
    except Declined as why:
        return _page(str(why)), 409
    return redirect(url_for("channels.all_channels", note="removed" if act == "remove" else act))


@pages.post("/channels/feed")
@access.allow(*ways.KEEPERS)
def open_feed() -> Response:
    """Open the public feed, or shut it. Form: open (yes or empty)."""
    is_open = request.form.get("open") == "yes"
    with desk().database.session() as db:
        feed.put_open(db, _me(db), now(), is_open=is_open)
    return redirect(url_for("channels.all_channels", note="feed-on" if is_open else "feed-off"))


@pages.get("/feed.atom")
@access.public
def atom() -> Response:
    """What was approved lately, for anybody, where the commune opened it."""
    with desk().database.reading() as db:
        if not feed.is_open(db):
            return Response("Xã chưa mở nguồn tin này.\n", 404, mimetype="text/plain")
        raw = feed.atom_of(db, desk().commune_name, desk().settings.console_address, now())
    answer = Response(raw, mimetype="application/atom+xml")
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def _page(trouble: str = "", name: str = "", kinds: Sequence[str] = ()) -> str:
    may_edit = access.visitor().is_any(*ways.KEEPERS)
    with desk().database.reading() as db:
        lines = [_line(one, may_edit=may_edit) for one in ways.channels_of(db)]
        messages = [_message(one) for one in ways.lately(db)]
        waiting, is_open = ways.waiting_count(db), feed.is_open(db)
    return render_template(
        "channels.html",
        here="channels",
        lines=lines,
        messages=messages,
        waiting=waiting,
        is_open=is_open,
        may_edit=may_edit,
        kind_names=KINDS,
        note=NOTES.get(request.args.get("note", ""), ""),
        trouble=trouble,
        name=name,
        kinds=kinds or ("priority", "emergency"),
    )


def _line(one: Channel, *, may_edit: bool) -> Line:
    return Line(
        id=one.id,
        name=one.name,
        address=ways.masked(one.address),
        kinds=", ".join(KINDS[kind].lower() for kind in one.kinds),
        is_on=one.disabled_at is None,
        is_webhook=one.kind == "webhook",
        secret=one.secret if may_edit else "",
    )


def _message(one: Delivery) -> Message:
    what = "bản tin" if one.what == "approved" else "báo gỡ bản tin"
    at = when(one.sent_at or one.created_at, now())
    tries = f", đã thử {one.tries} lần" if one.state == "waiting" and one.tries else ""
    shape, state = STATES[one.state]
    problem = "" if one.state == "sent" else one.problem
    return Message(one.channel.name, one.announcement, f"{what}, {at}{tries}", shape, state, problem)


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
