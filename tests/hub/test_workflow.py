"""The life of an announcement: who may do what, what is refused and in which words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.hub import Signed
from broker.hub import trusted
from broker.hub.announcing import ending, workflow
from broker.hub.announcing.rules import put_rules
from broker.hub.announcing.schedule import write_plays
from broker.hub.announcing.workflow import Draft
from broker.hub.declined import Declined
from broker.hub.records import (
    ApproverKey,
    Change,
    NodeRecord,
    Occurrence,
    Play,
    Revision,
    Stop,
    audit_rows,
)
from broker.trust.envelope import Envelope, sign
from broker.trust.keys import new_key, public_pem
from tests.hub.town import LEXICON, NOW, Town


def at(hour: int, minute: int = 0) -> datetime:
    return NOW.replace(hour=hour, minute=minute)


def declined(act: Callable[[], object]) -> Declined:
    with pytest.raises(Declined) as found:
        act()
    assert str(found.value).rstrip().endswith("."), "people get a whole sentence"
    return found.value


def submit(town: Town, **change: object) -> Callable[[], object]:
    return lambda: town.submitted(audio=False, **change)


def test_an_announcement_walks_from_draft_to_plays_on_the_nodes_of_its_villages(town: Town) -> None:
    revision = town.approved(villages=["dong", "ha"], starts=[at(17, 30), at(18, 30)])
    row = town.revision(revision)
    assert row.state == "approved"
    with town.database.reading() as db:
        occurrences = [o.id for o in db.scalars(select(Occurrence).order_by(Occurrence.start))]
        plays = {(p.occurrence, p.node) for p in db.scalars(select(Play))}
        actions = [r.entry.action for r in audit_rows(db) if r.entry.action.startswith("announcement")]
        topics = {c.topic for c in db.scalars(select(Change))}
    assert occurrences == [
        f"{row.announcement_id}.1.20261121T103000Z",
        f"{row.announcement_id}.1.20261121T113000Z",
    ]
    assert plays == {(o, n) for o in occurrences for n in ("thon-01", "thon-03")}
    assert actions == ["announcement.submitted", "announcement.approved"]
    assert {"announcement", "plan"} <= topics


def test_the_signed_envelope_holds_the_spoken_words_and_every_start(town: Town) -> None:
    revision = town.approved(text="Họp lúc 19h30 tại nhà văn hoá.", starts=[at(17, 30)])
    row = town.revision(revision)
    envelope = msgspec.json.decode(row.envelope or "", type=Envelope)
    assert envelope.spoken == row.spoken
    assert "19" not in envelope.spoken
    assert [start.at for start in envelope.starts] == [at(17, 30)]
    assert envelope.expires > at(17, 30)
    assert envelope.author == "hoa"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": "   "}, "empty"),
        ({"text": "… !!! —"}, "empty"),
        ({"title": " "}, "no-title"),
        ({"villages": []}, "no-village"),
        ({"villages": ["dong", "troy"]}, "unknown-village"),
        ({"starts": []}, "no-start"),
        ({"starts": [NOW - timedelta(minutes=1)]}, "past"),
        ({"starts": [NOW + timedelta(days=900)]}, "too-far"),
        ({"starts": [NOW + timedelta(minutes=n) for n in range(1, 402)]}, "many-starts"),
        ({"starts": [at(21, 30)]}, "quiet-hours"),
        ({"starts": [at(20, 59)], "repeat": 10}, "quiet-hours"),
        ({"starts": [at(9), at(9, 0) + timedelta(seconds=5)]}, "clash"),
        ({"starts": [at(9)], "repeat": 10, "gap_s": 600}, "session-limit"),
    ],
)
def test_what_cannot_be_broadcast_is_refused_at_submission(
    town: Town, change: dict[str, object], code: str
) -> None:
    assert declined(submit(town, **change)).code == code


def test_villages_without_any_loudspeaker_are_refused_for_an_emergency_too(town: Town) -> None:
    with town.database.session() as db:
        db.get_one(NodeRecord, "thon-03").retired_at = NOW
    assert declined(submit(town, villages=["ha"])).code == "no-speaker"
    submit(town, villages=["ha", "dong"])()
    assert declined(submit(town, villages=["ha"], kind="emergency")).code == "no-speaker"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": "a" * 100_000}, "long-text"),
        ({"title": "a" * 200}, "long-title"),
        ({"kind": "shout"}, "bad-kind"),
        ({"repeat": 0}, "bad-repeat"),
    ],
)
def test_what_cannot_even_be_kept_is_refused_at_once(
    town: Town, change: dict[str, object], code: str
) -> None:
    assert declined(lambda: town.draft(**change)).code == code


def test_doubtful_words_must_be_settled_and_the_answer_is_spoken(town: Town) -> None:
    text = "Bà con mang theo giấy QXZ khi đi họp."
    assert declined(submit(town, text=text)).code == "doubts"
    revision = town.submitted(audio=False, text=text, answers={"QXZ": "quy xê dét"})
    assert "giấy quy xê dét khi" in town.revision(revision).spoken


def test_a_clash_offers_the_next_three_free_times(town: Town) -> None:
    town.approved(starts=[at(17, 30)])
    found = declined(submit(town, starts=[at(17, 30)]))
    assert found.code == "clash"
    assert "17:35" in str(found)
    assert str(found).count(":") == 5, "the clashing time, the list's colon and three slots"
    town.submitted(starts=[at(17, 30)], villages=["ben"])


def test_quiet_hours_are_the_commune_s_to_decide(town: Town) -> None:
    with town.database.session() as db:
        put_rules(db, "17:00", "19:00", 2700, NOW)
    assert declined(submit(town, starts=[at(17, 30)])).code == "quiet-hours"
    assert town.submitted(starts=[at(21, 30)])
    with town.database.session() as db:
        assert declined(lambda: put_rules(db, "25:00", "06:00", 0, NOW)).code == "bad-rules"


def test_saving_again_edits_the_draft_and_over_a_submitted_one_makes_a_new_revision(town: Town) -> None:
    first = town.submitted()
    name = town.revision(first).announcement_id
    with town.database.session() as db:
        second = workflow.save_draft(db, town.hoa, Draft(title="Hai"), NOW, name).id
    with town.database.session() as db:
        assert workflow.save_draft(db, town.hoa, Draft(title="Ba"), NOW, name).id == second
    assert town.revision(first).state == "superseded"
    assert (town.revision(second).number, town.revision(second).title) == (2, "Ba")


def test_approving_an_older_revision_is_refused(town: Town) -> None:
    first = town.submitted()
    signed = town.signed(first)
    with town.database.session() as db:
        workflow.save_draft(db, town.hoa, Draft(title="Mới"), NOW, town.revision(first).announcement_id)
    with town.database.session() as db:
        found = declined(lambda: workflow.approve(db, town.desk, town.binh, first, signed, NOW))
    assert found.code == "not-newest"


def test_a_new_approved_revision_supersedes_the_old_and_cancels_its_occurrences(town: Town) -> None:
    first = town.approved()
    name = town.revision(first).announcement_id
    with town.database.session() as db:
        draft = Draft(title="Đổi giờ", text="Đổi giờ họp.", villages=["dong"], starts=[at(18)])
        second = workflow.save_draft(db, town.hoa, draft, NOW, name).id
        assert db.get_one(Revision, first).state == "approved", "until the new one is approved"
        workflow.submit(db, town.hoa, second, LEXICON, NOW)
    town.give_audio(second)
    signed = town.signed(second)
    with town.database.session() as db:
        workflow.approve(db, town.desk, town.binh, second, signed, NOW)
    assert town.revision(first).state == "superseded"
    with town.database.reading() as db:
        states = {p.revision: p.state for p in db.scalars(select(Play))}
    assert states == {1: "cancelled", 2: "planned"}


def test_the_author_never_approves(town: Town) -> None:
    with town.database.session() as db:
        draft = Draft(title="T", text="Mời họp.", villages=["dong"], starts=[at(18)])
        revision = workflow.save_draft(db, town.lanh, draft, NOW).id
        workflow.submit(db, town.lanh, revision, LEXICON, NOW)
    town.give_audio(revision)
    signed = town.signed(revision, "k-lanh")
    with town.database.session() as db:
        found = declined(lambda: workflow.approve(db, town.desk, town.lanh, revision, signed, NOW))
    assert found.code == "author-approves"


def test_only_approvers_approve_and_only_once(town: Town) -> None:
    revision = town.submitted()
    signed = town.signed(revision)

    def by(who: object) -> Callable[[], object]:
        def act() -> None:
            with town.database.session() as db:
                workflow.approve(db, town.desk, who, revision, signed, NOW)  # type: ignore[arg-type]

        return act

    assert declined(by(town.hoa)).code == "no-right"
    by(town.binh)()
    assert declined(by(town.binh)).code == "approved-already"


def test_a_signature_must_come_from_the_approver_s_own_believed_key(town: Town) -> None:
    revision = town.submitted()

    def with_key(key: str) -> str:
        signed = town.signed(revision, key)
        with town.database.session() as db:
            return declined(lambda: workflow.approve(db, town.desk, town.binh, revision, signed, NOW)).code

    assert with_key("k-lanh") == "not-own-key"
    town.keys.private["k-la"] = new_key()
    with town.database.session() as db:
        for key in ("k-cu", "k-la"):
            public = public_pem(town.keys.private[key])
            db.add(ApproverKey(id=key, account_id=town.binh.id, kind="file", public=public, made_at=NOW))
    assert with_key("k-cu") == "key-expired"
    assert with_key("k-la") == "unknown-key"
    with town.database.session() as db:
        trusted.remove_key(db, "k-binh", "binh", NOW)
    assert with_key("k-binh") == "not-own-key"


def test_a_changed_text_or_signature_is_refused(town: Town) -> None:
    revision = town.submitted()
    good = town.signed(revision)
    other = good.body.replace("Lịch", "Tin")
    resigned = Signed(
        body=other, signatures=[sign(other, "announcement", "k-binh", town.keys.private["k-binh"])]
    )
    forged = Signed(body=other, signatures=good.signatures)
    for signed, code in ((resigned, "other-text"), (forged, "bad-signature")):
        with town.database.session() as db:
            found = declined(lambda s=signed: workflow.approve(db, town.desk, town.binh, revision, s, NOW))
        assert found.code == code


def test_an_envelope_left_open_too_long_is_shown_again(town: Town) -> None:
    revision = town.submitted()
    signed = town.signed(revision)
    later = NOW + timedelta(minutes=11)
    with town.database.session() as db:
        found = declined(lambda: workflow.approve(db, town.desk, town.binh, revision, signed, later))
    assert found.code == "stale"


def test_a_time_that_passed_while_waiting_is_refused(town: Town) -> None:
    revision = town.submitted(starts=[NOW + timedelta(minutes=5)])
    later = NOW + timedelta(minutes=6)
    signed = town.signed(revision, now=later)
    with town.database.session() as db:
        found = declined(lambda: workflow.approve(db, town.desk, town.binh, revision, signed, later))
    assert found.code == "past"


def test_without_sound_there_is_nothing_to_sign(town: Town) -> None:
    revision = town.submitted(audio=False)
    with town.database.reading() as db:
        assert declined(lambda: workflow.envelope_for(db, town.desk, revision, NOW)).code == "no-audio"


def test_speaking_now_starts_at_the_moment_of_signing(town: Town) -> None:
    revision = town.approved(now=NOW + timedelta(minutes=3), play_now=True, starts=[])
    with town.database.reading() as db:
        row = db.scalars(select(Occurrence)).one()
    assert row.start == NOW + timedelta(minutes=3)
    assert row.tolerance_s == 600
    assert row.revision_id == revision


def test_a_returned_revision_carries_a_note(town: Town) -> None:
    revision = town.submitted()
    with town.database.session() as db:
        assert (
            declined(lambda: workflow.return_with_note(db, town.binh, revision, " ", NOW)).code == "no-note"
        )
        assert (
            declined(lambda: workflow.return_with_note(db, town.hoa, revision, "x", NOW)).code == "no-right"
        )
        workflow.return_with_note(db, town.binh, revision, "Thiếu địa điểm.", NOW)
    assert town.revision(revision).state == "returned"
    assert town.revision(revision).return_note == "Thiếu địa điểm."


def test_withdrawing_cancels_what_is_ahead_and_silences_what_plays(town: Town) -> None:
    revision = town.approved(starts=[at(17, 30), at(18, 30)])
    during = at(17, 30) + timedelta(seconds=20)
    with town.database.session() as db:
        workflow.withdraw(db, town.hoa, revision, during)
    with town.database.reading() as db:
        assert all(o.cancelled_at for o in db.scalars(select(Occurrence)))
        stop = db.scalars(select(Stop)).one()
    assert stop.occurrence.endswith("T103000Z")
    assert stop.nodes == ["thon-01"]
    with town.database.session() as db:
        assert declined(lambda: workflow.withdraw(db, town.hoa, revision, during)).code == "over"


def test_silence_needs_no_signature_but_the_right_person(town: Town) -> None:
    revision = town.approved(villages=["dong", "ben"])
    occurrence = f"{town.revision(revision).announcement_id}.1.20261121T103000Z"
    with town.database.session() as db:
        assert declined(lambda: workflow.stop(db, town.hoa, "", NOW)).code == "no-right"
        assert declined(lambda: workflow.stop(db, town.binh, "nothing", NOW)).code == "no-occurrence"
        assert workflow.stop(db, town.hoa, occurrence, NOW).nodes == ["thon-01", "thon-02"]
        assert workflow.stop(db, town.binh, "", NOW).nodes == ["thon-01", "thon-02", "thon-03"]


def test_silencing_all_also_cancels_what_may_still_begin(town: Town) -> None:
    town.approved()
    with town.database.session() as db:
        workflow.stop(db, town.binh, "", at(17, 31))
        assert db.scalars(select(Occurrence)).one().cancelled_at == at(17, 31)


def test_when_the_list_of_times_runs_out_the_revision_expires(town: Town) -> None:
    approved, waiting = town.approved(), town.submitted(starts=[at(18, 30)])
    with town.database.session() as db:
        assert ending.expire(db, at(17, 32)) == 0
        assert ending.expire(db, at(19)) == 2
    assert {town.revision(approved).state, town.revision(waiting).state} == {"expired"}
    with town.database.reading() as db:
        assert db.scalars(select(Occurrence)).one().cancelled_at is None


def test_a_node_that_joins_later_gets_the_plays_ahead_and_far_ones_wait(town: Town) -> None:
    town.approved(starts=[at(17, 30), at(17, 30) + timedelta(days=9)])
    with town.database.session() as db:
        db.add(NodeRecord(name="thon-09", village="dong", label="Đông 2", registered_at=NOW))
        db.flush()
        assert write_plays(db, NOW) == 1
        assert write_plays(db, NOW) == 0
        assert write_plays(db, NOW + timedelta(days=2)) == 2
