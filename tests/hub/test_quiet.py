"""Quiet areas: what is proposed after a false alarm, what it would have hidden, who may set it and undo it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import cos, sin

import pytest
from sqlalchemy.orm import Session

from broker.contract.camera import Box, MotionStarted
from broker.hub import alerts, cameras, quiet
from broker.hub.accounts import create_account
from broker.hub.camera_setup import MOST_QUIET
from broker.hub.declined import Declined
from broker.hub.quiet_proposal import LOWEST, Past, Proposal, propose, try_on
from broker.hub.records import Account, Alert, AuditRow, Camera, CameraQuiet, Database, changes_after
from broker.trust.areas import stands_in
from tests.hub.town import NOW, PASSWORD

TREE = (0.7, 0.1, 0.1, 0.2)
WHOLE = (0.0, 0.0, 1.0, 1.0)
GATE = (0.2, 0.4, 0.1, 0.3)
NIGHT = NOW.replace(hour=22)


def past(number: int, box: tuple[float, float, float, float], outcome: str, at: datetime = NOW) -> Past:
    return Past(number, at, (box,), outcome)  # type: ignore[arg-type]


ONCE_AND_TWICE = [past(40, GATE, "false"), past(41, TREE, "false")]
"""What else the camera told that was nothing."""


def test_false_alarms_in_one_place_become_one_area_that_hides_no_true_one() -> None:
    shifted = [(0.68 + 0.02 * n, 0.1, 0.1, 0.2) for n in range(4)]
    others = [past(n, box, "false") for n, box in enumerate(shifted)] + [past(9, GATE, "true")]
    made = propose(past(20, TREE, "false"), others, 0.5)
    assert made.corners is not None
    assert made.hours is None
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in made.corners)
    trial = try_on(made, [*others, past(20, TREE, "false")])
    assert (trial.count("false"), trial.count("true", "open")) == (5, 0)
    assert [each.id for each in trial.told] == [9]


def test_an_area_of_many_corners_is_their_rectangle() -> None:
    round_about = [(0.3 + 0.1 * cos(n / 5), 0.3 + 0.1 * sin(n / 5), 0.02, 0.02) for n in range(32)]
    made = propose(Past(1, NOW, tuple(round_about), "false"), [], 0.5)
    assert made.corners is not None
    assert len(made.corners) == 4
    assert all(stands_in(made.corners, *box) for box in round_about)


@pytest.mark.parametrize(("alike", "has_area"), [(0, False), (1, False), (2, True)])
def test_one_or_two_false_alarms_give_away_no_third_of_the_picture(alike: int, has_area: bool) -> None:
    lorry = (0.1, 0.3, 0.6, 0.5)
    made = propose(past(20, lorry, "false"), [past(n, lorry, "false") for n in range(alike)], 0.5)
    assert (made is not None and made.corners is not None) == has_area


@pytest.mark.parametrize(("before", "lowered"), [(0, None), (1, None), (2, 0.3)])
def test_one_or_two_false_alarms_do_not_lower_what_a_whole_camera_tells(
    before: int, lowered: float | None
) -> None:
    true = [past(30 + n, GATE, "true") for n in range(4)]
    made = propose(past(20, WHOLE, "false"), [*(past(n, GATE, "false") for n in range(before)), *true], 0.5)
    assert (made and made.sensitivity) == lowered


def test_where_true_alarms_come_too_the_hours_of_the_false_ones_are_proposed() -> None:
    others = [past(n, TREE, "false", NIGHT + timedelta(days=-n, minutes=7 * n)) for n in range(1, 6)]
    true = past(9, TREE, "true", NIGHT - timedelta(hours=10))
    made = propose(past(20, TREE, "false", NIGHT), [*others, true], 0.5)
    assert made.hours == (22 * 60, 23 * 60)
    assert try_on(made, [true]).told == (true,)


def test_hours_over_midnight_hold_on_both_sides_of_it() -> None:
    made = Proposal(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), (22 * 60, 2 * 60))
    late, early, noon = (NOW.replace(hour=hour) for hour in (23, 1, 12))
    trial = try_on(
        made, [past(1, TREE, "false", late), past(2, TREE, "false", early), past(3, TREE, "false", noon)]
    )
    assert [each.id for each in trial.told] == [3]


def test_an_alarm_that_left_the_area_is_not_hidden() -> None:
    made = Proposal(((0.6, 0.0), (0.9, 0.0), (0.9, 0.5), (0.6, 0.5)))
    walked = Past(1, NOW, (TREE, GATE), "open")
    assert try_on(made, [walked]).told == (walked,)


@pytest.mark.parametrize("boxes", [(), ((0.0, 0.0, 1.0, 1.0),)])
def test_without_a_place_a_lower_sensitivity_is_proposed_and_nothing_is_said_to_be_hidden(
    boxes: tuple[tuple[float, float, float, float], ...],
) -> None:
    made = propose(Past(1, NOW, boxes, "false"), ONCE_AND_TWICE, 0.2)
    assert made is not None
    assert (made.corners, made.sensitivity) == (None, LOWEST)
    assert try_on(made, [past(2, TREE, "true")]).hidden == ()


def test_at_the_lowest_sensitivity_nothing_lower_is_proposed() -> None:
    assert propose(Past(1, NOW, (), "false"), ONCE_AND_TWICE, LOWEST) is None


class Room:
    """A camera of a village and an officer."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.count = 0
        with database.session() as db:
            self.khoa = self._account(db, "khoa", "police")
            self.quan = self._account(db, "quan", "admin")
            db.add(Camera(node="thon-01", camera="cong", name="Cổng", village="dong", source="scene:"))

    def _account(self, db: Session, name: str, role: str) -> Account:
        return create_account(
            db,
            username=name,
            full_name=f"Trần Văn {name}",
            roles=(role,),
            now=NOW,
            password=PASSWORD,
        )

    def alert(self, box: tuple[float, float, float, float], reason: str, at: datetime = NOW) -> int:
        """A closed alert, or an open one without a reason."""
        self.count += 1
        x, y, w, h = box
        said = MotionStarted(
            episode=f"e{self.count}",
            camera="cong",
            started_at=at,
            snapshot=b"",
            boxes=[Box(x=x, y=y, w=w, h=h)],
        )
        with self.database.session() as db:
            alert = alerts.raise_motion(db, "thon-01", said, None, at)
            if reason:
                alerts.close(db, self.khoa, alert.id, reason, "đã xem", at)
            return alert.id

    def offer(self, alert: int) -> quiet.Offer:
        with self.database.reading() as db:
            found = quiet.offer_for(db, db.get_one(Alert, alert), NOW)
        assert found is not None
        return found

    def apply(
        self, alert: int, mark: str = "", *, knows: bool = False, who: Account | None = None
    ) -> CameraQuiet:
        with self.database.session() as db:
            return quiet.apply(
                db, who or self.khoa, alert, mark or self.offer(alert).mark, NOW, knows_true=knows
            )


