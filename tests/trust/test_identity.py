"""Keys of a commune: what is issued, to whom, and that TLS and the trust list work with it."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from broker.contract import NODE_SERVICES, ContractError, Place
from broker.contract.hub import Signed
from broker.trust.approvers import create_approver, lock_key, revoke_key
from broker.trust.envelope import Refused, TrustBody, canonical, open_trust, sign, verify
from broker.trust.identity import (
    Commune,
    create_commune,
    issue_hub,
    issue_node,
    issue_server,
    load_hub_seal,
    load_hub_signer,
    load_root,
    load_signed_trust,
    load_trust,
    open_commune,
    publish_trust,
)
from broker.trust.keyfile import unlock
from broker.trust.keys import IdentityError, load_private, new_key
from broker.trust.seal import open_seal, seal

PHRASE = "ba con gà trống"
PLACE = Place("00", "00000")


@pytest.fixture(scope="module")
def commune(tmp_path_factory: pytest.TempPathFactory) -> Commune:
    return create_commune(tmp_path_factory.mktemp("commune"), PHRASE, PLACE, "xã Vân Khê")


def test_a_new_commune_believes_its_hub_and_nobody_else(commune: Commune) -> None:
    trust = load_trust(commune.folder)
    key, private = load_hub_signer(commune.folder)
    assert trust.commune == "00/00000"
    assert trust.keys[0].key == key
    assert trust.keys[0].roles == ["hub"]
    assert verify("{}", "plays", sign("{}", "plays", key, private), trust.keys[0].public)


def test_private_files_are_for_their_owner_only(commune: Commune, tmp_path: Path) -> None:
    issue_node(commune.folder, "thon-01", tmp_path)
    issue_hub(commune.folder, ["127.0.0.1"], tmp_path / "hub")
    for path in [*commune.folder.iterdir(), *tmp_path.rglob("*.*")]:
        if path.suffix in (".key", ".password"):
            assert path.stat().st_mode & 0o777 == 0o600, path
    assert not [path for path in tmp_path.rglob("*") if path.name in ("root.key", "ca.key")]
    assert b"BEGIN" not in (commune.folder / "root.key").read_bytes()


def test_the_root_key_opens_with_its_passphrase_only(commune: Commune) -> None:
    assert open_commune(commune.folder, PHRASE).place == "00/00000"
    for wrong in ("", "ba con gà mái"):
        with pytest.raises(IdentityError, match=r"root\.key"):
            open_commune(commune.folder, wrong)
    with pytest.raises(IdentityError, match="already"):
        create_commune(commune.folder, PHRASE, PLACE)
    with pytest.raises(IdentityError, match="8 characters"):
        create_commune(commune.folder / "new", "short", PLACE)


def test_each_service_gets_a_certificate_in_its_own_name(commune: Commune, tmp_path: Path) -> None:
    passwords = issue_node(commune.folder, "thon-01", tmp_path)
    assert sorted(passwords) == sorted(f"thon-01.{service}" for service in NODE_SERVICES)
    assert len(set(passwords.values())) == len(NODE_SERVICES)
    for service in NODE_SERVICES:
        certificate = x509.load_pem_x509_certificate((tmp_path / f"{service}.pem").read_bytes())
        assert certificate.subject.rfc4514_string() == f"CN=thon-01.{service}"
        use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(use) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
        assert (tmp_path / f"{service}.password").read_text() == passwords[f"thon-01.{service}"]


@pytest.mark.parametrize(
    "name", ["+", "#", "a/b", "", "x" * 33, "thôn-01", "admin", "canary", "Thon", "-a", "a.b"]
)
def test_a_name_that_could_reach_into_anothers_topics_is_refused(
    name: str, commune: Commune, tmp_path: Path
) -> None:
    with pytest.raises(ContractError):
        issue_node(commune.folder, name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_hubs_name_is_not_for_a_node(commune: Commune, tmp_path: Path) -> None:
    with pytest.raises(IdentityError):
        issue_node(commune.folder, "hub", tmp_path)
    with pytest.raises(IdentityError):
        issue_server(commune.folder, [], tmp_path, "device")


def shake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> str:
    """Common name the server saw after a real TLS handshake over loopback."""
    seen: list[str] = []

    def serve(door: socket.socket) -> None:
        try:
            raw, _ = door.accept()
            with raw, server.wrap_socket(raw, server_side=True) as peer:
                subject = (peer.getpeercert() or {}).get("subject", ())
                seen.extend(value for part in subject for _, value in part)
                peer.sendall(b"ok")
        except (ssl.SSLError, OSError) as why:
            seen.append(type(why).__name__)

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=serve, args=(door,))
        thread.start()
        try:
            raw = socket.create_connection(door.getsockname(), timeout=5)
            with raw, client.wrap_socket(raw, server_hostname=host) as out:
                assert out.recv(2) == b"ok", "the server closed after its own check"
        finally:
            thread.join(5)
    return seen[0]


def contexts(commune: Commune, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    issue_node(commune.folder, "thon-01", folder / "node")
    issue_hub(commune.folder, ["127.0.0.1", "localhost"], folder / "hub")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "hub/ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_cert_chain(folder / "hub/device.pem", folder / "hub/device.key")
    client = ssl.create_default_context(cafile=folder / "node/ca.pem")
    client.load_cert_chain(folder / "node/speaker.pem", folder / "node/speaker.key")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    return server, client


def test_hub_and_node_meet_by_mutual_tls(commune: Commune, tmp_path: Path) -> None:
    server, client = contexts(commune, tmp_path)
    assert shake(server, client, "127.0.0.1") == "thon-01.speaker"
    assert shake(server, client, "localhost") == "thon-01.speaker"


def test_a_wrong_host_and_another_communes_certificate_are_refused(commune: Commune, tmp_path: Path) -> None:
    server, client = contexts(commune, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, client, "other.example")
    stranger = create_commune(tmp_path / "stranger", PHRASE, Place("01", "00001"))
    issue_node(stranger.folder, "thon-01", tmp_path / "stranger-node")
    client.load_cert_chain(tmp_path / "stranger-node/speaker.pem", tmp_path / "stranger-node/speaker.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake(server, client, "127.0.0.1")


def test_a_service_certificate_cannot_play_the_server(commune: Commune, tmp_path: Path) -> None:
    server, client = contexts(commune, tmp_path)
    server.load_cert_chain(tmp_path / "node/camera.pem", tmp_path / "node/camera.key")
    client.check_hostname = False
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, client, "127.0.0.1")


def test_an_approvers_key_opens_with_the_pin_and_stands_in_the_trust_list(
    commune: Commune, tmp_path: Path
) -> None:
    before = load_trust(commune.folder)
    made = create_approver(commune, "Nguyễn Thị Bình", "314159", ("approver", "emergency"))
    trust = load_trust(commune.folder)
    assert trust.generation == before.generation + 1
    assert trust.keys[-1].holder == "Nguyễn Thị Bình"
    key, private = unlock(made.file, "314159")
    assert key == made.key == trust.keys[-1].key
    assert verify("{}", "announcement", sign("{}", "announcement", key, private), made.public)
    publish_trust(commune.folder, tmp_path)
    assert open_trust(load_signed_trust(tmp_path), load_root(commune.folder)) == trust
    after = revoke_key(commune, made.key)
    assert after.generation == trust.generation + 1
    assert made.key not in [one.key for one in load_trust(commune.folder).keys]
    with pytest.raises(IdentityError):
        revoke_key(commune, made.key)


def test_a_wrong_pin_a_weak_pin_and_a_damaged_file_are_worded() -> None:
    text = lock_key(new_key(), "Bình", "314159")
    for file, pin in [
        (text, "314158"),
        (text.replace('"wrapped": "', '"wrapped": "A'), "314159"),
        ("{}", "1"),
    ]:
        with pytest.raises(IdentityError, match="wrong PIN"):
            unlock(file, pin)
    for weak in ("12345", "abcdef", "", "１２３４５６"):
        with pytest.raises(IdentityError, match="6 digits"):
            lock_key(new_key(), "Bình", weak)


def test_nobody_is_given_the_hubs_role(commune: Commune) -> None:
    with pytest.raises(IdentityError):
        create_approver(commune, "x", "314159", ("hub",))


def test_a_trust_list_signed_by_another_root_is_refused(commune: Commune) -> None:
    body = canonical(TrustBody(generation=99, commune="00/00000", keys=[]))
    forged = Signed(body=body, signatures=[sign(body, "trust", "root", new_key())])
    with pytest.raises(Refused):
        open_trust(forged, load_root(commune.folder))


def test_words_sealed_on_a_node_open_on_the_hub(commune: Commune, tmp_path: Path) -> None:
    issue_node(commune.folder, "thon-01", tmp_path)
    box = seal(load_hub_seal(tmp_path), b"words")
    assert open_seal((commune.folder / "hub-seal.key").read_bytes(), box) == b"words"


def test_missing_and_wrong_files_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match=r"root\.pub"):
        load_root(tmp_path)
    (tmp_path / "x.key").write_text("no key")
    with pytest.raises(IdentityError, match=r"x\.key"):
        load_private(tmp_path / "x.key")


def test_a_commune_with_two_nodes_is_set_up_quickly(tmp_path: Path) -> None:
    began = time.process_time()
    made = create_commune(tmp_path / "commune", PHRASE, PLACE, now=datetime.now(UTC) - timedelta(days=1))
    issue_hub(made.folder, ["127.0.0.1"], tmp_path / "hub")
    for node in ("thon-01", "thon-02"):
        issue_node(made.folder, node, tmp_path / node)
    assert time.process_time() - began < 2.0, "about 0.3 s of it is the passphrase's own slowness"
