"""Keys of a commune: what the root and the hub hold, and that certificates of two levels work in real TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from broker.contract import NODE_SERVICES, ContractError, Identity, Place
from broker.trust import certificates
from broker.trust.approvers import lock_key
from broker.trust.certificates import (
    Issuer,
    certify_request,
    crl_expires,
    make_crl,
    make_request,
    probe_certificate,
)
from broker.trust.identity import (
    HUB_OWN,
    Commune,
    create_commune,
    create_hub,
    issue_own,
    issue_server,
    load_hub_seal,
    load_hub_signer,
    load_root,
    open_commune,
    renew_issuing,
)
from broker.trust.keyfile import unlock
from broker.trust.keys import IdentityError, load_private, new_key
from broker.trust.seal import open_seal, seal
from tests.enrolled import enrol_keys

PHRASE = "ba con gà trống"
PLACE = Place("00", "00000")
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
WHO = Identity("thon-01", "speaker")


@dataclass
class Keys:
    """A commune's folder, and those of its hub and of a node."""

    commune: Commune
    hub: Path
    node: Path

    @property
    def issuer(self) -> Issuer:
        return Issuer(self.hub)


def make(folder: Path) -> Keys:
    commune = create_commune(folder / "commune", PHRASE, PLACE)
    create_hub(commune, ["127.0.0.1", "localhost"], folder / "hub")
    enrol_keys(folder / "hub", "thon-01", folder / "node")
    return Keys(commune, folder / "hub", folder / "node")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make(tmp_path_factory.mktemp("commune"))


def test_no_secret_of_the_commune_is_at_the_hub_and_none_is_readable_by_others(keys: Keys) -> None:
    assert {file.name for file in keys.commune.folder.iterdir()} == {"root.key", "root.pub", "root.pem"}
    assert b"BEGIN" not in keys.commune.folder.joinpath("root.key").read_bytes()
    assert not (keys.hub / "root.key").exists()
    for folder in (keys.commune.folder, keys.hub, keys.node):
        for file in folder.glob("*.key"):
            assert file.stat().st_mode & 0o777 == 0o600, file
    assert {file.stem for file in keys.node.glob("*.key")} == set(NODE_SERVICES)


def test_the_root_key_opens_with_its_passphrase_only(keys: Keys) -> None:
    folder = keys.commune.folder
    assert open_commune(folder, PHRASE).place == "00/00000"
    for wrong in ("", "ba con gà mái"):
        with pytest.raises(IdentityError, match=r"root\.key"):
            open_commune(folder, wrong)
    with pytest.raises(IdentityError, match="already"):
        create_commune(folder, PHRASE, PLACE)
    with pytest.raises(IdentityError, match="already"):
        create_hub(keys.commune, ["h"], keys.hub)
    with pytest.raises(IdentityError, match="8 characters"):
        create_commune(folder / "new", "short", PLACE)


def test_each_service_has_a_certificate_in_its_own_name_for_one_use(keys: Keys) -> None:
    own = [(keys.node, f"thon-01.{one}") for one in NODE_SERVICES] + [
        (keys.hub, f"hub.{one}") for one in HUB_OWN
    ]
    for folder, name in own:
        leaf, issuing = x509.load_pem_x509_certificates((folder / f"{name.split('.')[1]}.pem").read_bytes())
        assert leaf.subject.rfc4514_string() == f"CN={name}"
        use = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(use) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert issuing.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    with pytest.raises(IdentityError, match="none of the hub's own"):
        issue_own(keys.issuer, "speaker", keys.hub, NOW)
    with pytest.raises(IdentityError, match="at least one host"):
        issue_server(keys.issuer, [], keys.hub, "device", NOW)


@pytest.mark.parametrize(
    "name",
    [
        "+",
        "#",
        "a/b",
        "",
        "x" * 33,
        "thôn-01",
        "admin",
        "canary",
        "broker",
        "Thon",
        "-a",
        "a.b",
        "a\n",
        "a\0b",
        " a",
    ],
)
def test_a_name_that_could_reach_into_anothers_topics_is_refused_at_issuance(name: str, keys: Keys) -> None:
    key = new_key()
    request = _request(key, f"{name}.speaker")
    with pytest.raises((ContractError, IdentityError)):
        certify_request(keys.issuer, request, f"{name}.speaker", NOW)
    with pytest.raises(IdentityError, match="in the name"):
        certify_request(keys.issuer, request, WHO, NOW)


