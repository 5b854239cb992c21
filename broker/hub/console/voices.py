"""Nghe giọng: any text in every voice, for every kind of loudspeaker, side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, jsonify, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from broker.hub.announcing.render import spoken_of
from broker.hub.announcing.trials import OPUS, trial_store
from broker.hub.console import access
from broker.hub.console.desk import desk, lexicon
from broker.hub.console.drafting import OWN, Fields, fields_of_form, questions_of
from broker.hub.console.linked import linked
from broker.hub.console.menu import VOICE_LISTENERS
from broker.hub.console.pictures import send_media
from broker.hub.console.trial import (
    LONGEST_TRIAL,
    PROFILES_SAID,
    RATES,
    Heard,
    Way,
    engines,
    hear,
    sha256_of,
    ways_of,
)

pages = Blueprint("voices", __name__)

EXAMPLES = {
    "Cắt điện": (
        "Điện lực thông báo: từ 7h30–11h ngày 29/11/2026 (Chủ nhật), cắt điện các thôn Đông, Bến để sửa đường dây "
        "22kV. Bà con chủ động bơm nước. Cần hỏi, gọi 1900 6769."
    ),
    "Mưa bão": (
        "Tin bão khẩn cấp (cơn bão số 9): hồi 13h, vị trí tâm bão ở khoảng 16,2°N; 109,5°E, sức gió mạnh cấp 10–11 "
        "(89–117 km/h), giật cấp 14. Sóng biển cao 4–6m. Cứu nạn gọi 112, cấp cứu gọi 115."
    ),
    "Mời họp": (
        "UBND xã kính mời đại diện các hộ thuộc TDP 3 dự họp lúc 19h30 ngày 05/12, tại NVH. Nội dung: triển khai "
        "Quyết định số 135/QĐ-TTg, thu quỹ PCTT 30.000đ/hộ. Mang theo CCCD và sổ BHYT."
    ),
    "Tiêm phòng": (
        "Trạm y tế tiêm vắc-xin cho trẻ 18–24 tháng tuổi, sáng thứ Tư 2/12, từ 7h15 đến 10h45. Trẻ sốt trên 37,5°C "
        "thì hoãn. Hỏi chị Hoa, số 0912 345 678."
    ),
}
"""Texts at hand, each with what is hard to read aloud; names and numbers are made up."""


@pages.route("/voices", methods=["GET", "POST"])
@access.allow(*VOICE_LISTENERS)
def page() -> str:
    """The page; without a script its buttons come here too."""
    form: MultiDict[str, str] = request.form
    asked = form.get("example", "")
    if request.method == "GET" or asked:
        chosen = int(asked) if asked in map(str, range(len(EXAMPLES))) else 0
        form = MultiDict({"text": list(EXAMPLES.values())[chosen], "rate": form.get("rate", "calm")})
    fields, shown = _read(form)
    heard = {}
    if "hear" in form:
        key, _, profile = form["hear"].rpartition(":")
        heard[form["hear"]] = _hear(fields, key, profile, form.get("rate", ""))
    found = engines()
    return render_template(
        "voices.html",
        here="voices",
        ways=ways_of(found, desk().settings.speech),
        profiles=PROFILES_SAID,
        rates=RATES,
        rate=form.get("rate", "calm"),
        examples=EXAMPLES,
        heard=heard,
        longest=LONGEST_TRIAL,
        **shown,
    )


@pages.post("/voices/preview")
@access.allow(*VOICE_LISTENERS)
def preview() -> Response:
    """Both sides of the text and its doubts, for the script while somebody types."""
    _, shown = _read(request.form)
    parts = {"written": "_compose_written.html", "spoken": "_voices_spoken.html"}
    parts["questions"] = "_compose_questions.html"
    return jsonify({"html": {part: render_template(name, **shown) for part, name in parts.items()}})


@pages.post("/voices/hear")
@access.allow(*VOICE_LISTENERS)
def listen() -> str:
    """The text in one voice on one kind of loudspeaker: what stands in its cell, for the script."""
    fields, _ = _read(request.form)
    key, _, profile = request.form.get("hear", "").rpartition(":")
    heard = _hear(fields, key, profile, request.form.get("rate", ""))
    return render_template("_voices_heard.html", one=heard, name=PROFILES_SAID[profile])


@pages.get("/voices/clip/<token>")
@access.allow(*VOICE_LISTENERS)
def clip(token: str) -> Response:
    """The sound of a trial; the token is only given to who asked for it."""
    sha256 = sha256_of(token)
    if sha256 is None:
        abort(404)
    return send_media(trial_store(desk().settings), sha256, OPUS)


def _read(form: MultiDict[str, str]) -> tuple[Fields, dict[str, Any]]:
    """The fields, and what the parts of the page show of them."""
    fields = fields_of_form(form)
    fields.draft = replace(fields.draft, text=fields.draft.text[:LONGEST_TRIAL])
    words = lexicon()
    spoken = spoken_of(fields.draft.text, fields.draft.answers, words)
    questions = questions_of(fields, words)
    sides = linked(fields.draft.text, spoken, [question.found for question in questions])
    sheet = {"written": sides.written, "spoken": sides.spoken, "questions": questions}
    return fields, {
        "sheet": sheet,
        "fields": fields,
        "draft": fields.draft,
        "own": OWN,
        "left": spoken.doubts,
    }


def _hear(fields: Fields, key: str, profile: str, rate: str) -> Heard:
    """One trial. 404 for a way or a loudspeaker that the page does not offer."""
    ways = {way.key: way for way in ways_of(engines(), desk().settings.speech)}
    way: Way | None = ways.get(key)
    if way is None or profile not in PROFILES_SAID:
        abort(404)
    spoken = spoken_of(fields.draft.text, fields.draft.answers, lexicon()).text
    return hear(spoken, way, profile, RATES.get(rate, RATES["calm"])[0])
