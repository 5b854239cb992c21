"""Trust lists and plans that must not be followed: a list with the forger's key in it, a plan not signed by the hub.

A plan signed by the hub is the forger's right; it is how forged announcements come. So here each plan carries an
announcement that was truly approved for here and now: it must not sound either, because the plan is not to be taken.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from broker.contract.hub import Signature, Signed
from broker.trust.envelope import (
    ROOT_KEY_ID,
    Domain,
    PlayEntry,
    PlaysBody,
    Quiet,
    TrustBody,
    canonical,
    occurrence_id,
    sign,
)
from tests.faults.forge_orders import DAY, Forger, Order
from tests.faults.forge_people import OTHER_COMMUNE, by

NODE, OTHER_NODE = "thon-01", "thon-02"


@dataclass(frozen=True)
class Sheet:
    """A signed thing that is offered, the codes one of which must answer it, and what would sound because of it."""

    signed: Signed
    generation: int
    reasons: tuple[str, ...]
    bait: Order


@dataclass(frozen=True)
class Now:
    """Generations in force, which a forger knows."""

    trust: int
    plan: int


MakeSheet = Callable[[Forger, Now], Sheet]


def plays_body(f: Forger, generation: int, *orders: Order, node: str = NODE) -> PlaysBody:
    """A plan of these orders."""
    texts = {one.signed.body: one.signed for one in orders}
    return PlaysBody(
        generation=generation,
        node=node,
        made_at=f.now.replace(microsecond=0),
        until=f.now.replace(microsecond=0) + 7 * DAY,
        quiet=Quiet(),
        session_limit_s=2700,
        plays=[
            PlayEntry(
                occurrence=one.occurrence,
                announcement=one.announcement,
                revision=one.revision,
                start=one.start,
            )
            for one in orders
        ],
        announcements=list(texts.values()),
        cancelled=[],
    )


# -- trust lists


def _list(
    reasons: str,
    sealed: Callable[[Forger, TrustBody], Signed],
    change: Callable[[Forger, TrustBody, Now], TrustBody],
) -> MakeSheet:
    def make(f: Forger, now: Now) -> Sheet:
        trust = change(f, f.people.trust(now.trust + f.dice.randint(1, 1000), f.people.forger), now)
        bait = f.by("unknown-key", f.people.forger)
        return Sheet(sealed(f, trust), trust.generation, tuple(reasons.split()), bait)

    return make


def _same(f: Forger, trust: TrustBody, now: Now) -> TrustBody:
    del f, now
    return trust


def _by_root(f: Forger, trust: TrustBody) -> Signed:
    return f.people.by_root(trust)


def _named_root(f: Forger, trust: TrustBody) -> Signed:
    body = canonical(trust)
    return by(body, sign(body, "trust", ROOT_KEY_ID, f.people.forger.private))


def _of_another_list(f: Forger, trust: TrustBody) -> Signed:
    return by(canonical(trust), *f.people.by_root(f.people.trust(trust.generation)).signatures)


def _root_elsewhere(f: Forger, trust: TrustBody) -> Signed:
    body = canonical(trust)
    domains: list[Domain] = ["announcement", "plays", "audit", "content"]
    domain = f.dice.choice(domains)
    return by(body, sign(body, domain, ROOT_KEY_ID, f.people.root))


def _respelled(f: Forger, trust: TrustBody) -> Signed:
    body = canonical(trust)
    body = f.dice.choice(["{ " + body[1:], body + "\n", body.replace("{", '{"keys":[],', 1)])
    return by(body, sign(body, "trust", ROOT_KEY_ID, f.people.root))


def _older(f: Forger, trust: TrustBody, now: Now) -> TrustBody:
    generation = f.dice.randint(1, now.trust - 1)
    return msgspec.structs.replace(trust, generation=generation)


def _forked(f: Forger, trust: TrustBody, now: Now) -> TrustBody:
    """Two lists of one number: whoever holds both could switch a node to and fro."""
    del f
    return msgspec.structs.replace(trust, generation=now.trust)


def _twice_named(f: Forger, trust: TrustBody, now: Now) -> TrustBody:
    """The forger's key under an approver's name, behind the approver's own."""
    del now
    forged = msgspec.structs.replace(f.people.forger.trusted(f.people.day), key=f.people.binh.id)
    return msgspec.structs.replace(trust, keys=[*trust.keys, forged])


def _hub_that_speaks(f: Forger, trust: TrustBody, now: Now) -> TrustBody:
    """Somebody talked the root into it: the key that lies on the hub may speak."""
    del now
    roles = [msgspec.structs.replace(one, roles=["hub", "approver"]) for one in trust.keys]
    return msgspec.structs.replace(
        trust,
        keys=[new if new.key == f.people.hub.id else old for new, old in zip(roles, trust.keys, strict=True)],
    )


