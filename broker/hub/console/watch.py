"""What the duty room shows, read from the records: the queue, one alert with its story, cameras that do not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import abort
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from broker.hub import alerts
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk
from broker.hub.console.faults import TAMPERINGS
from broker.hub.console.wording import hm, hms, lasting, when
from broker.hub.records import Account, Alert, Camera, CameraSeen
from broker.look.villages import village_map

SHOWN = 60
"""How many alerts the queue holds; older ones are found by search (a later issue)."""
STATES = {"raised": "Mới", "seen": "Đã xem, chưa ai nhận", "in-hand": "Đang xử lý", "closed": "Đã đóng"}
FALSE_ICONS = {
    "weather": "rain",
    "light": "beam",
    "animal": "paw",
    "people": "people",
    "camera": "camera",
    "test": "check",
}
"""Why an alert was none: code of alerts.CLOSE_REASONS → icon; their order gives the keys 1 to 6."""
TRUE_REASON = "handled"
STEPS = {
    "seen": "mở xem",
    "in-hand": "nhận việc",
    "escalated": "chuyển cấp trên",
    "closed": "đóng",
    "viewed": "xem đoạn hình",
}


@dataclass(frozen=True)
class Entry:
    """One alert in the queue."""

    id: int
    title: str
    clock: str
    at: str
    """When it began, so that scripts can order by it."""
    weight: str
    said: str
    place: str
    is_new: bool
    is_done: bool


@dataclass(frozen=True)
class Blind:
    """A camera that does not see."""

    name: str
    icon: str
    said: str


@dataclass(frozen=True)
class Step:
    """One step of the story of an alert."""

    clock: str
    said: str
    is_next: bool = False


def queue_of(db: Session, commune: Commune) -> tuple[list[Entry], int]:
    """The newest alerts, open ones first by time, and how many nobody has seen."""
    known = _cameras(db)
    rows = db.scalars(
        select(Alert).options(selectinload(Alert.officer)).order_by(Alert.started_at.desc()).limit(SHOWN)
    ).all()
    unseen = db.scalar(select(func.count()).select_from(Alert).where(Alert.state == "raised")) or 0
    return [_entry(row, known, commune) for row in rows], unseen


def _entry(alert: Alert, cameras: dict[tuple[str, str], Camera], commune: Commune) -> Entry:
    weight, said = state_of(alert)
    return Entry(
        id=alert.id,
        title=title_of(alert, cameras),
        clock=hm(alert.started_at),
        at=alert.started_at.isoformat(timespec="microseconds"),
        weight=weight,
        said=said,
        place=f"Thôn {commune.names.get(alert.village, alert.village)}" if alert.village else alert.node,
        is_new=alert.state == "raised",
        is_done=alert.state == "closed",
    )


def state_of(alert: Alert) -> tuple[str, str]:
    """Colour and words of an alert's state."""
    who = alert.officer.full_name.split()[-1] if alert.officer else ""
    if alert.state == "closed":
        if alert.close_reason == TRUE_REASON:
            return "ok", f"Đã đóng{': ' + _cut(alert.note) if alert.note else ''}"
        return "ok", f"Báo nhầm: {_cut(alerts.CLOSE_REASONS.get(alert.close_reason, alert.note).lower())}"
    if alert.escalated_at is not None:
        return "bad", "Chuyển cấp trên"
    if alert.state == "in-hand":
        return "wait", f"{who} đang xử lý" if who else "Đang xử lý"
    return "look", "Mới" if alert.state == "raised" else "Chưa ai nhận"


