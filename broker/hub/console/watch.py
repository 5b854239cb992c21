"""What the duty room shows, read from the records: the queue, one alert with its story, cameras that do not see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import abort
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session, load_only, selectinload

from broker.hub import alerts, incidents
from broker.hub.camera_sight import TAMPERINGS as BLINDNESS
from broker.hub.camera_sight import Sight, dark_since, sights_of
from broker.hub.console import (
    access,
    alert_words,
    board_evidence,
    board_words,
    duty_export,
    duty_incident,
    duty_pictures,
    quiet,
)
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk
from broker.hub.console.wording import hms, lasting, when
from broker.hub.records import Account, Alert, AlertStep, Camera, CameraSeen, NodeRecord
from broker.look.villages import village_map

STORY = 9
"""How many of the last steps of people the story tells."""
BEFORE = timedelta(seconds=2)
"""The earlier picture of a pair is at least this much older than the tampering (edge/camera/findings.py)."""
FALSE_ICONS = {
    "weather": "rain",
    "light": "beam",
    "animal": "paw",
    "people": "people",
    "camera": "camera",
    "test": "check",
}
"""Why an alert was none: code of alerts.CLOSE_REASONS → icon; their order gives the keys 1 to 6."""
STEPS = {
    "seen": "mở xem",
    "in-hand": "nhận việc",
    "escalated": "chuyển cấp trên",
    "closed": "đóng",
    "reopened": "mở lại",
    "noted": "ghi chú",
    "viewed": "xem hình",
    "played": "xem đoạn hình",
    "exported": "lấy hình ra tệp",
}


@dataclass(frozen=True)
class Blind:
    """A camera that does not see."""

    name: str
    icon: str
    said: str
    is_dark: bool = False
    """It may see: nothing can be heard of it."""


@dataclass(frozen=True)
class Step:
    """One step of the story of an alert."""

    clock: str
    said: str
    is_next: bool = False


def state_of(alert: Alert) -> tuple[str, str]:
    """Colour and words of an alert's state."""
    who = alert.officer.full_name.split()[-1] if alert.officer else ""
    if alert.state == "closed":
        if alert.close_reason == alerts.TRUE_REASON:
            return "ok", f"Đã đóng{': ' + _cut(alert.note) if alert.note else ''}"
        return "ok", f"Báo nhầm: {alerts.CLOSE_REASONS.get(alert.close_reason, _cut(alert.note)).lower()}"
    if alert.escalated_at is not None:
        to = alert.escalated_to.partition(",")[0]
        return "bad", f"Đã chuyển {_cut(to)}" if to else "Chuyển cấp trên"
    if alert.state == "in-hand":
        return "wait", f"{who} đang xử lý" if who else "Đang xử lý"
    if alert.state == "raised":
        return ("bad", "Chưa ai xem") if alert.unseen_at else ("look", "Mới")
    return "look", "Chưa ai nhận"


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
    commune, known = commune_of(db), cameras_of(db)
    people = {one.id: one.full_name.split()[-1] for one in db.scalars(select(Account)).all()}
    camera = known.get((found.node, found.camera))
    seen = db.get(CameraSeen, (found.node, found.camera))
    ended = found.ended_at
    weight, said = state_of(found)
    return {
        "alert": found,
        "number": number,
        "title": title_of(found, known),
        "where": _where(db, found, camera, commune),
        "camera_name": _bare(camera.name if camera else found.camera),
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
        "story": _story(db, found, people, at),
        "notes": duty_incident.notes_of(found, people, at),
        "upon": duty_incident.upon_of(found),
        "together": _together(db, found, known, at),
        "whoms": duty_incident.whoms_of(db),
        "is_camera": found.kind not in board_words.KINDS,
        "camera_facts": _camera_facts(db, found, seen, at),
        "hours": _hours(db, found, at),
        "map": _map(found, commune),
        "reasons": reasons_of(),
        "clip_ms": (found.clip or {}).get("duration_ms") or 0,
        **duty_pictures.facts_of(db, found, at),
        **board_evidence.facts_of(db, found, at),
        **duty_export.facts_of(db, found, at),
        **quiet.facts_of(db, found, at),
    }


def _where(db: Session, alert: Alert, camera: Camera | None, commune: Commune) -> str:
    village = commune.names.get(alert.village, "")
    name = f"camera {alert.camera}" if camera is None else f"c{_headed(camera.name)[1:]}"
    if alert.kind in board_words.KINDS:
        house = db.get(NodeRecord, alert.node)
        name = (house.label if house else "") or alert.node
    return ", ".join(part for part in (f"Thôn {village}" if village else "", name) if part)


def _map(alert: Alert, commune: Commune) -> Markup:
    return village_map(
        commune.shapes(),
        {alert.village: "look"},
        label=f"Ở thôn {commune.names.get(alert.village, alert.village)}",
        cls="little",
        river=desk().river(),
        dot=alert.village,
    )


def _together(
    db: Session, alert: Alert, cameras: dict[tuple[str, str], Camera], at: datetime
) -> duty_incident.Together | None:
    cries = incidents.cries_of(db, alert.incident_id) if alert.incident_id is not None else []
    rows = {one.id: one for one in (*cries, *duty_incident.others_with(db, alert)) if one.id != alert.id}
    others = [
        duty_incident.Kin(one.id, title_of(one, cameras), when(one.started_at, at), *state_of(one))
        for one in list(rows.values())[: duty_incident.NAMED]
    ]
    return duty_incident.together(db, alert, others, access.visitor().id)