TRUST: dict[str, MakeSheet] = {
    "list signed by nobody": _list("unsigned", lambda f, trust: by(canonical(trust)), _same),
    "list signed by the hub": _list("bad-signature", lambda f, trust: f.people.by_hub(trust, "trust"), _same),
    "list signed by the forger in the root's name": _list("bad-signature", _named_root, _same),
    "list signed by an approver": _list(
        "bad-signature",
        lambda f, trust: by(canonical(trust), f.people.binh.sign(canonical(trust), "trust")),
        _same,
    ),
    "list signed by another commune's root": _list(
        "bad-signature",
        lambda f, trust: by(
            canonical(trust), sign(canonical(trust), "trust", ROOT_KEY_ID, f.people.other_root)
        ),
        _same,
    ),
    "list with the signature of another": _list("bad-signature", _of_another_list, _same),
    "list signed by the root for another purpose": _list("bad-signature", _root_elsewhere, _same),
    "list of the root, spelled anew": _list("not-canonical malformed", _respelled, _same),
    "list of the root, from before": _list("old-generation", _by_root, _older),
    "list of the root, the number in force but other keys": _list("old-generation", _by_root, _forked),
    "list of the root, for another commune": _list(
        "wrong-commune",
        _by_root,
        lambda f, trust, now: msgspec.structs.replace(trust, commune=OTHER_COMMUNE),
    ),
    "list of the root, a name twice": _list("malformed", _by_root, _twice_named),
    "list of the root, the hub's key may speak": _list("malformed", _by_root, _hub_that_speaks),
}
"""Were one of them believed, the forger's own key could make the loudspeaker speak."""


# -- plans


def _plan(
    reasons: str,
    sealed: Callable[[Forger, PlaysBody], Signed],
    change: Callable[[PlaysBody, random.Random], PlaysBody] = lambda body, dice: body,
    node: str = NODE,
) -> MakeSheet:
    def make(f: Forger, now: Now) -> Sheet:
        bait = f.approved(reasons, f.envelope())
        body = plays_body(f, now.plan + f.dice.randint(1, 1000), bait, node=node)
        body = change(body, f.dice)
        return Sheet(sealed(f, body), body.generation, tuple(reasons.split()), bait)

    return make


def _approver(f: Forger, body: PlaysBody) -> Signed:
    return by(canonical(body), f.people.binh.sign(canonical(body), "plays"))


def _forger(f: Forger, body: PlaysBody) -> Signed:
    return by(canonical(body), f.people.forger.sign(canonical(body), "plays"))


def _named_hub(f: Forger, body: PlaysBody) -> Signed:
    value = f.people.forger.sign(canonical(body), "plays").value
    return by(canonical(body), Signature(key=f.people.hub.id, value=value))


def _for_cameras(f: Forger, body: PlaysBody) -> Signed:
    domains: list[Domain] = ["cameras", "content", "audit"]
    return f.people.by_hub(body, f.dice.choice(domains))


def _changed(f: Forger, body: PlaysBody) -> Signed:
    signatures = f.people.by_hub(body, "plays").signatures
    return by(canonical(msgspec.structs.replace(body, session_limit_s=3599)), *signatures)


def _spelled_anew(f: Forger, body: PlaysBody) -> Signed:
    text = canonical(body)
    text = f.dice.choice(["{ " + text[1:], text + " ", text.replace("{", '{"plays":[],', 1)])
    return by(text, f.people.hub.sign(text, "plays"))


def _hub(f: Forger, body: PlaysBody) -> Signed:
    return f.people.by_hub(body, "plays")


def _from_before(body: PlaysBody, dice: random.Random) -> PlaysBody:
    return msgspec.structs.replace(body, generation=1)


def _beyond_the_calendar(body: PlaysBody, dice: random.Random) -> PlaysBody:
    start = dice.choice(["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
    extra = msgspec.convert(
        {
            "occurrence": occurrence_id("X", 1, body.made_at),
            "announcement": "X",
            "revision": 1,
            "start": start,
        },
        PlayEntry,
    )
    return msgspec.structs.replace(body, plays=[*body.plays, extra])


PLANS: dict[str, MakeSheet] = {
    "plan signed by nobody": _plan("unsigned", lambda f, body: by(canonical(body))),
    "plan signed by the forger": _plan("unknown-key", _forger),
    "plan signed by the forger in the hub's name": _plan("bad-signature", _named_hub),
    "plan signed by an approver": _plan("wrong-role", _approver),
    "plan signed by the hub for another purpose": _plan("bad-signature", _for_cameras),
    "plan changed after the signature": _plan("bad-signature", _changed),
    "plan spelled anew": _plan("not-canonical malformed", _spelled_anew),
    "plan of another node": _plan("wrong-node", _hub, node=OTHER_NODE),
    "plan from before": _plan("old-generation", _hub, _from_before),
    "plan beyond the calendar": _plan("malformed", _hub, _beyond_the_calendar),
}
