"""A villager's word to the commune: its code, its sealing, and that a second press sends nothing twice."""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from datetime import datetime
from typing import Literal

import msgspec

from broker.contract.kiosk import FeedbackSent
from broker.trust.seal import seal
from kiosk.house import House

Topic = Literal["light", "road", "water", "safety", "paper", "other"]
Spot = Literal["village", "elsewhere", "nowhere"]

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: no I, L, O, U, so that a code read over the telephone is written down right."""
CODE_LETTERS = 10
CODE = re.compile(rf"[{ALPHABET}]{{{CODE_LETTERS}}}", re.ASCII)
LONGEST = 1000
"""Characters of one feedback; sealed it stays below the contract's 8192 bytes in any script."""
REMEMBERED = 64


class Words(msgspec.Struct, kw_only=True):
    """What is sealed for the hub: nobody's name, only what was chosen and typed."""

    code: str
    topic: Topic
    spot: Spot
    village: str
    text: str
    at: datetime
    language: str


class NoKey(Exception):
    """This machine has no key of the hub yet, so nothing a citizen writes may be kept here."""


def new_code() -> str:
    """A fresh code: 50 random bits in ten letters."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))


def grouped(code: str) -> tuple[str, str, str]:
    """The code in groups that are easy to say: 3, 3 and 4 letters."""
    return code[:3], code[3:6], code[6:]


class Desk:
    """Takes feedback. The same form sent twice (a second press, a reload) gives the same code once sent."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._taken: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, once: str, topic: Topic, spot: Spot, text: str, language: str) -> str:
        """Seal and keep one feedback; returns its code when it is safe on this disk.

        once: random name of the form. Raises NoKey, OutboxFull, and ValueError for a text that is empty or
        longer than LONGEST.
        """
        text = text.strip()
        if not text or len(text) > LONGEST:
            raise ValueError(f"feedback has {len(text)} characters, 1 to {LONGEST} are allowed")
        with self._lock:
            if once and once in self._taken:
                return self._taken[once][0]
            code, at = self._send(topic, spot, text, language)
            self._taken[once or code] = code, at
            while len(self._taken) > REMEMBERED:
                self._taken.popitem(last=False)
            return code

    def taken_at(self, code: str) -> datetime | None:
        """When feedback was taken; None for a code that this machine did not give since it started, or long ago."""
        with self._lock:
            return next((at for given, at in self._taken.values() if given == code), None)

    def _send(self, topic: Topic, spot: Spot, text: str, language: str) -> tuple[str, datetime]:
        key = self._house.seal_key()
        if key is None:
            raise NoKey
        now = self._house.clock.now()
        code = new_code()
        village = self._house.village
        words = Words(
            code=code, topic=topic, spot=spot, village=village, text=text, at=now, language=language
        )
        sealed = seal(key, msgspec.json.encode(words))
        self._house.post.send(FeedbackSent(code=code, at=now, sealed=sealed))
        return code, now
