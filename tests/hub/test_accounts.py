"""Accounts: strong hashes, roles, and guessing that is slowed down."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, select

from broker.hub.accounts import (
    SignIn,
    create_account,
    disable,
    set_password,
)
from broker.hub.declined import Declined
from broker.hub.records import Account, AuditRow, Database, audit_rows
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


def test_guessing_many_names_from_one_address_locks_the_address_alone(database: Database) -> None:
    make(database)
    door = SignIn(database, FakeClock(NOW))
    for n in range(20):
        with pytest.raises(Declined):
            door.verify(f"name-{n}", "sai", "203.0.113.9")
    with pytest.raises(Declined) as found:
        door.verify("hoa", PASSWORD, "203.0.113.9")
    assert found.value.code == "locked"
    assert door.verify("hoa", PASSWORD, "203.0.113.10").username == "hoa"


def test_slow_guessing_of_one_name_ends_too(database: Database) -> None:
    make(database)
    clock = FakeClock(NOW)
    door = SignIn(database, clock)
    for n in range(30):
        with pytest.raises(Declined):
            door.verify("hoa", "sai", f"203.0.113.{n}")
        clock.advance(60)
    with pytest.raises(Declined) as found:
        door.verify("hoa", PASSWORD, "198.51.100.1")
    assert found.value.code == "locked"


def test_an_account_without_a_password_lets_nobody_in(database: Database) -> None:
    with database.session() as db:
        create_account(db, username="moi", full_name="Mới", roles=["editor"], now=NOW)
    door = SignIn(database, FakeClock(NOW))
    for password in ("", "!", "nobody has this password"):
        with pytest.raises(Declined):
            door.verify("moi", password)


def test_slow_mistakes_do_not_lock(database: Database) -> None:
    make(database)
    clock = FakeClock(NOW)
    door = SignIn(database, clock)
    for _ in range(8):
        with pytest.raises(Declined):
            door.verify("hoa", "sai")
        clock.advance(10)
    assert door.verify("hoa", PASSWORD).username == "hoa"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"username": "Hoa Nguyễn"}, "bad-username"),
        ({"username": "hoa"}, "username-taken"),
        ({"username": "hub"}, "reserved-username"),
        ({"username": "hub.rights"}, "reserved-username"),
        ({"username": "hub.x"}, "reserved-username"),
        ({"username": "provision"}, "reserved-username"),
        ({"username": "demo"}, "reserved-username"),
        ({"username": "new"}, "reserved-username"),
        ({"username": "thon-01.speaker"}, "reserved-username"),
        ({"username": "diem9.node"}, "reserved-username"),
        ({"full_name": "  "}, "no-name"),
        ({"roles": ["king"]}, "bad-role"),
        ({"roles": []}, "bad-role"),
        ({"roles": ["admin", "police"]}, "role-alone"),
        ({"roles": ["editor", "auditor"]}, "role-alone"),
        ({"password": "ngắn"}, "short-password"),
        ({"password": "matkhau2026!"}, "common-password"),
        ({"password": "Quốc Mai 1990", "full_name": "Lê Quốc Mai"}, "own-name"),
        ({"password": "aaaaaaaaaaaa"}, "plain-password"),
        ({"password": "9876543210"}, "plain-password"),
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
    assert audit.verify(rows).is_whole


def test_a_flood_of_sign_ins_is_sent_away_instead_of_holding_every_thread(database: Database) -> None:
    make(database)
    door = SignIn(database, FakeClock(NOW))
    said: list[str] = []

    def come() -> None:
        try:
            door.verify("hoa", PASSWORD)
        except Declined as why:
            said.append(why.code)
        else:
            said.append("in")

    crowd = [threading.Thread(target=come) for _ in range(100)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert set(said) == {"in", "busy"}
    assert said.count("in") >= 22
    assert door.verify("hoa", PASSWORD).username == "hoa"


def writes_of(database: Database, door: SignIn, name: str, tries: int) -> int:
    """How many statements beside reading so many wrong passwords for a name cost."""
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "BEGIN", "PRAGMA", "SET TRANSACTION")):
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        for n in range(tries):
            with pytest.raises(Declined):
                door.verify(name, "sai", f"203.0.113.{n}")
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return len(seen)


def test_a_wrong_password_is_the_same_work_for_a_name_that_exists_and_one_that_does_not(
    database: Database,
) -> None:
    make(database)
    door = SignIn(database, FakeClock(NOW))
    assert (writes_of(database, door, "hoa", 4), writes_of(database, door, "nobody", 4)) == (0, 0)
    assert writes_of(database, door, "hoa", 1) == writes_of(database, door, "nobody", 1) > 0
    with database.reading() as db:
        rows = db.scalars(select(AuditRow).where(AuditRow.action == "account.locked"))
        assert {(row.actor, row.subject) for row in rows} == {("hub", "hoa"), ("hub", "nobody")}


@pytest.mark.parametrize("name", ["\x00", "hoa\x00", "\ud800", "Đ" * 70, "provision\n"])
def test_a_name_that_is_none_goes_no_further(database: Database, name: str) -> None:
    with pytest.raises(Declined) as found:
        SignIn(database, FakeClock(NOW)).verify(name, PASSWORD)
    assert found.value.code == "wrong-password"


def test_of_many_guesses_at_once_no_more_are_judged_than_one_after_the_other(database: Database) -> None:
    account = make(database)
    door = SignIn(database, FakeClock(NOW))
    together, judged, refused = threading.Barrier(16), [], []

    def guess(n: int) -> None:
        together.wait()
        try:
            with door.guarded(account, f"203.0.113.{n}"):
                judged.append(n)
                raise Declined("wrong-code", "Mã chưa đúng.")
        except Declined as why:
            refused.append(why.code)

    crowd = [threading.Thread(target=guess, args=(n,)) for n in range(16)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert len(judged) == 5
    assert sorted(refused) == ["locked"] * 11 + ["wrong-code"] * 5


def test_of_many_passwords_at_once_for_many_names_an_address_gets_no_more_than_its_share(
    database: Database,
) -> None:
    door = SignIn(database, FakeClock(NOW))
    together, said = threading.Barrier(22), []

    def guess(n: int) -> None:
        together.wait()
        try:
            door.verify(f"name-{n}", "sai", "203.0.113.9")
        except Declined as why:
            said.append(why.code)

    crowd = [threading.Thread(target=guess, args=(n,)) for n in range(22)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert sorted(said) == ["locked"] * 2 + ["wrong-password"] * 20
