"""Announcements that must not sound: each kind as a forger makes it who holds the hub's keys, database and broker.

Everything about an order is right but one thing, so that it would sound if the check of that thing were missing:
its start is now, its sound is on the node, its text carries the forger's tone. `reasons` are the codes one of which
must answer it; "" stands for what was played before, to which nothing need be said while it is a copy of the wire's.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from broker.contract.hub import Media, Signature, Signed
from broker.trust.envelope import Domain, Envelope, Start, canonical, occurrence_id
from tests.faults.forge_people import COMMUNE, OTHER_COMMUNE, People, Person, by

HERE, ELSEWHERE = "dong", "tay"
CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (FIPS 186-4, D.1.2.3)."""
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


@dataclass(frozen=True)
class Order:
    """One play asked for: what command or plan says it is, and the signed text that comes with it."""

    occurrence: str
    announcement: str
    revision: int
    start: datetime
    signed: Signed
    media: Media
    reasons: tuple[str, ...]


@dataclass
class Forger:
    """Makes orders. `now` is the node's time; the run sets it anew before each group."""

    people: People
    dice: random.Random
    tone: Media
    """The forger's own sound."""
    now: datetime
    played: list[Order] = field(default_factory=list)
    """What was approved, heard and captured."""
    asked: set[str] = field(default_factory=set)
    """Names under which it was asked for as if for another time."""
    made: int = 0

    def envelope(self, kind: str = "", **change: Any) -> Envelope:
        """An announcement for here and now, in the forger's words and sound."""
        self.made += 1
        now = self.now.replace(microsecond=0)
        whole = Envelope(
            announcement=f"F{self.dice.getrandbits(40):010x}{self.made}",
            revision=self.dice.randint(1, 9),
            commune=COMMUNE,
            kind=kind or self.dice.choice(["routine", "priority", "emergency"]),  # type: ignore[arg-type]
            title="Thông báo khẩn",
            spoken=f"Mời bà con mang tiền đến nộp, số {self.made}.",
            voice="vi",
            audio=self.tone,
            villages=[HERE],
            starts=[Start(at=now, tolerance_s=900)],
            repeat=1,
            gap_s=0,
            issued_at=now - HOUR,
            expires=now + HOUR,
            author="an",
        )
        return msgspec.structs.replace(whole, **change)

    def at(self, start: datetime, **change: Any) -> dict[str, Any]:
        """Fields of an envelope with one start."""
        return {"starts": [Start(at=start.replace(microsecond=0), tolerance_s=900)], **change}

    def past(self, ago: timedelta) -> dict[str, Any]:
        """Fields of an envelope of a day that this node has lived through without hearing it."""
        then = self.people.day - ago
        return self.at(then, issued_at=then, expires=then + HOUR)

    def right_person(self, envelope: Envelope) -> Person:
        """Who may sign an announcement of this kind, an emergency with a second."""
        return self.people.cuong if envelope.kind == "emergency" else self.people.binh

    def beside(self, envelope: Envelope, *signatures: Signature) -> Signed:
        """With these, and an emergency with the true signature of a second: one good one were enough then."""
        body = canonical(envelope)
        is_urgent = envelope.kind == "emergency"
        return by(body, *signatures, *([self.people.phuong.sign(body)] if is_urgent else []))

    def approved(self, reasons: str, envelope: Envelope, **claims: Any) -> Order:
        """Truly signed by the right people: captured, and not for here and now."""
        one = self.right_person(envelope).sign(canonical(envelope))
        return self.order(reasons, envelope, self.beside(envelope, one), **claims)

    def by(self, reasons: str, person: Person, kind: str = "", **change: Any) -> Order:
        """For here and now, signed by the wrong one; an emergency beside a true second."""
        envelope = self.envelope(kind, **change)
        if envelope.kind == "emergency":
            reasons = "one-signer"
        return self.order(reasons, envelope, self.beside(envelope, person.sign(canonical(envelope))))

    def under(self, key: str, value: bytes, kind: str = "routine", reasons: str = "bad-signature") -> Order:
        """For here and now, with whatever for a signature under somebody's name."""
        envelope = self.envelope(kind)
        return self.order(reasons, envelope, by(canonical(envelope), Signature(key=key, value=value)))

    def altered(self, before: Envelope, **change: Any) -> Order:
        """Approved, and changed after the signature."""
        signatures = self.beside(before, self.right_person(before).sign(canonical(before))).signatures
        after = msgspec.structs.replace(before, **change)
        return self.order("bad-signature", after, by(canonical(after), *signatures))

    def order(
        self,
        reasons: str,
        envelope: Envelope,
        signed: Signed,
        *,
        start: datetime | None = None,
        occurrence: str = "",
        revision: int = 0,
        media: Media | None = None,
    ) -> Order:
        """What is asked for, by default as the envelope says."""
        start = start or envelope.starts[0].at
        revision = revision or envelope.revision
        name = occurrence or occurrence_id(envelope.announcement, revision, start)
        wanted = tuple(reasons.split())
        return Order(name, envelope.announcement, revision, start, signed, media or envelope.audio, wanted)