def _cut(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"


def scene_of(db: Session, number: int, at: datetime) -> dict[str, object]:
    """Everything about one alert, for its templates. 404 when there is none."""
    query = (
        select(Alert)
        .where(Alert.id == number)
        .options(selectinload(Alert.steps), selectinload(Alert.officer))
    )
    found = db.scalars(query).first()
    if found is None:
        abort(404)
    commune, known = commune_of(db), _cameras(db)
    camera = known.get((found.node, found.camera))
    seen = db.get(CameraSeen, (found.node, found.camera))
    ended = found.ended_at
    weight, said = state_of(found)
    return {
        "alert": found,
        "number": number,
        "title": title_of(found, known),
        "where": _where(found, camera, commune),
        "camera_name": camera.name if camera else found.camera,
        "begun": hms(found.started_at),
        "lasted": lasting((ended - found.started_at).total_seconds()) if ended else "đến bây giờ",
        "weight": weight,
        "said": said,
        "story": _story(db, found, at),
        "camera_facts": _camera_facts(db, found, seen, at),
        "hours": _hours(db, found, at),
        "map": _map(found, commune),
        "reasons": reasons_of(),
        "clip_ms": (found.clip or {}).get("duration_ms") or 0,
    }


def _where(alert: Alert, camera: Camera | None, commune: Commune) -> str:
    village = commune.names.get(alert.village, "")
    name = camera.name if camera else alert.camera
    return ", ".join(part for part in (f"Thôn {village}" if village else "", f"camera {name}") if part)


def _map(alert: Alert, commune: Commune) -> Markup:
    return village_map(
        commune.shapes(),
        {alert.village: "look"},
        label=f"Ở thôn {commune.names.get(alert.village, alert.village)}",
        cls="little",
        river=desk().river(),
        dot=alert.village,
    )


def _story(db: Session, alert: Alert, at: datetime) -> list[Step]:
    """What happened, in order: the camera's part, then people's."""
    people = {one.id: one.full_name.split()[-1] for one in db.scalars(select(Account)).all()}
    begun = (
        "Camera " + TAMPERINGS.get(alert.what, "có chuyện") if alert.kind == "tamper" else "Có chuyển động"
    )
    told = [(alert.started_at, begun), (alert.raised_at, "Báo tới phòng trực")]
    if alert.ended_at is not None:
        told.append((alert.ended_at, "Hết chuyển động" if alert.kind == "motion" else "Nhìn lại được"))
    for step in alert.steps[-6:]:
        who = people.get(step.account_id or 0, "Máy")
        told.append((step.at, f"{who} {STEPS.get(step.what, step.what)}{_noted(step.note)}"))
    steps = [Step(hms(moment), what) for moment, what in sorted(told, key=lambda one: one[0])]
    if alert.state in ("raised", "seen"):
        waited_s = (at - alert.raised_at).total_seconds()
        steps.append(
            Step(f"đã {lasting(waited_s)}" if waited_s >= 60 else "bây giờ", "Chờ một người nhận", True)
        )
    return steps


def _noted(note: str) -> str:
    return f": {_cut(note)}" if note else ""


def _camera_facts(
    db: Session, alert: Alert, seen: CameraSeen | None, at: datetime
) -> list[tuple[str, str, str]]:
    """(name, value, colour): picture, connection, false alarms of the last 30 days."""
    own = select(Alert).where(Alert.node == alert.node, Alert.camera == alert.camera)
    recent = own.where(Alert.started_at > at - timedelta(days=30)).subquery()
    total = db.scalar(select(func.count()).select_from(recent)) or 0
    false = (
        db.scalar(
            select(func.count()).select_from(recent).where(recent.c.close_reason.not_in(("", TRUE_REASON)))
        )
        or 0
    )
    facts: list[tuple[str, str, str]] = []
    if seen is None:
        facts.append(("Hình", "Chưa nối lần nào", "bad"))
    elif seen.state == "live":
        rate = f"{seen.frames_per_s:.0f} hình mỗi giây" if seen.frames_per_s >= 1 else "Đang nhìn được"
        facts.append(("Hình", rate, "ok"))
        facts.append(("Nối mạng", f"{lasting((at - seen.since).total_seconds())} liền", ""))
    else:
        facts.append(("Hình", f"Mất hình từ {when(seen.since, at)}", "bad"))
    facts.append(("Báo nhầm", f"{false} trên {total}, 30 ngày", ""))
    return facts


def _hours(db: Session, alert: Alert, at: datetime) -> list[tuple[float, bool]]:
    """Alerts of this camera in the last 24 hours: how far along the day (0 to 1), and whether it is this one."""
    rows = db.execute(
        select(Alert.id, Alert.started_at).where(
            Alert.node == alert.node,
            Alert.camera == alert.camera,
            Alert.started_at > at - timedelta(hours=24),
        )
    ).all()
    return [(1 - (at - begun).total_seconds() / 86400, key == alert.id) for key, begun in rows if begun <= at]


def blind_of(db: Session, at: datetime) -> tuple[list[Blind], int]:
    """Cameras that do not see: cut off, or covered, blinded, moved or frozen right now."""
    known = _cameras(db)
    seen = {(one.node, one.camera): one for one in db.scalars(select(CameraSeen)).all()}
    open_ones = db.scalars(
        select(Alert).where(Alert.kind == "tamper", Alert.ended_at.is_(None), Alert.state != "closed")
    ).all()
    tampered = {(one.node, one.camera): one for one in open_ones}
    blind = []
    for key, camera in known.items():
        state = seen.get(key)
        if state is None:
            blind.append(Blind(camera.name, "offline", "chưa nối lần nào"))
        elif state.state != "live":
            blind.append(
                Blind(camera.name, "offline", f"mất nối {lasting((at - state.since).total_seconds())}")
            )
        elif key in tampered:
            one = tampered[key]
            icon = "camera" if one.what == "frozen" else "blind"
            since = lasting((at - one.started_at).total_seconds())
            blind.append(Blind(camera.name, icon, f"{TAMPERINGS.get(one.what, 'cần xem')} {since}"))
    return blind, len(known)


def _cameras(db: Session) -> dict[tuple[str, str], Camera]:
    rows: Sequence[Camera] = db.scalars(select(Camera).where(Camera.retired_at.is_(None))).all()
    return {(one.node, one.camera): one for one in rows}


def title_of(alert: Alert, cameras: dict[tuple[str, str], Camera]) -> str:
    """An alert in a few words: what and where."""
    camera = cameras.get((alert.node, alert.camera))
    name = camera.name if camera else f"camera {alert.camera}"
    if alert.kind == "tamper":
        return f"Camera {_small(name)} {TAMPERINGS.get(alert.what, 'cần xem')}"
    return f"Chuyển động ở {_small(name)}"


def _small(name: str) -> str:
    """A camera's name inside a sentence: "Cửa kho lúa" → "cửa kho lúa", proper names stay."""
    first, _, rest = name.partition(" ")
    return f"{first.lower()} {rest}".strip() if first.istitle() and rest[:1].islower() else name


def reasons_of() -> list[tuple[str, str, str]]:
    """(code, icon, words) of every false alarm."""
    return [(code, name, alerts.CLOSE_REASONS[code]) for code, name in FALSE_ICONS.items()]
