"""Alerts that nobody looks at: noted once, told to the phones chosen for them, and to no phone once somebody looked."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.board import SosAlarm
from broker.contract.camera import CameraOutage, MotionStarted
from broker.hub import alerts, board_alerts, duty_phones, unseen
from broker.hub.accounts import create_account
from broker.hub.calling import Calling, say_where
from broker.hub.declined import Declined
from broker.hub.letter_lines import LIMIT_S, SILENT
from broker.hub.records import Account, Alert, AlertStep, Camera, DutyCall, DutyPhone
from broker.link.clock import LOCAL
from tests.fakes.clock import FakeClock
from tests.fakes.letter_box import LetterBox, deaf_boxes, dripping_box, web_box
from tests.hub.town import NOW, PASSWORD, Town


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def calling(town: Town, clock: FakeClock) -> Calling:
    return Calling(town.database, clock, "xã Vân Khê", "https://truc.example")


def person(town: Town, name: str, role: str) -> Account:
    with town.database.session() as db:
        return create_account(
            db, username=name, full_name=f"Trần Văn {name.title()}", password=PASSWORD, roles=[role], now=NOW
        )


def add(town: Town, admin: Account, box: LetterBox, kinds: list[str], after_s: int = 180) -> int:
    with town.database.session() as db:
        where = f"json://{box.address}/goi"
        return duty_phones.add_phone(
            db, admin, "Trưởng ca", where, kinds, after_s, NOW, gateway=box.address
        ).id


def moved(town: Town, clock: FakeClock, episode: str = "e1") -> int:
    with town.database.session() as db:
        said = MotionStarted(episode=episode, camera="cong", started_at=clock.now(), snapshot=b"j")
        return alerts.raise_motion(db, "thon-01", said, "a" * 64, clock.now()).id


def steps(town: Town) -> list[tuple[str, int | None]]:
    with town.database.reading() as db:
        return [(row.what, row.account_id) for row in db.scalars(select(AlertStep).order_by(AlertStep.id))]


def calls(town: Town) -> list[str]:
    with town.database.reading() as db:
        return list(db.scalars(select(DutyCall.state).order_by(DutyCall.id)))


def test_an_unseen_alert_is_noted_once_and_one_incident_calls_a_phone_once(
    town: Town, calling: Calling, clock: FakeClock
) -> None:
    admin = person(town, "quan", "admin")
    with town.database.session() as db:
        db.get_one(Camera, ("thon-01", "cong")).name = "Cửa kho lúa"
    with web_box() as box:
        add(town, admin, box, ["motion"])
        first = moved(town, clock)
        clock.advance(30)
        moved(town, clock, "e2")
        clock.advance(149)
        assert calling.step() == 0
        clock.advance(7)
        assert calling.step() == 1
        clock.advance(60)
        assert calling.step() == 0
        ((_, _, raw),) = box.came
    said = msgspec.json.decode(raw)
    assert said["title"] == "Xã Vân Khê: Có chuyển động"
    at = NOW.astimezone(LOCAL)
    assert said["message"] == (
        f"Thôn Đông, Cửa kho lúa, lúc {at:%H:%M} ngày {at.day}/{at.month}.\n"
        f"Đã 3 phút chưa ai xem. Mở phòng trực: https://truc.example/duty/{first}"
    )
    assert steps(town) == [("unseen", None), ("called", None), ("unseen", None)]
    assert calls(town) == ["sent"]


def test_a_call_that_fails_is_tried_again_and_is_needless_once_somebody_looks(
    town: Town, calling: Calling, clock: FakeClock
) -> None:
    admin, ba = person(town, "quan", "admin"), person(town, "ba", "police")
    with web_box() as box:
        box.status = 500
        add(town, admin, box, ["motion"], after_s=0)
        number = moved(town, clock)
        assert calling.step() == 1
        assert calling.step() == 0, "not at once"
        clock.advance(16)
        assert calling.step() == 1
        with town.database.session() as db:
            alerts.mark_seen(db, ba, number, clock.now())
        clock.advance(3600)
        assert calling.step() == 0
    assert calls(town) == ["needless"]
    with town.database.reading() as db:
        assert db.get_one(Alert, number).unseen_at is None


def test_a_phone_hears_only_its_kinds_and_nothing_older_than_itself(
    town: Town, calling: Calling, clock: FakeClock
) -> None:
    admin = person(town, "quan", "admin")
    clock.advance(-60)
    moved(town, clock)
    clock.advance(120)
    with web_box() as box:
        phone = add(town, admin, box, ["motion"], after_s=0)
        with town.database.session() as db:
            gone = CameraOutage(outage="o", camera="cong", told_at=clock.now(), why="silent")
            alerts.raise_outage(db, "thon-01", gone, clock.now())
        clock.advance(600)
        assert calling.step() == 0
        with town.database.session() as db:
            duty_phones.remove_phone(db, admin, phone, clock.now())
        moved(town, clock, "e2")
        clock.advance(600)
        assert calling.step() == 0
    assert calls(town) == []


@pytest.mark.parametrize(
    ("name", "address", "kinds", "after_s", "code"),
    [
        ("…", "json://127.0.0.1/", ["motion"], 180, "phone-name"),
        ("Ca", "https://127.0.0.1/", ["motion"], 180, "phone-address"),
        ("Ca", "syslog://", ["motion"], 180, "phone-address"),
        ("Ca", "json://192.0.2.7/", ["weather"], 180, "phone-kinds"),
        ("Ca", "json://192.0.2.7/", ["motion"], 3601, "phone-after"),
        ("Ca", "json://[::1", ["motion"], 180, "phone-address"),
        ("Ca", "json://127.0.0.1/", ["motion"], 180, "phone-here"),
        ("Ca", "json://127.0.0.1:8090/", ["motion"], 180, "phone-here"),
        ("Ca", "jsons://[::1]:8081/", ["motion"], 180, "phone-here"),
        ("Ca", "json://localhost/", ["motion"], 180, "phone-here"),
        ("Ca", "json://2130706433/", ["motion"], 180, "phone-here"),
        ("Ca", "json://169.254.169.254/", ["motion"], 180, "phone-here"),
        ("Ca", "mailto://a:b@xa.vn?smtp=127.0.0.1&to=c@xa.vn", ["motion"], 180, "phone-here"),
    ],
)
def test_what_is_no_phone_is_refused(
    town: Town, name: str, address: str, kinds: list[str], after_s: int, code: str
) -> None:
    admin = person(town, "quan", "admin")
    with town.database.session() as db, pytest.raises(Declined) as found:
        duty_phones.add_phone(db, admin, name, address, kinds, after_s, NOW)
    assert found.value.code == code


def test_the_gateway_that_the_settings_name_is_the_only_way_through_this_machine(town: Town) -> None:
    admin = person(town, "quan", "admin")
    with town.database.session() as db:
        for port, is_let in ((8090, True), (8091, False)):
            where = f"json://127.0.0.1:{port}/sms"
            with nullcontext() if is_let else pytest.raises(Declined, match="chính máy trung tâm"):
                duty_phones.add_phone(
                    db, admin, f"Máy {port}", where, ["sos"], 0, NOW, gateway="127.0.0.1:8090"
                )


def test_only_the_admin_keeps_phones_and_how_long_unseen_is(town: Town) -> None:
    ba, admin = person(town, "ba", "police"), person(town, "quan", "admin")
    with town.database.session() as db:
        with pytest.raises(Declined, match="không có quyền"):
            duty_phones.add_phone(db, ba, "Ca", "json://127.0.0.1/", ["motion"], 0, NOW)
        with pytest.raises(Declined, match="nửa phút"):
            duty_phones.put_unseen_after(db, admin, 5, NOW)
        duty_phones.put_unseen_after(db, admin, 60, NOW)
    clock = FakeClock(NOW)
    moved(town, clock)
    clock.advance(timedelta(seconds=61).total_seconds())
    Calling(town.database, clock, "xã", "https://truc.example").step()
    assert steps(town) == [("unseen", None)]


def test_hundreds_that_nobody_looks_at_keep_no_sos_from_being_told(town: Town, clock: FakeClock) -> None:
    person(town, "quan", "admin")
    with town.database.session() as db:
        db.add(
            DutyPhone(
                name="a", address="json://127.0.0.1:9/x", kinds=["sos"], after_s=0, created_at=clock.now()
            )
        )
        for number in range(5):
            alerts.raised(db, "thon-01", f"e{number}", "motion", "cong", clock.now(), clock.now())
        cry = alerts.raised(db, "thon-01", "s", "sos", "cho", clock.now(), clock.now()).id
        for number in range(5, 9):
            alerts.raised(db, "thon-01", f"e{number}", "motion", "cong", clock.now(), clock.now())
    clock.advance(200)
    for _ in range(4):
        with town.database.session() as db:
            unseen.look(db, clock.now(), most=3)
    with town.database.reading() as db:
        assert [call.alert_id for call in db.scalars(select(DutyCall))] == [cry]
        assert db.scalars(select(Alert.id).where(Alert.unseen_at.is_(None))).all() == []


def test_a_button_called_like_a_camera_is_told_by_its_own_place(town: Town, clock: FakeClock) -> None:
    with town.database.session() as db:
        db.add(Camera(node="thon-01", camera="cho", name="Camera chợ", village="dong", source=""))
        cry = alerts.raised(db, "thon-01", "s", "sos", "cho", clock.now(), clock.now())
        cry.evidence = {"place": "Cổng chợ"}
        assert "Cổng chợ" in say_where(db, cry)
        assert "Camera chợ" not in say_where(db, cry)


def phone(
    town: Town, clock: FakeClock, kinds: list[str], after_s: int = 60, name: str = "Trưởng ca", port: int = 9
) -> int:
    with town.database.session() as db:
        address = f"json://127.0.0.1:{port}/x"
        row = DutyPhone(name=name, address=address, kinds=kinds, after_s=after_s, created_at=clock.now())
        db.add(row)
        db.flush()
        return row.id


def looked(town: Town, clock: FakeClock) -> list[int]:
    """What is called after one more look; every call of it is taken as made."""
    with town.database.session() as db:
        unseen.look(db, clock.now())
        db.flush()
        made = list(db.scalars(select(DutyCall).order_by(DutyCall.id)))
        for call in made:
            call.state = "sent" if call.state == "waiting" else call.state
        return sorted(call.alert_id for call in made)


def pressed(town: Town, clock: FakeClock, alarm: str = "s1") -> int:
    with town.database.session() as db:
        said = SosAlarm(alarm=alarm, input="cho", place="Cổng chợ", started_at=clock.now())
        return board_alerts.raise_sos(db, "thon-01", said, "trusted", clock.now()).id


def test_an_sos_is_called_though_its_incident_was_told_of_something_else(
    town: Town, clock: FakeClock
) -> None:
    phone(town, clock, ["sos", "motion"], after_s=0)
    first = moved(town, clock)
    assert looked(town, clock) == [first]
    clock.advance(60)
    cries = [pressed(town, clock), pressed(town, clock, "s2")]
    with town.database.reading() as db:
        assert len({db.get_one(Alert, each).incident_id for each in (first, *cries)}) == 1
        due = unseen.next_call(db, db.get_one(Alert, cries[0]))
    assert due is not None
    assert looked(town, clock) == [first, *cries]
    clock.advance(60)
    moved(town, clock, "e2")
    assert looked(town, clock) == [first, *cries], "movement around it is no news"


def test_who_took_the_first_of_an_incident_silences_nothing_that_comes_after(
    town: Town, clock: FakeClock
) -> None:
    ba = person(town, "ba", "police")
    phone(town, clock, ["motion"])
    first = moved(town, clock)
    clock.advance(61)
    looked(town, clock)
    with town.database.session() as db:
        alerts.take(db, ba, first, clock.now())
    clock.advance(30)
    second = moved(town, clock, "e2")
    with town.database.reading() as db:
        row = db.get_one(Alert, second)
        assert row.incident_id == db.get_one(Alert, first).incident_id
        due = unseen.next_call(db, row)
    assert due is not None
    assert due[0] == clock.now() + timedelta(seconds=60)
    clock.advance(60)
    assert looked(town, clock) == [first, second]
    third = moved(town, clock, "e3")
    with town.database.reading() as db:
        assert unseen.next_call(db, db.get_one(Alert, third)) is None, "told already, and nobody has looked"


def test_movement_that_never_stops_is_called_again_and_again(town: Town, clock: FakeClock) -> None:
    phone(town, clock, ["motion"])
    for number in range(40):
        moved(town, clock, f"e{number}")
        clock.advance(90)
        called = looked(town, clock)
    assert 4 <= len(called) <= 8, "an hour of it: neither once nor for each"


def test_hundreds_that_wait_longer_keep_nothing_else_from_being_called(town: Town, clock: FakeClock) -> None:
    phone(town, clock, ["camera"], after_s=900)
    people = phone(town, clock, ["person"], after_s=0, name="Người")
    with town.database.session() as db:
        covered = alerts.raised(db, "thon-01", "t", "tamper", "cong", clock.now(), clock.now()).id
        walker = alerts.raised(db, "thon-01", "w", "motion", "cong", clock.now(), clock.now())
        walker.labels = [{"what": "person", "score": 0.9}]
        for number in range(9):
            alerts.raised(db, "thon-01", f"e{number}", "motion", "cong", clock.now(), clock.now())
    clock.advance(1000)
    for _ in range(2):
        with town.database.session() as db:
            unseen.look(db, clock.now(), most=3)
    with town.database.reading() as db:
        made = {(call.alert_id, call.phone_id == people) for call in db.scalars(select(DutyCall))}
        assert made == {(covered, False), (walker.id, True)}


def cut_off(town: Town, clock: FakeClock, count: int) -> None:
    with town.database.session() as db:
        for number in range(count):
            gone = CameraOutage(outage=f"o{number}", camera=f"c{number}", told_at=clock.now(), why="silent")
            alerts.raise_outage(db, "thon-01", gone, clock.now())


def test_an_sos_is_called_before_all_that_waits_and_what_failed_waits_behind_what_did_not(
    town: Town, calling: Calling, clock: FakeClock
) -> None:
    admin = person(town, "quan", "admin")
    with web_box() as box:
        add(town, admin, box, ["sos", "camera"], after_s=0)
        cut_off(town, clock, 5)
        box.status = 500
        calling.step()
        clock.advance(16)
        box.status = 200
        calling.step()
        with town.database.reading() as db:
            assert [(one.state, one.tries) for one in db.scalars(select(DutyCall).order_by(DutyCall.id))][
                :2
            ] == [
                ("waiting", 1),
                ("sent", 1),
            ], "the one that failed is tried after another"
        pressed(town, clock)
        clock.advance(1)
        calling.step()
        assert "SOS" in str(msgspec.json.decode(box.came[-1][2])["title"])


def test_four_phones_that_never_answer_keep_no_fifth_from_being_called(
    town: Town, calling: Calling, clock: FakeClock
) -> None:
    admin = person(town, "quan", "admin")
    with web_box() as box, dripping_box() as dead:
        with town.database.session() as db:
            for number in range(4):
                where = f"json://{dead.address}/x"
                duty_phones.add_phone(
                    db, admin, f"Câm {number}", where, ["sos"], 0, NOW, gateway=dead.address
                )
        add(town, admin, box, ["sos"], after_s=0)
        pressed(town, clock)
        calling.step()
        assert len(box.came) == 1


def test_twenty_dead_phones_keep_no_living_one_from_an_sos(
    town: Town, calling: Calling, clock: FakeClock
) -> None:
    with web_box() as box, deaf_boxes(10) as deaf, ExitStack() as dripping:
        slow = [dripping.enter_context(dripping_box()).address for _ in range(10)]
        for number, where in enumerate([*deaf, *slow, box.address]):
            phone(town, clock, ["sos"], after_s=0, name=f"Máy {number}", port=int(where.partition(":")[2]))
        pressed(town, clock)
        assert calling.step() == 21
        assert len(box.came) == 1, "in the same look as those that never answer"
        with town.database.reading() as db:
            states = db.scalars(select(DutyCall.state).order_by(DutyCall.phone_id)).all()
        assert states[-1] == "sent"
        assert set(states[10:-1]) == {"waiting"}, "the slow ones have not answered"
        clock.advance(LIMIT_S)
        calling.step()
        with town.database.reading() as db:
            assert SILENT in db.scalars(select(DutyCall.problem).order_by(DutyCall.phone_id)).all()[19]
        pressed(town, clock, "khac")
        calling.step()
        assert len(box.came) == 2, "and again while they hang"


def test_a_call_is_tried_however_long_the_hub_was_away_and_one_given_up_says_why(
    town: Town, calling: Calling, clock: FakeClock
) -> None:
    admin = person(town, "quan", "admin")
    with web_box() as box:
        add(town, admin, box, ["motion"], after_s=60)
        moved(town, clock)
        clock.advance(6 * 3600 + 120)
        box.status = 500
        assert calling.step() == 1
        clock.advance(6 * 3600 + 1)
        assert calling.step() == 0
    with town.database.reading() as db:
        (call,) = db.scalars(select(DutyCall))
        assert (call.state, call.tries) == ("given-up", 1)
        assert call.problem.startswith("Quá 6 giờ không gọi được: ")
