"""Signing and checking one announcement, beside the bare cryptography library on the same bytes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from broker.contract.hub import Media, Signed
from broker.trust.envelope import (
    Envelope,
    Quiet,
    Refused,
    TrustBody,
    canonical,
    open_announcement,
    signed_bytes,
)
from edge.speaker.firewall import Allowed, Ask, Post, check
from tests.bench.link.processes import figure, median
from tests.faults.forge_lists import plays_body
from tests.faults.forge_orders import Forger
from tests.faults.forge_passkeys import assertion
from tests.faults.forge_people import COMMUNE, People, Person, by
from tests.faults.forge_texts import MISSPELLED

ROUNDS, EACH = 9, 100
SIGNERS = 20
"""People in the trust list of a large commune."""
ES256 = ec.ECDSA(hashes.SHA256())


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Milliseconds of CPU, the middle of several rounds; both sides of a ratio in turn."""
    del folder
    now = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    people = People(now - timedelta(hours=3))
    crowd = [Person(f"người duyệt {n}") for n in range(SIGNERS - len(people.believed))]
    trust = people.trust(2, *crowd)
    sound = Media(sha256="a" * 64, size=1000, type="audio/ogg", duration_ms=4000)
    forger = Forger(people, random.Random(1), sound, now)
    envelope = forger.envelope("routine", spoken="Mời bà con đến nhà văn hoá thôn họp lúc bảy giờ tối. " * 20)
    body = canonical(envelope)
    plain = signed_bytes(body, "announcement")
    key, file_signed = people.binh, by(body, people.binh.sign(body))
    passkey_signed = by(body, assertion(people.hoa, body))
    der = key.private.sign(plain, ES256)
    public = key.private.public_key()

    ours, bare = _in_turn(lambda: key.sign(canonical(envelope)), lambda: key.private.sign(plain, ES256))
    yield figure("sign an announcement (key file)", ours, "ms", "bare ECDSA signature", ours / bare)
    ours, bare = _in_turn(
        lambda: open_announcement(file_signed, trust, now), lambda: public.verify(der, plain, ES256)
    )
    yield figure("verify an announcement (key file)", ours, "ms", "bare ECDSA verification", ours / bare)
    ours, bare = _in_turn(
        lambda: open_announcement(passkey_signed, trust, now), lambda: public.verify(der, plain, ES256)
    )
    yield figure("verify an announcement (passkey)", ours, "ms", "bare ECDSA verification", ours / bare)
    yield from _whole_judgement(
        people, forger, trust, file_signed, envelope, lambda: public.verify(der, plain, ES256)
    )
    yield from _hostile(forger, trust, now)


def _whole_judgement(
    people: People,
    forger: Forger,
    trust: TrustBody,
    signed: Signed,
    envelope: Envelope,
    bare_verify: Callable[[], None],
) -> Iterator[dict[str, Any]]:
    post = Post(COMMUNE, "dong", trust, "trusted", Quiet(), 2700)
    order = forger.order("", envelope, signed)
    ask = Ask(order.occurrence, order.announcement, order.revision, order.start, signed)
    assert isinstance(check(ask, post, forger.now), Allowed)
    ours, bare = _in_turn(lambda: check(ask, post, forger.now), bare_verify)
    yield figure("the firewall's whole judgement", ours, "ms", "bare ECDSA verification", ours / bare)
    many = [forger.approved("", forger.envelope("routine")) for _ in range(60)]
    plan = plays_body(forger, 1, *many)
    text = canonical(plan).encode()
    ours, bare = _in_turn(
        lambda: people.hub.sign(canonical(plan), "plays"), lambda: people.hub.private.sign(text, ES256), 10
    )
    yield figure("the hub signs a plan of 60 plays", ours, "ms", "bare ECDSA signature", ours / bare)


def _hostile(forger: Forger, trust: TrustBody, now: datetime) -> Iterator[dict[str, Any]]:
    """The slowest refusal of everything misspelled, and of texts as large as they may be."""
    texts = [make(forger).signed for make in MISSPELLED.values()]
    size = 119 * 1024
    large = [
        "[" * size,
        '{"a":' * (size // 5),
        "{" + '"a":1,' * (size // 6),
        '"' + "\u0301" * (size // 2),
        "9" * size,
    ]
    texts += [by(each, *texts[0].signatures) for each in large]
    slowest_ms = 0.0
    for signed in texts:
        began = time.thread_time()
        try:
            open_announcement(signed, trust, now)
        except Refused:
            slowest_ms = max(slowest_ms, (time.thread_time() - began) * 1000)
    yield figure(
        f"slowest refusal of {len(texts)} hostile texts", slowest_ms, "ms", "50 ms allowed", slowest_ms / 50
    )


def _in_turn(ours: Callable[[], object], bare: Callable[[], object], each: int = EACH) -> tuple[float, float]:
    """Milliseconds of each, the middle of the rounds."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for act, times in zip((ours, bare), found, strict=True):
            began = time.thread_time()
            for _ in range(each):
                act()
            times.append((time.thread_time() - began) / each * 1000)
    return median(found[0]), median(found[1])
