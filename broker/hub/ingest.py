"""The hub's `ingest` service: what the nodes say becomes records, and only then is acknowledged.

Packets are taken in turns from every source (at most 10 ms after the first), stored in one transaction with full
sync, and acknowledged after the commit. What cannot be read or stored is counted and passed; what comes too early
waits for the source to send it again. A database that refuses stops the acknowledgements and nothing else. Of a
node that was revoked nothing is stored and nothing acknowledged, whatever the broker still lets through.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session as Db

from broker.contract import MESSAGES, Identity, Lane, identity_of
from broker.contract.board import Reading, Readings
from broker.contract.hub import Ack
from broker.contract.message import (
    DURABLE_LANES,
    ContractError,
    Framed,
    Message,
    Spec,
    decode_at_once,
    decode_frame,
    decode_message,
)
from broker.hub import arrivals
from broker.hub.believable import Unusable
from broker.hub.bucket import Bucket
from broker.hub.keys.canary import Standing
from broker.hub.ledger import Ledger, Mark
from broker.hub.pulse import Pulse
from broker.hub.quarantine import quarantine
from broker.hub.records import REFUSALS, Database, HighWater, NodeRecord, note_change, open_database
from broker.hub.reserve import Reserve
from broker.hub.telemetry import copying, rollup
from broker.hub.telemetry.recorder import Recorder
from broker.link.config import Settings
from broker.link.inbox import Packet
from broker.link.media import MediaStore
from broker.link.service import Beat, Worker
from broker.link.session import NotConnected, Session

log = logging.getLogger(__name__)

GATHER_S = 0.010
STORE_S = 0.030
"""How long one transaction should take: an alarm that comes meanwhile waits for it."""
LEAST, FIRST, MOST = 50, 500, 2000
"""Packets of one transaction: at least, before anything was measured, at most."""
PER_SOURCE = 2000
"""Packets of one source that wait here, several times its window."""
RATE_PER_S = 400.0
BURST = 20_000.0
"""What one source may have stored: a day's history in one piece, and then far more than any village measures."""
CALM_S = 60.0
"""A source that kept within its rate this long is no chatterer any more."""
SAY_READINGS_S = 1.0
"""Pages hear of new readings at most this often."""
RETRY_S = 1.0


class Entry(NamedTuple):
    """One packet that is next in its lane: readable, or poison with the reason."""

    who: Identity
    spec: Spec
    frame: Framed[Any]
    message: Message | None
    packet: Packet
    reason: str = ""


def build(settings: Settings, session: Session) -> list[Worker]:
    """The workers of `ingest`. Raises DatabaseError, OSError."""
    database = open_database(settings)
    reserve = Reserve(settings.data_dir / "alarms.reserve")
    intake = Intake(database, MediaStore(settings.data_dir / "media"), session, reserve)
    return [
        Worker("intake", intake.run),
        Worker("pulse", Pulse(database, session).run),
        rollup.worker(database, session.clock),
        *copying.workers(database, settings.influx, session),
    ]


