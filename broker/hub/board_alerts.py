"""What boards raise in the duty room: a pressed SOS button, a sensor above its level, an amplifier nobody asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from broker.contract.board import AmplifierAlarm, SensorAlarm, SosAlarm
from broker.hub import alerts, incidents
from broker.hub.records import (
    Account,
    Alert,
    AlertStep,
    AmplifierSeen,
    Announcement,
    DutyCall,
    LocalUseSeen,
    Play,
    Revision,
)

ROUND_A_PLAY: Final = timedelta(seconds=30)
"""An alarm of an amplifier this near to an announcement may come of it: the officer is told of both."""
_UNIT: Final = 12
"""Characters of a unit."""
MOST_LEVELS: Final = 12
"""Changes of level kept of one alert."""


def raise_sos(db: Session, node: str, said: SosAlarm, clock: str, now: datetime) -> Alert:
    """Somebody pressed a button; with `ended_at` it was let go. clock: how far the node believed its time."""
    alert = alerts.raised(db, node, said.alarm, "sos", said.input, said.started_at, now)
    alert.clock, alert.evidence = clock, {"place": " ".join(said.place.split())}
    _end(alert, said.ended_at)
    incidents.join(db, alert)
    alerts.note_changed(db, alert, now)
    return alert


def raise_sensor(db: Session, node: str, said: SensorAlarm, clock: str, now: datetime) -> Alert:
    """A sensor passed a level; said again when the level changes.

    What comes late changes nothing of an alarm that is over. A level higher than any before is news, also to who
    has seen the alert, has it in hand or closed it: it is raised once more, and phones are called once more.
    """
    alert = alerts.raised(db, node, said.alarm, "sensor", "", said.started_at, now)
    alert.what, alert.clock = said.series, clock
    if alert.ended_at is None:
        before: dict[str, Any] = alert.evidence or {}
        levels = list(before.get("levels", []))
        top = max((each["level"] for each in levels), default=0)
        if not levels or levels[-1]["level"] != said.level:
            levels.append({"level": said.level, "value": said.value, "at": now.isoformat()})
        alert.evidence = {
            "series": said.series,
            "level": said.level,
            "top": max(top, said.level),
            "value": said.value,
            "peak": max(said.value, before.get("peak", said.value)),
            "unit": said.unit[:_UNIT],
            "limit": said.limit,
            "quality": said.quality,
            "levels": levels[-MOST_LEVELS:],
        } | ({"heard_at": before["heard_at"]} if "heard_at" in before else {})
        if top and said.level > top:
            _raise_again(db, alert, f"lên mức {said.level}", now)
        _end(alert, said.ended_at)
    alerts.note_changed(db, alert, now)
    return alert


def raise_amplifier(db: Session, node: str, said: AmplifierAlarm, clock: str, now: datetime) -> Alert:
    """The amplifier does what nobody asked for, or not what was asked."""
    alert = alerts.raised(db, node, said.alarm, "amplifier", "", said.started_at, now)
    if not alert.evidence:  # as it stood when the hub first heard of it: later it says something else
        alert.evidence = _around(db, node, said)
    alert.what, alert.clock = said.what, clock
    _end(alert, said.ended_at)
    alerts.note_changed(db, alert, now)
    return alert


def _around(db: Session, node: str, said: AmplifierAlarm) -> dict[str, Any]:
    """How relay and keys stood, who was speaking, and who let what be announced at that time."""
    seen = db.get(AmplifierSeen, node)
    current_a = said.current_a if said.current_a is not None else seen.current_a if seen else None
    found: dict[str, Any] = {"current_a": current_a, "relay": seen.relay if seen else "unknown"}
    if seen is not None:
        found |= {"microphone": seen.microphone, "mute": seen.mute}
    at = said.started_at
    is_on = (LocalUseSeen.started_at <= at, or_(LocalUseSeen.ended_at.is_(None), LocalUseSeen.ended_at >= at))
    used = select(LocalUseSeen.what).where(LocalUseSeen.node == node, *is_on)
    found["use"] = db.scalar(used.order_by(LocalUseSeen.started_at.desc()).limit(1)) or ""
    near = (
        Play.started_at <= at + ROUND_A_PLAY,
        or_(Play.ended_at.is_(None), Play.ended_at >= at - ROUND_A_PLAY),
        Play.started_at > at - timedelta(hours=6),
    )
    query = select(Play).where(Play.node == node, *near).order_by(Play.started_at.desc()).limit(1)
    play = db.scalars(query).first()
    return found | ({"announcement": play.announcement} | _said_by(db, play) if play else {})


def _said_by(db: Session, play: Play) -> dict[str, str]:
    """Title and author of what was announced, as they are today."""
    row = db.get(Announcement, play.announcement)
    revision = db.scalars(
        select(Revision).where(
            Revision.announcement_id == play.announcement, Revision.number == play.revision
        )
    ).first()
    author = db.get(Account, row.author_id) if row is not None else None
    return {"title": revision.title if revision else "", "by": author.full_name if author else ""}


def _end(alert: Alert, ended_at: datetime | None) -> None:
    """When it was over; a repeated beginning that comes late opens nothing again."""
    if ended_at is not None and alert.ended_at is None:
        lasted_ms = round((ended_at - alert.started_at).total_seconds() * 1000)
        alerts.note_end(alert, ended_at, max(0, lasted_ms))


def _raise_again(db: Session, alert: Alert, why: str, now: datetime) -> None:
    """Nobody has seen this of it yet, and no phone was told: not even who has it in hand need be awake."""
    is_news = alert.state != "raised"
    had = (
        f", trước đó {alert.officer.full_name} đang xử lý"
        if alert.state == "in-hand" and alert.officer
        else ""
    )
    if is_news:
        alert.evidence = {"heard_at": alert.raised_at.isoformat()} | alert.evidence
        alert.state, alert.raised_at, alert.seen_at, alert.unseen_at = "raised", now, None, None
        alert.closed_at, alert.officer_id, alert.in_hand_at, alert.close_reason = None, None, None, ""
        alert.escalated_at, alert.escalated_to, alert.note = None, "", ""
    db.execute(delete(DutyCall).where(DutyCall.alert_id == alert.id))
    what = "reopened" if is_news else "noted"
    db.add(AlertStep(alert_id=alert.id, account_id=None, at=now, what=what, note=f"{why}{had}"))
