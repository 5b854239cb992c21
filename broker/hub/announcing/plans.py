"""What each node is to be told: plans from the records, signed by the hub, a new generation only for new content."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract import ContractError
from broker.contract.hub import CameraPlan, ContentPlan, Media, PlayPlan, Signature, Signed
from broker.contract.message import payload
from broker.hub.announcing.bookings import turns_of
from broker.hub.announcing.emergency_templates import kept_sounds
from broker.hub.announcing.order import later_s, lined_up
from broker.hub.announcing.rules import quiet_for, rules_of
from broker.hub.announcing.schedule import rank_of
from broker.hub.camera_setup import quiet_of, sealed_address, setup_of
from broker.hub.loudspeakers import tuning_of
from broker.hub.records import Camera, CameraSeal, ContentBundle, NodeRecord, Occurrence, Plan, Revision
from broker.hub.silence import silence_of
from broker.link.clock import LOCAL
from broker.trust.envelope import (
    CamerasBody,
    ContentBody,
    Domain,
    PlayEntry,
    PlaysBody,
    PrivateKey,
    canonical,
    sign,
)

log = logging.getLogger(__name__)

HORIZONS = (timedelta(days=7), timedelta(days=3), timedelta(days=1), timedelta(hours=6))
"""How far a plan of plays reaches; the first that fits a packet is taken, of the last as much as fits."""
RENEW = timedelta(days=3)
"""A plan that ends sooner than this is made again, so that a hub that dies leaves days of plan behind."""
PAST = timedelta(days=1)


@dataclass(frozen=True)
class Signer:
    """The hub's signing key and its id in the trust list."""

    key: str
    private: PrivateKey

    def sign(self, body: msgspec.Struct, domain: Domain) -> Signed:
        """A body as nodes believe it. Raises ValueError when it is too large."""
        text = canonical(body)
        return Signed(body=text, signatures=[sign(text, domain, self.key, self.private)])


def signed_of(revision: Revision) -> Signed:
    """An approved revision as its approver signed it."""
    return Signed(
        body=revision.envelope or "", signatures=msgspec.convert(revision.signatures, list[Signature])
    )


def plays_plan(
    db: Session, signer: Signer, node: NodeRecord, now: datetime
) -> tuple[PlayPlan, Sequence[Occurrence]]:
    """The plan of a node's loudspeaker, and what had to be left out of the next hours because a packet is full.

    A node always gets a plan: one that is told nothing would go on with its old one, past every silence.
    """
    everywhere, turns = _occurrences(db, now), turns_of(db)
    lined, tuning = lined_up(everywhere, turns), tuning_of(db, node.name)
    rows = [row for row in everywhere if node.village in row.revision.villages]
    rules, silence = rules_of(db), silence_of(db, now)
    for horizon in HORIZONS:
        ahead = [row for row in rows if row.cancelled_at is None and _is_due(row, now, horizon)]
        plays = {row.id: _entry(row, later_s(row, node.name, lined, turns, tuning)) for row in ahead}
        content: dict[str, Any] = {
            "node": node.name,
            "quiet": quiet_for(rules.quiet, now.astimezone(LOCAL).date()),
            "session_limit_s": rules.session_limit_s,
            "plays": list(plays.values()),
            "announcements": _announcements(ahead),
            "cancelled": sorted(row.id for row in rows if row.cancelled_at is not None),
            "tuning": tuning,
            "silent_until": silence.until if silence else None,
            "keep": kept_sounds(db, node.village, now),
        }
        try:
            return _plays(db, signer, node.name, content, now, now + horizon), ()
        except (ContractError, ValueError):
            continue

    # What matters most comes first: emergencies, what must not be said, sounds of templates, then by start.
    emergencies = [row for row in ahead if rank_of(row.revision) == "emergency"]
    ordinary = [row for row in ahead if rank_of(row.revision) != "emergency"]
    stopped = [row.id for row in rows if row.cancelled_at is not None and _may_sound(row, now)]
    queue: tuple[Sequence[Any], ...] = (emergencies, stopped, content["keep"], ordinary)

    def part(count: int) -> dict[str, Any]:
        said, silent, sounds, others = _first(queue, count)
        told = [row for row in ahead if row in said or row in others]
        return content | {
            "plays": [plays[row.id] for row in told],
            "announcements": _announcements(told),
            "cancelled": sorted(silent),
            "keep": sounds,
        }

    until = now + HORIZONS[-1]
    count = _most(sum(map(len, queue)), lambda count: _fits(signer, part(count), now))
    said, _, _, others = _first(queue, count)
    left_out = [row for row in ahead if row not in said and row not in others]
    return _plays(db, signer, node.name, part(count), now, until), left_out


