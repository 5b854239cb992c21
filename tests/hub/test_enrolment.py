"""Codes, certificates and revoking, as the hub writes them down."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from broker.contract import NODE_SERVICES, Identity
from broker.hub.declined import Declined
from broker.hub.keys import crl, enrolment
from broker.hub.keys.enrolment import TRIES, Tries, admit, is_enrolled, offer_code, renew, revoke_node
from broker.hub.keys.issuing import Issuer
from broker.hub.records import AuditRow, Certificate, Change, EnrolCode, NodeRecord, Revocation
from broker.trust.certificates import SERVICE_DAYS, check_chain, crl_serials, life_of, make_request
from broker.trust.enrolment import Ask, Welcome, code_hash, fingerprint, is_pin, new_code, prepare, read_code
from broker.trust.keys import IdentityError, load_private, new_key
from tests.hub.town import Town, hub_settings

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
NEW = "thon-09"


class Gate:
    """The hub's side, and a node that is not enrolled yet."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town = town
        self.settings = hub_settings(folder / "data", town.keys.hub)
        self.settings.enrolment.name = "hub.example"
        self.issuer = Issuer(town.keys.hub)
        self.keys = folder / "node"

    def code(self, node: str = NEW, now: datetime = NOW, *, again: bool = False) -> str:
        with self.town.database.session() as db:
            offer = offer_code(
                db, node=node, village="dong", label="Nhà văn hoá", by=self.town.binh, now=now, again=again
            )
            assert offer.expires_at == now + timedelta(minutes=15)
            return offer.code

    def ask(self, code: str, now: datetime = NOW, node: str = NEW, keys: Path | None = None) -> Welcome | str:
        """The welcome, or the code of the refusal; commits either way, as the listener does."""
        ask = Ask(node=node, code=code, requests=prepare(keys or self.keys, node))
        with self.town.database.session() as db:
            try:
                return admit(db, self.settings, self.issuer, ask, now)
            except Declined as why:
                return why.code

    def serials(self, node: str = NEW) -> dict[str, str]:
        """Serial → reason of revoking, empty while it counts."""
        with self.town.database.reading() as db:
            rows = db.scalars(select(Certificate).where(Certificate.node == node))
            return {row.serial: row.reason for row in rows}

    def actions(self) -> list[str]:
        with self.town.database.reading() as db:
            return list(
                db.scalars(select(AuditRow.action).where(AuditRow.subject == NEW).order_by(AuditRow.id))
            )


@pytest.fixture
def gate(town: Town, tmp_path: Path) -> Gate:
    return Gate(town, tmp_path)


def test_a_code_can_be_typed_as_people_type() -> None:
    code = new_code()
    assert len({new_code() for _ in range(100)}) == 100
    for spelling in (code, code.lower(), code.replace("-", ""), f" {code[:4]} - {code[5:]} "):
        assert read_code(spelling) == code
    assert read_code("oIl0-zzzz") == "0110-ZZZZ"
    for wrong in ("", "ABCD-123", "ABCD-12345", "ABCD-123U", "ABCD-123é", "ＡBCD-1234"):
        with pytest.raises(IdentityError):
            read_code(wrong)
    assert code_hash("thon-01", code) != code_hash("thon-02", code)


def test_a_pin_can_be_typed_as_people_type(gate: Gate) -> None:
    root = (gate.town.keys.hub / "ca.pem").read_bytes()
    pin = fingerprint(root)
    assert len(pin.replace("-", "")) == 32
    for spelling in (pin, pin.upper(), pin.replace("-", " "), pin.replace("-", ":"), pin.replace("-", "")):
        assert is_pin(spelling, root)
    for wrong in ("", pin[:-1], pin[:-1] + ("0" if pin[-1] != "0" else "1"), pin + "0"):
        assert not is_pin(wrong, root)


