"""What becomes of a warning: a draft, a template that stands ready, or nothing, said why; taken back by its sender."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, select

from broker.hub.announcing import emergency, ending, workflow
from broker.hub.cap import intake, rules, sources
from broker.hub.cap.rules import Rule
from broker.hub.cap.signature import Standing
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    CapMessage,
    CapSource,
    EmergencyTemplate,
    NodeRecord,
    Revision,
    audit_rows,
)
from broker.link.config import PlaceOf
from tests.hub.alarms import ready, spoken
from tests.hub.cap.warnings import FLOOD_WORDS, arrived, info_of, reference
from tests.hub.town import LEXICON, NOW, Town

PLACE = PlaceOf(province="00", commune="00000", commune_name="xã Vân Khê")
MINUTE = timedelta(minutes=1)


def take(
    town: Town, now: datetime = NOW, by: Account | None = None, source: int | None = None, **about: Any
) -> CapMessage:
    """A message that Hoa brings as a file, or that came from a source."""
    with town.database.session() as db:
        origin = db.get_one(CapSource, source) if source else None
        person = None if origin is not None else db.get_one(Account, (by or town.hoa).id)
        return intake.take(db, PLACE, arrived(**about), now, source=origin, account=person)[0]


def again(town: Town, row: CapMessage) -> CapMessage:
    with town.database.reading() as db:
        return db.get_one(CapMessage, row.id)


def newest(town: Town, row: CapMessage) -> Revision:
    """The newest revision of what was made of a message."""
    with town.database.reading() as db:
        return workflow.newest_revision(db, again(town, row).announcement)


def declined(act: Callable[[], object]) -> str:
    with pytest.raises(Declined) as found:
        act()
    assert str(found.value).endswith(".")
    return found.value.code


def source(town: Town, writer: str = "hoa", certificate: str = "") -> int:
    with town.database.session() as db:
        address = f"https://canhbao.example/{writer}"
        made = sources.add_source(db, town.binh, "Đài tỉnh", address, 300, "", writer, NOW)
        made.certificate = certificate
        return made.id


def a_rule(town: Town, **change: str) -> EmergencyTemplate:
    """Lành's flood template, and a rule by which floods make it stand ready."""
    template = ready(town)
    with town.database.session() as db:
        row = db.get_one(EmergencyTemplate, template)
        rules.add_rule(db, town.binh, Rule(id="", event="LŨ", template=row.code, **change), NOW)
        return row


def test_a_file_becomes_a_draft_once_and_never_anything_that_sounds(town: Town) -> None:
    row = take(town)
    revision = newest(town, row)
    assert (row.state, revision.state, revision.kind) == ("drafted", "draft", "priority")
    assert (revision.author_id, revision.starts, revision.play_now) == (town.hoa.id, [], False)
    assert FLOOD_WORDS in revision.text
    assert (revision.villages, revision.source) == (["ben", "dong", "ha"], {"cap": row.id})
    assert row.info["guessed"] == ["dong", "ben", "ha"], "nobody has put them on the map"
    with town.database.session() as db:
        same, is_new = intake.take(db, PLACE, arrived(), NOW + MINUTE, account=town.hoa)
        assert (same.id, is_new) == (row.id, False)
        assert len(list(db.scalars(select(Revision)))) == 1
        actions = [each.entry.action for each in audit_rows(db)]
    assert actions[-2:] == ["cap.received", "cap.drafted"]
    assert declined(lambda: take(town, identifier="kt-2", by=outsider(town))) == "no-right"


def outsider(town: Town) -> Account:
    with town.database.session() as db:
        db.get_one(Account, town.cuong.id).roles = ["leader"]
    return town.cuong


SILENT: dict[str, dict[str, Any]] = {
    "an exercise": {"status": "Exercise"},
    "a test": {"status": "Test"},
    "for machines": {"status": "System"},
    "their draft": {"status": "Draft"},
    "an answer": {"kind": "Ack", "references": reference("x")},
    "private": {"scope": "<scope>Private</scope><addresses>a@b</addresses>"},
    "elsewhere": {"area": "<area><areaDesc>Xa</areaDesc><circle>10.0,106.0 1</circle></area>"},
}  # fmt: skip


def test_what_is_not_for_people_here_is_kept_with_the_reason_and_nothing_is_made_of_it(town: Town) -> None:
    a_rule(town)
    with town.database.session() as db:
        for node in db.scalars(select(NodeRecord)):
            node.latitude, node.longitude = 20.5, 105.5
    for n, (name, about) in enumerate(SILENT.items()):
        row = take(town, identifier=f"s-{n}", **about)
        assert (row.state, row.announcement, row.template) == ("ignored", "", ""), name
        assert row.info["reason"].endswith("."), name
    late = info_of(expires="<expires>2026-11-21T07:59:00+07:00</expires>")
    assert take(town, identifier="late", infos=late).state == "expired"
    silent = take(town, identifier="old", sent=NOW - timedelta(hours=25), expires="")
    assert silent.state == "expired", "a warning of yesterday that says no end is over"
    with town.database.reading() as db:
        assert list(db.scalars(select(Revision))) == []
        assert intake.prepared(db, NOW) == []


