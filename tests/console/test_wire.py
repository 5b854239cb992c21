"""The wire's page: who is heard, what is missing, what could not be stored; it says something only when there is."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from broker.contract import Identity
from broker.contract.node import Lost
from broker.hub import gaps
from broker.hub.console.pace import KEPT, LEAST, Pace
from broker.hub.console.pager import page_of
from broker.hub.quarantine import quarantine
from broker.hub.records import (
    AuditRow,
    Gap,
    HighWater,
    NodeRecord,
    Quarantine,
    ServiceSeen,
)
from tests.console.stage import NOW, Stage, live_day

BAD = b"<script>alert('x')</script>\x00\xff"
NBSP = "\N{NO-BREAK SPACE}"


def text_of(stage: Stage, name: str = "quan", path: str = "/wire") -> str:
    """What a page says, without its tags."""
    page = stage.client(name).get(path).get_data(as_text=True)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)).replace(NBSP, " "))


def spoil(
    stage: Stage, source: str = "thon-01.board", reason: str = "Readings: future", times: int = 1
) -> int:
    """Messages that could not be stored; the number of their row."""
    with stage.database.session() as db:
        for _ in range(times):
            quarantine(db, source, reason, "ls/00/00000/thon-01/board/tele/readings", BAD, stage.now())
    with stage.database.reading() as db:
        wanted = select(Quarantine.id).where(Quarantine.source == source, Quarantine.reason == reason)
        return db.scalars(wanted).one()


def lose(stage: Stage, reason: str = "quota", first: int = 101) -> None:
    """A board tells what it could not keep."""
    with stage.database.session() as db:
        told = Lost(lane="tele", first=first, last=first + 399, count=380, reason=reason)  # type: ignore[arg-type]
        gaps.note_told(db, "thon-02.board", f"epoch{first}", told, stage.now())


def chatter(stage: Stage, *names: str) -> None:
    """What ingest says of itself while it holds sources back."""
    with stage.database.session() as db:
        hub = db.get_one(ServiceSeen, "hub.ingest")
        hub.problems = [{"code": "chatter", "text": f"{name} gửi quá nhiều."} for name in names]


def store(stage: Stage, source: str, lane: str, upto: int, epoch: str = "abcdef0123456789") -> None:
    """What ingest notes with each batch."""
    with stage.database.session() as db:
        db.merge(HighWater(source=source, epoch=epoch, lane=lane, upto=upto, at=stage.now()))


def test_all_is_well_in_one_sentence(stage: Stage) -> None:
    said = text_of(stage)
    assert "Tin từ mọi điểm về đủ." in said
    assert "Cả 20 chương trình ở 4 điểm đang nối." in said
    assert "Không có tin hỏng nào chờ xem." in said
    assert "Chưa thiếu tin nào." in said


def test_a_commune_without_points_says_how_to_begin(stage: Stage) -> None:
    with stage.database.session() as db:
        db.execute(delete(ServiceSeen))
        for node in db.scalars(select(NodeRecord)):
            node.retired_at = NOW
    said = text_of(stage)
    assert "Xã chưa có điểm nào." in said
    assert "thêm điểm ở trang Điểm và máy" in said


def test_a_point_that_never_called_says_what_to_check(stage: Stage) -> None:
    with stage.database.session() as db:
        db.execute(delete(ServiceSeen).where(ServiceSeen.node == "thon-04"))
    assert "Điểm này chưa nối về trung tâm lần nào." in text_of(stage)


def test_each_lane_says_how_far_it_is_stored_and_a_lost_source_since_when(stage: Stage) -> None:
    live_day(stage)
    store(stage, "thon-01.board", "tele", 1_204_551)
    store(stage, "thon-01.board", "event", 12)
    stage.clock.advance(120)
    said = text_of(stage)
    assert "Một điểm có phần mất nối." in said
    assert re.search(r"Loa Mất nối từ 12:42", said)
    assert re.search(r"Biên nhận, lời báo tới 12 kho abcdef · 2 phút trước Số đo tới 1\.204\.551", said)
    assert said.index("Bến 2, đầu cầu") < said.index("Đông 1, nhà văn hoá")


def test_a_new_outbox_takes_the_place_of_the_old_one(stage: Stage) -> None:
    store(stage, "thon-01.board", "tele", 900, epoch="oldold00")
    stage.clock.advance(60)
    store(stage, "thon-01.board", "tele", 3, epoch="newnew00")
    said = text_of(stage)
    assert "tới 3 kho newnew" in said
    assert "oldold" not in said


def test_how_many_a_minute_is_said_after_a_second_look(stage: Stage) -> None:
    store(stage, "thon-01.board", "tele", 100)
    assert "tin/phút ·" not in text_of(stage)
    stage.clock.advance(60)
    store(stage, "thon-01.board", "tele", 160)
    assert "60 tin/phút" in text_of(stage)


def test_what_was_lost_is_said_with_its_reason(stage: Stage) -> None:
    lose(stage, "quota", 101)
    lose(stage, "disk-full", 1101)
    with stage.database.session() as db:
        gaps.note_hole(db, ("thon-01.speaker", "e", "event"), 7, 7, stage.now())
    said = text_of(stage)
    assert (
        "Thiếu 380 số đo. Máy hết chỗ dành cho hàng chờ, đã bỏ bớt số đo cũ. vị trí 101 – 500 16:42" in said
    )
    assert "Đĩa của máy đầy, đã bỏ bớt số đo cũ." in said
    assert "Thiếu 1 tin. Máy không còn giữ khi trung tâm hỏi" in said
    assert "Ba chỗ thiếu tin trong một ngày qua." in said


def test_a_loss_is_something_to_do_for_a_day_and_known_for_good(stage: Stage) -> None:
    lose(stage)
    assert "thiếu tin trong một ngày qua" in text_of(stage, "lanh", "/overview")
    stage.clock.advance(25 * 3600)
    assert "thiếu tin" not in text_of(stage, "lanh", "/overview")
    assert "Thiếu 380 số đo." in text_of(stage)


def test_a_row_written_before_losses_had_a_count_says_its_span(stage: Stage) -> None:
    with stage.database.session() as db:
        db.add(Gap(source="thon-01.board", epoch="e", lane="tele", first=11, last=20, at=NOW))
    assert "Thiếu 10 số đo." in text_of(stage)


def test_a_chatterer_is_named_with_what_to_do_and_marked(stage: Stage) -> None:
    chatter(stage, "thon-01.board", "thon-02.camera")
    said = text_of(stage)
    assert "Bo mạch, Đông 1, nhà văn hoá đang gửi quá nhiều." in said
    assert "Camera, Bến 1, trạm bơm đang gửi quá nhiều." in said
    assert re.search(r"Bo mạch Đang nối gửi quá nhiều", said)
    chatter(stage)
    assert "gửi quá nhiều" not in text_of(stage)


def test_pages_of_other_things_speak_of_the_wire_only_when_there_is_something_to_do(stage: Stage) -> None:
    for name, path in (("quan", "/"), ("quan", "/overview"), ("lanh", "/overview")):
        assert "/wire" not in stage.client(name).get(path).get_data(as_text=True).split("</header>", 1)[1]
    number = spoil(stage)
    chatter(stage, "thon-01.board")
    for name, path in (("quan", "/"), ("quan", "/overview"), ("lanh", "/overview")):
        page = stage.client(name).get(path).get_data(as_text=True)
        assert "Đường truyền: Một loại tin hỏng chưa ai xem. Một nguồn gửi quá nhiều." in page
        assert '<a class="press" href="/wire">' in page
    assert "tin hỏng" not in text_of(stage, "hanh", "/overview")
    assert "tin hỏng" not in text_of(stage, "khoa", "/overview")
    client = stage.client("quan")
    stage.post(client, f"/wire/quarantine/{number}/seen", {"count": "1"}, page="/wire")
    chatter(stage)
    assert "Đường truyền:" not in text_of(stage, "quan", "/")


def test_bytes_of_a_stranger_are_text_and_never_part_of_the_page(stage: Stage) -> None:
    spoil(stage, "unknown", "<img src=x onerror=alert(1)>")
    page = stage.client("quan").get("/wire").get_data(as_text=True)
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;⟨00⟩⟨ff⟩" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "Nguồn lạ" in page


def test_a_row_is_set_aside_by_the_admin_audited_and_counts_anew(stage: Stage) -> None:
    number = spoil(stage, times=3)
    client = stage.client("quan")
    answer = stage.post(client, f"/wire/quarantine/{number}/seen", {"count": "3"}, page="/wire")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/wire")
    said = text_of(stage)
    assert "Không có tin hỏng nào chờ xem." in said
    assert "1 loại đã xem, chưa thấy lại" in said
    with stage.database.reading() as db:
        row = db.scalars(select(AuditRow).where(AuditRow.action == "quarantine.set-aside")).one()
    assert (row.actor, row.subject) == ("quan", "thon-01.board")
    spoil(stage)
    said = text_of(stage)
    assert "Số lần 1 Lần đầu 16:42" in said
    assert "đã xem, chưa thấy lại" not in said


def test_setting_aside_twice_or_what_is_gone_is_a_sentence(stage: Stage) -> None:
    number = spoil(stage)
    client = stage.client("quan")
    for count in ("", "-1", "x", "9" * 30):
        answer = stage.post(client, f"/wire/quarantine/{number}/seen", {"count": count}, page="/wire")
        assert answer.status_code == 409, count
    stage.post(client, f"/wire/quarantine/{number}/seen", {"count": "1"}, page="/wire")
    answer = stage.post(client, f"/wire/quarantine/{number}/seen", {"count": "1"}, page="/wire")
    assert "Dòng này đã có người xem rồi." in answer.get_data(as_text=True)
    answer = stage.post(client, "/wire/quarantine/999/seen", {"count": "1"}, page="/wire")
    assert (answer.status_code, "đã được dọn đi" in answer.get_data(as_text=True)) == (404, True)


def test_a_sample_is_a_file_and_nothing_else_and_taking_it_is_recorded(stage: Stage) -> None:
    number = spoil(stage, "unknown", "bad")
    client = stage.client("quan")
    answer = client.get(f"/wire/quarantine/{number}/sample")
    assert answer.get_data() == BAD
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=mau-unknown-{number}.bin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/wire/quarantine/999/sample").status_code == 404
    with stage.database.reading() as db:
        taken = db.scalars(select(AuditRow).where(AuditRow.action == "quarantine.downloaded")).all()
    assert [row.actor for row in taken] == ["quan"]


@pytest.mark.parametrize("name", ["lanh", "soat"])
def test_leader_and_auditor_see_that_something_is_wrong_but_not_the_bytes(stage: Stage, name: str) -> None:
    number = spoil(stage)
    client = stage.client(name)
    page = client.get("/wire").get_data(as_text=True)
    assert "Số đo: giờ ghi trong tin đi trước đồng hồ trung tâm." in page
    assert "alert(" not in page
    assert "Tải mẫu" not in page
    assert client.get(f"/wire/quarantine/{number}/sample").status_code == 403
    assert (
        stage.post(client, f"/wire/quarantine/{number}/seen", {"count": "1"}, page="/wire").status_code == 403
    )
    with stage.database.reading() as db:
        assert db.get_one(Quarantine, number).count == 1


def test_long_lists_come_in_pages_and_the_script_gets_the_page_that_is_open(stage: Stage) -> None:
    for n in range(20):
        spoil(stage, reason=f"kind {n:02}")
        lose(stage, first=1000 * n + 1)
        stage.clock.advance(1)
    client = stage.client("quan")
    page = client.get("/wire").get_data(as_text=True)
    assert page.count('class="poison"') == 8
    assert "Trang 1 trên 3" in page
    assert 'href="/wire?hong=2"' in page
    page = client.get("/wire?hong=3&thieu=2").get_data(as_text=True)
    assert page.count('class="poison"') == 4
    assert 'data-part="/wire?hong=3&amp;thieu=2"' in page
    assert 'href="/wire?hong=2&amp;thieu=2"' in page
    part = client.get("/wire?hong=3&thieu=2", headers={"X-Part": "1"}).get_data(as_text=True)
    assert part.count('class="poison"') == 4
    assert "<html" not in part


def test_the_live_feed_tells_of_losses_and_bad_messages_to_those_who_may_see_them(stage: Stage) -> None:
    for name, status in (("quan", 200), ("lanh", 200), ("soat", 200), ("hanh", 400), ("khoa", 400)):
        answer = stage.client(name).get("/live?topics=gap,quarantine")
        assert answer.status_code == status, name
        answer.close()


def test_a_source_nobody_registered_is_shown_too(stage: Stage) -> None:
    store(stage, str(Identity("thon-09", "board")), "tele", 5)
    said = text_of(stage)
    assert "thon-09 Chưa đăng ký · thon-09" in said
    assert "Chưa báo tình trạng" in said


def test_pace_counts_from_its_earliest_look_and_forgets(stage: Stage) -> None:
    mark, pace = ("a.board", "e", "tele"), Pace()
    assert pace.look({mark: 10}, NOW) == {}
    assert pace.look({mark: 12}, NOW + LEAST / 2) == {}
    assert pace.look({mark: 40}, NOW + timedelta(minutes=1)) == {mark: 30.0}
    assert pace.look({mark: 70}, NOW + timedelta(minutes=3)) == {mark: 20.0}
    assert pace.look({mark: 90, ("b.board", "e", "tele"): 7}, NOW + timedelta(minutes=4)) == {mark: 20.0}
    assert pace.look({mark: 5}, NOW + timedelta(minutes=5)) == {}
    assert pace.look({mark: 100}, NOW + timedelta(minutes=30) + KEPT) == {}
    assert pace.look({mark: 100}, NOW) == {}


@pytest.mark.parametrize(
    ("wanted", "number", "items"),
    [("", 1, [0, 1]), ("2", 2, [2, 3]), ("3", 3, [4]), ("9", 3, [4]), ("0", 1, [0, 1]), ("-1", 1, [0, 1])],
)
def test_the_nearest_page_there_is(wanted: str, number: int, items: list[int]) -> None:
    found = page_of(range(5), wanted, 2)
    assert (found.number, found.last, list(found.items), found.total) == (number, 3, items, 5)
    assert page_of([], wanted, 2).last == 1
