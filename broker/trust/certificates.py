"""X.509 in a commune: a root that signs issuing certificates only, and the hub's issuing key that signs the rest.

Root (path length 1) → issuing (path length 0) → one certificate per service (client) or listener (server), all P-256.
Everyone trusts the root alone; whoever shows a certificate shows the issuing one behind it (`chain`), so that a new
issuing key changes nothing on the nodes. RFC 5280; TLS clients with strict checks accept every one of them.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from broker.contract import Identity, identity_of
from broker.trust.envelope import PrivateKey
from broker.trust.keys import IdentityError, load_private, new_key, private_pem, read_file

CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
ROOT_DAYS: Final = 7300
ISSUING_DAYS: Final = 3650
SERVICE_DAYS: Final = 398
CRL_DAYS: Final = 45
LARGEST_REQUEST: Final = 4096
"""Characters of a certificate request in PEM; one of ours has about 430."""

NOT_BEFORE: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Certificates and revocation lists count from here: a machine whose clock starts in the past must still work."""

_PEM: Final = serialization.Encoding.PEM


class Issuer:
    """The hub's issuing key, and those it had before: they sign nothing new but their own revocation lists."""

    def __init__(self, keys: Path) -> None:
        """Opens `issuing.key` and `issuing.pem` in a folder of keys, and `issuing-<n>` of earlier ones.

        Raises IdentityError when they are missing or do not belong together.
        """
        self.key = load_private(keys / "issuing.key")
        self.pem = read_file(keys / "issuing.pem")
        self.certificate = _certificate(self.pem, keys / "issuing.pem")
        if self.certificate.public_key() != self.key.public_key():
            raise IdentityError(f"{keys / 'issuing.key'}: is not the key of issuing.pem")
        self.older = [
            (load_private(file), _certificate(read_file(file.with_suffix(".pem")), file.with_suffix(".pem")))
            for file in sorted(keys.glob("issuing-*.key"))
        ]


def make_root(key: PrivateKey, name: str, now: datetime) -> bytes:
    """Self-signed certificate of the commune's root, PEM. name: common name."""
    builder = _builder(_name(name), _name(name), key.public_key(), now + timedelta(days=ROOT_DAYS))
    return _as_authority(builder, key, key, path_length=1)


def make_issuing(root: PrivateKey, root_pem: bytes, key: PrivateKey, now: datetime) -> bytes:
    """Certificate of an issuing key, signed by the root, PEM. Its name is its own, so that lists find their key."""
    parent = x509.load_pem_x509_certificate(root_pem)
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    name = _name(f"{common_name(root_pem)} issuing {mark}")
    until = min(now + timedelta(days=ISSUING_DAYS), parent.not_valid_after_utc)
    builder = _builder(name, parent.subject, key.public_key(), until)
    return _as_authority(builder, key, root, path_length=0)


def make_request(key: PrivateKey, who: Identity) -> str:
    """A certificate request (PEM) in the name of a service, signed by its own key."""
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(str(who)))
    return request.sign(key, hashes.SHA256()).public_bytes(_PEM).decode()


def certify_request(
    issuer: Issuer, csr_pem: str, identity: Identity | str, now: datetime, salt: str = ""
) -> tuple[str, str, datetime]:
    """The certificate a service asked for: (chain PEM, serial in hexadecimal, end of its life).

    The request must be well signed, by a P-256 key, in exactly that name and ask for nothing else. salt: the same
    request with the same salt and `now` gets the same serial and dates again; empty: a random serial.
    Raises IdentityError, and ContractError for a name the contract does not allow.
    """
    who = identity_of(str(identity))
    public = _read_request(csr_pem, who)
    serial = serial_of(csr_pem, salt) if salt else x509.random_serial_number()
    made = _certify(issuer, public, str(who), CLIENT, now, serial=serial)
    return _chain(made, issuer), f"{serial:x}", made.not_valid_after_utc


def serial_of(csr_pem: str, salt: str) -> int:
    """The serial number that `certify_request` gives to this key with this salt. Raises IdentityError."""
    try:
        public = _load_request(csr_pem).public_key()
    except (ValueError, UnsupportedAlgorithm) as why:
        raise IdentityError("not a certificate request that can be read") from why
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return int.from_bytes(
        hashlib.sha256(b"langso/serial\0" + salt.encode() + b"\0" + spki).digest()[:19], "big"
    )


def certify(
    issuer: Issuer,
    key: PrivateKey,
    name: str,
    use: x509.ObjectIdentifier,
    now: datetime,
    hosts: Sequence[str] = (),
    days: int = SERVICE_DAYS,
) -> str:
    """Chain (PEM) of a key that was made here, for one use, CLIENT or SERVER: the hub's own services.

    name: common name. hosts: names and addresses of a listener.
    """
    return _chain(_certify(issuer, key.public_key(), name, use, now, hosts, days), issuer)


def probe_certificate(issuer: Issuer, name: str, now: datetime) -> tuple[bytes, bytes, str]:
    """A throw-away (key PEM, chain PEM, serial) in any name, for one day: to see what the broker does with it."""
    key = new_key()
    made = _certify(issuer, key.public_key(), name, CLIENT, now, days=1)
    return private_pem(key), _chain(made, issuer).encode(), f"{made.serial_number:x}"


def make_crl(
    issuer: Issuer, revoked: Sequence[tuple[str, datetime]], now: datetime, days: int = CRL_DAYS
) -> bytes:
    """Revocation lists (PEM, one of each issuing key this hub ever had) that name the same serial numbers.

    revoked: serials in hexadecimal, and since when. days: how long the lists are believed.
    """
    made = [_crl(issuer.key, issuer.certificate, revoked, now, days)]
    return b"".join(made + [_crl(key, certificate, revoked, now, days) for key, certificate in issuer.older])