def test_a_new_node_gets_all_it_must_know_and_a_certificate_for_each_service(gate: Gate) -> None:
    welcome = gate.ask(gate.code())
    assert isinstance(welcome, Welcome)
    assert (welcome.village, welcome.village_name, welcome.commune_name) == (
        "dong",
        "thôn Đông",
        "xã Vân Khê",
    )
    assert (welcome.broker_host, welcome.device_url) == ("hub.example", "https://hub.example:0")
    assert set(welcome.certificates) == set(NODE_SERVICES)
    for service, chain in welcome.certificates.items():
        key = load_private(gate.keys / "next" / f"{service}.key")
        check_chain(chain, key, Identity(NEW, service), welcome.ca.encode())
    assert len(gate.serials()) == len(NODE_SERVICES)
    with gate.town.database.reading() as db:
        topics = set(db.execute(select(Change.topic, Change.key).where(Change.key == NEW)).tuples())
        assert db.get_one(NodeRecord, NEW).retired_at is None
    assert {("rights", NEW), ("node", NEW)} <= topics
    assert gate.actions() == ["node.code-made", "node.enrolled"]


def test_the_code_itself_is_kept_nowhere(gate: Gate) -> None:
    code = gate.code()
    with gate.town.database.reading() as db:
        row = db.scalars(select(EnrolCode)).one()
        kept = repr(vars(row)) + repr([vars(each) for each in db.scalars(select(AuditRow))])
    assert code not in kept
    assert code.replace("-", "") not in kept


def ask_from(gate: Gate, tries: Tries, address: str, code: str, node: str = NEW) -> Declined | Welcome:
    ask = Ask(node=node, code=code, requests=prepare(gate.keys, NEW))
    with gate.town.database.session() as db:
        try:
            return admit(db, gate.settings, gate.issuer, ask, NOW, tries=tries, address=address)
        except Declined as why:
            return why


def test_five_wrong_codes_end_the_right_one_for_their_machine_alone(gate: Gate) -> None:
    code, tries = gate.code(), Tries()
    for wrong in ("AAAA-AAAA", "BBBB-BBBB", "CCCC-CCCC", "DDDD-DDDD", "hello"):
        ask_from(gate, tries, "10.0.0.66", wrong)
    said = ask_from(gate, tries, "10.0.0.66", code)
    assert isinstance(said, Declined)
    assert said.code == "wrong-code"
    assert gate.serials() == {}
    assert gate.actions().count("node.code-wrong") == 5
    assert isinstance(ask_from(gate, tries, "10.0.0.5", code), Welcome)


def test_fifty_wrong_codes_end_it_for_everybody(gate: Gate) -> None:
    code, tries = gate.code(), Tries()
    weighed = code_hash(NEW, "AAAA-AAAA")
    for number in range(TRIES + 5):
        ask = Ask(node=NEW, code="AAAA-AAAA", requests={"camera": "x"})
        with gate.town.database.session() as db, pytest.raises(Declined) as why:
            admit(
                db,
                gate.settings,
                gate.issuer,
                ask,
                NOW,
                weighed=weighed,
                tries=tries,
                address=f"10.0.0.{number}",
            )
        assert why.value.code == "wrong-code"
    assert gate.ask(code) == "no-tries"
    assert isinstance(gate.ask(gate.code()), Welcome), "a new code starts afresh"


def test_who_does_not_know_the_code_does_not_learn_whether_there_is_one(gate: Gate) -> None:
    code, tries = gate.code(), Tries()
    said = [
        str(ask_from(gate, tries, "10.0.0.66", "AAAA-AAAA", node)) for node in (NEW, "thon-77", "hub", "?")
    ]
    assert isinstance(ask_from(gate, tries, "10.0.0.5", code), Welcome)
    said.append(str(ask_from(gate, tries, "10.0.0.66", "AAAA-AAAA")))
    assert len(set(said)) == 1


def test_a_code_ends_after_fifteen_minutes(gate: Gate) -> None:
    code = gate.code()
    assert gate.ask(code, NOW + timedelta(minutes=15)) == "code-over"
    assert isinstance(gate.ask(code, NOW + timedelta(minutes=14, seconds=59)), Welcome)


