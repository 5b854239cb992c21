"""Cảnh báo từ nơi khác: a file is brought, looked at, drafted or put aside; sources and rules; our own feed."""

from __future__ import annotations

import io
import re

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.hub.cap.feeds import look_into
from broker.hub.cap.opening import LARGEST
from broker.hub.cap.rules import Rule
from broker.hub.console.deeds import ACTIONS, Names, say
from broker.hub.records import CapMessage, CapSource, EmergencyTemplate, audit_rows, put_setting
from tests.console.stage import NOW, Stage
from tests.hub.cap.warnings import info_of, reference, xml_of


def bring(stage: Stage, client: FlaskClient, data: bytes, name: str = "tin.xml") -> TestResponse:
    form: dict[str, object] = {"file": (io.BytesIO(data), name)}
    answer: TestResponse = stage.post(client, "/warnings", form, page="/warnings")
    return answer


def shown(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def test_a_file_is_brought_shown_and_drafted_and_a_bad_one_is_said(stage: Stage) -> None:
    editor, leader = stage.client("hanh"), stage.client("lanh")
    assert "Chưa có cảnh báo nào từ nơi khác." in shown(editor, "/warnings")
    for data, said in (
        (b"", "Tệp này trống"),
        (b"<!DOCTYPE a><a/>", "khai báo DTD"),
        (b"x" * (LARGEST + 1), "quá lớn"),
        (xml_of(status="Real"), "không đúng khuôn CAP 1.2"),
    ):
        answer = bring(stage, editor, data)
        assert (answer.status_code, said in answer.get_data(as_text=True)) == (409, True), said
    assert bring(stage, editor, b"x", "").status_code == 409
    hostile = xml_of(expires="", headline="Lũ &lt;script>alert(1)&lt;/script>")
    answer = bring(stage, editor, hostile)
    assert answer.headers["Location"] == "/warnings/1?note=kept"
    assert bring(stage, editor, hostile).headers["Location"] == "/warnings/1?note=again"
    page = shown(editor, "/warnings/1")
    assert "<script>alert" not in page
    for said in (
        "Đã có bản nháp",
        "Mở bản tin đã soạn",
        "rất nguy hiểm",
        "tệp do Lê Thị Hạnh đưa vào",
        "Tin không ký",
    ):
        assert said in page, said
    assert "Chưa biết vị trí loa của thôn Đông" in page
    assert "Mở bản tin đã soạn" in shown(leader, "/warnings/1")
    original = editor.get("/warnings/1/original")
    assert original.data == hostile
    assert original.headers["Content-Disposition"].startswith("attachment")
    assert "Đã soạn nháp" in shown(leader, "/warnings")
    assert bring(stage, editor, b"x").status_code == 409
    assert editor.get("/warnings/99").status_code == 404


def test_what_waits_is_drafted_or_put_aside_once_and_a_rule_leads_to_the_red_page(stage: Stage) -> None:
    approver = stage.client("binh")
    with stage.database.session() as db:
        for n in (1, 2):
            db.add(_waiting(n))
    assert "Hai cảnh báo chờ anh/chị xem." in shown(approver, "/warnings")
    assert "Hai cảnh báo từ nơi khác chờ người xem." in shown(approver, "/")
    assert "từ nơi khác chờ người xem" not in shown(stage.client("thon"), "/")
    assert "Soạn bản tin từ cảnh báo" in shown(approver, "/warnings/1")
    drafted = stage.post(approver, "/warnings/1/draft", {}, page="/warnings/1")
    assert re.fullmatch(r"/announcements/bt-\w+/edit", drafted.headers["Location"])
    assert stage.post(approver, "/warnings/1/draft", {}, page="/warnings/1").status_code == 409
    assert stage.post(approver, "/warnings/2/aside", {}, page="/warnings/2").status_code == 302
    assert "đã xem và cho là không cần phát" in shown(approver, "/warnings/2")
    assert stage.post(approver, "/warnings/2/aside", {}, page="/warnings/2").status_code == 409
    assert stage.post(approver, "/warnings/99/aside", {}, page="/warnings").status_code == 404

    with stage.database.session() as db:
        db.add(template(stage))
        rule = Rule(id="r", template="lu")
        put_setting(db, "cap.rules", [{"id": "r", "template": rule.template}], NOW)
    bring(stage, stage.client("hanh"), xml_of("kt-9", expires=""))
    assert "Một cảnh báo đã có mẫu khẩn cấp sẵn để phát." in shown(approver, "/warnings")
    assert "Mẫu “Nước lên” đã sẵn trên trang khẩn cấp." in shown(approver, "/warnings/3")
    bring(stage, stage.client("hanh"), xml_of("kt-10", kind="Cancel", infos="", references=reference("kt-9")))
    assert "Nơi gửi đã huỷ" in shown(approver, "/warnings/3")
    assert "Đã làm theo" in shown(approver, "/warnings/4")
    assert "Huỷ: Cảnh báo lũ trên sông Vân" in shown(approver, "/warnings")
    with stage.database.reading() as db:
        entries = [row.entry for row in audit_rows(db)]
    mine = [entry for entry in entries if entry.action.startswith("cap.")]
    assert {entry.action for entry in mine} <= set(ACTIONS)
    assert not [said for entry in mine if "…" in (said := say(entry, Names()))]


def _waiting(n: int) -> CapMessage:
    from broker.hub.cap import shelf
    from broker.hub.cap.areas import Reach
    from broker.hub.cap.message import read

    data = xml_of(f"w-{n}", infos=info_of(language="en-US", headline="Flood"))
    alert = read(data)
    return CapMessage(
        sender=alert.sender, identifier=alert.identifier, sent=alert.sent, status="Actual", msg_type="Alert",
        received_at=NOW, expires=None, xml=data.decode(), info=shelf.told(alert, Reach()), villages=["dong"],
        signature="none", state="new", announcement="", template="",
    )  # fmt: skip


def template(stage: Stage) -> EmergencyTemplate:
    """A template that was signed once; nobody here may let it speak."""
    return EmergencyTemplate(
        code="lu", number=1, state="ready", title="Nước lên", villages=["dong"], author_id=stage.people["hanh"].id,
        created_at=NOW, edited_at=NOW, expires=NOW.replace(year=2027),
    )  # fmt: skip


def test_sources_rules_and_codes_are_kept_by_approvers_and_read_by_others(stage: Stage) -> None:
    approver, editor = stage.client("binh"), stage.client("hanh")
    with stage.database.session() as db:
        db.add(template(stage))

    def post(path: str, **form: object) -> TestResponse:
        answer: TestResponse = stage.post(approver, f"/warnings/{path}", form, page="/warnings/sources")
        return answer

    good = {"name": "Đài tỉnh", "address": "https://canhbao.example/cap", "every_s": "300", "writer": "hanh"}
    for change, said in (
        ({"address": "ftp://x"}, "Địa chỉ này chưa dùng được"),
        ({"every_s": "9" * 40}, "từ 1 phút đến 24 giờ"),
        ({"every_s": "٥"}, "từ 1 phút đến 24 giờ"),
        ({"certificate": "x" * 100_000}, "đúng một chứng thư"),
    ):
        answer = post("sources", **(good | change))
        assert (answer.status_code, said in answer.get_data(as_text=True)) == (409, True), said
    assert post("sources", **good).status_code == 302
    page = shown(editor, "/warnings/sources")
    for said in ("Trung tâm hỏi 1 nguồn cảnh báo.", "https://canhbao.example/cap", "Chưa trả lời lần nào"):
        assert said in page, said
    assert "Thêm một nguồn" not in page
    with stage.database.session() as db:
        db.scalars(select(CapSource)).one().problem = "canhbao.example trả lời quá chậm."
    assert "trả lời quá chậm" in shown(editor, "/warnings")
    assert post("sources/1/ask").status_code == 302
    assert post("sources/1/wipe").status_code == 409
    rule = {
        "event": "lũ",
        "severity": "Severe",
        "urgency": "Expected",
        "certainty": "Likely",
        "template": "lu",
    }
    assert post("rules", **rule).status_code == 302
    assert post("rules", **(rule | {"template": "khong"})).status_code == 409
    page = shown(approver, "/warnings/sources")
    assert "Cảnh báo có chữ “lũ”, từ mức rất nguy hiểm" in page
    name = re.search(r"/warnings/rules/(\w+)/remove", page)
    assert name is not None
    assert post(f"rules/{name[1]}/remove").status_code == 302
    assert post(f"rules/{name[1]}/remove").status_code == 409
    assert post("codes", codes="tinh=37").status_code == 302
    assert "tinh=37" in shown(editor, "/warnings/sources")
    assert post("codes", codes="x" * 1000).status_code == 409
    assert post("sources/1/remove").status_code == 302
    assert post("sources/1/remove").status_code == 409


def test_anybody_may_ask_for_our_own_emergencies_and_gets_them_once(stage: Stage) -> None:
    stranger = stage.client()
    answer = stranger.get("/cap/feed.atom")
    assert (answer.status_code, answer.mimetype) == (200, "application/atom+xml")
    assert look_into(answer.data).links == []
    mark = answer.headers["ETag"]
    assert stranger.get("/cap/feed.atom", headers={"If-None-Match": mark}).status_code == 304
    assert stranger.get("/cap/kc-0.1.xml").status_code == 404
