"""Searches for cameras: who may, the command, logins that nobody keeps, answers that are late, doubled or hostile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.camera import CamerasFound, FoundCamera, FoundStream
from broker.contract.hub import SearchCameras
from broker.hub import camera_search
from broker.hub.accounts import create_account
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    CameraSeal,
    CameraSearch,
    NodeRecord,
    Quarantine,
    ServiceSeen,
    audit_rows,
)
from broker.trust.envelope import CameraLogin
from broker.trust.seal import make_seal_key, open_seal
from edge.camera.searching import Searching
from tests.camera.onvif_device import PASSWORD as CAMERA_PASSWORD
from tests.camera.onvif_device import USER, Mood, OnvifDevice
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.hub.house import CAMERA, House
from tests.hub.studio import Studio
from tests.hub.test_camera_arrivals import ELSEWHERE
from tests.hub.test_stills import life
from tests.hub.town import NOW, PASSWORD, Town

SECRET, PUBLIC = make_seal_key()
LOGIN = CameraLogin(user="admin", password="ge-heim")
FOUND = FoundCamera(device="http://10.0.0.9/onvif/device_service", address="10.0.0.9", name="Cam")


@pytest.fixture
def admin(town: Town) -> Account:
    """Who sets cameras up, where the node's camera service lives and has told its key."""
    with town.database.session() as db:
        db.add(life())
        db.add(CameraSeal(node="thon-01", public=PUBLIC.decode(), seen_at=NOW))
        return create_account(
            db, username="quan", full_name="Quân", password=PASSWORD, roles=["admin"], now=NOW
        )


def ask(town: Town, who: Account, at: datetime = NOW, node: str = "thon-01") -> str:
    with town.database.session() as db:
        return camera_search.ask(db, who, db.get(NodeRecord, node), at).request


def answer(town: Town, request: str, at: datetime = NOW, **said: Any) -> CameraSearch:
    with town.database.session() as db:
        row = db.get_one(CameraSearch, request)
        camera_search.take(db, row, CamerasFound(request=request, **said), at)
    return row


def ask_device(
    town: Town, who: Account, search: str, at: datetime = NOW, n: int = 0, login: CameraLogin = LOGIN
) -> CameraSearch:
    with town.database.session() as db:
        return camera_search.ask_device(db, who, search, n, login, at)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Declined) as found:
        act()
    return str(found.value)


def commands(studio: Studio) -> list[SearchCameras]:
    return [m for to, m in studio.step() if isinstance(m, SearchCameras) and to == "thon-01.camera"]


def test_a_search_goes_out_once_and_is_written_down(studio: Studio, admin: Account) -> None:
    request = ask(studio.town, admin)
    assert commands(studio) == [SearchCameras(request=request)]
    assert commands(studio) == []
    with studio.town.database.reading() as db:
        last = list(audit_rows(db))[-1].entry
    assert (last.actor, last.action, last.subject) == ("quan", "camera.searched", "thon-01")


def test_a_login_goes_to_the_node_alone_and_is_forgotten_with_the_answer(
    studio: Studio, admin: Account
) -> None:
    search = ask(studio.town, admin)
    answer(studio.town, search, devices=[FOUND])
    row = ask_device(studio.town, admin, search)
    (sent,) = [each for each in commands(studio) if each.device]
    assert sent.device == FOUND.device
    assert msgspec.json.decode(open_seal(SECRET, sent.sealed), type=CameraLogin) == LOGIN
    with studio.town.database.reading() as db:
        assert "ge-heim" not in str([each.entry for each in audit_rows(db)])
        last = list(audit_rows(db))[-1].entry
    assert (last.action, dict(last.detail)) == ("camera.asked", {"device": "10.0.0.9"})
    stream = FoundStream(source="rtsp://10.0.0.9:554/1", codec="h264", width_px=1920, height_px=1080)
    row = answer(studio.town, row.request, streams=[stream])
    assert (row.sealed, row.reason) == (None, "")
    assert [each["source"] for each in row.streams] == ["rtsp://10.0.0.9:554/1"]


def test_a_login_that_nobody_answered_to_and_an_old_search_are_forgotten(
    studio: Studio, admin: Account
) -> None:
    search = ask(studio.town, admin)
    answer(studio.town, search, devices=[FOUND])
    request = ask_device(studio.town, admin, search).request
    with studio.town.database.session() as db:
        camera_search.put_away(db, NOW + camera_search.ANSWER_WITHIN)
        row = db.get_one(CameraSearch, request)
        assert (row.sealed, camera_search.outcome_of(row, NOW + timedelta(seconds=31))) == (None, "silent")
        camera_search.put_away(db, NOW + camera_search.KEPT)
        assert db.scalars(select(CameraSearch)).all() == []
    assert refusal(lambda: ask_device(studio.town, admin, search)) == camera_search.GONE


def test_the_sender_itself_forgets_logins(studio: Studio, admin: Account) -> None:
    search = ask(studio.town, admin)
    answer(studio.town, search, devices=[FOUND])
    request = ask_device(studio.town, admin, search).request
    studio.clock.advance(60)
    studio.step()
    with studio.town.database.reading() as db:
        assert db.get_one(CameraSearch, request).sealed is None


