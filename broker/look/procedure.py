"""One procedure as a villager sees it: the kiosk draws it, and the console shows the same page as its preview.

Pure: what is true of a procedure on a day, how its words are cut, and what fits a panel. The drawing is
`templates/look/procedure.html` with `static/procedure.css`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Literal

from broker.contract.content import Document, Procedure

Layout = Literal["wide", "tall", "small", "lookup"]
Standing = Literal["fresh", "due", "stale", "ended", "early"]

DUE_AFTER = timedelta(days=60)
STALE_AFTER = timedelta(days=90)
ANOTHER_ZONE = timedelta(days=1)
OFFICIAL_HOSTS = ("dichvucong.gov.vn", "vneid.gov.vn")
"""Where a code on the screen may lead, beside the commune's own domain."""
LONGEST_LIST_BYTES = 480
"""A longer text makes a code too fine for an old phone."""
ASK = "Chưa rõ. Bác hỏi cán bộ một cửa."
SURE = "Bác hỏi lại ở xã cho chắc."

_CUT = re.compile(r"(?:;|(?<=[^\W\d_]{2})\.(?=\s))(?![^(]*\))\s*")
"""At a semicolon or a full stop, never inside brackets: half a bracket is no sentence."""

_ADDRESS = re.compile(
    r"https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::443)?(?:[/?#][!-\[\]-~]*)?", re.ASCII | re.IGNORECASE
)


def standing(procedure: Procedure, today: date) -> Standing:
    """Whether a villager may still be told what it says: due for review, stale, ended, or not yet in force.

    A day before the one on which it was checked comes from a clock that is wrong: nothing is known of its age then.
    """
    if today < procedure.checked_on - ANOTHER_ZONE:
        return "due"
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
    """Mang gì đi, bao lâu, lệ phí, làm ở đâu. What the source leaves open is said to be open.

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
    if free := sentences_of(procedure.fee_exempt):
        lines += free if free[0].startswith("Bác") else [f"Được miễn: {_lower(free[0])}", *free[1:]]
    return Part("money", "Lệ phí", lines=lines)


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


Arrangement = Literal["steps", "square", "beside", "stacked"]
"""steps: a part a page; square: two rows of two; beside: papers left, the others right; stacked: one column."""

PAGE_LINES = {"wide": 13.4, "tall": 25.5}
"""Lines of a paper's name (9.4 mm) that the facts of one page may take, with ordinary letters."""
LETTERS = {"square": (33, 31), "beside": (35, 31), "stacked": (58, 62)}
"""Letters a line of a paper's name, and of the other columns."""
HEADING, GAP, SMALL, RULE = 1.4, 0.25, 0.9, 0.6
"""Lines that a heading, the gap after a paper, a line of small letters and the rule between parts take."""

ONE_STEP: dict[tuple[Layout, bool], Room] = {
    ("wide", False): Room(54, 7),
    ("wide", True): Room(45, 5),
    ("tall", False): Room(38, 12),
    ("tall", True): Room(36, 10),
    ("small", False): Room(52, 6),
    ("small", True): Room(30, 2),
    ("lookup", False): Room(30, 6),
    ("lookup", True): Room(20, 6),
}
"""By layout and large letters."""


def lines_needed(part: Part, names: int, words: int) -> float:
    """Lines a part takes. names: letters a line of a paper's name; words: of all the rest."""
    items = sum(_item_lines(item, names) + GAP for item in part.items)
    lines = sum(ceil(len(line) / words) for line in part.lines)
    return HEADING + items + lines + (1.7 if part.trips else 0.0)


def _item_lines(item: Item, letters: int) -> float:
    return ceil(len(item.name) / letters) + SMALL * ceil(len(item.detail) / (letters * 1.1))


def arrange(parts: Sequence[Part], layout: Layout) -> Arrangement:
    """How the four parts stand on one page with ordinary letters, if they do."""
    if layout in ("small", "lookup"):
        return "steps"
    room = PAGE_LINES[layout]
    if layout == "tall":
        height = sum(lines_needed(part, *LETTERS["stacked"]) + RULE for part in parts)
        return "stacked" if height <= room else "steps"
    need = [lines_needed(part, *LETTERS["square"]) for part in parts]
    if max(need[:2]) + max(need[2:]) + RULE <= room:
        return "square"
    papers, *others = (lines_needed(part, *LETTERS["beside"]) for part in parts)
    return "beside" if papers <= room and sum(others) + 2 * RULE <= room else "steps"


def steps_of(parts: Sequence[Part], room: Room) -> list[Part]:
    """The parts one after another, each cut so that it fits a page; the last one carries the code."""
    steps = [piece for part in parts for piece in _pieces(part, room)]
    return [*steps, Part("phone", "Mang về điện thoại", link=True)]


def _pieces(part: Part, room: Room) -> Iterator[Part]:
    kept: list[Item | str] = []
    used, first = (2.0, 1) if part.trips else (0.0, 1)
    trips, numbered = part.trips, 0
    rows: list[Item | str] = [*part.items, *part.lines]
    for row in rows:
        need = (
            _item_lines(row, room.letters) + GAP if isinstance(row, Item) else ceil(len(row) / room.letters)
        )
        if kept and used + need > room.lines:
            yield _piece(part, kept, first, trips)
            kept, used, first, trips = [], 0.0, numbered + 1, None
        kept.append(row)
        numbered += isinstance(row, Item)
        used += need
    yield _piece(part, kept, first, trips)


def _piece(part: Part, rows: Sequence[Item | str], first: int, trips: tuple[int, int] | None) -> Part:
    items = [row for row in rows if isinstance(row, Item)]
    lines = [row for row in rows if isinstance(row, str)]
    return Part(part.icon, part.title, items, lines, first, trips)


def official_host(address: str, own_domain: str = "") -> str:
    """The host of an address that a code may lead to; empty when it may not.

    Only plain ones: what phones and programs read differently (a backslash, a user's name, another port, letters of
    other scripts) leads nowhere.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return ""
    host = found[1].lower()
    allowed = [*OFFICIAL_HOSTS, *([own_domain.lower()] if own_domain else [])]
    return host if any(host == each or host.endswith("." + each) for each in allowed) else ""


def list_text(procedure: Procedure, papers: Sequence[Document] | None = None) -> str:
    """The papers to bring as plain text for a phone; empty when there are none. No word of the visitor.

    papers: only these.
    """
    listed = procedure.documents if papers is None else papers
    lines = [f"{procedure.title}.", "Mang gì đi:"]
    for n, each in enumerate(listed, 1):
        line = f"{n}. {each.name.rstrip('.')}."
        if len("\n".join([*lines, line]).encode()) > LONGEST_LIST_BYTES:
            lines.append("Còn nữa, xem ở máy.")
            break
        lines.append(line)
    return "\n".join([*lines, *_doubt(procedure, "documents", known=True)]) if listed else ""


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
    codes: Sequence[Code] = ()
    arrangement: Arrangement = "steps"

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
    arrangement = "steps" if step or large else arrange(parts, layout)
    if arrangement != "steps":
        return ProcedurePage(procedure, state, parts, codes=codes, arrangement=arrangement)
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
