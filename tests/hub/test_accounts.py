"""Accounts: strong hashes, roles, and guessing that is slowed down."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from broker.hub.accounts import (
    SignIn,
    bind_key,
    create_account,
    disable,
    has_role,
    require_role,
    set_password,
)
from broker.hub.declined import Declined
from broker.hub.records import Account, Database, audit_rows
from broker.trust import audit
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
PASSWORD = "rất dài và khó đoán"


def make(database: Database, username: str = "hoa", roles: tuple[str, ...] = ("editor",)) -> Account:
    with database.session() as db:
        return create_account(
            db, username=username, full_name="Nguyễn Thị Hoa", password=PASSWORD, roles=roles, now=NOW
        )


def test_a_password_is_kept_as_argon2id_only(database: Database) -> None:
    account = make(database)
    assert account.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in account.password_hash


def test_the_right_password_signs_in(database: Database) -> None:
    make(database)
    account = SignIn(database, FakeClock(NOW)).verify(" HOA ", PASSWORD)
    assert account.full_name == "Nguyễn Thị Hoa"
    assert account.signed_in_at == NOW


def test_wrong_password_unknown_name_and_disabled_account_look_the_same(database: Database) -> None:
    make(database)
    old = make(database, "cu")
    with database.session() as db:
        disable(db, db.get_one(Account, old.id), NOW, "admin")
    door = SignIn(database, FakeClock(NOW))
    sentences = set()
    for name, password in (("hoa", "sai"), ("khong-co", PASSWORD), ("cu", PASSWORD)):
        with pytest.raises(Declined) as found:
            door.verify(name, password)
        sentences.add(str(found.value))
    assert len(sentences) == 1


def test_five_wrong_passwords_in_thirty_seconds_lock_the_name_for_five_minutes(database: Database) -> None:
    make(database)
    clock = FakeClock(NOW)
    door = SignIn(database, clock)
    for _ in range(5):
        with pytest.raises(Declined):
            door.verify("hoa", "sai")
        clock.advance(5)
    with pytest.raises(Declined) as found:
        door.verify("hoa", PASSWORD)
    assert found.value.code == "locked"
    clock.step(86_400)  # the wall clock does not open the door
    with pytest.raises(Declined):
        door.verify("hoa", PASSWORD)
    clock.advance(300)
    assert door.verify("hoa", PASSWORD).username == "hoa"


def test_slow_mistakes_do_not_lock(database: Database) -> None:
    make(database)
    clock = FakeClock(NOW)
    door = SignIn(database, clock)
    for _ in range(8):
        with pytest.raises(Declined):
            door.verify("hoa", "sai")
        clock.advance(10)
    assert door.verify("hoa", PASSWORD).failed_logins == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"username": "Hoa Nguyễn"}, "bad-username"),
        ({"username": "hoa"}, "username-taken"),
        ({"full_name": "  "}, "no-name"),
        ({"roles": ["king"]}, "bad-role"),
        ({"roles": []}, "bad-role"),
        ({"password": "ngắn"}, "short-password"),
        ({"password": "x" * 2000}, "long-password"),
    ],
)
def test_a_bad_account_is_declined_with_a_sentence(
    database: Database, change: dict[str, object], code: str
) -> None:
    make(database)
    fields = {"username": "mai", "full_name": "Mai", "password": PASSWORD, "roles": ["editor"], "now": NOW}
    with pytest.raises(Declined) as found, database.session() as db:
        create_account(db, **(fields | change))  # type: ignore[arg-type]
    assert found.value.code == code
    assert str(found.value).endswith(".")


def test_a_key_belongs_to_one_person(database: Database) -> None:
    one, two = make(database), make(database, "lan")
    with database.session() as db:
        bind_key(db, db.get_one(Account, one.id), "k1", NOW, "admin")
    with pytest.raises(Declined), database.session() as db:
        bind_key(db, db.get_one(Account, two.id), "k1", NOW, "admin")


def test_roles_end_with_the_account(database: Database) -> None:
    account = make(database, roles=("editor", "approver"))
    assert has_role(account, "approver")
    require_role(account, "admin", "editor")
    with pytest.raises(Declined):
        require_role(account, "police")
    account.disabled_at = NOW
    assert not has_role(account, "approver")


def test_every_act_on_an_account_stands_in_the_audit_chain(database: Database) -> None:
    make(database)
    with database.session() as db:
        account = db.scalars(select(Account)).one()
        set_password(db, account, PASSWORD + "!", NOW, "admin")
        disable(db, account, NOW, "admin")
    with database.reading() as db:
        rows = list(audit_rows(db))
    assert [row.entry.action for row in rows] == [
        "account.created",
        "account.password-set",
        "account.disabled",
    ]
    assert audit.verify(rows) is None
