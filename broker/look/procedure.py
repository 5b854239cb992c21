"""One procedure as a villager sees it: the kiosk draws it, and the console shows the same page as its preview.

Pure: what is true of a procedure on a day, how its words are cut, and what fits a panel. The drawing is
`templates/look/procedure.html` with `static/procedure.css`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import ceil
from typing import Literal
from urllib.parse import urlsplit

from broker.contract.content import Procedure

Layout = Literal["wide", "tall", "small"]
Standing = Literal["fresh", "due", "stale", "ended", "early"]

DUE_AFTER = timedelta(days=60)
STALE_AFTER = timedelta(days=90)
OFFICIAL_HOSTS = ("dichvucong.gov.vn", "vneid.gov.vn")
"""Where a code on the screen may lead, beside the commune's own domain."""
LONGEST_LIST_BYTES = 480
"""A longer text makes a code too fine for an old phone."""
ASK = "Chưa rõ. Bác hỏi cán bộ một cửa."
SURE = "Bác hỏi lại ở xã cho chắc."

_CUT = re.compile(r"(?:;|(?<=[^\W\d_]{2})\.(?=\s))(?![^(]*\))\s*")
"""At a semicolon or a full stop, never inside brackets: half a bracket is no sentence."""


def standing(procedure: Procedure, today: date) -> Standing:
    """Whether a villager may still be told what it says: due for review, stale, ended, or not yet in force."""
    if procedure.valid_to and today > procedure.valid_to:
        return "ended"
    if procedure.valid_from and today < procedure.valid_from:
        return "early"
    age = today - procedure.checked_on
    if age >= STALE_AFTER:
        return "stale"
    return "due" if age >= DUE_AFTER else "fresh"


@dataclass(frozen=True)
class Item:
    """One paper to bring: its name, and for whom or what else will do."""

    name: str
    detail: str = ""


@dataclass(frozen=True)
class Part:
    """One of the four questions a villager has, and what answers it."""

    icon: str
    title: str
    items: Sequence[Item] = ()
    lines: Sequence[str] = ()
    first: int = 1
    """Number of the first item when the list goes on from the step before."""
    trips: tuple[int, int] | None = None
    """Ways to an office it took before, and takes now."""
    link: bool = False


def sentences_of(text: str) -> list[str]:
    """A clerk's long line cut into short ones, each with a capital and a full stop."""
    pieces = [piece.strip(" .") for piece in _CUT.split(text)]
    return [piece[0].upper() + piece[1:] + "." for piece in pieces if piece]


def parts_of(procedure: Procedure, today: date) -> list[Part]:
    """Mang gì đi, bao lâu, bao nhiêu tiền, làm ở đâu. What the source leaves open is said to be open.

    Content, so always in Vietnamese, like the records it comes from.
    """
    return [_papers(procedure), _time(procedure), _money(procedure, today), _place(procedure)]


def _papers(procedure: Procedure) -> Part:
    items = [Item(each.name.rstrip(".") + ".", _whole(each.detail)) for each in procedure.documents]
    lines = [] if items else [ASK]
    return Part("list", "Mang gì đi", items, [*lines, *_doubt(procedure, "documents", bool(items))])


def _time(procedure: Procedure) -> Part:
    known = sentences_of(procedure.processing_time)
    lines = [*(known or [ASK]), *_doubt(procedure, "processing_time", bool(known))]
    if procedure.deadline:
        lines.append(f"Hạn của bác: {_lower(procedure.deadline.strip(' .'))}.")
    return Part("clock", "Bao lâu", lines=lines)


def _money(procedure: Procedure, today: date) -> Part:
    known = [line for text in fees_on(procedure, today) for line in sentences_of(text)]
    lines = [*(known or [ASK]), *_doubt(procedure, "fees", bool(known))]
    if procedure.fee_exempt:
        free = sentences_of(procedure.fee_exempt)
        lines += free if free[0].startswith("Bác") else [f"Được miễn: {_lower(free[0])}", *free[1:]]
    return Part("money", "Bao nhiêu tiền", lines=lines)


def _place(procedure: Procedure) -> Part:
    known = sentences_of(procedure.where)
    lines = [*(known or [ASK]), *_doubt(procedure, "where", bool(known))]
    if procedure.online:
        lines.append("Làm trên điện thoại cũng được.")
    lines += sentences_of(procedure.note)
    trips = (procedure.trips_before, procedure.trips_now)
    return Part("pin", "Làm ở đâu", lines=lines, trips=trips if all(trips) else None)


def fees_on(procedure: Procedure, day: date) -> list[str]:
    """What it costs on a day."""
    return [
        fee.text
        for fee in procedure.fees
        if (fee.since is None or fee.since <= day) and (fee.until is None or day <= fee.until)
    ]


def _doubt(procedure: Procedure, name: str, known: bool) -> list[str]:
    return [SURE] if known and name in procedure.uncertain else []


def _whole(text: str) -> str:
    """A sentence: a capital, a full stop."""
    bare = text.strip(" .")
    return bare[:1].upper() + bare[1:] + "." if bare else ""


def _lower(text: str) -> str:
    """Lower-case the first letter unless the word is an abbreviation."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


@dataclass(frozen=True)
class Room:
    """How much text a page has room for: letters a line and lines, in the layout at hand."""

    letters: int
    lines: int


ONE_PAGE: dict[Layout, Room] = {"wide": Room(31, 13), "tall": Room(40, 31)}
"""Where the four parts may stand on one page, with ordinary letters."""
ONE_STEP: dict[tuple[Layout, bool], Room] = {
    ("wide", False): Room(54, 6),
    ("wide", True): Room(38, 4),
    ("tall", False): Room(38, 12),
    ("tall", True): Room(36, 10),
    ("small", False): Room(50, 5),
    ("small", True): Room(30, 2),
}
"""By layout and large letters."""


def lines_needed(part: Part, letters: int) -> float:
    """Lines a part takes, its heading counted as two; an item of a list takes its number's width and a gap."""
    items = sum(_item_lines(item, letters - 4) + 0.3 for item in part.items)
    return 2.0 + items + sum(ceil(len(line) / letters) for line in part.lines) + (1.5 if part.trips else 0.0)


