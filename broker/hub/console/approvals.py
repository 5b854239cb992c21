"""Duyệt lần lượt: everything that waits for this approver, the most pressing first, one after another.

Made for a phone: hear, sign, and the next one stands there. Each is signed on the page that always signs
(broker.hub.console.approve); here is only the order, where one is in it, and what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.console import access
from broker.hub.console.day import Commune, commune_of, length_of, start_of, waiting
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.drafting import KINDS
from broker.hub.console.wording import lasting, when
from broker.hub.records import ApproverKey, Revision

pages = Blueprint("approvals", __name__)

NOTES = {
    "approved": "Đã ký duyệt “{title}”.",
    "returned": "Đã trả lại “{title}” cho người viết.",
    "signed": "Đã ký “{title}”, còn chờ người thứ hai ký.",
}


@dataclass(frozen=True)
class Card:
    """One announcement that waits."""

    announcement: str
    title: str
    kind: str
    kind_said: str
    sent: str
    at: str
    """When it is to be heard: "17:30, còn 48 phút"."""
    is_late: bool
    """Its first hour has passed while it waited."""
    where: str
    length: str
    change: str
    """Which revision it is, where it is not the first."""


@dataclass(frozen=True)
class Turn:
    """Where one announcement stands in the queue of the person who looks at it."""

    place: int
    total: int

    @property
    def left(self) -> int:
        """How many come after it."""
        return self.total - self.place


@pages.get("/approvals")
@access.allow("approver")
def queue() -> str:
    """The queue as a list, or only its changing part for the script."""
    at = now()
    with desk().database.reading() as db:
        commune, everything = commune_of(db), waiting(db)
        mine = queue_of(db, everything)
        keys = {one.announcement_id for one in mine}
        found = {
            "cards": [_card(commune, one, at) for one in mine],
            "others": [_card(commune, one, at) for one in everything if one.announcement_id not in keys],
            "note": done_note(db, request.args.get("done", "")),
        }
    template = "_approvals.html" if is_part() else "approvals.html"
    return render_template(template, here="approvals", **found)


@pages.get("/approvals/after/<key>")
@access.allow("approver")
def after(key: str) -> Response:
    """The next one that waits behind `key`, or the list when there is none.

    `at` is where `key` stood before it was signed or returned: it left its place to the one behind it.
    """
    with desk().database.reading() as db:
        keys = [one.announcement_id for one in queue_of(db, waiting(db))]
    place = keys.index(key) + 1 if key in keys else _place(request.args.get("at", ""))
    done = key if key not in keys else None
    if place < len(keys):
        return redirect(url_for("approve.page", key=keys[place], queue=1, done=done))
    return redirect(url_for("approvals.queue", done=done))


def queue_of(db: Session, everything: Sequence[Revision]) -> list[Revision]:
    """What this person may sign now: the most pressing first, then what waits longest."""
    me = access.visitor().id
    own = set(db.scalars(select(ApproverKey.id).where(ApproverKey.account_id == me)))
    return sorted((one for one in everything if may_sign(one, me, own)), key=pressing)


def may_sign(one: Revision, me: int, own_keys: set[str]) -> bool:
    """Whether a signature of this person is still missing; nobody signs the own words unless two must sign."""
    if any(each.get("key") in own_keys for each in one.signatures):
        return False
    return one.author_id != me or one.kind == "emergency"


def turn_of(db: Session, key: str) -> Turn | None:
    """Where an announcement stands in this person's queue; None for what is not in it."""
    keys = [one.announcement_id for one in queue_of(db, waiting(db))]
    return Turn(keys.index(key) + 1, len(keys)) if key in keys else None


def done_note(db: Session, key: str) -> str:
    """What became of the announcement that was just before this person; empty for one that still waits or is none."""
    query = select(Revision).where(Revision.announcement_id == key).order_by(Revision.number.desc())
    one = db.scalars(query.limit(1)).first() if key else None
    if one is None:
        return ""
    state = "signed" if one.state == "submitted" and one.signatures else one.state
    return NOTES.get(state, "").format(title=one.title)


def _place(asked: str) -> int:
    """How many stood before it; 0 for what is no number."""
    return int(asked) - 1 if asked.isascii() and asked.isdigit() and 0 < len(asked) < 4 else 0


def pressing(one: Revision) -> tuple[bool, bool, datetime, datetime]:
    """What comes first among all that waits: emergencies, "Phát ngay", the earliest hour, the longest wait."""
    sent = one.submitted_at or one.edited_at
    first = min((start_of(item) for item in one.starts), default=sent)
    return (one.kind != "emergency", not one.play_now, first, sent)


def _card(commune: Commune, one: Revision, at: datetime) -> Card:
    length_s = length_of(one)
    starts = [start_of(item) for item in one.starts]
    said, is_late = _when(one, starts, at)
    return Card(
        announcement=one.announcement_id,
        title=one.title,
        kind=one.kind,
        kind_said=KINDS.get(one.kind, one.kind),
        sent=f"{one.author.full_name} gửi {when(one.submitted_at or one.edited_at, at)}",
        at=said,
        is_late=is_late,
        where=commune.say_places(one.villages) + commune.count_unheard(one.villages),
        length=lasting(length_s) if length_s else "",
        change=f"Bản sửa {one.number}" if one.number > 1 else "",
    )


def _when(one: Revision, starts: Sequence[datetime], at: datetime) -> tuple[str, bool]:
    if one.play_now:
        return "Phát ngay khi ký", False
    ahead = [start for start in starts if start > at]
    if not ahead:
        return f"Đã quá giờ phát {when(max(starts), at)}" if starts else "Chưa có giờ phát", bool(starts)
    left_s = (ahead[0] - at).total_seconds()
    more = f" và {len(ahead) - 1} lượt nữa" if len(ahead) > 1 else ""
    return (
        f"Phát {when(ahead[0], at)}, còn {lasting(left_s - left_s % 60 if left_s > 60 else left_s)}{more}",
        False,
    )
