"""Mẫu khẩn cấp: what is said in an emergency, written on a quiet day, heard and signed by an emergency signer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from broker.hub import trusted
from broker.hub.announcing import emergency_templates as templates
from broker.hub.announcing import signing
from broker.hub.announcing.emergency import trouble_of
from broker.hub.announcing.emergency_signers import (
    holders_of,
    may_sign,
    signers,
    template_people,
    template_signers,
)
from broker.hub.announcing.emergency_templates import ICONS, MOST_MONTHS, WRITERS, Wording
from broker.hub.announcing.render import spoken_of
from broker.hub.announcing.workflow import Draft
from broker.hub.console import access
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk, is_part, lexicon, now
from broker.hub.console.drafting import OWN, Fields, fields_of_form, questions_of
from broker.hub.console.emergency import onward, signing_of
from broker.hub.console.emergency_choices import say_how
from broker.hub.console.signatures import signed_of_form
from broker.hub.console.sound import preview_of
from broker.hub.console.wording import lasting, local
from broker.hub.declined import Declined
from broker.hub.records import Account, EmergencyTemplate
from broker.speech.voice import VOICES

pages = Blueprint("urgent_templates", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor")
SOON_DAYS = 30
"""So long before its end a template is shown as one to renew."""
MONTHS = 12
"""How long a signature is offered for."""
REPEATS = (1, 2, 3, 4, 5)
EVERY_S = (300, 600, 900, 1800, 3600, 0)
LASTS_S = (1800, 3600, 7200, 14_400, 28_800, 86_400)
ICON_NAMES = {
    "water": "Nước",
    "storm": "Mưa bão",
    "fire": "Cháy",
    "people": "Người",
    "health": "Bệnh dịch",
    "horn": "Việc khác",
}
NOTES = {
    "kept": "Đã cất bản nháp.",
    "sent": "Đã gửi ký. Người được phát khẩn cấp nghe rồi ký ở đây.",
    "signed": "Đã ký. Mẫu dùng được ngay ở trang Phát khẩn cấp, loa đang tải sẵn tiếng.",
    "signed-too": "Đã đủ hai người ký. Ai được phát khẩn cấp cũng phát một mình được.",
    "renewed": "Đã gửi ký lại. Mẫu cũ vẫn dùng cho đến khi ký xong.",
    "returned": "Đã trả về bản nháp để sửa.",
    "retired": "Đã thôi dùng mẫu này.",
}


@dataclass(frozen=True)
class Line:
    """One template as the list shows it."""

    id: int
    icon: str
    title: str
    where: str
    look: str
    """ok, wait, look or bad"""
    said: str
    is_signed: bool


@pages.get("/emergency/templates")
@access.allow(*READERS)
def all_templates() -> str:
    """Every template in use, with how long it still may be let speak."""
    at, here = now(), signing.Desk.of(desk().settings)
    with desk().database.reading() as db:
        commune = commune_of(db)
        lines = [_line(commune, row, *standing(db, here, row, at)) for row in templates.in_use(db)]
    return render_template(
        "urgent-templates.html",
        here="urgent-templates",
        lines=lines,
        usable=sum(line.is_signed and line.look != "bad" for line in lines),
        may_write=access.visitor().is_any(*WRITERS),
        note=_note(),
    )


@pages.route("/emergency/templates/new", methods=["GET", "POST"])
@access.allow(*WRITERS)
def new() -> str | AnyResponse | tuple[str, int]:
    """An empty template; it may be let speak in the whole commune unless told otherwise."""
    if request.method == "POST":
        return _act(None)
    with desk().database.reading() as db:
        codes = [village.code for village in commune_of(db).villages]
    return _form(None, Wording(villages=codes), Fields(Draft(villages=codes)))


@pages.route("/emergency/templates/<int:number>/edit", methods=["GET", "POST"])
@access.allow(*WRITERS)
def edit(number: int) -> str | AnyResponse | tuple[str, int]:
    """Go on with a draft, or word a template anew; the signed one stays in use meanwhile."""
    if request.method == "POST":
        return _act(number)
    with desk().database.reading() as db:
        row = templates.one_of(db, number)
    wording = Wording(**{name: getattr(row, name) for name in Wording.__dataclass_fields__})
    return _form(number, wording, Fields(Draft(text=row.text, answers=row.answers)))


@pages.get("/emergency/templates/<int:number>")
@access.allow(*READERS)
def one(number: int) -> str:
    """One template: its words and sound, its signature or the place to sign it."""
    return _one(number)


@pages.get("/emergency/templates/<int:number>/body")
@access.allow("approver")
def body(number: int) -> Response:
    """Exactly the text to be signed. `months`: how long it may be let speak; 409 with a sentence while it cannot be."""
    with desk().database.reading() as db:
        try:
            text = templates.body_of(db, signing.Desk.of(desk().settings), number, _months(), now())
        except Declined as why:
            return Response(str(why), 409, {"X-Code": why.code}, mimetype="text/plain")
    return Response(text, mimetype="text/plain")


@pages.post("/emergency/templates/<int:number>/sign")
@access.allow("approver")
def sign(number: int) -> AnyResponse | tuple[str, int]:
    """Take what the signer's browser signed. Form: as signatures read it, and heard: yes, for nobody signs unheard."""
    try:
        if request.form.get("heard") != "yes":
            raise Declined("unheard", "Xin nghe hết mẫu rồi mới ký: lúc khẩn cấp không ai nghe lại nữa.")
        with desk().database.session() as db:
            here = signing.Desk.of(desk().settings)
            row = templates.sign(db, here, _me(db), number, signed_of_form(), now())
            note = "signed-too" if len(row.signatures) > 1 else "signed"
    except Declined as why:
        return (f"{why}\n" if is_part() else _one(number, trouble=str(why))), 409
    return onward(url_for(".one", number=number, note=note))


