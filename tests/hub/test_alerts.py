"""The duty room's alerts: who may act, in which order, and what is recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import structs
from sqlalchemy import select

from broker.contract.camera import MotionEnded, MotionStarted
from broker.contract.hub import Media
from broker.hub import alerts
from broker.hub.accounts import create_account
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, AlertStep, Change
from tests.hub.town import NOW, PASSWORD, Town


class Room:
    """Two officers and one raised alert."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.database = town.database
        with self.database.session() as db:
            self.ba, self.tu = (
                create_account(
                    db, username=n, full_name=n.title(), password=PASSWORD, roles=["police"], now=NOW
                )
                for n in ("ba", "tu")
            )
            said = MotionStarted(episode="e1", camera="cong", started_at=NOW, snapshot=b"j")
            self.alert = alerts.raise_motion(db, "thon-01", said, "a" * 64, NOW).id

    def state(self) -> Alert:
        with self.database.reading() as db:
            return db.get_one(Alert, self.alert)

    def steps(self) -> list[str]:
        with self.database.reading() as db:
            return list(db.scalars(select(AlertStep.what).order_by(AlertStep.id)))


@pytest.fixture
def room(town: Town) -> Room:
    return Room(town)


def test_an_alert_is_seen_taken_and_closed(room: Room) -> None:
    with room.database.session() as db:
        alerts.mark_seen(db, room.ba, room.alert, NOW)
        alerts.mark_seen(db, room.tu, room.alert, NOW)
        alerts.take(db, room.ba, room.alert, NOW + timedelta(seconds=9))
        alerts.escalate(db, room.ba, room.alert, "Trưởng công an", "Có người lạ", NOW)
        alerts.close(db, room.ba, room.alert, "handled", "Đã nhắc nhở.", NOW + timedelta(minutes=3))
    row = room.state()
    assert (row.state, row.officer_id, row.close_reason, row.note) == (
        "closed",
        room.ba.id,
        "handled",
        "Đã nhắc nhở.",
    )
    assert row.village == "dong"
    assert room.steps() == ["seen", "in-hand", "escalated", "closed"]
    with room.database.reading() as db:
        assert db.get_one(Alert, room.alert).state == "closed"
        assert {c.topic for c in db.scalars(select(Change))} == {"alert"}


def test_one_officer_at_a_time(room: Room) -> None:
    with room.database.session() as db:
        alerts.take(db, room.ba, room.alert, NOW)
        with pytest.raises(Declined, match="Ba đang xử lý"):
            alerts.take(db, room.tu, room.alert, NOW)


def test_a_closed_alert_stays_closed(room: Room) -> None:
    with room.database.session() as db:
        alerts.close(db, room.ba, room.alert, "animal", "", NOW)
        for act in (
            lambda: alerts.take(db, room.ba, room.alert, NOW),
            lambda: alerts.close(db, room.ba, room.alert, "animal", "", NOW),
            lambda: alerts.escalate(db, room.ba, room.alert, "Lãnh đạo", "", NOW),
        ):
            with pytest.raises(Declined) as found:
                act()
            assert found.value.code == "closed"


def test_only_police_act_and_a_reason_is_needed(room: Room) -> None:
    with room.database.session() as db:
        for act, code in (
            (lambda: alerts.take(db, room.town.hoa, room.alert, NOW), "no-right"),
            (lambda: alerts.close(db, room.ba, room.alert, "because", "", NOW), "no-reason"),
            (lambda: alerts.take(db, room.ba, 99, NOW), "no-alert"),
        ):
            with pytest.raises(Declined) as found:
                act()
            assert found.value.code == code


def test_a_clip_may_come_before_or_after_its_manifest(room: Room) -> None:
    clip = Media(sha256="b" * 64, size=3, type="video/mp4")
    ended = MotionEnded(episode="e1", camera="cong", started_at=NOW, ended_at=NOW, clip=clip)
    with room.database.session() as db:
        alerts.end_motion(db, "thon-01", ended, False, NOW)
        assert alerts.clip_arrived(db, "b" * 64, NOW) == 1
        assert alerts.clip_arrived(db, "b" * 64, NOW) == 0
        alerts.end_motion(db, "thon-02", ended, True, NOW)
    with room.database.reading() as db:
        assert [row.has_clip for row in db.scalars(select(Alert))] == [True, True]


def test_a_promised_clip_that_was_lost_is_taken_back_but_never_one_that_is_here(room: Room) -> None:
    clip = Media(sha256="b" * 64, size=3, type="video/mp4")
    ended = MotionEnded(episode="e1", camera="cong", started_at=NOW, ended_at=NOW, clip=clip, reason="Ngắn.")
    lost = structs.replace(ended, clip=None, reason="Hỏng trên đĩa.")
    with room.database.session() as db:
        alerts.end_motion(db, "thon-01", ended, False, NOW)
        alerts.end_motion(db, "thon-01", lost, False, NOW)
    assert (room.state().clip, room.state().clip_sha256) == (None, None)
    assert room.state().clip_reason == "Hỏng trên đĩa."
    with room.database.session() as db:
        alerts.end_motion(db, "thon-01", ended, True, NOW)
        alerts.end_motion(db, "thon-01", lost, False, NOW)
    assert (room.state().has_clip, room.state().clip_reason) == (True, "Ngắn.")


def test_an_episode_without_a_clip_says_why(room: Room) -> None:
    ended = MotionEnded(episode="e1", camera="cong", started_at=NOW, ended_at=NOW, reason="disk-full")
    with room.database.session() as db:
        alerts.end_motion(db, "thon-01", ended, False, NOW)
    assert (room.state().clip_reason, room.state().clip) == ("disk-full", None)
    with room.database.reading() as db:
        assert db.scalars(select(Account.username).where(Account.id == room.ba.id)).one() == "ba"
