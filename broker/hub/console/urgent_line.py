"""The red line on every page: an emergency is being spoken, or waits for somebody to sign it; calm for a drill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing import signing
from broker.hub.announcing.emergency_running import Running, Waiting, running, waiting
from broker.hub.announcing.emergency_signers import first_of
from broker.hub.console import access
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk, now
from broker.hub.console.wording import hm, hms
from broker.hub.records import Revision

READERS = ("editor", "approver", "leader", "admin", "auditor", "village", "helper", "police")
"""Who may look at an emergency that is being spoken: everybody of the office, and the police."""


@dataclass(frozen=True)
class Urgent:
    """One line."""

    kind: Literal["runs", "waits", "drill"]
    said: str
    more: str
    href: str
    action: str


def urgent_now() -> list[Urgent]:
    """The lines of this moment for whoever asks; none on a quiet day."""
    at = now()
    with desk().database.reading() as db:
        is_quiet = not db.scalar(
            select(Revision.id)
            .where(Revision.kind == "emergency", Revision.state.in_(("approved", "submitted")))
            .limit(1)
        )
        if is_quiet:
            return []
        commune = commune_of(db)
        found = running(db, at)
        is_real = any(not one.is_drill for one in found)
        lines = [_runs(commune, one, is_real=is_real) for one in found]
        if access.visitor().is_any("approver"):
            lines += [_waits(db, commune, one) for one in waiting(db, at)]
        return lines


def _runs(commune: Commune, one: Running, *, is_real: bool) -> Urgent:
    """is_real: whether an emergency runs; then no drill may say that none does."""
    where = commune.say_places(one.villages)
    if one.is_drill:
        page = url_for("drills.one", key=one.announcement) if _may_read_drills() else ""
        said = "Đang diễn tập loa." if is_real else "Đang diễn tập loa, không có tin khẩn cấp."
        return Urgent("drill", said, f"{where}.", page, "Xem")
    page = url_for("emergency_one.one", key=one.announcement)
    by = f"{' và '.join(one.by)} phát lúc {hms(one.revision.decided_at or one.since)}."
    name = "Xem, huỷ" if access.visitor().is_any("approver") else "Xem"
    return Urgent("runs", f"Đang phát khẩn cấp: {_ended(one.revision.title)}", f"{where}. {by}", page, name)


def _waits(db: Session, commune: Commune, one: Waiting) -> Urgent:
    title, where = one.revision.title, commune.say_places(one.revision.villages)
    page = url_for("emergency_one.one", key=one.revision.announcement_id)
    first = first_of(db, signing.Desk.of(desk().settings), one.revision, now())
    if first is None:
        more = f"{where}. {one.revision.author.full_name} viết."
        return Urgent("waits", f"Tin khẩn cấp chờ hai người ký: {_ended(title)}", more, page, "Nghe rồi ký")
    before = f"Người thứ hai ký trước {hm(first.until)} thì loa nói."
    if first.account.id == access.visitor().id:
        return Urgent("waits", f"Anh/chị đã ký, chờ người thứ hai: {_ended(title)}", before, page, "Xem")
    more = f"{where}. {first.account.full_name} đã ký. {before}"
    return Urgent("waits", f"Tin khẩn cấp chờ anh/chị ký: {_ended(title)}", more, page, "Nghe rồi ký")


def _ended(title: str) -> str:
    return title if title.endswith(("…", ".", "!", "?")) else f"{title}."


def _may_read_drills() -> bool:
    return access.visitor().is_any("editor", "approver", "leader", "admin", "auditor")
