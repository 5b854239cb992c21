"""Asking people in, deputies, roles; and those the commune cannot spare."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.hub import people
from broker.hub.accounts import SignIn
from broker.hub.declined import Declined
from broker.hub.people import Facts
from broker.hub.records import Account, ApproverKey, AuditRow, Database, Invitation
from broker.hub.roles import roles_of
from broker.link.config import Settings
from tests.fakes.clock import FakeClock
from tests.hub.town import NOW, PASSWORD, Town, hub_settings

ADMIN = "quan"


@pytest.fixture
def settings(tmp_path: Path, town: Town) -> Settings:
    return hub_settings(tmp_path / "data", town.keys.hub)


def ask_in(
    database: Database, username: str, *roles: str, villages: tuple[str, ...] = ()
) -> tuple[Account, str]:
    with database.session() as db:
        return people.ask_in(db, username, Facts(username.title(), roles, villages=villages), ADMIN, NOW)


def me(town: Town, username: str) -> Account:
    with town.database.reading() as db:
        return people.person(db, username)


def declined(town: Town, act: str, username: str, **named: object) -> str:
    """The code with which an act on a person is declined."""
    with pytest.raises(Declined) as found, town.database.session() as db:
        getattr(people, act)(db=db, account=people.person(db, username), **named)
    assert str(found.value).endswith(".")
    return found.value.code


def test_an_invitation_lets_its_owner_set_a_password_once(town: Town) -> None:
    account, token = ask_in(town.database, "mai", "editor")
    door = SignIn(town.database, FakeClock(NOW))
    with pytest.raises(Declined):
        door.verify("mai", PASSWORD)
    with town.database.session() as db:
        assert people.invited(db, token, NOW).id == account.id
        people.accept(db, token, PASSWORD, NOW)
    assert door.verify("mai", PASSWORD).id == account.id
    for act in (people.invited, lambda db, token, now: people.accept(db, token, PASSWORD + "!", now)):
        with pytest.raises(Declined) as found, town.database.session() as db:
            act(db, token, NOW)
        assert found.value.code == "no-invitation"


def test_an_invitation_ends_after_three_days_and_with_a_newer_one(town: Town) -> None:
    account, first = ask_in(town.database, "mai", "editor")
    with town.database.session() as db:
        second = people.invite(db, db.get_one(Account, account.id), ADMIN, NOW + timedelta(hours=1))
    with town.database.reading() as db:
        people.invited(db, second, NOW + timedelta(hours=72))
        for token, at in ((first, NOW + timedelta(hours=2)), (second, NOW + timedelta(hours=73))):
            with pytest.raises(Declined):
                people.invited(db, token, at)


def test_a_weak_password_leaves_the_invitation_open(town: Town) -> None:
    _, token = ask_in(town.database, "mai", "editor")
    with pytest.raises(Declined) as found, town.database.session() as db:
        people.accept(db, token, "12345678910", NOW)
    assert found.value.code in ("plain-password", "common-password")
    with town.database.session() as db:
        people.accept(db, token, PASSWORD, NOW)


@pytest.mark.parametrize("token", ["", "x", "../../etc", "a" * 43, "\udce9" * 43])
def test_nothing_else_is_an_invitation(town: Town, token: str) -> None:
    with pytest.raises(Declined), town.database.reading() as db:
        people.invited(db, token, NOW)


def test_the_token_itself_is_not_kept(town: Town) -> None:
    _, token = ask_in(town.database, "mai", "editor")
    with town.database.reading() as db:
        rows = [str(dict(row._mapping)) for row in db.execute(select(Invitation.__table__))]
        rows += [f"{row.subject} {row.detail}" for row in db.query(AuditRow)]
    assert rows
    assert not any(token in row for row in rows)


def test_a_new_password_ends_the_old_one_at_once(town: Town) -> None:
    with town.database.session() as db:
        people.reset_password(db, people.person(db, "hoa"), ADMIN, NOW)
    with pytest.raises(Declined):
        SignIn(town.database, FakeClock(NOW)).verify("hoa", PASSWORD)


def test_the_last_approver_with_a_believed_key_stays(town: Town, settings: Settings) -> None:
    with town.database.session() as db:
        people.disable(db, settings, people.person(db, "cuong"), ADMIN, NOW)
        people.disable(db, settings, people.person(db, "lanh"), ADMIN, NOW)
    assert declined(town, "disable", "binh", by=ADMIN, now=NOW, here=settings) == "last-approver"
    stripped = Facts("Bình", ["editor"])
    assert (
        declined(town, "change", "binh", here=settings, facts=stripped, by=ADMIN, now=NOW) == "last-approver"
    )
    ask_in(town.database, "moi", "approver")  # without a key in the trust list: no help yet
    assert declined(town, "disable", "binh", by=ADMIN, now=NOW, here=settings) == "last-approver"


def test_the_last_approver_keeps_the_password_unless_the_command_at_the_hub_takes_it(
    town: Town, settings: Settings
) -> None:
    with town.database.session() as db:
        people.disable(db, settings, people.person(db, "cuong"), ADMIN, NOW)
        people.disable(db, settings, people.person(db, "lanh"), ADMIN, NOW)
    assert declined(town, "reset_password", "binh", by=ADMIN, now=NOW, here=settings) == "last-approver"
    with town.database.session() as db:
        people.reset_password(db, people.person(db, "binh"), "provision", NOW)
        people.reset_password(db, people.person(db, "binh"), ADMIN, NOW, settings)  # only asked in again


def test_without_any_believed_key_the_last_who_has_the_role_stays(town: Town, settings: Settings) -> None:
    with town.database.session() as db:
        for row in db.scalars(select(ApproverKey)):
            row.removed_at = NOW
        people.disable(db, settings, people.person(db, "cuong"), ADMIN, NOW)
        people.disable(db, settings, people.person(db, "lanh"), ADMIN, NOW)
    assert declined(town, "disable", "binh", by=ADMIN, now=NOW, here=settings) == "last-approver"
    ask_in(town.database, "moi", "approver")
    with town.database.session() as db:
        people.disable(db, settings, people.person(db, "binh"), ADMIN, NOW)


def test_one_of_two_approvers_may_go(town: Town, settings: Settings) -> None:
    with town.database.session() as db:
        people.disable(db, settings, people.person(db, "binh"), ADMIN, NOW)
    assert me(town, "binh").disabled_at == NOW


def test_a_deputy_does_not_replace_the_last_approver(town: Town, settings: Settings) -> None:
    with town.database.session() as db:
        people.disable(db, settings, people.person(db, "cuong"), ADMIN, NOW)
        people.change(db, settings, people.person(db, "lanh"), Facts("Lành", ["editor"]), ADMIN, NOW)
        people.appoint(
            db,
            people.person(db, "lanh"),
            people.person(db, "binh"),
            "approver",
            NOW + timedelta(days=5),
            ADMIN,
            NOW,
        )
    assert declined(town, "disable", "binh", by=ADMIN, now=NOW, here=settings) == "last-approver"


def test_the_last_admin_stays_and_nobody_changes_the_own_roles(town: Town, settings: Settings) -> None:
    ask_in(town.database, ADMIN, "admin")
    assert declined(town, "disable", ADMIN, by="lanh", now=NOW, here=settings) == "last-admin"
    ask_in(town.database, "minh", "admin")
    assert declined(town, "disable", ADMIN, by=ADMIN, now=NOW, here=settings) == "own-account"
    more = Facts("Quân", ["police"])
    assert declined(town, "change", ADMIN, here=settings, facts=more, by=ADMIN, now=NOW) == "own-account"
    assert declined(town, "reset_second_factor", ADMIN, by=ADMIN, now=NOW) == "own-account"
    with town.database.session() as db:
        people.disable(db, settings, people.person(db, ADMIN), "minh", NOW)


def test_roles_change_at_once_and_stand_in_the_log(town: Town, settings: Settings) -> None:
    with town.database.session() as db:
        hoa = people.person(db, "hoa")
        people.change(db, settings, hoa, Facts("Hoa", ["village"], "trưởng thôn", ["dong"]), ADMIN, NOW)
        assert roles_of(db, hoa, NOW) == {"village"}
        row = db.query(AuditRow).where(AuditRow.action == "account.roles-changed").one()
    assert (row.actor, row.subject, row.detail) == (ADMIN, "hoa", {"before": "editor", "after": "village"})


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (Facts("Hoa", []), "bad-role"),
        (Facts("Hoa", ["king"]), "bad-role"),
        (Facts("Hoa", ["admin", "editor"]), "role-alone"),
        (Facts(" ", ["editor"]), "no-name"),
        (Facts("Hoa", ["village"]), "village-missing"),
        (Facts("Hoa", ["village"], villages=["khong-co"]), "no-village"),
    ],
)
def test_what_nobody_can_be_is_declined(town: Town, settings: Settings, facts: Facts, code: str) -> None:
    assert declined(town, "change", "hoa", here=settings, facts=facts, by=ADMIN, now=NOW) == code


def test_an_opened_account_needs_a_new_password(town: Town, settings: Settings) -> None:
    with town.database.session() as db:
        people.disable(db, settings, people.person(db, "hoa"), ADMIN, NOW)
    assert declined(town, "invite", "hoa", by=ADMIN, now=NOW) == "disabled"
    with town.database.session() as db:
        people.enable(db, people.person(db, "hoa"), ADMIN, NOW)
    with pytest.raises(Declined):
        SignIn(town.database, FakeClock(NOW)).verify("hoa", PASSWORD)
    with town.database.session() as db:
        people.invite(db, people.person(db, "hoa"), ADMIN, NOW)


@pytest.mark.parametrize(
    ("who", "holder", "role", "days", "by", "code"),
    [
        ("binh", "binh", "approver", 3, ADMIN, "same-person"),
        ("hoa", "binh", "police", 3, ADMIN, "bad-role"),
        ("hoa", "quan", "admin", 3, "minh", "bad-role"),
        ("quan", "binh", "approver", 3, "minh", "role-alone"),
        ("hoa", "binh", "approver", 0, ADMIN, "bad-days"),
        ("hoa", "binh", "approver", 93, ADMIN, "bad-days"),
        ("hoa", "binh", "approver", 3, "hoa", "own-account"),
    ],
)
def test_a_deputy_that_cannot_be_is_declined(
    town: Town, who: str, holder: str, role: str, days: int, by: str, code: str
) -> None:
    ask_in(town.database, "quan", "admin")
    until = NOW + timedelta(days=days)
    with pytest.raises(Declined) as found, town.database.session() as db:
        people.appoint(db, people.person(db, who), people.person(db, holder), role, until, by, NOW)
    assert found.value.code == code


def test_a_deputy_ends_early_and_both_stand_in_the_log(town: Town) -> None:
    with town.database.session() as db:
        hoa, binh = people.person(db, "hoa"), people.person(db, "binh")
        row = people.appoint(db, hoa, binh, "approver", NOW + timedelta(days=9), ADMIN, NOW)
        assert "approver" in roles_of(db, hoa, NOW)
        assert [each.id for each in people.deputies(db, NOW)] == [row.id]
        people.end_deputy(db, row.id, ADMIN, NOW + timedelta(days=1))
        people.end_deputy(db, row.id, ADMIN, NOW + timedelta(days=2))
        assert "approver" not in roles_of(db, hoa, NOW + timedelta(days=1))
        assert people.deputies(db, NOW + timedelta(days=1)) == []
        said = [each.action for each in db.query(AuditRow).order_by(AuditRow.id) if "deputy" in each.action]
    assert said == ["deputy.appointed", "deputy.ended"]
