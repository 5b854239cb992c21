"""Approving one after another, and seeing what a corrected announcement changed."""

from __future__ import annotations

import base64
from datetime import timedelta

from flask.testing import FlaskClient

from broker.hub.announcing import workflow
from broker.hub.announcing.workflow import Draft
from broker.hub.records import Account, Revision
from tests.console.stage import NOW, Stage
from tests.hub.town import LEXICON


def signed_form(stage: Stage, revision: Revision) -> dict[str, object]:
    """What the browser of Bình sends."""
    signed = stage.town.signed(revision.id, now=stage.now())
    one = signed.signatures[0]
    value = base64.b64encode(one.value).decode()
    return {"body": signed.body, "key": one.key, "signature": value, "heard": "yes", "queue": "1"}


def shown(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("Location"))
    return answer.get_data(as_text=True)


def correct(stage: Stage, announcement: str, **change: object) -> Revision:
    """Hạnh writes it anew and sends it."""
    fields: dict[str, object] = {
        "title": "Thu quỹ",
        "text": "Thu quỹ 60.000 đồng mỗi hộ, từ 7h30. Mang theo sổ.",
        "villages": ["ben", "trung"],
        "kind": "priority",
        "starts": [NOW.replace(hour=17, minute=30), NOW.replace(hour=19, minute=30)],
    }
    with stage.database.session() as db:
        draft = Draft(**(fields | change))  # type: ignore[arg-type]
        revision = workflow.save_draft(db, stage.people["hanh"], draft, stage.now(), announcement)
        return workflow.submit(db, stage.people["hanh"], revision.id, LEXICON, stage.now())


def test_the_queue_leads_from_one_to_the_next_until_nothing_waits(stage: Stage) -> None:
    later = stage.submitted(title="Họp thôn", starts=[NOW + timedelta(days=1)])
    first = stage.submitted(title="Tiêm phòng", starts=[NOW.replace(hour=18)])
    last = stage.submitted(title="Hát chèo", starts=[NOW + timedelta(days=2)])
    client = stage.client("binh")
    page = shown(client, "/approvals")
    assert "3 bản tin chờ anh/chị ký." in page
    assert page.index("Tiêm phòng") < page.index("Họp thôn") < page.index("Hát chèo")
    assert "Chờ duyệt<sup>3" in shown(client, "/")

    def address(one: Revision) -> str:
        return f"/announcements/{one.announcement_id}/approve"

    page = shown(client, f"{address(first)}?queue=1")
    assert "Bản 1 trên 3" in page
    answer = stage.post(client, address(first), signed_form(stage, first))
    answer = client.get(answer.headers["Location"])
    onward = answer.headers["Location"]
    assert onward == f"{address(later)}?queue=1&done={first.announcement_id}"
    page = shown(client, onward)
    assert "Đã ký duyệt “Tiêm phòng”." in page
    assert "Bản 1 trên 2" in page

    skipped = client.get(f"/approvals/after/{later.announcement_id}")
    assert skipped.headers["Location"] == f"{address(last)}?queue=1"
    form: dict[str, object] = {"note": "Ghi rõ giờ.", "queue": "1"}
    answer = stage.post(client, f"/announcements/{last.announcement_id}/return", form)
    answer = client.get(answer.headers["Location"])
    page = shown(client, answer.headers["Location"])
    assert "Đã trả lại “Hát chèo” cho người viết." in page
    assert "1 bản tin chờ anh/chị ký." in page

    answer = stage.post(client, address(later), signed_form(stage, later))
    page = shown(client, client.get(answer.headers["Location"]).headers["Location"])
    assert "Không còn bản tin nào chờ anh/chị." in page
    assert "Đã ký duyệt “Họp thôn”." in page


def test_nobody_is_asked_to_approve_the_own_words_and_what_is_late_says_so(stage: Stage) -> None:
    with stage.database.session() as db:
        db.get_one(Account, stage.people["binh"].id).roles = ["approver", "editor"]
        own = Draft(
            title="Lời của Bình", text="Mời họp.", villages=["dong"], starts=[NOW + timedelta(days=1)]
        )
        draft = workflow.save_draft(db, stage.people["binh"], own, NOW)
        workflow.submit(db, stage.people["binh"], draft.id, LEXICON, NOW)
    stage.submitted(title="Tin đã muộn", starts=[NOW.replace(hour=17)])
    stage.clock.step(3700)
    client = stage.client("binh")
    page = shown(client, "/approvals")
    assert "1 bản tin chờ anh/chị ký." in page
    assert "Đã quá giờ phát 17:42" in page
    assert page.index("Tin đã muộn") < page.index("Chờ người khác ký") < page.index("Lời của Bình")


