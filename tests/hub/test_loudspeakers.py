"""Setting loudspeakers and asking them for a test chime: what is allowed, what is refused and in which words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import PlayPlan, TestSpeaker
from broker.hub import loudspeakers
from broker.hub.announcing import workflow
from broker.hub.announcing.rules import put_rules
from broker.hub.declined import Declined
from broker.hub.records import AuditRow, NodeRecord, Play, ServiceSeen, SpeakerSeen, SpeakerTest
from broker.trust.envelope import Tuning
from tests.hub.studio import Studio
from tests.hub.town import NOW, Town

SET = Tuning(
    routine_percent=40,
    priority_percent=70,
    emergency_percent=90,
    offset_ms=600,
    test_weekday=2,
    test_at="09:30",
)


def node_of(db: Session) -> NodeRecord:
    return db.get_one(NodeRecord, "thon-01")


@pytest.fixture
def alive(town: Town) -> Town:
    """The commune with a loudspeaker at thon-01 that is there and idle."""
    with town.database.session() as db:
        db.add(
            ServiceSeen(
                identity="thon-01.speaker", node="thon-01", service="speaker", state="ready",
                since=NOW, boot="b", seen_at=NOW,
            )
        )  # fmt: skip
        db.add(SpeakerSeen(node="thon-01", doing="idle", output="file", seen_at=NOW))
    return town


def ask(town: Town, at: datetime = NOW) -> str:
    """Ask for a test chime; the words of the refusal, empty when it was asked for."""
    with town.database.session() as db:
        try:
            loudspeakers.ask_test(db, town.binh, node_of(db), at)
        except Declined as why:
            return str(why)
    return ""


def test_a_loudspeaker_nobody_has_set_is_at_full_volume_without_a_weekly_test(town: Town) -> None:
    with town.database.reading() as db:
        assert loudspeakers.tuning_of(db, "thon-01") == Tuning()


def test_a_setting_is_kept_written_down_and_travels_in_the_plan_of_that_node_only(studio: Studio) -> None:
    studio.step()
    with studio.town.database.session() as db:
        loudspeakers.put_tuning(db, studio.town.binh, node_of(db), SET, NOW)
    sent = studio.step()
    assert [(to, type(message)) for to, message in sent] == [("thon-01.speaker", PlayPlan)]
    assert studio.plays("thon-01").tuning == SET
    assert studio.plays("thon-02").tuning == Tuning()
    with studio.town.database.reading() as db:
        row = db.scalars(select(AuditRow).order_by(AuditRow.id.desc())).first()
        assert row is not None
        assert (row.action, row.subject, row.detail["offset"], row.detail["test"]) == (
            "speaker.tuned", "thon-01", "600", "2 09:30",
        )  # fmt: skip


def test_the_same_setting_again_is_no_change(town: Town) -> None:
    with town.database.session() as db:
        loudspeakers.put_tuning(db, town.binh, node_of(db), SET, NOW)
        written = db.query(AuditRow).count()
        loudspeakers.put_tuning(db, town.binh, node_of(db), SET, NOW)
        assert db.query(AuditRow).count() == written


def test_a_weekly_test_is_never_in_the_hours_of_silence(town: Town) -> None:
    with town.database.session() as db:
        for clock in ("21:00", "00:30", "05:59"):
            change = Tuning(test_weekday=0, test_at=clock)
            with pytest.raises(Declined, match=r"nằm trong giờ yên tĩnh"):
                loudspeakers.put_tuning(db, town.binh, node_of(db), change, NOW)
        loudspeakers.put_tuning(db, town.binh, node_of(db), Tuning(test_weekday=0, test_at="06:01"), NOW)


def test_who_only_writes_neither_sets_nor_tests(alive: Town) -> None:
    with alive.database.session() as db:
        with pytest.raises(Declined, match="không có quyền"):
            loudspeakers.put_tuning(db, alive.hoa, node_of(db), SET, NOW)
        with pytest.raises(Declined, match="không có quyền"):
            loudspeakers.ask_test(db, alive.hoa, node_of(db), NOW)


def test_a_test_is_sent_once_to_its_node(studio: Studio, alive: Town) -> None:
    studio.step()
    assert ask(alive) == ""
    sent = [(to, m) for to, m in studio.step() if isinstance(m, TestSpeaker)]
    with alive.database.reading() as db:
        row = db.scalars(select(SpeakerTest)).one()
        assert [(to, m.test) for to, m in sent] == [("thon-01.speaker", row.test)]
        assert row.sent_at == studio.clock.now()
    assert not any(isinstance(m, TestSpeaker) for _, m in studio.step())


def test_a_test_that_could_not_leave_for_two_minutes_is_not_sent_any_more(
    studio: Studio, alive: Town
) -> None:
    studio.step()
    studio.session.connected = False
    ask(alive)
    studio.step()
    studio.clock.advance(loudspeakers.ORDER_LASTS.total_seconds() + 1)
    studio.session.connected = True
    assert not any(isinstance(m, TestSpeaker) for _, m in studio.step())


def lose(db: Session) -> None:
    db.get_one(ServiceSeen, "thon-01.speaker").state = "lost"


def mute(db: Session) -> None:
    db.get_one(SpeakerSeen, "thon-01").silenced = "here"


def quiet_now(db: Session) -> None:
    put_rules(db, "07:00", "16:00", 0, NOW)


@pytest.mark.parametrize(
    ("change", "said"),
    [(lose, "mất nối"), (mute, "Khoá im lặng"), (quiet_now, "giờ yên tĩnh, từ 07:00 đến 16:00")],
)
def test_what_stands_against_a_test_is_said(
    alive: Town, change: Callable[[Session], None], said: str
) -> None:
    with alive.database.session() as db:
        change(db)
    assert said in ask(alive)


def test_no_test_while_the_commune_is_silent_and_one_after(alive: Town) -> None:
    with alive.database.session() as db:
        workflow.stop(db, alive.binh, "", NOW)
    assert "Cả xã đang im tiếng" in ask(alive)
    assert ask(alive, NOW + timedelta(minutes=10)) == ""


def test_no_test_into_an_announcement(alive: Town) -> None:
    alive.approved()
    start = NOW.replace(hour=17, minute=30)
    assert ask(alive, start - timedelta(minutes=5)) == ""
    with alive.database.session() as db:
        db.query(SpeakerTest).delete()
    assert "sắp phát" in ask(alive, start - timedelta(seconds=20))
    with alive.database.session() as db:
        db.query(Play).one().state = "playing"
    assert "đang phát" in ask(alive, start + timedelta(seconds=20))
    with alive.database.session() as db:
        db.query(Play).one().state = "played"
    assert ask(alive, start + timedelta(seconds=70)) == ""


def test_ten_minutes_lie_between_two_tests_unless_the_first_was_not_done(alive: Town) -> None:
    assert ask(alive) == ""
    assert "Loa đang thử" in ask(alive, NOW + timedelta(minutes=1))
    with alive.database.session() as db:
        row = db.query(SpeakerTest).one()
        row.at = NOW + timedelta(seconds=5)
    assert "Loa vừa thử" in ask(alive, NOW + timedelta(minutes=9))
    with alive.database.session() as db:
        db.query(SpeakerTest).one().reason = "busy"
    assert ask(alive, NOW + timedelta(minutes=9)) == ""


def test_a_test_nobody_answered_does_not_hold_up_the_next(alive: Town) -> None:
    assert ask(alive) == ""
    assert ask(alive, NOW + timedelta(minutes=4)) == ""
