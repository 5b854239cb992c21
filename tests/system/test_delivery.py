"""Rights, proved by delivery: every identity says every message of every node, and we look at who heard it.

A granted subscription and an acknowledged publication prove nothing on either broker; only what arrives counts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import HUB, MESSAGES, Identity, filters_of, spec_of, topic_of
from broker.contract.message import HUB_SERVICES, NODE_SERVICES
from tests.brokers import KINDS, PLACE, RunningBroker
from tests.until import until

NODES = ("thon-01", "thon-02")
EVERYONE = tuple(Identity(node, service) for node in NODES for service in NODE_SERVICES) + tuple(
    Identity(HUB, service) for service in HUB_SERVICES
)


def all_topics() -> dict[str, tuple[type, Identity]]:
    """Every topic that exists in this commune, with its message and the identity it names."""
    found = {}
    for kind in MESSAGES:
        spec = spec_of(kind)
        parties = spec.receivers if spec.delivery.addressed else spec.senders
        for who in EVERYONE:
            if who.service in parties:
                found[topic_of(PLACE, who, kind)] = (kind, who)
    return found


TOPICS = all_topics()


def expected(sender: Identity, receiver: Identity, topic: str) -> bool:
    """What the contract says, spelled out without the generator under test."""
    kind, named = TOPICS[topic]
    spec = spec_of(kind)
    if spec.delivery.addressed:
        return sender.service in spec.senders and sender.node == HUB and receiver == named
    return sender == named and receiver.service in spec.receivers


class Voice:
    """A connection of one identity that tries to hear and say everything."""

    def __init__(self, who: Identity, broker: RunningBroker) -> None:
        self.who = who
        self.heard: set[tuple[str, str]] = set()
        self._subscribed = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
        client.username_pw_set(str(who), broker.passwords[str(who)])
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda _c, _d, packet: self.heard.add((packet.topic, packet.payload.decode()))
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        self.client = client

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        wanted = {"#", "ls/#", f"ls/{PLACE.province}/{PLACE.commune}/#", "$SYS/#", "$CONTROL/#", *TOPICS}
        for kind in MESSAGES:
            wanted.update(filters_of(PLACE, self.who, kind))
        client.subscribe([(each, 0) for each in sorted(wanted)])

    def ready(self) -> bool:
        return self._subscribed.is_set()


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    running = RunningBroker(request.param, tmp_path, EVERYONE)
    running.start()
    yield running
    running.stop()


def test_every_identity_says_everything_and_only_what_the_contract_allows_arrives(
    broker: RunningBroker,
) -> None:
    voices = {who: Voice(who, broker) for who in EVERYONE}
    try:
        for who, voice in voices.items():
            until(voice.ready, 20, lambda who=who: who)
        for who, voice in voices.items():
            for topic in (
                *TOPICS,
                "ls/99/99999/thon-01/kiosk/event/feedback",
            ):
                voice.client.publish(topic, f"{who}", qos=0)
        wanted = {
            (receiver, topic, str(sender))
            for sender in EVERYONE
            for receiver in EVERYONE
            for topic in TOPICS
            if expected(sender, receiver, topic)
        }

        def heard() -> set[tuple[Identity, str, str]]:
            return {(who, topic, said) for who, voice in voices.items() for topic, said in voice.heard.copy()}

        until(lambda: wanted <= heard(), 30, lambda: sorted(map(str, wanted - heard()))[:5])
        # A second round as a fence: what the first round wrongly let through has arrived by the time this has.
        for who, voice in voices.items():
            for topic in TOPICS:
                voice.client.publish(topic, f"{who} again", qos=0)
        again = {(receiver, topic, f"{sender} again") for receiver, topic, sender in wanted}
        until(lambda: again <= heard(), 60, lambda: (len(wanted), sorted(map(str, again - heard()))[:5]))
        strangers = {entry for entry in heard() if not entry[2].endswith(" again")} - wanted
        assert not strangers
        assert len(wanted) > 50
        assert len(EVERYONE) * len(TOPICS) > 500
    finally:
        for voice in voices.values():
            voice.client.disconnect()
            voice.client.loop_stop()


def test_a_will_on_a_forbidden_topic_is_never_said(broker: RunningBroker) -> None:
    """A hacked camera leaves a stop command, or a rights change, as its last will."""
    speaker = Voice(Identity("thon-01", "speaker"), broker)
    until(speaker.ready, 20)
    camera = Identity("thon-01", "camera")
    for topic in ("ls/00/00000/thon-01/speaker/cmd/stop", "$CONTROL/dynamic-security/v1"):
        gone = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(camera), protocol=mqtt.MQTTv311)
        client.username_pw_set(str(camera), broker.passwords[str(camera)])
        client.will_set(topic, "speak!", qos=1)
        client.on_disconnect = lambda *_, gone=gone: gone.set()
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        sock = client.socket()
        if sock is not None:
            sock.shutdown(2)
        until(gone.is_set, 10)
        client.loop_stop()
    announce = Voice(Identity(HUB, "announce"), broker)
    until(announce.ready, 20)
    announce.client.publish("ls/00/00000/thon-01/speaker/cmd/stop", "fence", qos=1)
    try:
        until(lambda: ("ls/00/00000/thon-01/speaker/cmd/stop", "fence") in speaker.heard, 10)
        assert not any(said == "speak!" for _, said in speaker.heard)
    finally:
        for voice in (speaker, announce):
            voice.client.disconnect()
            voice.client.loop_stop()


def test_a_stranger_cannot_take_the_name_of_another(broker: RunningBroker) -> None:
    """Right password, another's client id: the victim must stay connected and be heard."""
    kiosk, camera = Identity("thon-01", "kiosk"), Identity("thon-02", "camera")
    victim, ingest = Voice(kiosk, broker), Voice(Identity(HUB, "ingest"), broker)
    until(victim.ready, 20)
    until(ingest.ready, 20)
    thief = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(kiosk), protocol=mqtt.MQTTv311)
    thief.username_pw_set(str(camera), broker.passwords[str(camera)])
    answered = threading.Event()
    thief.on_connect = lambda *_: answered.set()
    thief.on_disconnect = lambda *_: answered.set()
    thief.connect("127.0.0.1", broker.port)
    thief.loop_start()
    until(answered.is_set, 10)
    topic = "ls/00/00000/thon-01/kiosk/event/feedback"
    assert victim.client.is_connected()
    victim.client.publish(topic, "still here", qos=1)
    try:
        until(lambda: (topic, "still here") in ingest.heard, 10)
    finally:
        thief.loop_stop()
        for voice in (victim, ingest):
            voice.client.disconnect()
            voice.client.loop_stop()
