"""An intake on a real database, and the wire's way of saying things to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from broker import contract
from broker.contract import Identity, message
from broker.contract.board import Reading, Readings
from broker.contract.node import ServiceState
from broker.contract.speaker import PlayReceipt
from broker.hub.ingest import Intake
from broker.hub.records import (
    Database,
)
from broker.hub.reserve import Reserve
from broker.hub.telemetry import series
from broker.link.inbox import Packet
from broker.link.media import MediaStore
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
PLACE = contract.Place("00", "00000")
BOARD = Identity("thon-01", "board")
KIOSK = Identity("thon-01", "kiosk")
SPEAKER = Identity("thon-01", "speaker")
CAMERA = Identity("thon-01", "camera")
JPEG = bytes.fromhex("ffd8ffc0000b080001000101011100ffda0008010100003f00d2ffd9")
"""The frame of a picture of one pixel; enough to be taken for a JPEG."""


class House:
    """An intake on a real database, and the wire's way of saying things to it."""

    def __init__(self, database: Database, media: Path) -> None:
        self.database = database
        self.clock = FakeClock(NOW)
        self.session: Any = FakeSession(Identity("hub", "ingest"), clock=self.clock)
        self.media = MediaStore(media)
        self.intake = self.started()

    def started(self) -> Intake:
        reserve = Reserve(self.media.root.parent / "reserve", 1 << 16)
        return Intake(self.database, self.media, self.session, reserve)

    def entry(self, who: Identity, msg: Any, seq: int = 0, first: int = 0, epoch: str = "e1") -> Packet:
        return self.packet(who, contract.spec_of(msg), message.payload(msg), seq, first, epoch)

    def poison(self, seq: int, body: bytes = b'{"items":[]}') -> Packet:
        return self.packet(BOARD, contract.spec_of(Readings), body, seq)

    def packet(
        self, who: Identity, spec: contract.Spec, body: bytes, seq: int, first: int = 0, epoch: str = "e1"
    ) -> Packet:
        raw = message.encode(body, NOW, "trusted", epoch if seq else "", seq, first)
        return Packet(str(who), contract.topic_of(PLACE, who, spec.type), raw, who, spec)

    def take(self, *packets: Packet) -> bool:
        return self.intake.take(packets)

    def acks(self) -> list[tuple[str, str, int]]:
        found = [(str(s.to), s.message.epoch, s.message.upto) for s in self.session.sent]
        self.session.sent.clear()
        return found

    def values(self) -> list[float]:
        with self.database.reading() as db:
            points = series.raw(
                db, "thon-01", "water_level_m", NOW - timedelta(days=1), NOW + timedelta(days=1)
            )
            return [point.value for point in points]

    def all(self, table: type[Any]) -> list[Any]:
        with self.database.reading() as db:
            return list(db.scalars(select(table).order_by(*table.__table__.primary_key)))


def reading(n: int, at: datetime = NOW) -> Readings:
    item = Reading(series="water_level_m", at=at + timedelta(milliseconds=n), value=float(n), unit="m")
    return Readings(items=[item])


def state(life: Any, boot: str = "b1", problems: Any = ()) -> ServiceState:
    return ServiceState(state=life, since=NOW, boot=boot, version="1", problems=list(problems))


def receipt(life: Any, **change: Any) -> PlayReceipt:
    fields = {
        "occurrence": "bt-1.1.20261121T103000Z",
        "announcement": "bt-1",
        "revision": 1,
        "state": life,
        "at": NOW,
        "planned_at": NOW + timedelta(days=6),
    }
    return PlayReceipt(**(fields | change))
