"""A camera's record as its node gets it: settings in clear, its address sealed to the node's camera service.

The hub keeps addresses sealed as well, to its own sealing key, so that a copy of the database alone opens no camera;
`Camera.source` and `sub_source` are what people see, without passwords.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.camera_address import shown
from broker.hub.records import Camera, CameraQuiet, CameraSeal, note_change
from broker.trust.envelope import CameraAddress, CameraSetup, QuietArea, Span, Zone
from broker.trust.seal import SealError, open_seal, public_of, seal

log = logging.getLogger(__name__)

LONGEST_KEY: Final = 400
"""Characters of a sealing key; an X25519 key as PEM has 113."""
MOST_QUIET: Final = 8
"""Quiet areas of one camera that a plan may hold."""


def setup_of(row: Camera, sealed: bytes, quiet: Sequence[QuietArea] = ()) -> CameraSetup:
    """What the plan says of a camera. Raises msgspec.ValidationError when the record holds what no plan may."""
    found = CameraSetup(
        camera=row.camera,
        name=row.name,
        sealed=sealed,
        sensitivity=row.sensitivity,
        night_sensitivity=row.night_sensitivity,
        zones=msgspec.convert(row.zones, list[Zone]),
        ignored=[each["corners"] for each in row.ignored],
        masks=[each["corners"] for each in row.masks],
        schedule=msgspec.convert(row.schedule, list[Span]),
        label=row.label,
        quiet=list(quiet),
        view=row.view,
    )
    return msgspec.convert(msgspec.to_builtins(found), CameraSetup)


def quiet_of(db: Session, node: str) -> dict[str, list[QuietArea]]:
    """What the cameras of a node tell no more, by camera, the newest that a plan may hold.

    A damaged record is left out: then more is told, not less.
    """
    found: dict[str, list[QuietArea]] = {}
    query = select(CameraQuiet).where(CameraQuiet.node == node, CameraQuiet.undone_at.is_(None))
    for row in db.scalars(query.order_by(CameraQuiet.applied_at.desc(), CameraQuiet.id.desc())):
        try:
            corners = None if row.area is None else row.area["corners"]
            said = {"corners": corners, "hours": row.hours, "sensitivity": row.sensitivity}
            area = msgspec.convert(said, QuietArea)
        except (msgspec.ValidationError, KeyError, TypeError) as why:
            log.error("quiet area %s left out: %s", row.id, why, extra={"event": "quiet-left-out"})
            continue
        areas = found.setdefault(row.camera, [])
        if len(areas) < MOST_QUIET:
            areas.append(area)
    return found


def hub_opener(keys_dir: Path) -> bytes:
    """The hub's private sealing key (PEM); empty when it is missing or none, which must stop nothing but cameras."""
    try:
        private = (keys_dir / "hub-seal.key").read_bytes()
        public_of(private)
    except (OSError, SealError) as why:
        log.error("no sealing key: %s", why, extra={"event": "no-seal-key"})
        return b""
    return private


def put_address(row: Camera, address: CameraAddress, hub_public: bytes) -> None:
    """Keep a camera's address: sealed to the hub (PEM), and in clear without its passwords."""
    row.sealed = seal(hub_public, msgspec.json.encode(address))
    row.source, row.sub_source = shown(address.source), shown(address.sub_source)


def address_of(row: Camera, hub_private: bytes) -> CameraAddress:
    """Where a camera's pictures come from. Raises ValueError when it was sealed to another key."""
    if row.sealed is None:
        return CameraAddress(source=row.source, sub_source=row.sub_source)
    try:
        return msgspec.json.decode(open_seal(hub_private, row.sealed), type=CameraAddress)
    except msgspec.DecodeError as why:
        raise SealError("what was sealed is no address") from why


def seal_kept(db: Session, hub_public: bytes) -> None:
    """Seal the addresses that were written before they were sealed, or by a hand that has no key."""
    for row in db.scalars(select(Camera).where(Camera.sealed.is_(None))):
        put_address(row, CameraAddress(source=row.source, sub_source=row.sub_source), hub_public)


def sealed_address(row: Camera, key: CameraSeal, hub_private: bytes) -> bytes:
    """The camera's address for the owner of `key` alone. Raises ValueError for a key that is none."""
    return seal(key.public.encode("ascii"), msgspec.json.encode(address_of(row, hub_private)))


def note_seal(db: Session, node: str, public: str, now: datetime) -> None:
    """A node's camera service said its key; with another one its plan is made anew. Raises ValueError."""
    if len(public) > LONGEST_KEY:
        raise ValueError("too long for a sealing key")
    seal(public.encode("ascii"), b"")
    key = db.get(CameraSeal, node)
    if key is None:
        key = CameraSeal(node=node, public="", seen_at=now)
        db.add(key)
    key.seen_at = now
    if key.public != public:
        key.public = public
        note_change(db, "plan", node, now)
