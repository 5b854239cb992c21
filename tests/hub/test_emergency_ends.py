"""What ends an emergency, whose first signature counts, and a plan that is told however much there is to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from broker.contract.hub import PlayNow, PlayPlan
from broker.hub import trusted
from broker.hub.announcing import emergency, ending
from broker.hub.declined import Declined
from broker.hub.records import Account, Occurrence, Play, Stop
from tests.hub.alarms import FLOOD, ready, sign_words, signed_by, spoken, written
from tests.hub.studio import Studio
from tests.hub.town import NOW, Town

MINUTE = timedelta(minutes=1)


def test_silence_between_two_playings_ends_the_emergency_for_good(studio: Studio) -> None:
    town = studio.town
    spoken(town, ready(town))
    studio.step()
    at = NOW + 4 * MINUTE
    studio.clock.advance(240)
    with town.database.session() as db:
        for play in db.scalars(select(Play).where(Play.state == "sent")):
            play.state = "played"
    with town.database.session() as db:
        ending.stop(db, town.lanh, "", at)
        assert emergency.running(db, at) == []
        ahead = db.scalars(select(Occurrence).where(Occurrence.start > at)).all()
        assert len(ahead) == 11
        assert all(row.cancelled_at == at for row in ahead)
    studio.step()
    studio.clock.advance(960)  # past the silence, in the time of the next playing but one
    assert not [message for _, message in studio.step() if isinstance(message, PlayNow)]


def test_what_still_sounds_past_the_validity_can_be_cancelled(studio: Studio) -> None:
    town = studio.town
    revision = spoken(town, ready(town, replace(FLOOD, lasts_s=1200)))
    studio.step()
    late = NOW + timedelta(seconds=1220)
    with town.database.session() as db:
        last = db.scalars(select(Occurrence).order_by(Occurrence.start.desc())).first()
        assert last is not None
        plays = list(db.scalars(select(Play).where(Play.occurrence == last.id)))
        for play in plays:
            play.state = "played"
        db.flush()
        assert emergency.running(db, late) == [], "nothing sounds any more"
        plays[0].state = "playing"
        assert [each.announcement for each in emergency.running(db, late)] == [revision.announcement_id]
        assert emergency.running(db, late + 2 * MINUTE) == []
        assert emergency.cancel(db, town.lanh, revision.announcement_id, late).state == "withdrawn"
        assert last.cancelled_at == late
    stops = [row for row in _stops(town) if row == last.id]
    assert stops, "the loudspeaker is told to fall silent"


def _stops(town: Town) -> list[str]:
    with town.database.reading() as db:
        return [row.occurrence for row in db.scalars(select(Stop))]


def _disable(town: Town) -> None:
    with town.database.session() as db:
        db.get_one(Account, town.lanh.id).disabled_at = NOW


def _take_role(town: Town) -> None:
    with town.database.session() as db:
        db.get_one(Account, town.lanh.id).roles = ["editor"]


def _take_key(town: Town) -> None:
    with town.database.session() as db:
        trusted.remove_key(db, "k-lanh", "quan", NOW)


@pytest.mark.parametrize("change", [_disable, _take_role, _take_key])
def test_a_first_signature_lapses_with_its_signers_right(town: Town, change: Callable[[Town], None]) -> None:
    revision = written(town)
    old = sign_words(town, revision, "k-lanh").envelope or ""
    change(town)
    with town.database.session() as db:
        second = signed_by(town, old, "k-cuong")
        with pytest.raises(Declined, match="không còn quyền") as refused:
            emergency.sign(db, town.desk, town.cuong, revision, second, 0, NOW + MINUTE)
        assert refused.value.code == "first-lapsed"
    again = sign_words(town, revision, "k-cuong", NOW + MINUTE)
    assert (again.state, [one["key"] for one in again.signatures]) == ("submitted", ["k-cuong"])


def _lists(town: Town, count: int) -> None:
    """So many long lists that all begin within the next hours."""
    for n in range(count):
        first: datetime = NOW + timedelta(hours=1, minutes=15 * n)
        town.approved(starts=[first + timedelta(days=day) for day in range(400)])


def test_a_plan_is_told_however_much_is_to_be_said(studio: Studio) -> None:
    town = studio.town
    stopped = town.approved(starts=[NOW + timedelta(minutes=20)])
    _lists(town, 6)
    alarm = spoken(town, ready(town))
    with town.database.session() as db:
        (row,) = db.scalars(select(Occurrence).where(Occurrence.revision_id == stopped))
        gone = row.id
        ending.stop(db, town.lanh, gone, NOW)
    told = [
        message for to, message in studio.step() if to == "thon-01.speaker" and isinstance(message, PlayPlan)
    ]
    assert len(told) == 1
    assert "lượt từ" in studio.session.problems["plan-too-large"]
    plan = studio.plays()
    heard = {each.announcement for each in plan.plays}
    assert alarm.announcement_id in heard
    assert 2 < len(heard) < 7, "as many of the next as fit, and their envelopes alone"
    assert len(plan.announcements) == len(heard)
    assert plan.cancelled == [gone]
    assert plan.keep
    ordinary = [each.start for each in plan.plays if each.announcement != alarm.announcement_id]
    assert ordinary == [NOW + timedelta(hours=1, minutes=15 * n) for n in range(len(ordinary))]
    studio.clock.advance(20)
    assert studio.plays().generation == plan.generation, "the same plan is not made anew as time passes"
    with town.database.session() as db:
        ending.stop(db, town.lanh, "", studio.clock.now())
    studio.step()
    silent = studio.plays()
    assert silent.silent_until is not None
    assert alarm.announcement_id not in {each.announcement for each in silent.plays}
