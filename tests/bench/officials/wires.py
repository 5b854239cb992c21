"""Forty connections over a real broker, and one whole loudspeaker service that believes the same commune."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import HUB, Identity, filters_of
from broker.contract.hub import PlayNow
from broker.link.session import Session
from tests.bench.officials.commune import NODES, NOW, Keys
from tests.brokers import PLACE, RunningBroker
from tests.link.living import living, session_of
from tests.speaker.house import House
from tests.speaker.signers import Signers
from tests.until import until

ANNOUNCE = Identity(HUB, "announce")


class Listener:
    """One node's connection: when each command to play at once came."""

    def __init__(self, who: Identity, broker: RunningBroker) -> None:
        self.came_s: list[float] = []
        self.is_there = threading.Event()
        self._filters = [(each, 1) for each in filters_of(PLACE, who, PlayNow)]
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
        client.username_pw_set(str(who), broker.passwords[str(who)])
        client.on_connect = lambda it, *_: it.subscribe(self._filters)
        client.on_subscribe = lambda *_: self.is_there.set()
        client.on_message = lambda *_: self.came_s.append(time.monotonic())
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        self._client = client

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


class Wires:
    """From announce to forty nodes."""

    def __init__(self, announce: Session, listeners: list[Listener]) -> None:
        self._announce, self._listeners = announce, listeners

    def send(self, commands: dict[Identity, PlayNow]) -> list[float]:
        """Seconds from the first word until each node has its command. Raises AssertionError after 30 s."""
        before = len(self._listeners[0].came_s)
        began_s = time.monotonic()
        for to, command in commands.items():
            self._announce.send(command, to=to)
        until(lambda: all(len(each.came_s) > before for each in self._listeners), 30)
        return [each.came_s[before] - began_s for each in self._listeners]


@contextmanager
def wires(folder: Path) -> Iterator[Wires]:
    """A broker, announce's real session, and forty listeners."""
    nodes = [Identity(f"thon-{number:02d}", "speaker") for number in range(1, NODES + 1)]
    broker = RunningBroker("mosquitto", folder / "broker", (*nodes, ANNOUNCE))
    broker.start()
    with ExitStack() as stack:
        stack.callback(broker.stop)
        listeners = [Listener(who, broker) for who in nodes]
        for each in listeners:
            stack.callback(each.close)
        until(lambda: all(each.is_there.is_set() for each in listeners), 60)
        announce = session_of(ANNOUNCE, broker, folder)
        stack.enter_context(living(announce))
        yield Wires(announce, listeners)


@contextmanager
def house(folder: Path, keys: Keys) -> Iterator[House]:
    """One whole loudspeaker service of that commune, in real time, with files for a card."""
    folder.mkdir(parents=True)
    commune: Any = SimpleNamespace(folder=keys.commune)
    signers = Signers(commune, keys.private, keys.trust, keys.signed_trust, "hub")
    found = House(folder, cast(Any, signers), now=NOW, speed=1.0)
    found.start()
    try:
        found.hear(signers.trust_plan())
        yield found
    finally:
        found.end()
