"""Emergencies of one person that must not sound: without a second, and with templates bent in every way.

The forger has captured a template and a drill that were truly signed; who lets it speak may be tricked, and is right
but for one thing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from broker.contract.hub import Signature, Signed
from broker.trust.envelope import Envelope, Template, canonical
from tests.faults.forge_orders import CURVE_ORDER, DAY, ELSEWHERE, HERE, HOUR, SECOND, Forger, Make, Order
from tests.faults.forge_people import COMMUNE, OTHER_COMMUNE, Person, by


def template_for(f: Forger, envelope: Envelope, **change: Any) -> Template:
    """The template by which one person may speak this."""
    whole = Template(
        template="lu",
        revision=1,
        commune=COMMUNE,
        title=envelope.title,
        spoken=envelope.spoken,
        voice=envelope.voice,
        audio=envelope.audio,
        villages=[HERE],
        repeat=envelope.repeat,
        gap_s=envelope.gap_s,
        every_s=0,
        lasts_s=7200,
        issued_at=f.now.replace(microsecond=0) - 10 * DAY,
        expires=f.now.replace(microsecond=0) + 100 * DAY,
        author="an",
    )
    return msgspec.structs.replace(whole, **change)


def by_template(f: Forger, template: Template, person: Person) -> Signed:
    """A template as somebody signs it."""
    return by(canonical(template), person.sign(canonical(template), "template"))


def triggered(
    f: Forger,
    reasons: str = "template-differs",
    *,
    writer: Person | None = None,
    speaker: Person | None = None,
    envelope: dict[str, Any] | None = None,
    **template: Any,
) -> Order:
    """What one person lets speak; envelope: fields that are otherwise than in the template."""
    plain = f.envelope("emergency")
    beforehand = by_template(f, template_for(f, plain, **template), writer or f.people.phuong)
    whole = msgspec.structs.replace(plain, template=beforehand, **(envelope or {}))
    body = canonical(whole)
    return f.order(reasons, whole, by(body, (speaker or f.people.cuong).sign(body)))


def _alone(f: Forger, *others: Person) -> Order:
    envelope = f.envelope("emergency")
    body = canonical(envelope)
    signatures = [each.sign(body) for each in (f.people.cuong, *others)]
    f.dice.shuffle(signatures)
    return f.order("one-signer", envelope, by(body, *signatures))


def _mirrored(f: Forger) -> Order:
    envelope = f.envelope("emergency")
    body = canonical(envelope)
    one = f.people.cuong.sign(body)
    s = CURVE_ORDER - int.from_bytes(one.value[32:], "big")
    twin = Signature(key=one.key, value=one.value[:32] + s.to_bytes(32, "big"))
    return f.order("one-signer", envelope, by(body, one, twin))


def _made_real(f: Forger) -> Order:
    """A captured drill with its flag taken off."""
    plain = f.envelope("emergency")
    beforehand = by_template(f, template_for(f, plain), f.people.phuong)
    real = msgspec.structs.replace(plain, template=f.dice.choice([None, beforehand]))
    drill = canonical(msgspec.structs.replace(real, drill=True))
    return f.order(
        "bad-signature", real, by(canonical(real), f.people.cuong.sign(drill), f.people.phuong.sign(drill))
    )


def _template_alone(f: Forger) -> Order:
    """The template's own signature as that of an announcement."""
    plain = f.envelope("emergency")
    beforehand = by_template(f, template_for(f, plain), f.people.phuong)
    whole = msgspec.structs.replace(plain, template=beforehand)
    return f.order("bad-signature", whole, by(canonical(whole), *beforehand.signatures))


def _misplaced(f: Forger) -> Order:
    plain = f.envelope(f.dice.choice(["routine", "priority"]))
    beforehand = by_template(f, template_for(f, plain), f.people.phuong)
    whole = msgspec.structs.replace(plain, template=beforehand)
    return f.order("malformed", whole, by(canonical(whole), f.people.binh.sign(canonical(whole))))


def _hollow(f: Forger) -> Order:
    """A template's signature over something else."""
    plain = f.envelope("emergency")
    text = f.dice.choice(["", "{}", "[" * 40_000, canonical(plain), canonical(f.people.trust(2))])
    beforehand = by(text, f.people.phuong.sign(text, "template"))
    whole = msgspec.structs.replace(plain, template=beforehand)
    return f.order(
        "malformed not-canonical", whole, by(canonical(whole), f.people.cuong.sign(canonical(whole)))
    )


def _other_words(f: Forger) -> Order:
    return triggered(f, envelope={"spoken": f"Nộp tiền ngay, số {f.dice.random()}."})