def _item_lines(item: Item, letters: int) -> int:
    return ceil(len(item.name) / letters) + ceil(len(item.detail) / letters)


def fits_one_page(parts: Sequence[Part], layout: Layout) -> bool:
    """Whether the four parts fit on one page: two rows of two, in portrait one below the other."""
    room = ONE_PAGE.get(layout)
    if room is None:
        return False
    if layout == "tall":
        return sum(lines_needed(part, room.letters) for part in parts) <= room.lines
    wider = round(room.letters * 1.15)
    upper = max(lines_needed(parts[0], wider), lines_needed(parts[1], room.letters))
    lower = max(lines_needed(parts[2], wider), lines_needed(parts[3], room.letters))
    return upper + lower <= room.lines


def steps_of(parts: Sequence[Part], room: Room) -> list[Part]:
    """The parts one after another, each cut so that it fits a page; the last one carries the code."""
    steps = [piece for part in parts for piece in _pieces(part, room)]
    return [*steps, Part("phone", "Mang về điện thoại", link=True)]


def _pieces(part: Part, room: Room) -> Iterator[Part]:
    kept: list[Item | str] = []
    used, first = (2, 1) if part.trips else (0, 1)
    trips, numbered = part.trips, 0
    rows: list[Item | str] = [*part.items, *part.lines]
    for row in rows:
        need = _item_lines(row, room.letters) if isinstance(row, Item) else ceil(len(row) / room.letters)
        if kept and used + need > room.lines:
            yield _piece(part, kept, first, trips)
            kept, used, first, trips = [], 0, numbered + 1, None
        kept.append(row)
        numbered += isinstance(row, Item)
        used += need
    yield _piece(part, kept, first, trips)


def _piece(part: Part, rows: Sequence[Item | str], first: int, trips: tuple[int, int] | None) -> Part:
    items = [row for row in rows if isinstance(row, Item)]
    lines = [row for row in rows if isinstance(row, str)]
    return Part(part.icon, part.title, items, lines, first, trips)


def official_host(address: str, own_domain: str = "") -> str:
    """The host of an address that a code may lead to; empty when it may not."""
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    allowed = [*OFFICIAL_HOSTS, *([own_domain.lower()] if own_domain else [])]
    known = any(host == each or host.endswith("." + each) for each in allowed)
    return host if parts.scheme == "https" and known and parts.username is None else ""


def list_text(procedure: Procedure) -> str:
    """The papers to bring as plain text for a phone; empty when they are not known. No word of the visitor."""
    lines = [f"{procedure.title}.", "Mang gì đi:"]
    for n, each in enumerate(procedure.documents, 1):
        line = f"{n}. {each.name.rstrip('.')}."
        if len("\n".join([*lines, line]).encode()) > LONGEST_LIST_BYTES:
            lines.append("Còn nữa, xem ở máy.")
            break
        lines.append(line)
    return "\n".join(lines) if procedure.documents else ""


@dataclass(frozen=True)
class Code:
    """What a phone may take home: what the code says, and how the screen names it."""

    text: str
    host: str = ""
    """Of an official address; empty for the list of papers."""


def codes_of(procedure: Procedure, own_domain: str = "") -> list[Code]:
    """The official address first, then the list of papers; what there is."""
    host = official_host(procedure.address, own_domain)
    papers = list_text(procedure)
    return [*([Code(procedure.address, host)] if host else []), *([Code(papers)] if papers else [])]


@dataclass(frozen=True)
class Door:
    """A button of the page; without an address it is only drawn, as in the console's preview."""

    icon: str
    words: str
    address: str = ""


@dataclass(frozen=True)
class ProcedurePage:
    """What the template draws of one procedure on one panel on one day."""

    procedure: Procedure
    standing: Standing
    parts: Sequence[Part]
    """All four on one page; or only the part of this step."""
    step: int = 0
    """From 1; 0 when all stands on one page."""
    steps: int = 0
    next_title: str = ""
    """The heading of the next step when it is another one."""
    codes: Sequence[Code] = field(default_factory=list)

    @property
    def is_told(self) -> bool:
        """Whether papers and fees are shown; else only the name and whom to ask."""
        return self.standing in ("fresh", "due")


def page_of(
    procedure: Procedure,
    today: date,
    layout: Layout,
    *,
    large: bool = False,
    step: int = 0,
    own_domain: str = "",
) -> ProcedurePage:
    """The page of a procedure. step: the one asked for; 0 shows all on one page where it fits."""
    state = standing(procedure, today)
    if state not in ("fresh", "due"):
        return ProcedurePage(procedure, state, [])
    parts, codes = parts_of(procedure, today), codes_of(procedure, own_domain)
    if step == 0 and not large and fits_one_page(parts, layout):
        return ProcedurePage(procedure, state, parts, codes=codes)
    steps = steps_of(parts, ONE_STEP[layout, large])
    if not codes:
        steps.pop()
    here = min(max(step, 1), len(steps))
    after = steps[here].title if here < len(steps) else ""
    return ProcedurePage(
        procedure,
        state,
        [steps[here - 1]],
        here,
        len(steps),
        after if after != steps[here - 1].title else "",
        codes,
    )