def cameras_plan(
    db: Session, signer: Signer, node: NodeRecord, hub_private: bytes, now: datetime
) -> CameraPlan | None:
    """The cameras of a node as the commune set them up; none of them until the node has said the key to seal to.

    hub_private: opens the addresses the hub keeps. None when the setups fit no packet: the node goes on as it does.
    """
    key = db.get(CameraSeal, node.name)
    query = (
        select(Camera).where(Camera.node == node.name, Camera.retired_at.is_(None)).order_by(Camera.camera)
    )
    rows = [row for row in db.scalars(query) if key is not None and _is_whole(row)]
    quiet = quiet_of(db, node.name)
    content = {
        "node": node.name,
        "seal": key.public if key else "",
        "cameras": [
            (row.source, row.sub_source, row.sealed or b"", setup_of(row, b"", quiet.get(row.camera, ())))
            for row in rows
        ],
    }
    plan = _kept(db, node.name, "cameras", content, now)
    if plan is None:
        generation = _next(db, node.name, "cameras", now)
        try:
            setups = [
                setup_of(row, sealed_address(row, key, hub_private), quiet.get(row.camera, ()))
                for row in rows
                if key is not None
            ]
            signed = signer.sign(
                CamerasBody(generation=generation, node=node.name, cameras=setups), "cameras"
            )
            payload(CameraPlan(generation=generation, signed=signed))
        except (ContractError, ValueError) as why:
            log.error("no plan of cameras for %s: %s", node.name, why, extra={"event": "cameras-not-told"})
            return None
        plan = _keep(db, node.name, "cameras", generation, content, signed, now, None)
    return CameraPlan(generation=plan.generation, signed=_signed(plan))


def _is_whole(row: Camera) -> bool:
    """Whether a plan may say what the record holds; one damaged record must not keep the others from their node."""
    try:
        setup_of(row, b"")
    except (msgspec.ValidationError, KeyError, TypeError) as why:
        log.error("camera %s.%s left out: %s", row.node, row.camera, why, extra={"event": "camera-left-out"})
        return False
    return True


def content_plan(db: Session, signer: Signer, bundle: ContentBundle, now: datetime) -> ContentPlan:
    """The bundle of the kiosks; the same for all nodes, kept under `*`."""
    media = Media(sha256=bundle.sha256, size=bundle.size, type=bundle.type)
    content = {"generation": bundle.generation, "bundle": media}
    plan = _kept(db, "*", "content", content, now)
    if plan is None:
        signed = signer.sign(ContentBody(generation=bundle.generation, bundle=media), "content")
        plan = _keep(db, "*", "content", bundle.generation, content, signed, now, None)
    return ContentPlan(generation=plan.generation, signed=_signed(plan))


def _occurrences(db: Session, now: datetime) -> Sequence[Occurrence]:
    query = (
        select(Occurrence)
        .join(Revision)
        .where(
            Revision.envelope.is_not(None),
            Occurrence.start > now - PAST,
            Occurrence.start < now + HORIZONS[0],
        )
        .order_by(Occurrence.start, Occurrence.id)
    )
    return db.scalars(query).all()


