"""Mẫu khẩn cấp: written by one, heard and signed by another, renewed before it ends, taken out of use."""

from __future__ import annotations

import base64

import msgspec
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.hub import trusted
from broker.hub.records import EmergencyTemplate
from broker.trust.envelope import sign
from tests.console.stage import Stage
from tests.console.urgent import alarmed
from tests.hub.alarms import sound

LIST = "/emergency/templates"
NEW = f"{LIST}/new"
FORM: dict[str, object] = {
    "title": "Vỡ đập",
    "icon": "water",
    "text": "Đập hồ Vân sắp vỡ. Bà con chạy ngay lên đồi.",
    "villages": ["dong", "ben"],
    "repeat": "3",
    "every": "600",
    "lasts": "7200",
    "voice": "vi",
    "act": "submit",
}


def post(stage: Stage, client: FlaskClient, path: str, **form: object) -> TestResponse:
    answer: TestResponse = stage.post(client, path, form, page=LIST)
    return answer


def newest(stage: Stage) -> EmergencyTemplate:
    with stage.database.reading() as db:
        return db.scalars(select(EmergencyTemplate).order_by(EmergencyTemplate.id.desc())).first()  # type: ignore[return-value]


def signing(
    stage: Stage,
    client: FlaskClient,
    number: int,
    months: int = 12,
    private: str = "k-cuong",
    **change: str,
) -> TestResponse:
    """What the script does: fetch the text, sign it, send it."""
    shown = client.get(f"{LIST}/{number}/body?months={months}")
    assert shown.status_code == 200, shown.get_data(as_text=True)
    text = shown.get_data(as_text=True)
    value = sign(text, "template", private, stage.keys.private[private]).value
    fields = {"body": text, "key": private, "signature": base64.b64encode(value).decode(), "heard": "yes"}
    return post(stage, client, f"{LIST}/{number}/sign", **(fields | change))


def signed_form(stage: Stage, client: FlaskClient, number: int, private: str) -> dict[str, object]:
    """The text as this key's browser sends it back."""
    text = client.get(f"{LIST}/{number}/body?months=12").get_data(as_text=True)
    value = sign(text, "template", private, stage.keys.private[private]).value
    return {"body": text, "key": private, "signature": base64.b64encode(value).decode(), "heard": "yes"}


def test_a_template_is_written_by_one_and_signed_by_another_who_heard_it(stage: Stage) -> None:
    alarmed(stage)
    hanh, cuong = stage.client("hanh"), stage.client("cuong")
    assert "2 mẫu dùng được ngay." in hanh.get(LIST).get_data(as_text=True)
    assert post(stage, hanh, NEW, **FORM).status_code == 302
    row = newest(stage)
    page = f"{LIST}/{row.id}"
    assert cuong.get(f"{page}/body?months=12").headers["X-Code"] == "no-audio"
    assert "Đang làm tiếng" in cuong.get(page).get_data(as_text=True)
    with stage.database.session() as db:
        db.get_one(EmergencyTemplate, row.id).audio = sound(77)
    said = cuong.get(page).get_data(as_text=True)
    assert ("Nghe rồi ký" in said, "Chờ ký" in said) == (True, True)
    assert "Chờ người khác ký" in hanh.get(page).get_data(as_text=True)
    assert "Trần Văn Hùng" in hanh.get(page).get_data(as_text=True), "who may sign is named"
    assert "chưa được xã giao quyền" in stage.client("binh").get(page).get_data(as_text=True)
    unheard = signing(stage, cuong, row.id, heard="")
    assert (unheard.status_code, "nghe hết mẫu rồi mới ký" in unheard.get_data(as_text=True)) == (409, True)
    assert cuong.get(f"{page}/body?months=14").status_code == 409
    assert cuong.get(f"{page}/body?months=một").headers["X-Code"] == "bad-months"
    torn = signing(stage, cuong, row.id, signature="💥")
    assert (torn.status_code, "không đọc được" in torn.get_data(as_text=True)) == (409, True)
    assert signing(stage, cuong, row.id).status_code == 302
    shown = cuong.get(page).get_data(as_text=True)
    assert "Dùng được, còn 365" in shown
    assert "Đặng Hữu Cường" in shown
    again = post(stage, cuong, f"{page}/sign", body="", key="", signature="", heard="yes")
    assert again.status_code == 409
    assert "Đã ký: Đặng Hữu Cường. Thêm một người ký nữa" in shown
    assert "người ấy thì anh/chị không tự phát mẫu này được" in shown
    assert "Nghe rồi ký thêm" not in shown, "nobody signs twice"
    hung = stage.client("hung")
    assert "Nghe rồi ký thêm" in hung.get(page).get_data(as_text=True)
    twice = post(stage, cuong, f"{page}/sign", **signed_form(stage, hung, row.id, "k-cuong"))
    assert (twice.status_code, "Anh/chị đã ký mẫu này rồi" in twice.get_data(as_text=True)) == (409, True)
    assert signing(stage, hung, row.id, private="k-lanh").status_code == 302
    whole = hung.get(f"{page}?note=signed-too").get_data(as_text=True)
    assert "Đã đủ hai người ký." in whole
    assert "Đặng Hữu Cường và Trần Văn Hùng" in whole
    assert hung.get(f"{page}/body?months=12").headers["X-Code"] == "signed-already"
    listed = hanh.get(LIST).get_data(as_text=True)
    assert listed.count("mới một người ký") == 2, "those that were there before"
    assert "3 mẫu dùng được ngay." in hanh.get(LIST).get_data(as_text=True)
    assert "Vỡ đập" in cuong.get("/emergency").get_data(as_text=True)