def _story(db: Session, alert: Alert, people: Mapping[int, str], at: datetime) -> list[Step]:
    """What happened, in order: the camera's part, then people's, then what comes if nobody does anything."""
    heard_at = alert_words.heard_at(alert)
    told = [(alert.started_at, alert_words.kind_said(alert)), (heard_at, "Báo tới phòng trực")]
    if alert.ended_at is not None:
        told.append((alert.ended_at, alert_words.ending_said(alert)))
    told += [(step.at, _step_said(alert, step, people)) for step in alert.steps[-STORY:]]
    steps = [Step(hms(moment), what) for moment, what in sorted(told, key=lambda one: one[0])]
    call = duty_incident.call_said(db, alert)
    if call is not None:
        steps.append(Step(*call, is_next=True))
    elif alert.state in ("raised", "seen"):
        waited_s = (at - alert.raised_at).total_seconds()
        steps.append(
            Step(f"đã {lasting(waited_s)}" if waited_s >= 60 else "bây giờ", "Chờ một người nhận", True)
        )
    return steps


def _step_said(alert: Alert, step: AlertStep, people: Mapping[int, str]) -> str:
    if step.what == "unseen":
        since = alert.raised_at if alert.raised_at <= step.at else alert_words.heard_at(alert)
        return f"Đã {lasting((step.at - since).total_seconds())} chưa ai xem"
    if step.what == "called":
        return f"Gọi {_cut(step.note)}"
    who = people.get(step.account_id or 0, "Máy")
    return f"{who} {STEPS.get(step.what, step.what)}{_noted(step.note)}"


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
            select(func.count())
            .select_from(recent)
            .where(recent.c.close_reason.not_in(("", alerts.TRUE_REASON)))
        )
        or 0
    )
    facts: list[tuple[str, str, str]] = []
    if dark := dark_since(db, at):
        facts.append(("Hình", f"Chưa biết từ {when(dark, at)}: máy chuyển tin không chạy", "bad"))
    elif seen is None:
        facts.append(("Hình", "Chưa nối lần nào", "bad"))
    elif seen.tampering:
        facts.append(("Hình", BLINDNESS.get(seen.tampering, "Cần xem"), "bad"))
    elif seen.state == "live":
        rate = f"{seen.frames_per_s:.0f} hình mỗi giây" if seen.frames_per_s >= 1 else "Đang nhìn được"
        facts.append(("Hình", rate, "ok"))
        facts.append(("Nối mạng", _unbroken((at - seen.since).total_seconds()), ""))
    else:
        facts.append(("Hình", f"Mất hình từ {when(seen.picture_at or seen.since, at)}", "bad"))
    if seen is not None and not seen.watching:
        facts.append(("Giờ canh", "Đang ngoài giờ canh", "look"))
    facts.append(("Báo nhầm", f"{false} trên {total}, 30 ngày", ""))
    return facts


def _unbroken(seconds: float) -> str:
    return f"{lasting(seconds)} liền" if seconds >= 1 else "vừa nối"


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
    sights, known = sights_of(db, at), cameras_of(db)
    query = select(Alert).where(Alert.kind == "tamper", Alert.ended_at.is_(None)).order_by(Alert.id)
    tampered = {(one.node, one.camera): one for one in db.scalars(query)}
    found = []
    for key, sight in sights.items():
        camera, alert = known.get(key), tampered.get(key)
        if camera is None:
            continue
        if sight.is_blind and sight.standing != "tampered":
            found.append(Blind(camera.name, "offline", _gone_said(sight, at), sight.standing == "dark"))
        elif sight.standing == "tampered" or (alert is not None and alert.state != "closed"):
            what = sight.tampering or (alert.what if alert else "")
            since = alert.started_at if alert is not None else sight.since
            lasts = f" {lasting((at - since).total_seconds())}" if since else ""
            found.append(Blind(camera.name, "blind", f"{alert_words.TAMPERED.get(what, 'cần xem')}{lasts}"))
    return found, len(known)


def _gone_said(sight: Sight, at: datetime) -> str:
    since = lasting((at - sight.since).total_seconds()) if sight.since else ""
    words = {
        "dark": f"chưa biết gì {since} nay: máy chuyển tin không chạy",
        "unknown": "chưa nối lần nào",
        "connecting": "đang nối",
        "away": f"cả điểm mất nối {since}",
    }
    return words.get(sight.standing, f"mất hình {since}")


def _lasted(alert: Alert) -> str:
    """By the node's clock that nobody sets, where it said so."""
    if alert.lasted_ms:
        return lasting(alert.lasted_ms / 1000)
    return lasting(((alert.ended_at or alert.started_at) - alert.started_at).total_seconds())


def cameras_of(db: Session) -> dict[tuple[str, str], Camera]:
    """Cameras in use by node and code: their names and villages."""
    named = load_only(Camera.name, Camera.village)
    query = select(Camera).where(Camera.retired_at.is_(None)).options(named)
    return {(one.node, one.camera): one for one in db.scalars(query)}


def title_of(alert: Alert, cameras: Mapping[tuple[str, str], Camera]) -> str:
    """An alert in a few words: what and where."""
    if alert.kind in board_words.KINDS:
        return board_words.title_of(alert)
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


def _bare(name: str) -> str:
    """A camera's name after the word "Camera:", which it may begin with itself."""
    rest = name[len("camera ") :] if name.lower().startswith("camera ") else name
    return f"{rest[:1].upper()}{rest[1:]}"


def _small(name: str) -> str:
    """A camera's name inside a sentence: "Cửa kho lúa" → "cửa kho lúa", proper names stay."""
    first, _, rest = name.partition(" ")
    return f"{first.lower()} {rest}".strip() if first.istitle() and rest[:1].islower() else name


def reasons_of() -> list[tuple[str, str, str]]:
    """(code, icon, words) of every false alarm."""
    return [(code, name, alerts.CLOSE_REASONS[code]) for code, name in FALSE_ICONS.items()]
