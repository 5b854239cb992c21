"""The duty room: what each kind of alert says and shows, and what it never pretends."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path

from broker.contract.board import SosAlarm
from broker.contract.camera import (
    Box,
    CameraOutage,
    CameraTampered,
    Label,
    MotionEnded,
    MotionLabelled,
    MotionStarted,
)
from broker.hub import alerts, board_alerts
from broker.hub.accounts import create_account
from broker.hub.announcing.render import media_store
from broker.hub.console import alert_words
from broker.hub.console.wording import hm, hms, short_day
from broker.hub.records import Alert, CameraSeen, DutyPhone
from tests.console.stage import JPEG, NOW, Stage
from tests.hub.town import PASSWORD

ROOT = Path(__file__).resolve().parents[2]


def _page(stage: Stage, number: int) -> str:
    return stage.client("khoa").get(f"/duty/{number}").get_data(as_text=True)


def test_the_words_for_reasons_are_those_of_the_detector() -> None:
    tree = ast.parse((ROOT / "edge" / "camera" / "motion.py").read_text())
    reason = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "Reason"
    )
    assert isinstance(reason, ast.Subscript)
    codes = {each.value for each in ast.walk(reason.slice) if isinstance(each, ast.Constant)}
    assert codes == set(alert_words.REASONS)


def test_movement_says_where_how_sure_and_what_it_may_be_without_calling_it_a_fact(stage: Stage) -> None:
    said = MotionStarted(
        episode="e",
        camera="cong",
        started_at=NOW,
        snapshot=JPEG,
        zone="Lối vào",
        confidence=0.6,
        reasons=["travels", "night"],
    )
    label = Label(what="person", score=0.82, box=Box(x=0.1, y=0.1, w=0.2, h=0.2))
    best = media_store(stage.settings).add(JPEG + b"2", "image/jpeg").sha256
    with stage.database.session() as db:
        alert = alerts.raise_motion(
            db, "thon-01", said, media_store(stage.settings).add(JPEG, "image/jpeg").sha256, NOW
        )
        alerts.label_motion(
            db, "thon-01", MotionLabelled(episode="e", camera="cong", at=NOW, labels=[label]), NOW
        )
        ended = MotionEnded(
            episode="e",
            camera="cong",
            started_at=NOW,
            ended_at=NOW + timedelta(seconds=70),
            lasted_ms=70_000,
            reason="Thẻ nhớ đầy.",
            boxes=[Box(x=0.5, y=0.5, w=0.1, h=0.2)],
        )
        alerts.end_motion(db, "thon-01", ended, False, NOW, best)
        number = alert.id
    page = _page(stage, number)
    for part in ("lối vào", "Có vẻ là người, 82 %", "Khá chắc: đi từ chỗ này sang chỗ khác, hình tối"):
        assert part in page
    assert "Không có đoạn hình: Thẻ nhớ đầy." in page
    assert f"/duty/{number}/best" in page
    assert 'x="500.0" y="500.0"' in page
    assert "không phải hình bây giờ" in page
    client = stage.client("khoa")
    assert client.get(f"/duty/{number}/best").data == JPEG + b"2"
    assert client.get(f"/duty/{number}/before").status_code == 404
    assert stage.client("hanh").get(f"/duty/{number}/best").status_code == 403


def test_a_tampering_shows_before_and_now_and_what_to_do(stage: Stage) -> None:
    store = media_store(stage.settings)
    now_seen, before = (store.add(JPEG + each, "image/jpeg").sha256 for each in (b"n", b"b"))
    said = CameraTampered(tampering="t", camera="cong", what="moved", started_at=NOW)
    with stage.database.session() as db:
        number = alerts.raise_tampering(db, "thon-01", said, now_seen, NOW, before).id
    page = _page(stage, number)
    assert "Camera cửa kho lúa bị xoay" in page
    assert page.index("Trước đó") < page.index("Khi báo")
    assert "có ai xoay không" in page
    assert stage.client("khoa").get(f"/duty/{number}/before").data == JPEG + b"b"


def test_an_outage_is_told_with_its_reason_its_end_with_the_gap_and_late_news_as_late(stage: Stage) -> None:
    last = NOW - timedelta(minutes=24)
    said = CameraOutage(
        outage="o", camera="cong", told_at=NOW, last_picture_at=last, why="silent", clock="estimated"
    )
    with stage.database.session() as db:
        number = alerts.raise_outage(db, "thon-01", said, NOW).id
    page = _page(stage, number)
    assert "Camera cửa kho lúa mất hình" in page
    assert "có thể mất điện hoặc đứt mạng" in page
    assert f"Xảy ra lúc {hm(last)}, tới phòng trực lúc {hm(NOW)}." in page
    assert "Giờ của điểm chưa chắc đúng" in page
    assert f"Không có hình từ {hms(last)}" in page
    over = CameraOutage(
        outage="o",
        camera="cong",
        told_at=NOW,
        last_picture_at=last,
        ended_at=NOW,
        lasted_ms=24 * 60_000,
        why="silent",
    )
    with stage.database.session() as db:
        assert alerts.raise_outage(db, "thon-01", over, NOW).id == number
    assert "Có hình lại, mất 24\N{NO-BREAK SPACE}phút" in _page(stage, number)


def test_pictures_deleted_by_retention_are_told_as_deleted_and_never_asked_for(stage: Stage) -> None:
    number = stage.alarm()
    with stage.database.session() as db:
        db.get_one(Alert, number).pictures_gone_at = NOW
    page = _page(stage, number)
    assert "Đoạn hình đã xoá theo hạn giữ hình, ngày 21/11/2026" in page
    assert f"/duty/{number}/snapshot" not in page


def test_the_strip_names_every_camera_that_does_not_see_and_since_when(stage: Stage) -> None:
    with stage.database.session() as db:
        row = db.get(CameraSeen, ("thon-01", "cong")) or CameraSeen(node="thon-01", camera="cong")
        row.state, row.since, row.seen_at, row.tampering = "live", NOW - timedelta(minutes=3), NOW, "frozen"
        db.add(row)
    strip = stage.client("khoa").get("/duty/cameras").get_data(as_text=True)
    assert "bị đứng hình 3\N{NO-BREAK SPACE}phút" in strip
    with stage.database.session() as db:
        row = db.get_one(CameraSeen, ("thon-01", "cong"))
        row.state, row.picture_at, row.tampering = "offline", NOW - timedelta(minutes=7), ""
    assert "mất hình 7\N{NO-BREAK SPACE}phút" in stage.client("khoa").get("/duty/cameras").get_data(
        as_text=True
    )


def test_no_open_alert_is_hidden_by_newer_ones_or_by_a_wrong_clock(stage: Stage) -> None:
    late = stage.alarm()
    with stage.database.session() as db:
        db.get_one(Alert, late).started_at = NOW - timedelta(days=2)
    numbers = []
    for _ in range(61):
        stage.clock.advance(1)
        numbers.append(stage.alarm())
    with stage.database.session() as db:
        for number in numbers:
            db.get_one(Alert, number).incident_id = None
        for number in numbers[1:]:
            db.get_one(Alert, number).state = "closed"
        db.get_one(Alert, numbers[-1]).started_at = NOW + timedelta(hours=20)
    client = stage.client("khoa")
    queue = client.get("/duty/queue").get_data(as_text=True)
    shown = [int(each) for each in re.findall(r'data-alert="(\d+)"', queue)]
    assert shown == [numbers[0], late, *numbers[:3:-1], numbers[3]]
    keys = re.findall(r'data-at="([^"]+)"', queue)
    assert keys == sorted(keys, reverse=True)
    assert f"{hm(NOW)} {short_day((NOW - timedelta(days=2)).date(), NOW.date())}" in queue


def test_the_room_opens_nothing_by_itself_and_says_that_something_waits(stage: Stage) -> None:
    khoa = stage.client("khoa")
    assert "Yên. Không có cảnh báo nào đang mở." in khoa.get("/duty").get_data(as_text=True)
    number = stage.alarm()
    page = khoa.get("/duty").get_data(as_text=True)
    assert "1 cảnh báo chưa ai xem" in page
    assert "Chọn một cảnh báo để xem." in page
    assert 'id="canh"' not in page
    with stage.database.reading() as db:
        assert db.get_one(Alert, number).state == "raised", "a login or a reload is no look"
    khoa.get(f"/duty/{number}")
    page = khoa.get("/duty").get_data(as_text=True)
    assert "1 cảnh báo đang mở" in page
    assert (
        "chưa ai xem"
        not in page[page.index('<main class="scene"') : page.index('<footer class="blind-strip"')]
    )


def test_the_row_of_an_incident_shows_the_worst_of_it_and_the_time_of_what_is_open(stage: Stage) -> None:
    first = stage.alarm()
    stage.clock.advance(60)
    second = stage.alarm()
    khoa = stage.client("khoa")

    def row(here: int) -> str:
        queue = khoa.get(f"/duty/queue?here={here}").get_data(as_text=True)
        assert queue.count("<li") == 1
        return str(queue)

    assert "Mới" in row(0)
    with stage.database.session() as db:
        db.get_one(Alert, first).unseen_at = stage.now()
    assert 'state bad">Chưa ai xem' in row(0), "the older one is the worse"
    khoa.get(f"/duty/{first}")
    assert "Mới" in row(first)
    khoa.get(f"/duty/{second}")
    stage.post(khoa, f"/duty/{second}/take", {}, page=f"/duty/{second}")
    assert "Chưa ai nhận" in row(second), "the other one is in nobody's hand"
    with stage.database.reading() as db:
        times = [hm(db.get_one(Alert, each).started_at) for each in (first, second)]
    assert [times[0] in row(first), times[1] in row(second)] == [True, True]
    assert times[0] not in row(second)


def test_words_hold_whatever_a_node_says() -> None:
    alert = Alert(
        kind="motion",
        what="",
        started_at=NOW,
        raised_at=NOW,
        confidence=0.9,
        reasons=["x"],
        clock="trusted",
        labels=[],
    )
    assert alert_words.sureness(alert) == "Chắc"
    assert alert_words.taken_for(
        [{"what": "dragon", "score": 1}, {"what": "vehicle"}, {"what": "animal", "score": 0.4}]
    ) == ("Có vẻ là con vật, 40 %; xe, 0 %")
    assert alert_words.taken_for([]) == ""


def test_an_incident_is_one_row_and_is_taken_and_closed_as_a_whole(stage: Stage) -> None:
    first = stage.alarm()
    stage.clock.advance(20)
    second = stage.alarm(camera="san")
    client = stage.client("khoa")
    queue = client.get("/duty/queue").get_data(as_text=True)
    assert re.findall(r'data-alert="(\d+)"', queue) == [str(second)]
    assert "2 camera" in queue
    assert f'data-loud="{second}:motion {first}:motion"' in queue
    page = client.get(f"/duty/{second}").get_data(as_text=True)
    assert "Cùng sự việc" in page
    assert f'href="/duty/{first}"' in page
    form = {name: _hidden(page, name) for name in ("incident", "newest", "upon")}
    at = f"/duty/{second}"
    assert stage.post(client, f"{at}/take-all", dict(form), page=at).status_code == 302
    page = client.get(at).get_data(as_text=True)
    assert "Đóng cả (2)" in " ".join(page.split())
    third = stage.alarm(camera="ao")
    closing: dict[str, object] = {**form, "upon": _hidden(page, "upon"), "why": "weather", "note": ""}
    assert stage.post(client, f"{at}/close-all", closing, page=at).status_code == 302
    with stage.database.reading() as db:
        assert [db.get_one(Alert, each).state for each in (first, second, third)] == [
            "closed",
            "closed",
            "raised",
        ]


def _hidden(page: str, name: str) -> str:
    found: list[str] = re.findall(rf'name="{name}" value="(\d+)"', page)
    return found[-1]


def test_what_is_declined_is_said_on_the_alert_itself_and_keeps_what_was_written(stage: Stage) -> None:
    number = stage.alarm()
    client = stage.client("khoa")
    page = client.get(f"/duty/{number}").get_data(as_text=True)
    with stage.database.session() as db:
        ba = create_account(
            db, username="ba", full_name="Đỗ Ba", password=PASSWORD, roles=["police"], now=NOW
        )
        alerts.take(db, ba, number, NOW)
    form: dict[str, object] = {
        "why": "handled",
        "note": "Đã nhắc.",
        "upon": re.findall(r'name="upon" value="(\d+)"', page)[0],
    }
    answer = stage.post(client, f"/duty/{number}/close", form, page=f"/duty/{number}")
    said = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Đỗ Ba vừa nhận xử lý cảnh báo này lúc 16:42" in said
    assert ">Đã nhắc.</textarea>" in said
    assert "Nhận thay Ba" in said
    answer = stage.post(client, f"/duty/{number}/take", {"instead": "yes"}, page=f"/duty/{number}")
    assert answer.status_code == 302


def test_a_page_that_follows_marks_nothing_as_seen_and_tells_whom_the_hub_will_call(stage: Stage) -> None:
    number = stage.alarm()
    with stage.database.session() as db:
        db.add(
            DutyPhone(name="Trưởng ca", address="json://x/", kinds=["motion"], after_s=240, created_at=NOW)
        )
    client = stage.client("khoa")
    part = client.get(f"/duty/{number}", headers={"X-Part": "1"}).get_data(as_text=True)
    assert "Chưa ai xem thì gọi Trưởng ca" in part
    assert hms(NOW + timedelta(seconds=240)) in part
    with stage.database.reading() as db:
        assert db.get_one(Alert, number).state == "raised"
    assert "Chưa ai xem thì gọi" not in _page(stage, number)


def test_alarms_of_boards_have_their_own_titles_and_no_camera(stage: Stage) -> None:
    with stage.database.session() as db:
        sos = alerts.raised(db, "thon-01", "s-1", "sos", "cho", NOW, NOW)
        sos.evidence = {"place": "Cổng chợ"}
        water = alerts.raised(db, "thon-02", "w-1", "sensor", "", NOW, NOW)
        water.what, water.evidence = "song-van.water_level_m", {"level": 2, "value": 3.61, "unit": "m"}
        numbers = sos.id, water.id
    pages = [_page(stage, each) for each in numbers]
    assert "SOS ở cổng chợ" in pages[0]
    assert "Mực nước vượt báo động II: 3,61 mét" in pages[1]
    assert "Không có hình kèm theo" not in pages[0] + pages[1]
    assert "<h2>Camera:" not in pages[0] + pages[1]


def test_an_sos_stands_first_and_is_heard_however_much_moves_after_it(stage: Stage) -> None:
    with stage.database.session() as db:
        sos = alerts.raised(db, "thon-01", "s-1", "sos", "cho", NOW, NOW).id
        for number in range(70):
            said = MotionStarted(
                episode=f"e{number}", camera="cong", started_at=NOW, snapshot=b"j", clock="unknown"
            )
            alerts.raise_motion(db, "thon-01", said, None, NOW + timedelta(seconds=number))
    client = stage.client("khoa")
    queue = client.get("/duty/queue").get_data(as_text=True)
    rows = [int(each) for each in re.findall(r'data-alert="(\d+)"', queue)]
    assert (rows[0], rows[1], len(rows)) == (sos, 71, 60)
    assert f"{sos}:sos" in queue
    assert "và 11 cảnh báo chưa đóng cũ hơn" in queue


def test_an_sos_of_an_incident_is_named_first_and_not_counted_under_close_all(stage: Stage) -> None:
    with stage.database.session() as db:
        said = SosAlarm(alarm="s1", input="nut", place="Cổng chợ", started_at=stage.now())
        cry = board_alerts.raise_sos(db, "thon-01", said, "trusted", stage.now()).id
    for _ in range(10):
        stage.clock.advance(5)
        last = stage.alarm()
    khoa = stage.client("khoa")
    page = khoa.get(f"/duty/{last}").get_data(as_text=True)
    panel = page[page.index('class="moves together"') :]
    assert panel.index(f"/duty/{cry}") < panel.index(f"/duty/{last - 1}")
    assert "Đóng cả (10)" in panel
    assert "Nhận cả (11)" in panel
    shown = {
        name: re.findall(rf'name="{name}" value="(\d+)"', panel)[0] for name in ("incident", "newest", "upon")
    }
    stage.post(khoa, f"/duty/{last}/close-all", {**shown, "why": "animal", "note": ""}, page=f"/duty/{last}")
    with stage.database.reading() as db:
        assert db.get_one(Alert, cry).state == "raised"
        assert db.get_one(Alert, last).state == "closed"
