"""The page Nhật ký: whoever touches the log is seen, rows are chosen, and paper carries the log's code."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape

import pytest

from broker.hub import audit
from broker.hub.records import AuditRow, NodeSeen, ServiceSeen, audit_rows, write_audit
from broker.trust.audit import Head, code_of, read_head, verify
from tests.console.stage import NOW, Stage, live_day
from tests.hub.test_audit import as_owner, recompute, signed_by


def text_of(html: str) -> str:
    """What a person reads of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def shown(stage: Stage, path: str = "/audit", name: str = "soat") -> str:
    answer = stage.client(name).get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def write(stage: Stage, actor: str, action: str, subject: str, at: datetime = NOW, **detail: str) -> int:
    with stage.database.session() as db:
        write_audit(db, at, actor, action, subject, detail)
    with stage.database.reading() as db:
        return audit.newest(db).index


def keep(stage: Stage, node: str, head: Head, *, is_signed: bool = True) -> None:
    with stage.database.session() as db:
        db.merge(
            NodeSeen(
                node=node, at=NOW, uptime_s=1, load_1m=0, memory_free_percent=1, disk_free_percent=1,
                cpu_celsius=None, clock="trusted", audit_index=head.index, audit_hash=head.hash,
                audit_signed=signed_by(stage.keys.hub, head) if is_signed else None,
                seen_at=NOW - timedelta(minutes=8),
            )
        )  # fmt: skip


def head(stage: Stage, index: int) -> Head:
    with stage.database.reading() as db:
        return Head(index, db.get_one(AuditRow, index).hash)


# -- the page


def test_the_page_answers_first_and_shows_the_day_as_sentences(stage: Stage) -> None:
    live_day(stage)
    keep(stage, "thon-01", head(stage, 3))
    client = stage.client("soat")
    answer = stage.post(client, "/audit/look", {}, page="/audit")
    page = text_of(client.get(answer.headers["Location"]).get_data(as_text=True))
    assert "Sổ liền mạch, 1 trên 4 điểm giữ mã khớp với sổ." in page
    assert "Vừa soi xong cả sổ" in page
    assert (
        "Phạm Văn Bình ký duyệt bản tin “Cắt điện sáng Chủ nhật để sửa đường dây”, bằng khoá k-binh." in page
    )
    assert "Lý Văn Soát soi cả sổ nhật ký: liền mạch, không ai sửa." in page
    assert "Hôm nay, Thứ Bảy, 21 tháng 11 năm 2026" in page
    with stage.database.reading() as db:
        newest = audit.newest(db)
    assert code_of(newest.hash) in page
    assert code_of(head(stage, 3).hash) in page
    assert "báo 8 phút trước" in page


def test_before_any_look_the_page_does_not_call_the_log_whole(stage: Stage) -> None:
    page = text_of(shown(stage))
    assert "chưa được soi lần nào" in page
    assert "liền mạch" not in page


@pytest.mark.parametrize(
    ("query", "inside", "outside"),
    [
        ("ai=quan", "mời Lê Thị Hạnh", "tắt tiếng"),
        ("viec=tin", "tắt tiếng cả xã", "mời Lê Thị Hạnh"),
        ("viec=nguoi", "mời Lê Thị Hạnh", "đăng nhập."),
        ("viec=vao", "đăng nhập.", "mời Lê Thị Hạnh"),
        ("tu=2026-11-20&den=2026-11-20", "mời Lê Thị Hạnh", "tắt tiếng"),
        ("den=2026-11-20&ai=binh", "Không có dòng nào", "tắt tiếng"),
        ("viec=khong-co&tu=hom-qua&trang=x", "tắt tiếng cả xã", "Bỏ lọc"),
    ],
)
def test_rows_are_chosen_by_who_what_and_when(stage: Stage, query: str, inside: str, outside: str) -> None:
    write(stage, "quan", "account.invited", "hanh", NOW - timedelta(days=1))
    write(stage, "binh", "play.stopped", "*")
    page = text_of(shown(stage, f"/audit?{query}").split('id="h-dong"')[1])
    assert inside in page
    assert outside not in page


def test_the_day_of_a_choice_is_a_day_in_viet_nam(stage: Stage) -> None:
    write(stage, "binh", "play.stopped", "*", NOW.replace(hour=0, minute=5))
    assert "tắt tiếng" in text_of(shown(stage, "/audit?tu=2026-11-21&den=2026-11-21"))
    assert "tắt tiếng" not in text_of(shown(stage, "/audit?den=2026-11-20"))


