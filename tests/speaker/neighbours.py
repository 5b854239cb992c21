"""A session without a broker whose neighbours are real: the interface of FakeSession over real nearby sockets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from broker import contract
from broker.contract import message as frames
from broker.link.nearby import Nearby
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession


class NearSession(FakeSession):
    """Says to the neighbours what is for them, and hears them."""

    def __init__(self, who: contract.Identity, folder: Path, settings: Any, clock: FakeClock) -> None:
        """folder: of the sockets; its path must be short."""
        super().__init__(who, settings, clock)
        self._near = Nearby(folder, who.service, self.place, who.node)

    def send(self, msg: Any, to: contract.Identity | None = None, *, written: bytes | None = None) -> None:
        """As FakeSession.send, and to the neighbours."""
        super().send(msg, to, written=written)
        self._tell(msg)

    def send_nearby(self, msg: Any) -> None:
        """As FakeSession.send_nearby, and really."""
        super().send_nearby(msg)
        self._tell(msg)

    def _tell(self, msg: Any) -> None:
        spec = contract.spec_of(msg)
        if spec.nearby:
            raw = frames.encode(frames.payload(msg), self.clock.now(), self.clock.state())
            self._near.tell(spec.nearby, contract.topic_of(self.place, self.who, msg), raw)

    def _hear(self, received: contract.Received) -> None:
        for box in self._inboxes:
            if isinstance(received.message, box.types):
                box.put(received)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the neighbours."""
        stop = threading.Event()
        self._near.open()
        thread = threading.Thread(target=self._near.listen, args=(self._hear, stop, lambda: None))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(5)
