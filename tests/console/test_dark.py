"""While the broker is away nobody pretends to know what cameras see."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from broker.hub.heard import Hearing
from broker.hub.records import Camera, CameraSeen, ServiceSeen
from tests.console.stage import NOW, Stage

PAGES = ("/duty", "/duty/cameras", "/duty/look", "/duty/shift", "/duty/look/thon-01/cong")
KNOWING = ("Camera nhìn được", "Đang nhìn<", " liền", "Không có camera nào")


@pytest.fixture
def watched(stage: Stage) -> Stage:
    """A camera that was seen a moment ago."""
    with stage.database.session() as db:
        db.merge(CameraSeen(node="thon-01", camera="cong", state="live", since=NOW, seen_at=NOW))
        db.merge(
            ServiceSeen(
                identity="thon-01.camera",
                node="thon-01",
                service="camera",
                state="ready",
                since=NOW,
                boot="b",
                seen_at=NOW,
            )
        )
    return stage


def broker(stage: Stage, connected: bool, ago_s: float) -> None:
    with stage.database.session() as db:
        Hearing().write(db, connected, stage.clock.now() - timedelta(seconds=ago_s))


def test_pages_of_officers_say_that_nothing_is_known(watched: Stage) -> None:
    number = watched.alarm()
    client = watched.client("khoa")
    broker(watched, False, 20)
    for path in (*PAGES, f"/duty/{number}"):
        page = client.get(path).text
        assert "máy chuyển tin không chạy" in page.lower() or path == "/duty/look/thon-01/cong", path
        assert not [words for words in KNOWING if words in page], path
    admin = watched.client("quan").get("/cameras").text
    assert "chưa biết camera nào nhìn được" in admin
    assert "Camera nào cũng đang nhìn" not in admin


def test_the_overview_counts_no_camera_of_which_nothing_is_known(watched: Stage) -> None:
    client, whole = watched.client("lanh"), re.compile(r"Camera đang nhìn được</span><span>(.*?)</span></?")

    def said() -> str:
        found = whole.search(client.get("/overview").text)
        assert found is not None
        return found[1]

    broker(watched, True, 0)
    with watched.database.session() as db:
        total = db.scalar(select(func.count()).select_from(Camera).where(Camera.retired_at.is_(None))) or 0
        db.execute(update(CameraSeen).values(state="live", tampering="", watching=True))
        db.execute(update(ServiceSeen).where(ServiceSeen.service == "camera").values(state="ready"))
    assert f"<small> / {total}</small>" in said()
    with watched.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.camera").state = "lost"
    assert "chưa biết: điểm mất nối" in said()
    broker(watched, False, 20)
    assert "Chưa biết gì từ" in said()
    assert "<b" not in said(), "no figure"


def test_as_soon_as_the_broker_answers_all_is_as_before(watched: Stage) -> None:
    client = watched.client("khoa")
    broker(watched, False, 20)
    broker(watched, True, 0)
    assert "máy chuyển tin" not in client.get("/duty/cameras").text.lower()


def test_a_live_view_says_why_it_cannot_begin(watched: Stage) -> None:
    number = watched.alarm()
    broker(watched, False, 20)
    answer = watched.post(
        watched.client("khoa"),
        "/duty/look/thon-01/cong",
        {"why": "alert", "alert": str(number)},
        page="/duty/look",
    )
    assert "Máy chuyển tin của xã không chạy" in answer.get_data(as_text=True)
