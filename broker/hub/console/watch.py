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
from broker.hub.camera_sight import TAMPERINGS as BLINDNESS
from broker.hub.camera_sight import Sight, sights_of
from broker.hub.console import alert_words, duty_export, duty_pictures
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk
from broker.hub.console.wording import hms, lasting, when
from broker.hub.records import Account, Alert, Camera, CameraSeen
from broker.look.villages import village_map

BEFORE = timedelta(seconds=2)
"""The earlier picture of a pair is at least this much older than the tampering (edge/camera/findings.py)."""
SHOWN = 60
"""How many alerts the queue holds with closed ones; older ones are found by search (a later issue)."""
OPEN_SHOWN = 200
"""How many alerts that nobody has closed the queue holds at most."""
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
    "viewed": "xem hình",
    "played": "xem đoạn hình",
    "exported": "lấy hình ra tệp",
}


@dataclass(frozen=True)
class Entry:
    """One alert in the queue."""

    id: int
    title: str
    clock: str
    at: str
    """Scripts order by it, the largest first: open before closed, then by when the hub heard of it."""
    weight: str
    said: str
    place: str
    is_new: bool
    is_done: bool
    icon: str = ""
    """What it is at a glance: a person as far as the model can tell, a camera that does not see."""


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


def queue_of(db: Session, commune: Commune, at: datetime) -> tuple[list[Entry], int]:
    """Every open alert, then the closed ones that still fit, and how many nobody has seen.

    The newest first by when the hub heard of it: by its own time one of a wrong clock, or one that came hours late,
    would stand where nobody looks.
    """
    known = _cameras(db)
    newest = (
        select(Alert).options(selectinload(Alert.officer)).order_by(Alert.raised_at.desc(), Alert.id.desc())
    )
    rows = list(db.scalars(newest.where(Alert.state != "closed").limit(OPEN_SHOWN)))
    rows += db.scalars(newest.where(Alert.state == "closed").limit(max(0, SHOWN - len(rows))))
    unseen = db.scalar(select(func.count()).select_from(Alert).where(Alert.state == "raised")) or 0
    return [_entry(row, known, commune, at) for row in rows], unseen


def _entry(alert: Alert, cameras: dict[tuple[str, str], Camera], commune: Commune, at: datetime) -> Entry:
    weight, said = state_of(alert)
    return Entry(
        id=alert.id,
        title=title_of(alert, cameras),
        clock=when(alert.started_at, at),
        at=f"{alert.state != 'closed':d} {alert.raised_at.isoformat(timespec='microseconds')} {alert.id:010d}",
        weight=weight,
        said=said,
        place=f"Thôn {commune.names.get(alert.village, alert.village)}" if alert.village else alert.node,
        is_new=alert.state == "raised",
        is_done=alert.state == "closed",
        icon=_icon(alert),
    )


