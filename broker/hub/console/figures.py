"""The figures of the overview: each counted from the records, with its days and the page it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import url_for
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.alerts import CLOSE_REASONS
from broker.hub.announcing import emergency_times
from broker.hub.camera_sight import dark_since, sights_of
from broker.hub.console.access import Visitor
from broker.hub.console.stages import HEARD_LEVEL, is_spoken
from broker.hub.console.wording import lasting, local, number, when
from broker.hub.records import Alert, Camera, Feedback, HelperCall, Occurrence, Play
from broker.look.chart import spark

SPARK_DAYS = 14


@dataclass(frozen=True)
class Figure:
    """One figure: what it counts, its value, the line under it, its last days, and what it is made of."""

    what: str
    value: str
    unit: str
    note: str
    spark: Markup
    href: str

    @property
    def is_empty(self) -> bool:
        """Nothing was counted: the page says so instead of showing a zero as if it were measured."""
        return not self.value


def figures_of(db: Session, since: datetime, at: datetime, person: Visitor) -> list[Figure]:
    """All figures between two moments that this person may open."""
    may_see_points = person.is_any("editor", "approver", "leader", "admin", "auditor")
    points = url_for("speakers.points") if may_see_points else ""
    inbox = url_for("feedback.inbox") if person.is_any("editor", "leader") else ""
    duty = url_for("duty.room") if person.is_any("police") else ""
    today = url_for("today.today") if may_see_points else ""
    return [
        *_plays(db, since, at, points),
        _feedback(db, since, at, inbox),
        _helpers(db, since, at, today),
        _cameras(db, at, duty or (url_for("cameras.all_cameras") if person.is_any("admin") else "")),
        _alerts(db, since, at, duty),
    ]


def _pressed(db: Session, since: datetime) -> dict[str, datetime | None]:
    """When the button of each emergency was pressed, by occurrence."""
    query = select(Occurrence.id, Occurrence.clicked_at).where(
        Occurrence.start >= since, Occurrence.clicked_at.is_not(None)
    )
    return {row.id: row.clicked_at for row in db.execute(query)}


def _plays(db: Session, since: datetime, at: datetime, href: str) -> list[Figure]:
    """Plays that were due: how many were played, and how many somebody measured as heard."""
    first = min(since, at - timedelta(days=SPARK_DAYS))
    rows = db.scalars(select(Play).where(Play.planned_at >= first, Play.planned_at <= at)).all()
    due = [play for play in rows if play.planned_at >= since and play.state != "cancelled"]
    played = [play for play in due if is_spoken(play)]
    filed = sum(play.state == "played" for play in due) - len(played)
    heard = [play for play in played if play.proof_level >= HEARD_LEVEL]
    days = _per_day((play.planned_at for play in rows if is_spoken(play)), at)
    pressed = _pressed(db, first)
    told = (
        emergency_times.late_ms(play.late_ms, play.planned_at, pressed.get(play.occurrence))
        for play in played
    )
    late = [each for each in told if each is not None]
    note = f"trễ nhiều nhất {number(max(late) / 1000, 1)} giây" if late else "lượt phát trên từng cụm loa"
    note = f"{filed} lượt chỉ ghi vào tệp, không có loa" if filed else note
    measured = f"{len(played) - len(heard)} lượt chưa đo được" if len(heard) < len(played) else "đều có đo"
    return [
        Figure(
            "Lượt phát đã phát",
            str(len(played)) if due else "",
            f" / {len(due)}",
            note if due else "chưa có lượt phát nào",
            _line(days, "Lượt phát mỗi ngày"),
            href,
        ),
        Figure(
            "Lượt phát đã nghe thấy",
            str(len(heard)) if played else "",
            f" / {len(played)}",
            measured if played else "chưa có gì để đo",
            Markup(""),
            href,
        ),
    ]


def _feedback(db: Session, since: datetime, at: datetime, href: str) -> Figure:
    first = min(since, at - timedelta(days=SPARK_DAYS))
    rows = db.scalars(select(Feedback).where(Feedback.received_at >= first)).all()
    counted = [row for row in rows if row.received_at >= since]
    answered = [row for row in counted if row.answered_at is not None]
    new = sum(row.state == "new" for row in counted)
    return Figure(
        "Phản ánh đã trả lời",
        str(len(answered)) if counted else "",
        f" / {len(counted)}",
        (f"{new} chưa ai nhận" if new else "đều đã có người nhận") if counted else "chưa có phản ánh nào",
        _line(_per_day((row.received_at for row in rows), at), "Phản ánh mỗi ngày"),
        href,
    )


def _helpers(db: Session, since: datetime, at: datetime, href: str) -> Figure:
    first = min(since, at - timedelta(days=SPARK_DAYS))
    rows = db.scalars(select(HelperCall).where(HelperCall.received_at >= first)).all()
    counted = [row for row in rows if row.received_at >= since]
    waits = [(row.taken_at - row.received_at).total_seconds() for row in counted if row.taken_at is not None]
    note = f"lâu nhất {lasting(max(waits))} thì có người đến" if waits else "chưa lần nào có người nhận"
    return Figure(
        "Lần nhờ người giúp ở màn hình",
        str(len(counted)) if counted else "",
        "",
        note if counted else "chưa có ai gọi",
        _line(_per_day((row.received_at for row in rows), at), "Lần gọi mỗi ngày"),
        href,
    )


def _cameras(db: Session, at: datetime, href: str) -> Figure:
    known = db.scalars(select(Camera).where(Camera.retired_at.is_(None))).all()
    sights, dark = sights_of(db, at), dark_since(db, at)
    blind = select(Alert).where(Alert.kind == "tamper", Alert.ended_at.is_(None), Alert.state != "closed")
    covered = {(one.node, one.camera) for one in db.scalars(blind)}
    live = sum(not sight.is_blind and key not in covered for key, sight in sights.items())
    unknown = sum(sight.standing in ("away", "unknown") for sight in sights.values())
    note = "ngay lúc này" if known else "xã chưa đặt camera nào"
    if dark is not None and known:
        note = f"chưa biết gì từ {when(dark, at)}: máy chuyển tin của xã không chạy"
    elif unknown:
        note = f"{unknown} camera chưa biết: điểm mất nối hoặc chưa nối lần nào"
    value = str(live) if known and dark is None and unknown < len(known) else ""
    return Figure("Camera đang nhìn được", value, f" / {len(known)}", note, Markup(""), href)


def _alerts(db: Session, since: datetime, at: datetime, href: str) -> Figure:
    first = min(since, at - timedelta(days=SPARK_DAYS))
    rows = db.scalars(select(Alert).where(Alert.raised_at >= first)).all()
    counted = [row for row in rows if row.raised_at >= since]
    closed = [row for row in counted if row.state == "closed"]
    false = sum(row.close_reason in CLOSE_REASONS and row.close_reason != "handled" for row in closed)
    waits = [
        (row.in_hand_at - row.raised_at).total_seconds() for row in counted if row.in_hand_at is not None
    ]
    notes = [f"{false} báo nhầm"] if closed else []
    if waits:
        notes.append(f"nhận chậm nhất {lasting(max(waits))}")
    return Figure(
        "Cảnh báo công an đã đóng",
        str(len(closed)) if counted else "",
        f" / {len(counted)}",
        (", ".join(notes) or "chưa ai nhận") if counted else "chưa có cảnh báo nào",
        _line(_per_day((row.raised_at for row in rows), at), "Cảnh báo mỗi ngày"),
        href,
    )


def _per_day(moments: Iterable[datetime], at: datetime) -> list[int]:
    """How many on each of the last days, today last."""
    counted: Counter[date] = Counter(local(moment).date() for moment in moments)
    today = local(at).date()
    return [counted[today - timedelta(days=back)] for back in range(SPARK_DAYS - 1, -1, -1)]


def _line(days: Sequence[int], label: str) -> Markup:
    """The last days as a small line; nothing where only one day or less has anything."""
    return spark(days, label=label) if sum(day > 0 for day in days) > 1 else Markup("")
