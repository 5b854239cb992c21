"""What the screen can tell: the bundle that the hub sent last, or the one that came with the release."""

from __future__ import annotations

import logging
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
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
from kiosk.search import Entry

log = logging.getLogger(__name__)

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
        return [*full, *by_name, *_elsewhere()]

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


def open_content(root: Path) -> Content:
    """The content kept under `root`; the shipped one when there is none or it cannot be read."""
    try:
        kept = msgspec.json.decode((root / CURRENT).read_bytes(), type=Kept)
    except FileNotFoundError:
        return shipped()
    except (OSError, msgspec.DecodeError) as why:
        log.error("kept content cannot be read: %s", why, extra={"event": "content-damaged"})
        return shipped()
    return Content(kept.generation, kept.bundle)


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


def _table(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


class Shelf:
    """The content at hand, read again when the file has been replaced."""

    def __init__(self, root: Path) -> None:
        """root: content folder of this node."""
        self._root = root
        self._mark = self._stat()
        self._content = open_content(root)

    def _stat(self) -> tuple[int, int]:
        try:
            found = (self._root / CURRENT).stat()
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_ino)

    def content(self) -> Content:
        """The newest content."""
        mark = self._stat()
        if mark != self._mark:
            self._content, self._mark = open_content(self._root), mark
        return self._content