@pages.post("/emergency/templates/<int:number>")
@access.allow(*WRITERS)
def act(number: int) -> AnyResponse | tuple[str, int]:
    """Renew it, give it back to its writer, or take it out of use, as the pressed button says."""
    what = request.form.get("act", "")
    try:
        with desk().database.session() as db:
            if what == "renew":
                row = templates.renew(db, _me(db), number, lexicon(), now())
                return redirect(url_for(".one", number=row.id, note="renewed"))
            if what == "return":
                templates.send_back(db, _me(db), number, now(), request.form.get("why", ""))
                return redirect(url_for(".one", number=number, note="returned"))
            if what != "retire":
                raise Declined("no-act", "Xin bấm một nút trên trang.")
            templates.retire(db, _me(db), number, now())
    except Declined as why:
        return _one(number, trouble=str(why)), 409
    return redirect(url_for(".all_templates", note="retired"))


def standing(db: Session, here: signing.Desk, row: EmergencyTemplate, at: datetime) -> tuple[str, str]:
    """Where a template stands: how it looks (ok, wait, look, bad), and in words."""
    if row.state == "draft":
        return "wait", "Bản nháp, chưa gửi ký"
    if row.state == "submitted":
        if row.audio is None:
            return (
                ("bad", row.audio_problem) if row.audio_problem else ("wait", "Đang làm tiếng, sắp ký được")
            )
        return "look", "Chờ ký"
    if row.state != "ready":
        return "wait", "Đã thôi dùng" if row.state == "retired" else "Đã thay bằng bản mới"
    if row.expires is None or row.expires <= at:
        return "bad", f"Hết hạn từ {local(row.expires or at):%-d/%-m/%Y}, cần gia hạn"
    trouble = trouble_of(db, here, row, at)
    if trouble:
        return "bad", trouble
    days = ((templates.holds_until(row, trusted.believed(db, here)) or at) - at).days
    people = template_people(db, here, row, at)
    by_one = ", mới một người ký" if len(people) < 2 else ""
    if by_one and not any(holders_of(db, here, each, at) - people for each in signers(db, here, at)):
        return "bad", "Chưa phát được: xã chỉ có một người được phát khẩn cấp, người ấy đã ký mẫu này"
    return ("look" if days <= SOON_DAYS else "ok"), f"Dùng được, còn {days} ngày{by_one}"


def _line(commune: Commune, row: EmergencyTemplate, look: str, said: str) -> Line:
    title, where = row.title or "Chưa đặt tên", commune.say_places(row.villages)
    return Line(row.id, ICONS.get(row.icon, "horn"), title, where, look, said, row.state == "ready")


