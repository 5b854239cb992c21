"""A passkey in software, and all the ways in which what it signs must not count.

Written from the WebAuthn recommendation (W3C Level 2, §6.1 authenticator data, §5.8.1 client data, §7.2 what a reader
must check), not from the code under attack.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from broker.contract.hub import Passkey, Signature
from broker.trust.envelope import Domain, Envelope, canonical, signed_bytes
from tests.faults.forge_orders import Forger, Make, Order
from tests.faults.forge_people import USE, Person

PRESENT, VERIFIED = 0x01, 0x04
"""Flags: somebody touched it; it knows who (fingerprint, PIN)."""


@dataclass(frozen=True)
class Ceremony:
    """What one signature is made of; the defaults are those of an honest browser and authenticator."""

    domain: Domain = "announcement"
    rp_id: str = USE.rp_id
    origin: str = USE.origin
    type: str = "webauthn.get"
    flags: int = PRESENT | VERIFIED
    challenge: bytes | None = None
    """Instead of the hash of the text."""
    client: Callable[[dict[str, Any]], str] = json.dumps
    """How the browser writes its data."""


HONEST = Ceremony()


def assertion(person: Person, body: str, how: Ceremony = HONEST) -> Signature:
    """The signature of a passkey over a text."""
    challenge = (
        hashlib.sha256(signed_bytes(body, how.domain)).digest() if how.challenge is None else how.challenge
    )
    said = how.client(
        {
            "type": how.type,
            "challenge": urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "origin": how.origin,
            "crossOrigin": False,
        }
    ).encode()
    data = hashlib.sha256(how.rp_id.encode()).digest() + bytes([how.flags]) + (7).to_bytes(4, "big")
    der = person.private.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return Signature(key=person.id, value=value, passkey=Passkey(authenticator_data=data, client_data=said))


REASONS = "bad-signature one-signer"
"""An emergency comes with the true signature of a second."""


def _with(**change: Any) -> Make:
    def make(f: Forger) -> Order:
        envelope = f.envelope()
        how = replace(HONEST, **change)
        signature = assertion(f.people.hoa, canonical(envelope), how)
        return f.order(REASONS, envelope, f.beside(envelope, signature))

    return make


def _origins(f: Forger) -> Order:
    others = [
        "http://hub.vankhe.test",
        "https://hub.vankhe.test:8443",
        "https://hub.vankhe.test.kegian.vn",
        "https://kegian.vn",
        "https://hub.vankhe.test/",
        "https://HUB.vankhe.test",
        "null",
        "",
    ]
    return _with(origin=f.dice.choice(others))(f)


def _places(f: Forger) -> Order:
    return _with(rp_id=f.dice.choice(["kegian.vn", "vankhe.test", "localhost", "hub.vankhe.test.", ""]))(f)


def _of(f: Forger, make: Callable[[Envelope, str], Signature]) -> Order:
    envelope = f.envelope()
    return f.order(REASONS, envelope, f.beside(envelope, make(envelope, canonical(envelope))))


def _other_challenge(f: Forger) -> Order:
    return _of(
        f,
        lambda envelope, body: assertion(f.people.hoa, body, replace(HONEST, challenge=f.dice.randbytes(32))),
    )


def _longer_challenge(f: Forger) -> Order:
    """The right hash with something behind it, or only its beginning."""

    def make(envelope: Envelope, body: str) -> Signature:
        digest = hashlib.sha256(signed_bytes(body, "announcement")).digest()
        wrong = f.dice.choice([digest + b"\0", digest[:31], digest * 2, b""])
        return assertion(f.people.hoa, body, replace(HONEST, challenge=wrong))

    return _of(f, make)


def _touched_up(f: Forger) -> Order:
    """No fingerprint was given; the flag is set afterwards."""

    def make(envelope: Envelope, body: str) -> Signature:
        one = assertion(f.people.hoa, body, replace(HONEST, flags=PRESENT))
        assert one.passkey is not None
        data = bytearray(one.passkey.authenticator_data)
        data[32] |= VERIFIED
        return Signature(
            key=one.key,
            value=one.value,
            passkey=Passkey(authenticator_data=bytes(data), client_data=one.passkey.client_data),
        )

    return _of(f, make)


def _borrowed(f: Forger) -> Order:
    """The ceremony of a text that was approved, beside another text."""
    other = canonical(f.envelope())
    return _of(f, lambda envelope, body: assertion(f.people.hoa, other))


def _rewritten(f: Forger) -> Order:
    """The ceremony of another text, its challenge put right afterwards."""

    def make(envelope: Envelope, body: str) -> Signature:
        right, other = assertion(f.people.hoa, body), assertion(f.people.hoa, body + " ")
        return Signature(key=right.key, value=other.value, passkey=right.passkey)

    return _of(f, make)


def _own_key(f: Forger) -> Order:
    return _of(
        f,
        lambda envelope, body: Signature(
            key=f.people.hoa.id,
            value=assertion(f.people.forger, body).value,
            passkey=assertion(f.people.forger, body).passkey,
        ),
    )


def _as_key_file(f: Forger) -> Order:
    """The passkey's key, somehow brought to sign as a key file does."""
    return _of(f, lambda envelope, body: f.people.hoa.sign(body))


def _key_file_as_passkey(f: Forger) -> Order:
    """A key file's key, signing what looks like a ceremony."""
    return _of(f, lambda envelope, body: assertion(f.right_person(envelope), body))


def _decorated(f: Forger) -> Order:
    """A passkey's ceremony hung beside a signature of the forger's own."""
    return _of(
        f,
        lambda envelope, body: Signature(
            key=f.right_person(envelope).id,
            value=f.people.forger.sign(body).value,
            passkey=assertion(f.people.hoa, body).passkey,
        ),
    )


def _twice(said: dict[str, Any]) -> str:
    """The right challenge first, another behind it (or the other way round): two readers, two opinions."""
    text = json.dumps(said)
    return text[:-1] + ', "origin": "https://kegian.vn"}'


PASSKEYS: dict[str, Make] = {
    "passkey, on another page": _origins,
    "passkey, for another place": _places,
    "passkey, nobody verified": _with(flags=PRESENT),
    "passkey, nobody present": _with(flags=VERIFIED),
    "passkey, neither": _with(flags=0),
    "passkey, flag set afterwards": _touched_up,
    "passkey, challenge of nothing": _other_challenge,
    "passkey, challenge cut or longer": _longer_challenge,
    "passkey, challenge for another purpose": _with(domain="trust"),
    "passkey, made at registration": _with(type="webauthn.create"),
    "passkey, of another text": _borrowed,
    "passkey, challenge put right afterwards": _rewritten,
    "passkey, page named twice": _with(client=_twice),
    "passkey, in a foreign frame": _with(client=lambda said: json.dumps({**said, "crossOrigin": True})),
    "passkey, no object": _with(client=lambda said: json.dumps([said])),
    "passkey, own key": _own_key,
    "passkey's key as a key file": _as_key_file,
    "key file's key as a passkey": _key_file_as_passkey,
    "ceremony beside own signature": _decorated,
}
