"""Nơi gọi của phòng trực: whom the hub calls when nobody looks at an alert, and what came of the last calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import duty_phones, posting, unseen
from broker.hub.alert_kinds import CHOICES
from broker.hub.channels import masked
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.wording import lasting, when
from broker.hub.declined import Declined
from broker.hub.letter_lines import within
from broker.hub.records import Account, DutyCall, DutyPhone
from broker.hub.row_numbers import number_of

pages = Blueprint("duty_phones", __name__)

NOTES = {
    "added": "Đã thêm. Xin bấm Gửi thử để chắc tin tới nơi.",
    "removed": "Đã bỏ, địa chỉ đã xoá.",
    "tried": "Nơi nhận đã nhận tin thử.",
    "unseen": "Đã ghi.",
}
STATES = {
    "waiting": ("wait", "Đang gọi"),
    "sent": ("ok", "Đã gửi"),
    "needless": ("ok", "Thôi, có người xem"),
    "given-up": ("bad", "Không gọi được"),
}
AFTER_S = (0, 60, 120, 180, 300, 600, 900, 1800)
"""Waits to choose from."""
UNSEEN_S = (60, 120, 180, 300, 600, 900)
TRIAL_S = 20.0
"""Who tries a phone out waits no longer."""
SAMPLES = (
    (
        "Telegram",
        "tgram://123456789:AAEabcdefghijklmnopqrstuvwxyz1234567/-1001234567890",
        "Mã bot do BotFather cấp, rồi số của nhóm tổ trực đã thêm bot đó vào.",
    ),
    (
        "Zalo",
        "zalo://123456789:abcdefghijKLMNOPqrst/8765432100",
        "Mã do Zalo cấp khi xã tạo bot, rồi mã cuộc trò chuyện; người nhận phải nhắn cho bot trước một lần.",
    ),
    (
        "Tin nhắn SMS",
        "httpsms://khoa-API@84912345678/84987654321",
        "Dịch vụ httpSMS, một điện thoại Android có SIM gửi thay: khoá API, số gửi, số nhận (84 thay số 0 đầu).",
    ),
    (
        "Thư điện tử",
        "mailtos://trucban:mat-khau@xa.gov.vn?to=truongca@xa.gov.vn",
        "Tên và mật khẩu hộp thư gửi đi, máy chủ thư, rồi địa chỉ người nhận.",
    ),
)
"""Who is called, how the address looks, what is needed for it."""
Answer = Response | tuple[str, int]


@dataclass(frozen=True)
class Line:
    """One phone as it is shown."""

    id: int
    name: str
    address: str
    kinds: str
    after: str


@dataclass(frozen=True)
class Call:
    """One call as it is shown."""

    phone: str
    alert: int
    said: str
    shape: str
    state: str
    problem: str


@pages.get("/duty/phones")
@access.allow("police", "admin")
def all_phones() -> str:
    """The list and the last calls; for the admin forms to add and remove."""
    return _page()


@pages.post("/duty/phones")
@access.allow(*duty_phones.KEEPERS)
def add() -> Answer:
    """Add one. Form: name, address, kinds, after_s."""
    form = request.form
    name, address, kinds = form.get("name", ""), form.get("address", ""), form.getlist("kinds")
    after_s = _seconds("after_s")
    try:
        with desk().database.session() as db:
            gateway = desk().settings.console.gateway
            duty_phones.add_phone(db, _me(db), name, address, kinds, after_s, now(), gateway=gateway)
    except Declined as why:
        return _page(str(why), name, kinds, address), 409
    return _back("added")


@pages.post("/duty/phones/unseen")
@access.allow(*duty_phones.KEEPERS)
def set_unseen() -> Answer:
    """After how long an alert counts as unseen. Form: seconds."""
    try:
        with desk().database.session() as db:
            duty_phones.put_unseen_after(db, _me(db), _seconds("seconds"), now())
    except Declined as why:
        return _page(str(why)), 409
    return _back("unseen")


@pages.post("/duty/phones/<int:phone>/remove")
@access.allow(*duty_phones.KEEPERS)
def remove(phone: int) -> Answer:
    """Bỏ."""
    try:
        with desk().database.session() as db:
            duty_phones.remove_phone(db, _me(db), phone, now())
    except Declined as why:
        return _page(str(why)), 409
    return _back("removed")


@pages.post("/duty/phones/<int:phone>/try")
@access.allow(*duty_phones.KEEPERS)
def try_out(phone: int) -> Answer:
    """Gửi thử: now, and its outcome with the page."""
    try:
        with desk().database.session() as db:
            letter = duty_phones.trial_of(db, _me(db), phone, desk().commune_name, now())
    except Declined as why:
        return _page(str(why)), 409
    problem = within(TRIAL_S, partial(posting.send, letter))
    if problem:
        return _page(f"Chưa gửi được tin thử. {problem}"), 409
    return _back("tried")


def _seconds(field: str) -> int:
    """A wait that was chosen; -1, which nobody may choose, for what is none."""
    found = number_of(request.form.get(field, ""))
    return -1 if found is None else found


def _back(note: str) -> Response:
    return redirect(url_for("duty_phones.all_phones", note=note))


def _page(trouble: str = "", name: str = "", kinds: Sequence[str] = (), address: str = "") -> str:
    # The address goes back only in the answer to who has just typed it.
    with desk().database.reading() as db:
        lines = [_line(one) for one in unseen.phones_of(db)]
        calls = [_call(one) for one in duty_phones.lately(db)]
        unseen_s = unseen.unseen_after_s(db)
    return render_template(
        "duty_phones.html",
        here="duty-phones",
        lines=lines,
        calls=calls,
        may_edit=access.visitor().is_any(*duty_phones.KEEPERS),
        choices=CHOICES,
        waits=[(each, _after(each)) for each in AFTER_S],
        unseens=[(each, lasting(each)) for each in sorted({*UNSEEN_S, unseen_s})],
        unseen_s=unseen_s,
        unseen_said=lasting(unseen_s),
        note=NOTES.get(request.args.get("note", ""), ""),
        trouble=trouble,
        name=name,
        address=address,
        samples=SAMPLES,
        kinds=kinds or ("sos", "person"),
    )


def _line(one: DutyPhone) -> Line:
    kinds = ", ".join(CHOICES[kind] for kind in one.kinds if kind in CHOICES)
    return Line(one.id, one.name, masked(one.address), kinds, _after(one.after_s))


def _after(seconds: int) -> str:
    return f"sau {lasting(seconds)} chưa ai xem" if seconds else "ngay khi có cảnh báo"


def _call(one: DutyCall) -> Call:
    shape, state = STATES[one.state]
    tries = f", đã thử {one.tries} lần" if one.state == "waiting" and one.tries else ""
    problem = one.problem if one.state in ("waiting", "given-up") else ""
    said = f"{when(one.sent_at or one.due_at, now())}{tries}"
    return Call(one.phone.name, one.alert_id, said, shape, state, problem)


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
