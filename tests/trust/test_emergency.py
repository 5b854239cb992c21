"""Who may speak an emergency: two people, one with words another signed, one for a drill; and every way to cheat."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest

from broker.contract.hub import Media, Signature, Signed
from broker.trust.envelope import (
    MOST_SIGNATURES,
    Domain,
    Envelope,
    PrivateKey,
    Refused,
    Relay,
    Role,
    Start,
    Template,
    TrustBody,
    TrustedKey,
    canonical,
    open_announcement,
    sign,
    signers_of,
)
from broker.trust.keys import new_key, public_pem
from broker.trust.reasons import REASONS

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
"""Three in the morning in the village."""
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SOUND = Media(sha256="a" * 64, size=90_000, type="audio/ogg", duration_ms=30_000)

PEOPLE: dict[str, tuple[str, Role, int]] = {
    # key: whose it is, what it may do, and for how many days still
    "cuong": ("Cường", "emergency", 100),
    "cuong-phone": ("Cường", "emergency", 100),
    "dung": ("Dũng", "emergency", 100),
    "em": ("Én", "emergency", -1),
    "binh": ("Bình", "approver", 100),
    "hoa": ("Hoa", "approver", 100),
    "hub": ("trung tâm", "hub", 100),
}


@cache
def key_of(name: str) -> PrivateKey:
    """`revoked` and `stranger` have keys, too; no list names them."""
    return new_key()


@cache
def trust() -> TrustBody:
    return TrustBody(
        generation=3,
        commune="00/00000",
        keys=[
            TrustedKey(
                key=name,
                public=public_pem(key_of(name)),
                holder=holder,
                roles=[role],
                since=NOW - 30 * DAY,
                until=NOW + days * DAY,
            )
            for name, (holder, role, days) in PEOPLE.items()
        ],
    )


def envelope(**change: Any) -> Envelope:
    whole = Envelope(
        announcement="kc-1",
        revision=1,
        commune="00/00000",
        kind="emergency",
        title="Sơ tán lũ",
        spoken="Lũ đang lên. Mời bà con lên nhà văn hoá ngay.",
        voice="vi",
        audio=SOUND,
        villages=["dong", "tay"],
        starts=[Start(at=NOW + n * 10 * MINUTE, tolerance_s=60) for n in range(3)],
        repeat=2,
        gap_s=3,
        issued_at=NOW,
        expires=NOW + 30 * MINUTE,
        author="cuong",
    )
    return msgspec.structs.replace(whole, **change)


def template(**change: Any) -> Template:
    whole = Template(
        template="lu",
        revision=2,
        commune="00/00000",
        title="Sơ tán lũ",
        spoken=envelope().spoken,
        voice="vi",
        audio=SOUND,
        villages=["dong", "tay", "ben"],
        repeat=2,
        gap_s=3,
        every_s=600,
        lasts_s=1800,
        issued_at=NOW - 20 * DAY,
        expires=NOW + 300 * DAY,
        author="an",
    )
    return msgspec.structs.replace(whole, **change)


def signature(body: str, name: str, domain: Domain = "announcement") -> Signature:
    return sign(body, domain, name, key_of(name))


def signed(what: msgspec.Struct | str, *names: str, domain: Domain = "announcement") -> Signed:
    body = what if isinstance(what, str) else canonical(what)
    return Signed(body=body, signatures=[signature(body, name, domain) for name in names])


def written(*names: str, domain: Domain = "template", **change: Any) -> Signed:
    """A signed template."""
    return signed(template(**change), *(names or ("dung",)), domain=domain)


def triggered(by: Signed | None = None, name: str = "cuong", **change: Any) -> Signed:
    """One person lets a template speak."""
    return signed(envelope(template=by or written(), **change), name)


def code(what: Signed, list_in_force: TrustBody | None = None, now: datetime = NOW) -> str:
    try:
        open_announcement(what, list_in_force or trust(), now)
    except Refused as why:
        return why.code
    return "allowed"


def without(name: str) -> TrustBody:
    return msgspec.structs.replace(trust(), keys=[one for one in trust().keys if one.key != name])


def test_two_people_speak_in_free_words_in_either_order_and_among_noise() -> None:
    body = canonical(envelope())
    for names in (("cuong", "dung"), ("dung", "cuong"), ("cuong", "hub", "stranger", "cuong-phone", "dung")):
        assert code(signed(body, *names)) == "allowed", names
    both = signed(body, "cuong", "dung", "em", "binh")
    assert signers_of(both, trust(), "emergency", NOW) == {"Cường", "Dũng"}


def alone(*names: str) -> Signed:
    return signed(envelope(), *names)


def _beside_another_text(**change: Any) -> Signed:
    """The second person signed something else."""
    mine, other = signed(envelope(), "cuong"), signed(envelope(**change), "dung")
    return Signed(body=mine.body, signatures=[*mine.signatures, *other.signatures])


def _other_purpose() -> Signed:
    body = canonical(envelope())
    return Signed(
        body=body, signatures=[signature(body, "cuong"), signature(body, "dung", domain="template")]
    )


def _mirrored() -> Signed:
    """Whoever sees one ECDSA signature can write a second for the same text: (r, n - s)."""
    one = alone("cuong").signatures[0]
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    s = order - int.from_bytes(one.value[32:], "big")
    twin = Signature(key="cuong", value=one.value[:32] + s.to_bytes(32, "big"))
    return Signed(body=canonical(envelope()), signatures=[one, twin])


FREE: dict[str, tuple[Callable[[], Signed], str]] = {
    "nobody": (lambda: alone(), "unsigned"),
    "one person": (lambda: alone("cuong"), "one-signer"),
    "one person twice": (lambda: alone("cuong", "cuong"), "one-signer"),
    "one person by two keys": (lambda: alone("cuong", "cuong-phone"), "one-signer"),
    "one person's signature mirrored": (_mirrored, "one-signer"),
    "with an approver": (lambda: alone("cuong", "binh"), "one-signer"),
    "with the hub": (lambda: alone("cuong", "hub"), "one-signer"),
    "with a key out of date": (lambda: alone("cuong", "em"), "one-signer"),
    "with a revoked key": (lambda: alone("cuong", "revoked"), "one-signer"),
    "with one who signed a drill": (lambda: _beside_another_text(drill=True), "one-signer"),
    "with one who signed other words": (lambda: _beside_another_text(spoken="Lũ đang lêm."), "one-signer"),
    "with one who signed it as a template": (_other_purpose, "one-signer"),
    "the second is the ninth": (lambda: alone(*["cuong"] * MOST_SIGNATURES, "dung"), "one-signer"),
    "two approvers": (lambda: alone("binh", "hoa"), "wrong-role"),
    "two strangers": (lambda: alone("stranger", "revoked"), "unknown-key"),
}


def test_free_words_of_fewer_than_two_people_stay_silent() -> None:
    assert {name: code(make()) for name, (make, _) in FREE.items()} == {
        name: expected for name, (_, expected) in FREE.items()
    }
    assert {expected for _, expected in (*FREE.values(), *WITH_TEMPLATE.values())} <= set(REASONS)


def test_one_person_lets_a_template_speak_where_and_as_long_as_it_allows() -> None:
    opened = open_announcement(triggered(), trust(), NOW)
    assert opened.is_emergency
    assert code(triggered(villages=["ben"], starts=envelope().starts[:1])) == "allowed"
    rare = [envelope().starts[0], envelope().starts[2]]
    assert code(triggered(starts=rare, expires=NOW + 25 * MINUTE)) == "allowed"
    assert code(triggered(written("em", "dung"))) == "allowed", "one of its signatures stands"
    assert code(triggered(name="cuong-phone")) == "allowed"
    assert code(triggered(written(expires=NOW))) == "allowed", "to its last moment"
    later = NOW + 20 * MINUTE
    assert code(triggered(written(expires=NOW)), now=later) == "allowed", "what was let speak in time goes on"


def test_whoever_signed_a_template_lets_it_speak_alone_only_beside_a_second_signature() -> None:
    mine, both = written("cuong"), written("cuong", "dung")
    assert code(triggered(mine)) == "one-signer"
    assert code(triggered(mine, "dung")) == "allowed", "anybody else may"
    assert [code(triggered(both, name)) for name in ("cuong", "cuong-phone", "dung")] == ["allowed"] * 3
    together = signed(envelope(template=mine), "cuong", "dung")
    assert code(together) == "allowed", "its signer and another"
    assert signers_of(both, trust(), "emergency", NOW, "template") == {"Cường", "Dũng"}
    assert signers_of(both, trust(), "emergency", NOW) == set(), "not as an announcement's"


def _second_of(**change: Any) -> Signed:
    """A template of one whose second signature is over other words."""
    other = signature(canonical(template(**change)), "dung", "template")
    return Signed(body=canonical(template()), signatures=[*written("cuong").signatures, other])


def _second_for(domain: Domain) -> Signed:
    """A template of one with another's signature over the same text, made for something else."""
    other = signature(canonical(template()), "dung", domain)
    return Signed(body=canonical(template()), signatures=[*written("cuong").signatures, other])


