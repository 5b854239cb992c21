"""A thousand mutilated orders, and plans whose announcements were mutilated: not one is accepted."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import msgspec

from broker.contract.hub import Media, PlayNow, PlayPlan, Signature, Signed
from broker.contract.message import Message
from broker.contract.speaker import PlanApplied
from broker.trust.envelope import PlaysBody, canonical
from broker.trust.reasons import REASONS
from tests.speaker.office import Office, is_chain
from tests.speaker.signers import DAY, MORNING, Signers, play_now, replanned


def _bent_text(text: str, chance: random.Random) -> str:
    """One character more, less or other."""
    at = chance.randrange(len(text))
    return chance.choice(
        [
            text[:at] + text[at + 1 :],
            text[:at] + chr(chance.randrange(32, 127)) + text[at:],
            text[:at] + chr((ord(text[at]) + chance.randrange(1, 90)) % 0x250 or 65) + text[at + 1 :],
            text[:at] + text[at : at + 9] + text[at:],
        ]
    )


def _bent_bits(one: Signature, chance: random.Random) -> Signature:
    at, bit = chance.randrange(64), 1 << chance.randrange(8)
    value = bytes(each ^ (bit if n == at else 0) for n, each in enumerate(one.value))
    return Signature(key=one.key, value=value)


def _mutilated(signed: Signed, others: list[Signed], keys: list[str], chance: random.Random) -> Signed:
    """A signed text with its words, its signature, its signer or its envelope exchanged."""
    mine = chance.choice(signed.signatures)
    rest = [one for one in signed.signatures if one is not mine]
    other = chance.choice(others)
    another = Signature(key=chance.choice([key for key in keys if key != mine.key]), value=mine.value)
    return chance.choice(
        [
            lambda: Signed(body=_bent_text(signed.body, chance), signatures=[mine, *rest]),
            lambda: Signed(body=signed.body, signatures=[*rest, _bent_bits(mine, chance)]),
            lambda: Signed(body=signed.body, signatures=[*rest, another]),
            lambda: Signed(body=signed.body, signatures=[*rest, Signature(key=mine.key, value=bytes(64))]),
            lambda: Signed(body=signed.body, signatures=other.signatures),
            lambda: Signed(body=other.body, signatures=[mine, *rest]),
            lambda: Signed(body=signed.body, signatures=rest),
            lambda: Signed(body=signed.body, signatures=rest * 3),
            lambda: Signed(body=signed.body, signatures=[]),
        ]
    )()


def _variants(signers: Signers) -> list[Signed]:
    """What somebody on the wire may have recorded: everything is truly signed, by the wrong one or for another."""
    return [
        signers.announcement(announcement="B1", by="hub"),
        signers.announcement(announcement="B2", by="stranger"),
        signers.announcement(announcement="B3", by="binh", kind="emergency"),
        signers.announcement(announcement="E1", by="binh", kind="emergency"),
        signers.announcement(announcement="B4", villages=["ben"]),
        signers.announcement(announcement="B5", commune="00/00001"),
        signers.announcement(MORNING - DAY, announcement="B6"),
        signers.signed_trust,
        signers.plan(node="thon-02").signed,
    ]


def _bent_command(good: PlayNow, others: list[Signed], keys: list[str], chance: random.Random) -> PlayNow:
    bent = msgspec.structs.replace(good)
    what = chance.randrange(6)
    if what == 0:
        bent.occurrence = _bent_text(good.occurrence, chance)
    elif what == 1:
        bent.announcement = _bent_text(good.announcement, chance)
    elif what == 2:
        bent.start = good.start + timedelta(seconds=chance.choice([-86_400, -60, -1, 1, 59, 3600, 10**7]))
    elif what == 3:
        bent.media = Media(sha256=chance.randbytes(32).hex(), size=good.media.size, type=good.media.type)
    else:
        bent.signed = _mutilated(good.signed, others, keys, chance)
    return bent


def test_of_a_thousand_mutilated_orders_not_one_is_accepted(office: Office, signers: Signers) -> None:
    chance = random.Random(20261122)
    recorded = _variants(signers)
    keys = ["binh", "cuong", signers.hub, "root", "stranger", ""]
    tomorrow = [MORNING + DAY]
    plans = [
        signers.plan(signers.announcement(*tomorrow), generation=9),
        signers.plan(signers.announcement(kind="emergency"), generation=9),
    ]
    commands = [play_now(signers.announcement()), play_now(signers.announcement(kind="emergency"))]
    made: list[Callable[[], Message]] = [
        lambda: PlayPlan(
            generation=9, signed=_mutilated(chance.choice(plans).signed, recorded, keys, chance)
        ),
        lambda: _bent_command(chance.choice(commands), recorded, keys, chance),
    ]
    office.desk.session.problem = lambda code, text: None  # type: ignore[method-assign]
    for n in range(1000):
        order = made[n % 2]()
        office.orders.take(order)
        programme = office.desk.programme
        assert not programme.all(), f"order {n}: {order}"
        assert programme.generation == 0, f"order {n}: {order}"
    told = office.receipts()
    assert len(told) > 50, "each reason once for a name"
    assert {one.state for one in told} == {"refused"}
    assert {one.reason for one in told} <= set(REASONS)
    assert len({one.reason for one in told}) >= 6
    assert not office.session.messages(PlanApplied)
    assert is_chain(told)
    office.hear(plans[0], commands[1])
    assert [play.ask.announcement for play in office.desk.programme.all()] == ["A1", "A1"], (
        "the good ones are"
    )


def test_in_a_plan_of_the_hub_every_mutilated_announcement_stays_silent(
    office: Office, signers: Signers
) -> None:
    """A hub that is taken over signs any plan; what may be said it cannot sign."""
    chance = random.Random(7)
    good = [signers.announcement(), signers.announcement(announcement="E1", kind="emergency")]
    recorded, keys = _variants(signers), ["binh", "cuong", signers.hub, "stranger"]
    entries = signers.plan(*good)
    body = msgspec.json.decode(entries.signed.body, type=PlaysBody)
    for n in range(40):
        bent = [_mutilated(chance.choice(good), recorded, keys, chance) for _ in good]
        office.hear(replanned(signers, entries, announcements=bent, generation=n + 1))
        assert not office.desk.programme.plays, f"plan {n}: {bent}"
        assert len(office.desk.programme.rejected) == len(body.plays)
    assert {state for state, _ in office.told() + office.told("E1")} == {"refused"}
    assert canonical(body) == entries.signed.body
