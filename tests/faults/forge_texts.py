"""Texts that an approver truly signed, spelled in another way than the one canonical: refused, whatever they say.

A second spelling is dangerous because two readers may read two things into it. Each kind comes signed as it stands
(the approver's machine was tricked) and with the signature of the canonical spelling.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable

from broker.trust.envelope import canonical
from tests.faults.forge_orders import ELSEWHERE, HERE, Forger, Make, Order
from tests.faults.forge_people import by

REASONS = "not-canonical malformed unsigned"
"""`unsigned`: a plan whose text cannot even be read has none for that entry."""

Respell = Callable[[str], str]


def _shuffled(body: str) -> str:
    keys = json.loads(body)
    return json.dumps(dict(reversed(keys.items())), ensure_ascii=False, separators=(",", ":"))


def _escaped(body: str) -> str:
    return json.dumps(json.loads(body), separators=(",", ":"))


def _doubled(body: str) -> str:
    """The first says another village, the second this one."""
    return body.replace(f'"villages":["{HERE}"]', f'"villages":["{ELSEWHERE}"],"villages":["{HERE}"]')


def _doubled_back(body: str) -> str:
    return body.replace(f'"villages":["{HERE}"]', f'"villages":["{HERE}"],"villages":["{HERE}"]')


def _number(text: str) -> Respell:
    return lambda body: re.sub(r'"repeat":\d+', f'"repeat":{text}', body)


def _time(change: Callable[[str], str]) -> Respell:
    return lambda body: re.sub(r'"expires":"([^"]+)"', lambda m: f'"expires":"{change(m[1])}"', body)


SPELLINGS: dict[str, Respell] = {
    "spaces": lambda body: body.replace(",", ", ", 1),
    "a space at the end": lambda body: body + " ",
    "a line at the end": lambda body: body + "\n",
    "indented": lambda body: json.dumps(json.loads(body), ensure_ascii=False, indent=1),
    "keys in another order": _shuffled,
    "letters as escapes": _escaped,
    "a key twice, with two meanings": _doubled,
    "a key twice, with one meaning": _doubled_back,
    "letters taken apart (NFD)": lambda body: unicodedata.normalize("NFD", body),
    "letters beside each other (NFKD)": lambda body: unicodedata.normalize("NFKD", body),
    "a float": _number("1.0"),
    "an exponent": _number("1e0"),
    "a signed zero": lambda body: body.replace('"gap_s":0', '"gap_s":-0'),
    "a number too great": _number("1" + "0" * 400),
    "a byte order mark": lambda body: "\ufeff" + body,
    "a time in another zone": _time(lambda at: at.replace("Z", "+00:00")),
    "a time in small letters": _time(str.lower),
    "a time with a fraction": _time(lambda at: at.replace("Z", ".000Z")),
    "a field nobody knows": lambda body: body.replace('"author"', '"audience":"all","author"', 1),
    "a field is null": lambda body: body.replace('"author":"an"', '"author":null', 1),
    "half a letter (surrogate)": lambda body: body.replace("Th", "\\ud800", 1),
    "a slash escaped": lambda body: body.replace("/", "\\/"),
    "nested without end": lambda body: body.replace('"an"', "[" * 3000 + "]" * 3000, 1),
    "a second text behind it": lambda body: body + body,
    "a comment": lambda body: body.replace("{", "{/**/", 1),
    "no numbers at all (NaN)": _number("NaN"),
}


def _respelled(spell: Respell, *, is_signed_so: bool) -> Make:
    def make(f: Forger) -> Order:
        envelope = f.envelope(f.dice.choice(["routine", "emergency"]))
        people, body = (f.right_person(envelope), f.people.phuong), canonical(envelope)
        other = spell(body)
        assert other != body
        signatures = [person.sign(other if is_signed_so else body) for person in people]
        return f.order(
            REASONS if is_signed_so else f"{REASONS} bad-signature", envelope, by(other, *signatures)
        )

    return make


MISSPELLED: dict[str, Make] = {
    f"{name}, {'signed so' if is_signed_so else 'signed before'}": _respelled(
        spell, is_signed_so=is_signed_so
    )
    for name, spell in SPELLINGS.items()
    for is_signed_so in (True, False)
}