def test_what_somebody_else_decided_meanwhile_leads_on_and_signing_it_again_is_refused_in_words(
    stage: Stage,
) -> None:
    gone, left = stage.submitted(title="Tiêm phòng"), stage.submitted(title="Họp thôn", villages=["trung"])
    form, client = signed_form(stage, gone), stage.client("binh")
    path = f"/announcements/{gone.announcement_id}/approve"
    assert stage.post(client, path, form).status_code == 302
    again = stage.post(client, path, form)
    assert again.status_code == 409
    assert "Bản tin này đã được duyệt rồi." in again.get_data(as_text=True)
    onward = client.get(client.get(f"{path}?queue=1").headers["Location"]).headers["Location"]
    assert onward.startswith(f"/announcements/{left.announcement_id}/approve?queue=1")


def test_strange_steps_in_the_queue_end_at_the_list(stage: Stage) -> None:
    client = stage.client("binh")
    for path in (
        "/approvals/after/none",
        "/approvals/after/none?at=-1",
        "/approvals/after/none?at=²",
        "/approvals/after/none?at=" + "9" * 5000,
    ):
        answer = client.get(path)
        assert answer.headers["Location"] == "/approvals?done=none", path
    assert "Đã ký" not in shown(client, "/approvals?done=<script>")
    one = stage.submitted()
    assert client.get("/approvals/after/none?at=0").headers["Location"].startswith("/announcements/")
    assert "Đã ký" not in shown(client, f"/approvals?done={one.announcement_id}")


def test_a_correction_tells_its_signer_and_its_readers_what_changed(stage: Stage) -> None:
    first = stage.approved(title="Thu quỹ", text="Thu quỹ 50.000 đồng mỗi hộ, từ 8h.")
    key = first.announcement_id
    second = correct(stage, key)
    stage.town.give_audio(second.id)
    client = stage.client("binh")
    page = shown(client, f"/announcements/{key}/approve")
    assert "Khác bản 1 ở: lời viết, lời đọc, nơi phát, giờ phát, loại." in " ".join(page.split())
    page = shown(client, f"/announcements/{key}/revisions")
    assert "<s>50.000</s>" in page
    assert "<u>60.000</u>" in page
    assert "<u>7h30. Mang theo sổ</u>" in page
    assert "<s>thôn Đông</s>" in page
    assert "<u>thôn Trung</u>" in page
    assert "giữ nguyên: thôn Bến" in page
    assert "<u>19:30</u>" in page
    assert "giữ nguyên 1 giờ" in page
    assert "<s>Thông thường</s>" in page
    assert "Phạm Văn Bình ký duyệt 16:42" in page
    for odd in ("?tu=2&den=2", "?tu=99&den=x", "?tu=-1", "?den=²"):
        shown(client, f"/announcements/{key}/revisions{odd}")
    assert "giống hệt" not in shown(client, f"/announcements/{key}/revisions?tu=1&den=2")


def test_a_first_revision_has_nothing_to_compare_and_html_stays_text(stage: Stage) -> None:
    one = stage.draft(title="Mời họp", text="<script>alert(1)</script>")
    client = stage.client("hanh")
    page = shown(client, f"/announcements/{one.announcement_id}/revisions")
    assert "Bản tin này mới có một bản." in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert client.get("/announcements/none/revisions").status_code == 404


def test_a_draft_of_somebody_else_is_not_among_the_revisions_a_reader_sees(stage: Stage) -> None:
    first = stage.approved(title="Thu quỹ", text="Thu quỹ 50.000 đồng.")
    with stage.database.session() as db:
        words = Draft(title="Chưa xong", text="Bí mật.", villages=["dong"])
        workflow.save_draft(db, stage.people["hanh"], words, NOW, first.announcement_id)
    path = f"/announcements/{first.announcement_id}/revisions"
    assert "Bí mật" in shown(stage.client("hanh"), path)
    page = shown(stage.client("thon"), path)
    assert "Bí mật" not in page
    assert "Chưa xong" not in page
    assert "50.000" in page
    secret = stage.draft(title="Nháp", text="Bí mật khác.")
    assert stage.client("thon").get(f"/announcements/{secret.announcement_id}/revisions").status_code == 403
