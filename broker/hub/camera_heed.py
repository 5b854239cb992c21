"""Whether a node already works by what people set: what a page promises is only true once the node has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy.orm import Session

from broker.hub.camera_setup import quiet_of, setup_of
from broker.hub.records import Camera, CamerasHeld, Plan, note_change
from broker.hub.row_numbers import LARGEST
from broker.trust.envelope import CamerasBody

State = Literal["heeded", "waiting", "unknown"]


@dataclass(frozen=True)
class Heed:
    """How a node stands to the setup of one camera."""

    state: State
    """unknown: it never said which plan it follows, as releases before this one never did."""
    since: datetime | None = None
    """When the hub heard that it follows the plan; with `heeded` only."""


def note_held(db: Session, node: str, generation: int, now: datetime) -> None:
    """Keep what a node's camera service said. 0, no plan, is kept too: a node that was set up anew follows none."""
    generation = min(max(0, generation), LARGEST)
    row = db.get(CamerasHeld, node)
    if row is None:
        row = CamerasHeld(node=node, generation=0, since=now)
        db.add(row)
    if row.generation != generation:
        row.generation, row.since = generation, now
        note_change(db, "camera", node, now)


def heed_of(db: Session, camera: Camera) -> Heed:
    """Whether the node of a camera works by what stands in the records now."""
    held = db.get(CamerasHeld, camera.node)
    if held is None or held.generation == 0:
        return Heed("unknown")
    plan = db.get(Plan, (camera.node, "cameras"))
    if plan is None or held.generation != plan.generation or not _says(db, plan, camera):
        return Heed("waiting")
    return Heed("heeded", held.since)


def _says(db: Session, plan: Plan, camera: Camera) -> bool:
    """Whether the newest plan already has the camera as the records have it."""
    try:
        body = msgspec.json.decode(plan.body, type=CamerasBody)
        wanted = setup_of(camera, b"", quiet_of(db, camera.node).get(camera.camera, ()))
    except (msgspec.DecodeError, KeyError, TypeError):
        return False
    return any(msgspec.structs.replace(each, sealed=b"") == wanted for each in body.cameras)