def _mirrored_template() -> Signed:
    one = written("cuong").signatures[0]
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    s = order - int.from_bytes(one.value[32:], "big")
    twin = Signature(key="cuong", value=one.value[:32] + s.to_bytes(32, "big"))
    return Signed(body=canonical(template()), signatures=[one, twin])


ONE_IN_TWO_PLACES: dict[str, Callable[[], Signed]] = {
    "the same key": lambda: triggered(written("cuong")),
    "the key of their phone": lambda: triggered(written("cuong"), "cuong-phone"),
    "all of their keys": lambda: signed(
        envelope(template=written("cuong", "cuong-phone")), "cuong", "cuong-phone"
    ),
    "the template signed twice": lambda: triggered(written("cuong", "cuong")),
    "the template's signature mirrored": lambda: triggered(_mirrored_template()),
    "with an approver's": lambda: triggered(written("cuong", "binh")),
    "beside an approver": lambda: signed(envelope(template=written("cuong")), "cuong", "binh"),
    "with the hub's": lambda: triggered(written("cuong", "hub")),
    "with one of a key out of date": lambda: triggered(written("cuong", "em")),
    "with one of a revoked key": lambda: triggered(written("cuong", "revoked")),
    "with one over other words": lambda: triggered(_second_of(spoken="Lũ đang lêm.")),
    "with one over the number before": lambda: triggered(_second_of(revision=1)),
    "with one for an announcement": lambda: triggered(_second_for("announcement")),
    "with one for a trust list": lambda: triggered(_second_for("trust")),
    "the second is the ninth": lambda: triggered(written(*["cuong"] * MOST_SIGNATURES, "dung")),
}


