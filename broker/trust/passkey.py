"""Passkeys (W3C Web Authentication Level 2): what a signature by one must show, and how a new one is registered.

The challenge is the SHA-256 of the bytes that a key file would sign, so that a passkey signs the same text. Nodes
check `signed_part` themselves and need no library for it; registration, on the hub only, is fido2's.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from msgspec import Meta, Struct

from broker.contract.hub import Passkey

_PRESENT: Final = 0x01
_VERIFIED: Final = 0x04
_ATTESTED: Final = 0x40
_EXTENDED: Final = 0x80
_HEAD: Final = 37
"""Bytes of authenticator data before anything optional: hash of the RP id, flags, counter."""
_ES256: Final = -7


class PasskeyError(ValueError):
    """What a browser sent is no passkey, or not one made here and now; the text is for the log."""


class PasskeyUse(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where a passkey signs: nowhere else does its signature count."""

    rp_id: Annotated[str, Meta(pattern=r"^[a-z0-9.-]{1,253}$")]
    """Name of the console's host, to which the authenticator bound the key."""
    origin: Annotated[str, Meta(pattern=r"^https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?$")]


@dataclass(frozen=True)
class NewPasskey:
    """A key that an authenticator made: public half (PEM), the credential's id, and its counter."""

    public: str
    credential: bytes
    sign_count: int


def use_of(address: str) -> PasskeyUse | None:
    """Where passkeys of a console at this address belong; None where browsers offer none (no https, an address
    in digits)."""
    scheme, _, rest = address.partition("://")
    host = rest.partition(":")[0]
    is_safe = scheme == "https" or host == "localhost"
    if not is_safe or not host or host.replace(".", "").isdigit():
        return None
    return PasskeyUse(rp_id=host, origin=address)


def signed_part(passkey: Passkey, use: PasskeyUse, challenge: bytes) -> bytes | None:
    """The bytes the authenticator's signature covers, when the ceremony is the right one (§7.2, steps 11 to 19).

    Right: a signature, not a registration; over this challenge, at this origin, in no foreign frame; bound to this
    host; somebody was there and proved who they are (finger, face or PIN). None for anything else.
    """
    data = passkey.authenticator_data
    if len(data) < _HEAD or data[:32] != hashlib.sha256(use.rp_id.encode()).digest():
        return None
    flags = data[32]
    if not (flags & _PRESENT and flags & _VERIFIED) or flags & _ATTESTED:
        return None
    if bool(flags & _EXTENDED) != (len(data) > _HEAD):
        return None
    said = _client_data(passkey.client_data)
    if said.get("type") != "webauthn.get" or said.get("origin") != use.origin:
        return None
    if said.get("challenge") != _text64(challenge) or said.get("crossOrigin", False) is not False:
        return None
    if "topOrigin" in said:
        return None
    return data + hashlib.sha256(passkey.client_data).digest()


def sign_count_of(passkey: Passkey) -> int:
    """The authenticator's counter at this signature; 0 where it keeps none."""
    return int.from_bytes(passkey.authenticator_data[33:_HEAD], "big")


def raw_signature(der: bytes) -> bytes:
    """r and s, 64 bytes, out of the DER form that authenticators give. Raises PasskeyError."""
    try:
        r, s = decode_dss_signature(der)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError) as why:
        raise PasskeyError("not an ECDSA signature in DER") from why


def creation_options(
    use: PasskeyUse,
    commune: str,
    person: tuple[bytes, str, str],
    challenge: bytes,
    known: Sequence[bytes] = (),
) -> dict[str, Any]:
    """What a browser's `navigator.credentials.create` is asked, as JSON with base64url for bytes.

    commune: as people read it. person: id (bytes), account name, full name. known: credentials the person has
    already; an authenticator that holds one of them makes no second.
    """
    from fido2.webauthn import (
        PublicKeyCredentialDescriptor,
        PublicKeyCredentialType,
        PublicKeyCredentialUserEntity,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    number, name, full_name = person
    options, _ = _server(use, commune).register_begin(
        PublicKeyCredentialUserEntity(id=number, name=name, display_name=full_name),
        [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=one) for one in known],
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=challenge,
    )
    wanted: dict[str, Any] = dict(options)["publicKey"]
    return {**wanted, "timeout": 120_000}


def register(use: PasskeyUse, challenge: bytes, answer: Mapping[str, Any]) -> NewPasskey:
    """The key in a browser's answer to `creation_options` (RegistrationResponseJSON). Raises PasskeyError."""
    from fido2.cose import ES256

    state = {"challenge": _text64(challenge), "user_verification": "required"}
    try:
        data = _server(use, "").register_complete(state, answer)
        made = data.credential_data
        if made is None or not isinstance(made.public_key, ES256):
            raise PasskeyError("the authenticator made no ES256 key")
        x, y = (int.from_bytes(made.public_key[part], "big") for part in (-2, -3))
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except PasskeyError:
        raise
    except (
        Exception
    ) as why:  # the answer is a stranger's bytes, and CBOR in them may break the library anywhere
        raise PasskeyError(f"registration refused: {why!r}"[:300]) from why
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return NewPasskey(
        public=key.public_bytes(serialization.Encoding.PEM, spki).decode(),
        credential=bytes(made.credential_id),
        sign_count=data.counter,
    )


def challenge_in(answer: Mapping[str, Any]) -> bytes:
    """The challenge a browser's answer claims to be about. Raises PasskeyError."""
    try:
        said = _client_data(_bytes64(answer["response"]["clientDataJSON"]))
        return _bytes64(said["challenge"])
    except (KeyError, TypeError, ValueError) as why:
        raise PasskeyError("no challenge in the answer") from why


def _server(use: PasskeyUse, commune: str) -> Any:
    from fido2.cose import ES256
    from fido2.server import Fido2Server
    from fido2.webauthn import (
        AttestationConveyancePreference,
        PublicKeyCredentialParameters,
        PublicKeyCredentialRpEntity,
        PublicKeyCredentialType,
    )

    server = Fido2Server(
        PublicKeyCredentialRpEntity(name=commune or use.rp_id, id=use.rp_id),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin == use.origin,
    )
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=ES256.ALGORITHM)
    ]
    return server


def _client_data(data: bytes) -> dict[str, Any]:
    """The browser's JSON; empty when it is none, or says anything twice."""
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _text64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes64(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