class Intake:
    """From the inbox into the records, then the acknowledgements."""

    def __init__(self, database: Database, media: MediaStore, session: Session, reserve: Reserve) -> None:
        self._database = database
        self._media = media
        self._session = session
        self._reserve = reserve
        self._clock = session.clock
        self._canary = Standing(database, session.clock)
        wanted = tuple(each for each in MESSAGES if each in arrivals.KNOWN)
        self.inbox = session.intake(*wanted, limit=PER_SOURCE, allow=self._allow)
        self._ledger = Ledger()
        self._recorder = Recorder()
        self._buckets: dict[str, Bucket] = {}
        self._chatter: dict[str, float] = {}
        self._held: dict[str, Packet] = {}
        """Newest states by topic that the database refused: they are said once only."""
        self._unsaid: set[str] = set()
        """Nodes whose new readings no page has heard of."""
        self._said_s = -math.inf
        self._gone_said_s: dict[str, float] = {}
        self._greeted = 0
        """The connection in which the sources were told how far they are stored."""

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: until stopped, batch after batch."""
        size = FIRST
        while not stop.is_set():
            beat()
            if self._is_broker_open():
                stop.wait(RETRY_S)
                continue
            self._greet()
            packets = self.inbox.take(0.5, GATHER_S, size)
            if not packets and len(self.inbox):
                stop.wait(GATHER_S)  # all that waits is beyond its source's rate
            self._tell_chatter()
            is_due = bool(packets or self._held or (self._unsaid and self._is_time_to_say()))
            began_s = self._clock.monotonic()
            if is_due and not self.take(packets):
                stop.wait(RETRY_S)
            elif packets:
                size = next_size(size, len(packets), self._clock.monotonic() - began_s)

    def _is_broker_open(self) -> bool:
        """While anybody can speak in any name nothing is taken: it waits at its sources, which hold it for days."""
        trouble = self._canary.trouble()
        if trouble:
            self._session.problem("canary", trouble)
        else:
            self._session.cleared("canary")
        return bool(trouble)

    def take(self, packets: Sequence[Packet]) -> bool:
        """Store a batch and acknowledge it. False when the database refused and nothing was acknowledged."""
        every = [*self._held.values(), *packets]
        try:
            self._acknowledge(self._store(every))
        except (*REFUSALS, OSError) as why:
            log.error("storing failed: %s", why, extra={"event": "store-failed"})
            self._session.problem(
                "database", "Trung tâm xã chưa ghi được dữ liệu; các điểm vẫn giữ đủ và sẽ gửi lại."
            )
            self._refused(every)
            return False
        self._held.clear()
        self._session.cleared("database")
        self._reserve.set_aside()
        return True

    def _refused(self, packets: Sequence[Packet]) -> None:
        """Disk full or the database away. Sources keep and repeat what is not acknowledged; the newest states
        are held here; alarms have space of their own set aside.
        """
        for each in packets:
            if each.spec is not None and not each.spec.delivery.durable:
                self._held[each.topic] = each
        alarms = [each for each in packets if each.spec is not None and each.spec.lane == Lane.ALARM]
        if not alarms:
            return
        self._reserve.give()
        try:
            self._acknowledge(self._store(alarms))
        except (*REFUSALS, OSError) as why:
            log.error("alarms wait at their sources: %s", why, extra={"event": "alarms-not-stored"})

    def _store(self, packets: Sequence[Packet]) -> list[tuple[Identity, Ack]]:
        now = self._clock.now()
        says = self._is_time_to_say()
        try:
            with self._database.session() as db:
                book = self._ledger.begin(db, now)
                batch = _Batch(db, now, self._media, self._recorder)
                gone = _retired(db)
                for packet in packets:
                    node = packet.source.partition(".")[0]
                    if node in gone:
                        self._note_gone(node)
                        continue
                    entry = _next(packet, book.admit, batch)
                    if entry is not None:
                        batch.add(entry)
                batch.store_readings()
                if says:
                    for node in sorted(self._unsaid | batch.measured):
                        note_change(db, "reading", node, now)
                book.write()
                db.flush()
                acks = [(who, _ack(mark, book.upto(mark))) for mark, who in book.heard.items()]
        except BaseException:
            self._recorder.rolled_back()
            raise
        self._recorder.committed()
        self._ledger.commit(book)
        self._unsaid = set() if says else self._unsaid | batch.measured
        if says:
            self._said_s = self._clock.monotonic()
        return acks

    def _greet(self) -> None:
        """In a new connection tell every source how far it is stored: who waits for a word of a hub that was away
        sends again at once, and not when its patience ends.
        """
        connection = self._session.connections
        if connection == self._greeted or not self._session.connected:
            return
        try:
            with self._database.reading() as db:
                found = db.scalars(select(HighWater).order_by(HighWater.at)).all()
                gone = _retired(db)
        except REFUSALS as why:
            log.warning("nobody is told how far: %s", why, extra={"event": "not-greeted"})
            return
        newest = {(row.source, row.lane): row for row in found if row.source.partition(".")[0] not in gone}
        self._greeted = connection
        self._acknowledge(
            [
                (identity_of(row.source), _ack((row.source, row.epoch, row.lane), row.upto))
                for row in newest.values()
            ]
        )

    def _note_gone(self, node: str) -> None:
        """Somebody still speaks as a revoked node: said once a minute, and counted as nobody's fault."""
        now_s = self._clock.monotonic()
        if now_s - self._gone_said_s.get(node, -math.inf) >= CALM_S:
            self._gone_said_s[node] = now_s
            log.warning("%s is revoked and still speaks", node, extra={"event": "revoked-speaks"})

    def _is_time_to_say(self) -> bool:
        return self._clock.monotonic() - self._said_s >= SAY_READINGS_S

    def _acknowledge(self, acks: Sequence[tuple[Identity, Ack]]) -> None:
        for who, ack in acks:
            try:
                self._session.send(ack, to=who)
            except NotConnected:
                return  # they will send again, and be told again

    def _allow(self, source: str, wanted: int) -> int:
        """How many of the `wanted` packets a source may give now; the rest waits, and in the end at the source."""
        now_s = self._clock.monotonic()
        bucket = self._buckets.setdefault(source, Bucket(RATE_PER_S, BURST, at_s=now_s))
        found = bucket.take(now_s, wanted)
        if found < wanted:
            self._chatter[source] = (
                now_s  # told later: here the inbox is held, and who fills it must not wait
            )
        return found

    def _tell_chatter(self) -> None:
        """Name those who sent too much of late."""
        now_s = self._clock.monotonic()
        self._chatter = {name: at_s for name, at_s in self._chatter.items() if now_s - at_s <= CALM_S}
        if self._chatter:
            names = ", ".join(sorted(self._chatter))
            self._session.problem("chatter", f"{names} gửi quá nhiều; đang nhận chậm lại.")
        else:
            self._session.cleared("chatter")


