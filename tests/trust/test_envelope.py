"""Signatures: what is believed, what is refused, and with which code."""

from __future__ import annotations

import json
import time
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cache

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
    urgent = envelope(kind="emergency", drill=True)
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


@cache
def hostile() -> dict[str, str]:
    """Texts an attacker would send, by what is wrong with them."""
    good = canonical(envelope())
    nfd = unicodedata.normalize("NFD", good)
    return {
        "a key twice": good.replace('"revision":1', '"revision":2,"revision":1'),
        "the last key twice": good[:-1] + ',"voice":"vi"}',
        "a float": good.replace('"revision":1', '"revision":1.0'),
        "an exponent": good.replace('"revision":1', '"revision":1e0'),
        "a number in quotes": good.replace('"revision":1', '"revision":"1"'),
        "a minus nought": good.replace('"gap_s":3', '"gap_s":-0'),
        "a leading nought": good.replace('"revision":1', '"revision":01'),
        "not a number": good.replace('"revision":1', '"revision":NaN'),
        "a byte order mark": "\ufeff" + good,
        "a lone surrogate": good.replace("Họp", "\ud800"),
        "an escaped lone surrogate": good.replace("Họp", "\\ud800"),
        "a NUL": good.replace("Họp", "\\u0000"),
        "a bare NUL": good.replace("Họp", "\0"),
        "another control character": good.replace("Họp", "\\u001b[2J"),
        "a letter by its number": good.replace("Họp", "\\u0048ọp"),
        "an escaped slash": good.replace("00/00000", "00\\/00000"),
        "letters taken apart": nfd,
        "a space": good.replace('":', '": ', 1),
        "a line at its end": good + "\n",
        "another order": "{" + ",".join(reversed(good[1:-1].split(',"', 1))) + "}",
        "an unknown name": good[:-1] + ',"zz":1}',
        "a lower-case zone": good.replace("Z", "z"),
        "the same time longer": good.replace("2026-11-21T06:00:00Z", "2026-11-21T06:00:00.000Z"),
        "brackets without end": "[" * 100_000,
        "depth inside a name": good[:-1] + ',"zz":' + "[" * 50_000 + "]" * 50_000 + "}",
        "depth inside a list": good.replace('"villages":[', '"villages":[' + "[" * 50_000),
        "a million names": "{" + ",".join(f'"{n}":1' for n in range(1_000_000)) + "}",
        "as many names as fit": "{" + ",".join(f'"{n}":1' for n in range(12_000)) + "}",
        "ten megabytes": good.replace("Họp", "a" * 10_000_000),
        "ten megabytes of marks": good.replace("Họp", "\u0301" * 5_000_000),
        "as many marks as fit": good.replace("Họp", "\u0301\u0323" * 29_000),
        "as many escaped marks as fit": good.replace("Họp", "a" + "\\u0301\\u0323" * 9_900),
        "many small piles of marks": good.replace("Họp", ("a" + "\u0301\u0323" * 15) * 1_900),
        "too many starts": good.replace(
            '"starts":[', '"starts":[' + '{"at":"2026-11-21T07:00:00Z","tolerance_s":1},' * 2_000
        ),
        "as many villages as fit": good.replace('"dong"', ",".join('"dong "' for _ in range(15_000))),
        "nothing": "",
        "null": "null",
    }


@pytest.mark.parametrize("name", list(hostile()))
def test_hostile_spellings_are_refused_at_once_even_when_signed(
    name: str, keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    body = hostile()[name]
    assert body != canonical(envelope())
    try:
        signatures = [sign(body, "announcement", "binh", keys["binh"])]
    except UnicodeEncodeError:
        signatures = sign_anything(keys)
    spent_s = []
    for _ in range(3):
        began = time.thread_time()
        with pytest.raises(Refused) as caught:
            open_announcement(Signed(body=body, signatures=signatures), trust, NOW)
        spent_s.append(time.thread_time() - began)
        assert caught.value.code in ("malformed", "not-canonical")
    assert min(spent_s) < 0.1


def sign_anything(keys: dict[str, PrivateKey]) -> list[Signature]:
    """A signature beside a text that cannot be signed at all."""
    return [sign("{}", "announcement", "binh", keys["binh"])]


@pytest.mark.parametrize("name", list(hostile()))
def test_hostile_spellings_of_other_bodies_are_refused_at_once(
    name: str, keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    body = hostile()[name]
    signatures = [*sign_anything(keys) * 4, Signature(key=ROOT_KEY_ID, value=b"\1" * 64)] * 1000
    whole = Signed(body=body, signatures=signatures)
    began = time.thread_time()
    with pytest.raises(Refused):
        open_trust(whole, public_of(keys["root"]))
    with pytest.raises(Refused):
        open_signed(whole, "plays", trust, "hub", NOW, PlaysBody)
    assert time.thread_time() - began < 0.1


@pytest.mark.parametrize("text", ["\0", "\x1b[2J", "\x1f"])
def test_control_characters_cannot_be_written(text: str) -> None:
    with pytest.raises(ValueError, match="control"):
        canonical(envelope(spoken=text))


@pytest.mark.parametrize("text", ["dòng một\ndòng hai\tcột", "đường dẫn \\u0041", "gạch \\\\u", '"\\"'])
def test_line_breaks_and_backslashes_are_no_control_characters(
    text: str, keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    what = envelope(spoken=text)
    assert open_announcement(signed(what, "announcement", "binh", keys["binh"]), trust, NOW).spoken == text


def test_a_trust_list_that_would_let_the_hub_speak_is_refused(
    keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    root = public_of(keys["root"])
    hub = next(one for one in trust.keys if one.key == "hub")
    others = [one for one in trust.keys if one.key != "hub"]

    def refused(*more: TrustedKey) -> str:
        body = msgspec.structs.replace(trust, keys=[*others, *more])
        with pytest.raises(Refused) as caught:
            open_trust(signed(body, "trust", ROOT_KEY_ID, keys["root"]), root)
        return str(caught.value)

    assert "speak" in refused(msgspec.structs.replace(hub, roles=["hub", "approver"]))
    assert "two names" in refused(hub, msgspec.structs.replace(hub, key="other", roles=["approver"]))
    spelled = hub.public.replace("\n", "\r\n")
    assert "two names" in refused(
        hub, msgspec.structs.replace(hub, key="other", roles=["approver"], public=spelled)
    )
    assert "cannot be read" in refused(hub, msgspec.structs.replace(hub, key="other", public="no key"))
    p384 = public_of(ec.generate_private_key(ec.SECP384R1()))
    assert "cannot be read" in refused(hub, msgspec.structs.replace(hub, key="other", public=p384))


def test_a_trust_list_counts_only_under_the_root_key_s_name(
    keys: dict[str, PrivateKey], trust: TrustBody
) -> None:
    with pytest.raises(Refused, match="bad-signature"):
        open_trust(signed(trust, "trust", "binh", keys["root"]), public_of(keys["root"]))
    with pytest.raises(Refused, match="bad-signature"):
        open_trust(signed(trust, "plays", ROOT_KEY_ID, keys["root"]), public_of(keys["root"]))