def test_a_code_is_for_its_node_alone(gate: Gate, tmp_path: Path) -> None:
    first, second = gate.code("thon-08"), gate.code("thon-09")
    assert gate.ask(first, node="thon-09") == "wrong-code"
    assert gate.ask(second, node="thon-08", keys=tmp_path / "eight") == "wrong-code"
    assert gate.ask(second, node="thon-77", keys=tmp_path / "seventy") == "wrong-code"
    assert isinstance(gate.ask(second), Welcome)


def test_a_newer_code_ends_the_older(gate: Gate) -> None:
    old, new = gate.code(), gate.code()
    assert gate.ask(old) == "wrong-code"
    assert isinstance(gate.ask(new), Welcome)


def test_a_lost_answer_is_given_again_with_the_same_certificates(gate: Gate) -> None:
    code = gate.code()
    first, later = gate.ask(code), gate.ask(code, NOW + timedelta(minutes=9))
    assert isinstance(first, Welcome)
    assert isinstance(later, Welcome)
    assert [life_of(one.encode()) for one in first.certificates.values()] == [
        life_of(one.encode()) for one in later.certificates.values()
    ]
    assert set(gate.serials().values()) == {""}
    assert gate.actions() == ["node.code-made", "node.enrolled"], "once"


def test_other_keys_get_nothing_for_a_code_that_was_used(gate: Gate, tmp_path: Path) -> None:
    code = gate.code()
    gate.ask(code)
    assert gate.ask(code, keys=tmp_path / "thief") == "code-used"
    assert len(gate.serials()) == len(NODE_SERVICES)


@pytest.mark.parametrize("change", ["other name", "one missing", "junk"])
def test_requests_that_are_not_the_nodes_own_get_nothing_and_leave_the_code(gate: Gate, change: str) -> None:
    code, requests = gate.code(), dict(prepare(gate.keys, NEW))
    if change == "other name":
        requests["speaker"] = make_request(new_key(), Identity("thon-01", "speaker"))
    elif change == "one missing":
        del requests["board"]
    else:
        requests["kiosk"] = "hello"
    with gate.town.database.session() as db, pytest.raises(Declined) as caught:
        admit(db, gate.settings, gate.issuer, Ask(node=NEW, code=code, requests=requests), NOW)
    assert caught.value.code == "bad-request"
    assert gate.serials() == {}
    assert isinstance(gate.ask(code), Welcome)


@pytest.mark.parametrize("name", ["hub", "admin", "a/b", "+", "#", "", "Thôn 1", "x" * 33, "canary"])
def test_a_name_no_node_may_have_gets_no_code(gate: Gate, name: str) -> None:
    with pytest.raises(Declined) as caught:
        gate.code(name)
    assert caught.value.code == "bad-name"


def test_a_node_that_holds_certificates_gets_a_code_only_when_told_so(gate: Gate, tmp_path: Path) -> None:
    gate.ask(gate.code())
    with pytest.raises(Declined) as caught:
        gate.code()
    assert caught.value.code == "enrolled"
    old = set(gate.serials())
    new_disk = tmp_path / "new-disk"
    assert isinstance(gate.ask(gate.code(again=True), keys=new_disk), Welcome)
    found = gate.serials()
    assert {found[serial] for serial in old} == {"replaced"}
    assert [reason for serial, reason in found.items() if serial not in old] == [""] * len(NODE_SERVICES)


def test_an_unknown_village_gets_no_node(gate: Gate) -> None:
    with gate.town.database.session() as db, pytest.raises(Declined) as caught:
        offer_code(db, node=NEW, village="nowhere", label="x", by="minh", now=NOW)
    assert caught.value.code == "no-village"
    with gate.town.database.reading() as db:
        assert db.get(NodeRecord, NEW) is None


def revoked(gate: Gate, *, is_done: bool) -> None:
    with gate.town.database.session() as db:
        row = revoke_node(db, NEW, gate.town.binh, "mất máy", NOW + timedelta(hours=1))
        if is_done:
            row.rights_gone_at = row.crl_loaded_at = row.cut_off_at = row.probed_at = NOW + timedelta(hours=1)


