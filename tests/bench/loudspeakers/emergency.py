"""From the hub's emergency command to the first sample: the way to two hundred nodes, and what one node then takes.

A node has a computer of its own; two hundred services on this one would measure this one. So the way is measured to
two hundred connections over a real broker; the rest, the firewall's judgement and the journal included, in one whole
service, from the arrival of a command to the sample that sounds. Every way is then added to every rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import HUB, Identity, filters_of, read
from broker.contract.hub import Media, PlayNow
from broker.contract.speaker import PlayReceipt
from broker.trust.envelope import Quiet
from edge.speaker.firewall import Allowed, Ask, Post, check
from tests.bench.link.processes import figure, median
from tests.brokers import PLACE, RunningBroker
from tests.link.living import living, session_of
from tests.speaker.commune import make_signers
from tests.speaker.house import House
from tests.speaker.signers import AUDIO, MORNING, Signers, play_now
from tests.until import until

NODES: Final = 200
SHOTS: Final = 10
CALLS: Final = 20
P95_MS, MAX_MS = 500.0, 1000.0
ANNOUNCE: Final = Identity(HUB, "announce")


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """The way, the rest, and both together."""
    signers = make_signers(folder / "commune")
    ways = np.array(_ways(folder / "ways", signers))
    rests = np.array(_rests(folder / "rests", signers))
    both = (ways[:, None] + rests[None, :]).ravel()
    yield figure(
        f"command sent → come to {NODES} nodes, p95",
        float(np.percentile(ways, 95)),
        "ms",
        "all on one computer",
    )
    yield figure("… max", float(ways.max()), "ms")
    yield figure(f"command come → first sample, {CALLS} calls, middle", median([*map(float, rests)]), "ms")
    sirens = np.array(_rests(folder / "sirens", signers, has_sound=False))
    yield figure("… its sound not here: the siren, middle", median([*map(float, sirens)]), "ms")
    worst = float(sirens.max())
    yield figure("… max", worst, "ms", "500 ms allowed", worst / P95_MS)
    p95, most = float(np.percentile(both, 95)), float(both.max())
    yield figure(f"command → first sample on {NODES} nodes, p95", p95, "ms", "500 ms allowed", p95 / P95_MS)
    yield figure("… max", most, "ms", "1 s allowed", most / MAX_MS)


class _Listener:
    """One node's connection: when each command came, and the last one as it was written."""

    def __init__(self, who: Identity, broker: RunningBroker) -> None:
        self.came_s: list[float] = []
        self.last: tuple[str, bytes] = ("", b"")
        self.is_there = threading.Event()
        self._filters = [(each, 1) for each in filters_of(PLACE, who, PlayNow)]
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
        client.username_pw_set(str(who), broker.passwords[str(who)])
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self.is_there.set()
        client.on_message = self._on_message
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        self.client = client

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(self._filters)

    def _on_message(self, _client: object, _data: object, packet: mqtt.MQTTMessage) -> None:
        self.last = (packet.topic, bytes(packet.payload))
        self.came_s.append(time.monotonic())

    def is_allowed(self, signers: Signers) -> bool:
        """Whether this node's firewall would let the last command sound."""
        command: PlayNow = read(PLACE, *self.last).message
        ask = Ask(command.occurrence, command.announcement, 1, command.start, command.signed)
        place = f"{PLACE.province}/{PLACE.commune}"
        post = Post(place, "dong", signers.trust, "trusted", Quiet(), 2700)
        return isinstance(check(ask, post, command.start), Allowed)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()


def _ways(folder: Path, signers: Signers) -> list[float]:
    """Milliseconds from the first word of the hub until each node has its command, over all shots."""
    nodes = [Identity(f"thon-{number:03d}", "speaker") for number in range(NODES)]
    broker = RunningBroker("mosquitto", folder / "broker", (*nodes, ANNOUNCE))
    broker.start()
    found: list[float] = []
    with ExitStack() as stack:
        stack.callback(broker.stop)
        listeners = [_Listener(who, broker) for who in nodes]
        for each in listeners:
            stack.callback(each.close)
        until(lambda: all(each.is_there.is_set() for each in listeners), 60)
        announce = session_of(ANNOUNCE, broker, folder)
        stack.enter_context(living(announce))
        for shot in range(SHOTS):
            command = _emergency(signers, f"W{shot}", MORNING, AUDIO)
            began_s = time.monotonic()
            for who in nodes:
                announce.send(command, to=who)
            until(lambda shot=shot: all(len(each.came_s) > shot for each in listeners), 30)
            found += [(each.came_s[shot] - began_s) * 1000 for each in listeners]
        assert all(each.is_allowed(signers) for each in listeners)
    return found


def _rests(folder: Path, signers: Signers, *, has_sound: bool = True) -> list[float]:
    """Milliseconds from the arrival of a command at a service to its first sample by the sink's clock.

    has_sound: whether its sound is on the node; else the hub is away, too, and the node's own voice follows the siren.
    """
    found: list[float] = []
    with _house(folder, signers) as house:
        media = house.hub.add(0.3)
        house.hub.is_away = not has_sound
        if has_sound:
            house.store.add(house.hub.files[media.sha256], media.type)
        for number in range(CALLS):
            name = f"E{number}"
            came_at = house.clock.now()
            house.hear(_emergency(signers, name, came_at, media))
            played: PlayReceipt = house.receipt("played", name)
            assert played.started_at is not None
            found.append((played.started_at - came_at).total_seconds() * 1000)
    return found


def _emergency(signers: Signers, name: str, now: datetime, audio: Media) -> PlayNow:
    issued_at = now - timedelta(seconds=1)
    return play_now(
        signers.announcement(now, announcement=name, kind="emergency", audio=audio, issued_at=issued_at)
    )


@contextmanager
def _house(folder: Path, signers: Signers) -> Iterator[House]:
    folder.mkdir(parents=True)
    house = House(folder, signers, speed=1.0)
    house.start()
    try:
        house.hear(signers.trust_plan())
        yield house
    finally:
        house.end()
