"""Pictures on demand: who may ask and how often, the command, the answer, silence, and that they are put away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.contract.camera import CameraPicture
from broker.contract.hub import PictureWanted
from broker.hub import alerts, retention, stills
from broker.hub.accounts import create_account
from broker.hub.declined import Declined
from broker.hub.records import Account, Camera, CameraStill, Quarantine, ServiceSeen, audit_rows
from broker.link.media import MediaStore
from tests.hub.house import CAMERA, JPEG, House
from tests.hub.studio import Studio
from tests.hub.test_camera_arrivals import begun
from tests.hub.town import NOW, PASSWORD, Town


def life(state: str = "ready") -> ServiceSeen:
    return ServiceSeen(
        identity="thon-01.camera", node="thon-01", service="camera", state=state, since=NOW, boot="b",
        version="1", seen_at=NOW,
    )  # fmt: skip


@pytest.fixture
def admin(town: Town) -> Account:
    """Who sets cameras up, where the node's camera service lives."""
    with town.database.session() as db:
        db.add(life())
        return create_account(
            db, username="quan", full_name="Quân", password=PASSWORD, roles=["admin"], now=NOW
        )


def ask(town: Town, who: Account, at: datetime = NOW, camera: str = "cong") -> str:
    with town.database.session() as db:
        return stills.ask(db, who, "thon-01", camera, at).request


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Declined) as found:
        act()
    return str(found.value)


def test_a_picture_is_asked_for_once_by_command_and_written_down(studio: Studio, admin: Account) -> None:
    request = ask(studio.town, admin)
    sent = [(to, m) for to, m in studio.step() if isinstance(m, PictureWanted)]
    assert sent == [("thon-01.camera", PictureWanted(request=request, camera="cong"))]
    assert [m for _, m in studio.step() if isinstance(m, PictureWanted)] == []
    with studio.town.database.reading() as db:
        last = list(audit_rows(db))[-1].entry
    assert (last.actor, last.action, last.subject) == ("quan", "camera.looked", "thon-01.cong")


def test_a_command_that_could_not_go_in_time_is_not_sent_any_more(studio: Studio, admin: Account) -> None:
    ask(studio.town, admin)
    studio.clock.advance(21)
    assert [m for _, m in studio.step() if isinstance(m, PictureWanted)] == []


def test_only_who_sets_cameras_up_or_watches_them_may_ask(town: Town, admin: Account) -> None:
    assert "quyền" in refusal(lambda: ask(town, town.hoa))
    assert "Không tìm thấy" in refusal(lambda: ask(town, admin, camera="x" * 5000))
    with town.database.session() as db:
        db.get_one(Camera, ("thon-01", "cong")).retired_at = NOW
    assert "Không tìm thấy" in refusal(lambda: ask(town, admin))


def test_a_camera_is_not_asked_again_and_again(town: Town, admin: Account) -> None:
    ask(town, admin)
    assert "Đang chờ" in refusal(lambda: ask(town, admin, NOW + timedelta(seconds=19)))
    second = ask(town, admin, NOW + timedelta(seconds=21))
    with town.database.session() as db:
        stills.take(
            db, db.get_one(CameraStill, second), answer(second), "a" * 64, NOW + timedelta(seconds=22)
        )
    assert "Vừa chụp" in refusal(lambda: ask(town, admin, NOW + timedelta(seconds=23)))
    for n in range(1, stills.MOST_ASKED - 1):
        ask(town, admin, NOW + timedelta(seconds=21 + 19 * n + n * 2))
        with town.database.session() as db:
            for row in db.scalars(select(CameraStill)):
                row.asked_at = NOW + timedelta(
                    seconds=21
                )  # as if they were asked quickly, of several cameras
                row.came_at = NOW + timedelta(seconds=22)
    assert "quá nhiều" in refusal(lambda: ask(town, admin, NOW + timedelta(seconds=60)))


