"""What the screen can tell: the bundle that the hub sent last, or the one that came with the release."""

from __future__ import annotations

import hashlib
import logging
import threading
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec

from broker.contract.content import (
    CURRENT,
    Approved,
    Bundle,
    Heard,
    Kept,
    LifeEvent,
    NamedProcedure,
    Notice,
    Procedure,
    ScamWarning,
)
from broker.contract.hub import Signed
from broker.link.plans import KeptTrust
from broker.trust.envelope import ContentBody, Refused, open_signed
from broker.trust.keys import IdentityError
from kiosk.search import Entry

log = logging.getLogger(__name__)

LARGEST = 16 << 20
"""Bytes; the bundle has at most 8 MiB."""
Believe = Callable[[Signed], ContentBody]

WARNINGS = "canh-bao"
"""What search calls the page of all scam warnings; a single one has its code behind a stroke."""
SHIPPED = Path(__file__).parent / "shipped"
"""Written by people: one file of procedures a field, one file a life event."""


@dataclass(frozen=True)
class Content:
    """One generation of content."""

    generation: int
    bundle: Bundle

    @cached_property
    def procedures(self) -> dict[str, Procedure]:
        """By national code."""
        return {each.code: each for each in self.bundle.procedures}

    @property
    def life_events(self) -> list[LifeEvent]:
        """The nine tiles, in their order."""
        return self.bundle.life_events

    @property
    def warnings(self) -> list[ScamWarning]:
        """Scams to beware of."""
        return self.bundle.warnings

    @cached_property
    def named(self) -> dict[str, NamedProcedure]:
        """Procedures known by name only, by national code."""
        return {each.code: each for each in self.bundle.named}

    def entries(self) -> list[Entry]:
        """All that search compares a question with: procedures, names, and what no procedure answers."""
        full = [
            Entry(
                each.code,
                each.title,
                [
                    (each.title, 1.0),
                    (each.name, 0.8),
                    *((alias, 1.0) for alias in each.aliases),
                    *((told, 0.9) for told in each.situations),
                ],
            )
            for each in self.bundle.procedures
        ]
        by_name = [
            Entry(
                each.code, each.name, [(each.name, 0.9), *((a, 1.0) for a in each.aliases)], named_only=True
            )
            for each in self.bundle.named
        ]
        return [*full, *by_name, *self._scams(), *_elsewhere()]

    def _scams(self) -> list[Entry]:
        """The warnings that are there, and the page of all of them, in the words of whom a scam worries."""
        words = _scam_words()
        told = [
            Entry(
                f"{WARNINGS}/{each.code}",
                each.title,
                [
                    (each.title, 1.0),
                    (each.sentence, 0.8),
                    *((word, 1.0) for word in words.get(each.code, [])),
                ],
            )
            for each in self.warnings
        ]
        every = Entry(WARNINGS, "Coi chừng lừa đảo", [(word, 1.0) for word in words[""]])
        return [every, *told] if told else []

    def announcements(self, village: str) -> list[Heard]:
        """What the loudspeaker of a village said lately, newest first."""
        own = [each for each in self.bundle.heard if village in each.villages]
        return sorted(own, key=lambda each: each.at, reverse=True)

    def emergencies(self, village: str, now: datetime) -> list[Approved]:
        """What holds in a village now and concerns life and limb, the newest first."""
        found = [
            each
            for each in self.bundle.approved
            if each.kind == "emergency" and village in each.villages and each.starts[0] <= now < each.until
        ]
        return sorted(found, key=lambda each: each.starts[0], reverse=True)

    def coming(self, village: str, now: datetime) -> list[tuple[datetime, Approved]]:
        """What the loudspeaker of a village will still say, with the next time of each, in order."""
        found = [
            (min(start for start in each.starts if start > now), each)
            for each in self.bundle.approved
            if village in each.villages and each.kind != "emergency" and max(each.starts) > now
        ]
        return sorted(found, key=lambda one: (one[0], one[1].announcement))

    @property
    def events(self) -> list[Notice]:
        """Lines of the notice board."""
        return self.bundle.notices

    def procedure(self, code: str) -> Procedure | None:
        """A procedure by its code, through the redirect of a repealed one."""
        return self.procedures.get(self.bundle.redirects.get(code, code))

    def of_event(self, event: str, on: date) -> list[Procedure]:
        """Procedures of a life event that are in force on a day, in the bundle's order."""
        return [each for each in self.in_force(on) if event in each.life_events]

    def in_force(self, on: date) -> list[Procedure]:
        """All procedures that are in force on a day."""
        return [each for each in self.bundle.procedures if each.valid_to is None or on <= each.valid_to]

    def warning_of(self, day: date) -> ScamWarning | None:
        """The day's warning: each in its turn."""
        return self.warnings[day.toordinal() % len(self.warnings)] if self.warnings else None


