"""Incidents, and two officers at once: what belongs together, what an old page may still do."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from broker.contract.board import SosAlarm
from broker.contract.camera import MotionStarted
from broker.hub import alerts, board_alerts, incident_acts
from broker.hub.accounts import create_account
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, AlertStep, Incident, audit_rows
from tests.hub.town import NOW, PASSWORD, Town


class Room:
    """Two officers, and alerts as they are raised."""

    def __init__(self, town: Town) -> None:
        self.database = town.database
        with self.database.session() as db:
            self.ba, self.tu = (
                create_account(
                    db, username=n, full_name=n.title(), password=PASSWORD, roles=["police"], now=NOW
                )
                for n in ("ba", "tu")
            )

    def raised(self, at: datetime = NOW, node: str = "thon-01", **said: str) -> int:
        """A motion alert; its number."""
        with self.database.session() as db:
            count = len(db.scalars(select(Alert.id)).all())
            began = MotionStarted(
                episode=f"e{count}",
                camera="cong",
                started_at=at,
                snapshot=b"j",
                clock=said.get("clock", "trusted"),  # type: ignore[arg-type]
            )
            return alerts.raise_motion(db, node, began, None, NOW).id

    def one(self, number: int) -> Alert:
        """As it stands."""
        with self.database.reading() as db:
            return db.get_one(Alert, number)

    def upon(self) -> int:
        """The last step there is, as a page opened now would know it."""
        with self.database.reading() as db:
            return max(db.scalars(select(AlertStep.id)), default=0)


@pytest.fixture
def room(town: Town) -> Room:
    return Room(town)


def test_what_begins_near_in_a_village_is_one_incident_while_it_is_open(room: Room) -> None:
    first = room.raised()
    late = room.raised(NOW - timedelta(seconds=119))
    chained = room.raised(NOW + timedelta(seconds=120))
    far = room.raised(NOW + timedelta(seconds=241))
    elsewhere = room.raised(node="thon-02")
    guessed = room.raised(clock="unknown")
    own = room.one(first).incident_id
    assert [room.one(each).incident_id == own for each in (late, chained, far, elsewhere)] == [
        True,
        True,
        False,
        False,
    ]
    assert room.one(guessed).incident_id is None
    with room.database.reading() as db:
        found = db.get_one(Incident, own)
        assert (found.began_at, found.last_at) == (
            NOW - timedelta(seconds=119),
            NOW + timedelta(seconds=120),
        )
    with room.database.session() as db:
        for number in (first, late, chained):
            alerts.close(db, room.ba, number, "animal", "", NOW)
    assert room.one(room.raised()).incident_id != own, "nobody has it open any more"


def test_movement_that_never_stops_makes_a_new_incident_every_ten_minutes(room: Room) -> None:
    numbers = [room.raised(NOW + timedelta(seconds=100 * n)) for n in range(13)]
    found = [room.one(each).incident_id for each in numbers]
    assert found[:7] == [found[0]] * 7, "ten minutes"
    assert found[7:] == [found[7]] * 6
    assert found[7] != found[0]
    before = room.raised(NOW - timedelta(seconds=60))
    assert room.one(before).incident_id not in found, "with that the first would be longer"


def test_all_of_an_incident_is_taken_and_closed_with_an_entry_each(room: Room) -> None:
    numbers = [room.raised(NOW + timedelta(seconds=n)) for n in range(3)]
    incident = room.one(numbers[0]).incident_id or 0
    with room.database.session() as db:
        alerts.take(db, room.tu, numbers[1], NOW)
        taken = incident_acts.take_all(db, room.ba, incident, numbers[2], NOW)
    assert [one.id for one in taken] == [numbers[0], numbers[2]], "what another has stays with them"
    came_after = room.raised(NOW + timedelta(seconds=9))
    with room.database.session() as db:
        incident_acts.close_all(db, room.ba, incident, numbers[2], "light", "", NOW, upon=room.upon())
    assert [room.one(each).state for each in numbers] == ["closed", "in-hand", "closed"], "Tu's is left to Tu"
    assert room.one(came_after).state == "raised", "nobody has looked at that one"
    with room.database.reading() as db:
        entries = [row.entry for row in audit_rows(db) if row.entry.action == "alert.closed"]
    assert [each.subject for each in entries] == [f"alert {each}" for each in (numbers[0], numbers[2])]
    with room.database.session() as db, pytest.raises(Declined, match="đóng riêng"):
        incident_acts.close_all(db, room.ba, incident, numbers[2], "light", "", NOW)


def test_what_an_officer_takes_twice_is_told_once(room: Room) -> None:
    number = room.raised(NOW)
    with room.database.session() as db:
        alerts.take(db, room.ba, number, NOW)
        alerts.take(db, room.ba, number, NOW + timedelta(seconds=2))
        steps = [step.what for step in db.get_one(Alert, number).steps]
    assert steps.count("in-hand") == 1


def test_an_sos_is_closed_by_itself_and_never_with_all_of_its_incident(room: Room) -> None:
    number = room.raised()
    with room.database.session() as db:
        said = SosAlarm(alarm="s1", input="cho", place="Cổng chợ", started_at=NOW)
        cry = board_alerts.raise_sos(db, "thon-01", said, "trusted", NOW).id
    incident = room.one(cry).incident_id or 0
    assert incident == room.one(number).incident_id
    with room.database.session() as db:
        assert incident_acts.counts(db, room.ba.id, incident) == (2, 1)
        assert incident_acts.close_all(db, room.ba, incident, cry, "animal", "", NOW)[0].id == number
    assert (room.one(cry).state, room.one(number).state) == ("raised", "closed")
    with room.database.session() as db:
        assert incident_acts.counts(db, room.ba.id, incident) == (1, 0)
        with pytest.raises(Declined, match="đóng riêng"):
            incident_acts.close_all(db, room.ba, incident, cry, "animal", "", NOW)


def test_hundreds_of_an_incident_are_taken_and_closed_in_parts_that_hold_up_nobody(room: Room) -> None:
    incident = room.one(room.raised()).incident_id or 0
    with room.database.session() as db:
        for number in range(incident_acts.AT_ONCE + 4):
            alert = alerts.raised(db, "thon-01", f"m{number}", "motion", "cong", NOW, NOW)
            alert.incident_id = incident
        newest = alert.id
    for did in (4 + 1, 0):
        with room.database.session() as db:
            incident_acts.take_all(db, room.ba, incident, newest, NOW)
            assert incident_acts.counts(db, room.tu.id, incident)[0] == did
    for left in (4 + 1, 0):
        with room.database.session() as db:
            incident_acts.close_all(db, room.ba, incident, newest, "light", "", NOW)
            assert incident_acts.counts(db, room.ba.id, incident)[1] == left


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("take", "Tu vừa nhận xử lý"),
        ("escalate", "Tu vừa chuyển cấp trên"),
        ("close", "Tu đã đóng"),
        ("reopen", "Tu vừa mở lại"),
    ],
)
@pytest.mark.parametrize("then", ["take", "escalate", "close"])
def test_on_an_old_page_nothing_is_done_and_who_did_what_is_said(
    room: Room, first: str, said: str, then: str
) -> None:
    number, upon = room.raised(), room.upon()

    def act(what: str, who: Account, upon: int | None) -> None:
        with room.database.session() as db:
            if what == "take":
                alerts.take(db, who, number, NOW, upon=upon)
            elif what == "escalate":
                alerts.escalate(db, who, number, "Lãnh đạo", "", NOW, upon=upon)
            elif what == "close":
                alerts.close(db, who, number, "animal", "", NOW, upon=upon)
            else:
                alerts.close(db, room.tu, number, "animal", "", NOW)
                alerts.reopen(db, room.tu, number, "Đóng nhầm", NOW)

    act(first, room.tu, upon)
    before, steps = room.one(number), room.upon()
    with pytest.raises(Declined, match=said):
        act(then, room.ba, upon)
    after = room.one(number)
    assert (after.state, after.officer_id, room.upon()) == (before.state, before.officer_id, steps)
    if first != "close":
        act(then, room.tu, upon)  # one's own news stop nobody


def test_who_sees_that_another_has_it_may_take_it_over(room: Room) -> None:
    number = room.raised()
    with room.database.session() as db:
        alerts.take(db, room.tu, number, NOW)
        with pytest.raises(Declined, match="Tu đang xử lý"):
            alerts.take(db, room.ba, number, NOW)
        alerts.take(db, room.ba, number, NOW, instead=True)
    assert room.one(number).officer_id == room.ba.id


def test_a_closed_alert_is_reopened_with_a_reason_and_noted_at_any_time(room: Room) -> None:
    number = room.raised()
    with room.database.session() as db:
        alerts.escalate(db, room.ba, number, "  Trưởng  công an ", "", NOW)
        alerts.close(db, room.ba, number, "handled", "Đã nhắc nhở.", NOW)
        alerts.add_note(db, room.tu, number, "Chủ kho báo mất hai bao thóc.", NOW)
        for few in (" ", "ừ", "a b", "\n.\u200b\n"):
            with pytest.raises(Declined, match="vì sao"):
                alerts.reopen(db, room.tu, number, few, NOW)
        alerts.reopen(db, room.tu, number, "Có tin mới", NOW)
        with pytest.raises(Declined, match="đang mở"):
            alerts.reopen(db, room.tu, number, "Có tin mới", NOW)
        with pytest.raises(Declined, match="còn trống"):
            alerts.add_note(db, room.tu, number, "\n", NOW)
        with pytest.raises(Declined, match="đã làm gì"):
            alerts.close(db, room.tu, number, "handled", " ", NOW)
        with pytest.raises(Declined, match="cho ai"):
            alerts.escalate(db, room.tu, number, " ", "", NOW)
    row = room.one(number)
    assert (row.state, row.officer_id, row.closed_at, row.close_reason, row.escalated_to) == (
        "seen",
        None,
        None,
        "",
        "",
    )
    with room.database.reading() as db:
        steps = [(step.what, step.note) for step in db.get_one(Alert, number).steps]
        (again,) = [each.entry for each in audit_rows(db) if each.entry.action == "alert.reopened"]
    assert (again.actor, again.detail["reason"]) == (room.tu.username, "lý do khác"), (
        "own words may name people"
    )
    assert steps == [
        ("escalated", "Trưởng công an"),
        ("closed", "Đã nhắc nhở."),
        ("noted", "Chủ kho báo mất hai bao thóc."),
        ("reopened", "Có tin mới"),
    ]
