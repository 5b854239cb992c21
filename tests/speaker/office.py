"""Desk and orders of one loudspeaker without its workers: a test hands over each message and sees what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from broker.contract import Identity
from broker.contract.hub import StopPlay
from broker.contract.message import Message, payload
from broker.contract.speaker import PlayReceipt, receipt_digest
from broker.link.inbox import Inbox
from broker.link.media import MediaStore
from broker.link.session import Session
from edge.speaker.desk import Desk
from edge.speaker.journal import Journal
from edge.speaker.orders import Orders
from edge.speaker.programme import Play
from edge.speaker.stopping import Stopping
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.speaker.signers import MORNING, Signers


class Office:
    """What decides at one loudspeaker, on a real journal."""

    def __init__(self, folder: Path, signers: Signers, clock: FakeClock | None = None) -> None:
        self.folder = folder
        self.clock = clock or FakeClock(MORNING)
        self._root = (signers.commune.folder / "root.pub").read_text()
        self.sent: list[PlayReceipt] = []
        """All receipts of all starts, in the order in which the outbox took them."""
        self.open()

    def open(self) -> None:
        """As at the start of the process: the journal from disk, the orders kept there."""
        self.session = FakeSession(Identity("thon-01", "speaker"), clock=self.clock)
        self.store = MediaStore(self.folder / "media")
        self.journal = Journal(self.folder / "journal.db")
        self.desk = Desk(cast(Session, self.session), "dong", self.journal, self.store)
        self.stopping = Stopping(self.desk, Inbox[Any](1))
        self.orders = Orders(self.desk, self.folder, self._root, Inbox[Any](1), self.stopping)
        self.orders.recall()

    def reopen(self) -> None:
        """Stop and start again."""
        self.close()
        self.open()

    def close(self) -> None:
        """Stop; what was sent is remembered."""
        self.sent += self.session.messages(PlayReceipt)
        self.journal.close()

    def hear(self, *messages: Message) -> None:
        """Take messages, one after the other, as they come out of the wire's decoder."""
        for message in messages:
            taken = msgspec.json.decode(msgspec.json.encode(message), type=type(message))
            if isinstance(taken, StopPlay):
                self.stopping.take(taken)
            self.orders.take(taken)

    def due(self) -> Play | None:
        """What would start now."""
        return self.desk.agenda().due

    def receipts(self) -> list[PlayReceipt]:
        """All receipts so far."""
        return [*self.sent, *self.session.messages(PlayReceipt)]

    def told(self, announcement: str = "A1") -> list[tuple[str, str]]:
        """States and reasons told of an announcement."""
        return [(one.state, one.reason) for one in self.receipts() if one.announcement == announcement]


def is_chain(receipts: list[PlayReceipt]) -> bool:
    """Whether these are the receipts of one book from the first on, each naming the one before it."""
    before = ""
    for number, one in enumerate(receipts, 1):
        if (one.number, one.before, one.book) != (number, before, receipts[0].book) or not one.book:
            return False
        before = receipt_digest(payload(one))
    return True
