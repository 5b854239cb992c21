"""How a signature over what may be signed in a commune (broker.trust.bodies) is made, checked and believed.

A signed thing is a canonical JSON text plus ECDSA P-256/SHA-256 signatures (r and s, 64 bytes) over
`b"langso/" + domain + b"/1\\0" + text`. The domain keeps a signature made for one purpose from serving
another. Nodes believe the keys of a trust list, and the list because the commune's root key signed it.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from msgspec import Struct

from broker.contract.hub import Signature, Signed
from broker.trust.bodies import (
    MOST_REVISIONS,
    MOST_STARTS,
    MOST_VILLAGES,
    AuditBody,
    CameraAddress,
    CameraLogin,
    CamerasBody,
    CameraSetup,
    Code,
    ContentBody,
    Envelope,
    Hours,
    Instant,
    Kind,
    LocalDay,
    LocalTime,
    PlayEntry,
    PlaysBody,
    Quiet,
    QuietArea,
    Relay,
    Role,
    Span,
    Start,
    Template,
    TrustBody,
    TrustedKey,
    Tuning,
    Zone,
)
from broker.trust.passkey import PasskeyUse, signed_part

__all__ = [
    "LARGEST_BODY",
    "MOST_REVISIONS",
    "MOST_SIGNATURES",
    "MOST_STARTS",
    "MOST_VILLAGES",
    "ROOT_KEY_ID",
    "AuditBody",
    "Body",
    "CameraAddress",
    "CameraLogin",
    "CameraSetup",
    "CamerasBody",
    "Code",
    "ContentBody",
    "Domain",
    "Envelope",
    "Hours",
    "Instant",
    "Kind",
    "LocalDay",
    "LocalTime",
    "PlayEntry",
    "PlaysBody",
    "PrivateKey",
    "Quiet",
    "QuietArea",
    "Refused",
    "Relay",
    "Role",
    "Span",
    "Start",
    "Template",
    "TrustBody",
    "TrustedKey",
    "Tuning",
    "Zone",
    "canonical",
    "occurrence_id",
    "open_announcement",
    "open_signed",
    "open_trust",
    "parse_occurrence",
    "sign",
    "signed_bytes",
    "signers_of",
    "verify",
]
"""The bodies among them, for all who sign or believe one."""

Domain = Literal[
    "announcement", "template", "trust", "plays", "cameras", "content", "audit", "key", "evidence"
]
PrivateKey = ec.EllipticCurvePrivateKey

ROOT_KEY_ID: Final = "root"
"""Key id under which the commune's root key signs the trust list."""

LARGEST_BODY: Final = 120 * 1024
"""Bytes of a signed text; it must fit a packet beside its frame."""

MOST_SIGNATURES: Final = 8
"""Signatures looked at; a text comes with one or two."""

_CONTROL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u")
"""An escape by number in canonical JSON: msgspec writes one for control characters and for nothing else."""

_MARKS: Final = re.compile(r"[^\w\x00-\x7f]{31,}")
"""Where marks could be piled up: outside ASCII, no letter and no digit. Unicode's stream-safe text has at most
30 marks on a letter (UAX #15); the time to sort a pile grows with its square."""