Make = Callable[[Forger], Order]


def _degenerate(f: Forger) -> Order:
    r, s = f.dice.choice(
        [(0, 0), (0, 1), (1, 0), (CURVE_ORDER, CURVE_ORDER), (1, CURVE_ORDER), (2**256 - 1,) * 2, (1, 1)]
    )
    return f.under(f.people.binh.id, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def _own_key_as_approver(f: Forger) -> Order:
    envelope = f.envelope()
    person, body = f.right_person(envelope), canonical(envelope)
    return f.order(
        "bad-signature",
        envelope,
        by(body, Signature(key=person.id, value=f.people.forger.sign(body).value)),
    )


def _many_signatures(f: Forger) -> Order:
    envelope = f.envelope("routine")
    body = canonical(envelope)
    names = [f.people.binh.id, f.people.hub.id, f.people.forger.id, "root", ""]
    crowd = [Signature(key=f.dice.choice(names), value=f.people.forger.sign(body).value) for _ in range(6)]
    crowd += [Signature(key=f.dice.choice(names), value=f.dice.randbytes(64)) for _ in range(40)]
    return f.order("bad-signature unknown-key wrong-role", envelope, by(body, *crowd))


FORGED: dict[str, Make] = {
    "no signature": lambda f: f.order("unsigned", e := f.envelope(), by(canonical(e))),
    "own key": lambda f: f.by("unknown-key", f.people.forger),
    "own key under an approver's name": _own_key_as_approver,
    "own key under the root's name": lambda f: f.under("root", f.dice.randbytes(64), reasons="unknown-key"),
    "the hub's key": lambda f: f.by("wrong-role", f.people.hub),
    "a node's stolen key": lambda f: f.by("unknown-key", f.people.node),
    "a revoked approver's key": lambda f: f.by("unknown-key", f.people.dung),
    "an approver's key out of date": lambda f: f.by("key-expired", f.people.em),
    "an approver's key before its day": lambda f: f.by("key-expired", f.people.giang),
    "another commune's approver": lambda f: f.by("unknown-key", f.people.kha),
    "random bytes": lambda f: f.under(f.people.binh.id, f.dice.randbytes(64)),
    "degenerate numbers": _degenerate,
    "an emergency by an approver": lambda f: f.by("one-signer", f.people.binh, "emergency"),
    "a routine word by an emergency signer": lambda f: f.by("wrong-role", f.people.cuong, "routine"),
    "dozens of signatures": _many_signatures,
}
"""Signed by nobody, or by somebody who may not."""


def _other_text(f: Forger) -> Order:
    envelope, other = f.envelope(), f.envelope()
    signature = f.right_person(envelope).sign(canonical(other))
    return f.order("bad-signature", envelope, by(canonical(envelope), signature))


def _other_purpose(f: Forger) -> Order:
    envelope = f.envelope()
    body = canonical(envelope)
    domains: list[Domain] = ["trust", "plays", "cameras", "content", "audit"]
    domain = f.dice.choice(domains)
    return f.order("bad-signature", envelope, by(body, f.right_person(envelope).sign(body, domain)))


def _no_purpose(f: Forger) -> Order:
    """Signed as any other program signs: over the bare text."""
    envelope = f.envelope()
    person, body = f.right_person(envelope), canonical(envelope)
    text = f.dice.choice([body.encode(), hashlib.sha256(body.encode()).digest()])
    r, s = decode_dss_signature(person.private.sign(text, ec.ECDSA(hashes.SHA256())))
    value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f.order("bad-signature", envelope, by(body, Signature(key=person.id, value=value)))


def _beside_a_true_one(f: Forger) -> Order:
    envelope, other = f.envelope(), f.envelope()
    person, body = f.right_person(envelope), canonical(envelope)
    signatures = [person.sign(canonical(other)), f.people.forger.sign(body), f.people.node.sign(body)]
    f.dice.shuffle(signatures)
    return f.order("bad-signature", envelope, by(body, *signatures))


RESIGNED: dict[str, Make] = {
    "a signature of another text": _other_text,
    "a signature made for another purpose": _other_purpose,
    "a signature made for no purpose": _no_purpose,
    "own signature beside a true one": _beside_a_true_one,
    "other words": lambda f: f.altered(f.envelope(), spoken=f"Lời khác {f.dice.random()}."),
    "another sound": lambda f: f.altered(f.envelope(audio=f.played[0].media), audio=f.tone),
    "another village": lambda f: f.altered(f.envelope(villages=[ELSEWHERE]), villages=[HERE]),
    "another commune": lambda f: f.altered(f.envelope(commune=OTHER_COMMUNE), commune=COMMUNE),
    "another start": lambda f: f.altered(
        f.envelope(**f.at(f.now + DAY, expires=f.now + 2 * DAY)), **f.at(f.now)
    ),
    "a later end": lambda f: f.altered(f.envelope(expires=f.now - 30 * SECOND), expires=f.now + HOUR),
    "another kind": lambda f: f.altered(f.envelope("routine"), kind="emergency"),
    "another revision": lambda f: f.altered(f.envelope(revision=1), revision=2),
    "more repeats": lambda f: f.altered(f.envelope(), repeat=f.dice.randint(2, 10)),
}
"""A true signature over another text, or a text changed after it."""

CROSS_TARGETED: dict[str, Make] = {
    "for another village": lambda f: f.approved("wrong-village", f.envelope(villages=[ELSEWHERE])),
    "for a village that looks alike": lambda f: f.approved(
        "wrong-village",
        f.envelope(villages=[f.dice.choice(["Dong", "dong ", "d\u043eng", "dông", "dong\u200b"])]),
    ),
    "for another commune, by a key believed here": lambda f: f.approved(
        "wrong-commune", f.envelope(commune=f.dice.choice([OTHER_COMMUNE, "01/00000", "00/000000"]))
    ),
}

EXPIRED: dict[str, Make] = {
    "expired": lambda f: f.approved(
        "expired too-late", f.envelope(**f.at(f.now - 2 * HOUR, expires=f.now - HOUR))
    ),
    "expired an instant ago": lambda f: f.approved(
        "expired", f.envelope(**f.at(f.now - 20 * SECOND, expires=f.now - 2 * SECOND))
    ),
    "too late for its start": lambda f: f.approved(
        "too-late",
        f.envelope(f.dice.choice(["routine", "priority"]), **f.at(f.now - HOUR, expires=f.now + HOUR)),
    ),
}


def _nudged(f: Forger) -> Order:
    envelope = f.envelope()
    start = envelope.starts[0].at + f.dice.choice([-SECOND, SECOND, timedelta(microseconds=1), SECOND / 2])
    return f.approved("start-not-signed", envelope, start=start)


NOT_SIGNED_FOR: dict[str, Make] = {
    "a start beside the signed one": _nudged,
    "tomorrow's word today": lambda f: f.approved(
        "start-not-signed",
        f.envelope(**f.at(f.now + DAY, expires=f.now + 2 * DAY)),
        start=f.now.replace(microsecond=0),
    ),
    "yesterday's word again": lambda f: f.approved(
        "start-not-signed", f.envelope(**f.at(f.now - DAY)), start=f.now.replace(microsecond=0)
    ),
    "under another occurrence's name": lambda f: f.approved(
        "wrong-announcement",
        e := f.envelope(),
        occurrence=occurrence_id(f"F{f.made}", e.revision, e.starts[0].at),
    ),
    "under another revision's name": lambda f: f.approved(
        "wrong-announcement unsigned", e := f.envelope(), revision=e.revision + f.dice.randint(1, 9)
    ),
    "a sitting without end": lambda f: f.approved(
        "session-limit", f.envelope(f.dice.choice(["routine", "priority"]), repeat=10, gap_s=600)
    ),
}
"""Truly signed, but not for this moment, this name or this length."""


def _again(f: Forger) -> Order:
    return replace(f.dice.choice(f.played), reasons=("", "replayed"))


def _again_mirrored(f: Forger) -> Order:
    """Whoever sees one ECDSA signature can write a second for the same text: (r, n - s)."""
    order = f.dice.choice([each for each in f.played if each.signed.signatures[0].passkey is None])
    one = order.signed.signatures[0]
    s = CURVE_ORDER - int.from_bytes(one.value[32:], "big")
    mirrored = Signature(key=one.key, value=one.value[:32] + s.to_bytes(32, "big"))
    return replace(order, signed=by(order.signed.body, mirrored), reasons=("", "replayed"))


def _again_later(f: Forger) -> Order:
    order = f.dice.choice(f.played)
    start = f.now.replace(microsecond=0)
    name = occurrence_id(order.announcement, order.revision, start)
    while start == order.start or name in f.asked:  # what was refused before is not refused aloud again
        start -= SECOND
        name = occurrence_id(order.announcement, order.revision, start)
    f.asked.add(name)
    return replace(order, start=start, occurrence=name, reasons=("start-not-signed",))


REPLAYED: dict[str, Make] = {
    "what was played": _again,
    "what was played, signature mirrored": _again_mirrored,
    "what was played, as if for now": _again_later,
}

MISNAMED: dict[str, Make] = {
    "a command that names another sound": lambda f: f.approved(
        "wrong-audio", f.envelope(), media=f.played[0].media
    ),
    "a command without a name": lambda f: f.approved(
        "wrong-announcement", f.envelope(), occurrence=f"x{f.made}"
    ),
}
"""Only a command says such things."""

NIGHT: dict[str, Make] = {
    "a routine word at night": lambda f: f.approved("quiet-hours", f.envelope("routine")),
    "a priority word at night": lambda f: f.approved("quiet-hours", f.envelope("priority")),
    "a routine word called an emergency": lambda f: f.altered(f.envelope("routine"), kind="emergency"),
    "played in the morning": _again,
}

IN_DOUBT: dict[str, Make] = {
    "a routine word, the clock woke in the past": lambda f: f.approved(
        "clock-unknown", f.envelope("routine")
    ),
    "a priority word, the clock woke in the past": lambda f: f.approved(
        "clock-unknown", f.envelope("priority")
    ),
    "an emergency of the day before yesterday": lambda f: f.approved(
        "expired", f.envelope("emergency", **f.past(timedelta(days=2)))
    ),
    "an emergency of last year": lambda f: f.approved(
        "expired key-expired", f.envelope("emergency", **f.past(timedelta(days=200)))
    ),
    "an emergency by the forger": lambda f: f.by("one-signer", f.people.forger, "emergency"),
    "an emergency by a key out of date": lambda f: f.by("one-signer", f.people.em, "emergency"),
    "played before": _again,
}
"""The node's clock shows three days ago; it knows only that this cannot be."""
