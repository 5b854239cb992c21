"""The content bundle: what the kiosk shows, as the hub sends it and every node keeps it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from msgspec import Raw, Struct

from broker.contract.hub import Media, Signed


class Source(Struct, kw_only=True):
    """Where a procedure was read, and when."""

    url: str
    via: str
    on: date


class Document(Struct, kw_only=True):
    """One paper to bring; on its page it can be ticked."""

    name: str
    """What it is called, alone: `Giấy chứng sinh`."""
    detail: str = ""
    """One sentence more: for whom, or what else will do. May be empty."""


class Fee(Struct, kw_only=True):
    """What it costs, with the days between which that holds."""

    text: str
    since: date | None = None
    until: date | None = None
    """The last day, inclusive."""


class Procedure(Struct, kw_only=True):
    """One administrative procedure. An unknown time or fee is empty, never guessed."""

    code: str
    """National code."""
    title: str
    """Plain name, as villagers say it."""
    name: str
    """Official name."""
    field: str
    """Code of the board's field it hangs in (`Bundle.fields`)."""
    office: str = ""
    """The ministry's own field: `Hộ tịch`."""
    life_events: list[str]
    documents: list[Document] = []
    """Empty: not known, ask."""
    processing_time: str = ""
    """Always with its unit."""
    fees: list[Fee] = []
    fee_exempt: str = ""
    """Who does not pay. Stands wherever a fee stands."""
    deadline: str = ""
    """By when the citizen must come; empty when there is no deadline."""
    where: str = ""
    online: bool = False
    who_online: str = ""
    address: str = ""
    """Official address for the villager's own phone; empty when it cannot be filed there."""
    trips_before: int = 0
    """Ways to an office it took before it was joined; 0: not known."""
    trips_now: int = 0
    result: str = ""
    note: str = ""
    aliases: list[str] = []
    """What people call it."""
    situations: list[str] = []
    """What people tell when they need it, whole sentences; for search only."""
    sensitive: bool = False
    """Read aloud only after asking whether others may hear it."""
    uncertain: list[str] = []
    """Names of fields that the source leaves in doubt."""
    legal_basis: list[str] = []
    decision: str = ""
    source: Source
    checked_on: date
    """When somebody last compared it with its source."""
    checked_by: str
    approved: bool = False
    """An official of the commune vouches for it."""
    valid_from: date | None = None
    valid_to: date | None = None
    """The last day it holds."""


class NamedProcedure(Struct, kw_only=True):
    """A procedure known by name only: the screen says to ask an official."""

    code: str
    name: str
    field: str
    aliases: list[str] = []


class BoardField(Struct, kw_only=True):
    """One field of the village's QR board."""

    code: str
    title: str
    hint: str
    icon: str


class Choice(Struct, kw_only=True):
    """One answer to a question."""

    code: str
    title: str
    hint: str = ""
    icon: str


class Question(Struct, kw_only=True):
    """One question on one screen."""

    code: str
    title: str
    why: str
    """Why it is asked, in one or two sentences."""
    choices: list[Choice]
    only_if: dict[str, list[str]] = {}
    """Question → answers: asked only when each of these questions was answered with one of these."""


class Outcome(Struct, kw_only=True):
    """Where answers lead. The first that fits holds; the last of a life event fits always."""

    when: dict[str, list[str]] = {}
    code: str
    """The procedure; empty: ask an official."""
    also: list[str] = []
    """Procedures that follow."""
    tips: list[str] = []
    """What these answers mean for the papers, a sentence each."""


class LifeEvent(Struct, kw_only=True):
    """One of the nine reasons for which people need papers, and the questions that lead to the right one."""

    code: str
    title: str
    hint: str
    icon: str
    questions: list[Question] = []
    outcomes: list[Outcome] = []


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
    fields: list[BoardField] = []
    named: list[NamedProcedure] = []
    notices: list[Notice] = []
    heard: list[Heard] = []
    approved: list[Approved] = []
    redirects: dict[str, str] = {}
    """Repealed code → the code that took its place."""


CURRENT = "current.json"
"""Name of the kept bundle inside the content folder of a node."""


class Kept(Struct, kw_only=True):
    """What edge/node puts on the disk and the kiosk reads: a bundle, and the hub's word for it."""

    generation: int
    signed: Signed
    """The content plan that names the bundle by its hash."""
    bundle: Raw
    """A Bundle, byte for byte as it came, so that the hash can be taken again."""