class Refused(Exception):
    """Something signed is not believed. `code` stands in reasons.REASONS, `detail` is for the operator."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


Body = TypeVar("Body", bound=Struct)


def occurrence_id(announcement: str, revision: int, start: datetime) -> str:
    """The name of one planned playing: `<announcement>.<revision>.<start in UTC>`."""
    return f"{announcement}.{revision}.{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def parse_occurrence(occurrence: str) -> tuple[str, int, datetime]:
    """Announcement, revision and start out of an occurrence's name. Raises ValueError for any other text."""
    announcement, revision, start = occurrence.split(".")
    at = datetime.strptime(start, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    number = int(revision)
    if not 1 <= number <= MOST_REVISIONS:
        raise ValueError(f"revision {number} is none")
    return announcement, number, at


def canonical(what: Struct) -> str:
    """The one JSON text of a body: keys sorted, NFC, no control characters but line breaks and tabs.

    Raises ValueError for an invalid body.
    """
    text = _composed(msgspec.json.encode(what, order="sorted").decode(), type(what).__name__)
    if len(text.encode()) > LARGEST_BODY:
        raise ValueError(f"{type(what).__name__} is larger than {LARGEST_BODY} bytes")
    if _CONTROL.search(text):
        raise ValueError(f"{type(what).__name__} holds a control character")
    msgspec.json.decode(text, type=type(what))  # its ValidationError is a ValueError that names the field
    return text


def _composed(text: str, name: str) -> str:
    """The text in NFC. Raises ValueError for a pile of marks that would take seconds to sort."""
    for run in _MARKS.finditer(text):
        if sum(map(bool, map(unicodedata.combining, run[0]))) > 30:
            raise ValueError(f"{name} piles up marks on a letter")
    return unicodedata.normalize("NFC", text)


def signed_bytes(body: str, domain: Domain) -> bytes:
    """Exactly the bytes a signature covers. Raises UnicodeEncodeError (a ValueError) for lone surrogates."""
    return b"langso/" + domain.encode() + b"/1\0" + body.encode()


def sign(body: str, domain: Domain, key_id: str, private_key: PrivateKey) -> Signature:
    """Sign a canonical text for one purpose."""
    der = private_key.sign(signed_bytes(body, domain), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    return Signature(key=key_id, value=r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def verify(
    body: str, domain: Domain, signature: Signature, public: str, passkey: PasskeyUse | None = None
) -> bool:
    """Whether `signature` over `body` was made for `domain` by the owner of `public` (SPKI PEM, P-256).

    passkey: set for a key that lives in an authenticator. Such a key signs as a passkey in this place or not at
    all, any other key never does.
    """
    raw = signature.value
    if len(raw) != 64 or (signature.passkey is None) != (passkey is None):
        return False
    try:
        covered: bytes | None = signed_bytes(body, domain)
        if signature.passkey is not None and passkey is not None:
            covered = signed_part(signature.passkey, passkey, hashlib.sha256(covered or b"").digest())
        if covered is None:
            return False
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        _public_key(public).verify(der, covered, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def open_trust(signed: Signed, root_public: str) -> TrustBody:
    """The trust list, if the commune's root key signed it. Raises Refused.

    Every key in it is one P-256 key under one name, and a hub's key is for nothing else: it can never speak.
    """
    _check_size(signed.body)
    if not signed.signatures:
        raise Refused("unsigned", "trust list")
    by_root = [one for one in signed.signatures[:MOST_SIGNATURES] if one.key == ROOT_KEY_ID]
    if not any(verify(signed.body, "trust", one, root_public) for one in by_root):
        raise Refused("bad-signature", "the trust list is not signed by this commune's root key")
    trust = _read(signed.body, TrustBody)
    ids = [one.key for one in trust.keys]
    if len(ids) != len(set(ids)):
        raise Refused("malformed", "the trust list names a key id twice")
    try:
        points = [_public_key(one.public).public_numbers() for one in trust.keys]
    except (ValueError, UnsupportedAlgorithm) as why:
        raise Refused("malformed", f"a key of the trust list cannot be read: {why}") from why
    if len(points) != len(set(points)):
        raise Refused("malformed", "the trust list holds a key under two names")
    if any("hub" in one.roles and one.roles != ["hub"] for one in trust.keys):
        raise Refused("malformed", "the trust list would let a hub's key speak")
    return trust


def open_signed(
    signed: Signed,
    domain: Domain,
    trust: TrustBody,
    role: Role,
    now: datetime,
    type: type[Body],
) -> Body:
    """The body of a signed text, if a key of the trust list that has `role` and is valid at `now` signed it.

    Raises Refused with the code that comes nearest to what is wrong.
    """
    _check_size(signed.body)
    _believe(signed, domain, trust, role, now)
    return _read(signed.body, type)


def open_announcement(signed: Signed, trust: TrustBody, now: datetime) -> Envelope:
    """An announcement whose signers may speak its kind.

    Ordinary words need one signature with the role `approver`. An emergency needs two people with the role
    `emergency`: both signed it, or whoever signed it and whoever signed the template whose words it says. One is
    enough for a drill, which says nothing. Raises Refused.
    """
    _check_size(signed.body)
    envelope = _read(signed.body, Envelope)
    if envelope.kind != "emergency":
        if envelope.drill or envelope.template is not None:
            raise Refused("malformed", "a drill or a template that is no emergency")
        _believe(signed, "announcement", trust, "approver", now)
        return envelope
    _believe(signed, "announcement", trust, "emergency", now)
    people = signers_of(signed, trust, "emergency", now)
    if envelope.template is not None:
        _check_template(
            envelope, open_signed(envelope.template, "template", trust, "emergency", now, Template)
        )
        people |= signers_of(envelope.template, trust, "emergency", now, "template")
    if not envelope.drill and len(people) < 2:
        raise Refused("one-signer", "an emergency needs two people, with its template's signers")
    return envelope


def signers_of(
    signed: Signed, trust: TrustBody, role: Role, now: datetime, domain: Domain = "announcement"
) -> frozenset[str]:
    """The people whose signatures over a text stand: holders of keys that have `role`, each once."""
    _check_size(signed.body)
    return frozenset(
        key.holder
        for one in signed.signatures[:MOST_SIGNATURES]
        if not _verdict(signed.body, domain, one, trust, role, now)
        for key in trust.keys
        if key.key == one.key
    )


def _check_template(envelope: Envelope, template: Template) -> None:
    """Refuse an emergency that says, or holds, anything else than its template allows."""
    said = [(each.spoken, each.voice, each.audio, each.repeat, each.gap_s) for each in (envelope, template)]
    if said[0] != said[1] or envelope.commune != template.commune or envelope.relay is not None:
        raise Refused("template-differs", f"{envelope.announcement} is not what {template.template} says")
    if not set(envelope.villages) <= set(template.villages):
        raise Refused("template-differs", f"{template.template} is not for all of these villages")
    if not template.issued_at <= envelope.issued_at <= template.expires:
        raise Refused("template-expired", template.expires.isoformat())
    if (envelope.expires - envelope.issued_at).total_seconds() > template.lasts_s:
        raise Refused("template-differs", f"{template.template} may hold for {template.lasts_s} s")
    starts = sorted(one.at for one in envelope.starts)
    rests = [(after - before).total_seconds() for before, after in itertools.pairwise(starts)]
    if rests and (not template.every_s or min(rests) < template.every_s):
        raise Refused("template-differs", f"{template.template} may begin again every {template.every_s} s")


def _check_size(body: str) -> None:
    if len(body) > LARGEST_BODY:
        raise Refused("malformed", f"{len(body)} characters, at most {LARGEST_BODY} are allowed")


def _public_key(pem: str) -> ec.EllipticCurvePublicKey:
    """A P-256 public key. Raises ValueError or UnsupportedAlgorithm."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("not a P-256 key")
    return key


def _believe(signed: Signed, domain: Domain, trust: TrustBody, role: Role, now: datetime) -> None:
    """Return when one signature stands; else raise the refusal of the signature that came furthest."""
    if not signed.signatures:
        raise Refused("unsigned", domain)
    order: Sequence[str] = ("", "key-expired", "wrong-role", "bad-signature", "unknown-key")
    found = [
        _verdict(signed.body, domain, one, trust, role, now) for one in signed.signatures[:MOST_SIGNATURES]
    ]
    best = min(found, key=order.index)
    if best:
        raise Refused(best, f"{domain}: needs role {role}, signed by " + _names(signed))


def _verdict(body: str, domain: Domain, one: Signature, trust: TrustBody, role: Role, now: datetime) -> str:
    key = next((k for k in trust.keys if k.key == one.key), None)
    if key is None:
        return "unknown-key"
    if not verify(body, domain, one, key.public, key.passkey):
        return "bad-signature"
    if role not in key.roles:
        return "wrong-role"
    return "" if key.since <= now <= key.until else "key-expired"


def _names(signed: Signed) -> str:
    return ", ".join(one.key[:64] for one in signed.signatures[:MOST_SIGNATURES])


def _read(body: str, wanted: type[Body]) -> Body:
    """Decode, and insist that the text is the canonical one: a second spelling is not believed."""
    try:
        decoded = msgspec.json.decode(body, type=wanted)
        same = canonical(decoded) == body
    except (ValueError, RecursionError) as why:
        raise Refused("malformed", f"{wanted.__name__}: {why}") from why
    if not same:
        raise Refused("not-canonical", wanted.__name__)
    return decoded
