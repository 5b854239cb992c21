"""What the next officer must know: what is open, what nobody saw, what does not see, what was said and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, selectinload

from broker.hub import shifts
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.watch import blind_of, cameras_of, state_of, title_of
from broker.hub.console.wording import lasting, when
from broker.hub.records import (
    Account,
    Alert,
    AlertExport,
    AlertStep,
    Camera,
    CameraLive,
    CameraQuiet,
    Shift,
)

BACK = timedelta(hours=12)
"""Where nobody has held a shift yet, the page looks back this far."""
MOST = 60
"""Open alerts and notes of one page; the number beside says how many there are."""
PAST = 14
STILL = "Còn bỏ qua không?"
_DID = {"noted": "", "escalated": " chuyển cấp trên", "closed": " đóng", "reopened": " mở lại"}


@dataclass(frozen=True)
class Line:
    """One line of the page: an alert, or a word about one."""

    at: str
    what: str
    place: str = ""
    weight: str = ""
    said: str = ""
    number: int = 0
    """Of the alert."""


@dataclass(frozen=True)
class Turn:
    """One shift that is over."""

    span: str
    who: str
    note: str
    said: str
    """That nobody handed it over, where it was so."""


def head_of(db: Session, now: datetime) -> dict[str, object]:
    """Who is on duty, for the head of the duty room."""
    shift = shifts.held(db, now)
    return {"shift_said": f"{shifts.name_of(shift.began_at)}: {titled(shift.officer)}" if shift else ""}


def titled(account: Account) -> str:
    """ "Đại uý Trần Văn Khoa"."""
    title = account.title.strip()
    return f"{title[:1].upper()}{title[1:]} {account.full_name}".strip()


def book_of(db: Session, me: int, now: datetime) -> dict[str, object]:
    """Everything on the page of the shift."""
    shift, turns = shifts.held(db, now), shifts.past(db, now, PAST)
    since = shift.began_at if shift else turns[0].began_at if turns else now - BACK
    known, commune = cameras_of(db), commune_of(db)
    blind, _ = blind_of(db, now)
    unseen, count = _open(db, known, commune, now, is_unseen=True)
    rest, more = _open(db, known, commune, now, is_unseen=False)
    return {
        "shift": shift,
        "is_mine": shift is not None and shift.officer_id == me,
        "who": titled(shift.officer) if shift else "",
        "name": shifts.name_of(shift.began_at if shift else now),
        "began": when(shift.began_at, now) if shift else "",
        "lasts": _lasts((now - shift.began_at).total_seconds()) if shift else "",
        "since": when(since, now),
        "at": when(now, now),
        "before": _turn(turns[0], now) if turns else None,
        "turns": [_turn(each, now) for each in turns],
        "unseen": unseen,
        "unseen_count": count,
        "open": rest,
        "open_count": more,
        "blind": blind,
        "quiet": _quiet(db, known, since, now),
        "notes": _notes(db, known, since, now),
        "sums": _sums(db, since),
    }


def _lasts(seconds: float) -> str:
    """Whole minutes; empty for a shift that has just begun."""
    return lasting(seconds // 60 * 60) if seconds >= 60 else ""


def _open(
    db: Session, known: Mapping[tuple[str, str], Camera], commune: Commune, now: datetime, *, is_unseen: bool
) -> tuple[list[Line], int]:
    """Alerts that nobody has closed: those nobody has seen, or all others; and how many there are."""
    wanted = (Alert.state == "raised") if is_unseen else Alert.state.not_in(("raised", "closed"))
    query = select(Alert).where(wanted).options(selectinload(Alert.officer))
    rows = db.scalars(query.order_by(Alert.raised_at.desc(), Alert.id.desc()).limit(MOST)).all()
    count = db.scalar(select(func.count()).select_from(Alert).where(wanted)) or 0
    return [_line(row, known, commune, now) for row in rows], count


def _line(alert: Alert, known: Mapping[tuple[str, str], Camera], commune: Commune, now: datetime) -> Line:
    weight, said = state_of(alert)
    if alert.escalated_at is not None:
        said = f"Đã chuyển {alert.escalated_to}" if alert.escalated_to else "Đã chuyển cấp trên"
    elif alert.state == "in-hand" and alert.officer is not None:
        said = f"{alert.officer.full_name} đang xử lý"
    place = f"Thôn {commune.names.get(alert.village, alert.village)}" if alert.village else alert.node
    return Line(when(alert.started_at, now), title_of(alert, known), place, weight, said, alert.id)


def _quiet(
    db: Session, known: Mapping[tuple[str, str], Camera], since: datetime, now: datetime
) -> list[Line]:
    """What was set to be ignored in this shift and is so still, and what was long ago: is it still wanted?"""
    query = (
        select(CameraQuiet, Account.full_name)
        .join(Account, Account.id == CameraQuiet.applied_by)
        .where(or_(CameraQuiet.applied_at >= since, CameraQuiet.ask_again_at <= now))
        .where(CameraQuiet.undone_at.is_(None))
    )
    found = []
    for row, who in db.execute(query.order_by(CameraQuiet.applied_at)):
        camera = known.get((row.node, row.camera))
        name = camera.name if camera else row.camera
        said = f"{who}. {STILL}" if row.ask_again_at <= now else who
        found.append(
            Line(when(row.applied_at, now), f"{name}: {row.name}", said=said, number=row.alert_id or 0)
        )
    return found


def _notes(
    db: Session, known: Mapping[tuple[str, str], Camera], since: datetime, now: datetime
) -> list[Line]:
    """What officers wrote on alerts in this shift, the newest first."""
    query = (
        select(AlertStep)
        .where(AlertStep.at >= since, AlertStep.note != "", AlertStep.account_id.is_not(None))
        .where(AlertStep.what.in_(_DID))
        .options(selectinload(AlertStep.alert), selectinload(AlertStep.account))
    )
    rows = db.scalars(query.order_by(AlertStep.at.desc(), AlertStep.id.desc()).limit(MOST)).all()
    return [
        Line(
            when(row.at, now),
            title_of(row.alert, known),
            said=f"{row.account.full_name if row.account else ''}{_DID.get(row.what, '')}: {row.note}",
            number=row.alert_id,
        )
        for row in rows
    ]


def _sums(db: Session, since: datetime) -> list[tuple[str, int]]:
    """(words, how many) of this shift."""

    def count(*wanted: object) -> int:
        return db.scalar(select(func.count()).where(*wanted)) or 0  # type: ignore[arg-type]

    is_false = Alert.close_reason.not_in(("", "handled"))
    return [
        ("Cảnh báo mới", count(Alert.raised_at >= since)),
        ("Đã đóng", count(Alert.closed_at >= since)),
        ("Báo nhầm", count(Alert.closed_at >= since, is_false)),
        ("Lượt xem hình", count(AlertStep.at >= since, AlertStep.what.in_(("viewed", "played")))),
        ("Lần xem trực tiếp", count(CameraLive.asked_at >= since)),
        ("Lần xuất hình", count(AlertExport.at >= since)),
    ]


def _turn(shift: Shift, now: datetime) -> Turn:
    ended_at = shift.ended_at or shift.began_at + shifts.LONGEST
    said = ""
    if shifts.is_forgotten(shift, now):
        said = "Không ai giao ca; máy tự kết thúc sau 16 giờ."
    elif not shift.note:
        said = "Ca sau nhận thay, không có lời giao."
    span = f"{shifts.name_of(shift.began_at)}, {when(shift.began_at, now)} đến {when(ended_at, now)}"
    return Turn(span, titled(shift.officer), shift.note, said)
