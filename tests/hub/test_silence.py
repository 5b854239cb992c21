"""Silence over the commune: it goes out at once, stands in every plan, ends by itself or by a word."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from broker.contract.hub import PlayPlan, StopPlay
from broker.hub.announcing import workflow
from broker.hub.declined import Declined
from broker.hub.records import AuditRow, Occurrence, Play
from broker.hub.silence import HELD, lift_silence, silence_of
from tests.hub.studio import Studio
from tests.hub.town import NOW, Town


def silence(town: Town) -> None:
    with town.database.session() as db:
        workflow.stop(db, town.binh, "", NOW)


def kinds(studio: Studio) -> list[type]:
    """Orders and plans that one look sent to loudspeakers."""
    return [type(message) for _, message in studio.step() if isinstance(message, StopPlay | PlayPlan)]


def test_silencing_the_commune_holds_for_ten_minutes_and_says_who(town: Town) -> None:
    silence(town)
    with town.database.reading() as db:
        found = silence_of(db, NOW)
        assert found is not None
        assert (found.until, found.by) == (NOW + timedelta(minutes=10), "binh")
        assert silence_of(db, NOW + HELD) is None, "it ends by itself"


def test_silencing_again_begins_the_ten_minutes_anew(town: Town) -> None:
    silence(town)
    later = NOW + timedelta(minutes=4)
    with town.database.session() as db:
        workflow.stop(db, town.lanh, "", later)
        found = silence_of(db, later)
    assert found is not None
    assert (found.until, found.by) == (later + HELD, "lanh")


def test_stopping_one_playing_silences_nobody_else(town: Town) -> None:
    revision = town.approved()
    with town.database.session() as db:
        occurrence = f"{town.revision(revision).announcement_id}.1.20261121T103000Z"
        workflow.stop(db, town.binh, occurrence, NOW)
        assert silence_of(db, NOW) is None


def test_only_who_approves_lets_loudspeakers_speak_again_and_both_orders_are_written_down(town: Town) -> None:
    silence(town)
    with town.database.session() as db:
        with pytest.raises(Declined) as refused:
            lift_silence(db, town.hoa, NOW)
        assert refused.value.code == "no-right"
        lift_silence(db, town.lanh, NOW)
        assert silence_of(db, NOW) is None
        with pytest.raises(Declined) as again:
            lift_silence(db, town.lanh, NOW)
        assert again.value.code == "not-silent"
    with town.database.reading() as db:
        rows = db.execute(select(AuditRow.actor, AuditRow.action, AuditRow.subject).order_by(AuditRow.id))
        assert list(rows)[-2:] == [("binh", "play.stopped", "*"), ("lanh", "play.resumed", "*")]


def test_silence_leaves_alone_what_has_ended_and_what_is_still_far_off(town: Town) -> None:
    revision = town.approved()
    start = NOW.replace(hour=17, minute=30)

    def stopped(state: str, at: datetime) -> bool:
        with town.database.session() as db:
            db.query(Play).one().state = state
            occurrence = db.query(Occurrence).filter_by(revision_id=revision).one()
            occurrence.cancelled_at = None
            workflow.stop(db, town.binh, "", at)
            return occurrence.cancelled_at is not None

    soon = start + timedelta(seconds=20)
    for state in ("played", "missed", "interrupted", "preempted", "failed", "expired"):
        assert not stopped(state, soon), state
    for state in ("planned", "sent", "fetching", "ready", "armed", "playing", "refused"):
        assert stopped(state, soon), state
    assert not stopped("ready", start - timedelta(minutes=5))


def test_every_plan_carries_the_silence_and_loses_it_when_it_is_lifted(studio: Studio) -> None:
    studio.step()
    assert studio.plays().silent_until is None
    silence(studio.town)
    assert kinds(studio) == [StopPlay] * 3 + [PlayPlan] * 3, "silence goes first"
    assert [studio.plays(node).silent_until for node in ("thon-01", "thon-02", "thon-03")] == [NOW + HELD] * 3
    with studio.town.database.session() as db:
        lift_silence(db, studio.town.binh, NOW)
    assert kinds(studio) == [PlayPlan] * 3
    assert studio.plays().silent_until is None


def test_a_silence_that_ended_by_itself_leaves_the_plan(studio: Studio) -> None:
    silence(studio.town)
    studio.step()
    before = studio.plays().generation
    studio.clock.advance(HELD.total_seconds() + 1)
    assert kinds(studio) == [PlayPlan] * 3
    assert studio.plays().silent_until is None
    assert studio.plays().generation > before