def _is_due(row: Occurrence, now: datetime, horizon: timedelta) -> bool:
    """Whether an occurrence can still begin or still be playing, and begins within the horizon."""
    return row.revision.state == "approved" and _may_sound(row, now) and row.start < now + horizon


def _may_sound(row: Occurrence, now: datetime) -> bool:
    """Whether an occurrence may still begin, or still be playing."""
    return now < row.start + timedelta(seconds=row.tolerance_s + row.duration_s)


def _first(queue: Sequence[Sequence[Any]], count: int) -> list[Sequence[Any]]:
    """The first so many of several lists that stand one after another, list by list."""
    found = []
    for each in queue:
        found.append(each[:count])
        count = max(0, count - len(each))
    return found


def _most(most: int, fits: Callable[[int], bool]) -> int:
    """The largest count up to `most` that fits, 0 at least; more never fits where less does not."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if fits(middle) else (least, middle - 1)
    return least


def _fits(signer: Signer, content: dict[str, Any], now: datetime) -> bool:
    """Whether a plan with this content fits a packet, whatever the moment of writing it."""
    at = now.replace(microsecond=999_999)  # the longest moment, so that the answer stays as time passes
    body = PlaysBody(generation=int(at.timestamp()), made_at=at, until=at, **content)
    try:
        payload(PlayPlan(generation=body.generation, signed=signer.sign(body, "plays")))
    except (ContractError, ValueError):
        return False
    return True


def _entry(row: Occurrence, offset_s: float) -> PlayEntry:
    revision = row.revision
    return PlayEntry(
        occurrence=row.id,
        announcement=revision.announcement_id,
        revision=revision.number,
        start=row.start,
        order=row.place,
        offset_ms=round(offset_s * 1000),
    )


def _announcements(rows: Sequence[Occurrence]) -> list[Signed]:
    once = {row.revision_id: row.revision for row in rows}
    return [signed_of(once[key]) for key in sorted(once)]


def _plays(
    db: Session, signer: Signer, node: str, content: dict[str, Any], now: datetime, until: datetime
) -> PlayPlan:
    plan = _kept(db, node, "plays", content, now)
    if plan is None:
        generation = _next(db, node, "plays", now)
        body = PlaysBody(generation=generation, made_at=now, until=until, **content)
        signed = signer.sign(body, "plays")
        payload(PlayPlan(generation=generation, signed=signed))  # raises ContractError when it is too large
        plan = _keep(db, node, "plays", generation, content, signed, now, until)
    return PlayPlan(generation=plan.generation, signed=_signed(plan))


def _kept(db: Session, node: str, kind: str, content: dict[str, Any], now: datetime) -> Plan | None:
    """The plan that already says this, unless it ends soon."""
    plan = db.get(Plan, (node, kind))
    if plan is None or plan.fingerprint != _fingerprint(content):
        return None
    if plan.until is not None and plan.until - now < min(RENEW, (plan.until - plan.made_at) / 2):
        return None
    return plan


def _next(db: Session, node: str, kind: str, now: datetime) -> int:
    """A generation above the last; counted in seconds, so that a restored database does not go back."""
    plan = db.get(Plan, (node, kind))
    return max((plan.generation if plan else 0) + 1, int(now.timestamp()))


def _keep(
    db: Session,
    node: str,
    kind: str,
    generation: int,
    content: dict[str, Any],
    signed: Signed,
    now: datetime,
    until: datetime | None,
) -> Plan:
    plan = db.get(Plan, (node, kind))
    if plan is None:
        plan = Plan(node=node, kind=kind)
        db.add(plan)
    plan.generation, plan.fingerprint, plan.body = generation, _fingerprint(content), signed.body
    plan.signatures = msgspec.to_builtins(signed.signatures)
    plan.made_at, plan.until = now, until
    return plan


def _fingerprint(content: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def _signed(plan: Plan) -> Signed:
    return Signed(body=plan.body, signatures=msgspec.convert(plan.signatures, list[Signature]))