def test_one_persons_keys_never_make_two_people_of_them() -> None:
    assert {name: code(make()) for name, make in ONE_IN_TWO_PLACES.items()} == dict.fromkeys(
        ONE_IN_TWO_PLACES, "one-signer"
    )


def _drill_made_real() -> Signed:
    drill = signed(envelope(drill=True, template=written()), "cuong")
    return Signed(body=canonical(envelope(template=written())), signatures=drill.signatures)


def _wrapped(body: str) -> Signed:
    """A trigger around a template's text that its signer signed as it stands."""
    try:
        return triggered(signed(body, "dung", domain="template"))
    except UnicodeEncodeError:
        return triggered(Signed(body=body, signatures=[]))


def _deep() -> Signed:
    """A trigger that holds a trigger that holds … that holds a template."""
    inner = written()
    for _ in range(6):
        inner = signed(envelope(template=inner), "dung", domain="template")
    return triggered(inner)


DENSE = [Start(at=NOW + n * MINUTE, tolerance_s=0) for n in range(3)]
STATION = Relay(address="https://dai.example/", station="Đài", length_s=60)

WITH_TEMPLATE: dict[str, tuple[Callable[[], Signed], str]] = {
    "one letter": (lambda: triggered(spoken=envelope().spoken.replace("nhà", "nhá")), "template-differs"),
    "no words": (lambda: triggered(spoken=""), "template-differs"),
    "another voice": (lambda: triggered(voice="vi+f2"), "template-differs"),
    "another sound": (
        lambda: triggered(audio=msgspec.structs.replace(SOUND, sha256="b" * 64)),
        "template-differs",
    ),
    "more repeats": (lambda: triggered(repeat=10), "template-differs"),
    "longer rests": (lambda: triggered(gap_s=600), "template-differs"),
    "a village it is not for": (lambda: triggered(villages=["dong", "nam"]), "template-differs"),
    "held for a second longer": (
        lambda: triggered(expires=NOW + 30 * MINUTE + timedelta(seconds=1)),
        "template-differs",
    ),
    "said every minute": (lambda: triggered(starts=DENSE), "template-differs"),
    "said twice at once": (lambda: triggered(starts=[DENSE[0], DENSE[0]]), "template-differs"),
    "said again, signed for once": (lambda: triggered(written(every_s=0)), "template-differs"),
    "with a station": (lambda: triggered(relay=STATION), "template-differs"),
    "for another commune": (lambda: triggered(commune="00/00001"), "template-differs"),
    "of another commune": (lambda: triggered(written(commune="00/00001")), "template-differs"),
    "run out": (lambda: triggered(written(expires=NOW - MINUTE)), "template-expired"),
    "not begun": (lambda: triggered(written(issued_at=NOW + MINUTE)), "template-expired"),
    "by an approver": (lambda: triggered(written("binh")), "wrong-role"),
    "by the hub": (lambda: triggered(written("hub")), "wrong-role"),
    "by a stranger": (lambda: triggered(written("stranger")), "unknown-key"),
    "by a key out of date": (lambda: triggered(written("em")), "key-expired"),
    "by nobody": (lambda: triggered(Signed(body=canonical(template()), signatures=[])), "unsigned"),
    "signed as an announcement": (lambda: triggered(written("dung", domain="announcement")), "bad-signature"),
    "changed after it was signed": (
        lambda: triggered(
            Signed(body=canonical(template(villages=["nam"])), signatures=written().signatures),
            villages=["nam"],
        ),
        "bad-signature",
    ),
    "let speak by an approver": (lambda: triggered(name="binh"), "wrong-role"),
    "let speak by the hub": (lambda: triggered(name="hub"), "wrong-role"),
    "let speak by nobody": (
        lambda: Signed(body=canonical(envelope(template=written())), signatures=[]),
        "unsigned",
    ),
    "its own signature lets it speak": (
        lambda: Signed(body=canonical(envelope(template=written())), signatures=written().signatures),
        "bad-signature",
    ),
    "a drill made real": (_drill_made_real, "bad-signature"),
    "two people and other words": (
        lambda: signed(envelope(template=written(), spoken="Khác."), "cuong", "dung"),
        "template-differs",
    ),
    "inside a routine word": (
        lambda: signed(envelope(template=written(), kind="routine"), "binh"),
        "malformed",
    ),
    "inside a priority word": (
        lambda: signed(envelope(template=written(), kind="priority"), "cuong", "dung", "binh"),
        "malformed",
    ),
    "a routine drill": (lambda: signed(envelope(drill=True, kind="routine"), "binh"), "malformed"),
    "an announcement for a template": (lambda: _wrapped(canonical(envelope())), "malformed"),
    "no text": (lambda: _wrapped(""), "malformed"),
    "brackets without end": (lambda: _wrapped("[" * 50_000), "malformed"),
    "marks without end": (
        lambda: _wrapped(canonical(template()).replace("Sơ", "\\u0301\\u0323" * 4_000)),
        "malformed",
    ),
    "a control character": (
        lambda: _wrapped(canonical(template()).replace("Sơ", "\\u001b[2J")),
        "malformed",
    ),
    "as much as fits": (
        lambda: _wrapped(canonical(template()).replace("Lũ", "a" * 115_000)),
        "template-differs",
    ),
    "a key twice": (
        lambda: _wrapped(canonical(template()).replace('"revision":2', '"revision":1,"revision":2')),
        "not-canonical",
    ),
    "a name nobody knows": (lambda: _wrapped(canonical(template())[:-1] + ',"zz":1}'), "malformed"),
    "one in another": (_deep, "malformed"),
}