def test_a_rule_makes_a_template_stand_ready_until_the_warning_is_over(town: Town) -> None:
    template = a_rule(town)
    row = take(town)
    assert (row.state, row.template, row.announcement) == ("prepared", template.code, "")
    with town.database.reading() as db:
        (ready_one,) = intake.prepared(db, NOW)
        assert (ready_one.template, ready_one.villages) == (template.code, ["dong", "ben", "ha"])
        assert (ready_one.headline, ready_one.sender) == (
            "Cảnh báo lũ trên sông Vân",
            "Đài Khí tượng Thuỷ văn tỉnh",
        )
        assert intake.prepared(db, NOW + timedelta(hours=6)) == []
        assert [row.id for row in intake.over(db, NOW + timedelta(hours=6))] == [row.id]
        assert emergency.running(db, NOW) == [], "nobody has signed, nothing speaks"
    weaker: list[dict[str, Any]] = [
        {"severity": "Moderate"},
        {"urgency": "Future"},
        {"event": "Nắng", "headline": "Nóng"},
    ]
    for n, each in enumerate(weaker):
        assert take(town, identifier=f"w-{n}", **each).state == "drafted"
    calm = "<responseType>AllClear</responseType>"
    assert take(town, identifier="clear", response=calm).state == "drafted"
    with town.database.session() as db:
        intake.expire(db, NOW + timedelta(days=1))
    assert again(town, row).state == "expired"


def test_a_false_warning_of_the_same_name_swallows_no_true_one(town: Town) -> None:
    strict, open_one = source(town, "hoa", "-----BEGIN CERTIFICATE-----"), source(town, "binh")

    def come(name: str, signature: Standing, by: int, minute: int = 0, **about: Any) -> CapMessage:
        with town.database.session() as db:
            arrival = replace(arrived(identifier=name, **about), signature=signature)
            return intake.take(db, PLACE, arrival, NOW + minute * MINUTE, source=db.get_one(CapSource, by))[0]

    worthless: tuple[Standing, ...] = ("bad", "none")
    for n, signature in enumerate(worthless):
        false = come(f"f-{n}", signature, strict)
        true = come(f"f-{n}", "good", strict)
        assert (false.state, true.state, true.id, true.signature) == ("ignored", "drafted", false.id, "good")
        assert true.info["reason"] == ""
    assert come("t", "none", open_one, status="Test").state == "ignored"
    assert come("t", "none", open_one).state == "drafted"
    assert come("t", "none", open_one, status="Test").state == "drafted", "and never the other way about"
    elsewhere = "<area><areaDesc>Xa</areaDesc><circle>10.0,106.0 1</circle></area>"
    with town.database.session() as db:
        for node in db.scalars(select(NodeRecord)):
            node.latitude, node.longitude = 20.5, 105.5
    assert come("e", "none", open_one, area=elsewhere).state == "ignored"
    assert come("e", "none", strict).state == "ignored", (
        "a strict source's own unsigned one still counts less"
    )
    assert come("e", "none", open_one).state == "drafted"

    false = come("d", "none", open_one, headline="Không có gì")
    draft = newest(town, false)
    true = come("d", "good", strict, 1)
    assert (true.id, true.info["title"], newest(town, true).id != draft.id) == (
        false.id,
        "Cảnh báo lũ trên sông Vân",
        True,
    )
    with town.database.reading() as db:
        assert workflow.newest_revision(db, draft.announcement_id).state == "withdrawn"
    assert come("d", "good", strict, 2).received_at == NOW + MINUTE, "the same again does nothing"


def test_a_warning_nobody_can_reckon_with_hides_itself_and_no_other(town: Town) -> None:
    a_rule(town)
    good, odd = take(town), take(town, identifier="kt-2")
    with town.database.session() as db:
        row = db.get_one(CapMessage, odd.id)
        row.sent = row.expires = datetime.max.replace(tzinfo=UTC)
    with town.database.reading() as db:
        assert [one.message for one in intake.prepared(db, NOW)] == [good.id]


