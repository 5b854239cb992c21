"""Packets that are no messages at all: what a hostile broker may write on the topics that a loudspeaker hears."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from broker.contract.hub import PlayNow, PlayPlan, TrustPlan
from broker.contract.message import Message, encode
from tests.faults.forge_orders import Forger

TOPICS: tuple[type[Message], ...] = (PlayNow, PlayPlan, TrustPlan)
MakeRaw = Callable[[Forger], bytes]


def _true(f: Forger) -> bytes:
    """A command that would be obeyed as it is."""
    order = f.approved("", f.envelope())
    message = PlayNow(
        occurrence=order.occurrence,
        announcement=order.announcement,
        start=order.start,
        signed=order.signed,
        media=order.media,
    )
    return encode(msgspec.json.encode(message), f.now, "trusted")


def _broken(change: Callable[[bytes, random.Random], bytes]) -> MakeRaw:
    return lambda f: change(_true(f), f.dice)


def _signature(text: bytes) -> MakeRaw:
    """Another text where the base64 of the signature stands."""

    def make(f: Forger) -> bytes:
        head, tail = _true(f).split(b'"value":"', 1)
        return head + b'"value":"' + text + tail[tail.index(b'"') :]

    return make


RAW: dict[str, MakeRaw] = {
    "noise": lambda f: f.dice.randbytes(f.dice.randint(1, 4000)),
    "cut short": _broken(lambda raw, dice: raw[: dice.randint(1, len(raw) - 1)]),
    "another version of the frame": _broken(lambda raw, dice: raw.replace(b'"v":1', b'"v":2', 1)),
    "a signature too short": _signature(b"AAAA"),
    "a signature too long": _signature(b"A" * 400),
    "a signature that is no base64": _signature(b"!" * 86),
    "no signatures at all": _broken(lambda raw, dice: raw.replace(b'"signatures"', b'"signature"', 1)),
    "a signature that is a number": _broken(
        lambda raw, dice: raw.replace(b'"signatures":[', b'"signatures":[7,', 1)
    ),
    "half a letter (surrogate)": _broken(lambda raw, dice: raw.replace(b'"body":"', b'"body":"\\ud800', 1)),
    "no UTF-8": _broken(lambda raw, dice: raw.replace(b'"body":"', b'"body":"\xff\xc0', 1)),
    "nested without end": lambda f: b'{"v":1,"at":"2026-11-22T00:00:00Z","m":' + b"[" * 60_000,
    "a command's words in a stop": lambda f: _true(f).replace(b'"occurrence"', b'"occurence"', 1),
}
"""None of these can be read, so nothing of it can be asked for."""