@pytest.fixture
def room(database: Database) -> Room:
    """A fresh one."""
    return Room(database)


def test_what_is_applied_is_in_the_next_plan_is_written_down_and_is_undone_by_a_click(room: Room) -> None:
    for days in range(1, 4):
        room.alert(TREE, "weather", NOW - timedelta(days=days))
    number = room.alert(TREE, "weather")
    row = room.apply(number)
    assert (row.name, row.hid_false, row.hid_true) == ("chỗ cây lay, mưa gió", 4, 0)
    assert row.area is not None
    assert stands_in(row.area["corners"], *TREE)
    with room.database.session() as db:
        assert [each.id for each in quiet.kept(db, "thon-01", "cong")] == [row.id]
        assert "plan" in {change.topic for change in changes_after(db, 0)}
        quiet.undo(db, room.khoa, row.id, NOW)
        quiet.undo(db, room.khoa, row.id, NOW)
        assert quiet.kept(db, "thon-01", "cong") == []
    with room.database.reading() as db:
        acts = [
            each.action
            for each in db.query(AuditRow).order_by(AuditRow.id)
            if each.action.startswith("camera.quiet")
        ]
    assert acts == ["camera.quiet", "camera.quiet-undone"]


def _refused(room: Room, number: int, **more: object) -> str:
    with pytest.raises(Declined) as why:
        room.apply(number, **more)  # type: ignore[arg-type]
    return why.value.code


def test_what_would_hide_true_alarms_is_set_only_by_who_has_seen_them(room: Room) -> None:
    room.alert(TREE, "handled", NOW - timedelta(hours=2))
    number = room.alert(TREE, "weather")
    assert room.offer(number).trial.count("true") == 1
    assert _refused(room, number) == "hides-true"
    assert room.apply(number, knows=True).hid_true == 1


def test_an_alarm_that_nobody_closed_counts_as_true(room: Room) -> None:
    room.alert(TREE, "", NOW - timedelta(hours=2))
    assert _refused(room, room.alert(TREE, "weather")) == "hides-true"


def test_two_officers_at_once_make_one_area_and_an_old_page_sets_nothing(room: Room) -> None:
    number = room.alert(TREE, "weather")
    mark = room.offer(number).mark
    room.alert((0.72, 0.1, 0.1, 0.2), "weather", NOW - timedelta(hours=1))
    assert _refused(room, number, mark=mark) == "stale"
    room.apply(number)
    assert _refused(room, number) == "twice"


