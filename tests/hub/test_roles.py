"""Roles in force: own, held for somebody else, and bound to villages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from broker.hub.accounts import create_account
from broker.hub.announcing import workflow
from broker.hub.announcing.workflow import Draft
from broker.hub.declined import Declined
from broker.hub.records import Account, Database, Deputy
from broker.hub.roles import has_role, require_role, roles_of, villages_of
from tests.hub.town import LEXICON, Town

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def make(database: Database, username: str, *roles: str, villages: tuple[str, ...] = ()) -> Account:
    with database.session() as db:
        return create_account(
            db, username=username, full_name=username.title(), roles=roles, now=NOW, villages=villages
        )


def stand_in(database: Database, who: Account, holder: Account, role: str, days: float = 3) -> None:
    with database.session() as db:
        db.add(
            Deputy(
                account_id=who.id,
                for_account_id=holder.id,
                role=role,
                since=NOW,
                until=NOW + timedelta(days=days),
                made_by="quan",
            )
        )


def held(database: Database, who: Account, at: datetime = NOW) -> frozenset[str]:
    with database.reading() as db:
        return roles_of(db, db.get_one(Account, who.id), at)


def test_a_deputy_holds_the_role_from_its_first_to_its_last_moment(database: Database) -> None:
    lan, hung = make(database, "lan", "editor"), make(database, "hung", "approver")
    stand_in(database, lan, hung, "approver")
    assert held(database, lan, NOW - timedelta(seconds=1)) == {"editor"}
    assert held(database, lan) == {"editor", "approver"}
    assert held(database, lan, NOW + timedelta(days=3)) == {"editor"}


def test_what_is_held_for_somebody_ends_with_that_persons_role_and_account(database: Database) -> None:
    lan, hung, ha = (make(database, name, "editor") for name in ("lan", "hung", "ha"))
    for holder in (hung, ha):
        with database.session() as db:
            db.get_one(Account, holder.id).roles = ["leader"]
        stand_in(database, lan, holder, "leader")
    with database.session() as db:
        db.get_one(Account, hung.id).disabled_at = NOW
    assert "leader" in held(database, lan)
    with database.session() as db:
        db.get_one(Account, ha.id).roles = ["editor"]
    assert held(database, lan) == {"editor"}


def test_an_ended_deputy_and_a_disabled_one_hold_nothing(database: Database) -> None:
    lan, hung = make(database, "lan", "editor"), make(database, "hung", "approver")
    stand_in(database, lan, hung, "approver")
    with database.session() as db:
        db.query(Deputy).one().ended_at = NOW
    assert held(database, lan) == {"editor"}
    with database.session() as db:
        db.get_one(Account, lan.id).disabled_at = NOW
    assert held(database, lan) == frozenset()


def test_an_admin_holds_nothing_for_anybody(database: Database) -> None:
    minh, dung = make(database, "minh", "admin"), make(database, "dung", "police")
    stand_in(database, minh, dung, "police")
    assert held(database, minh) == {"admin"}


def test_a_right_that_is_missing_is_declined_with_a_sentence(database: Database) -> None:
    lan = make(database, "lan", "editor")
    with database.reading() as db:
        assert has_role(db, lan, NOW, "approver", "editor")
        require_role(db, lan, NOW, "editor")
        with pytest.raises(Declined, match="không có quyền") as found:
            require_role(db, lan, NOW, "approver", "police")
    assert found.value.code == "no-right"


def test_villages_bind_village_people_and_helpers_only(database: Database) -> None:
    writers = ("editor", "village", "helper")
    thon = make(database, "thon", "village", villages=("dong",))
    none = make(database, "khong", "village")
    free = make(database, "giup", "helper")
    both = make(database, "hai", "village", "editor", villages=("dong",))
    with database.reading() as db:
        assert villages_of(db, thon, NOW, *writers) == {"dong"}
        assert villages_of(db, none, NOW, *writers) == frozenset()
        assert villages_of(db, free, NOW, *writers) is None
        assert villages_of(db, both, NOW, *writers) is None
        assert villages_of(db, thon, NOW, "editor") == frozenset()


def test_a_deputy_of_a_village_person_belongs_to_that_village(database: Database) -> None:
    thon, ben = (
        make(database, "thon", "village", villages=("dong",)),
        make(database, "ben", "village", villages=("ben",)),
    )
    stand_in(database, thon, ben, "village")
    with database.reading() as db:
        assert villages_of(db, thon, NOW, "village") == {"dong", "ben"}


def test_a_village_person_writes_for_the_own_village_only_and_leaves_others_words_alone(town: Town) -> None:
    thon = make(town.database, "thon", "village", villages=("dong",))
    others = town.draft()
    with town.database.session() as db:
        own = workflow.save_draft(db, thon, Draft(title="Họp thôn", text="Mời họp.", villages=["dong"]), NOW)
    assert own.state == "draft"
    for villages, announcement in (
        (["dong", "ben"], None),
        (["dong"], town.revision(others).announcement_id),
    ):
        with pytest.raises(Declined) as found, town.database.session() as db:
            workflow.save_draft(db, thon, Draft(title="x", text="y", villages=villages), NOW, announcement)
        assert found.value.code in ("other-village", "no-right")


def test_a_village_that_was_taken_away_is_not_written_for_at_sending(town: Town) -> None:
    thon = make(town.database, "thon", "village", villages=("dong",))
    with town.database.session() as db:
        draft = Draft(title="Họp", text="Mời bà con họp.", villages=["dong"], starts=[town_evening()])
        own = workflow.save_draft(db, thon, draft, NOW)
    with town.database.session() as db:
        db.get_one(Account, thon.id).villages = ["ben"]
    with pytest.raises(Declined) as found, town.database.session() as db:
        workflow.submit(db, db.get_one(Account, thon.id), own.id, LEXICON, NOW)
    assert found.value.code == "other-village"


def town_evening() -> datetime:
    return datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
