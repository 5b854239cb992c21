"""Orders: what a loudspeaker makes of plans and commands, of old and replayed ones above all."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from broker.contract.hub import PlayPlan, Signed, StopPlay, TestSpeaker
from broker.contract.speaker import PlanApplied, SpeakerStatus
from broker.trust.envelope import PlayEntry, PlaysBody, Tuning, occurrence_id
from edge.speaker.commands import SAID_TWICE_S
from edge.speaker.refusals import DAY_S, Refusals
from edge.speaker.silence import STOP_HOLDS_S
from tests.fakes.clock import FakeClock
from tests.speaker.office import Office, is_chain
from tests.speaker.signers import DAY, MORNING, Signers, play_now, replanned

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def begin_and_end(office: Office, state: Any = "played", reason: str = "") -> None:
    """Sound what is due, without sound."""
    play = office.due()
    assert play is not None
    office.journal.begin(play, office.clock.now())
    office.desk.receipt(play.ask, "playing", started_at=office.clock.now())
    office.journal.end(play.ask.occurrence, state, reason, office.clock.now())
    office.desk.receipt(play.ask, state, reason, started_at=office.clock.now())


# -- plans


def test_a_lower_generation_is_refused_in_words_and_changes_nothing(office: Office, signers: Signers) -> None:
    office.hear(signers.plan(signers.announcement(), generation=7))
    for _ in range(2):
        office.hear(signers.plan(signers.announcement(announcement="A2"), generation=6))
        assert "cũ hơn" in office.session.problems["plan-refused"]
        assert [play.ask.announcement for play in office.desk.programme.plays] == ["A1"]
        office.reopen()  # also against what is kept on disk
    assert office.desk.programme.generation == 7


def test_another_text_under_the_generation_in_force_is_refused(office: Office, signers: Signers) -> None:
    plan = signers.plan(signers.announcement(), generation=7)
    office.hear(plan, plan)
    assert "plan-refused" not in office.session.problems
    office.hear(replanned(signers, plan, cancelled=["x"]))
    assert "plan-refused" in office.session.problems
    assert not office.desk.programme.cancelled
    office.reopen()
    office.hear(replanned(signers, plan, cancelled=["x"]), plan)
    assert not office.desk.programme.cancelled
    assert not office.session.problems


def test_names_longer_than_any_that_is_signed_spoil_the_whole_plan(office: Office, signers: Signers) -> None:
    plan = signers.plan(signers.announcement())
    body = msgspec.json.decode(plan.signed.body, type=PlaysBody)
    entry = msgspec.structs.replace(body.plays[0], occurrence="x" * 20_000)
    office.hear(replanned(signers, plan, plays=[entry]))
    assert "khuôn mẫu" in office.session.problems["plan-refused"]
    assert office.told() == []


def test_the_plan_tells_how_the_loudspeaker_is_set(office: Office, signers: Signers) -> None:
    tuning = Tuning(routine_percent=40, priority_percent=70, emergency_percent=90, offset_ms=1500)
    urgent = signers.announcement(announcement="E1", kind="emergency")
    weighty = signers.announcement(announcement="P1", kind="priority")
    office.hear(replanned(signers, signers.plan(signers.announcement(), weighty, urgent), tuning=tuning))
    programme = office.desk.programme
    set_so = {
        play.ask.announcement: (programme.volume_of(play), play.offset / SECOND) for play in programme.plays
    }
    assert set_so == {"A1": (40, 1.5), "P1": (70, 1.5), "E1": (90, 0)}


def test_a_plan_with_long_names_is_reported_as_far_as_one_message_takes_it(
    office: Office, signers: Signers
) -> None:
    starts = [MORNING + n * MINUTE for n in range(300)]
    known = signers.announcement(*starts[:130], announcement="a" * 64)
    entries = [
        PlayEntry(occurrence=occurrence_id("a" * 64, 1, at), announcement="a" * 64, revision=1, start=at)
        for at in starts
    ]
    office.hear(signers.plan(known, plays=entries))
    (told,) = office.session.messages(PlanApplied)
    assert len(told.refused) == 100
    assert len(told.missing) > 10


def test_a_disk_that_takes_no_report_stops_no_plan(office: Office, signers: Signers) -> None:
    whole = office.session.send

    def send(msg: Any, to: Any = None, *, written: bytes | None = None) -> None:
        if isinstance(msg, PlanApplied):
            raise sqlite3.OperationalError("database or disk is full")
        whole(msg, to, written=written)

    office.session.send = send  # type: ignore[method-assign]
    office.hear(signers.plan(signers.announcement(), generation=7))
    assert office.desk.programme.generation == 7
    assert "thẻ nhớ" in office.session.problems["disk-full"]


# -- commands


def test_a_commanded_emergency_outlasts_restarts_until_it_is_over(office: Office, signers: Signers) -> None:
    name = occurrence_id("A1", 1, MORNING)
    office.hear(signers.plan(), play_now(signers.announcement(kind="emergency")))
    office.hear(play_now(signers.announcement(announcement="R")))
    office.reopen()
    play = office.due()
    assert play is not None
    assert play.ask.announcement == "A1", "an ordinary play comes with the plan or not at all"
    office.journal.begin(play, MORNING)
    office.journal.end(name, "interrupted", "power", MORNING)
    office.hear(play_now(signers.announcement(announcement="E2", kind="emergency")))
    office.reopen()
    assert [each.ask.announcement for each in office.desk.agenda().wanted] == ["A1", "E2"]
    begin_and_end(office)
    office.hear(StopPlay(occurrence=occurrence_id("E2", 1, MORNING), at=MORNING))
    office.reopen()
    assert office.due() is None


def test_commands_on_disk_are_judged_again_and_a_damaged_file_hurts_nobody(
    office: Office, signers: Signers
) -> None:
    office.hear(play_now(signers.announcement(kind="emergency", expires=MORNING + MINUTE)))
    kept = office.folder / "commands.json"
    good = kept.read_bytes()
    kept.write_bytes(good.replace(b"emergency", b"priority"))
    office.reopen()
    assert office.due() is None
    kept.write_bytes(good[:-40])
    office.reopen()
    assert office.due() is None
    kept.write_bytes(good)
    office.reopen()
    assert office.due() is not None
    office.clock.advance(61)
    office.reopen()
    assert office.due() is None


def test_an_emergency_sent_again_later_is_refused_as_a_replay_and_told_once(
    office: Office, signers: Signers
) -> None:
    urgent = play_now(signers.announcement(kind="emergency"))
    office.hear(urgent, urgent)
    begin_and_end(office)
    office.hear(urgent)
    assert ("refused", "replayed") not in office.told(), "the wire brings a message twice now and then"
    office.clock.advance(SAID_TWICE_S + 1)
    office.hear(urgent, urgent)
    office.reopen()
    office.hear(signers.plan(signers.announcement(kind="emergency")))
    assert office.told() == [("fetching", ""), ("playing", ""), ("played", ""), ("refused", "replayed")]
    assert office.due() is None
    assert is_chain(office.receipts())


def test_a_cancelled_emergency_stays_cancelled_whoever_sends_it_again(
    office: Office, signers: Signers
) -> None:
    signed = signers.announcement(kind="emergency")
    urgent, name = play_now(signed), occurrence_id("A1", 1, MORNING)
    office.hear(signers.plan(signed, cancelled=(name,)))
    for one, state, reason in office.desk.agenda().over:  # what the stage does with plays that are over
        office.desk.note(one, state, reason)
    office.hear(urgent)
    office.clock.advance(SAID_TWICE_S + 1)
    office.hear(urgent, signers.plan(signed, generation=2))
    assert ("refused", "cancelled") in office.told()
    assert office.due() is None


def test_a_stop_before_its_play_is_told_and_the_play_never_begins(office: Office, signers: Signers) -> None:
    command = play_now(signers.announcement())
    office.hear(StopPlay(occurrence=command.occurrence, at=MORNING), command)
    assert office.told() == [("cancelled", "stopped")]
    assert office.due() is None


def test_an_emergency_standing_in_the_plan_is_played_by_a_node_that_boots_late(
    office: Office, signers: Signers
) -> None:
    signed = signers.announcement(kind="emergency", expires=MORNING + 3 * 60 * MINUTE)
    office.hear(signers.plan(signed))
    office.close()
    office.clock.advance(2 * 3600)
    office.open()
    assert office.due() is not None
    office.clock.advance(2 * 3600)
    assert office.due() is None
    assert [(state, reason) for _, state, reason in office.desk.agenda().over] == [("expired", "expired")]


def test_a_command_without_any_name_or_end_neither_ends_the_worker_nor_fills_the_line(
    office: Office, signers: Signers
) -> None:
    command = play_now(signers.announcement())
    command.occurrence = command.announcement = "x" * 60_000
    office.hear(command)
    last = office.receipts()[-1]
    assert (last.state, last.reason, len(last.occurrence)) == ("refused", "wrong-announcement", 120)


def test_a_flood_of_forged_commands_is_told_up_to_a_measure() -> None:
    clock = FakeClock(MORNING)
    refusals = Refusals(clock, most=5)
    told = [n for n in range(9) if refusals.may_tell(f"A{n}", "unknown-key")]
    assert told == [0, 1, 2, 3, 4]
    clock.advance(DAY_S)
    assert refusals.may_tell("A9", "unknown-key")
    assert not refusals.may_tell("A9", "unknown-key"), "the same is not told again"
    assert refusals.may_tell("A9", "expired")


def test_an_order_to_test_is_left_for_the_stage(office: Office) -> None:
    office.hear(TestSpeaker(test="t1", at=MORNING))
    assert office.desk.test_asked is not None
    assert office.desk.stage_wake.is_set()


# -- silence


def silent(signers: Signers, *announcements: Signed, until: datetime | None, generation: int) -> PlayPlan:
    plan = signers.plan(*announcements, generation=generation, made_at=MORNING)
    return replanned(signers, plan, silent_until=until)


def test_while_the_commune_is_silent_nothing_starts_an_emergency_neither(
    office: Office, signers: Signers
) -> None:
    urgent = signers.announcement(announcement="E1", kind="emergency")
    office.hear(silent(signers, signers.announcement(), urgent, until=MORNING + 10 * MINUTE, generation=1))
    office.hear(play_now(urgent))
    assert office.desk.silenced() == "silenced"
    assert office.due() is None
    office.reopen()
    assert office.due() is None, "a restart does not end it"
    office.clock.advance(300)
    (over,) = office.desk.agenda().over
    assert over[1:] == ("missed", "silenced")
    office.clock.advance(301)
    due = office.due()
    assert due is not None
    assert due.ask.announcement == "E1", "an emergency that still holds sounds once silence is over"


def test_silence_ends_when_the_commune_lifts_it(office: Office, signers: Signers) -> None:
    office.hear(silent(signers, signers.announcement(), until=MORNING + 10 * MINUTE, generation=1))
    assert office.due() is None
    office.hear(silent(signers, signers.announcement(), until=None, generation=2))
    assert office.due() is not None


def test_the_hub_sees_silence_come_and_go_though_nobody_orders_anything(
    office: Office, signers: Signers
) -> None:
    def shown() -> str:
        office.desk.catch_up()
        status: SpeakerStatus = office.session.messages(SpeakerStatus)[-1]
        return status.silenced

    office.hear(silent(signers, until=MORNING + 10 * MINUTE, generation=1))
    assert shown() == "commune"
    office.clock.advance(601)
    assert shown() == ""
    office.desk.amplifier_mute = lambda: True
    assert shown() == "here"


def test_what_plays_when_silence_comes_is_halted(office: Office, signers: Signers) -> None:
    urgent = signers.announcement(kind="emergency")
    office.hear(signers.plan(urgent, generation=1))
    office.desk.playing = office.due()
    office.hear(silent(signers, urgent, until=MORNING + 10 * MINUTE, generation=2))
    assert office.desk.take_halt(occurrence_id("A1", 1, MORNING)) == "silenced"


def test_a_halt_meant_for_one_play_does_not_end_the_one_that_follows(
    office: Office, signers: Signers
) -> None:
    name = occurrence_id("A1", 1, MORNING)
    office.hear(signers.plan(signers.announcement()))
    office.desk.playing = office.due()
    for order in (StopPlay(occurrence=name, at=MORNING), signers.plan(generation=2, cancelled=(name,))):
        office.hear(order)
        assert office.desk.take_halt("E1.1.20261121T020000Z") == ""
        assert office.desk.take_halt(name) == "", "the play it was meant for is over"


def test_a_plan_with_many_new_entries_waits_for_the_disk_once(office: Office, signers: Signers) -> None:
    starts = [MORNING + n * MINUTE for n in range(100)]
    asked: list[str] = []
    office.journal._db.set_trace_callback(asked.append)
    office.hear(
        signers.plan(signers.announcement(*starts[:60]), signers.announcement(*starts[60:], by="hub"))
    )
    first = asked.index("COMMIT")
    assert sum("INSERT INTO plays" in sql for sql in asked[:first]) == 100
    while len(office.told()) < 100:
        before = len(office.told())
        office.desk.catch_up()
        assert len(office.told()) > before, "what is left goes with the next catch-up"
    assert is_chain(office.receipts())


def test_what_a_plan_cancels_falls_silent_before_the_rest_is_written_down(
    office: Office, signers: Signers
) -> None:
    name = occurrence_id("A1", 1, MORNING)
    office.hear(signers.plan(signers.announcement()))
    office.desk.playing = office.due()
    halted: list[str] = []
    office.journal._db.set_trace_callback(
        lambda sql: halted.append(office.desk.take_halt(name)) if sql.startswith("BEGIN") else None
    )
    office.hear(signers.plan(signers.announcement(announcement="A2"), generation=2, cancelled=(name,)))
    assert halted[0] == "cancelled"


def test_after_a_stop_of_everything_nothing_sounds_until_a_newer_plan_or_a_while(
    office: Office, signers: Signers
) -> None:
    stop = StopPlay(occurrence="", at=MORNING)
    again = signers.announcement(announcement="E2", kind="emergency")
    office.hear(signers.plan(generation=1), stop, play_now(again))
    assert office.due() is None, "a command sent once more beats no silence"
    office.hear(signers.plan(again, generation=2, made_at=MORNING - SECOND))
    assert office.due() is None, "a plan made before the stop says nothing of it"
    office.hear(signers.plan(again, generation=3, made_at=MORNING + SECOND))
    assert office.due() is not None
    office.hear(stop, play_now(signers.announcement(announcement="E3", kind="emergency")))
    assert office.due() is None
    office.clock.advance(STOP_HOLDS_S + 0.1)
    assert office.due() is not None


def test_a_stop_without_a_time_zone_silences_too(office: Office, signers: Signers) -> None:
    office.stopping.take(StopPlay(occurrence="", at=MORNING.replace(tzinfo=None)))
    office.hear(play_now(signers.announcement(kind="emergency")), signers.plan(generation=2))
    assert office.desk.silenced() == "silenced"


def test_an_unbelievable_clock_does_not_prolong_silence(office: Office, signers: Signers) -> None:
    urgent = signers.announcement(kind="emergency", issued_at=MORNING)
    office.clock.step(-56 * 365 * DAY / SECOND)
    office.clock.believe("unknown")
    office.hear(silent(signers, urgent, until=MORNING + 10 * MINUTE, generation=1))
    assert office.due() is None
    office.clock.advance(601)
    assert office.due() is not None


def test_the_mute_switch_of_the_house_holds_while_it_is_on(office: Office, signers: Signers) -> None:
    office.hear(play_now(signers.announcement(kind="emergency")))
    office.desk.amplifier_mute = lambda: True
    assert office.desk.silenced() == "muted-here"
    assert office.due() is None
    office.desk.amplifier_mute = lambda: False
    assert office.due() is not None


# -- the clock


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_step_of_an_hour_a_second_before_the_start_plays_nothing_twice(
    hours: int, office: Office, signers: Signers
) -> None:
    office.clock.advance(-1)
    office.hear(signers.plan(signers.announcement()))
    assert office.due() is None
    office.clock.step(hours * 3600)
    office.clock.advance(1)
    over = [(state, reason) for _, state, reason in office.desk.agenda().over]
    assert office.due() is None
    if hours > 0:
        assert over == [("missed", "too-late")], "in words: Đã quá giờ phát cho phép; loa không phát bù."
        office.desk.note(office.desk.programme.plays[0], "missed", "too-late")
        office.clock.step(-3600)
        assert office.due() is None, "what was given up is not taken up again"
    else:
        assert over == []
        office.clock.advance(3600)
        begin_and_end(office)
        office.clock.step(3600)
        office.clock.step(-3600)
        assert office.due() is None


def test_a_clock_at_1970_corrected_in_the_middle_of_a_play_spoils_no_later_one(
    office: Office, signers: Signers
) -> None:
    office.hear(
        signers.plan(signers.announcement(), signers.announcement(MORNING + MINUTE, announcement="A2"))
    )
    play = office.due()
    assert play is not None
    office.clock.step(-56 * 365 * DAY / SECOND)  # a machine that lost its battery and says nothing of it
    office.journal.begin(play, office.clock.now())
    office.clock.step(56 * 365 * DAY / SECOND)
    office.journal.end(play.ask.occurrence, "played", "", office.clock.now(), lasted_s=30.0)
    office.desk.receipt(play.ask, "played", ended_at=office.clock.now())
    office.clock.advance(60)
    due = office.due()
    assert due is not None
    assert office.desk.post(due).said == []
    begin_and_end(office)
    assert office.desk.agenda().over == ()


def test_a_step_in_a_play_makes_it_no_longer_than_a_sitting(office: Office, signers: Signers) -> None:
    office.hear(signers.plan(signers.announcement()))
    play = office.due()
    assert play is not None
    office.journal.begin(play, office.clock.now())
    office.clock.step(5 * 3600)
    office.journal.end(play.ask.occurrence, "played", "", office.clock.now())
    (said,) = office.desk.post(play).said
    assert (said.until - said.since).total_seconds() == 3600