def _one(number: int, trouble: str = "") -> str:
    at, here = now(), signing.Desk.of(desk().settings)
    with desk().database.reading() as db:
        row, me, commune = templates.one_of(db, number), _me(db), commune_of(db)
        look, said = standing(db, here, row, at)
        is_author = row.author_id == me.id
        people, mine = template_people(db, here, row, at), holders_of(db, here, me, at)
        by = [each.full_name for each in template_signers(db, here, row, at)]
        is_open = row.state == "ready" and row.expires is not None and row.expires > at
        lacks_one = is_open and len(people) < 2
        may = may_sign(db, here, me, at)
        shown: dict[str, Any] = {
            "row": row,
            "icon_name": ICONS.get(row.icon, "horn"),
            "weight": look,
            "said": said,
            "where": commune.say_places(row.villages),
            "how": say_how(row.repeat, row.every_s, row.lasts_s),
            "written": f"{row.author.full_name} viết ngày {local(row.edited_at):%-d/%-m/%Y}",
            "signed": " và ".join(by) or (row.signer.full_name if row.signer is not None else ""),
            "since": f"{local(row.signed_at):%-d/%-m/%Y}" if row.signed_at is not None else "",
            "lacks_one": lacks_one,
            "is_whole": is_open and not lacks_one,
            "signs_now": may
            and not is_author
            and (row.state == "submitted" or (lacks_one and not mine & people)),
            "has_signed": bool(mine & people),
            "until": f"{local(row.expires):%-d/%-m/%Y}" if row.expires is not None else "",
            "is_author": is_author,
            "may_write": access.visitor().is_any(*WRITERS),
            "may_retire": access.visitor().is_any("approver") or (is_author and row.state != "ready"),
            "may_sign": may,
            "holders": [
                each.full_name
                for each in signers(db, here, at, without=row.author_id)
                if each.full_name not in by
            ],
            "months": MONTHS,
            "most_months": MOST_MONTHS,
            **signing_of(db, me),
        }
    return render_template(
        "urgent-template.html", here="urgent-templates", trouble=trouble, note=_note(), **shown
    )


def _act(number: int | None) -> str | AnyResponse | tuple[str, int]:
    """Keep, send or only show what was typed, as the pressed button says."""
    fields, what = fields_of_form(request.form), request.form.get("act", "")
    wording = _wording(fields)
    if what not in ("save", "submit"):
        return _form(number, wording, fields, is_heard=what == "listen")
    try:
        with desk().database.session() as db:
            row = templates.save(db, _me(db), wording, now(), number)
            if what == "submit":
                templates.submit(db, _me(db), row.id, lexicon(), now())
    except Declined as why:
        return _form(number, wording, fields, trouble=str(why)), 409
    if what == "submit":
        return redirect(url_for(".one", number=row.id, note="sent"))
    return redirect(url_for(".edit", number=row.id, note="kept"))


def _wording(fields: Fields) -> Wording:
    draft, form = fields.draft, request.form
    return Wording(
        title=draft.title,
        text=draft.text,
        icon=form.get("icon", "horn"),
        villages=draft.villages,
        answers=draft.answers,
        voice=draft.voice,
        repeat=draft.repeat,
        every_s=_whole("every"),
        lasts_s=_whole("lasts"),
    )


def _whole(name: str) -> int:
    """A number of a choice; -1, which nothing takes, for anything else."""
    said = request.form.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else -1


def _form(
    number: int | None, wording: Wording, fields: Fields, *, trouble: str = "", is_heard: bool = False
) -> str:
    with desk().database.reading() as db:
        villages = commune_of(db).villages
        row = None if number is None else templates.one_of(db, number)
        returned = row.note if row is not None and row.state == "draft" else ""
    words = lexicon()
    draft = Draft(text=wording.text, answers=wording.answers, voice=wording.voice)
    return render_template(
        "urgent-template-edit.html",
        here="urgent-templates",
        number=number,
        returned=returned,
        wording=wording,
        fields=fields,
        own=OWN,
        sheet={"questions": questions_of(fields, words)},
        spoken=spoken_of(wording.text, wording.answers, words).text,
        hear=preview_of(draft) if is_heard else None,
        trouble=trouble,
        note=_note(),
        villages=villages,
        icons=[(name, ICONS[name], said) for name, said in ICON_NAMES.items()],
        voices=VOICES,
        repeats=REPEATS,
        everies=_choices(EVERY_S, wording.every_s, "mỗi"),
        lasting=_choices(LASTS_S, wording.lasts_s, ""),
    )


def _choices(offered: Sequence[int], kept: int, before: str) -> list[tuple[int, str]]:
    """Seconds to choose from, in words; what is kept is among them, however it came there."""
    every = [*offered, *([kept] if kept > 0 and kept not in offered else [])]
    return [(each, f"{before} {lasting(each)}".strip() if each else "không nhắc lại") for each in every]


def _months() -> int:
    said = request.args.get("months", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 4 else 0


def _note() -> str:
    return NOTES.get(request.args.get("note", ""), "")


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