def test_what_a_warning_was_as_it_came_is_read_only_where_it_is_asked_for(town: Town) -> None:
    take(town, source=source(town, ""))
    asked: list[str] = []
    with town.database.session() as db:

        def note(*told: Any) -> None:
            asked.append(told[2])

        event.listen(db.get_bind(), "before_cursor_execute", note)
        try:
            (row,) = intake.waiting(db, NOW)
            intake.over(db, NOW + timedelta(days=1))
            assert asked
            assert not [each for each in asked if "cap_message.xml" in each]
            assert "<alert" in row.xml
        finally:
            event.remove(db.get_bind(), "before_cursor_execute", note)


def test_an_update_rewords_the_draft_unless_an_editor_has(town: Town) -> None:
    first = take(town)
    update: dict[str, Any] = {
        "kind": "Update",
        "references": reference(),
        "sent": NOW + MINUTE,
        "description": "Nước rút.",
    }
    second = take(town, NOW + MINUTE, identifier="kt-2", **update)
    assert (again(town, first).state, second.state) == ("replaced", "drafted")
    assert second.announcement == first.announcement
    assert "Nước rút." in newest(town, second).text
    with town.database.session() as db:
        revision = workflow.newest_revision(db, second.announcement)
        revision.text = "Lời của Hoa."
    update |= {"references": reference("kt-2", NOW + MINUTE), "sent": NOW + 2 * MINUTE}
    third = take(town, NOW + 2 * MINUTE, identifier="kt-3", **update)
    assert third.announcement != first.announcement
    assert newest(town, second).text == "Lời của Hoa.", "what a person wrote is never written over"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_a_cancel_withdraws_the_draft_also_when_it_came_first(town: Town) -> None:
    first = take(town)
    cancel: dict[str, Any] = {"kind": "Cancel", "infos": "", "references": reference(), "sent": NOW + MINUTE}
    stranger = take(town, NOW + MINUTE, identifier="x-1", sender="ai@do.example", **cancel)
    assert (again(town, first).state, stranger.state) == ("drafted", "new"), "only its sender takes it back"
    take(town, NOW + MINUTE, identifier="kt-2", **cancel)
    assert again(town, first).state == "cancelled"
    assert newest(town, first).state == "withdrawn"
    early = reference("kt-9")
    take(town, NOW, identifier="kt-8", kind="Cancel", infos="", references=early, sent=NOW + MINUTE)
    late = take(town, NOW + MINUTE, identifier="kt-9")
    assert (late.state, late.announcement) == ("cancelled", "")
    fake = take(
        town, identifier="kt-10", status="Test", kind="Cancel", infos="", references=reference("kt-11")
    )
    assert (fake.state, take(town, identifier="kt-11").state) == ("ignored", "drafted"), (
        "a test cancels nothing"
    )


def test_a_cancel_of_what_speaks_tells_whoever_let_it_and_stops_nothing_itself(town: Town) -> None:
    template = a_rule(town)
    row = take(town)
    revision = spoken(town, template.id, NOW + MINUTE)
    cancel: dict[str, Any] = {
        "kind": "Cancel",
        "infos": "",
        "references": reference(),
        "sent": NOW + 2 * MINUTE,
    }
    told = take(town, NOW + 2 * MINUTE, identifier="kt-2", **cancel)
    assert again(town, row).state == "cancelled"
    with town.database.session() as db:
        told = db.get_one(CapMessage, told.id)
        assert [one.id for one in intake.speaking_still(db, told, NOW + 3 * MINUTE)] == [revision.id]
        assert [one.id for one in intake.waiting(db, NOW + 3 * MINUTE)] == [told.id]
        assert len(emergency.running(db, NOW + 3 * MINUTE)) == 1, "a machine elsewhere silences nobody here"
        emergency.cancel(db, town.cuong, revision.announcement_id, NOW + 4 * MINUTE)
        assert intake.waiting(db, NOW + 4 * MINUTE) == []


def test_an_approved_announcement_is_told_of_and_left_to_its_approver(town: Town) -> None:
    row = take(town)
    with town.database.session() as db:
        revision = workflow.newest_revision(db, row.announcement)
        draft = workflow.Draft(
            title=revision.title, text="Nước lên.", villages=["dong"], starts=[NOW + timedelta(hours=2)]
        )
        revision = workflow.save_draft(db, town.hoa, draft, NOW, row.announcement)
        workflow.submit(db, town.hoa, revision.id, LEXICON, NOW)
    town.give_audio(revision.id)
    with town.database.session() as db:
        workflow.approve(db, town.desk, town.binh, revision.id, town.signed(revision.id), NOW)
    cancel: dict[str, Any] = {"kind": "Cancel", "infos": "", "references": reference(), "sent": NOW + MINUTE}
    told = take(town, NOW + MINUTE, identifier="kt-2", **cancel)
    with town.database.session() as db:
        told = db.get_one(CapMessage, told.id)
        assert [one.id for one in intake.speaking_still(db, told, NOW)] == [revision.id]
        assert workflow.newest_revision(db, row.announcement).state == "approved"
        ending.withdraw(db, town.binh, revision.id, NOW + MINUTE)
        assert intake.speaking_still(db, told, NOW + MINUTE) == []


