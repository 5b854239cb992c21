"""What the pages about procedures share: what is shown, written and due, and the preview of a screen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.content import Bundle, Procedure
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.wording import local, short_day
from broker.hub.content_due import HIDDEN, Due, due_of
from broker.hub.content_review import OPEN
from broker.hub.content_shown import ContentMissing, decided, procedure_of, released
from broker.hub.declined import Declined
from broker.hub.records import Account, ContentRevision
from broker.look.procedure import Layout, ProcedurePage, page_of
from broker.look.procedure_lint import texts_of

STATES = {
    "draft": ("wait", "Đang viết"),
    "sent": ("look", "Chờ duyệt"),
    "returned": ("bad", "Trả lại để sửa"),
    "approved": ("ok", "Xã đã duyệt"),
    "replaced": ("wait", "Đã được thay"),
    "retired": ("bad", "Đã rút"),
}
"""States of a version: shape and words."""
PANELS: Mapping[str, tuple[str, Layout, bool]] = {
    "rong": ("Màn rộng", "wide", False),
    "doc": ("Màn dọc", "tall", False),
    "nho": ("Màn 10 inch", "small", False),
    "to": ("Chữ to", "wide", True),
}
"""What a screen may look like: words, layout, large letters."""

DRAWN, MOST_DRAWN = 4000, 100
"""Letters a text and papers a list may have to be drawn; the linter refuses far fewer."""


@dataclass(frozen=True)
class Entry:
    """One procedure as the commune stands to it."""

    code: str
    title: str
    name: str
    field: str
    shown: Procedure | None
    """What screens tell; None where they know its name at most."""
    is_retired: bool
    written: ContentRevision | None
    """The version that somebody writes or that waits."""
    due: Due | None
    words: str
    """Everything a search looks at, without marks."""

    @property
    def state(self) -> str:
        """waiting, written, retired, named, unapproved or approved; what needs hands comes first."""
        if self.written is not None:
            return "waiting" if self.written.state == "sent" else "written"
        if self.is_retired:
            return "retired"
        if self.shown is None:
            return "named"
        return "approved" if self.shown.approved else "unapproved"


@dataclass(frozen=True)
class Preview:
    """A screen as the console draws it."""

    page: ProcedurePage
    panel: str
    layout: Layout
    large: bool


def base_now() -> Bundle:
    """The release's content. Raises Declined with what to do while the hub has none."""
    try:
        return released(desk().settings.data_dir)
    except ContentMissing as why:
        raise Declined(
            "content-missing",
            "Trung tâm chưa có nội dung của bản phần mềm này. Xin người quản trị chạy lệnh "
            "“langso provision content” ở máy trung tâm.",
        ) from why


def today() -> date:
    """The day on the clocks of Viet Nam."""
    return local(now()).date()


def me(db: Session) -> Account:
    """Who asks."""
    return db.get_one(Account, access.visitor().id)


def titles(base: Bundle) -> tuple[dict[str, str], dict[str, str]]:
    """Titles of fields and of life events by code."""
    return {each.code: each.title for each in base.fields}, {
        each.code: each.title for each in base.life_events
    }


def entries(db: Session, base: Bundle, day: date) -> list[Entry]:
    """Every procedure of which anything is known, what is due first."""
    own, written = decided(db), _written(db)
    known: dict[str, Procedure] = {each.code: each for each in base.procedures}
    names = {each.code: each for each in base.named}
    found = []
    for code in dict.fromkeys([*known, *own, *names, *written]):
        said = own.get(code)
        shown = (None if said.is_retired else said.procedure) if said else known.get(code)
        draft = procedure_of(written[code]) if code in written else None
        text = shown or (said.procedure if said else None) or draft
        named = names.get(code)
        name = text.name if text else named.name if named else code
        title = (text.title if text else "") or name
        aliases = (text.aliases if text else []) + (named.aliases if named else [])
        found.append(
            Entry(
                code=code,
                title=title,
                name=name,
                field=text.field if text else named.field if named else "",
                shown=shown,
                is_retired=bool(said and said.is_retired),
                written=written.get(code),
                due=due_of(shown, day) if shown else None,
                words=plain(" ".join([code, title, name, *aliases])),
            )
        )
    return sorted(found, key=_order)


def _order(entry: Entry) -> tuple[object, ...]:
    place, by = entry.due.rank if entry.due else (9, date.min)
    return (place, by if place < 3 else date.min, plain(entry.title), entry.code)


def _written(db: Session) -> dict[str, ContentRevision]:
    query = select(ContentRevision).where(ContentRevision.state.in_(OPEN)).order_by(ContentRevision.number)
    return {row.code: row for row in db.scalars(query)}


def plain(text: str) -> str:
    """Lower case without marks, for looking things up."""
    apart = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    bare = "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")
    return re.sub(r"\s+", " ", bare).strip()


def say_due(due: Due | None, day: date) -> tuple[str, str]:
    """Shape and words of when a procedure has to be looked at; empty words while nothing presses."""
    if due is None:
        return "ok", ""
    if due.standing in HIDDEN:
        return (
            "bad",
            "Hết ngày dùng, màn hình đã ẩn" if due.standing == "ended" else "Quá 90 ngày, màn hình đã ẩn",
        )
    if due.standing == "early":
        return "wait", f"Dùng từ {due.by:%d/%m/%Y}"
    if not due.is_asked or due.by is None:
        return "ok", ""
    before = f"{due.by:%d/%m}" if due.by.year == day.year else f"{due.by:%d/%m/%Y}"
    if due.then == "ended":
        return "look", f"Hết ngày dùng, soát trước {before}"
    return "look", f"Quá 60 ngày, soát trước {before}" if due.standing == "due" else f"Soát trước {before}"


def preview_of(procedure: Procedure, panel: str, step: str) -> Preview | None:
    """A procedure on a screen today; None for texts so long that cutting them would hold up the console.

    panel: of PANELS; step: as asked, anything else is the first page.
    """
    if any(len(text) > DRAWN for _, text in texts_of(procedure)) or len(procedure.documents) > MOST_DRAWN:
        return None
    kind = panel if panel in PANELS else "rong"
    _, layout, large = PANELS[kind]
    number = int(step) if step.isascii() and step.isdigit() and len(step) < 3 else 0
    return Preview(page_of(procedure, today(), layout, large=large, step=number), kind, layout, large)


def as_approved(procedure: Procedure) -> Procedure:
    """As screens would tell it were it approved today."""
    return msgspec.structs.replace(procedure, approved=True, checked_on=today())


def moment(at: datetime | None) -> str:
    """When a version was written or decided: "21/11/2026", or how it is said when it is near."""
    if at is None:
        return ""
    day = local(at).date()
    near = short_day(day, today()) if abs((day - today()).days) < 2 else f"{day:%d/%m/%Y}"
    return f"{local(at):%H:%M} {near}"