def test_who_may_not_and_what_cannot_be_is_said(town: Town, admin: Account) -> None:
    assert "quyền" in refusal(lambda: ask(town, town.hoa))
    assert "chọn điểm" in refusal(lambda: ask(town, admin, node="thon-99"))
    search = ask(town, admin)
    assert "đang tìm" in refusal(lambda: ask(town, admin))
    answer(town, search, devices=[FOUND])
    assert "quyền" in refusal(lambda: ask_device(town, town.hoa, search))
    for n in (-1, 1, 10**6):
        assert "Không thấy thiết bị" in refusal(lambda n=n: ask_device(town, admin, search, n=n))
    for login, said in (
        (CameraLogin(user=" ", password="x"), "Xin nhập tên"),
        (CameraLogin(user="a", password=""), "Xin nhập tên"),
        (CameraLogin(user="a" * 81, password="x"), "nhiều nhất 80 chữ"),
        (CameraLogin(user="a", password="x\r\ny"), "không gõ được"),
    ):
        assert said in refusal(lambda login=login: ask_device(town, admin, search, login=login))
    with town.database.session() as db:
        db.delete(db.get_one(CameraSeal, "thon-01"))
    assert "chưa gửi khoá" in refusal(lambda: ask_device(town, admin, search))
    with town.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.camera").state = "lost"
    assert "mất nối" in refusal(lambda: ask(town, admin))


def test_nobody_guesses_passwords_through_a_node(town: Town, admin: Account) -> None:
    search = ask(town, admin)
    answer(town, search, devices=[FOUND])
    for _ in range(camera_search.MOST_ASKED - 1):
        answer(town, ask_device(town, admin, search).request, reason="Camera từ chối.")
    assert "quá nhiều lần" in refusal(lambda: ask_device(town, admin, search))
    assert ask_device(town, admin, search, NOW + camera_search.WHILE).sealed is not None


def test_what_a_node_says_is_judged_again(town: Town, admin: Account) -> None:
    request = ask(town, admin)
    strange = [
        FoundCamera(device="http://10.0.0.1/a", address="10.0.0.9"),
        FoundCamera(device="https://10.0.0.9/a", address="10.0.0.9"),
        FoundCamera(device="http://[", address="["),
        FoundCamera(device="javascript:alert(1)", address=""),
    ]
    odd = FoundCamera(device="http://10.0.0.8:8000/a", address="10.0.0.8", name="\u202e<b>\x00A")
    row = answer(town, request, devices=[*strange, odd], streams=[FoundStream(source="rtsp://10.0.0.8/1")])
    assert [(each["address"], each["name"]) for each in row.devices] == [("10.0.0.8", "<b>A")]
    assert row.streams == []
    asked = ask_device(town, admin, request)
    sources = [
        "rtsp://10.0.0.1/1",
        "file:///etc/passwd",
        "rtsp://[",
        "rtsp://u:pw@10.0.0.8/2?password=geheim",
    ]
    row = answer(town, asked.request, streams=[FoundStream(source=each) for each in sources])
    assert [each["source"] for each in row.streams] == ["rtsp://u:•••@10.0.0.8/2?password=•••"]
    again = answer(town, asked.request, reason="Sai.")
    assert (again.reason, len(again.streams)) == ("", 1)
    third = ask_device(town, admin, request)
    row = answer(town, third.request, streams=[FoundStream(source="rtsp://10.0.0.1/1")])
    assert row.reason == camera_search.STRANGE


def test_answers_of_nobodys_search_are_set_aside(house: House) -> None:
    with house.database.session() as db:
        who = create_account(db, username="q2", full_name="Q", password=PASSWORD, roles=["admin"], now=NOW)
        db.flush()
        row = CameraSearch(request="r1", node="thon-01", asked_at=NOW, asked_by=who.id)
        db.add(row)
    house.take(house.entry(ELSEWHERE, CamerasFound(request="r1", devices=[FOUND]), 1))
    house.take(house.entry(CAMERA, CamerasFound(request="r9"), 1))
    assert [each.reason for each in house.all(Quarantine)] == [
        "CamerasFound: nobody asked for this search"
    ] * 2
    house.take(house.entry(CAMERA, CamerasFound(request="r1", devices=[FOUND]), 2))
    assert house.all(CameraSearch)[0].devices[0]["address"] == "10.0.0.9"


def test_from_the_hub_to_a_camera_and_back(studio: Studio, admin: Account) -> None:
    mood = Mood()
    with OnvifDevice(mood) as device:
        session: Any = FakeSession(CAMERA, clock=FakeClock(running=True))
        mood.now = session.clock.now
        node = Searching(session, SECRET, device.group, listen_s=0.3)
        stop = threading.Event()
        thread = threading.Thread(target=node.run, args=(stop, lambda: None))
        thread.start()

        def through(request: str) -> CameraSearch:
            (sent,) = commands(studio)
            session.deliver(sent)
            said = session.wait_for(CamerasFound, lambda each: each.request == request)
            with studio.town.database.session() as db:
                row = db.get_one(CameraSearch, request)
                camera_search.take(db, row, said, NOW)
            return row

        try:
            search = through(ask(studio.town, admin))
            assert [each["device"] for each in search.devices] == [device.url]
            login = CameraLogin(user=USER, password=CAMERA_PASSWORD)
            asked = ask_device(studio.town, admin, search.request, login=login)
            row = through(asked.request)
        finally:
            stop.set()
            thread.join(5.0)
    assert [each["source"] for each in row.streams] == [
        "rtsp://127.0.0.1:554/main",
        "rtsp://127.0.0.1:554/sub-1",
    ]
    assert (row.reason, row.sealed) == ("", None)