def _doubled(f: Forger, beside: Person) -> Order:
    """A template with two signatures of which one person's count, whom the forger tricked or robbed."""
    plain = f.envelope("emergency")
    text = canonical(template_for(f, plain))
    signatures = [f.people.cuong.sign(text, "template"), beside.sign(text, "template")]
    f.dice.shuffle(signatures)
    whole = msgspec.structs.replace(plain, template=by(text, *signatures))
    return f.order("one-signer", whole, by(canonical(whole), f.people.cuong.sign(canonical(whole))))


TEMPLATES: dict[str, Make] = {
    "one person alone": lambda f: _alone(f),
    "one person twice": lambda f: _alone(f, f.people.cuong),
    "one person by two keys": lambda f: _alone(f, f.people.cuong_phone),
    "one person's signature mirrored": _mirrored,
    "one person and an approver": lambda f: _alone(f, f.people.binh),
    "one person and the hub": lambda f: _alone(f, f.people.hub),
    "one person and a revoked one": lambda f: _alone(f, f.people.dung),
    "one person and a key out of date": lambda f: _alone(f, f.people.em),
    "one person and the forger": lambda f: _alone(f, f.people.forger),
    "a template let speak by its signer alone": lambda f: triggered(f, "one-signer", writer=f.people.cuong),
    "a template let speak by its signer's phone": lambda f: triggered(
        f, "one-signer", writer=f.people.cuong, speaker=f.people.cuong_phone
    ),
    "a template twice by one, let speak by them": lambda f: _doubled(f, f.people.cuong_phone),
    "a template beside an approver, let speak by its signer": lambda f: _doubled(f, f.people.binh),
    "a template beside the hub, let speak by its signer": lambda f: _doubled(f, f.people.hub),
    "a template beside the forger, let speak by its signer": lambda f: _doubled(f, f.people.forger),
    "a template beside a revoked one, let speak by its signer": lambda f: _doubled(f, f.people.dung),
    "a template beside a key out of date, let speak by its signer": lambda f: _doubled(f, f.people.em),
    "a template let speak by the forger": lambda f: triggered(f, "unknown-key", speaker=f.people.forger),
    "a template let speak by the hub": lambda f: triggered(f, "wrong-role", speaker=f.people.hub),
    "a template let speak by an approver": lambda f: triggered(f, "wrong-role", speaker=f.people.binh),
    "a template let speak by a revoked one": lambda f: triggered(f, "unknown-key", speaker=f.people.dung),
    "a template of the forger": lambda f: triggered(f, "unknown-key", writer=f.people.forger),
    "a template of the hub": lambda f: triggered(f, "wrong-role", writer=f.people.hub),
    "a template of an approver": lambda f: triggered(f, "wrong-role", writer=f.people.binh),
    "a template of a revoked one": lambda f: triggered(f, "unknown-key", writer=f.people.dung),
    "a template of a key out of date": lambda f: triggered(f, "key-expired", writer=f.people.em),
    "a template of another commune's signer": lambda f: triggered(f, "unknown-key", writer=f.people.kha),
    "a template, other words": _other_words,
    "a template, another sound": lambda f: triggered(f, envelope={"audio": f.played[0].media}),
    "a template, another voice": lambda f: triggered(f, envelope={"voice": "vi+f2"}),
    "a template, more repeats": lambda f: triggered(f, envelope={"repeat": 10}),
    "a template for elsewhere": lambda f: triggered(f, villages=[ELSEWHERE]),
    "a template for another commune": lambda f: triggered(f, commune=OTHER_COMMUNE),
    "a template that ran out": lambda f: triggered(
        f, "template-expired", expires=f.now.replace(microsecond=0) - HOUR - SECOND
    ),
    "a template that has not begun": lambda f: triggered(
        f, "template-expired", issued_at=f.now.replace(microsecond=0)
    ),
    "a template, held longer": lambda f: triggered(f, lasts_s=7199),
    "a template, begun again": lambda f: triggered(
        f, every_s=600, envelope={"starts": [*f.at(f.now)["starts"], *f.at(f.now + 599 * SECOND)["starts"]]}
    ),
    "a template's own signature": _template_alone,
    "a template in a routine word": _misplaced,
    "a hollow template": _hollow,
    "a drill made real": _made_real,
}

AT_NIGHT: dict[str, Make] = {
    "a drill at night": lambda f: _drill(f, "quiet-hours"),
    "a routine word with a template at night": _misplaced,
}

WITHOUT_A_CLOCK: dict[str, Make] = {
    "a drill, the clock woke in the past": lambda f: _drill(f, "clock-unknown"),
    "an emergency of one person": lambda f: _alone(f),
}


def _drill(f: Forger, reasons: str) -> Order:
    envelope = f.envelope("emergency", drill=True)
    return f.order(reasons, envelope, by(canonical(envelope), f.people.cuong.sign(canonical(envelope))))
