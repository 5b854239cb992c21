"""Bỏ qua chỗ hay báo nhầm: what the duty room offers after a false alarm, and what a camera tells no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.hub import quiet
from broker.hub.camera_heed import Heed, heed_of
from broker.hub.console.wording import hm, local, short_day
from broker.hub.quiet_proposal import Past
from broker.hub.records import Account, Alert, Camera, CameraQuiet

TRUE_SHOWN = 6
Corners = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Hit:
    """One stored alert on the strip of the last days."""

    x: float
    """How far along the strip, 0 to 1."""
    is_false: bool
    is_hidden: bool


@dataclass(frozen=True)
class Seen:
    """A stored alert that may be true and would be hidden."""

    id: int
    said: str


@dataclass(frozen=True)
class Offered:
    """An offer as the page shows it."""

    name: str
    mark: str
    corners: Corners
    hours: str
    sensitivity: float | None
    hid_false: int
    hid_true: int
    hid_unseen: int
    """Nobody has opened these: they may be anything."""
    hid_open: int
    told_true: int
    is_alone: bool
    """There is no other alert to try it on."""
    hits: list[Hit]
    true: list[Seen]


@dataclass(frozen=True)
class Kept:
    """What the camera tells no more."""

    id: int
    name: str
    said: str
    corners: Corners
    is_here: bool
    """It was made for the alert that is shown."""
    is_due: bool
    """Long ago: is it still wanted?"""


def facts_of(db: Session, alert: Alert, at: datetime) -> dict[str, object]:
    """What the scene of an alert says of quiet areas."""
    if alert.kind != "motion":
        return {"offer": None, "no_offer": "", "quiets": [], "heed": Heed("unknown"), "heed_said": ""}
    people = {}
    found = quiet.kept(db, alert.node, alert.camera)
    for row in found:
        people[row.applied_by] = db.get_one(Account, row.applied_by).full_name.split()[-1]
    quiets = [_kept(row, people[row.applied_by], alert, at) for row in found]
    is_done = any(each.is_here for each in quiets)
    camera = db.get(Camera, (alert.node, alert.camera))
    heed = Heed("unknown") if camera is None else heed_of(db, camera)
    offer = None if is_done else quiet.offer_for(db, alert, at)
    return {
        "offer": None if offer is None else _offered(db, offer, at),
        "no_offer": "" if is_done or offer else quiet.why_none(db, alert, at),
        "quiets": quiets,
        "heed": heed,
        "heed_said": heed_said(heed, at),
    }


def hours_said(hours: Sequence[dict[str, int]] | Sequence[tuple[int, int]]) -> str:
    """ "từ 18:00 đến 06:00"; empty for always."""
    spans = [each if isinstance(each, tuple) else (each["since_min"], each["until_min"]) for each in hours]
    return ", ".join(f"từ {_clock(since)} đến {_clock(until)}" for since, until in spans)


def heed_said(heed: Heed, at: datetime) -> str:
    """Whether the machine at the point already works by what people set, in words."""
    if heed.since is not None:
        day, today = local(heed.since).date(), local(at).date()
        on = "" if day == today else f" {short_day(day, today)}"
        return f"Máy ở điểm đã nhận lúc {hm(heed.since)}{on}."
    if heed.state == "waiting":
        return "Đang chờ máy ở điểm nhận."
    return "Chưa rõ máy ở điểm đã nhận chưa: máy chưa báo lại."


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _offered(db: Session, offer: quiet.Offer, at: datetime) -> Offered:
    proposal, trial = offer.proposal, offer.trial
    hidden = {each.id for each in trial.hidden}
    true = [each for each in trial.hidden if each.outcome != "false"]
    unseen = select(func.count()).where(
        Alert.id.in_([each.id for each in true if each.outcome == "open"]), Alert.state == "raised"
    )
    hid_unseen = db.scalar(unseen) or 0
    return Offered(
        name=offer.name,
        mark=offer.mark,
        corners=proposal.corners or (),
        hours=hours_said([proposal.hours] if proposal.hours else []),
        sensitivity=proposal.sensitivity,
        hid_false=trial.count("false"),
        hid_true=trial.count("true"),
        hid_unseen=hid_unseen,
        hid_open=trial.count("open") - hid_unseen,
        told_true=sum(each.outcome != "false" for each in trial.told),
        is_alone=len(offer.past) < 2,
        hits=[_hit(each, each.id in hidden, at) for each in offer.past],
        true=[
            Seen(each.id, f"{hm(each.at)} {short_day(local(each.at).date(), local(at).date())}")
            for each in true
        ][-TRUE_SHOWN:],
    )


def _hit(past: Past, is_hidden: bool, at: datetime) -> Hit:  # two facts of one mark
    days = (at - past.at).total_seconds() / 86400
    return Hit(min(1.0, max(0.0, 1.0 - days / quiet.DAYS)), past.outcome == "false", is_hidden)


def _kept(row: CameraQuiet, who: str, alert: Alert, at: datetime) -> Kept:
    fresh = (at - row.applied_at).total_seconds() < 600
    since = "vừa xong" if fresh else short_day(local(row.applied_at).date(), local(at).date())
    hours = hours_said(row.hours)
    level = "" if row.sensitivity is None else f"mức báo {row.sensitivity:g}".replace(".", ",")
    said = ", ".join(each for each in (since, who, hours, level) if each)
    corners = (row.area or {}).get("corners", ())
    return Kept(row.id, row.name, said, corners, row.alert_id == alert.id, row.ask_again_at <= at)
