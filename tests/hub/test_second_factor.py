"""The second factor: codes as every phone makes them, once each, kept sealed; and who must have it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.hub import second_factor
from broker.hub.accounts import create_account
from broker.hub.declined import Declined
from broker.hub.records import Account, AuditRow, Database, Deputy
from broker.link.config import Settings
from tests.hub.town import Keys, hub_settings

NOW = datetime(2026, 11, 21, 3, 0, 5, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, keys: Keys) -> Settings:
    found = hub_settings(tmp_path / "data", keys.hub)
    found.console.second_factor = True
    return found


def make(database: Database, *roles: str, username: str = "hung") -> Account:
    with database.session() as db:
        return create_account(db, username=username, full_name="Hùng", roles=roles, now=NOW)


def set_up(database: Database, settings: Settings, account: Account) -> str:
    """The secret of a phone that was set up a minute ago."""
    sealed = second_factor.propose(settings)
    secret = second_factor.secret_of(settings, sealed)
    code = next(iter(second_factor.codes_of(secret, NOW - timedelta(seconds=90)).values()))
    with database.session() as db:
        mine = db.get_one(Account, account.id)
        second_factor.set_up(db, settings, mine, sealed, code, NOW - timedelta(seconds=90))
    return secret


def take(database: Database, settings: Settings, account: Account, code: str, at: datetime = NOW) -> None:
    with database.session() as db:
        second_factor.check(db, settings, db.get_one(Account, account.id), code, at)


def code_at(secret: str, at: datetime) -> str:
    return next(iter(second_factor.codes_of(secret, at).values()))


def test_the_codes_are_those_of_the_standard() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B: the ASCII secret 12345678901234567890
    for unix, last_six in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
        assert code_at(secret, datetime.fromtimestamp(unix, UTC)) == last_six


def test_a_code_is_good_in_its_half_minute_and_the_ones_beside_it(
    database: Database, settings: Settings
) -> None:
    account = make(database, "approver")
    secret = set_up(database, settings, account)
    for away_s in (-60, 60):
        with pytest.raises(Declined) as found:
            take(database, settings, account, code_at(secret, NOW + timedelta(seconds=away_s)))
        assert found.value.code == "wrong-code"
    for away_s in (-30, 0, 30):
        code = code_at(secret, NOW + timedelta(seconds=away_s))
        take(database, settings, account, f" {code[:3]} {code[3:]} ")


def test_no_code_counts_twice_nor_does_an_older_one_afterwards(
    database: Database, settings: Settings
) -> None:
    account = make(database, "approver")
    secret = set_up(database, settings, account)
    take(database, settings, account, code_at(secret, NOW))
    for at in (NOW, NOW - timedelta(seconds=30)):
        with pytest.raises(Declined):
            take(database, settings, account, code_at(secret, at))


def test_the_code_of_the_set_up_does_not_sign_in(database: Database, settings: Settings) -> None:
    account = make(database, "approver")
    sealed = second_factor.propose(settings)
    code = code_at(second_factor.secret_of(settings, sealed), NOW)
    with database.session() as db:
        second_factor.set_up(db, settings, db.get_one(Account, account.id), sealed, code, NOW)
    with pytest.raises(Declined):
        take(database, settings, account, code)


@pytest.mark.parametrize(
    "code", ["", "000000", "12345", "1234567", "một hai", "\x00", "９" * 6, "1" * 10_000]
)
def test_what_is_no_code_is_refused(database: Database, settings: Settings, code: str) -> None:
    account = make(database, "approver")
    secret = set_up(database, settings, account)
    assert code not in second_factor.codes_of(secret, NOW).values()
    with pytest.raises(Declined) as found:
        take(database, settings, account, code)
    assert found.value.code == "wrong-code"


def test_a_wrong_first_code_sets_nothing_up(database: Database, settings: Settings) -> None:
    account = make(database, "approver")
    sealed = second_factor.propose(settings)
    right = set(second_factor.codes_of(second_factor.secret_of(settings, sealed), NOW).values())
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in right)
    with pytest.raises(Declined), database.session() as db:
        second_factor.set_up(db, settings, db.get_one(Account, account.id), sealed, wrong, NOW)
    with database.reading() as db:
        assert not second_factor.is_set(db.get_one(Account, account.id))


def test_the_secret_is_kept_sealed(database: Database, settings: Settings, tmp_path: Path) -> None:
    account = make(database, "approver")
    secret = set_up(database, settings, account)
    with database.reading() as db:
        kept = db.get_one(Account, account.id).totp_sealed
    assert kept is not None
    assert secret.encode() not in kept
    other = hub_settings(tmp_path / "other", tmp_path)
    with pytest.raises(Declined) as found:
        second_factor.secret_of(other, kept)
    assert found.value.code == "no-seal-key"


def test_approver_police_and_admin_need_it_own_or_held_for_others(
    database: Database, settings: Settings
) -> None:
    needs = {
        role: make(database, role, username=role)
        for role in ("editor", "approver", "police", "leader", "admin", "auditor", "helper")
    }
    with database.session() as db:
        found = {
            role for role, account in needs.items() if second_factor.is_needed(db, settings, account, NOW)
        }
        assert found == {"approver", "police", "admin"}
        db.add(
            Deputy(
                account_id=needs["editor"].id,
                for_account_id=needs["approver"].id,
                role="approver",
                since=NOW,
                until=NOW + timedelta(days=1),
                made_by="admin",
            )
        )
        db.flush()
        assert second_factor.is_needed(db, settings, needs["editor"], NOW)
        settings.console.second_factor = False
        assert not second_factor.is_needed(db, settings, needs["admin"], NOW)


def test_setting_up_and_taking_away_are_recorded_without_the_secret(
    database: Database, settings: Settings
) -> None:
    account = make(database, "approver")
    secret = set_up(database, settings, account)
    with database.session() as db:
        second_factor.take_away(db, db.get_one(Account, account.id), NOW, "quan")
    with database.reading() as db:
        rows = db.query(AuditRow).order_by(AuditRow.id).all()
        assert [(row.actor, row.action) for row in rows[-2:]] == [
            ("hung", "account.second-factor-set"),
            ("quan", "account.second-factor-taken"),
        ]
        assert not any(secret in str(row.detail) for row in rows)
        assert not second_factor.is_set(db.get_one(Account, account.id))
