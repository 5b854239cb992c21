"""The trust list: what waits, what the root key is asked to sign, and what the hub takes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import create_engine, select, text

from broker.contract.hub import Signed
from broker.hub import next_list, trusted
from broker.hub.announcing import emergency_signers
from broker.hub.declined import Declined
from broker.hub.records import Account, ApproverKey, Change, Deputy, SpeakerSeen, TrustList, audit_rows
from broker.hub.records.database import MIGRATIONS, open_url
from broker.trust.approvers import KEY_DAYS, new_key_file, sign_list
from broker.trust.envelope import TrustBody, canonical, open_trust
from broker.trust.identity import load_hub_signer
from broker.trust.keys import new_key, public_pem
from broker.trust.passkey import PasskeyUse
from tests.hub.town import NOW, Town

DAY = timedelta(days=1)
HERE = PasskeyUse(rp_id="localhost", origin="http://localhost:8080")


def declined(act: Callable[[], object]) -> str:
    with pytest.raises(Declined) as found:
        act()
    assert str(found.value).rstrip().endswith("."), "people get a whole sentence"
    return found.value.code


def add(town: Town, who: Account, label: str = "USB", now: datetime = NOW) -> str:
    with town.database.session() as db:
        made = new_key_file(who.full_name, "12345678")
        row = trusted.add_key(
            db, town.desk, who, kind="file", public=made.public, label=label, now=now, by=who.username
        )
        return row.id


def proposed(town: Town, now: datetime = NOW, **choice: object) -> TrustBody:
    with town.database.reading() as db:
        return msgspec.json.decode(
            next_list.proposal(db, town.desk, now, **choice),  # type: ignore[arg-type]
            type=TrustBody,
        )


def taken(town: Town, now: datetime = NOW, **choice: object) -> TrustBody:
    signed = sign_list(canonical(proposed(town, now, **choice)), town.keys.root)
    with town.database.session() as db:
        return trusted.take(db, town.desk, signed, "quan", now)


def waiting(town: Town, now: datetime = NOW) -> tuple[list[str], dict[str, str]]:
    with town.database.reading() as db:
        found = next_list.pending(db, town.desk, now)
        return [row.id for row in found.add], {gone.key.key: gone.why for gone in found.drop}


def test_one_person_keeps_one_name_and_two_of_the_same_name_get_two(town: Town) -> None:
    first = add(town, town.cuong)
    with town.database.session() as db:
        for who in (town.cuong, town.lanh):
            db.get_one(Account, who.id).full_name = "Trần Văn Hai"
    with town.database.session() as db:
        old = [
            row.id for row in db.scalars(select(ApproverKey).where(ApproverKey.account_id == town.lanh.id))
        ]
        for each in old:
            trusted.remove_key(db, each, "lanh", NOW)
    second, other, phone = add(town, town.cuong), add(town, town.lanh), add(town, town.lanh)
    taken(town)
    bui = add(town, town.binh)
    with town.database.session() as db:
        db.get_one(Account, town.binh.id).full_name = "Trần Văn Hai"
    names = {one.key: one.holder for one in taken(town).keys}
    assert {names[key] for key in ("k-cuong", first, second)} == {"Đặng Hữu Cường"}, (
        "renamed, and the same man"
    )
    assert (names[other], names[phone]) == ("Trần Văn Hai", "Trần Văn Hai")
    assert names[bui] == "Phạm Văn Bình"
    with town.database.session() as db:
        for row in list(db.scalars(select(ApproverKey).where(ApproverKey.account_id == town.binh.id))):
            trusted.remove_key(db, row.id, "binh", NOW)
    anew = add(town, town.binh)
    assert {one.key: one.holder for one in taken(town).keys}[anew] == "Trần Văn Hai (binh)"


def test_two_emergency_signers_whose_names_read_alike_stay_two_people(town: Town) -> None:
    alike = ("Trần Văn Hải", unicodedata.normalize("NFD", "trần  VĂN hải "))
    with town.database.session() as db:
        for who, name in zip((town.cuong, town.lanh), alike, strict=True):
            for row in db.scalars(select(ApproverKey).where(ApproverKey.account_id == who.id)):
                trusted.remove_key(db, row.id, who.username, NOW)
            db.get_one(Account, who.id).full_name = name
    taken(town)
    one, other = add(town, town.cuong), add(town, town.lanh, now=NOW + timedelta(seconds=1))
    names = {key.key: key.holder for key in taken(town, emergency=(one, other)).keys}
    assert names[one] == alike[0]
    assert names[other] == unicodedata.normalize("NFC", f"{alike[1]} (lanh)")
    with town.database.reading() as db:
        others = emergency_signers.signers(db, town.desk, NOW, without=town.cuong.id)
        assert [each.username for each in others] == ["lanh"]


def test_an_older_list_with_two_people_under_one_name_is_told_before_signing_and_put_right(
    town: Town,
) -> None:
    body = proposed(town)
    keys = [
        msgspec.structs.replace(key, holder="Trần Văn Hải", roles=["approver", "emergency"])
        if key.key in ("k-cuong", "k-lanh")
        else key
        for key in body.keys
    ]
    old = msgspec.structs.replace(body, keys=keys)
    with town.database.session() as db:
        trusted.take(db, town.desk, sign_list(canonical(old), town.keys.root), "quan", NOW)
    with town.database.reading() as db:
        told = emergency_signers.signers(db, town.desk, NOW, without=town.cuong.id)
        assert "lanh" not in [each.username for each in told], (
            "nobody is sent to one whose signature counts no more"
        )
    names = {key.key: key.holder for key in taken(town).keys}
    assert {names["k-cuong"], names["k-lanh"]} == {
        "Trần Văn Hải",
        "Trần Văn Hải (" + ("lanh" if names["k-cuong"] == "Trần Văn Hải" else "cuong") + ")",
    }
    with town.database.reading() as db:
        told = emergency_signers.signers(db, town.desk, NOW, without=town.cuong.id)
        assert "lanh" in [each.username for each in told]


def test_a_new_key_waits_and_is_believed_once_the_root_key_signed_it(town: Town) -> None:
    key = add(town, town.binh)
    assert waiting(town)[0] == [key]
    before = town.keys.trust.generation
    trust = taken(town)
    assert trust.generation == before + 1
    found = next(one for one in trust.keys if one.key == key)
    assert (found.holder, found.roles, found.passkey) == (
        "Phạm Văn Bình",
        ["approver"],
        None,
    ), "as the list calls them already"
    assert (found.since, found.until) == (NOW, NOW + KEY_DAYS * DAY)
    assert waiting(town)[0] == []
    with town.database.reading() as db:
        sent = trusted.signed_in_force(db)
        assert sent is not None
        assert open_trust(sent, public_pem(town.keys.root)) == trust
        assert trusted.in_force(db, town.desk) == trust
        row = list(audit_rows(db))[-1].entry
        assert (row.actor, row.action, row.subject) == ("quan", "trust.taken", str(trust.generation))
        assert key in row.detail["added"]
        assert "k-cu" in row.detail["removed"]
        assert db.scalars(select(Change.topic).order_by(Change.id.desc()).limit(1)).one() == "trust"


def test_only_chosen_keys_are_added_and_emergency_is_given_by_name(town: Town) -> None:
    one, other = add(town, town.binh), add(town, town.binh, "thẻ")
    trust = proposed(town, add=[one], emergency=[one])
    roles = {key.key: key.roles for key in trust.keys}
    assert roles[one] == ["approver", "emergency"]
    assert roles["k-lanh"] == ["approver"]
    assert other not in roles
    assert {key.key: key.roles for key in proposed(town).keys}["k-lanh"] == ["approver", "emergency"]
    with town.database.reading() as db:
        assert declined(lambda: next_list.proposal(db, town.desk, NOW, add=["nobody"])) == "no-key"


def test_a_passkey_s_place_stands_in_the_list(town: Town) -> None:
    with town.database.session() as db:
        row = trusted.add_key(
            db,
            town.desk,
            town.binh,
            kind="passkey",
            public=public_pem(new_key()),
            label="Điện thoại",
            now=NOW,
            by="binh",
            credential=b"c",
            use=HERE,
        )
        key = row.id
    assert next(one for one in taken(town).keys if one.key == key).passkey == HERE


def test_a_key_taken_back_counts_at_once_at_the_hub_and_leaves_with_the_next_list(town: Town) -> None:
    with town.database.session() as db:
        trusted.remove_key(db, "k-binh", "binh", NOW)
    with town.database.reading() as db:
        assert [row.id for row in trusted.keys_of(db, town.binh)] == []
        assert trusted.usable_keys(db, town.desk, town.binh, NOW) == []
        assert trusted.signers(db, town.desk, NOW) == {town.lanh.id, town.cuong.id}
    assert waiting(town)[1]["k-binh"] == "removed"
    assert "k-binh" not in [one.key for one in taken(town).keys]
    with town.database.session() as db:
        assert declined(lambda: trusted.remove_key(db, "k-binh", "binh", NOW)) == "no-key"


@pytest.mark.parametrize(("change", "why"), [("disabled", "disabled"), ("no role", "no-role")])
def test_a_person_who_may_not_approve_leaves_the_list(town: Town, change: str, why: str) -> None:
    waits = add(town, town.binh)
    with town.database.session() as db:
        account = db.get_one(Account, town.binh.id)
        if change == "disabled":
            account.disabled_at = NOW
        else:
            account.roles = ["leader"]
    assert waits not in waiting(town)[0]
    assert waiting(town)[1]["k-binh"] == why
    keys = [one.key for one in proposed(town).keys]
    assert "k-binh" not in keys
    assert waits not in keys
    with town.database.reading() as db:
        assert trusted.signers(db, town.desk, NOW) == {town.lanh.id, town.cuong.id}


def test_a_deputy_s_key_ends_with_the_last_day_of_standing_in(town: Town) -> None:
    until = NOW + 9 * DAY
    with town.database.session() as db:
        db.add(
            Deputy(
                account_id=town.hoa.id,
                for_account_id=town.binh.id,
                role="approver",
                since=NOW,
                until=until,
                made_by="quan",
            )
        )
    key = add(town, town.hoa)
    assert next(one for one in taken(town).keys if one.key == key).until == until
    with town.database.reading() as db:
        assert town.hoa.id in trusted.signers(db, town.desk, NOW)
        assert town.hoa.id not in trusted.signers(db, town.desk, until + DAY)
    assert waiting(town, until + DAY)[1][key] == "no-role"
    with town.database.session() as db:
        db.scalars(select(Deputy)).one().ended_at = NOW
    assert waiting(town)[1][key] == "no-role"


def test_signing_confirms_keys_whose_time_is_half_over(town: Town) -> None:
    key = add(town, town.binh)
    taken(town)
    soon, late = NOW + 100 * DAY, NOW + 300 * DAY
    assert next(one for one in proposed(town, soon).keys if one.key == key).until == NOW + KEY_DAYS * DAY
    confirmed = next(one for one in proposed(town, late).keys if one.key == key)
    assert (confirmed.since, confirmed.until) == (NOW, late + KEY_DAYS * DAY)


def test_lists_that_the_root_key_did_not_sign_for_here_and_now_are_refused(town: Town) -> None:
    good = canonical(proposed(town))
    body = msgspec.json.decode(good, type=TrustBody)

    def refused(signed: Signed) -> str:
        with town.database.session() as db:
            return declined(lambda: trusted.take(db, town.desk, signed, "quan", NOW))

    def changed(**change: object) -> Signed:
        return sign_list(canonical(msgspec.structs.replace(body, **change)), town.keys.root)

    assert refused(sign_list(good, new_key())) == "bad-signature"
    assert refused(sign_list(good, load_hub_signer(town.keys.hub)[1])) == "bad-signature"
    assert refused(Signed(body=good, signatures=[])) == "unsigned"
    assert (
        refused(Signed(body=good + " ", signatures=sign_list(good, town.keys.root).signatures))
        == "bad-signature"
    )
    assert refused(sign_list(good + " ", town.keys.root)) == "not-canonical"
    twice = [*sign_list(good, new_key()).signatures, *sign_list(good, town.keys.root).signatures]
    assert refused(Signed(body=good, signatures=twice)) == "malformed"
    assert refused(changed(commune="01/00001")) == "wrong-commune"
    assert refused(changed(generation=town.keys.trust.generation)) == "old-generation"
    assert refused(changed(generation=1)) == "old-generation"
    assert refused(changed(keys=[one for one in body.keys if "hub" not in one.roles])) == "hub-missing"
    mute = [msgspec.structs.replace(one, until=NOW - DAY) if "hub" in one.roles else one for one in body.keys]
    assert refused(changed(keys=mute)) == "hub-missing"
    loud = [
        msgspec.structs.replace(one, roles=["hub", "approver"]) if "hub" in one.roles else one
        for one in body.keys
    ]
    assert refused(changed(keys=loud)) == "malformed"
    with town.database.reading() as db:
        assert db.query(TrustList).count() == 1


def test_the_next_list_is_above_everything_a_node_already_holds(town: Town) -> None:
    with town.database.session() as db:
        for node, held in (("thon-01", 7), ("thon-02", 2**30)):
            db.add(SpeakerSeen(node=node, trust_generation=held, seen_at=NOW))
    assert proposed(town).generation == 8


def test_a_list_changed_in_the_database_is_not_in_force(town: Town) -> None:
    with town.database.session() as db:
        row = db.scalars(select(TrustList)).one()
        row.body = row.body.replace("k-binh", "k-bing")
    with town.database.reading() as db:
        assert declined(lambda: trusted.in_force(db, town.desk)) == "no-trust"
        assert trusted.signers(db, town.desk, NOW) == set()


def test_a_hub_without_a_list_starts_with_its_own_key(town: Town) -> None:
    with town.database.session() as db:
        db.query(TrustList).delete()
    with town.database.reading() as db:
        assert declined(lambda: trusted.in_force(db, town.desk)) == "no-trust"
    first = proposed(town, add=())
    assert (first.generation, [one.roles for one in first.keys]) == (1, [["hub"]])
    assert first.keys[0].key == load_hub_signer(town.keys.hub)[0]
    assert taken(town, add=()).generation == 1


def test_keys_are_one_person_s_and_of_the_right_kind(town: Town) -> None:
    public = public_pem(new_key())
    with town.database.session() as db:
        trusted.add_key(
            db, town.desk, town.binh, kind="file", public=public, label="x" * 100, now=NOW, by="binh"
        )

    def refused(who: Account, public: str) -> str:
        with town.database.session() as db:
            return declined(
                lambda: trusted.add_key(
                    db, town.desk, who, kind="file", public=public, label="", now=NOW, by="x"
                )
            )

    assert refused(town.lanh, public) == "key-taken"
    assert refused(town.lanh, public.replace("\n", "\r\n")) == "key-taken"
    hub, root = public_pem(load_hub_signer(town.keys.hub)[1]), public_pem(town.keys.root)
    believed = town.keys.private["k-lanh"]
    for ours in (hub, root, public_pem(believed)):
        assert refused(town.lanh, ours) == "key-taken"
    for text_ in ("", "no key", public.replace("M", "N", 1)):
        assert refused(town.lanh, text_) == "bad-key"
    for _ in range(trusted.MOST_KEYS - 2):
        add(town, town.binh)
    assert refused(town.binh, public_pem(new_key())) == "many-keys"
    with town.database.reading() as db:
        assert max(len(row.label) for row in db.scalars(select(ApproverKey))) == 60


def test_an_account_s_old_key_goes_and_everything_that_points_at_accounts_stays(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    engine = create_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    command.upgrade(config, "0005")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO account (id, username, full_name, title, roles, password_hash, key, villages,"
                " created_at, failed_logins, totp_step)"
                " VALUES (7, 'binh', 'Bình', '', '[]', 'x', 'k1', '[]', '2026-01-01', 0, 0)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO announcement (id, created_at, author_id, latest) VALUES ('bt-1', '2026-01-01', 7, 1)"
            )
        )
    engine.dispose()
    database = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    with database.reading() as db:
        assert db.get_one(Account, 7).full_name == "Bình"
        assert db.scalar(text("SELECT author_id FROM announcement")) == 7
        assert db.scalar(text("PRAGMA foreign_keys")) == 1
        assert db.execute(text("PRAGMA foreign_key_check")).all() == []
        assert "key" not in [row[1] for row in db.execute(text("PRAGMA table_info(account)"))]
    database.close()
