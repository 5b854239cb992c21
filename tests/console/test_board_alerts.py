"""Alarms of boards on the page of an alert: a button's place, a sensor's last hours with its level, an amplifier."""

from __future__ import annotations

from datetime import timedelta

from broker.contract import Identity
from broker.contract.board import AmplifierAlarm, Reading, SensorAlarm, SosAlarm
from broker.hub import alerts, board_alerts
from broker.hub.records import Account, AmplifierSeen
from broker.hub.telemetry.recorder import Recorder
from tests.console.stage import Stage

RIVER = "water_level_m.song-van"


def pressed(
    stage: Stage, alarm: str = "s1", place: str = "Cổng <chính>", lasted_s: float | None = None
) -> int:
    at = stage.now()
    ended_at = None if lasted_s is None else at + timedelta(seconds=lasted_s)
    said = SosAlarm(alarm=alarm, input="cong", place=place, started_at=at, ended_at=ended_at)
    with stage.database.session() as db:
        return board_alerts.raise_sos(db, "thon-01", said, "trusted", at).id


def risen(stage: Stage, **change: object) -> int:
    """The river rose over its level within three hours."""
    now = stage.now()
    items = [
        Reading(series=RIVER, at=now - timedelta(minutes=10 * n), value=2.6 - n * 0.1, unit="m")
        for n in range(18)
    ]
    fields: dict[str, object] = {
        "alarm": "n1", "series": RIVER, "level": 2, "value": 2.6, "unit": "m", "limit": 2.5, "started_at": now,
    }  # fmt: skip
    with stage.database.session() as db:
        Recorder().write(db, {Identity("thon-01", "board"): items}, now)
        said = SensorAlarm(**(fields | change))  # type: ignore[arg-type]
        return board_alerts.raise_sensor(db, "thon-01", said, "trusted", now).id


def shown(stage: Stage, number: int) -> str:
    return stage.client("khoa").get(f"/duty/{number}").get_data(as_text=True)


def test_a_pressed_button_says_where_when_and_that_it_is_still_held(stage: Stage) -> None:
    number = pressed(stage)
    stage.clock.advance(90)
    page = shown(stage, number)
    assert "SOS ở cổng &lt;chính&gt;" in page
    assert "Chưa nhả, đã 1\N{NO-BREAK SPACE}phút 30\N{NO-BREAK SPACE}giây" in page
    assert "Ai xem hình" not in page, "there is none"


def test_a_button_pressed_for_nothing_before_says_how_often(stage: Stage) -> None:
    first = pressed(stage, lasted_s=0.4)
    with stage.database.session() as db:
        me = db.get_one(Account, stage.people["khoa"].id)
        alerts.close(db, me, first, "test", "", stage.now())
    page = shown(stage, pressed(stage, "s2", lasted_s=12))
    assert "2 lần, 1 báo nhầm" in page
    assert "12\N{NO-BREAK SPACE}giây" in page


def test_a_sensor_shows_its_hours_before_the_alarm_with_the_level(stage: Stage) -> None:
    page = shown(stage, risen(stage))
    assert "vượt báo động II" in page
    assert '<path class="run"' in page
    assert '<path class="limit"' in page
    assert "2,50 mét" in page
    assert "cao nhất 2,60 mét" in page


def test_an_alarm_that_is_over_keeps_the_picture_of_its_own_hours(stage: Stage) -> None:
    number = risen(stage, ended_at=stage.now() + timedelta(minutes=5))
    stage.clock.advance(3 * 86_400)
    page = shown(stage, number)
    assert "6 giờ đến 17:47" in page
    assert "2,60 mét" in page
    assert "Số đo cũ" in page


def test_a_sensor_that_never_sent_a_reading_says_so_without_a_picture(stage: Stage) -> None:
    said = SensorAlarm(
        alarm="n2", series="rain_mm.san", level=1, value=61.0, unit="mm", limit=50.0, started_at=stage.now(),
        quality="suspect",
    )  # fmt: skip
    with stage.database.session() as db:
        number = board_alerts.raise_sensor(db, "thon-01", said, "trusted", stage.now()).id
    page = shown(stage, number)
    assert "Số đo đáng ngờ" in page
    assert "50,00 mm" in page
    assert '<path class="run"' not in page


def test_an_amplifier_says_how_it_stood_and_what_was_announced(stage: Stage) -> None:
    at = stage.now()
    revision = stage.approved()
    stage.receipt(revision.announcement_id, "thon-01", "playing", started_at=at)
    said = AmplifierAlarm(alarm="a1", what="unexplained-current", started_at=stage.now(), current_a=1.9)
    with stage.database.session() as db:
        db.merge(AmplifierSeen(node="thon-01", relay="off", current="flowing", at=at, seen_at=at, mute=True))
        db.flush()
        number = board_alerts.raise_amplifier(db, "thon-01", said, "trusted", stage.now()).id
    page = shown(stage, number)
    assert "có thể có người cắm nguồn khác" in page
    assert "1,90 A" in page
    assert "Đang ngắt" in page
    assert "“Cắt điện sáng Chủ nhật để sửa đường dây”, Lê Thị Hạnh viết" in page
