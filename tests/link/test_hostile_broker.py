"""A broker in bad hands delivers what its clients never asked for; a session takes only what is for its service."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from broker.contract import Identity, topic_of
from broker.contract.board import Reading, Readings
from broker.contract.hub import StopPlay
from broker.contract.kiosk import HelperCalled
from broker.contract.message import Message, encode
from broker.link.clock import MachineClock
from broker.link.session import Session
from tests.brokers import PLACE
from tests.settings import give_passwords, node_settings
from tests.until import until

pytestmark = pytest.mark.timeout(120)

SPEAKER, KIOSK, OTHER = (
    Identity(*each) for each in (("thon-01", "speaker"), ("thon-01", "kiosk"), ("thon-02", "speaker"))
)
CONNACK = b"\x20\x02\x00\x00"


class HostileBroker:
    """Takes one connection on, and writes to it whatever it is given."""

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._link: socket.socket | None = None
        self.is_there = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._link, _ = self._door.accept()
            self._link.recv(4096)
            self._link.sendall(CONNACK)
            self.is_there.set()
            while self._link.recv(4096):
                pass
        except OSError:
            return

    def deliver(self, topic: str, message: Message, epoch: str = "", seq: int = 0) -> None:
        """One PUBLISH of QoS 0, asked for or not."""
        assert self._link is not None
        raw = encode(msgspec.json.encode(message), datetime.now(UTC), "trusted", epoch, seq)
        name = topic.encode()
        body = struct.pack(">H", len(name)) + name + raw
        size = bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
        self._link.sendall(b"\x30" + size + body)

    def close(self) -> None:
        """Hang up."""
        self._door.close()
        if self._link is not None:
            self._link.shutdown(socket.SHUT_RDWR)
            self._link.close()
        self._thread.join(10)


@pytest.fixture
def broker() -> Iterator[HostileBroker]:
    made = HostileBroker()
    yield made
    made.close()


def test_what_is_not_for_a_service_is_refused_even_when_the_broker_brings_it(
    broker: HostileBroker, tmp_path: Path
) -> None:
    settings = node_settings(tmp_path, "thon-01", broker.port)
    give_passwords(settings, {str(SPEAKER): "any"})
    session = Session(settings, "speaker", MachineClock(tmp_path / "floor", "host"))
    inbox = session.inbox(StopPlay, HelperCalled)
    session.open()
    try:
        until(broker.is_there.is_set, 30)
        until(lambda: session.connected, 30)
        now = datetime.now(UTC)
        level = Reading(series="water_level_m", at=now, value=9.9, unit="m")
        call = HelperCalled(call="c", at=now, page="/")
        # Only a neighbour, over the node's own socket, may make it chime.
        broker.deliver(topic_of(PLACE, KIOSK, HelperCalled), call, "e", 1)
        broker.deliver(topic_of(PLACE, OTHER, StopPlay), StopPlay(occurrence="", at=now))
        broker.deliver(
            topic_of(PLACE, Identity("thon-01", "board"), Readings), Readings(items=[level]), "e", 1
        )
        broker.deliver(topic_of(PLACE, SPEAKER, StopPlay), StopPlay(occurrence="mine", at=now))
        received = inbox.get(30)
        assert received is not None
        assert received.message.occurrence == "mine"
        assert inbox.get(0.05) is None
        assert session.poison == 3
    finally:
        session.close()
        session.outbox.close()