class Damaged(Exception):
    """The kept content is not what the hub signed, or cannot be read; the text is for the log."""


def open_content(root: Path, believe: Believe) -> Content | None:
    """The content kept under `root`; None when there is none yet. Raises Damaged."""
    file = root / CURRENT
    try:
        if file.stat().st_size > LARGEST:
            raise Damaged(f"{file} has {file.stat().st_size} bytes")
        kept = msgspec.json.decode(file.read_bytes(), type=Kept)
        body = believe(kept.signed)
        if (
            body.generation != kept.generation
            or hashlib.sha256(kept.bundle).hexdigest() != body.bundle.sha256
        ):
            raise Damaged("it is not the bundle that its plan names")
        return Content(kept.generation, msgspec.json.decode(kept.bundle, type=Bundle))
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, Refused, IdentityError) as why:
        raise Damaged(str(why)) from why


def believer(trust: Path, root: Callable[[], str], commune: str) -> Believe:
    """Believes a content plan that a hub's key of the commune's trust list signed.

    trust: where edge/node keeps the list. root: reads the commune's root key. That a key has run out since is no reason
    to show an elder less: how old the content is, each page says itself. Raises Refused, OSError.
    """

    def believe(signed: Signed) -> ContentBody:
        kept = KeptTrust(trust, root(), commune)
        if kept.body is None:
            raise Refused("unknown-key", "no trust list yet")
        body = msgspec.json.decode(signed.body, type=ContentBody)
        keys = {key.key: key for key in kept.body.keys}
        used = [keys[each.key].until for each in signed.signatures if each.key in keys]
        at = min(used, default=datetime.max.replace(tzinfo=UTC))
        return open_signed(signed, "content", kept.body, "hub", at, type(body))

    return believe


@cache
def shipped() -> Content:
    """The content of the release: procedures and warnings, nothing of the commune."""
    board = _table(SHIPPED / "board.toml")
    raw = {
        "commune_name": "",
        **board,
        "life_events": [
            {"code": code, **_table(SHIPPED / "events" / f"{code}.toml")} for code in board["life_events"]
        ],
        "warnings": _table(SHIPPED / "warnings.toml")["warnings"],
        "named": _table(SHIPPED / "named.toml")["named"],
        "procedures": [
            each
            for field in board["fields"]
            for each in _table(SHIPPED / "procedures" / f"{field['code']}.toml")["procedures"]
        ],
    }
    return Content(0, msgspec.convert(raw, Bundle))


@cache
def _elsewhere() -> list[Entry]:
    return [
        Entry(each["code"], "", [(phrase, 1.0) for phrase in each["phrases"]], elsewhere=True)
        for each in _table(SHIPPED / "elsewhere.toml")["topics"]
    ]


@cache
def _scam_words() -> dict[str, list[str]]:
    words: dict[str, list[str]] = _table(SHIPPED / "scam-words.toml")["words"]
    return words


def _table(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


class Shelf:
    """The content at hand, read again when the file has been replaced; a damaged one changes nothing."""

    def __init__(self, root: Path, trust: Path, believe: Believe) -> None:
        """root: content folder of this node. trust: the list by which `believe` checks the hub's signature."""
        self._root, self._trust, self._believe = root, trust, believe
        self._lock = threading.Lock()
        self._mark: list[tuple[int, int]] = []
        self._content = shipped()

    def _stat(self) -> list[tuple[int, int]]:
        return [_stat(file) for file in (self._root / CURRENT, self._trust)]

    def content(self) -> Content:
        """The newest content that could be believed; the release's before the first."""
        with self._lock:
            mark = self._stat()
            if mark != self._mark:
                self._mark = mark
                self._look()
            return self._content

    def _look(self) -> None:
        try:
            found = open_content(self._root, self._believe)
        except Damaged as why:
            log.error("kept content is not shown: %s", why, extra={"event": "content-damaged"})
            return
        if found is not None and found.generation < self._content.generation:
            log.error("kept content is older than what is shown", extra={"event": "content-older"})
        elif found is not None:
            self._content = found


def _stat(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)