def crl_expires(pem: bytes) -> datetime:
    """When the first of these revocation lists ends: from then on a broker lets nobody in. Raises IdentityError."""
    mark = b"-----BEGIN X509 CRL-----"
    try:
        ends = [x509.load_pem_x509_crl(mark + each).next_update_utc for each in pem.split(mark)[1:]]
    except ValueError as why:
        raise IdentityError(f"not a revocation list: {why}") from why
    known = [each for each in ends if each is not None]
    if not known or len(known) != len(ends):
        raise IdentityError("not a revocation list with an end")
    return min(known)


def crl_serials(pem: bytes, issuer: Issuer) -> list[tuple[str, datetime]]:
    """What the list of this issuing key names, as `make_crl` takes it; nothing where it is another's or damaged."""
    mark = b"-----BEGIN X509 CRL-----"
    for each in pem.split(mark)[1:]:
        try:
            found = x509.load_pem_x509_crl(mark + each)
            if found.is_signature_valid(issuer.key.public_key()):
                return [(f"{one.serial_number:x}", one.revocation_date_utc) for one in found]
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    return []


def common_name(pem: bytes) -> str:
    """The common name of the first certificate in a PEM text. Raises IdentityError."""
    names = _certificate(pem, Path("certificate")).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def life_of(pem: bytes) -> tuple[str, datetime]:
    """Serial in hexadecimal and end of life of the first certificate in a PEM text. Raises IdentityError."""
    found = _certificate(pem, Path("certificate"))
    return f"{found.serial_number:x}", found.not_valid_after_utc


def is_worn(pem: bytes, now: datetime) -> bool:
    """Whether the first certificate in a PEM text is past two thirds of its life. Raises IdentityError."""
    _, until = life_of(pem)
    return now >= until - timedelta(days=SERVICE_DAYS / 3)


def check_chain(chain_pem: str, key: PrivateKey, who: Identity, root_pem: bytes) -> None:
    """Raise IdentityError unless this chain certifies that key in that name and leads to that root."""
    try:
        leaf, issuing = x509.load_pem_x509_certificates(chain_pem.encode())
        root = x509.load_pem_x509_certificate(root_pem)
        leaf.verify_directly_issued_by(issuing)
        issuing.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as why:
        raise IdentityError(f"the certificate of {who} does not lead to the commune's root") from why
    if leaf.public_key() != key.public_key():
        raise IdentityError(f"the certificate of {who} is for another key")
    if common_name(chain_pem.encode()) != str(who):
        raise IdentityError(f"the certificate of {who} is in another name")


def _load_request(csr_pem: str) -> x509.CertificateSigningRequest:
    if len(csr_pem) > LARGEST_REQUEST:
        raise IdentityError("the certificate request is too long")
    try:
        return x509.load_pem_x509_csr(csr_pem.encode())
    except (ValueError, UnsupportedAlgorithm) as why:
        raise IdentityError("not a certificate request") from why


def _read_request(csr_pem: str, who: Identity) -> ec.EllipticCurvePublicKey:
    request = _load_request(csr_pem)
    try:
        public = request.public_key()
        names = [(part.oid, part.value) for part in request.subject]
        extras = len(request.extensions)
        is_signed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as why:
        raise IdentityError("not a certificate request that can be read") from why
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise IdentityError(f"the key of {who} is not a P-256 key")
    if not is_signed:
        raise IdentityError(f"the request of {who} is not signed by its own key")
    if names != [(NameOID.COMMON_NAME, str(who))]:
        raise IdentityError(f"the request is not in the name {who} alone")
    if extras:
        raise IdentityError(f"the request of {who} asks for more than a name")
    return public


def _certify(
    issuer: Issuer,
    public: ec.EllipticCurvePublicKey,
    name: str,
    use: x509.ObjectIdentifier,
    now: datetime,
    hosts: Sequence[str] = (),
    days: int = SERVICE_DAYS,
    serial: int = 0,
) -> x509.Certificate:
    until = min(now + timedelta(days=days), issuer.certificate.not_valid_after_utc)
    builder = _builder(_name(name), issuer.certificate.subject, public, until, serial)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(_authority(issuer.key), critical=False)
    )
    if hosts:
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def _builder(
    name: x509.Name, parent: x509.Name, public: ec.EllipticCurvePublicKey, until: datetime, serial: int = 0
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(parent)
        .public_key(public)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _as_authority(
    builder: x509.CertificateBuilder, key: PrivateKey, parent: PrivateKey, path_length: int
) -> bytes:
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(ca=True), critical=True)
    if key is not parent:
        builder = builder.add_extension(_authority(parent), critical=False)
    return builder.sign(parent, hashes.SHA256()).public_bytes(_PEM)


def _crl(
    key: PrivateKey,
    certificate: x509.Certificate,
    revoked: Sequence[tuple[str, datetime]],
    now: datetime,
    days: int,
) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update(NOT_BEFORE)
        .next_update(now + timedelta(days=days))
        .add_extension(_authority(key), critical=False)
        .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
    )
    for serial, since in revoked:
        one = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(since)
        builder = builder.add_revoked_certificate(one.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(_PEM)


def _chain(made: x509.Certificate, issuer: Issuer) -> str:
    return (made.public_bytes(_PEM) + issuer.pem).decode()


def _certificate(pem: bytes, path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as why:
        raise IdentityError(f"{path}: not a certificate in PEM") from why


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority(key: PrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
