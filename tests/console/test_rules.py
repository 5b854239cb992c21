"""Giờ giấc của loa, Vì sao không phát?, the place of a point: who may, what they say, what they refuse."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select

from broker.hub.announcing.rules import rules_of
from broker.hub.records import AuditRow, NodeRecord, Occurrence, ServiceSeen
from tests.console.stage import NOW, Stage

FORM: dict[str, object] = {
    "quiet_since": "20h30",
    "quiet_until": "5:30",
    "weekend_since": "",
    "weekend_until": "",
    "holiday_since": "11:00",
    "holiday_until": "17:00",
    "days": "24/11, 20/11/2027",
    "sitting": "15",
    "sittings": "2",
    "minutes": "",
    "turns": "yes",
}


def test_the_rules_are_changed_kept_told_and_audited(stage: Stage) -> None:
    late = stage.approved(title="Hát chèo", starts=[NOW.replace(hour=20, minute=30)])
    binh = stage.client("binh")
    assert "Hôm nay loa im từ 21:00 đến 06:00." in binh.get("/rules").get_data(as_text=True)
    answer = stage.post(binh, "/rules", FORM, follow_redirects=True)
    said = answer.get_data(as_text=True)
    assert "Hôm nay loa im từ 20:30 đến 05:30." in said
    assert "24/11/2026" in said
    assert f'<a href="/announcements/{late.announcement_id}">Hát chèo</a>, 20:30' in said
    with stage.database.reading() as db:
        rules = rules_of(db)
        assert (rules.session_limit_s, rules.sittings_a_day, rules.is_in_turns) == (900, 2, True)
        assert {"2026-11-24", "2027-11-20", "2027-02-06", "2026-09-02"} <= set(rules.quiet.holidays)
    log = stage.client("soat").get("/audit?nhom=tin").get_data(as_text=True)
    assert "đổi giờ giấc của loa" in log
    stage.post(binh, "/rules", FORM)
    with stage.database.reading() as db:
        assert len(list(db.scalars(select(AuditRow).where(AuditRow.action == "rules.changed")))) == 1


WRONG = (
    ({"quiet_since": "", "quiet_until": ""}, "Xin ghi giờ yên tĩnh của ngày thường"),
    ({"quiet_since": "25:00"}, "Giờ yên tĩnh ngày thường không đọc được"),
    ({"weekend_since": "21:00"}, "Giờ yên tĩnh cuối tuần không đọc được"),
    ({"quiet_since": "06:10", "quiet_until": "06:00"}, "gần hết cả ngày"),
    ({"days": "31/2"}, "Ngày “31/2” không đọc được"),
    (
        {"days": " ".join(f"{n % 28 + 1}/{n % 12 + 1}/{2027 + n // 28}" for n in range(99))},
        "Nhiều nhất 60 ngày",
    ),
    ({"holiday_since": "", "holiday_until": ""}, "xin ghi giờ yên tĩnh của ngày lễ"),
    ({"sitting": "61"}, "Số phút của một buổi là số từ 1 đến 60"),
    ({"sittings": "٣"}, "Số buổi một ngày là số từ 1 đến 24"),
    ({"minutes": "9" * 100_000}, "Số phút một ngày là số từ 1 đến 180"),
    ({"minutes": "-5"}, "Số phút một ngày"),
)


def test_what_cannot_be_a_rule_is_said_and_nothing_changes(stage: Stage) -> None:
    quan = stage.client("quan")
    for change, words in WRONG:
        answer = stage.post(quan, "/rules", FORM | change)
        assert answer.status_code == 409, change
        assert words in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert rules_of(db).quiet.since == "21:00"


def test_a_point_gets_its_place_and_its_neighbours_are_named(stage: Stage) -> None:
    quan = stage.client("quan")
    stage.post(quan, "/nodes/thon-02/place", {"north": "20.432150, 106.123450", "east": ""})
    answer = stage.post(
        quan, "/nodes/thon-03/place", {"north": "20,43500", "east": "106,12345°"}, follow_redirects=True
    )
    assert "Bến 1, trạm bơm: 320 m, gần đến mức nghe lẫn nhau" in answer.get_data(as_text=True)
    said = stage.client("binh").get("/rules").get_data(as_text=True)
    assert "cách 320 mét, lượt 1 và lượt 2" in said
    assert "Chưa ghi toạ độ nên nói lượt đầu:" in said
    for north, east, words in (
        ("106.12345", "20.43215", "bị đổi chỗ"),
        ("48.85", "2.35", "không ở Việt Nam"),
        ("20,4", "", "Xin ghi đủ vĩ độ và kinh độ"),
        ("một trăm", "🏠", "Xin ghi đủ"),
        ("10.0", "105.0", " km, xin xem lại"),
    ):
        refused = stage.post(quan, "/nodes/thon-03/place", {"north": north, "east": east})
        assert refused.status_code == 409
        assert words in refused.get_data(as_text=True)
    with stage.database.reading() as db:
        assert db.get_one(NodeRecord, "thon-03").latitude == 20.435
    stage.post(quan, "/nodes/thon-03/place", {"north": "", "east": ""})
    with stage.database.reading() as db:
        assert db.get_one(NodeRecord, "thon-03").latitude is None


def test_the_question_why_is_answered_for_a_loudspeaker_and_a_minute(stage: Stage) -> None:
    at = NOW.replace(hour=17, minute=30)
    power = stage.approved()
    stage.submitted(title="Tiêm phòng", villages=["dong"], starts=[NOW.replace(hour=18, minute=15)])
    with stage.database.session() as db:
        lost = db.get_one(ServiceSeen, "thon-03.speaker")
        lost.state, lost.since = "lost", NOW - timedelta(hours=2)
    stage.clock.step(3 * 3600)
    stage.receipt(
        power.announcement_id, "thon-01", "played", started_at=at, ended_at=at, proof_level=3, sound="card"
    )
    stage.receipt(power.announcement_id, "thon-02", "refused", reason="session-limit")
    asked = stage.client("hanh")

    def answer(node: str, clock: str, day: str = "2026-11-21") -> str:
        return asked.get(f"/why?node={node}&day={day}&at={clock}").get_data(as_text=True)

    assert "đã phát từ 17:30:00 đến 17:30:00, và đã nghe thấy tiếng." in answer("thon-01", "17:30")
    assert "bị loa từ chối. Buổi phát này sẽ dài quá mức cho phép." in answer("thon-02", "17h31")
    away = answer("thon-03", "17:30")
    assert "chưa xác nhận là đã phát: từ khi gửi lịch, loa chưa báo gì về lượt này." in away
    assert "Loa mất nối với trung tâm từ 14:42" in away
    assert "nhưng dành cho thôn khác" in answer("thon-04", "17:30")
    assert "“Tiêm phòng” xin phát lúc 18:15 nhưng chưa ai duyệt (Lê Thị Hạnh soạn)" in answer(
        "thon-01", "18:15"
    )
    night = answer("thon-01", "22:00")
    assert "Không có bản tin nào trong lịch cho thôn Đông lúc 22:00." in night
    assert "Lúc đó là giờ yên tĩnh (21:00–06:00)" in night
    assert "xin chọn trong danh sách" in answer("thon-99", "17:30")
    assert "không đọc được, xin ghi như 17:30" in answer("thon-01", "99:99")
    assert "Ngày không đọc được" in answer("thon-01", "17:30", "31/2")
    assert 'value="21/11/2026"' in answer("thon-01", "17:30")
    assert "20/11" in answer("thon-01", "17:30", "20/11"), "yesterday, not next year"
    assert 'value="20/11/2026"' in answer("thon-01", "17:30", "20/11")


def test_who_ordered_silence_and_who_stopped_it_is_named(stage: Stage) -> None:
    power = stage.approved()
    with stage.database.reading() as db:
        occurrence = db.scalars(select(Occurrence.id)).one()
    stage.post(stage.client("binh"), f"/occurrences/{occurrence}/stop", {})
    stage.post(stage.client("binh"), "/silence", {})
    page = stage.client("hanh").get("/why?node=thon-01&day=2026-11-21&at=17:30").get_data(as_text=True)
    assert "không phát: Phạm Văn Bình đã ra lệnh dừng lúc 16:42" in page
    page = stage.client("hanh").get("/why?node=thon-01&day=2026-11-21&at=16:45").get_data(as_text=True)
    assert "Cả xã được lệnh im tiếng từ 16:42" in page
    assert power.title


def test_which_of_two_urgent_ones_speaks_first_is_chosen_on_the_days_page_and_while_writing(
    stage: Stage,
) -> None:
    at = NOW.replace(hour=18, minute=0)
    for title in ("Lũ lên", "Đò nghỉ"):
        stage.approved(title=title, kind="priority", villages=["dong"], starts=[at])
    hanh = stage.client("hanh")
    form = {"title": "Họp", "text": "Mời họp.", "kind": "priority", "villages": "dong", "when": "at"}
    typed = form | {"day": "2026-11-21", "time": "18:00", "turn": "after"}
    asked = stage.post(hanh, "/announcements/preview", typed).get_json()["html"]["when"]
    assert "Tin nào đọc trước?" in asked
    assert "tin này đọc lúc 18:02:32." in asked
    page = hanh.get("/").get_data(as_text=True)
    [(path, waits)] = re.findall(r'action="(/occurrences/[^"]+/first)".*?only-read"> ([^<]+)<', page)
    assert "lúc 18:01:16." in page
    stage.post(hanh, path, {})
    [(_, now_waits)] = re.findall(
        r'action="(/occurrences/[^"]+/first)".*?only-read"> ([^<]+)<', hanh.get("/").get_data(as_text=True)
    )
    assert {waits, now_waits} == {"Lũ lên", "Đò nghỉ"}
