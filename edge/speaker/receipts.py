"""Writes receipts: first into the chain on this disk, then into the outbox, and again later what it did not take."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from broker.contract.message import payload
from broker.contract.speaker import PlayReceipt
from broker.link.outbox import OutboxFull
from broker.link.session import Session
from edge.speaker.chain import Link, Tell
from edge.speaker.journal import Journal

log = logging.getLogger(__name__)

AGAIN_S: Final = 5.0
"""What the disk or the outbox refused is tried again this often."""

MOST_AT_ONCE: Final = 16
"""Receipts one caller puts into the outbox: it may be the player, who must hear an order to be silent soon."""

MOST_UNWRITTEN: Final = 500
"""Receipts kept in memory while the disk takes nothing."""


class Receipts:
    """The way of a receipt. Safe for several threads; never stops a play."""

    def __init__(self, session: Session, journal: Journal) -> None:
        self._session = session
        self._journal = journal
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._unwritten: deque[PlayReceipt] = deque(maxlen=MOST_UNWRITTEN)
        self._again_s = 0.0

    def add(self, receipt: PlayReceipt) -> bool:
        """Write a receipt and send it; False when the disk refuses it for now."""
        with self._lock:
            self._unwritten.append(receipt)
            is_written = self._write()
        self._send()
        return is_written

    def flush(self) -> bool:
        """Send what was written down elsewhere, and what is left from before; False as in `add`."""
        with self._lock:
            is_written = self._write()
        self._send()
        return is_written

    def catch_up(self) -> bool:
        """The same, not more often than it makes sense. Cheap; called again and again."""
        now_s = self._session.clock.monotonic()
        if now_s < self._again_s:
            return True
        self._again_s = now_s + AGAIN_S
        return self.flush()

    def _write(self) -> bool:
        while self._unwritten:
            receipt = self._unwritten[0]
            try:
                self._journal.tell(teller(receipt), receipt.occurrence, receipt.state)
            except sqlite3.Error as why:
                log.error("receipt not written: %s", why, extra={"event": "receipt-unwritten"})
                return False
            self._unwritten.popleft()
        return True

    def _send(self) -> None:
        """What waits, in order, one thread at a time; the rest, and what came meanwhile, with the next catch-up.
        A full outbox is shown."""
        if not self._sending.acquire(blocking=False):
            self._again_s = 0.0
            return
        try:
            waiting: Sequence[tuple[int, bytes]] = self._journal.unsent()
            for number, body in waiting[:MOST_AT_ONCE]:
                self._session.send(msgspec.json.decode(body, type=PlayReceipt), written=body)
                self._journal.sent(number)
            if len(waiting) > MOST_AT_ONCE:
                self._again_s = 0.0
            self._session.cleared("outbox-full")
        except OutboxFull as why:
            self._session.problem("outbox-full", str(why))
        except (
            sqlite3.Error
        ) as why:  # of the journal or of the outbox: what was written stays and is sent later
            log.error("receipts wait: %s", why, extra={"event": "receipts-wait"})
        finally:
            self._sending.release()


def teller(receipt: PlayReceipt) -> Tell:
    """Writes this receipt wherever in the chain it will stand."""

    def tell(link: Link) -> bytes:
        return payload(
            msgspec.structs.replace(receipt, book=link.book, number=link.number, before=link.before)
        )

    return tell
