"""Rights, proved by delivery: every identity says every message of every node, and we look at who heard it.

A granted subscription and an acknowledged publication prove nothing on Mosquitto and amqtt; only what arrives
counts. RabbitMQ ends the connection of whoever asks for too much, so there every forbidden word and filter has a
connection of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import HUB, MESSAGES, Identity, filters_of, spec_of, topic_of
from broker.contract.message import HUB_SERVICES, LARGE, NODE_SERVICES
from tests import raw_mqtt
from tests.brokers import KINDS, PLACE, RunningBroker, broker_of
from tests.until import until

pytestmark = pytest.mark.timeout(300)

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


WIDE = ("#", "ls/#", f"ls/{PLACE.province}/{PLACE.commune}/#", "$SYS/#", "$CONTROL/#")
STRANGE = "ls/99/99999/thon-01/kiosk/event/feedback"


def own_filters(who: Identity) -> set[str]:
    """What the contract lets an identity listen to."""
    return {pattern for kind in MESSAGES for pattern in filters_of(PLACE, who, kind)}


class Voice:
    """A connection of one identity that tries to hear and say everything (on RabbitMQ: hears what it may)."""

    def __init__(self, who: Identity, broker: RunningBroker) -> None:
        self.who = who
        self.heard: set[tuple[str, str]] = set()
        self._subscribed = threading.Event()
        self._wanted = sorted(own_filters(who) | (set() if is_strict(broker) else {*WIDE, *TOPICS}))
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
        client.username_pw_set(str(who), broker.passwords[str(who)])
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda _c, _d, packet: self.heard.add((packet.topic, packet.payload.decode()))
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        self.client = client

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        if self._wanted:
            client.subscribe([(each, 0) for each in self._wanted])
        else:
            self._subscribed.set()

    def ready(self) -> bool:
        return self._subscribed.is_set()


def is_strict(broker: RunningBroker) -> bool:
    """Whether it hangs up on whoever asks for too much."""
    return broker.kind == "rabbitmq"


def ask_alone(broker: RunningBroker, who: Identity, client_id: str, packet: bytes) -> bool:
    """Whether a connection of its own gets something acknowledged."""
    said = raw_mqtt.ask(broker.port, str(who), broker.passwords[str(who)], client_id, packet)
    assert raw_mqtt.CONNACK in said
    return len(said) > 1


def granted_filters(broker: RunningBroker, who: Identity) -> set[str]:
    """Of all filters there are, those under which an identity may listen.

    What it may is asked for again: RabbitMQ refuses as long as it still clears away the connection before.
    """
    every = {*WIDE, *TOPICS, *(each for other in EVERYONE for each in own_filters(other))}

    def is_granted(pattern: str) -> bool:
        return ask_alone(broker, who, str(who), raw_mqtt.subscribe(pattern))

    for pattern in own_filters(who):
        until(lambda pattern=pattern: is_granted(pattern), 20, lambda pattern=pattern: (who, pattern))
    return own_filters(who) | {pattern for pattern in every - own_filters(who) if is_granted(pattern)}


def say_one_by_one(broker: RunningBroker, who: Identity) -> set[str]:
    """Say everything, each on a connection of its own; which of it was acknowledged."""
    body = str(who).encode()
    return {
        topic
        for n, topic in enumerate((*TOPICS, STRANGE))
        if ask_alone(broker, who, f"{who}/{n}", raw_mqtt.publish(topic, body))
    }


def say_everything(broker: RunningBroker, voices: Sequence[Voice]) -> None:
    """Every identity says every message of every node, and one of another commune."""
    if not is_strict(broker):
        for voice in voices:
            for topic in (*TOPICS, STRANGE):
                voice.client.publish(topic, f"{voice.who}", qos=0)
        return
    with ThreadPoolExecutor(8) as pool:
        said = dict(zip(EVERYONE, pool.map(lambda who: say_one_by_one(broker, who), EVERYONE), strict=True))
    assert said == {who: sayable(who) for who in EVERYONE}


def sayable(sender: Identity) -> set[str]:
    """What the contract lets an identity say, to whomever."""
    return {
        topic
        for topic, (kind, named) in TOPICS.items()
        if sender.service in spec_of(kind).senders
        and (sender.node == HUB if spec_of(kind).delivery.addressed else sender == named)
    }


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    yield from broker_of(request, tmp_path, EVERYONE)


def test_every_identity_says_everything_and_only_what_the_contract_allows_arrives(
    broker: RunningBroker,
) -> None:
    if is_strict(broker):
        with ThreadPoolExecutor(8) as pool:
            granted = list(pool.map(lambda who: granted_filters(broker, who), EVERYONE))
        assert dict(zip(EVERYONE, granted, strict=True)) == {who: own_filters(who) for who in EVERYONE}
    voices = {who: Voice(who, broker) for who in EVERYONE}
    try:
        for who, voice in voices.items():
            until(voice.ready, 20, lambda who=who: who)
        say_everything(broker, list(voices.values()))
        wanted = {
            (receiver, topic, str(sender))
            for sender in EVERYONE
            for receiver in EVERYONE
            for topic in TOPICS
            if expected(sender, receiver, topic)
        }

        def heard() -> set[tuple[Identity, str, str]]:
            return {(who, topic, said) for who, voice in voices.items() for topic, said in voice.heard.copy()}

        until(lambda: wanted <= heard(), 60, lambda: sorted(map(str, wanted - heard()))[:5])
        # A second round as a fence: what the first round wrongly let through has arrived by the time this has.
        for who, voice in voices.items():
            for topic in sayable(who) if is_strict(broker) else TOPICS:
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
        came, gone = threading.Event(), threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(camera), protocol=mqtt.MQTTv311)
        client.username_pw_set(str(camera), broker.passwords[str(camera)])
        client.will_set(topic, "speak!", qos=1)
        client.on_connect = lambda *_, came=came: came.set()
        client.on_disconnect = lambda *_, gone=gone: gone.set()
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        until(lambda came=came, gone=gone: came.is_set() or gone.is_set(), 20)
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
    """Right password, another's client id: the victim must stay connected and be heard.

    RabbitMQ does not tie the id to the user: the victim is pushed out, comes back, and nothing is said as it.
    """
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
    if is_strict(broker):
        thief.disconnect()
        assert not ask_alone(broker, camera, str(kiosk), raw_mqtt.publish(topic, b"as another"))
        for each in own_filters(kiosk) | own_filters(camera):
            assert not ask_alone(broker, camera, str(kiosk), raw_mqtt.subscribe(each))
        until(victim.client.is_connected, 60)
    assert victim.client.is_connected()
    victim.client.publish(topic, "still here", qos=1)
    try:
        until(lambda: (topic, "still here") in ingest.heard, 20)
        assert (topic, "as another") not in ingest.heard
    finally:
        thief.loop_stop()
        for voice in (victim, ingest):
            voice.client.disconnect()
            voice.client.loop_stop()


def test_a_packet_above_the_contracts_limit_is_not_acknowledged_and_reaches_nobody(
    broker: RunningBroker,
) -> None:
    kiosk, ingest = Identity("thon-01", "kiosk"), Voice(Identity(HUB, "ingest"), broker)
    until(ingest.ready, 20)
    topic = "ls/00/00000/thon-01/kiosk/event/feedback"
    try:
        large = raw_mqtt.publish(topic, b"x" * (LARGE + 1025))
        with suppress(TimeoutError):  # RabbitMQ drops it without a word
            said = raw_mqtt.ask(broker.port, str(kiosk), broker.passwords[str(kiosk)], str(kiosk), large, 5)
            assert raw_mqtt.PUBACK not in said
        until(lambda: ask_alone(broker, kiosk, str(kiosk), raw_mqtt.publish(topic, b"fence")), 20)
        until(lambda: (topic, "fence") in ingest.heard, 20)
        assert {said for _, said in ingest.heard} == {"fence"}
    finally:
        ingest.client.disconnect()
        ingest.client.loop_stop()


def test_nobody_comes_in_without_a_password_or_with_the_brokers_own_first_account(
    broker: RunningBroker,
) -> None:
    for user, password in (("guest", "guest"), ("thon-01.kiosk", "guest"), ("thon-01.kiosk", "")):
        said = raw_mqtt.ask(broker.port, user, password, user, raw_mqtt.GOODBYE)
        assert raw_mqtt.CONNACK not in said, user
