"""Who is on duty: taken, handed over with a word for the next one, or closed when everybody forgot."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.hub.declined import Declined
from broker.hub.records import REFUSALS, Account, Database, Shift, note_change, write_audit
from broker.hub.roles import require_role
from broker.link.clock import LOCAL, Clock
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

LONGEST: Final = timedelta(hours=16)
"""Nobody is on duty for longer: a shift that was not handed over by then is over."""
MAY_HOLD: Final = ("police",)
LONGEST_NOTE: Final = 4000
EVERY_S: Final = 60.0
_BY_DAY: Final = range(5, 17)
"""Local hours in which a shift of the day begins."""


def held(db: Session, now: datetime) -> Shift | None:
    """The shift of who is on duty; None when nobody is."""
    query = select(Shift).where(Shift.ended_at.is_(None), Shift.began_at > now - LONGEST)
    newest = query.options(selectinload(Shift.officer)).order_by(Shift.began_at.desc(), Shift.id.desc())
    return db.scalars(newest.limit(1)).first()


def past(db: Session, now: datetime, limit: int) -> list[Shift]:
    """Shifts that are over, the newest first."""
    is_over = (Shift.ended_at.is_not(None)) | (Shift.began_at <= now - LONGEST)
    query = select(Shift).where(is_over).options(selectinload(Shift.officer))
    return list(db.scalars(query.order_by(Shift.began_at.desc(), Shift.id.desc()).limit(limit)))


def is_forgotten(shift: Shift, now: datetime) -> bool:
    """Whether it was nobody who ended it."""
    ended_at = shift.ended_at or now
    return ended_at - shift.began_at >= LONGEST


def name_of(began_at: datetime) -> str:
    """ "Ca ngày" or "Ca đêm", by when it began."""
    return "Ca ngày" if began_at.astimezone(LOCAL).hour in _BY_DAY else "Ca đêm"


def take(db: Session, account: Account, upon: int, now: datetime) -> Shift:
    """ "Tôi nhận ca". upon: the shift that the page showed, 0 for none: who takes it from somebody knows from whom."""
    require_role(db, account, now, *MAY_HOLD)
    close_forgotten(db, now)
    before = held(db, now)
    if before is not None and before.officer_id == account.id:
        raise Declined("on-duty", f"Anh/chị đang giữ ca này, từ {_hm(before.began_at)}.")
    if (before.id if before else 0) != upon:
        raise Declined("shift-news", _news(before))
    detail = {}
    if before is not None:
        before.ended_at = now
        detail = {"for": before.officer.username}
    shift = Shift(officer_id=account.id, began_at=now)
    db.add(shift)
    db.flush()
    write_audit(
        db,
        now,
        account.username,
        "duty.shift-taken" if before is None else "duty.shift-relieved",
        account.username,
        detail,
    )
    note_change(db, "shift", str(shift.id), now)
    return shift


def hand_over(db: Session, account: Account, upon: int, note: str, now: datetime) -> Shift:
    """ "Giao ca", with what the next one must know."""
    require_role(db, account, now, *MAY_HOLD)
    close_forgotten(db, now)
    shift = held(db, now)
    if shift is None or shift.officer_id != account.id or shift.id != upon:
        raise Declined("not-on-duty", _not_mine(shift))
    if not note.strip():
        raise Declined("no-note", "Xin ghi vài lời cho ca sau; không có gì thì ghi “Không có việc gì”.")
    shift.ended_at, shift.note = now, note.strip()[:LONGEST_NOTE]
    write_audit(db, now, account.username, "duty.shift-handed", account.username)
    note_change(db, "shift", str(shift.id), now)
    return shift


def close_forgotten(db: Session, now: datetime) -> int:
    """End the shifts that nobody handed over for too long; how many."""
    query = select(Shift).where(Shift.ended_at.is_(None), Shift.began_at <= now - LONGEST)
    found = db.scalars(query.options(selectinload(Shift.officer))).all()
    for shift in found:
        shift.ended_at = shift.began_at + LONGEST
        write_audit(db, now, "hub", "duty.shift-forgotten", shift.officer.username)
        note_change(db, "shift", str(shift.id), now)
    return len(found)


def worker(database: Database, clock: Clock) -> Worker:
    """The worker `shifts`: ends what everybody forgot."""

    def run(stop: threading.Event, beat: Beat) -> None:
        next_s = 0.0
        while not stop.is_set():
            beat()
            if clock.monotonic() >= next_s:
                next_s = clock.monotonic() + EVERY_S
                try:
                    _tend(database, clock.now())
                except REFUSALS as why:
                    log.warning("shifts: %s", why.orig, extra={"event": "shifts-failed"})
            stop.wait(1.0)

    return Worker("shifts", run)


def _tend(database: Database, now: datetime) -> None:
    """Look before writing: whoever else writes waits meanwhile."""
    with database.reading() as db:
        query = select(Shift.id).where(Shift.ended_at.is_(None), Shift.began_at <= now - LONGEST)
        is_due = db.scalar(query.limit(1)) is not None
    if is_due:
        with database.session() as db:
            close_forgotten(db, now)


def _news(now_held: Shift | None) -> str:
    if now_held is None:
        return "Ca trước vừa được giao. Xin đọc lời giao ca rồi nhận."
    return (
        f"{now_held.officer.full_name} vừa nhận ca lúc {_hm(now_held.began_at)}. Xin xem lại trước khi nhận."
    )


def _not_mine(now_held: Shift | None) -> str:
    if now_held is None:
        return "Ca này đã kết thúc. Muốn giao ca thì nhận ca lại trước."
    return f"{now_held.officer.full_name} đang giữ ca, từ {_hm(now_held.began_at)}; lời giao của anh/chị chưa được ghi."


def _hm(at: datetime) -> str:
    return f"{at.astimezone(LOCAL):%H:%M}"
