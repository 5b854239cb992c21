"""Signatures: what is believed, what is refused, and with which code."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from broker.contract.hub import Media, Signature, Signed
from broker.trust.envelope import (
    ROOT_KEY_ID,
    Domain,
    Envelope,
    PlaysBody,
    PrivateKey,
    Quiet,
    Refused,
    Role,
    Start,
    TrustBody,
    TrustedKey,
    canonical,
    occurrence_id,
    open_announcement,
    open_signed,
    open_trust,
    sign,
    verify,
)

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def public_of(key: PrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.fixture(scope="module")
def keys() -> dict[str, PrivateKey]:
    return {n: ec.generate_private_key(ec.SECP256R1()) for n in ("root", "binh", "cuong", "hub", "stranger")}


@pytest.fixture(scope="module")
def trust(keys: dict[str, PrivateKey]) -> TrustBody:
    def trusted(name: str, *roles: Role) -> TrustedKey:
        return TrustedKey(
            key=name,
            public=public_of(keys[name]),
            holder=name,
            roles=list(roles),
            since=NOW - DAY,
            until=NOW + DAY,
        )

    return TrustBody(
        generation=3,
        commune="00/00000",
        keys=[trusted("binh", "approver"), trusted("cuong", "emergency"), trusted("hub", "hub")],
    )


def envelope(**change: object) -> Envelope:
    whole = Envelope(
        announcement="A1",
        revision=1,
        commune="00/00000",
        kind="routine",
        title="Họp thôn",
        spoken="Mời bà con đến họp lúc mười chín giờ.",
        voice="vi",
        audio=Media(sha256="a" * 64, size=1000, type="audio/ogg", duration_ms=4000),
        villages=["dong"],
        starts=[Start(at=NOW, tolerance_s=120)],
        repeat=1,
        gap_s=3,
        issued_at=NOW - timedelta(hours=1),
        expires=NOW + DAY,
        author="an",
    )
    return msgspec.structs.replace(whole, **change)


def signed(what: msgspec.Struct, domain: Domain, name: str, key: PrivateKey) -> Signed:
    body = canonical(what)
    return Signed(body=body, signatures=[sign(body, domain, name, key)])


def refusal(trust: TrustBody, what: Signed, now: datetime = NOW) -> str:
    with pytest.raises(Refused) as caught:
        open_announcement(what, trust, now)
    return caught.value.code


def test_an_approvers_signature_is_believed(keys: dict[str, PrivateKey], trust: TrustBody) -> None:
    assert (
        open_announcement(signed(envelope(), "announcement", "binh", keys["binh"]), trust, NOW) == envelope()
    )


def test_canonical_text_is_sorted_nfc_and_has_no_spaces() -> None:
    text = canonical(envelope(title="Họp"))
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert '"title":"Họp"' in text
    assert '": ' not in text


def test_a_body_that_breaks_its_own_rules_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="villages"):
        canonical(envelope(villages=[]))
    with pytest.raises(ValueError, match="expires"):
        canonical(envelope(expires=datetime(2026, 1, 1)))
    with pytest.raises(ValueError, match="larger"):
        canonical(envelope(spoken="a" * 200_000))


def test_every_changed_byte_of_the_text_is_noticed(keys: dict[str, PrivateKey], trust: TrustBody) -> None:
    good = signed(envelope(), "announcement", "binh", keys["binh"])
    for at in range(0, len(good.body), 7):
        changed = good.body[:at] + chr(ord(good.body[at]) ^ 1) + good.body[at + 1 :]
        assert refusal(trust, Signed(body=changed, signatures=good.signatures)) in {
            "bad-signature",
            "malformed",
            "not-canonical",
        }


def test_refusals_name_what_is_wrong_with_the_signature(
    keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    text = canonical(envelope())
    assert refusal(trust, Signed(body=text, signatures=[])) == "unsigned"
    assert refusal(trust, signed(envelope(), "announcement", "nobody", keys["stranger"])) == "unknown-key"
    assert refusal(trust, signed(envelope(), "announcement", "binh", keys["stranger"])) == "bad-signature"
    assert refusal(trust, signed(envelope(), "announcement", "hub", keys["hub"])) == "wrong-role"
    good = signed(envelope(), "announcement", "binh", keys["binh"])
    assert refusal(trust, good, NOW + 2 * DAY) == "key-expired"
    assert refusal(trust, good, NOW - 2 * DAY) == "key-expired"


def test_an_emergency_needs_an_emergency_signer_and_a_routine_text_an_approver(
    keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    urgent = envelope(kind="emergency")
    assert refusal(trust, signed(urgent, "announcement", "binh", keys["binh"])) == "wrong-role"
    assert open_announcement(signed(urgent, "announcement", "cuong", keys["cuong"]), trust, NOW) == urgent
    assert refusal(trust, signed(envelope(), "announcement", "cuong", keys["cuong"])) == "wrong-role"


def test_one_good_signature_among_bad_ones_is_enough(keys: dict[str, PrivateKey], trust: TrustBody) -> None:
    good = signed(envelope(), "announcement", "binh", keys["binh"])
    noise = Signature(key="binh", value=bytes(64))
    assert open_announcement(Signed(body=good.body, signatures=[noise, *good.signatures]), trust, NOW)


def test_a_signature_for_one_purpose_does_not_serve_another(
    keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    assert refusal(trust, signed(envelope(), "plays", "binh", keys["binh"])) == "bad-signature"


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text.replace('"revision":1', '"revision":1,"revision":2'),
        lambda text: text.replace('"revision":1', '"revision": 1'),
        lambda text: text.replace('"revision":1', '"revision":1.0'),
        lambda text: text.replace('"repeat":1', '"repeat":1,"secret":1'),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("ọ", "o\u0323"),
        lambda text: text.replace("Họp", "\\u0048ọp"),
        lambda text: "[" * 100_000,
        lambda text: text.replace("Họp", "\\ud800"),
        lambda text: text.replace("Họp", "\ud800"),
        lambda text: text + " " * 130_000,
    ],
    ids=["twice", "space", "float", "unknown", "bom", "nfd", "escape", "deep", "surrogate", "lone", "long"],
)
def test_any_other_spelling_is_refused_even_when_properly_signed(
    spell: object, keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    assert callable(spell)
    text: str = spell(canonical(envelope()))
    try:
        signatures = [sign(text, "announcement", "binh", keys["binh"])]
    except UnicodeEncodeError:
        signatures = [Signature(key="binh", value=bytes(64))]
    assert refusal(trust, Signed(body=text, signatures=signatures)) in {"malformed", "not-canonical"}


def test_the_trust_list_counts_only_under_the_root_key(keys: dict[str, PrivateKey], trust: TrustBody) -> None:
    root = public_of(keys["root"])
    assert open_trust(signed(trust, "trust", ROOT_KEY_ID, keys["root"]), root) == trust
    for name, key, code in [("root", "stranger", "bad-signature"), ("hub", "hub", "bad-signature")]:
        with pytest.raises(Refused) as caught:
            open_trust(signed(trust, "trust", name, keys[key]), root)
        assert caught.value.code == code
    twice = msgspec.structs.replace(trust, keys=[*trust.keys, trust.keys[0]])
    with pytest.raises(Refused) as caught:
        open_trust(signed(twice, "trust", ROOT_KEY_ID, keys["root"]), root)
    assert caught.value.code == "malformed"


def test_the_hub_signs_plans_and_an_approver_does_not(keys: dict[str, PrivateKey], trust: TrustBody) -> None:
    plan = PlaysBody(
        generation=1,
        node="thon-01",
        made_at=NOW,
        until=NOW + DAY,
        quiet=Quiet(),
        session_limit_s=2700,
        plays=[],
        announcements=[],
        cancelled=[],
    )
    assert (
        open_signed(signed(plan, "plays", "hub", keys["hub"]), "plays", trust, "hub", NOW, PlaysBody) == plan
    )
    with pytest.raises(Refused) as caught:
        open_signed(signed(plan, "plays", "binh", keys["binh"]), "plays", trust, "hub", NOW, PlaysBody)
    assert caught.value.code == "wrong-role"


def test_a_broken_public_key_believes_nothing(keys: dict[str, PrivateKey]) -> None:
    one = sign("{}", "content", "x", keys["hub"])
    rsa_like = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    assert not verify("{}", "content", one, rsa_like)
    assert not verify("{}", "content", Signature(key="x", value=b"short"), public_of(keys["hub"]))
    assert verify("{}", "content", one, public_of(keys["hub"]))


def test_an_occurrence_is_named_by_its_start_in_utc() -> None:
    local = datetime.fromisoformat("2026-11-21T17:30:00+07:00")
    assert occurrence_id("A1", 2, local) == "A1.2.20261121T103000Z"
