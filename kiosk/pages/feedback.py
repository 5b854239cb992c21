"""Phản ánh, góp ý: what about, where, in your words; then a code that is kept before it is shown."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from broker.link.clock import LOCAL
from broker.link.outbox import OutboxFull
from broker.look import say
from kiosk.feedback import CODE, LONGEST, Desk, NoKey, Spot, Topic, grouped
from kiosk.house import House
from kiosk.visitor import language


@dataclass(frozen=True)
class Choice:
    """One answer: its code, its picture, its words."""

    code: str
    icon: str
    words: str


TOPICS = [
    Choice("light", "lamp", "Điện, đèn đường"),
    Choice("road", "road", "Đường, cầu, cống"),
    Choice("water", "leaf", "Nước, rác, môi trường"),
    Choice("safety", "police", "An ninh, trật tự"),
    Choice("paper", "note", "Giấy tờ, cán bộ"),
    Choice("other", "say", "Việc khác, lời khen"),
]
SPOTS = [
    Choice("village", "village", ""),
    Choice("elsewhere", "land", "Nơi khác trong xã"),
    Choice("nowhere", "unsure", "Tôi chưa rõ"),
]


def _choice(choices: list[Choice], code: str) -> Choice:
    found = next((each for each in choices if each.code == code), None)
    if found is None:
        abort(404)
    return found


def clock_words(at: datetime) -> str:
    """`16 giờ 42, hôm nay`: the moment of keeping, on the local clock."""
    local = at.astimezone(LOCAL)
    return say("%(hour)s giờ %(minute)s, hôm nay", hour=local.hour, minute=f"{local.minute:02d}")


def pages(house: House, desk: Desk) -> Blueprint:
    """The blueprint of feedback."""
    job = Blueprint("feedback", __name__)

    def place(spot: Choice) -> str:
        return house.village[:1].upper() + house.village[1:] if spot.code == "village" else say(spot.words)

    @job.before_request
    def lead_to_a_person() -> Answer | None:
        """Where nothing can be typed, a person writes it down."""
        return redirect("/giup", 302) if house.panel.layout == "lookup" else None

    @job.get("/gop-y")
    def topic() -> str:
        return render_template("feedback_topic.html", topics=TOPICS, ready=house.seal_key() is not None)

    @job.get("/gop-y/<topic>")
    def spot(topic: str) -> str:
        spots = [Choice(each.code, each.icon, place(each)) for each in SPOTS]
        return render_template("feedback_spot.html", topic=_choice(TOPICS, topic), spots=spots)

    @job.get("/gop-y/<topic>/<spot>")
    def words(topic: str, spot: str) -> str:
        return _form(_choice(TOPICS, topic), _choice(SPOTS, spot), "", "", secrets.token_hex(16))

    def _form(topic: Choice, spot: Choice, text: str, trouble: str, once: str) -> str:
        return render_template(
            "feedback_words.html",
            topic=topic,
            place=place(spot),
            text=text,
            trouble=trouble,
            once=once,
            longest=LONGEST,
        )

    @job.post("/gop-y/<topic>/<spot>")
    def keep(topic: str, spot: str) -> Answer | tuple[str, int]:
        about, where = _choice(TOPICS, topic), _choice(SPOTS, spot)
        text = request.form.get("loi", "").replace("\r\n", "\n")  # as the browser counts its letters
        once = request.form.get("mot_lan", "")[:64]
        if not text.strip():
            return _form(about, where, "", say("Bác gõ vài chữ đã, rồi bấm Gửi."), once), 422
        if len(text.strip()) > LONGEST:
            return _form(about, where, text, say("Lời dài quá. Bác rút ngắn lại giúp máy."), once), 422
        try:
            code = desk.take(once, cast(Topic, about.code), cast(Spot, where.code), text, language())
        except OutboxFull as why:
            return _form(about, where, text, str(why), once), 503
        except NoKey:
            return _form(
                about, where, text, say("Máy này chưa nhận được lời. Bác bấm Gọi người giúp."), once
            ), 503
        # The answer is another page: larger letters come back to it, and the browser keeps no copy of what was sent.
        return redirect(f"/gop-y/{topic}/{spot}/{code}", 303)

    @job.get("/gop-y/<topic>/<spot>/<code>")
    def kept(topic: str, spot: str, code: str) -> str:
        about, where = _choice(TOPICS, topic), _choice(SPOTS, spot)
        at = desk.taken_at(code)
        if not CODE.fullmatch(code) or (at is None and not house.post.is_waiting(code)):
            abort(404)
        return render_template(
            "feedback_kept.html",
            topic=about,
            place=place(where),
            code=code,
            groups=grouped(code),
            at=clock_words(at) if at is not None else "",  # kept before this machine started anew
            state=_state(code),
        )

    def _state(code: str) -> str:
        """there: the commune has it; sending: on its way; waiting: no network."""
        if not house.post.is_waiting(code):
            return "there"
        return "sending" if house.post.connected else "waiting"

    @job.get("/gop-y/ma/<code>/buoc")
    def follow(code: str) -> Response:
        if not CODE.fullmatch(code):
            abort(404)
        state = _state(code)
        at = request.args.get("luc", "")[:40]
        answer = make_response(render_template("feedback_steps.html", state=state, at=at))
        answer.headers["X-State"] = state
        return answer

    return job