def test_a_node_that_is_away_is_not_asked(town: Town, admin: Account) -> None:
    with town.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.camera").state = "lost"
    assert "mất nối" in refusal(lambda: ask(town, admin))


def answer(request: str, **change: Any) -> CameraPicture:
    return CameraPicture(**({"request": request, "camera": "cong", "taken_at": NOW, "jpeg": JPEG} | change))


@pytest.fixture
def asked(house: House) -> str:
    """A picture that was asked for at the house's time."""
    with house.database.session() as db:
        who = create_account(
            db, username="quan", full_name="Quân", password=PASSWORD, roles=["admin"], now=NOW
        )
        db.add(Camera(node="thon-01", camera="cong", name="Cổng", village="dong", source="/dev/video0"))
        db.add(life())
        return stills.ask(db, who, "thon-01", "cong", house.clock.now()).request


def outcome(house: House) -> str:
    return stills.outcome_of(house.all(CameraStill)[0], house.clock.now())


def test_the_picture_that_was_asked_for_is_kept(house: House, asked: str) -> None:
    assert outcome(house) == "waiting"
    house.take(house.entry(CAMERA, answer(asked), 1))
    row = house.all(CameraStill)[0]
    assert house.media.path_of(row.picture).read_bytes() == JPEG
    assert (outcome(house), row.taken_at, row.came_at) == ("came", NOW, house.clock.now())
    house.take(house.entry(CAMERA, answer(asked, jpeg=None, reason="Muộn rồi."), 2))
    assert outcome(house) == "came", "only the first answer counts"


def test_no_answer_within_twenty_seconds_says_so_and_a_late_one_is_taken(house: House, asked: str) -> None:
    house.clock.advance(20.5)
    assert outcome(house) == "silent"
    house.take(house.entry(CAMERA, answer(asked), 1))
    assert outcome(house) == "came"
    house.clock.advance(24 * 3600)
    assert outcome(house) == "gone"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"jpeg": None, "reason": "Camera đang mất hình."}, "Camera đang mất hình."),
        ({"jpeg": b"GIF89a"}, stills.NO_PICTURE),
    ],
)
def test_why_there_is_no_picture_is_said(house: House, asked: str, change: dict[str, Any], said: str) -> None:
    house.take(house.entry(CAMERA, answer(asked, **change), 1))
    assert (outcome(house), house.all(CameraStill)[0].reason) == ("refused", said)


def test_a_picture_nobody_asked_for_is_not_stored(house: House, asked: str) -> None:
    house.take(house.entry(CAMERA, answer("h-khac"), 1), house.entry(CAMERA, answer(asked, camera="san"), 2))
    assert outcome(house) == "waiting"
    assert sum(row.count for row in house.all(Quarantine)) == 2
    assert [each for each in house.media.root.rglob("*") if each.is_file()] == []


def test_pictures_are_deleted_after_a_day_but_not_those_an_alert_holds(house: House, asked: str) -> None:
    house.take(house.entry(CAMERA, answer(asked), 1))
    picture = house.all(CameraStill)[0].picture
    later = house.clock.now() + stills.KEPT
    with house.database.session() as db:
        assert stills.put_away(db, later - timedelta(seconds=1)) == []
        alerts.raise_motion(db, "thon-01", begun(), picture, NOW)
    with house.database.session() as db:
        assert stills.put_away(db, later) == []
    assert house.all(CameraStill) == []


def test_the_sender_deletes_what_is_put_away(studio: Studio, admin: Account) -> None:
    store: MediaStore = studio.sender._media
    kept = store.add(JPEG, "image/jpeg").sha256
    with studio.town.database.session() as db:
        row = db.get_one(CameraStill, stills.ask(db, admin, "thon-01", "cong", NOW).request)
        row.picture, row.came_at = kept, NOW
    studio.clock.advance(24 * 3600 + 1)
    studio.step()
    retention.delete_leaving(studio.town.database, store, studio.clock.now(), lambda: None)
    assert store.path_of(kept) is None
