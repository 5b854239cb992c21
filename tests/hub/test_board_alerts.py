"""What boards raise in the duty room: SOS buttons, sensors above their level, amplifiers; late, twice, out of order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.contract import Identity
from broker.contract.board import AmplifierAlarm, AmplifierState, SensorAlarm, SosAlarm
from broker.contract.camera import MotionStarted
from broker.contract.speaker import LocalUse
from broker.hub import alerts, unseen
from broker.hub.accounts import create_account
from broker.hub.calling import Calling
from broker.hub.console import alert_words
from broker.hub.records import (
    Account,
    Alert,
    AlertStep,
    Camera,
    Change,
    DutyCall,
    DutyPhone,
    NodeRecord,
    Play,
    Quarantine,
    Village,
)
from tests.fakes.letter_box import web_box
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


def khoa_of(house: House) -> Account:
    with house.database.session() as db:
        return create_account(
            db, username="khoa", full_name="Trần Khoa", password=PASSWORD, roles=["police"], now=NOW
        )


def called_for(house: House, address: str = "json://127.0.0.1:9/x", after_s: int = 60) -> None:
    with house.database.session() as db:
        db.add(
            DutyPhone(
                name="Ca", address=address, kinds=["board"], after_s=after_s, created_at=house.clock.now()
            )
        )


def calls(house: House, state: str) -> list[str]:
    """States of the calls after one more look; then all that wait stand in `state`."""
    with house.database.session() as db:
        unseen.look(db, house.clock.now())
        db.flush()
        found = [one.state for one in db.scalars(select(DutyCall))]
        for one in db.scalars(select(DutyCall)):
            one.state = state
    return found


@pytest.mark.parametrize("did", ["seen", "in-hand", "escalated", "closed"])
def test_a_level_that_rises_hours_later_is_new_and_called_again(house: House, did: str) -> None:
    khoa = khoa_of(house)
    called_for(house)
    house.take(house.entry(BOARD, river(1), 1))
    house.clock.advance(61)
    assert calls(house, "sent") == ["waiting"]
    with house.database.session() as db:
        now = house.clock.now()
        if did == "seen":
            alerts.mark_seen(db, khoa, 1, now)
        elif did == "in-hand":
            alerts.take(db, khoa, 1, now)
        elif did == "escalated":
            alerts.escalate(db, khoa, 1, "Lãnh đạo", "", now)
        else:
            alerts.close(db, khoa, 1, "handled", "Đã báo trưởng thôn.", now)
    house.clock.advance(7 * 3600)
    house.take(house.entry(BOARD, river(3, 3.4), 2))
    alert = only(house)
    assert (alert.state, alert.raised_at, alert.unseen_at, alert.seen_at) == (
        "raised", house.clock.now(), None, None,
    )  # fmt: skip
    assert (alert.officer_id, alert.escalated_at, alert.escalated_to, alert.note) == (None, None, "", "")
    assert alert.evidence["heard_at"] == NOW.isoformat()
    step = house.all(AlertStep)[-1]
    had = ", trước đó Trần Khoa đang xử lý" if did == "in-hand" else ""
    assert (step.what, step.note) == ("reopened", f"lên mức 3{had}")
    assert calls(house, "waiting") == []
    house.clock.advance(60)
    assert calls(house, "sent") == ["waiting"]
    house.take(house.entry(BOARD, river(3, 3.5), 3))
    assert only(house).evidence["heard_at"] == NOW.isoformat(), "said again it is no news"
    assert calls(house, "sent") == ["sent"]


def test_a_level_that_rises_unseen_is_called_at_once_and_waits_no_longer_for_it(house: House) -> None:
    called_for(house)
    house.take(house.entry(BOARD, river(1), 1))
    house.clock.advance(61)
    assert calls(house, "sent") == ["waiting"]
    house.clock.advance(30)
    house.take(house.entry(BOARD, river(2, 2.8), 2))
    assert only(house).raised_at == NOW
    assert calls(house, "sent") == ["waiting"]


def test_a_level_that_rises_while_a_phone_is_called_is_told_with_a_call_of_its_own(house: House) -> None:
    calling = Calling(house.database, house.clock, "xã Vân Khê", "https://truc.example")
    with web_box() as box:

        class Rising(list[Any]):
            """What the box was sent; with the first of it the water rises."""

            def append(self, one: Any) -> None:
                super().append(one)
                if len(self) == 1:
                    house.take(house.entry(BOARD, river(2, 2.8), 2))

        box.came = Rising()
        called_for(house, f"json://{box.address}/goi", after_s=0)
        house.take(house.entry(BOARD, river(1), 1))
        for _ in range(3):
            calling.step()
            house.clock.advance(6)
        assert len(box.came) == 2
    assert [one.state for one in house.all(DutyCall)] == ["sent"]


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


def test_of_an_alert_raised_again_the_page_says_when_it_was_first_heard_of(house: House) -> None:
    house.take(house.entry(BOARD, river(1), 1))
    closed_by_khoa(house)
    house.clock.advance(7 * 3600)
    house.take(house.entry(BOARD, river(3, 3.4), 2))
    assert alert_words.heard_at(only(house)) == NOW
    assert alert_words.late_said(only(house)) == ""


@pytest.mark.parametrize("at", [datetime(1970, 1, 1, tzinfo=UTC), NOW + timedelta(hours=23)])
def test_a_clock_that_woke_up_in_1970_or_runs_ahead_is_not_shown_to_an_officer(
    house: House, at: datetime
) -> None:
    house.take(house.entry(BOARD, sos(started_at=at), 1))
    assert only(house).started_at == NOW


def test_letters_no_database_takes_and_no_eye_sees_do_not_lose_an_alarm(house: House) -> None:
    house.take(house.entry(BOARD, sos(place="Cổng\x00 \u202e\n\nsau"), 1))
    assert only(house).evidence["place"] == "Cổng sau"
