"""What boards raise in the duty room: SOS buttons, sensors above their level, amplifiers; late, twice, out of order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from broker.contract import Identity
from broker.contract.board import AmplifierAlarm, AmplifierState, SensorAlarm, SosAlarm
from broker.contract.camera import MotionStarted
from broker.contract.speaker import LocalUse
from broker.hub import alerts
from broker.hub.accounts import create_account
from broker.hub.records import Alert, Camera, Change, NodeRecord, Play, Quarantine, Village
from tests.hub.house import BOARD, CAMERA, JPEG, NOW, SPEAKER, House
from tests.hub.town import PASSWORD

AFTER = NOW + timedelta(seconds=4)


def sos(**change: Any) -> SosAlarm:
    fields: dict[str, Any] = {"alarm": "s1", "input": "cong", "place": "Cổng chính", "started_at": NOW}
    return SosAlarm(**(fields | change))


def river(level: int = 1, value: float = 2.1, **change: Any) -> SensorAlarm:
    fields: dict[str, Any] = {
        "alarm": "n1", "series": "water_level_m.song-van", "level": level, "value": value, "unit": "m",
        "limit": 2.0, "started_at": NOW,
    }  # fmt: skip
    return SensorAlarm(**(fields | change))


def only(house: House) -> Alert:
    (found,) = house.all(Alert)
    assert isinstance(found, Alert)
    return found


def closed_by_khoa(house: House) -> None:
    with house.database.session() as db:
        khoa = create_account(
            db, username="khoa", full_name="Khoa", password=PASSWORD, roles=["police"], now=NOW
        )
        alerts.close(db, khoa, 1, "handled", "Đã báo trưởng thôn.", house.clock.now())


def test_a_pressed_button_is_an_alert_of_its_village_and_an_incident_at_once(house: House) -> None:
    with house.database.session() as db:
        db.add(Village(code="dong", name="Đông"))
        db.flush()
        db.add(NodeRecord(name="thon-01", village="dong", label="Đông 1", registered_at=NOW))
    house.take(house.entry(BOARD, sos(), 1))
    alert = only(house)
    assert (alert.kind, alert.camera, alert.village, alert.state) == ("sos", "cong", "dong", "raised")
    assert (alert.evidence, alert.clock, alert.ended_at) == ({"place": "Cổng chính"}, "trusted", None)
    assert alert.incident_id is not None
    assert "alert" in {change.topic for change in house.all(Change)}


def test_a_button_let_go_and_told_again_and_late_is_one_alert(house: House) -> None:
    over = sos(ended_at=AFTER)
    house.take(house.entry(BOARD, over, 1), house.entry(BOARD, sos(), 2), house.entry(BOARD, over, 3))
    assert (only(house).ended_at, only(house).lasted_ms) == (AFTER, 4000)


def test_a_button_let_go_before_it_was_pressed_ends_when_it_began(house: House) -> None:
    house.take(house.entry(BOARD, sos(ended_at=NOW - timedelta(hours=3)), 1))
    assert (only(house).ended_at, only(house).lasted_ms) == (NOW, 0)


def test_an_alarm_by_a_clock_of_another_century_is_raised_with_the_hubs_time(house: House) -> None:
    house.take(house.entry(BOARD, sos(started_at=datetime(1969, 1, 1, tzinfo=UTC)), 1))
    assert (only(house).started_at, only(house).clock) == (NOW, "unknown")
    assert [row.reason for row in house.all(Quarantine)] == ["SosAlarm: started_at lies before 1970"]


def test_a_button_takes_no_alert_of_a_camera_and_none_of_another_node(house: House) -> None:
    moved = MotionStarted(episode="s1", camera="cong", started_at=NOW, snapshot=JPEG)
    house.take(house.entry(CAMERA, moved, 1), house.entry(BOARD, sos(), 1))
    house.take(house.entry(Identity("thon-02", "board"), sos(input="cho"), 1))
    assert [(row.node, row.kind, row.camera) for row in house.all(Alert)] == [
        ("thon-01", "motion", "cong"), ("thon-02", "sos", "cho"),
    ]  # fmt: skip
    assert "something else's" in house.all(Quarantine)[0].reason


def test_a_level_that_falls_is_kept_and_one_that_rises_is_raised_once_more(house: House) -> None:
    house.take(house.entry(BOARD, river(2, 2.6, limit=2.5), 1))
    closed_by_khoa(house)
    house.take(house.entry(BOARD, river(1, 2.3), 2))
    assert (only(house).state, only(house).evidence["level"], only(house).evidence["top"]) == ("closed", 1, 2)
    house.take(house.entry(BOARD, river(3, 3.4, limit=3.0), 3))
    alert = only(house)
    assert (alert.state, alert.officer_id, alert.close_reason) == ("raised", None, "")
    assert [each["level"] for each in alert.evidence["levels"]] == [2, 1, 3]
    assert (alert.evidence["peak"], alert.evidence["limit"], alert.what) == (
        3.4, 3.0, "water_level_m.song-van",
    )  # fmt: skip


def test_what_comes_after_the_end_of_a_sensors_alarm_changes_nothing(house: House) -> None:
    house.take(house.entry(BOARD, river(1, 1.9, ended_at=AFTER), 1), house.entry(BOARD, river(3, 9.0), 2))
    alert = only(house)
    assert (alert.ended_at, alert.evidence["level"], alert.evidence["value"]) == (AFTER, 1, 1.9)


def test_an_amplifiers_alarm_says_who_spoke_and_what_was_announced(house: House) -> None:
    with house.database.session() as db:
        row = Play(occurrence="bt-1.1.x", node="thon-01", announcement="bt-1", revision=1, planned_at=NOW)
        row.started_at = NOW - timedelta(seconds=20)
        db.add(row)
    said = AmplifierState(at=NOW, relay="off", current="flowing", current_a=1.9, mute=True)
    house.take(house.entry(BOARD, said))
    house.take(house.entry(SPEAKER, LocalUse(use="u1", what="mute", started_at=NOW - timedelta(hours=1)), 1))
    alarm = AmplifierAlarm(alarm="a1", what="unexplained-current", started_at=NOW, current_a=2.2)
    house.take(house.entry(BOARD, alarm, 1))
    alert = only(house)
    assert (alert.kind, alert.what) == ("amplifier", "unexplained-current")
    assert alert.evidence == {
        "current_a": 2.2, "relay": "off", "microphone": False, "mute": True, "use": "mute",
        "announcement": "bt-1", "title": "", "by": "",
    }  # fmt: skip
    house.take(house.entry(BOARD, AmplifierState(at=NOW, relay="on", current="none")))
    over = AmplifierAlarm(alarm="a1", what="unexplained-current", started_at=NOW, ended_at=AFTER)
    house.take(house.entry(BOARD, over, 2))
    assert (only(house).ended_at, only(house).evidence["relay"]) == (AFTER, "off")


def test_a_button_called_like_a_camera_stands_in_its_nodes_village(house: House) -> None:
    with house.database.session() as db:
        db.add_all([Village(code="dong", name="Đông"), Village(code="ben", name="Bến")])
        db.flush()
        db.add(NodeRecord(name="thon-01", village="dong", label="Đông 1", registered_at=NOW))
        db.add(Camera(node="thon-01", camera="cong", name="Cầu", village="ben", source="rtsp://c/1"))
    house.take(house.entry(BOARD, sos(), 1))
    assert only(house).village == "dong"