def test_a_source_drafts_in_its_editors_name_or_waits_and_believes_only_its_certificate(town: Town) -> None:
    mine, nobodys = source(town), source(town, "")
    assert newest(town, take(town, source=mine)).author_id == town.hoa.id
    waits = take(town, identifier="kt-2", source=nobodys)
    assert (waits.state, waits.announcement) == ("new", "")
    with town.database.session() as db:
        assert [row.id for row in intake.waiting(db, NOW)] == [waits.id]
        revision = intake.write_draft(db, town.binh, waits.id, NOW)
        assert (revision.author_id, revision.source) == (town.binh.id, {"cap": waits.id})
    with town.database.session() as db:
        assert declined(lambda: intake.write_draft(db, town.hoa, waits.id, NOW)) == "cap-not-open"
        assert declined(lambda: intake.set_aside(db, town.hoa, waits.id, NOW)) == "cap-not-open"
        assert declined(lambda: intake.write_draft(db, town.hoa, 999, NOW)) == "cap-none"
    other = take(town, identifier="kt-3", source=nobodys)
    undo: dict[str, Any] = {
        "kind": "Cancel",
        "infos": "",
        "references": reference("kt-3"),
        "sent": NOW + MINUTE,
    }
    take(town, identifier="kt-4", source=mine, **undo)
    assert again(town, other).state == "new", "what one source sent, another does not undo"
    with town.database.session() as db:
        intake.set_aside(db, town.hoa, other.id, NOW)
    assert "Hoa" in again(town, other).info["reason"]
    strict = source(town, "lanh", "-----BEGIN CERTIFICATE-----")
    assert take(town, identifier="kt-5", source=strict).state == "ignored"


def test_coordinates_of_loudspeakers_choose_the_villages(town: Town) -> None:
    with town.database.session() as db:
        for name, at in (("thon-01", (20.5, 105.5)), ("thon-02", (25.0, 105.5))):
            node = db.get_one(NodeRecord, name)
            node.latitude, node.longitude = at
        db.get_one(NodeRecord, "thon-03").retired_at = NOW
    assert take(town).villages == ["dong"]


NO_ADDRESS = (
    *("", "a.example", "file:///etc/passwd", "ftp://a.example/", "javascript:alert(1)", "http://:80/"),
    *("https://" + "a" * 600, "https://đài.example/", "http://a.example:0/", "https://u:p@a.example/"),
    *("https://a.example/ b", "http://[::1"),
)


def test_sources_rules_and_codes_are_refused_when_they_are_none(town: Town) -> None:
    def add(
        name: str = "Đài", address: str = "https://a.example/cap", every_s: int = 300, **more: str
    ) -> str:
        def act() -> None:
            with town.database.session() as db:
                sources.add_source(
                    db, more.get("by", town.binh), name, address, every_s,  # type: ignore[arg-type]
                    more.get("certificate", ""), more.get("writer", ""), NOW,
                )  # fmt: skip

        return declined(act)

    for address in NO_ADDRESS:
        assert add(address=address) == "cap-address", address
    assert add(name=" \u202e ") == "cap-name"
    assert add(name="x" * 100_000) == "cap-name"
    assert add(every_s=0) == "cap-every"
    assert add(certificate="không phải") == "cap-certificate"
    assert add(writer="khong-co") == "cap-writer"
    assert add(by=town.hoa) == "no-right"  # type: ignore[arg-type]
    source(town)
    assert add(address="https://canhbao.example/hoa") == "cap-known"

    template = a_rule(town)
    with town.database.session() as db:
        good = Rule(id="", template=template.code)
        for change in ({"template": "khong-co"}, {"severity": "Bad"}, {"urgency": ""}, {"event": "x" * 101}):
            wrong = msgspec.structs.replace(good, **change)
            assert declined(partial(rules.add_rule, db, town.binh, wrong, NOW)) == "cap-rule-form"
        (one,) = rules.rules_of(db)
        rules.remove_rule(db, town.binh, one.id, NOW)
        assert declined(lambda: rules.remove_rule(db, town.binh, one.id, NOW)) == "cap-no-rule"
        assert (
            declined(lambda: rules.put_codes(db, town.binh, "\n".join(map(str, range(51))), NOW))
            == "cap-codes"
        )
        assert rules.put_codes(db, town.binh, " tinh=37, \n\nxa=14000\n", NOW) == ["tinh=37", "xa=14000"]
        assert rules.codes_of(db, PLACE) == ["00000", "tinh=37", "xa=14000"]