def _icon(alert: Alert) -> str:
    if alert.kind == "outage":
        return "offline"
    if alert.kind == "tamper":
        return "blind"
    return "people" if any(label.get("what") == "person" for label in alert.labels) else ""


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
        "lasted": _lasted(found) if ended else "đến bây giờ",
        "late": alert_words.late_said(found),
        "clock_said": alert_words.clock_said(found),
        "advice": alert_words.advice(found),
        "taken_for": alert_words.taken_for(found.labels),
        "sure": alert_words.sureness(found),
        "clip_said": alert_words.clip_said(found),
        "is_gone": found.pictures_gone_at is not None,
        "before_at": hms(found.started_at - BEFORE),
        "weight": weight,
        "said": said,
        "story": _story(db, found, at),
        "camera_facts": _camera_facts(db, found, seen, at),
        "hours": _hours(db, found, at),
        "map": _map(found, commune),
        "reasons": reasons_of(),
        "clip_ms": (found.clip or {}).get("duration_ms") or 0,
        **duty_pictures.facts_of(db, found, at),
        **duty_export.facts_of(db, found, at),
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
    told = [(alert.started_at, alert_words.kind_said(alert)), (alert.raised_at, "Báo tới phòng trực")]
    if alert.ended_at is not None:
        told.append((alert.ended_at, alert_words.ending_said(alert)))
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
    elif seen.tampering:
        facts.append(("Hình", BLINDNESS.get(seen.tampering, "Cần xem"), "bad"))
    elif seen.state == "live":
        rate = f"{seen.frames_per_s:.0f} hình mỗi giây" if seen.frames_per_s >= 1 else "Đang nhìn được"
        facts.append(("Hình", rate, "ok"))
        facts.append(("Nối mạng", f"{lasting((at - seen.since).total_seconds())} liền", ""))
    else:
        facts.append(("Hình", f"Mất hình từ {when(seen.picture_at or seen.since, at)}", "bad"))
    if seen is not None and not seen.watching:
        facts.append(("Giờ canh", "Đang ngoài giờ canh", "look"))
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
    """Cameras that do not see: cut off, or covered, blinded, moved or frozen right now; alone or with their node."""
    sights, known = sights_of(db), _cameras(db)
    query = select(Alert).where(Alert.kind == "tamper", Alert.ended_at.is_(None)).order_by(Alert.id)
    tampered = {(one.node, one.camera): one for one in db.scalars(query)}
    found = []
    for key, sight in sights.items():
        camera, alert = known.get(key), tampered.get(key)
        if camera is None:
            continue
        if sight.is_blind and sight.standing != "tampered":
            found.append(Blind(camera.name, "offline", _gone_said(sight, at)))
        elif sight.standing == "tampered" or (alert is not None and alert.state != "closed"):
            what = sight.tampering or (alert.what if alert else "")
            since = alert.started_at if alert is not None else sight.since
            lasts = f" {lasting((at - since).total_seconds())}" if since else ""
            found.append(Blind(camera.name, "blind", f"{alert_words.TAMPERED.get(what, 'cần xem')}{lasts}"))
    return found, len(known)


def _gone_said(sight: Sight, at: datetime) -> str:
    since = lasting((at - sight.since).total_seconds()) if sight.since else ""
    words = {"unknown": "chưa nối lần nào", "connecting": "đang nối", "away": f"cả điểm mất nối {since}"}
    return words.get(sight.standing, f"mất hình {since}")


def _lasted(alert: Alert) -> str:
    """By the node's clock that nobody sets, where it said so."""
    if alert.lasted_ms:
        return lasting(alert.lasted_ms / 1000)
    return lasting(((alert.ended_at or alert.started_at) - alert.started_at).total_seconds())


def _cameras(db: Session) -> dict[tuple[str, str], Camera]:
    rows: Sequence[Camera] = db.scalars(select(Camera).where(Camera.retired_at.is_(None))).all()
    return {(one.node, one.camera): one for one in rows}


def title_of(alert: Alert, cameras: dict[tuple[str, str], Camera]) -> str:
    """An alert in a few words: what and where."""
    camera = cameras.get((alert.node, alert.camera))
    name = camera.name if camera else f"camera {alert.camera}"
    if alert.kind == "tamper":
        return f"{_headed(name)} {alert_words.TAMPERED.get(alert.what, 'cần xem')}"
    if alert.kind == "outage":
        return f"{_headed(name)} mất hình"
    if alert.zone:
        return f"Chuyển động ở {_small(name)}, {_small(alert.zone)}"
    return f"Chuyển động ở {_small(name)}"


def _headed(name: str) -> str:
    """ "Camera cửa kho lúa", and no second "camera" before a name that begins with it."""
    small = _small(name)
    return f"C{small[1:]}" if small.lower().startswith("camera") else f"Camera {small}"


def _small(name: str) -> str:
    """A camera's name inside a sentence: "Cửa kho lúa" → "cửa kho lúa", proper names stay."""
    first, _, rest = name.partition(" ")
    return f"{first.lower()} {rest}".strip() if first.istitle() and rest[:1].islower() else name


def reasons_of() -> list[tuple[str, str, str]]:
    """(code, icon, words) of every false alarm."""
    return [(code, name, alerts.CLOSE_REASONS[code]) for code, name in FALSE_ICONS.items()]