def test_revoking_ends_certificates_codes_and_the_node_and_tells_the_broker(gate: Gate) -> None:
    gate.ask(gate.code())
    waiting = gate.code(again=True)
    revoked(gate, is_done=False)
    assert set(gate.serials().values()) == {"revoked"}
    assert gate.ask(waiting) == "wrong-code"
    with gate.town.database.reading() as db:
        assert db.get_one(NodeRecord, NEW).retired_at == NOW + timedelta(hours=1)
        row = db.scalars(select(Revocation)).one()
        assert (row.node, row.asked_by, row.reason, row.probed_at) == (NEW, "binh", "mất máy", None)
        count = select(func.count()).select_from(Change).where(Change.topic == "rights", Change.key == NEW)
        assert db.scalar(count) == 2, "enrolled, revoked"
        assert not is_enrolled(db, NEW)
    assert gate.actions()[-1] == "node.revoked"
    with gate.town.database.session() as db, pytest.raises(Declined) as caught:
        revoke_node(db, NEW, "minh", "again", NOW)
    assert caught.value.code == "already-revoked"
    with gate.town.database.session() as db, pytest.raises(Declined) as caught:
        revoke_node(db, "thon-55", "minh", "who", NOW)
    assert caught.value.code == "no-node"


def test_a_revoked_node_comes_back_with_a_new_code_and_new_keys_only(gate: Gate, tmp_path: Path) -> None:
    gate.ask(gate.code())
    revoked(gate, is_done=False)
    later = NOW + timedelta(hours=2)
    with pytest.raises(Declined) as caught:
        gate.code(now=later)
    assert caught.value.code == "revoking", "the broker is still being brought in line"
    with gate.town.database.session() as db:
        for row in db.scalars(select(Revocation)):
            row.probed_at = later
    code = gate.code(now=later)
    assert gate.ask(code, later) == "keys-used", "the keys that were revoked"
    assert isinstance(gate.ask(code, later, keys=tmp_path / "new"), Welcome)
    with gate.town.database.reading() as db:
        assert db.get_one(NodeRecord, NEW).retired_at is None
        assert is_enrolled(db, NEW)


WORN = NOW + timedelta(days=SERVICE_DAYS * 2 / 3 + 1)
SPEAKER = Identity(NEW, "speaker")


def renewed(gate: Gate, serial: str, request: str, now: datetime, who: Identity = SPEAKER) -> str:
    """The chain, or the code of the refusal."""
    with gate.town.database.session() as db:
        try:
            return renew(db, gate.issuer, who, serial, request, now)
        except Declined as why:
            return why.code


def speaker_serial(gate: Gate) -> str:
    welcome = gate.ask(gate.code())
    assert isinstance(welcome, Welcome)
    return life_of(welcome.certificates["speaker"].encode())[0]


def test_a_worn_certificate_is_followed_by_one_for_a_new_key(gate: Gate) -> None:
    serial, key = speaker_serial(gate), new_key()
    chain = renewed(gate, serial, make_request(key, SPEAKER), WORN)
    check_chain(chain, key, SPEAKER, (gate.town.keys.hub / "ca.pem").read_bytes())
    assert life_of(chain.encode())[1] == WORN.replace(microsecond=0) + timedelta(days=SERVICE_DAYS)
    again = renewed(gate, serial, make_request(key, SPEAKER), WORN + timedelta(days=3))
    assert life_of(again.encode()) == life_of(chain.encode()), "the answer was lost"
    assert len(gate.serials()) == len(NODE_SERVICES) + 1


def test_what_may_not_be_renewed_is_refused(gate: Gate) -> None:
    serial, request = speaker_serial(gate), make_request(new_key(), SPEAKER)
    assert renewed(gate, serial, request, NOW + timedelta(days=30)) == "too-early"
    assert renewed(gate, "abc123", request, WORN) == "unknown-certificate"
    camera = Identity(NEW, "camera")
    assert renewed(gate, serial, make_request(new_key(), camera), WORN, camera) == "unknown-certificate"
    assert renewed(gate, serial, make_request(new_key(), camera), WORN) == "bad-request"
    assert renewed(gate, serial, request, NOW + timedelta(days=SERVICE_DAYS + 1)) == "revoked", "over"
    revoked(gate, is_done=True)
    assert renewed(gate, serial, request, WORN) == "revoked"