def _request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, *names: str, **more: x509.ExtensionType
) -> str:
    oids = [NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME]
    subject = x509.Name([x509.NameAttribute(oids[n], name, _validate=False) for n, name in enumerate(names)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for each in more.values():
        builder = builder.add_extension(each, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def is_refused(keys: Keys, request: str) -> bool:
    try:
        certify_request(keys.issuer, request, WHO, NOW)
    except IdentityError:
        return True
    return False


def test_a_request_must_be_exactly_what_the_node_makes(keys: Keys) -> None:
    name, good = str(WHO), new_key()
    bent = bytearray(
        x509.load_pem_x509_csr(make_request(good, WHO).encode()).public_bytes(serialization.Encoding.DER)
    )
    bent[-1] ^= 1
    spoiled = x509.load_der_x509_csr(bytes(bent)).public_bytes(serialization.Encoding.PEM).decode()
    wrong = {
        "another curve": _request(ec.generate_private_key(ec.SECP384R1()), name),
        "another kind of key": _request(rsa.generate_private_key(65537, 2048), name),
        "a second name": _request(good, name, "hub"),
        "no name": _request(good),
        "a wish to be an authority": _request(good, name, ca=x509.BasicConstraints(True, None)),
        "a wish for another name": _request(
            good, name, alt=x509.SubjectAlternativeName([x509.DNSName("hub.announce")])
        ),
        "a signature that is not its key's": spoiled,
        "not a request": "hello",
        "too long": "x" * 5000,
        "nothing": "",
    }
    for what, request in wrong.items():
        assert is_refused(keys, request), what
    chain, serial, until = certify_request(keys.issuer, make_request(good, WHO), WHO, NOW)
    leaf, _ = x509.load_pem_x509_certificates(chain.encode())
    assert (f"{leaf.serial_number:x}", leaf.not_valid_after_utc) == (serial, until)
    assert until == NOW + timedelta(days=certificates.SERVICE_DAYS)


def test_the_same_request_gets_the_same_serial_and_another_key_another(keys: Keys) -> None:
    request = make_request(new_key(), WHO)
    first = certify_request(keys.issuer, request, WHO, NOW, "code/7")
    assert first[1:] == certify_request(keys.issuer, request, WHO, NOW, "code/7")[1:]
    others = [
        certify_request(keys.issuer, request, WHO, NOW, "code/8"),
        certify_request(keys.issuer, request, WHO, NOW),
        certify_request(keys.issuer, make_request(new_key(), WHO), WHO, NOW, "code/7"),
    ]
    assert len({first[1], *(each[1] for each in others)}) == 4


def shake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> str:
    """Common name the server saw after a real TLS handshake over loopback."""
    seen: list[str] = []

    def serve(door: socket.socket) -> None:
        try:
            raw, _ = door.accept()
            with raw, server.wrap_socket(raw, server_side=True) as peer:
                subject: Any = (peer.getpeercert() or {}).get("subject", ())
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


def contexts(keys: Keys) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=keys.hub / "ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_cert_chain(keys.hub / "device.pem", keys.hub / "device.key")
    client = ssl.create_default_context(cafile=keys.node / "ca.pem")
    client.load_cert_chain(keys.node / "speaker.pem", keys.node / "speaker.key")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server.verify_flags |= ssl.VERIFY_X509_STRICT
    return server, client


def test_hub_and_node_meet_by_mutual_tls_and_trust_the_root_alone(keys: Keys) -> None:
    server, client = contexts(keys)
    assert shake(server, client, "127.0.0.1") == "thon-01.speaker"
    assert shake(server, client, "localhost") == "thon-01.speaker"
    assert (keys.node / "ca.pem").read_bytes() == (keys.commune.folder / "root.pem").read_bytes()


def test_a_wrong_host_and_another_communes_certificate_are_refused(keys: Keys, tmp_path: Path) -> None:
    server, client = contexts(keys)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, client, "other.example")
    stranger = make(tmp_path / "stranger")
    client.load_cert_chain(stranger.node / "speaker.pem", stranger.node / "speaker.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake(server, client, "127.0.0.1")


def test_a_service_certificate_cannot_play_the_server(keys: Keys) -> None:
    server, client = contexts(keys)
    server.load_cert_chain(keys.node / "camera.pem", keys.node / "camera.key")
    client.check_hostname = False
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, client, "127.0.0.1")


def test_a_service_certificate_certifies_nobody(keys: Keys, tmp_path: Path) -> None:
    """Whoever steals a node's key and signs a certificate with it: path length and usage forbid it."""
    server, client = contexts(keys)
    thief = Issuer.__new__(Issuer)
    thief.key, thief.pem = load_private(keys.node / "speaker.key"), (keys.node / "speaker.pem").read_bytes()
    thief.certificate, thief.older = x509.load_pem_x509_certificate(thief.pem), []
    key, chain, _ = probe_certificate(thief, "hub.announce", datetime.now(UTC))
    (tmp_path / "x.key").write_bytes(key)
    (tmp_path / "x.pem").write_bytes(chain)
    client.load_cert_chain(tmp_path / "x.pem", tmp_path / "x.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake(server, client, "127.0.0.1")


def with_crl(server: ssl.SSLContext, crl: bytes, folder: Path) -> None:
    file = folder / "crl.pem"
    file.write_bytes(crl)
    server.load_verify_locations(file)
    server.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def test_a_revoked_certificate_is_refused_and_others_are_not(keys: Keys, tmp_path: Path) -> None:
    serial, _ = certificates.life_of((keys.node / "speaker.pem").read_bytes())
    server, client = contexts(keys)
    with_crl(server, make_crl(keys.issuer, [(serial, NOW)], datetime.now(UTC)), tmp_path)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake(server, client, "127.0.0.1")
    client.load_cert_chain(keys.node / "camera.pem", keys.node / "camera.key")
    assert shake(server, client, "127.0.0.1") == "thon-01.camera"


def test_an_expired_list_lets_nobody_in_and_says_when_that_will_be(keys: Keys, tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=90)
    old = make_crl(keys.issuer, [], long_ago)
    assert crl_expires(old) == (long_ago + timedelta(days=certificates.CRL_DAYS)).replace(microsecond=0)
    assert certificates.CRL_DAYS >= 30
    server, client = contexts(keys)
    with_crl(server, old, tmp_path)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake(server, client, "127.0.0.1")
    for junk in (b"", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"):
        with pytest.raises(IdentityError):
            crl_expires(junk)


def test_a_new_issuing_key_needs_nothing_on_the_nodes(tmp_path: Path) -> None:
    keys = make(tmp_path)
    serial, _ = certificates.life_of((keys.node / "camera.pem").read_bytes())
    for _ in range(2):
        renew_issuing(keys.commune, keys.hub, [(serial, NOW)])
    assert len(keys.issuer.older) == 2
    issue_server(keys.issuer, ["127.0.0.1"], keys.hub, "device", datetime.now(UTC))
    enrol_keys(keys.hub, "thon-02", tmp_path / "second")
    server, client = contexts(keys)
    with_crl(server, (keys.hub / "crl.pem").read_bytes(), tmp_path)
    assert shake(server, client, "127.0.0.1") == "thon-01.speaker", "certified by the key before"
    client.load_cert_chain(tmp_path / "second/board.pem", tmp_path / "second/board.key")
    assert shake(server, client, "127.0.0.1") == "thon-02.board"
    client.load_cert_chain(keys.node / "camera.pem", keys.node / "camera.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake(server, client, "127.0.0.1")


def test_an_issuing_key_that_does_not_fit_its_certificate_is_worded(tmp_path: Path) -> None:
    keys = make(tmp_path)
    (keys.hub / "issuing.key").write_bytes((keys.hub / "web.key").read_bytes())
    with pytest.raises(IdentityError, match=r"issuing\.key"):
        Issuer(keys.hub)
    (keys.hub / "issuing.key").unlink()
    with pytest.raises(IdentityError, match=r"issuing\.key"):
        Issuer(keys.hub)


def test_words_sealed_on_a_node_open_on_the_hub(keys: Keys) -> None:
    box = seal(load_hub_seal(keys.node), b"words")
    assert open_seal((keys.hub / "hub-seal.key").read_bytes(), box) == b"words"
    assert load_root(keys.node) == load_root(keys.commune.folder)
    assert load_hub_signer(keys.hub)[0]


def test_missing_and_wrong_files_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match=r"root\.pub"):
        load_root(tmp_path)
    (tmp_path / "x.key").write_text("no key")
    with pytest.raises(IdentityError, match=r"x\.key"):
        load_private(tmp_path / "x.key")


def test_a_wrong_pin_a_weak_pin_and_a_damaged_file_are_worded() -> None:
    text = lock_key(new_key(), "Bình", "31415926")
    damaged = text.replace('"wrapped": "', '"wrapped": "A')
    for file, pin in [(text, "31415826"), (damaged, "31415926"), ("{}", "1")]:
        with pytest.raises(IdentityError, match="wrong PIN"):
            unlock(file, pin)
    for weak in ("1234567", "abcdefgh", "", "１２３４５６７８"):
        with pytest.raises(IdentityError, match="8 digits"):
            lock_key(new_key(), "Bình", weak)
