"""Emergencies on the hub: one person with a template, two with free words, drills, repeats, cancelling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Media, PlayNow, Signature, Signed, StopPlay
from broker.hub import trusted
from broker.hub.announcing import emergency, emergency_templates, ending, workflow
from broker.hub.announcing.render import render_template_next
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    Announcement,
    EmergencyTemplate,
    NodeRecord,
    Occurrence,
    Play,
    Revision,
    audit_rows,
)
from broker.speech.voice import EngineError
from broker.trust.approvers import sign_list
from broker.trust.envelope import Envelope, canonical, open_announcement
from tests.hub.alarms import (
    FIRE,
    FLOOD,
    handed_in,
    ready,
    sign_words,
    signed_by,
    signed_too,
    sound,
    spoken,
    written,
)
from tests.hub.studio import Studio
from tests.hub.town import LEXICON, NOW, Town

MINUTE = timedelta(minutes=1)


def declined(act: Callable[[], object]) -> Declined:
    with pytest.raises(Declined) as found:
        act()
    assert str(found.value).rstrip().endswith("."), "people get a whole sentence"
    return found.value


def actions(town: Town) -> list[str]:
    with town.database.reading() as db:
        return [row.entry.action for row in audit_rows(db)]


def occurrences(town: Town, revision: Revision) -> list[Occurrence]:
    with town.database.reading() as db:
        query = select(Occurrence).where(Occurrence.revision_id == revision.id).order_by(Occurrence.start)
        return list(db.scalars(query))


def test_one_person_lets_a_template_speak_and_it_repeats_until_it_ends(studio: Studio) -> None:
    town = studio.town
    revision = spoken(town, ready(town))
    rows = occurrences(town, revision)
    assert [row.start - NOW for row in rows] == [n * 10 * MINUTE for n in range(12)]
    assert {row.tolerance_s for row in rows} == {600}, "each may begin until the next"
    assert rows[0].clicked_at == NOW - timedelta(seconds=1.5)
    assert rows[1].clicked_at is None
    sent = studio.step()
    now_sent = [to for to, message in sent if isinstance(message, PlayNow)]
    assert now_sent == ["thon-01.speaker", "thon-02.speaker"], "one command each, for the first playing only"
    believed = open_announcement(studio.plays().announcements[0], town.keys.trust, NOW)
    assert (believed.is_emergency, believed.villages) == (True, ["ben", "dong"])
    assert len(studio.plays().plays) == 12
    with town.database.reading() as db:
        first = db.get_one(Play, (rows[0].id, "thon-01"))
        (found,) = emergency.running(db, NOW + 11 * MINUTE)
        assert emergency.running(db, NOW + 120 * MINUTE) == []
    assert (first.state, first.sent_at) == ("sent", NOW)
    assert (found.by, found.since, found.until) == (("Cuong",), NOW, NOW + 120 * MINUTE)
    assert (found.occurrence.id, found.next_at, found.is_drill) == (rows[1].id, NOW + 20 * MINUTE, False)
    assert [play.node for play in found.plays] == ["thon-01", "thon-02"]
    assert "emergency.spoken" in actions(town)


def test_who_may_let_a_template_speak_and_where(town: Town) -> None:
    template = ready(town, replaced(FLOOD, villages=("dong", "ben")))
    waiting = handed_in(town)
    with town.database.session() as db:

        def body(who: Account = town.cuong, id_: int = template, villages: Sequence[str] = ("dong",)) -> str:
            return emergency.trigger_body(db, town.desk, who, id_, villages, NOW)

        assert declined(lambda: body(town.hoa)).code == "no-right"
        assert declined(lambda: body(town.binh)).code == "no-emergency-key"
        assert declined(lambda: body(id_=template + 77)).code == "no-template"
        assert declined(lambda: body(id_=waiting)).code == "no-template"
        assert declined(lambda: body(villages=())).code == "no-village"
        assert declined(lambda: body(villages=("đã-đi", "💥" * 5000))).code == "unknown-village"
        assert declined(lambda: body(villages=("dong", "ha"))).code == "template-villages"
        assert [row.id for row in emergency.ready_templates(db, NOW, town.desk)] == [template]
        over = NOW + timedelta(days=400)
        assert emergency.ready_templates(db, over) == []
        old = declined(lambda: emergency.trigger_body(db, town.desk, town.cuong, template, ["dong"], over))
        assert old.code == "template-expired"


def test_whoever_alone_signed_a_template_needs_another_to_let_it_speak(town: Town) -> None:
    template = ready(town)
    with town.database.session() as db:
        alone = declined(lambda: emergency.trigger_body(db, town.desk, town.lanh, template, ["dong"], NOW))
        assert (alone.code, str(alone)) == (
            "one-signer",
            "Mẫu “Nước lên, sơ tán” mới một mình anh/chị ký nên phải người khác phát. Xin gọi ngay: Cuong.",
        )
        by_other = emergency.trigger_body(db, town.desk, town.cuong, template, ["dong"], NOW)
        own = msgspec.structs.replace(msgspec.json.decode(by_other, type=Envelope), author="lanh")
        sent = signed_by(town, canonical(own), "k-lanh")
        assert (
            declined(lambda: emergency.trigger(db, town.desk, town.lanh, sent, 0, NOW)).code == "one-signer"
        )
        assert emergency.trigger_body(db, town.desk, town.lanh, template, ["dong"], NOW, drill=True)
        again = signed_by(town, db.get_one(EmergencyTemplate, template).body or "", "k-lanh", "template")

        def second(who: Account, signed: Signed, at: datetime = NOW) -> EmergencyTemplate:
            return emergency_templates.sign(db, town.desk, who, template, signed, at)

        def by(key: str, text: str = again.body) -> Signed:
            return signed_by(town, text, key, "template")

        assert declined(lambda: second(town.lanh, again)).code == "same-signer"
        assert declined(lambda: second(town.binh, by("k-binh"))).code == "no-emergency-key"
        assert declined(lambda: second(town.hoa, by("k-cuong"))).code == "no-right"
        assert declined(lambda: second(town.cuong, again)).code == "not-own-key"
        for text in ("", "{" * 100_000, "💥", again.body.replace("Nước", "Nươc"), again.body + " "):
            assert declined(partial(second, town.cuong, by("k-cuong", text))).code == "other-text"
        late = NOW + timedelta(days=400)
        assert declined(lambda: second(town.cuong, by("k-cuong"), late)).code == "template-expired"
        spoken_before = signed_by(town, by_other, "k-cuong")
    before = town_plan_of(town)
    both = signed_too(town, template)
    assert (both.state, both.body, len(both.signatures)) == ("ready", again.body, 2)
    assert (both.signer_id, town_plan_of(town)) == (town.lanh.id, before), "all else stays as it was"
    with town.database.session() as db:
        full = declined(lambda: emergency_templates.body_of(db, town.desk, template, 12, NOW))
        assert full.code == "signed-already"
        old = declined(lambda: emergency.trigger(db, town.desk, town.cuong, spoken_before, 0, NOW))
        assert old.code == "other-text", "what was offered before the second signature is offered anew"
        body = emergency.trigger_body(db, town.desk, town.lanh, template, ["dong"], NOW)
        alone_now = emergency.trigger(db, town.desk, town.lanh, signed_by(town, body, "k-lanh"), 0, NOW)
        open_announcement(
            Signed(
                body=alone_now.envelope or "",
                signatures=msgspec.convert(alone_now.signatures, list[Signature]),
            ),
            town.keys.trust,
            NOW,
        )
    assert "template.signed-second" in actions(town)


def town_plan_of(town: Town) -> list[Media]:
    """What the loudspeakers have at hand."""
    with town.database.reading() as db:
        return emergency_templates.kept_sounds(db, "dong", NOW)


def test_a_second_signature_takes_the_place_of_one_that_no_longer_stands(town: Town) -> None:
    template = ready(town)
    listed = town.keys.trust
    without = msgspec.structs.replace(
        listed, generation=9, keys=[one for one in listed.keys if one.key != "k-lanh"]
    )
    with town.database.session() as db:
        trusted.take(db, town.desk, sign_list(canonical(without), town.keys.root), "hub", NOW)
    row = signed_too(town, template)
    assert [one["key"] for one in row.signatures] == ["k-cuong"]
    with town.database.session() as db:
        assert [each.id for each in emergency.ready_templates(db, NOW, town.desk)] == [template]
        alone = declined(lambda: emergency.trigger_body(db, town.desk, town.cuong, template, ["dong"], NOW))
        assert alone.code == "one-signer"
        assert str(alone).endswith("Xã chưa có ai khác được phát khẩn cấp.")


def test_the_same_request_twice_is_one_emergency_and_another_text_is_none(town: Town) -> None:
    template = ready(town)
    signed_too(town, template)
    with town.database.session() as db:
        body = emergency.trigger_body(db, town.desk, town.cuong, template, ["dong"], NOW)
        signed = signed_by(town, body, "k-cuong")

        def send(signed: Signed = signed, who: Account = town.cuong, at: datetime = NOW) -> Revision:
            return emergency.trigger(db, town.desk, who, signed, 10**12, at)

        def changed(**change: object) -> Signed:
            other = msgspec.structs.replace(msgspec.json.decode(body, type=Envelope), **change)
            return signed_by(town, canonical(other), "k-cuong")

        assert declined(lambda: send(signed_by(town, body, "k-binh"))).code == "not-own-key"
        assert declined(lambda: send(who=town.lanh)).code == "not-own-key"
        assert declined(lambda: send(who=town.hoa)).code == "no-right"
        assert declined(lambda: send(Signed(body=body, signatures=[]))).code == "not-own-key"
        assert declined(lambda: send(at=NOW + timedelta(minutes=11))).code == "stale"
        assert declined(lambda: send(changed(announcement="bt-1"))).code == "other-text"
        assert declined(lambda: send(changed(title="Lời khác"))).code == "other-text"
        assert declined(lambda: send(changed(spoken="Lời khác."))).code == "template-differs"
        assert declined(lambda: send(changed(template=None))).code == "one-signer"
        for body_ in ("", "{" * 100_000, "💥", "\u0000", body + " "):
            assert declined(lambda b=body_: send(signed_by(town, b, "k-cuong"))).code in (  # type: ignore[misc]
                "malformed",
                "not-canonical",
            )
        first = send()
        assert send().id == first.id
        assert declined(lambda: send(who=town.lanh)).code == "replayed"
        assert len(db.scalars(select(Announcement)).all()) == 1
        again = declined(lambda: emergency.trigger_body(db, town.desk, town.lanh, template, ["dong"], NOW))
        assert again.code == "running-already"
        assert emergency.trigger_body(db, town.desk, town.lanh, template, ["dong", "ha"], NOW)
    clicked = occurrences(town, first)[0].clicked_at
    assert clicked == NOW - timedelta(minutes=2), "a browser's wrong clock moves it by two minutes at most"
    assert actions(town).count("emergency.spoken") == 1


def test_neither_hours_of_silence_nor_what_is_planned_hold_an_emergency(town: Town) -> None:
    night = NOW.replace(hour=23, minute=30)
    town.approved(starts=[NOW.replace(hour=17, minute=30)])
    assert written(town, now=NOW.replace(hour=17, minute=30))
    revision = spoken(town, ready(town), night)
    assert occurrences(town, revision)[0].start == night
    with town.database.session() as db:
        row = db.get_one(Revision, revision.id)
        row.occurrences[0].plays[0].state = "playing"
    with town.database.reading() as db:
        assert [each.since for each in emergency.running(db, night + MINUTE)] == [night]


def test_free_words_need_two_people_and_the_writer_may_be_one(town: Town) -> None:
    with town.database.session() as db:
        revision = emergency.write(db, town.lanh, FIRE, LEXICON, NOW)
        body = partial(emergency.body_of, db, town.desk, revision.id, NOW)
        assert declined(body).code == "no-audio"
        revision.audio = sound(1)
        plain = signed_by(town, body(), "k-binh")
        other = declined(lambda: workflow.approve(db, town.desk, town.binh, revision.id, plain, NOW))
        assert other.code == "emergency-way"
    half = sign_words(town, revision.id, "k-lanh")
    assert (half.state, len(half.signatures)) == ("submitted", 1)
    with town.database.session() as db:
        (waits,) = emergency.waiting(db, NOW)
        assert waits.first is not None
        assert (waits.first.account.username, waits.first.until) == ("lanh", NOW + 10 * MINUTE)
        assert [each.username for each in emergency.signers(db, town.desk, NOW, town.lanh.id)] == ["cuong"]
        frozen = emergency.body_of(db, town.desk, revision.id, NOW + MINUTE)
        assert frozen == half.envelope
        again = signed_by(town, frozen, "k-lanh")
        alone = declined(
            lambda: emergency.sign(db, town.desk, town.lanh, revision.id, again, 0, NOW + MINUTE)
        )
        assert alone.code == "same-signer"
        kept = Signed(body=frozen, signatures=msgspec.convert(half.signatures, list[Signature]))
        assert emergency.sign(db, town.desk, town.lanh, revision.id, kept, 0, NOW).state == "submitted"
        plain = signed_by(town, frozen, "k-binh")
        other = declined(lambda: emergency.sign(db, town.desk, town.binh, revision.id, plain, 0, NOW))
        assert other.code == "no-emergency-key"
    whole = sign_words(town, revision.id, "k-cuong", NOW + 2 * MINUTE)
    assert (whole.state, whole.approver_id) == ("approved", town.cuong.id)
    rows = occurrences(town, whole)
    assert (rows[0].start, rows[0].clicked_at) == (NOW, NOW + 2 * MINUTE - timedelta(seconds=0.8))
    with town.database.session() as db:
        (found,) = emergency.running(db, NOW + 2 * MINUTE)
        assert found.by == ("Lanh", "Cuong")
        open_announcement(
            Signed(body=whole.envelope or "", signatures=msgspec.convert(whole.signatures, list[Signature])),
            town.keys.trust,
            NOW,
        )
        late = Signed(
            body=whole.envelope or "", signatures=msgspec.convert(whole.signatures[1:], list[Signature])
        )
        assert emergency.sign(db, town.desk, town.cuong, revision.id, late, 0, NOW).state == "approved"
    said = actions(town)
    assert (said.count("emergency.signed-first"), said.count("emergency.signed-second")) == (1, 1)


def test_a_first_signature_lapses_and_can_be_made_again(town: Town) -> None:
    revision = written(town)
    old = sign_words(town, revision, "k-lanh")
    late = NOW + 10 * MINUTE
    with town.database.session() as db:
        signed = signed_by(town, old.envelope or "", "k-cuong")
        lapsed = declined(lambda: emergency.sign(db, town.desk, town.cuong, revision, signed, 0, late))
        assert lapsed.code == "first-lapsed"
        assert emergency.waiting(db, late)[0].first is None
    again = sign_words(town, revision, "k-cuong", late)
    assert (again.state, again.signatures[0]["key"]) == ("submitted", "k-cuong")
    with town.database.session() as db:
        fresh = signed_by(town, old.envelope or "", "k-lanh")
        moved = declined(lambda: emergency.sign(db, town.desk, town.lanh, revision, fresh, 0, late))
        assert moved.code == "signed-meanwhile"
    assert sign_words(town, revision, "k-lanh", late + MINUTE).state == "approved"


def test_a_first_signature_is_worth_nothing_before_a_second_playing_or_after_a_correction(town: Town) -> None:
    revision = written(town, replaced(FIRE, every_s=300))
    sign_words(town, revision, "k-lanh")
    assert sign_words(town, revision, "k-cuong", NOW + 5 * MINUTE).state == "submitted", "a first one anew"
    corrected = replaced(FIRE, text="Chợ đã dập được lửa.")
    with town.database.session() as db:
        key = db.get_one(Revision, revision).announcement_id
        new = emergency.write(db, town.binh, corrected, LEXICON, NOW + 6 * MINUTE, key)
        new.audio = sound(5)
        body = signed_by(town, db.get_one(Revision, revision).envelope or "", "k-lanh")
        gone = declined(lambda: emergency.sign(db, town.desk, town.lanh, revision, body, 0, NOW + 6 * MINUTE))
        assert gone.code == "not-newest"
        assert new.number == 2
        assert emergency.body_of(db, town.desk, new.id, NOW + 6 * MINUTE)


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"text": ""}, "empty"),
    ({"text": " \n"}, "empty"),
    ({"text": "à" * 100_000}, "long-text"),
    ({"text": "🔥🔥🔥"}, "empty"),
    ({"text": "a" + "\u0301" * 1900}, "doubts"),
    ({"title": ""}, "no-title"),
    ({"title": "a" * 5000}, "long-title"),
    ({"text": "Hạn 3/4, gọi 0xZZ."}, "doubts"),
    ({"villages": ()}, "no-village"),
    ({"villages": ("moon",)}, "unknown-village"),
    ({"every_s": 60}, "bad-every"),
    ({"lasts_s": 10**9}, "bad-lasts"),
    ({"repeat": 99}, "bad-repeat"),
)


def test_free_words_that_cannot_be_spoken_are_refused_in_words(town: Town) -> None:
    with town.database.session() as db:
        for change, code in REFUSED:
            words = replaced(FIRE, **change)
            found = declined(partial(emergency.write, db, town.hoa, words, LEXICON, NOW))
            assert found.code == code, change


class Reader:
    """A renderer that reads everything but one word."""

    def audio(self, spoken: str, voice: str, tracks: object, *, is_emergency: bool) -> Media:
        if "hỏng" in spoken:
            raise EngineError("no engine")
        assert not is_emergency, "a template is made on a quiet day, in the best voice"
        return Media(sha256="ab" * 32, size=9, type="audio/ogg", duration_ms=20_000)


def test_a_template_gets_its_sound_and_loudspeakers_keep_it_at_hand(studio: Studio) -> None:
    town, reader = studio.town, Reader()
    good, bad = handed_in(town), handed_in(town, replaced(FLOOD, text="Cầu hỏng, đừng qua."))
    with town.database.session() as db:
        for each in (good, bad):
            db.get_one(EmergencyTemplate, each).audio = None
    assert render_template_next(town.database, reader, studio.clock)  # type: ignore[arg-type]
    assert render_template_next(town.database, reader, studio.clock)  # type: ignore[arg-type]
    assert not render_template_next(town.database, reader, studio.clock)  # type: ignore[arg-type]
    assert studio.plays().keep == [], "not before it is signed"
    with town.database.session() as db:
        failed = db.get_one(EmergencyTemplate, bad)
        assert (failed.audio, failed.audio_problem.endswith(".")) == (None, True)
        asked = declined(lambda: emergency_templates.body_of(db, town.desk, bad, 12, NOW))
        assert (asked.code, str(asked)) == ("no-audio", failed.audio_problem)
        body = emergency_templates.body_of(db, town.desk, good, 12, NOW)
        own = signed_by(town, body, "k-lanh", "template")
        assert (
            declined(lambda: emergency_templates.sign(db, town.desk, town.hoa, good, own, NOW)).code
            == "no-right"
        )
        emergency_templates.sign(db, town.desk, town.lanh, good, own, NOW)
    assert [each.sha256 for each in studio.plays().keep] == ["ab" * 32]
    studio.clock.advance(400 * 86_400)
    assert studio.plays().keep == []


def test_cancelling_ends_it_for_good_and_so_does_silence_over_the_commune(studio: Studio) -> None:
    town = studio.town
    first = spoken(town, ready(town))
    second_words = written(town)
    sign_words(town, second_words, "k-lanh")
    second = sign_words(town, second_words, "k-cuong")
    studio.step()
    with town.database.session() as db:
        assert declined(lambda: emergency.cancel(db, town.hoa, first.announcement_id, NOW)).code == "no-right"
        emergency.cancel(db, town.binh, first.announcement_id, NOW + MINUTE)
        assert (
            declined(lambda: emergency.cancel(db, town.binh, first.announcement_id, NOW)).code
            == "not-running"
        )
        assert [each.announcement for each in emergency.running(db, NOW + MINUTE)] == [second.announcement_id]
    studio.clock.advance(60)
    stops = [(to, message.occurrence) for to, message in studio.step() if isinstance(message, StopPlay)]
    assert stops == [(f"thon-0{n}.speaker", occurrences(town, first)[0].id) for n in (1, 2)]
    assert all(row.cancelled_at for row in occurrences(town, first))
    assert {each.announcement for each in studio.plays().plays} == {second.announcement_id}
    assert len(studio.plays().cancelled) == 12
    with town.database.session() as db:
        workflow.stop(db, town.binh, "", NOW + 2 * MINUTE)
        assert emergency.running(db, NOW + 2 * MINUTE) == []
    assert all(row.cancelled_at for row in occurrences(town, second)), "nothing of it begins again by itself"


def test_a_drill_is_said_once_with_the_template_and_ends_by_itself(studio: Studio) -> None:
    town = studio.town
    revision = spoken(town, ready(town), drill=True)
    (row,) = occurrences(town, revision)
    envelope = msgspec.json.decode(revision.envelope or "", type=Envelope)
    assert (revision.drill, envelope.drill, envelope.is_emergency) == (True, True, False)
    assert (revision.announcement_id[:3], row.tolerance_s, row.duration_s) == ("dt-", 120, 6.0)
    assert envelope.template is not None
    open_announcement(studio.plays().announcements[0], town.keys.trust, NOW)
    with town.database.session() as db:
        (found,) = emergency.running(db, NOW)
        assert (found.is_drill, found.next_at) == (True, None)
        for play in db.scalars(select(Play)):
            play.state = "played" if play.node == "thon-01" else "missed"
    with town.database.session() as db:
        assert emergency.running(db, NOW + timedelta(seconds=5)) == []
        nobody = declined(lambda: _drill_where_nobody_hears(town, db, revision))
        assert nobody.code == "no-speaker"
    assert "emergency.drilled" in actions(town)


def test_a_drill_waits_while_an_emergency_holds_in_one_of_its_villages(town: Town) -> None:
    template = ready(town)
    drill = partial(spoken, town, template, drill=True)
    with town.database.session() as db:
        body = emergency.trigger_body(db, town.desk, town.cuong, template, ["dong"], NOW, drill=True)
    revision = spoken(town, template)
    for villages in (["dong"], ["ben", "ha"]):
        refused = declined(lambda v=villages: drill(villages=v))  # type: ignore[misc]
        assert (refused.code, "Đang phát khẩn cấp “Nước lên, sơ tán”" in str(refused)) == (
            "emergency-runs",
            True,
        )
    with town.database.session() as db:
        sent = signed_by(town, body, "k-cuong")
        early = declined(lambda: emergency.trigger(db, town.desk, town.cuong, sent, 0, NOW))
        assert early.code == "emergency-runs", "offered before the emergency, signed after"
    assert drill(villages=["ha"]).drill, "elsewhere nobody is misled"
    with town.database.session() as db:
        emergency.cancel(db, town.cuong, revision.announcement_id, NOW)
    assert drill(villages=["dong"]).drill


def test_an_emergency_that_no_loudspeaker_would_say_is_not_let_speak(town: Town) -> None:
    template, waits = ready(town), written(town, replaced(FIRE, villages=("ha",)))
    with town.database.session() as db:
        db.get_one(NodeRecord, "thon-03").retired_at = NOW
        for act in (
            lambda: emergency.trigger_body(db, town.desk, town.cuong, template, ["ha"], NOW),
            lambda: emergency.write(db, town.hoa, replaced(FIRE, villages=("ha",)), LEXICON, NOW),
            lambda: emergency.body_of(db, town.desk, waits, NOW),
        ):
            assert declined(act).code == "no-speaker"
        assert emergency.trigger_body(db, town.desk, town.cuong, template, ["ha", "dong"], NOW)


def _drill_where_nobody_hears(town: Town, db: Session, revision: Revision) -> None:
    db.get_one(NodeRecord, "thon-03").retired_at = NOW
    emergency.trigger_body(db, town.desk, town.lanh, revision.template_id or 0, ["ha"], NOW, drill=True)


def test_words_nobody_let_speak_are_none_any_more_after_hours(town: Town) -> None:
    revision = written(town)
    with town.database.session() as db:
        assert ending.expire(db, NOW + timedelta(hours=5)) == 0
        assert ending.expire(db, NOW + timedelta(hours=7)) == 1
    assert town.revision(revision).state == "expired"


def test_ordinary_ways_lead_to_the_page_of_emergencies(town: Town) -> None:
    draft = town.draft(kind="emergency", play_now=True, starts=[])
    with town.database.session() as db:
        found = declined(lambda: workflow.submit(db, town.hoa, draft, LEXICON, NOW))
    assert found.code == "emergency-way"


def test_repeats_leave_a_rest_whatever_was_chosen(town: Town) -> None:
    long = written(town, replaced(FIRE, every_s=300, lasts_s=3600, repeat=10, gap_s=60))
    with town.database.session() as db:
        envelope = msgspec.json.decode(emergency.body_of(db, town.desk, long, NOW), type=Envelope)
    steps = {later.at - one.at for one, later in pairwise(envelope.starts)}
    assert steps == {14 * MINUTE}, "ten times twenty seconds with a minute between is 12 min 24 s"
    once = written(town, replaced(FIRE, every_s=0))
    with town.database.session() as db:
        envelope = msgspec.json.decode(emergency.body_of(db, town.desk, once, NOW), type=Envelope)
    assert [(one.at, one.tolerance_s) for one in envelope.starts] == [(NOW, 7200)]


def test_a_template_whose_signer_the_commune_no_longer_believes_is_not_offered(town: Town) -> None:
    template = ready(town)
    listed = town.keys.trust
    without = msgspec.structs.replace(
        listed, generation=9, keys=[one for one in listed.keys if one.key != "k-lanh"]
    )
    with town.database.session() as db:
        trusted.take(db, town.desk, sign_list(canonical(without), town.keys.root), "hub", NOW)
        assert emergency.ready_templates(db, NOW, town.desk) == []
        found = declined(lambda: emergency.trigger_body(db, town.desk, town.cuong, template, ["dong"], NOW))
        assert found.code == "template-unbelieved"