def test_names_of_villages_are_said_with_their_kind() -> None:
    said = {name: enrolment._spoken(name) for name in ("Đông", "Bản Mế", "khu phố 3", "Thôn Tây")}
    assert said == {
        "Đông": "thôn Đông",
        "Bản Mế": "Bản Mế",
        "khu phố 3": "khu phố 3",
        "Thôn Tây": "Thôn Tây",
    }


def test_one_old_certificate_is_followed_by_two_and_no_more(gate: Gate) -> None:
    """Whoever stole it gets no heap of certificates, and the log says that somebody tried."""
    serial = speaker_serial(gate)
    first = make_request(new_key(), SPEAKER)
    assert renewed(gate, serial, first, WORN).startswith("-----BEGIN")
    assert renewed(gate, serial, make_request(new_key(), SPEAKER), WORN).startswith("-----BEGIN")
    before = len(gate.serials())
    for hours in range(4):
        at = WORN + timedelta(hours=hours)
        assert renewed(gate, serial, make_request(new_key(), SPEAKER), at) == "renewed-already"
    assert renewed(gate, serial, first, WORN).startswith("-----BEGIN"), "the same request, the same answer"
    assert len(gate.serials()) == before
    with gate.town.database.reading() as db:
        rows = db.scalars(select(AuditRow.subject).where(AuditRow.action == "certificate.refused")).all()
    assert list(rows) == [str(SPEAKER)]


def test_one_key_for_two_services_is_declined_in_words(gate: Gate) -> None:
    key = new_key()
    asks = {service: make_request(key, Identity(NEW, service)) for service in NODE_SERVICES}
    code = gate.code()
    with gate.town.database.session() as db, pytest.raises(Declined, match="chung một khoá"):
        admit(db, gate.settings, gate.issuer, Ask(node=NEW, code=code, requests=asks), NOW)


@pytest.mark.parametrize("where", [9, 14, 30])
def test_a_request_that_is_broken_inside_is_declined_in_words(gate: Gate, where: int) -> None:
    """Its curve, the form of its point, the point itself."""
    serial = speaker_serial(gate)
    pem = make_request(new_key(), SPEAKER)
    der = bytearray(base64.b64decode("".join(pem.splitlines()[1:-1])))
    der[der.find(bytes.fromhex("06082a8648ce3d030107")) + where] ^= 8
    broken = "-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(der)).decode()
    assert renewed(gate, serial, broken + "-----END CERTIFICATE REQUEST-----\n", WORN) == "bad-request"


def test_records_put_back_from_a_copy_bring_no_revoked_certificate_back(gate: Gate) -> None:
    """The list is no part of the records: what it names stays on it, and tells who must be taken out again."""
    keys, database = gate.town.keys.hub, gate.town.database
    gate.ask(gate.code())
    serials = set(gate.serials())
    with database.session() as db:
        revoke_node(db, NEW, gate.town.binh, "mất máy", NOW)
    crl.write(database, keys, gate.issuer, NOW, [("abc", NOW)])
    with database.reading() as db:
        assert crl.forgotten(db, keys, gate.issuer) == []
    with database.session() as db:  # as the copy has it, which was made before
        for row in db.scalars(select(Certificate).where(Certificate.node == NEW)):
            row.revoked_at, row.reason = None, ""
        db.get_one(NodeRecord, NEW).retired_at = None
    with database.reading() as db:
        assert crl.forgotten(db, keys, gate.issuer) == [NEW]
    crl.write(database, keys, gate.issuer, NOW + timedelta(days=1))
    named = {serial for serial, _ in crl_serials((keys / crl.FILE).read_bytes(), gate.issuer)}
    assert serials <= named
    assert "abc" not in named, "what was thrown away is not kept"
    after = NOW + timedelta(days=SERVICE_DAYS + 2)
    crl.write(database, keys, gate.issuer, after)
    assert crl_serials((keys / crl.FILE).read_bytes(), gate.issuer) == [], "over by themselves"
