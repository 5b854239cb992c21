"""The firewall: the night the relay was mis-set, and everything else that must stay silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from broker.contract.hub import Signed
from broker.link.clock import LOCAL, ClockState
from broker.trust.envelope import Envelope, Quiet, Refused, Relay, Start, occurrence_id
from broker.trust.reasons import REASONS
from edge.speaker.firewall import (
    PASSING,
    RELAYED,
    SPOKEN_HERE,
    Allowed,
    Ask,
    Post,
    Said,
    check,
    is_quiet,
    length_s,
)
from tests.speaker.signers import AUDIO, DAY, MORNING, Signers

NIGHT = datetime(2026, 11, 22, 3, 15, tzinfo=LOCAL)


def ask_for(signed: Signed, start: datetime | None = None) -> Ask:
    envelope = msgspec.json.decode(signed.body, type=Envelope)
    at = start or envelope.starts[0].at
    return Ask(
        occurrence_id(envelope.announcement, envelope.revision, at),
        envelope.announcement,
        envelope.revision,
        at,
        signed,
    )


@pytest.fixture
def post(signers: Signers) -> Post:
    return Post(
        commune="00/00000",
        village="dong",
        trust=signers.trust,
        clock="trusted",
        quiet=Quiet(),
        session_limit_s=2700,
    )


def code(verdict: Allowed | Refused) -> str:
    if isinstance(verdict, Refused):
        assert verdict.code in REASONS
        return verdict.code
    return "allowed"


def test_a_mis_set_relay_at_a_quarter_past_three_is_refused(signers: Signers, post: Post) -> None:
    """5 December 2025, Trung Lộc: a relay set to the wrong hour woke a whole commune at 03:15."""
    evening = datetime(2026, 11, 21, 17, 0, tzinfo=LOCAL)
    approved_for_the_evening = signers.announcement(evening)
    assert code(check(ask_for(approved_for_the_evening, NIGHT), post, NIGHT)) == "start-not-signed"
    signed_with_the_wrong_hour = signers.announcement(NIGHT)
    assert code(check(ask_for(signed_with_the_wrong_hour), post, NIGHT)) == "quiet-hours"
    assert code(check(ask_for(approved_for_the_evening), post, NIGHT)) == "too-late"


def test_what_was_approved_for_this_village_and_hour_is_allowed(signers: Signers, post: Post) -> None:
    verdict = check(ask_for(signers.announcement()), post, MORNING, AUDIO.sha256)
    assert isinstance(verdict, Allowed)
    assert verdict.envelope.title == "Họp thôn"
    assert 6 < verdict.length_s < 8, "chime, rest and four seconds of speech"


def test_unsigned_unknown_and_wrong_signers_are_refused(signers: Signers, post: Post) -> None:
    body = signers.announcement().body
    assert code(check(ask_for(Signed(body=body, signatures=[])), post, MORNING)) == "unsigned"
    assert code(check(ask_for(signers.announcement(by="stranger")), post, MORNING)) == "unknown-key"
    assert code(check(ask_for(signers.announcement(by="hub")), post, MORNING)) == "wrong-role"
    assert code(check(ask_for(signers.announcement(by="cuong")), post, MORNING)) == "wrong-role"
    urgent = signers.announcement(by="binh", kind="emergency")
    assert code(check(ask_for(urgent), post, MORNING)) == "wrong-role"
    assert code(check(ask_for(signers.announcement()), replace(post, trust=None), MORNING)) == "no-trust"


def test_another_commune_village_revision_or_name_is_refused(signers: Signers, post: Post) -> None:
    other = signers.announcement(commune="00/00001")
    assert code(check(ask_for(other), post, MORNING)) == "wrong-commune"
    assert code(check(ask_for(signers.announcement(villages=["ben"])), post, MORNING)) == "wrong-village"
    ask = ask_for(signers.announcement())
    assert code(check(replace(ask, revision=2), post, MORNING)) == "wrong-announcement"
    assert code(check(replace(ask, announcement="A2"), post, MORNING)) == "wrong-announcement"
    assert code(check(replace(ask, occurrence="fresh-name"), post, MORNING)) == "wrong-announcement"


def test_what_was_played_or_cancelled_does_not_play(signers: Signers, post: Post) -> None:
    ask = ask_for(signers.announcement())
    assert code(check(ask, replace(post, seen={ask.occurrence}), MORNING)) == "replayed"
    assert code(check(ask, replace(post, cancelled={ask.occurrence}), MORNING)) == "cancelled"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-6, "too-early"),
        (-4, "allowed"),
        (0, "allowed"),
        (120, "allowed"),
        (121, "too-late"),
        (90_000, "expired"),
    ],
)
def test_the_signed_window_is_kept_to_the_second(
    seconds: int, expected: str, signers: Signers, post: Post
) -> None:
    at = MORNING + timedelta(seconds=seconds)
    assert code(check(ask_for(signers.announcement()), post, at)) == expected


def test_an_emergency_may_be_late_until_it_expires_and_breaks_the_night(signers: Signers, post: Post) -> None:
    urgent = signers.announcement(NIGHT, kind="emergency", expires=NIGHT + timedelta(hours=2))
    assert code(check(ask_for(urgent), post, NIGHT)) == "allowed"
    assert code(check(ask_for(urgent), post, NIGHT + timedelta(hours=1))) == "allowed"
    assert code(check(ask_for(urgent), post, NIGHT + timedelta(hours=3))) == "expired"


def test_an_unknown_clock_is_night_for_all_but_emergencies(signers: Signers, post: Post) -> None:
    lost = replace(post, clock="unknown")
    assert code(check(ask_for(signers.announcement()), lost, MORNING)) == "clock-unknown"
    urgent = ask_for(signers.announcement(kind="emergency", issued_at=MORNING))
    assert code(check(urgent, lost, MORNING)) == "allowed"
    in_1970 = datetime(1970, 1, 1, tzinfo=LOCAL)
    assert code(check(urgent, lost, in_1970)) == "allowed", "its signature proves that the clock is wrong"
    planned = ask_for(signers.announcement(MORNING + timedelta(hours=5), kind="emergency"))
    assert code(check(planned, lost, in_1970)) == "too-early"
    old = signers.announcement(
        MORNING - 9 * DAY, kind="emergency", issued_at=MORNING - 11 * DAY, expires=MORNING - 8 * DAY
    )
    assert code(check(ask_for(old), lost, MORNING)) == "expired"


@pytest.mark.parametrize("clock", ["trusted", "estimated", "unknown"])
def test_a_slow_clock_does_not_make_an_emergency_wait(
    clock: ClockState, signers: Signers, post: Post
) -> None:
    here, slow = replace(post, clock=clock), MORNING - timedelta(seconds=20)
    urgent = signers.announcement(kind="emergency", issued_at=MORNING)
    assert code(check(ask_for(urgent), here, slow)) == "allowed", "its signature shows that the clock is slow"
    later = MORNING + timedelta(minutes=1)
    planned = signers.announcement(later, kind="emergency", issued_at=MORNING)
    assert code(check(ask_for(planned), here, slow)) == "too-early"
    for kind in ("routine", "priority"):
        signed = signers.announcement(kind=kind, issued_at=MORNING)
        assert code(check(ask_for(signed), here, slow)) in ("too-early", "clock-unknown")


def test_on_a_slow_clock_a_key_that_has_just_begun_warns(signers: Signers, post: Post) -> None:
    fresh = [msgspec.structs.replace(key, since=MORNING) for key in signers.trust.keys]
    post = replace(post, trust=msgspec.structs.replace(signers.trust, keys=fresh))
    slow = MORNING - timedelta(seconds=20)
    urgent = signers.announcement(kind="emergency", issued_at=MORNING)
    assert code(check(ask_for(urgent), post, slow)) == "allowed"
    assert code(check(ask_for(signers.announcement(issued_at=MORNING)), post, slow)) == "key-expired"
    early = signers.announcement(kind="emergency", issued_at=slow)
    assert code(check(ask_for(early), post, slow)) == "key-expired", "signed before the key began"
    ended = [msgspec.structs.replace(key, until=MORNING) for key in signers.trust.keys]
    post = replace(post, trust=msgspec.structs.replace(signers.trust, keys=ended))
    assert code(check(ask_for(urgent), post, MORNING + timedelta(seconds=1))) == "key-expired"
    beyond = signers.announcement(kind="emergency", issued_at=MORNING + timedelta(seconds=1))
    assert code(check(ask_for(beyond), post, MORNING)) == "key-expired", "its end is kept by its own word"


def test_quiet_hours_hold_for_the_start_and_for_the_projected_end(signers: Signers, post: Post) -> None:
    nine_at_night = datetime(2026, 11, 21, 21, 0, tzinfo=LOCAL)
    just_before = nine_at_night - timedelta(seconds=5)
    assert code(check(ask_for(signers.announcement(just_before)), post, just_before)) == "quiet-hours-end"
    assert code(check(ask_for(signers.announcement(nine_at_night)), post, nine_at_night)) == "quiet-hours"
    early = nine_at_night - timedelta(seconds=30)
    assert code(check(ask_for(signers.announcement(early)), post, early)) == "allowed"
    late = early + timedelta(seconds=60)
    assert code(check(ask_for(signers.announcement(early)), post, late)) == "quiet-hours", (
        "late, it would disturb"
    )


def test_quiet_hours_run_over_midnight_by_day_or_not_at_all() -> None:
    def local(hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 11, 21, hour, minute, tzinfo=LOCAL)

    night, noon, none = Quiet(), Quiet(since="12:00", until="13:30"), Quiet(since="00:00", until="00:00")
    for quiet, at, expected in [
        (night, local(20, 59), False),
        (night, local(21), True),
        (night, local(0), True),
        (night, local(5, 59), True),
        (night, local(6), False),
        (noon, local(12), True),
        (noon, local(13, 30), False),
        (noon, local(3), False),
        (none, local(0), False),
    ]:
        assert is_quiet(quiet, at, at) is expected, (quiet, at)
    assert is_quiet(noon, local(11, 59), local(12, 1))
    assert not is_quiet(noon, local(11, 59), local(12))
    assert is_quiet(night, local(7), local(7) + DAY)


def test_sittings_and_days_have_a_limit(signers: Signers, post: Post) -> None:
    ask = ask_for(signers.announcement())
    minute = timedelta(minutes=1)
    sitting = [
        Said(MORNING - 44 * minute, MORNING - 20 * minute),
        Said(MORNING - 18 * minute, MORNING - minute),
    ]
    assert code(check(ask, replace(post, said=sitting), MORNING)) == "allowed"
    longer = [Said(MORNING - 45 * minute, MORNING - 20 * minute), *sitting[1:]]
    assert code(check(ask, replace(post, said=longer), MORNING)) == "session-limit"
    unlimited = replace(post, session_limit_s=0)
    assert code(check(ask, replace(unlimited, said=longer), MORNING)) == "allowed"
    hour = [Said(MORNING - 59.95 * minute, MORNING - minute)]
    assert code(check(ask, replace(unlimited, said=hour), MORNING)) == "session-limit", (
        "the node's own ceiling"
    )
    apart = [Said(MORNING - n * 10 * minute, MORNING - (n * 10 - 4.9) * minute) for n in range(1, 50)]
    assert code(check(ask, replace(post, said=apart), MORNING)) == "day-limit"
    urgent = ask_for(signers.announcement(kind="emergency"))
    assert code(check(urgent, replace(post, said=apart), MORNING)) == "allowed"


def test_the_sound_must_be_the_approved_one(signers: Signers, post: Post) -> None:
    ask = ask_for(signers.announcement())
    assert code(check(ask, post, MORNING, "b" * 64)) == "wrong-audio"
    assert code(check(ask, post, MORNING, "")) == "no-audio"
    assert code(check(ask, post, MORNING, SPOKEN_HERE)) == "allowed"


def test_repeats_and_gaps_count_into_the_length(signers: Signers) -> None:
    once = msgspec.json.decode(signers.announcement().body, type=Envelope)
    thrice = msgspec.structs.replace(once, repeat=3, gap_s=10, starts=[Start(at=MORNING, tolerance_s=0)])
    assert length_s(thrice) == pytest.approx(length_s(once) + 2 * 4 + 2 * 10)


def test_a_revoked_or_expired_key_no_longer_speaks(signers: Signers, post: Post) -> None:
    ask = ask_for(signers.announcement())
    revoked = msgspec.structs.replace(signers.trust, keys=[k for k in signers.trust.keys if k.key != "binh"])
    assert code(check(ask, replace(post, trust=revoked), MORNING)) == "unknown-key"
    late = MORNING + 366 * DAY
    old = signers.announcement(late, expires=late + DAY)
    assert code(check(ask_for(old), post, late)) == "key-expired"


STATION = Relay(address="https://dai.example/phat-thanh", station="Đài tỉnh", length_s=900)


def test_a_relayed_programme_counts_with_its_whole_length(signers: Signers, post: Post) -> None:
    signed = signers.announcement(relay=STATION)
    envelope = msgspec.json.decode(signed.body, type=Envelope)
    assert 900 < length_s(envelope) < 905
    assert code(check(ask_for(signed), post, MORNING, RELAYED)) == "allowed"
    assert code(check(ask_for(signed), post, MORNING, SPOKEN_HERE)) == "allowed", "what is said in its place"
    late = datetime(2026, 11, 21, 20, 50, tzinfo=LOCAL)
    evening = signers.announcement(late, relay=STATION)
    assert code(check(ask_for(evening), post, late, RELAYED)) == "quiet-hours-end"
    assert code(check(ask_for(signed), replace(post, session_limit_s=600), MORNING)) == "session-limit"


def test_only_what_was_signed_as_a_relay_is_relayed(signers: Signers, post: Post) -> None:
    assert code(check(ask_for(signers.announcement()), post, MORNING, RELAYED)) == "wrong-audio"
    urgent = signers.announcement(kind="emergency", relay=STATION)
    assert code(check(ask_for(urgent), post, MORNING)) == "malformed"
    again = signers.announcement(relay=STATION, repeat=2)
    assert code(check(ask_for(again), post, MORNING)) == "malformed"
    unsigned = replace(ask_for(signers.announcement(relay=STATION)))
    elsewhere = unsigned.signed.body.replace("dai.example", "dai.xample")
    bent = Signed(body=elsewhere, signatures=unsigned.signed.signatures)
    assert code(check(replace(unsigned, signed=bent), post, MORNING, RELAYED)) == "bad-signature"


@pytest.mark.parametrize("why", ["silenced", "muted-here"])
def test_silence_refuses_everything_for_as_long_as_it_lasts(why: str, signers: Signers, post: Post) -> None:
    for kind in ("routine", "priority", "emergency"):
        ask = ask_for(signers.announcement(kind=kind))
        assert code(check(ask, replace(post, silenced=why), MORNING)) == why
        assert code(check(ask, post, MORNING)) == "allowed"
    assert why in PASSING


def test_a_node_that_cannot_remember_speaks_only_in_an_emergency(signers: Signers, post: Post) -> None:
    forgetful = replace(post, is_forgetful=True)
    for kind in ("routine", "priority"):
        assert code(check(ask_for(signers.announcement(kind=kind)), forgetful, MORNING)) == "no-journal"
    assert code(check(ask_for(signers.announcement(kind="emergency")), forgetful, MORNING)) == "allowed"


def test_after_a_lost_journal_what_may_have_sounded_is_not_played_again(signers: Signers, post: Post) -> None:
    lost = replace(post, forgotten_until=MORNING - timedelta(seconds=1))
    assert code(check(ask_for(signers.announcement()), lost, MORNING)) == "journal-lost"
    urgent = ask_for(signers.announcement(kind="emergency"))
    assert code(check(urgent, lost, MORNING)) == "allowed", "twice is better than never"
    later = MORNING + timedelta(minutes=1)
    assert code(check(ask_for(signers.announcement(later)), lost, later)) == "allowed"