class _Batch:
    """What one transaction does to the records."""

    def __init__(self, db: Db, now: datetime, media: MediaStore, recorder: Recorder) -> None:
        self._db = db
        self._now = now
        self._media = media
        self._recorder = recorder
        self._readings: dict[str, list[Entry]] = {}
        self.measured: set[str] = set()
        """Nodes that have new readings."""

    def add(self, entry: Entry) -> None:
        """Store one entry now, or with the others of its kind."""
        if isinstance(entry.message, Readings):
            self._readings.setdefault(entry.packet.source, []).append(entry)
        else:
            self._store_one(entry)

    def store_readings(self) -> None:
        """All sources' readings go in together, which is many times cheaper; if that fails, one by one."""
        if not self._readings:
            return
        together: Mapping[Identity, Sequence[Reading]] = {
            entries[0].who: [
                item for each in entries if isinstance(each.message, Readings) for item in each.message.items
            ]
            for entries in self._readings.values()
        }
        try:
            with self._db.begin_nested():
                done = self._recorder.write(self._db, together, self._now)
                if any(written.refused for written in done.values()):
                    raise _OneByOne
        except REFUSALS:
            raise
        except Exception as why:  # one value that trips over anything must not hold up the others
            self._recorder.rolled_back()
            if not isinstance(why, _OneByOne):
                log.exception("readings not stored together", extra={"event": "not-stored"})
            for entries in self._readings.values():
                for each in entries:
                    self._store_one(each)
        self.measured.update(entries[0].who.node for entries in self._readings.values())

    def poison(self, source: str, reason: str, packet: Packet) -> None:
        """Count a packet that cannot be stored."""
        quarantine(self._db, source, reason, packet.topic, packet.raw, self._now)

    def _store_one(self, entry: Entry) -> None:
        reasons = [entry.reason] if entry.message is None else self._keep(entry, entry.message)
        for reason in reasons:
            self.poison(entry.packet.source, reason, entry.packet)

    def _keep(self, entry: Entry, message: Message) -> list[str]:
        """Store one message in a savepoint. Returns why it, or a part of it, could not be stored."""
        kind = type(message).__name__
        frame, raw = entry.frame, entry.packet.raw
        ctx = arrivals.Context(
            self._db, self._media, self._recorder, entry.who, frame.epoch, self._now, raw, frame.clock
        )
        try:
            with self._db.begin_nested():
                arrivals.store(ctx, message)
        except (*REFUSALS, OSError):
            raise
        except Unusable as why:
            self._recorder.rolled_back()
            return [f"{kind}: {why}"]
        except Exception as why:  # one message that trips over anything must not hold up its lane
            self._recorder.rolled_back()
            log.exception("%s not stored", kind, extra={"event": "not-stored", "source": str(entry.who)})
            return [f"{kind}: {type(why).__name__}"]
        return ctx.complaints


class _OneByOne(Exception):
    """Some reading was refused: stored singly, the message that held it can be shown."""


def _retired(db: Db) -> frozenset[str]:
    """Nodes that are revoked, as this transaction sees it: one short look for a whole batch, never out of date."""
    return frozenset(db.scalars(select(NodeRecord.name).where(NodeRecord.retired_at.is_not(None))))


def next_size(size: int, stored: int, took_s: float) -> int:
    """How many packets the next transaction may hold, after one that stored some in `took_s` seconds."""
    if took_s > 1.5 * STORE_S:
        return max(LEAST, min(size, int(stored * STORE_S / took_s)))
    return min(MOST, 2 * size) if stored >= size else size


Admit = Callable[[str, Identity, Lane, Framed[Any]], str]


def _next(packet: Packet, admit: Admit, batch: _Batch) -> Entry | None:
    """The entry of a packet that is to be stored now. None when it comes too early or again, or is unreadable."""
    who, spec = packet.who, packet.spec
    if who is None or spec is None:
        batch.poison(packet.source, packet.reason, packet)
        return None
    is_durable = spec.lane in DURABLE_LANES
    framed = decode_at_once(spec, packet.raw) if is_durable else None
    if framed is not None:
        if admit(packet.source, who, spec.lane, framed) != "store":
            return None
        return Entry(who, spec, framed, framed.m, packet)
    try:
        frame = decode_frame(packet.raw)
    except ContractError as why:
        batch.poison(packet.source, str(why), packet)
        return None
    if is_durable and frame.seq > 0 and admit(packet.source, who, spec.lane, frame) != "store":
        return None
    try:
        return Entry(who, spec, frame, decode_message(spec, frame, len(packet.raw)), packet)
    except ContractError as why:
        return Entry(who, spec, frame, None, packet, str(why))


def _ack(mark: Mark, upto: int) -> Ack:
    _, epoch, lane = mark
    return Ack(epoch=epoch, lane=lane, upto=upto)  # type: ignore[arg-type]