def test_a_long_log_is_turned_page_by_page_with_its_choice(stage: Stage) -> None:
    for n in range(130):
        write(stage, "khoa", "clip.viewed", f"alert {n}")
    first, last = shown(stage, "/audit?ai=khoa"), shown(stage, "/audit?ai=khoa&trang=3")
    assert "Trang 1 trên 3" in text_of(first)
    assert "ai=khoa" in first.split('rel="next"')[1][:80]
    assert first.count("<time") == 60
    assert last.count("<time") == 10
    assert "cảnh báo số 129." in first
    assert "cảnh báo số 0." in last
    assert "Trang 3 trên 3" in text_of(shown(stage, "/audit?ai=khoa&trang=99"))


def test_an_edited_row_is_marked_where_it_stands_before_anybody_looks(stage: Stage) -> None:
    index = write(stage, "binh", "play.stopped", "*")
    as_owner(stage.database, f"UPDATE audit SET actor = 'lanh' WHERE id = {index}")
    page = shown(stage)
    assert re.search(rf'id="dong-{index}" class="broken".*?dòng này không khớp', page, re.DOTALL)
    assert page.count('class="broken"') == 1


def test_a_look_says_what_was_done_and_leads_to_the_row(stage: Stage) -> None:
    index = write(stage, "binh", "play.stopped", "*")
    write(stage, "binh", "account.signed-out", "console")
    as_owner(stage.database, f"DELETE FROM audit WHERE id = {index}")
    client = stage.client("quan")
    stage.post(client, "/audit/look", {}, page="/audit")
    page = client.get("/audit").get_data(as_text=True)
    assert "Sổ nhật ký không còn nguyên vẹn." in page
    assert f"Dòng {index} đã mất, các dòng sau vẫn còn." in page
    assert f"#dong-{index}" in page
    assert "KHÔNG còn nguyên vẹn" in page


def test_a_log_computed_anew_is_shown_by_the_node_that_keeps_another_code(stage: Stage) -> None:
    live_day(stage)
    with stage.database.reading() as db:
        keep(stage, "thon-02", audit.newest(db))
    recompute(stage.database, 4, "lanh")
    page = text_of(shown(stage))
    assert "Sổ nhật ký không còn nguyên vẹn." in page
    assert "Mã mà Bến 1, trạm bơm đang giữ không có trong sổ này." in page
    assert "lệch ở dòng" in page


def test_a_node_that_was_told_two_codes_is_named(stage: Stage) -> None:
    keep(stage, "thon-01", head(stage, 2))
    with stage.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.node").problems = [{"code": audit.COMPLAINT, "text": "x"}]
    page = text_of(shown(stage))
    assert "Đông 1, nhà văn hoá đã nhận hai mã trái nhau" in page
    assert "báo có hai mã trái nhau" in page


def test_a_hub_that_sends_no_codes_any_more_is_not_called_well(stage: Stage) -> None:
    with stage.database.session() as db:
        db.get_one(ServiceSeen, "hub.announce").problems = [{"code": audit.REFUSED, "text": "x"}]
    page = text_of(shown(stage))
    assert "Sổ nhật ký không còn nguyên vẹn." in page
    assert "thôi gửi mã mới" in page


def test_guards_that_were_taken_off_are_named(stage: Stage) -> None:
    with stage.database.engine.begin() as db:
        db.exec_driver_sql("DROP TRIGGER audit_keep_deleted")
    client = stage.client("lanh")
    stage.post(client, "/audit/look", {}, page="/audit")
    assert "Khoá chống sửa trong cơ sở dữ liệu đã bị gỡ." in text_of(
        client.get("/audit").get_data(as_text=True)
    )


def test_whatever_stands_in_the_table_is_shown_as_text(stage: Stage) -> None:
    index = write(stage, "<script>x</script>", "node.revoked", "<b>", reason="<img onerror=1>")
    as_owner(
        stage.database,
        f"UPDATE audit SET subject = CAST(x'ff3c' AS TEXT), detail = '[' WHERE id = {index - 1}",
    )
    page = shown(stage)
    assert "<script>x" not in page
    assert "<img" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "dòng này không đọc được" in page


