"""The programme: plans as a whole, and the right thing at the right moment whatever the clock does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from broker.contract.hub import Signed
from broker.contract.speaker import PlayState
from broker.trust.envelope import PlayEntry, PlaysBody, Quiet, Refused, Relay, Tuning
from edge.speaker.firewall import Allowed, Ask, Post, check
from edge.speaker.programme import (
    MOST_KEPT,
    Agenda,
    Mark,
    Programme,
    apply,
    command,
    decide,
    next_moment,
    without_commands,
)
from tests.speaker.signers import AUDIO, DAY, MORNING, Signers

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def judge_by(signers: Signers, ask: Ask) -> Allowed | Refused:
    post = Post("00/00000", "dong", signers.trust, "trusted", Quiet(), 2700)
    return check(ask, post, ask.start)


def taken(
    signers: Signers, *announcements: Signed, before: Programme | None = None, **plan: object
) -> Programme:
    sent = signers.plan(*announcements, **plan)
    body = msgspec.json.decode(sent.signed.body, type=PlaysBody)
    return apply(before or Programme(), body, "thon-01", lambda ask: judge_by(signers, ask))


def over(agenda: Agenda) -> list[tuple[str, str, str]]:
    return [(play.ask.announcement, state, reason) for play, state, reason in agenda.over]


def test_a_plan_is_taken_over_as_a_whole(signers: Signers) -> None:
    first = taken(signers, signers.announcement(), generation=3)
    second = taken(
        signers, signers.announcement(MORNING + HOUR, announcement="A2"), generation=4, before=first
    )
    assert [play.ask.announcement for play in first.plays] == ["A1"]
    assert [play.ask.announcement for play in second.plays] == ["A2"]
    assert second.generation == 4


def test_an_older_and_a_foreign_plan_are_refused(signers: Signers) -> None:
    first = taken(signers, signers.announcement(), generation=3)
    with pytest.raises(Refused) as caught:
        taken(signers, generation=2, before=first)
    assert caught.value.code == "old-generation"
    with pytest.raises(Refused) as caught:
        taken(signers, generation=9, node="thon-02")
    assert caught.value.code == "wrong-node"


def test_bad_entries_are_named_and_do_not_spoil_good_ones(signers: Signers) -> None:
    good = signers.announcement()
    forged = signers.announcement(announcement="A2", by="stranger")
    elsewhere = signers.announcement(announcement="A3", villages=["ben"])
    programme = taken(signers, good, forged, elsewhere)
    assert [play.ask.announcement for play in programme.plays] == ["A1"]
    assert [(one.entry.announcement, one.code) for one in programme.rejected] == [
        ("A2", "unknown-key"),
        ("A3", "wrong-village"),
    ]


def test_an_entry_without_its_announcement_counts_as_unsigned(signers: Signers) -> None:
    sent = signers.plan(signers.announcement())
    body = msgspec.structs.replace(
        msgspec.json.decode(sent.signed.body, type=PlaysBody),
        announcements=[Signed(body="not json", signatures=[]), Signed(body="[" * 9999, signatures=[])],
    )
    programme = apply(Programme(), body, "thon-01", lambda ask: judge_by(signers, ask))
    assert [one.code for one in programme.rejected] == ["unsigned"]


def test_sound_is_wanted_at_once_and_a_play_is_due_at_its_start(signers: Signers) -> None:
    programme = taken(signers, signers.announcement())
    for seconds, near, due in [
        (-3600, 0, False),
        (-61, 0, False),
        (-60, 1, False),
        (-1, 1, False),
        (0, 1, True),
    ]:
        agenda = decide(programme, {}, MORNING + seconds * SECOND, "trusted")
        assert len(agenda.wanted) == 1
        assert (len(agenda.near), agenda.due is not None) == (near, due), seconds
    assert next_moment(programme, {}, MORNING - HOUR) == HOUR


def test_a_missed_start_is_never_caught_up(signers: Signers) -> None:
    programme = taken(signers, signers.announcement())
    assert decide(programme, {}, MORNING + 120 * SECOND, "trusted").due
    agenda = decide(programme, {}, MORNING + 121 * SECOND, "trusted")
    assert agenda.due is None
    assert over(agenda) == [("A1", "missed", "too-late")]
    assert over(decide(programme, {}, MORNING + 2 * DAY, "trusted")) == [("A1", "expired", "expired")]


def test_a_clock_that_steps_back_starts_nothing_twice(signers: Signers) -> None:
    programme = taken(signers, signers.announcement())
    play = decide(programme, {}, MORNING, "trusted").due
    assert play is not None
    for state in ("played", "missed", "interrupted", "refused", "cancelled", "failed"):
        marks = {play.ask.occurrence: Mark(state, starts=1)}
        for seconds in (-3600, 0, 60, 3600):
            agenda = decide(programme, marks, MORNING + seconds * SECOND, "trusted")
            assert agenda == Agenda(), (state, seconds)


def test_an_unknown_clock_neither_plays_nor_gives_up_ordinary_plays(signers: Signers) -> None:
    urgent = signers.announcement(announcement="E1", kind="emergency", issued_at=MORNING)
    programme = taken(signers, signers.announcement(), urgent)
    in_1970 = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    agenda = decide(programme, {}, in_1970, "unknown")
    assert agenda.due is not None
    assert agenda.due.ask.announcement == "E1"
    assert not agenda.over
    later = decide(programme, {}, MORNING + 5 * HOUR, "unknown")
    assert not later.over


def test_on_a_slow_clock_an_emergency_asked_for_at_once_is_due_at_once(signers: Signers) -> None:
    now = MORNING + 20 * SECOND
    programme = taken(
        signers,
        signers.announcement(now, announcement="P1", kind="priority", issued_at=now),
        signers.announcement(now, announcement="E1", kind="emergency", issued_at=now),
    )
    for clock in ("trusted", "estimated", "unknown"):
        due = decide(programme, {}, MORNING, clock).due
        assert due is not None
        assert due.ask.announcement == "E1", clock
    without = replace(programme, plays=programme.plays[:1])
    assert decide(without, {}, MORNING, "trusted").due is None


def test_the_higher_kind_goes_first_and_only_it_breaks_into_a_play(signers: Signers) -> None:
    programme = taken(
        signers,
        signers.announcement(),
        signers.announcement(announcement="P1", kind="priority"),
        signers.announcement(announcement="E1", kind="emergency"),
    )
    names = {rank: decide(programme, {}, MORNING, "trusted", rank).due for rank in (0, 1, 2, 3, 4)}
    assert [due.ask.announcement if due else "" for due in names.values()] == ["E1", "E1", "E1", "E1", ""]
    dues = {rank: decide(programme, {}, MORNING, "trusted", rank).dues for rank in (0, 2, 4)}
    ranks = {above: [one.rank for one in plays] for above, plays in dues.items()}
    assert ranks == {0: [4, 3, 2], 2: [4, 3], 4: []}, "the next where the first cannot sound"
    assert decide(programme, {}, MORNING, "trusted", is_silenced=True).dues == ()
    without = replace(programme, plays=programme.plays[:2])
    due = decide(without, {}, MORNING, "trusted", 2).due
    assert due is not None
    assert due.ask.announcement == "P1"


def test_an_emergency_cut_off_starts_again_three_times_and_an_ordinary_play_never(signers: Signers) -> None:
    programme = taken(signers, signers.announcement(kind="emergency"))
    name = programme.plays[0].ask.occurrence
    for starts, again in [(1, True), (3, True), (4, False)]:
        marks = {name: Mark("interrupted", starts, "power")}
        assert (decide(programme, marks, MORNING + HOUR, "trusted").due is not None) is again
    stopped = {name: Mark("cancelled", 1, "stopped")}
    assert decide(programme, stopped, MORNING + HOUR, "trusted").due is None


@pytest.mark.parametrize("state", ["expired", "missed"])
def test_what_a_clock_that_was_fast_gave_up_is_taken_back_for_emergencies_only(
    state: PlayState, signers: Signers
) -> None:
    programme = taken(
        signers,
        signers.announcement(),
        signers.announcement(announcement="E1", kind="emergency", issued_at=MORNING),
    )
    marks = {play.ask.occurrence: Mark(state, 0, state) for play in programme.plays}
    for clock in ("trusted", "estimated"):
        agenda = decide(programme, marks, MORNING, clock)
        assert [play.ask.announcement for play in agenda.wanted] == ["E1"]
        assert agenda.due is not None
    assert decide(programme, marks, MORNING + 2 * DAY, "trusted") == Agenda(), (
        "told once, not again and again"
    )
    assert decide(programme, marks, MORNING, "unknown") == Agenda(), (
        "a clock nobody believes takes nothing back"
    )
    began = {name: Mark(state, 1, state) for name in marks}
    assert decide(programme, began, MORNING, "trusted") == Agenda(), "it sounded"


def test_an_ordinary_play_that_began_is_over_even_where_its_end_was_never_written(signers: Signers) -> None:
    programme = taken(
        signers, signers.announcement(), signers.announcement(announcement="E1", kind="emergency")
    )
    marks = {play.ask.occurrence: Mark("playing", 1) for play in programme.plays}
    assert [play.ask.announcement for play in decide(programme, marks, MORNING, "trusted").wanted] == ["E1"]


def test_a_cancelled_play_is_over(signers: Signers) -> None:
    signed = signers.announcement()
    name = taken(signers, signed).plays[0].ask.occurrence
    assert over(decide(taken(signers, signed, cancelled=(name,)), {}, MORNING, "trusted")) == [
        ("A1", "cancelled", "cancelled")
    ]


def test_a_command_may_be_five_seconds_early_and_leaves_when_done(signers: Signers) -> None:
    play = taken(signers, signers.announcement()).plays[0]
    programme = command(command(Programme(), play), play)
    assert len(programme.all()) == 1
    assert decide(programme, {}, MORNING - 4 * SECOND, "trusted").due
    assert decide(programme, {}, MORNING - 6 * SECOND, "trusted").due is None
    assert without_commands(programme, {play.ask.occurrence: Mark("played", 1)}).commands == ()
    assert without_commands(programme, {}).commands


def test_commands_survive_a_new_plan(signers: Signers) -> None:
    play = taken(signers, signers.announcement()).plays[0]
    programme = taken(signers, signers.announcement(announcement="A2"), before=command(Programme(), play))
    assert [one.ask.announcement for one in programme.all()] == ["A1", "A2"]


def test_a_relayed_programme_gives_way_to_every_announcement(signers: Signers) -> None:
    station = Relay(address="https://dai.example/", station="Đài tỉnh", length_s=600)
    relayed = signers.announcement(announcement="R1", relay=station)
    programme = taken(signers, relayed, signers.announcement())
    assert {play.ask.announcement: play.rank for play in programme.plays} == {"R1": 1, "A1": 2}
    due = decide(programme, {}, MORNING, "trusted", 1).due
    assert due is not None
    assert due.ask.announcement == "A1"
    assert decide(programme, {}, MORNING, "trusted", 2).due is None


def test_silence_starts_nothing_and_names_what_it_hindered(signers: Signers) -> None:
    programme = taken(
        signers, signers.announcement(), signers.announcement(announcement="E1", kind="emergency")
    )
    agenda = decide(programme, {}, MORNING, "trusted", is_silenced=True)
    assert agenda.due is None
    assert [play.ask.announcement for play in agenda.hindered] == ["E1", "A1"]
    assert len(agenda.near) == 2, "held ready all the same"
    assert not decide(programme, {}, MORNING, "trusted").hindered


def test_what_is_kept_at_hand_is_what_could_be_an_emergency_s_sound(signers: Signers) -> None:
    huge = msgspec.structs.replace(AUDIO, sha256="b" * 64, size=MOST_KEPT + 1)
    assert taken(signers, keep=[huge, AUDIO]).keep == (AUDIO,)


def entries(signers: Signers, *announcements: Signed, **change: object) -> list[PlayEntry]:
    """The entries of a plan, all with these fields changed."""
    body = msgspec.json.decode(signers.plan(*announcements).signed.body, type=PlaysBody)
    return [msgspec.structs.replace(each, **change) for each in body.plays]


def names_of(agenda: Agenda) -> list[str]:
    return [play.ask.announcement for play in agenda.dues]


def test_the_commune_s_order_holds_among_plays_of_one_kind(signers: Signers) -> None:
    announced = [
        signers.announcement(announcement="P1", kind="priority"),
        signers.announcement(MORNING - 60 * SECOND, announcement="P2", kind="priority"),
        signers.announcement(announcement="P3", kind="priority"),
        signers.announcement(announcement="R1"),
        signers.announcement(announcement="E1", kind="emergency"),
        signers.announcement(announcement="E2", kind="emergency"),
    ]
    orders = {"P1": 2, "P2": 0, "P3": -1, "R1": -5, "E1": 9, "E2": -9}
    plays = [
        msgspec.structs.replace(each, order=orders[each.announcement])
        for each in entries(signers, *announced)
    ]
    for given in (plays, plays[::-1]):
        programme = taken(signers, *announced, plays=given)
        assert names_of(decide(programme, {}, MORNING, "trusted")) == ["E1", "E2", "P3", "P2", "P1", "R1"]
    soon = decide(programme, {}, MORNING - 30 * SECOND, "trusted")
    ahead = [play.ask.announcement for play in soon.near if play not in soon.dues]
    assert ahead == ["E1", "E2", "P3", "P1", "R1"], "of what begins together the higher is opened first"


def test_neighbours_take_turns_within_what_was_signed_and_an_emergency_does_not(signers: Signers) -> None:
    announced = [
        signers.announcement(tolerance_s=120),
        signers.announcement(announcement="S1", tolerance_s=40),
        signers.announcement(announcement="E1", kind="emergency"),
    ]
    tuning = Tuning(offset_ms=700)
    programme = taken(
        signers, *announced, plays=entries(signers, *announced, offset_ms=90_000), tuning=tuning
    )
    wanted = {play.ask.announcement: (play.wanted_at - MORNING) / SECOND for play in programme.plays}
    assert wanted == {"A1": 90, "S1": 40, "E1": 0}
    dues = {s: names_of(decide(programme, {}, MORNING + s * SECOND, "trusted")) for s in (0, 39, 40, 90)}
    assert dues == {0: ["E1"], 39: ["E1"], 40: ["E1", "S1"], 90: ["E1", "A1"]}
    assert over(decide(programme, {}, MORNING + 90 * SECOND, "trusted")) == [("S1", "missed", "too-late")]
    left = replace(programme, plays=programme.plays[:1])
    assert decide(left, {}, MORNING + 20 * SECOND, "trusted").near == (), (
        "not held ready a minute and a half ahead"
    )
    assert next_moment(left, {}, MORNING) == 90 * SECOND
    assert decide(command(Programme(), left.plays[0]), {}, MORNING, "trusted").due, (
        "asked for at once it is now"
    )
    plain = taken(signers, announced[0], tuning=tuning)
    assert plain.plays[0].offset == 0.7 * SECOND, "without a turn as this loudspeaker is set"


def test_a_missed_repeat_of_an_emergency_is_told_once_and_the_next_is_said(signers: Signers) -> None:
    starts = [MORNING + n * 10 * 60 * SECOND for n in range(4)]
    expires = MORNING + HOUR
    programme = taken(signers, signers.announcement(*starts, kind="emergency", expires=expires))
    late = starts[2] + 300 * SECOND
    agenda = decide(programme, {}, late, "trusted")
    assert over(agenda) == [("A1", "missed", "next-due")] * 2
    assert [play.ask.start for play in agenda.dues] == [starts[2]]
    marks = {play.ask.occurrence: Mark("missed", 0, "next-due") for play, _, _ in agenda.over}
    assert decide(programme, marks, late, "trusted").over == (), "not again and again"
    back = decide(programme, marks, starts[1] + 60 * SECOND, "trusted")
    assert back.due is not None
    assert back.due.ask.start == starts[1], "a clock that was fast is put right"
    cut = marks | {programme.plays[2].ask.occurrence: Mark("interrupted", 1, "power")}
    assert [play.ask.start for play in decide(programme, cut, late, "trusted").dues] == [starts[2]]
    after = decide(programme, cut, starts[3] + SECOND, "trusted")
    assert ([play.ask.start for play in after.dues], after.over) == ([starts[3]], ()), "it is not begun again"
    last = [Mark("missed", 0, "next-due")] * 3
    ended = decide(
        programme,
        dict(zip([play.ask.occurrence for play in programme.plays], last, strict=False)),
        expires + SECOND,
        "trusted",
    )
    assert over(ended) == [("A1", "expired", "expired")]


def test_a_drill_is_no_emergency(signers: Signers) -> None:
    drill = signers.announcement(announcement="D1", kind="emergency", drill=True)
    alone = taken(signers, drill)
    assert (alone.plays[0].rank, alone.plays[0].is_urgent) == (2, True)
    assert names_of(decide(alone, {}, MORNING, "trusted")) == ["D1"]
    assert decide(alone, {}, MORNING, "unknown").dues == (), "nor without a clock"
    assert over(decide(alone, {}, MORNING + 121 * SECOND, "trusted")) == [("D1", "missed", "too-late")]
    station = Relay(address="https://dai.example/", station="Đài tỉnh", length_s=600)
    both = taken(
        signers,
        drill,
        signers.announcement(announcement="P1", kind="priority"),
        signers.announcement(announcement="R1"),
        signers.announcement(announcement="S1", relay=station),
    )
    assert names_of(decide(both, {}, MORNING, "trusted")) == ["P1", "R1", "D1", "S1"], "last of its kind"
    for rank in (1, 2, 3, 4):
        agenda = decide(both, {}, MORNING, "trusted", rank)
        assert "D1" not in names_of(agenda), "it breaks into nothing, a station neither"
        assert [play.ask.announcement for play in agenda.idle] == ["D1"]
    early = decide(both, {}, MORNING - 10 * SECOND, "trusted", 2)
    assert early.idle == (), "it may still find silence"
    urgent = taken(
        signers, drill, signers.announcement(MORNING + 20 * SECOND, announcement="E1", kind="emergency")
    )
    waiting = decide(urgent, {}, MORNING, "trusted")
    assert (names_of(waiting), [play.ask.announcement for play in waiting.idle]) == ([], ["D1"])


@pytest.mark.parametrize("reason", ["power", "preempted", "sound-failed", "muted-here", "local-use"])
def test_an_emergency_that_somebody_in_the_house_cut_short_begins_again(
    reason: str, signers: Signers
) -> None:
    programme = taken(
        signers, signers.announcement(kind="emergency"), signers.announcement(announcement="A2")
    )
    names = [play.ask.occurrence for play in programme.plays]
    marks = {name: Mark("interrupted", 1, reason) for name in names}
    due = decide(programme, marks, MORNING, "trusted").due
    assert due is not None
    assert due.envelope.kind == "emergency"
