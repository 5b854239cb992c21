"""The hub's `ingest` service: what the nodes say becomes records, and only then is acknowledged.

Messages are taken in batches (at most 20 ms after the first), stored in one transaction with full sync, and
acknowledged after the commit. What cannot be read or stored is counted and passed; what comes too early waits
for the source to send it again. A database that refuses stops the acknowledgements and nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session as Db

from broker.contract import MESSAGES, Identity, Received, topic_of
from broker.contract.board import Readings
from broker.contract.hub import Ack
from broker.contract.message import Frame, Message, Spec
from broker.hub import arrivals
from broker.hub.bucket import Bucket
from broker.hub.ledger import Entries, Ledger, Mark
from broker.hub.pulse import Pulse
from broker.hub.quarantine import quarantine
from broker.hub.records import Database, open_database
from broker.hub.telemetry import influx, rollup
from broker.link.config import Settings
from broker.link.inbox import Inbox
from broker.link.media import MediaStore
from broker.link.service import Beat, Worker
from broker.link.session import NotConnected, Poison, Session

log = logging.getLogger(__name__)

BATCH_S = 0.020
BATCH = 256
READINGS = 2000
"""Readings stored by one statement."""
INBOX = 4000
RATE_PER_S = 400.0
BURST = 2000.0
"""What one source may send; above it waits for its own retransmission, so that the others do not."""
CALM_S = 60.0
"""A source that kept within its rate this long is no chatterer any more."""
RETRY_S = 1.0


@dataclass(frozen=True)
class Entry:
    """One packet on its way into the records: readable, or poison with the reason."""

    who: Identity | None
    spec: Spec | None
    frame: Frame | None
    message: Message | None
    reason: str = ""
    topic: str = ""
    raw: bytes = b""

    @property
    def is_durable(self) -> bool:
        """Whether it has a position that must be acknowledged."""
        return self.spec is not None and self.spec.delivery.durable and bool(self.frame and self.frame.seq)


def build(settings: Settings, session: Session) -> list[Worker]:
    """The workers of `ingest`. Raises DatabaseError, OSError."""
    database = open_database(settings)
    intake = Intake(database, MediaStore(settings.data_dir / "media"), session)
    return [
        Worker("intake", intake.run),
        Worker("pulse", Pulse(database, session).run),
        rollup.worker(database, session.clock),
        *influx.workers(database, settings.influx, session),
    ]


class Intake:
    """From the inbox into the records, then the acknowledgements."""

    def __init__(self, database: Database, media: MediaStore, session: Session) -> None:
        self._database = database
        self._media = media
        self._session = session
        self._clock = session.clock
        wanted = tuple(each for each in MESSAGES if each in arrivals.KNOWN)
        self.inbox: Inbox[Received] = session.inbox(*wanted, limit=INBOX)
        self._poison: Inbox[Poison] = session.poison
        self._ledger = Ledger()
        self._buckets: dict[str, Bucket] = {}
        self._chatter: dict[str, float] = {}
        self._held: OrderedDict[tuple[str, str], Entry] = OrderedDict()

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: until stopped, batch after batch."""
        while not stop.is_set():
            beat()
            batch = self._gather()
            if not batch and not self._held:
                continue
            if not self.take(batch):
                stop.wait(RETRY_S)

    def take(self, batch: Sequence[Entry]) -> bool:
        """Store a batch and acknowledge it. False when the database refused and nothing was acknowledged."""
        entries = [*self._held.values(), *self._within_rate(batch)]
        try:
            acks = self._store(entries)
        except (OperationalError, InterfaceError, OSError) as why:
            # Disk full or the database away: sources keep and repeat what is not acknowledged; states are
            # said once only, so the newest of each is held here.
            log.error("storing failed: %s", why, extra={"event": "store-failed"})
            self._hold(entries)
            self._session.problem(
                "database", "Trung tâm xã chưa ghi được dữ liệu; các điểm vẫn giữ đủ và sẽ gửi lại."
            )
            return False
        self._held.clear()
        self._session.cleared("database")
        self._acknowledge(acks)
        return True

    def _gather(self) -> list[Entry]:
        first = self.inbox.get(0.0 if len(self._poison) else 0.5)
        batch = [] if first is None else [_readable(first)]
        deadline_s = self._clock.monotonic() + BATCH_S
        while batch and len(batch) < BATCH:
            more = self.inbox.get(max(0.0, deadline_s - self._clock.monotonic()))
            if more is None:
                break
            batch.append(_readable(more))
        # Poison is read after the good packets, so what came between two of them is here too.
        for _ in range(BATCH):
            bad = self._poison.get(0.0)
            if bad is None:
                break
            batch.append(Entry(bad.who, bad.spec, bad.frame, None, bad.reason, bad.topic, bad.raw))
        return sorted(batch, key=lambda each: each.frame.seq if each.frame else 0)

    def _store(self, entries: Sequence[Entry]) -> list[tuple[Identity, Ack]]:
        now = self._clock.now()
        with self._database.session() as db:
            book = self._ledger.begin(db, now)
            readings: dict[Identity, list[Entry]] = {}
            for each in entries:
                if not _is_next(book, each):
                    continue
                if each.who is not None and isinstance(each.message, Readings):
                    readings.setdefault(each.who, []).append(each)
                else:
                    self._store_one(db, each, now)
            for who, several in readings.items():
                self._store_readings(db, who, several, now)
            book.write()
            db.flush()
            acks = [(who, _ack(mark, book.upto(mark))) for mark, who in book.heard.items()]
        self._ledger.commit(book)
        return acks

    def _store_readings(self, db: Db, who: Identity, entries: Sequence[Entry], now: datetime) -> None:
        """Readings of one source go in together, which is many times cheaper; if that fails, one by one."""
        items = [
            item for each in entries if isinstance(each.message, Readings) for item in each.message.items
        ]
        for n in range(0, len(items), READINGS):
            if self._keep(db, who, Readings(items=items[n : n + READINGS]), now):
                break
        else:
            return
        for each in entries:
            self._store_one(db, each, now)

    def _store_one(self, db: Db, entry: Entry, now: datetime) -> None:
        who, spec, frame = entry.who, entry.spec, entry.frame
        reasons = [entry.reason] if entry.reason else []
        if who is not None and entry.message is not None:
            reasons = self._keep(db, who, entry.message, now)
        topic, raw = entry.topic, entry.raw
        if reasons and who is not None and spec is not None and frame is not None:
            topic, raw = topic_of(self._session.place, who, spec.type), raw or bytes(frame.m)
        for reason in reasons:
            quarantine(db, str(who or "unknown"), reason, topic, raw, now)

    def _keep(self, db: Db, who: Identity, message: Message, now: datetime) -> list[str]:
        """Store one message in a savepoint. Returns why it, or a part of it, could not be stored."""
        kind = type(message).__name__
        ctx = arrivals.Context(db, self._media, who, now)
        try:
            with db.begin_nested():
                arrivals.store(ctx, message)
        except (OperationalError, InterfaceError, OSError):
            raise
        except arrivals.Unusable as why:
            return [f"{kind}: {why}"]
        except Exception as why:  # one message that trips over anything must not hold up its lane
            log.exception("%s not stored", kind, extra={"event": "not-stored", "source": str(who)})
            return [f"{kind}: {type(why).__name__}"]
        return ctx.complaints

    def _acknowledge(self, acks: Sequence[tuple[Identity, Ack]]) -> None:
        for who, ack in acks:
            try:
                self._session.send(ack, to=who)
            except NotConnected:
                return  # they will send again, and be told again

    def _hold(self, entries: Sequence[Entry]) -> None:
        for each in entries:
            if each.spec is not None and not each.spec.delivery.durable and each.message is not None:
                key = (str(each.who), each.spec.kind)
                self._held.pop(key, None)
                self._held[key] = each

    def _within_rate(self, batch: Sequence[Entry]) -> list[Entry]:
        """What sources may send now; the rest is dropped unacknowledged and comes again."""
        now_s = self._clock.monotonic()
        kept = []
        for each in batch:
            source = str(each.who or "unknown")
            bucket = self._buckets.setdefault(source, Bucket(RATE_PER_S, BURST, at_s=now_s))
            if bucket.take(now_s) or (each.message is not None and not each.is_durable):
                kept.append(each)
            else:
                self._chatter[source] = now_s
                self._session.problem("chatter", f"{source} gửi quá nhiều; đang nhận chậm lại.")
        if self._chatter and all(now_s - at_s > CALM_S for at_s in self._chatter.values()):
            self._chatter.clear()
            self._session.cleared("chatter")
        return kept


def _is_next(book: Entries, entry: Entry) -> bool:
    """Whether an entry is to be stored now: its position is next in its lane, or it has none."""
    if entry.who is None or entry.spec is None or entry.frame is None or not entry.is_durable:
        return True
    return book.admit(entry.who, entry.spec.lane, entry.frame) == "store"


def _readable(received: Received) -> Entry:
    return Entry(received.who, received.spec, received.frame, received.message)


def _ack(mark: Mark, upto: int) -> Ack:
    _, epoch, lane = mark
    return Ack(epoch=epoch, lane=lane, upto=upto)  # type: ignore[arg-type]