def test_a_node_that_makes_up_a_code_is_named_and_the_log_is_not_called_broken(stage: Stage) -> None:
    keep(stage, "thon-01", head(stage, 3))
    keep(stage, "thon-02", Head(3, "f" * 64), is_signed=False)
    client = stage.client("soat")
    stage.post(client, "/audit/look", {}, page="/audit")
    page = text_of(client.get("/audit").get_data(as_text=True))
    assert "Sổ liền mạch, 1 trên 4 điểm giữ mã khớp với sổ." in page
    assert "Bến 1, trạm bơm: điểm này báo mã không phải của trung tâm ký" in page


# -- paper


def test_paper_has_the_chosen_rows_oldest_first_the_code_and_room_to_sign(stage: Stage) -> None:
    first = write(stage, "quan", "account.invited", "hanh")
    second = write(stage, "quan", "node.revoked", "thon-03", reason="mất cắp")
    page = shown(stage, "/audit/print?ai=quan")
    text = text_of(page)
    assert text.index("Mời Lê Thị Hạnh vào làm việc.") < text.index("Thu hồi Bến 2, đầu cầu: mất cắp.")
    with stage.database.reading() as db:
        newest = audit.newest(db)
        written = db.get_one(AuditRow, newest.index)
    assert newest.index == second + 2 > first  # signing in, and this print itself
    assert (written.actor, written.action, written.subject) == (
        "soat",
        "audit.printed",
        "mọi ngày, việc của Ngô Quang Quân",
    )
    assert code_of(newest.hash) in text
    assert f"langso audit verify --head {newest.index}:{code_of(newest.hash)}" in text
    assert "Người kiểm tra" in text
    assert "<svg" in page


def test_the_code_on_paper_is_one_that_the_command_takes(stage: Stage) -> None:
    page = text_of(shown(stage, "/audit/print"))
    typed = re.search(r"--head (\S+)", page)
    assert typed is not None
    with stage.database.reading() as db:
        assert verify(audit_rows(db), [read_head(typed[1])]).is_whole
    recompute(stage.database, 2, "lanh")
    with stage.database.reading() as db:
        assert not verify(audit_rows(db), [read_head(typed[1])]).is_whole


@pytest.mark.parametrize("path", ["/overview", "/announcements/{morning}"])
def test_printed_reports_carry_the_code_of_the_log(stage: Stage, path: str) -> None:
    day = live_day(stage)
    page = text_of(shown(stage, path.format(**day)))
    with stage.database.reading() as db:
        newest = audit.newest(db)
    assert f"Sổ nhật ký của xã lúc in có {newest.index} dòng, mã sổ {code_of(newest.hash)}" in page


# -- exports and views


def test_carrying_readings_away_as_a_file_is_written_and_looking_at_them_is_not(stage: Stage) -> None:
    client = stage.client("lanh")
    assert client.get("/api/v1/series").status_code == 200
    assert client.get("/api/v1/series?format=csv").status_code == 200
    with stage.database.reading() as db:
        rows = [
            (r.actor, r.subject) for r in db.query(AuditRow).where(AuditRow.action == "readings.exported")
        ]
    assert rows == [("lanh", "*")]


def test_what_an_officer_does_with_an_alert_is_written_without_the_note(stage: Stage) -> None:
    number = stage.alarm()
    client = stage.client("khoa")
    client.get(f"/duty/{number}")
    stage.post(client, f"/duty/{number}/take", {}, page="/duty")
    stage.post(
        client,
        f"/duty/{number}/escalate",
        {"whom": "ông Nguyễn Văn B", "note": "ông Nguyễn Văn A"},
        page="/duty",
    )
    with stage.database.reading() as db:
        rows = [row for row in db.query(AuditRow).order_by(AuditRow.id) if row.action.startswith("alert.")]
    assert [row.action for row in rows] == ["alert.seen", "alert.taken", "alert.escalated"]
    assert all((row.subject, row.detail) == (f"alert {number}", {}) for row in rows)


@pytest.mark.parametrize("name", ["hanh", "binh", "khoa", "thon", "giup"])
def test_the_log_is_not_for_everybody(stage: Stage, name: str) -> None:
    client = stage.client(name)
    assert client.get("/audit").status_code == 403
    assert client.get("/audit/print").status_code == 403
    assert stage.post(client, "/audit/look", {}, page="/account").status_code == 403
    assert 'href="/audit"' not in client.get("/account").get_data(as_text=True)