def _level(room: Room, hour: int) -> float | None:
    number = room.alert(WHOLE, "weather", NOW.replace(hour=hour))
    with room.database.reading() as db:
        offer = quiet.offer_for(db, db.get_one(Alert, number), NOW)
        assert bool(quiet.why_none(db, db.get_one(Alert, number), NOW)) is (offer is None)
    return None if offer is None else offer.proposal.sensitivity


def test_a_lower_sensitivity_starts_from_what_was_in_force_and_is_not_offered_at_the_floor(
    room: Room,
) -> None:
    with room.database.session() as db:
        db.get_one(Camera, ("thon-01", "cong")).night_sensitivity = 0.4
    for days in (1, 2):
        room.alert(TREE, "weather", NOW - timedelta(days=days))
    assert (_level(room, 7), _level(room, 3)) == (0.3, 0.2)
    night = [{"days": list(range(7)), "since_min": 22 * 60, "until_min": 4 * 60}]
    with room.database.session() as db:
        row = {"node": "thon-01", "camera": "cong", "name": "x", "applied_at": NOW, "ask_again_at": NOW}
        db.add(CameraQuiet(**row, hours=night, sensitivity=LOWEST, applied_by=room.khoa.id))
    assert (_level(room, 7), _level(room, 5)) == (0.3, 0.2), "lowered at other hours"
    assert _level(room, 3) is None
    number = room.alert(WHOLE, "weather", NOW.replace(hour=2))
    with room.database.session() as db, pytest.raises(Declined, match="đã thấp nhất"):
        quiet.apply(db, room.khoa, number, "x", NOW, knows_true=False)


def test_a_proposal_for_all_hours_lowers_by_the_one_in_force(room: Room) -> None:
    for days in (1, 2):
        room.alert(TREE, "weather", NOW - timedelta(days=days))
    first = room.alert(WHOLE, "weather")
    assert room.apply(first).sensitivity == 0.3
    second = room.alert(WHOLE, "weather")
    assert room.apply(second).sensitivity == LOWEST
    assert _refused(room, room.alert(WHOLE, "weather"), mark="x") == "no-offer"


def test_after_a_first_large_false_alarm_the_page_says_that_it_waits_for_more(room: Room) -> None:
    number = room.alert(WHOLE, "weather")
    with room.database.reading() as db:
        assert "mới báo nhầm một, hai lần" in quiet.why_none(db, db.get_one(Alert, number), NOW)
    assert _refused(room, number, mark="x") == "no-offer"


def test_true_alarms_other_people_and_ninth_areas_are_refused(room: Room) -> None:
    true, number = room.alert(GATE, "handled"), room.alert(TREE, "weather")
    with room.database.reading() as db:
        assert quiet.offer_for(db, db.get_one(Alert, true), NOW) is None
    assert _refused(room, true, mark="x") == "no-offer"
    assert _refused(room, 999, mark="x") == "no-offer"
    assert _refused(room, number, who=room.quan) == "no-right"
    for each in range(MOST_QUIET):
        room.apply(room.alert((0.1 * each, 0.8, 0.05, 0.1), "animal"), knows=True)
    assert _refused(room, number, knows=True) == "many-quiet"


def test_after_a_month_it_is_asked_again_and_kept_for_another(room: Room) -> None:
    row = room.apply(room.alert(TREE, "weather"))
    assert row.ask_again_at == NOW + quiet.ASK_AGAIN
    later = NOW + timedelta(days=31)
    with room.database.session() as db:
        assert quiet.keep(db, room.khoa, row.id, later).ask_again_at == later + quiet.ASK_AGAIN
        quiet.undo(db, room.khoa, row.id, later)
        with pytest.raises(Declined, match="báo lại rồi"):
            quiet.keep(db, room.khoa, row.id, later)


@pytest.mark.parametrize("act", [cameras.accept_view, cameras.remove])
def test_a_camera_that_looks_elsewhere_tells_all_places_again(
    room: Room, act: Callable[[Session, Account, Camera, datetime], None]
) -> None:
    room.apply(room.alert(TREE, "weather"))
    with room.database.session() as db:
        act(db, room.quan, db.get_one(Camera, ("thon-01", "cong")), NOW)
    with room.database.reading() as db:
        assert quiet.kept(db, "thon-01", "cong") == []


def test_a_thousand_false_alarms_leave_no_true_one_out_of_the_trial(room: Room) -> None:
    room.alert((0.1, 0.1, 0.1, 0.2), "handled", NOW - timedelta(days=10))
    last = 0
    for n in range(quiet.MOST_PAST + 5):
        last = room.alert((0.1, 0.1, 0.1, 0.2), "animal", NOW - timedelta(minutes=n))
    assert room.offer(last).trial.count("true") == 1
    assert _refused(room, last) == "hides-true"
