"""The content bundle: what the kiosk shows, as the hub sends it and every node keeps it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from msgspec import Struct

from broker.contract.hub import Media


class Source(Struct, kw_only=True):
    """Where a procedure was read, and when."""

    url: str
    via: str
    on: date


class Procedure(Struct, kw_only=True):
    """One administrative procedure. An unknown time or fee is empty, never guessed."""

    code: str
    """National code."""
    title: str
    """Plain name, as villagers say it."""
    name: str
    """Official name."""
    field: str
    life_events: list[str]
    documents: list[str]
    processing_time: str = ""
    fee: str = ""
    fee_exempt: str = ""
    deadline: str = ""
    """By when the citizen must come; empty when there is no deadline."""
    where: str = ""
    online: bool = False
    who_online: str = ""
    address: str = ""
    """Official address for the villager's own phone; empty when it cannot be filed there."""
    result: str = ""
    note: str = ""
    aliases: list[str] = []
    uncertain: list[str] = []
    """Names of fields that the source leaves in doubt."""
    legal_basis: list[str] = []
    decision: str = ""
    source: Source
    reviewed_on: date | None = None
    """When an official of the commune checked it; None: nobody has."""
    valid_to: date | None = None


class LifeEvent(Struct, kw_only=True):
    """One of the nine reasons for which people need papers."""

    code: str
    title: str
    hint: str
    icon: str


class ScamWarning(Struct, kw_only=True):
    """One scam to beware of: how to tell it, what to do."""

    code: str
    title: str
    sentence: str
    """One line for the notice board."""
    signs: list[str]
    todo: list[str]
    source: str
    on: date


class Notice(Struct, kw_only=True):
    """A line of the notice board, or an event of the village."""

    when: str
    text: str
    at: datetime | None = None
    villages: list[str] = []


class Heard(Struct, kw_only=True):
    """An announcement that was broadcast, to be read and heard again."""

    announcement: str
    title: str
    text: str
    at: datetime
    kind: Literal["routine", "priority", "emergency"]
    villages: list[str]
    audio: Media


class Approved(Struct, kw_only=True):
    """An announcement that the loudspeakers are still to say, or an emergency while it holds."""

    announcement: str
    title: str
    text: str
    kind: Literal["routine", "priority", "emergency"]
    villages: list[str]
    starts: list[datetime]
    """Of the days ahead, ascending."""
    until: datetime
    """Afterwards it is over."""


class Bundle(Struct, kw_only=True):
    """All content of one generation. Sound travels beside it, by hash."""

    commune_name: str
    made_at: datetime
    procedures: list[Procedure]
    life_events: list[LifeEvent]
    warnings: list[ScamWarning]
    notices: list[Notice] = []
    heard: list[Heard] = []
    approved: list[Approved] = []
    redirects: dict[str, str] = {}
    """Repealed code → the code that took its place."""


CURRENT = "current.json"
"""Name of the kept bundle inside the content folder of a node."""


class Kept(Struct, kw_only=True):
    """What edge/node puts on the disk and the kiosk reads: a bundle and its generation."""

    generation: int
    bundle: Bundle
