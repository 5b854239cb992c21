"""What this node keeps of the hub's audit log: its heads, so that nobody at the hub can make the log say otherwise.

A head is the index and hash of the log's last row, signed by the hub. Kept are the newest 48, and the first of each
day for 400 days: the first, by this node's own clock, so that a flood of heads never pushes out an older day. The
node does not go back and keeps both of two heads that contradict each other: that is proof, signed by the hub.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from broker.contract.hub import AuditPlan, Signed
from broker.link.clock import LOCAL
from broker.link.config import Settings
from broker.link.plans import KeptTrust
from broker.link.service import Beat
from broker.link.session import Session
from broker.trust.envelope import AuditBody, Refused, open_signed
from broker.trust.files import sync_folder, write_atomically
from broker.trust.reasons import sentence

log = logging.getLogger(__name__)

NEWEST = 48
DAYS = 400
WAIT_S = 0.25
"""Longest sleep of the worker, so that a stop is heard at once."""
CHANGED = "Sổ nhật ký của trung tâm bị sửa hoặc cắt bớt, xin báo người kiểm tra của xã."


class KeptHead(Struct, frozen=True):
    """One head as the hub signed it."""

    index: int
    hash: str
    at: datetime
    """When the hub signed it, by the hub's clock."""
    kept_at: datetime
    """When this node took it, by its own clock."""
    signed: Signed


class _Book(Struct, frozen=True):
    heads: tuple[KeptHead, ...] = ()
    """By index, ascending."""
    conflict: KeptHead | None = None
    """The first head that contradicts one that is kept."""


def file_of(settings: Settings) -> Path:
    """Where this node keeps the heads."""
    return settings.data_dir / "node" / "heads.json"


class HeadBook:
    """The heads kept in one file. Written by one thread; `newest` and `conflict` may be read by others."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._book = _read(file)

    @property
    def heads(self) -> Sequence[KeptHead]:
        """All that are kept, oldest first."""
        return self._book.heads

    @property
    def newest(self) -> KeptHead | None:
        """The one with the highest index."""
        return self._book.heads[-1] if self._book.heads else None

    @property
    def conflict(self) -> KeptHead | None:
        """A head the hub signed that contradicts one of these; stays until a person begins anew."""
        return self._book.conflict

    def take(self, signed: Signed, body: AuditBody, now: datetime) -> bool:
        """Keep a head that is newer, or note that it contradicts. True when something was written. Raises OSError."""
        head = KeptHead(body.generation, body.hash, body.at, now, signed)
        newest = self.newest
        if newest is None or head.index > newest.index:
            self._write(_Book(thinned((*self._book.heads, head)), self._book.conflict))
            return True
        same = next((each for each in self._book.heads if each.index == head.index), None)
        # One that is not kept may have been thinned out; signed later than the newest, it is a log that got shorter.
        contradicts = same.hash != head.hash if same is not None else head.at > newest.at
        if not contradicts or self._book.conflict is not None:
            return False
        self._write(_Book(self._book.heads, head))
        return True

    def _write(self, book: _Book) -> None:
        write_atomically(self._file, msgspec.json.encode(book))
        self._book = book


def thinned(heads: Sequence[KeptHead]) -> tuple[KeptHead, ...]:
    """The newest NEWEST of them, and the first of each of the last DAYS days."""
    first: dict[date, KeptHead] = {}
    for head in heads:
        first.setdefault(head.kept_at.astimezone(LOCAL).date(), head)
    daily = {first[day].index for day in sorted(first)[-DAYS:]}
    return tuple(head for n, head in enumerate(heads, 1) if n > len(heads) - NEWEST or head.index in daily)


def start_again(file: Path, now: datetime) -> Path | None:
    """Begin a new book, after a person said why the hub's log is another one. The old one is kept beside it.

    Returns where the old one is now, None when there was none. The service `node` is to be restarted. Raises OSError.
    """
    if not file.exists():
        return None
    kept = file.with_name(f"{file.stem}-{now.astimezone(LOCAL):%Y%m%d-%H%M%S}{file.suffix}")
    file.rename(kept)
    sync_folder(file.parent)
    return kept


class HeadsWork:
    """Takes heads as they come, believes those the hub's key of the trust list signed, keeps them."""

    def __init__(self, settings: Settings, session: Session, trust: KeptTrust) -> None:
        """trust: the list that another worker keeps up to date."""
        self.book = HeadBook(file_of(settings))
        self._session = session
        self._trust = trust
        self._commune = f"{settings.where.province}/{settings.where.commune}"
        self._inbox = session.inbox(AuditPlan)
        self._unheard: deque[AuditPlan] = deque(maxlen=8)
        """Heads whose signer is not in the trust list, which may be about to come; or that the disk did not take."""
        self._tried = -1
        """Oldest generation of the trust list with which one of them was tried; -1 for the disk."""

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: until stopped."""
        self._judge()
        while not stop.is_set():
            beat()
            received = self._inbox.get(WAIT_S)
            if received is not None:
                self._take(received.message)
            elif self._unheard and self._tried != self._trust.generation:
                waiting = list(self._unheard)
                self._unheard.clear()
                for plan in waiting:
                    self._take(plan)

    def _take(self, plan: AuditPlan) -> None:
        session, now = self._session, self._session.clock.now()
        believed = self._trust.generation
        try:
            if self.book.take(plan.signed, self._open(plan, now), now) and self.book.conflict is not None:
                log.error("the hub's audit log contradicts what is kept", extra={"event": "audit-conflict"})
            session.cleared("head-refused")
            session.cleared("head-disk")
        except Refused as why:
            log.warning("head of the audit log refused: %s", why, extra={"event": "head-refused"})
            if why.code in ("no-trust", "unknown-key"):
                self._wait(plan, believed)
            if why.code != "no-trust":
                session.problem("head-refused", sentence(why.code))
        except OSError as why:
            self._wait(plan, -1)
            session.problem("head-disk", f"Máy hết chỗ ghi, cần người xem: {why}")
        self._judge()

    def _wait(self, plan: AuditPlan, tried: int) -> None:
        self._tried = min(self._tried, tried) if self._unheard else tried
        self._unheard.append(plan)

    def _open(self, plan: AuditPlan, now: datetime) -> AuditBody:
        if self._trust.body is None:
            raise Refused("no-trust", "head of the audit log")
        body = open_signed(plan.signed, "audit", self._trust.body, "hub", now, AuditBody)
        if body.commune != self._commune:
            raise Refused("wrong-commune", body.commune)
        return body

    def _judge(self) -> None:
        if self.book.conflict is not None:
            self._session.problem("audit-changed", CHANGED)


def _read(file: Path) -> _Book:
    """What the file holds; a damaged one is put aside, never written over."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Book)
    except FileNotFoundError:
        return _Book()
    except (OSError, msgspec.DecodeError) as why:
        log.error("%s cannot be read: %s", file, why, extra={"event": "heads-damaged"})
        file.replace(file.with_name(f"{file.name}.damaged"))
        return _Book()