def test_a_template_allows_nothing_beyond_what_was_signed() -> None:
    found = {name: code(make()) for name, (make, _) in WITH_TEMPLATE.items()}
    assert found == {name: expected for name, (_, expected) in WITH_TEMPLATE.items()}


@pytest.mark.parametrize(
    "name", ["as much as fits", "brackets without end", "marks without end", "one in another"]
)
def test_what_is_hidden_in_a_template_costs_no_time(name: str) -> None:
    make, _ = WITH_TEMPLATE[name]
    whole = make()
    spent_s = []
    for _ in range(3):
        began = time.thread_time()
        assert code(whole) != "one-signer"
        spent_s.append(time.thread_time() - began)
    assert min(spent_s) < 0.1


def test_a_text_that_is_too_large_with_its_template_is_refused() -> None:
    huge = canonical(template()).replace("Sơ", "a" * 200_000)
    body = msgspec.json.encode(
        envelope(template=Signed(body=huge, signatures=written().signatures)), order="sorted"
    ).decode()
    assert code(signed(body, "cuong")) == "malformed"


def test_whoever_loses_their_key_takes_their_templates_and_emergencies_along() -> None:
    assert code(triggered(), without("dung")) == "unknown-key"
    assert code(triggered(), without("cuong")) == "unknown-key"
    by_two = triggered(written("cuong", "dung"))
    assert [code(by_two, without(name)) for name in ("dung", "cuong", "cuong-phone")] == [
        "one-signer",
        "unknown-key",
        "allowed",
    ]
    both = signed(envelope(), "cuong", "dung")
    assert [code(both, without(name)) for name in ("cuong", "dung", "binh")] == [
        "one-signer",
        "one-signer",
        "allowed",
    ]


def test_one_person_may_hold_a_drill_and_it_is_nobodys_emergency() -> None:
    for whole in (
        signed(envelope(drill=True), "cuong"),
        triggered(drill=True),
        triggered(written("cuong"), drill=True),
    ):
        opened = open_announcement(whole, trust(), NOW)
        assert opened.drill
        assert not opened.is_emergency
    assert code(signed(envelope(drill=True), "binh")) == "wrong-role"
    assert code(triggered(written("binh"), drill=True)) == "wrong-role", (
        "its template is looked at all the same"
    )
    real = canonical(envelope())
    assert code(Signed(body=real, signatures=signed(envelope(drill=True), "cuong", "dung").signatures)) == (
        "bad-signature"
    )
