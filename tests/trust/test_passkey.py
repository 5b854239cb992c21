"""Passkeys: a node believes the right ceremony and none other; a hub registers only what an authenticator made here."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256

from broker.contract.hub import Passkey, Signature, Signed
from broker.trust.approvers import comparison_code, sign_list
from broker.trust.envelope import (
    PrivateKey,
    Refused,
    TrustBody,
    TrustedKey,
    canonical,
    open_announcement,
    open_trust,
    sign,
    signed_bytes,
    verify,
)
from broker.trust.keys import new_key, public_pem
from broker.trust.passkey import (
    PasskeyError,
    PasskeyUse,
    challenge_in,
    creation_options,
    raw_signature,
    register,
    sign_count_of,
    use_of,
)
from tests.trust.authenticator import HERE, Authenticator
from tests.trust.test_envelope import envelope

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
CHALLENGE = b"a challenge of thirty-two bytes."


@pytest.fixture(scope="module")
def private() -> PrivateKey:
    return new_key()


@pytest.fixture
def phone(private: PrivateKey) -> Authenticator:
    return Authenticator("phone", private)


@pytest.fixture(scope="module")
def trust(private: PrivateKey) -> TrustBody:
    phone = TrustedKey(
        key="phone",
        public=public_pem(private),
        holder="Bình",
        roles=["approver"],
        since=NOW - timedelta(days=1),
        until=NOW + timedelta(days=1),
        passkey=HERE,
    )
    return TrustBody(generation=1, commune="00/00000", keys=[phone])


def believed(signature: Signature, trust: TrustBody) -> bool:
    """Whether a node believes it; every refusal here is for the signature."""
    code = ""
    try:
        open_announcement(Signed(body=canonical(envelope()), signatures=[signature]), trust, NOW)
    except Refused as why:
        code = why.code
    assert code in ("", "bad-signature")
    return not code


def test_a_passkey_signs_an_announcement(phone: Authenticator, trust: TrustBody) -> None:
    signature = phone.sign(canonical(envelope()))
    assert believed(signature, trust)
    assert signature.passkey is not None
    assert sign_count_of(signature.passkey) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:8081"},
        {"origin": "https://localhost:8080"},
        {"origin": "http://localhost:8080.evil.example"},
        {"rp_id": "evil.example"},
        {"flags": 0x01},
        {"flags": 0x04},
        {"flags": 0x00},
        {"flags": 0x45},
        {"flags": 0x85},
        {"tail": b"\xa0"},
        {"type": "webauthn.create"},
        {"type": "payment.get"},
        {"more": {"crossOrigin": True}},
        {"more": {"crossOrigin": False, "topOrigin": "https://evil.example"}},
    ],
    ids=str,
)
def test_any_other_ceremony_is_refused(phone: Authenticator, trust: TrustBody, wrong: dict[str, Any]) -> None:
    for name, value in wrong.items():
        setattr(phone, name, value)
    assert not believed(phone.sign(canonical(envelope())), trust)


def test_an_authenticator_may_add_extensions_when_it_says_so(phone: Authenticator, trust: TrustBody) -> None:
    phone.flags, phone.tail = 0x85, b"\xa0"
    assert believed(phone.sign(canonical(envelope())), trust)


def test_the_challenge_must_be_of_this_text_and_this_domain(phone: Authenticator, trust: TrustBody) -> None:
    other = canonical(envelope(title="Khác"))
    assert not believed(phone.sign(other), trust)
    assert not believed(phone.sign(canonical(envelope()), "trust"), trust)
    text = phone.client_data(hashlib.sha256(signed_bytes(canonical(envelope()), "announcement")).digest())
    text["challenge"] += "="
    assert not believed(phone.assertion(json.dumps(text).encode()), trust)


def test_client_data_that_says_a_thing_twice_is_refused(phone: Authenticator, trust: TrustBody) -> None:
    challenge = hashlib.sha256(signed_bytes(canonical(envelope()), "announcement")).digest()
    good = json.dumps(phone.client_data(challenge))
    assert believed(phone.assertion(good.encode()), trust)
    assert not believed(phone.assertion(good.replace("{", '{"origin":"http://evil",', 1).encode()), trust)
    for text in (b"[" * 2000, b"\xef\xbb\xbf" + good.encode(), b"\xff{}", b"[]", good.encode("utf-16")):
        assert not believed(phone.assertion(text), trust)


def test_nobody_else_s_key_signs_and_nothing_changes_afterwards(
    phone: Authenticator, trust: TrustBody
) -> None:
    good = phone.sign(canonical(envelope()))
    assert good.passkey is not None
    phone.private = new_key()
    assert not believed(phone.sign(canonical(envelope())), trust)
    for n in (0, 33, 36):
        data = bytearray(good.passkey.authenticator_data)
        data[n] ^= 1
        changed = Passkey(authenticator_data=bytes(data), client_data=good.passkey.client_data)
        assert not believed(Signature(key=good.key, value=good.value, passkey=changed), trust)


def test_a_passkey_never_signs_bare_and_a_key_file_never_as_a_passkey(
    phone: Authenticator, private: PrivateKey, trust: TrustBody
) -> None:
    body = canonical(envelope())
    assert not believed(sign(body, "announcement", "phone", private), trust)
    file = msgspec.structs.replace(trust.keys[0], passkey=None)
    with_file = msgspec.structs.replace(trust, keys=[file])
    assert believed(sign(body, "announcement", "phone", private), with_file)
    assert not believed(phone.sign(body), with_file)
    assert not verify(body, "announcement", phone.sign(body), public_pem(private))


def test_the_trust_list_carries_where_a_passkey_signs(trust: TrustBody) -> None:
    root = new_key()
    signed = sign_list(canonical(trust), root)
    assert open_trust(signed, public_pem(root)) == trust
    assert '"passkey":{"origin":"http://localhost:8080","rp_id":"localhost"}' in signed.body
    file = msgspec.structs.replace(trust.keys[0], passkey=None)
    spelled = canonical(msgspec.structs.replace(trust, keys=[file])).replace(
        '"public"', '"passkey":null,"public"'
    )
    with pytest.raises(Refused, match="not-canonical"):
        open_trust(sign_list(spelled, root), public_pem(root))


def test_the_trust_list_is_refused_when_the_passkey_s_place_was_changed(trust: TrustBody) -> None:
    root = new_key()
    signed = sign_list(canonical(trust), root)
    moved = Signed(body=signed.body.replace("localhost:8080", "localhost:8081"), signatures=signed.signatures)
    with pytest.raises(Refused, match="bad-signature"):
        open_trust(moved, public_pem(root))


@pytest.mark.parametrize(
    ("address", "rp_id"),
    [
        ("https://hub.xa.gov.vn", "hub.xa.gov.vn"),
        ("https://hub.xa.gov.vn:8443", "hub.xa.gov.vn"),
        ("http://localhost:8080", "localhost"),
        ("http://hub.xa.gov.vn", ""),
        ("http://127.0.0.1:8080", ""),
        ("https://10.0.0.5", ""),
        ("", ""),
    ],
)
def test_passkeys_need_a_name_and_a_safe_line(address: str, rp_id: str) -> None:
    use = use_of(address)
    assert (use.rp_id if use else "") == rp_id
    assert use is None or use.origin == address


# -- registration


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def made(
    private: ec.EllipticCurvePrivateKey,
    *,
    challenge: bytes = CHALLENGE,
    origin: str = HERE.origin,
    rp_id: str = HERE.rp_id,
    flags: int = 0x45,
    type: str = "webauthn.create",
    cose: dict[int, Any] | None = None,
) -> dict[str, Any]:
    """What a browser answers after an authenticator made a key."""
    client = json.dumps({"type": type, "challenge": b64(challenge), "origin": origin, "crossOrigin": False})
    public = cbor.encode(cose or dict(ES256.from_cryptography_key(private.public_key())))
    data = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + (7).to_bytes(4, "big")
    data += bytes(16) + (4).to_bytes(2, "big") + b"cred" + public
    attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
    response = {"clientDataJSON": b64(client.encode()), "attestationObject": b64(attestation)}
    return {"id": b64(b"cred"), "rawId": b64(b"cred"), "type": "public-key", "response": response}


def test_a_new_passkey_is_registered(private: PrivateKey) -> None:
    answer = made(private)
    assert challenge_in(answer) == CHALLENGE
    found = register(HERE, CHALLENGE, answer)
    assert (found.public, found.credential, found.sign_count) == (public_pem(private), b"cred", 7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"challenge": b"another challenge of 32 bytes..."},
        {"origin": "http://localhost:9"},
        {"rp_id": "evil.example"},
        {"flags": 0x41},
        {"flags": 0x44},
        {"type": "webauthn.get"},
        {"cose": {1: 3, 3: -257, -1: b"\x01" * 256, -2: b"\x01\x00\x01"}},
    ],
    ids=str,
)
def test_what_was_not_made_here_and_now_is_refused(private: PrivateKey, wrong: dict[str, Any]) -> None:
    with pytest.raises(PasskeyError):
        register(HERE, CHALLENGE, made(private, **wrong))


def test_broken_registrations_are_refused(private: PrivateKey) -> None:
    off_curve = dict(ES256.from_cryptography_key(private.public_key())) | {-2: b"\x01" * 32}
    for answer in (
        {},
        {"response": {}},
        made(private) | {"response": {"clientDataJSON": "e30", "attestationObject": "oA"}},
        made(private) | {"rawId": 7},
        made(private, cose=off_curve),
    ):
        with pytest.raises(PasskeyError):
            register(HERE, CHALLENGE, answer)
    with pytest.raises(PasskeyError):
        challenge_in({"response": {"clientDataJSON": "e30"}})
    with pytest.raises(PasskeyError):
        raw_signature(b"\x30\x00")


def test_the_browser_is_asked_for_a_verified_user_and_es256_only() -> None:
    asked = creation_options(HERE, "xã Vân Khê", (b"7", "binh", "Bình"), CHALLENGE, [b"cred"])
    assert asked["rp"] == {"id": "localhost", "name": "xã Vân Khê"}
    assert [one["alg"] for one in asked["pubKeyCredParams"]] == [-7]
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["excludeCredentials"] == [{"type": "public-key", "id": b64(b"cred")}]
    assert asked["challenge"] == b64(CHALLENGE)
    json.dumps(asked)


def test_a_key_s_number_for_comparing_is_stable_and_its_own(private: PrivateKey) -> None:
    code = comparison_code(public_pem(private))
    assert code == comparison_code(public_pem(private))
    assert len(code.replace(" ", "")) == 24
    assert code.replace(" ", "").isdigit()
    assert code != comparison_code(public_pem(new_key()))


def test_a_place_is_a_plain_origin() -> None:
    for text in ("http://LOCALHOST", "http://localhost/", "ftp://x", "http://a b"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"rp_id": "localhost", "origin": text}, PasskeyUse)