def test_a_template_near_its_end_is_renewed_and_one_past_it_is_said_to_be(stage: Stage) -> None:
    flood = alarmed(stage)["flood"]
    stage.clock.advance(340 * 86_400)
    hanh, cuong = stage.client("hanh"), stage.client("cuong")
    assert "Dùng được, còn 25 ngày" in hanh.get(LIST).get_data(as_text=True)
    line = "Mẫu khẩn cấp cần gia hạn và ký lại: “Cháy” còn 25 ngày, “Nước lên, sơ tán” còn 25 ngày."
    assert line in hanh.get("/").get_data(as_text=True)
    assert "cần gia hạn" not in stage.client("giup").get("/").get_data(as_text=True)
    answer = post(stage, hanh, f"{LIST}/{flood}", act="renew")
    row = newest(stage)
    assert (answer.status_code, row.state, row.number) == (302, "submitted", 2)
    assert row.audio is not None, "the same words keep their sound"
    assert signing(stage, cuong, row.id, 13).status_code == 302
    with stage.database.reading() as db:
        assert db.get_one(EmergencyTemplate, flood).state == "superseded"
    stage.clock.advance(60 * 86_400)
    assert "Hết hạn từ" in stage.client("hanh").get(LIST).get_data(as_text=True)


def test_a_template_of_the_only_person_who_may_speak_it_is_said_to_be_of_no_use(stage: Stage) -> None:
    alarmed(stage)
    with stage.database.session() as db:
        trusted.remove_key(db, "k-lanh", "hung", stage.now())
    said = stage.client("hanh").get(LIST).get_data(as_text=True)
    assert said.count("Chưa phát được: xã chỉ có một người được phát khẩn cấp") == 2
    assert "Chưa có mẫu nào dùng được." in said


def test_what_is_wrong_is_said_on_the_page_and_nothing_is_lost(stage: Stage) -> None:
    hanh = stage.client("hanh")
    doubtful = post(stage, hanh, NEW, **(FORM | {"text": "Mang theo giấy QXZ, chạy ngay."}))
    said = doubtful.get_data(as_text=True)
    assert doubtful.status_code == 409
    assert ("“QXZ” đọc là gì?" in said, "Vỡ đập" in said) == (True, True)
    settled = FORM | {"text": "Mang theo giấy QXZ.", "answer:QXZ": "quy xê dét"}
    assert post(stage, hanh, NEW, **settled).status_code == 302
    assert newest(stage).spoken == "Mang theo giấy quy xê dét."
    for change, words in (
        ({"text": "à" * 50_000}, "dài quá"),
        ({"text": "🔥"}, "chưa có lời nào"),
        ({"title": "T" * 300}, "dài quá"),
        ({"villages": ["hoả-tinh"]}, "chọn lại"),
        ({"villages": []}, "ít nhất một thôn"),
        ({"icon": "<script>"}, "trong danh sách"),
        ({"every": "-5"}, "nhắc lại"),
        ({"lasts": "9" * 40}, "hiệu lực"),
    ):
        answer = post(stage, hanh, NEW, **(FORM | change))
        assert (answer.status_code, words in answer.get_data(as_text=True)) == (409, True), change
        assert "<script>" not in answer.get_data(as_text=True)
    assert hanh.get(f"{LIST}/999").status_code == 404
    heard = post(stage, hanh, NEW, **(FORM | {"act": "listen"})).get_data(as_text=True)
    assert "<audio controls src=" in heard


def test_a_draft_is_kept_taken_back_and_dropped(stage: Stage) -> None:
    flood = alarmed(stage)["flood"]
    hanh, binh = stage.client("hanh"), stage.client("binh")
    assert post(stage, hanh, NEW, **(FORM | {"act": "save"})).status_code == 302
    draft = newest(stage)
    edit = f"{LIST}/{draft.id}/edit"
    assert "Bà con chạy ngay lên đồi" in hanh.get(edit).get_data(as_text=True)
    assert post(stage, hanh, edit, **FORM).status_code == 302
    assert (newest(stage).id, newest(stage).state) == (draft.id, "submitted")
    long = post(stage, binh, f"{LIST}/{draft.id}", act="return", why="à" * 5_000)
    assert (long.status_code, "Lời nhắn dài quá" in long.get_data(as_text=True)) == (409, True)
    why = "Chạy lên đồi nào? <b>Ghi rõ</b>."
    assert post(stage, binh, f"{LIST}/{draft.id}", act="return", why=why).status_code == 302
    assert newest(stage).state == "draft"
    for path in (edit, f"{LIST}/{draft.id}"):
        said = hanh.get(path).get_data(as_text=True)
        assert "Trả lại để sửa: Chạy lên đồi nào? &lt;b&gt;Ghi rõ&lt;/b&gt;." in said
    anew = post(stage, binh, edit, **FORM)
    assert (anew.status_code, newest(stage).number) == (302, 2), "another's draft becomes one's own number"
    assert post(stage, hanh, f"{LIST}/{flood}", act="retire").status_code == 409, "an approver takes it away"
    assert post(stage, binh, f"{LIST}/{flood}", act="retire").status_code == 302
    assert post(stage, binh, f"{LIST}/{flood}", act="retire").status_code == 409
    assert post(stage, binh, f"{LIST}/{flood}", act="💥").status_code == 409
    assert "Nước lên" not in stage.client("cuong").get("/emergency").get_data(as_text=True)
    with stage.database.reading() as db:
        states = {row.id: row.state for row in db.scalars(select(EmergencyTemplate))}
    assert (states[draft.id], states[flood]) == ("superseded", "retired")
    assert msgspec.json.decode(newest(stage).body or "null") is None
