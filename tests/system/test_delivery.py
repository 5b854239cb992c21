"""Rights, proved by delivery: every identity says every message of every node, and we look at who heard it.

A granted subscription and an acknowledged publication prove nothing on Mosquitto and amqtt; only what arrives
counts. With certificates two more try: a revoked node whose certificates still count, and a stranger whom the
commune once certified but never gave rights. RabbitMQ ends the connection of whoever asks for too much, so there
every forbidden word and filter has a connection of its own.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import HUB, MESSAGES, Identity, filters_of, spec_of, topic_of
from broker.contract.message import HUB_SERVICES, LARGE, NODE_SERVICES
from broker.contract.rights import CANARY, CONTROL, RIGHTS_KEEPER, canary_topics
from broker.hub.keys.control import controlling
from broker.hub.keys.rights import push
from tests import raw_mqtt
from tests.brokers import KINDS, PLACE, RunningBroker, broker_of
from tests.trusted_commune import TrustedCommune
from tests.until import until

pytestmark = pytest.mark.timeout(300)

NODES = ("thon-01", "thon-02")
EVERYONE = tuple(Identity(node, service) for node in NODES for service in NODE_SERVICES) + tuple(
    Identity(HUB, service) for service in HUB_SERVICES
)
EVERYONE += (RIGHTS_KEEPER, CANARY)
REVOKED = tuple(Identity("thon-03", service) for service in NODE_SERVICES)
STRANGER = "stranger"
TRIAL = canary_topics(PLACE)
AnyBroker = RunningBroker | TrustedCommune


def all_topics() -> dict[str, tuple[type, Identity]]:
    """Every topic that exists in this commune, with its message and the identity it names."""
    found = {}
    for kind in MESSAGES:
        spec = spec_of(kind)
        parties = spec.receivers if spec.delivery.addressed else spec.senders
        for who in (*EVERYONE, *REVOKED):
            if who.service in parties:
                found[topic_of(PLACE, who, kind)] = (kind, who)
    return found


TOPICS = all_topics()
SAID = (*TOPICS, *TRIAL.forbidden, TRIAL.own)
"""Everything that is said, the trial of the canary included."""
HERE = tuple(topic for topic in SAID if "/thon-03/" not in topic)
"""The same without the revoked node, where each word costs a connection."""


def expected(sender: Identity, receiver: Identity, topic: str) -> bool:
    """What the contract says, spelled out without the generator under test."""
    if topic not in TOPICS:  # the trial: the witness alone, and whoever hears all readings
        hears_readings = topic == TRIAL.tele and receiver == Identity(HUB, "ingest")
        return sender == RIGHTS_KEEPER and (receiver == RIGHTS_KEEPER or hears_readings)
    kind, named = TOPICS[topic]
    if named in REVOKED:
        return False
    spec = spec_of(kind)
    if spec.delivery.addressed:
        return sender.service in spec.senders and sender.node == HUB and receiver == named
    return sender == named and receiver.service in spec.receivers


WIDE = ("#", "ls/#", f"ls/{PLACE.province}/{PLACE.commune}/#", "$SYS/#", "$CONTROL/#")
STRANGE = "ls/99/99999/thon-01/kiosk/event/feedback"


def own_filters(who: Identity) -> set[str]:
    """What the contract lets an identity listen to."""
    if who == RIGHTS_KEEPER:
        return {*TRIAL.forbidden, TRIAL.own}
    return {pattern for kind in MESSAGES for pattern in filters_of(PLACE, who, kind)}


def client_of(who: Identity | str, broker: AnyBroker) -> mqtt.Client:
    """A client with the identity's certificate or password."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(2000)
    if isinstance(broker, TrustedCommune):
        client.tls_set_context(broker.context_of(who))
    else:
        client.username_pw_set(str(who), broker.passwords[str(who)])
    return client


class Voice:
    """A connection of one identity that tries to hear and say everything (on RabbitMQ: hears what it may)."""

    def __init__(self, who: Identity | str, broker: AnyBroker) -> None:
        self.who = who
        self.heard: set[tuple[str, str]] = set()
        self._subscribed = threading.Event()
        own = own_filters(who) if isinstance(who, Identity) else set()
        self._wanted = sorted(own | (set() if is_strict(broker) else {*WIDE, *SAID}))
        client = client_of(who, broker)
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

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def is_strict(broker: AnyBroker) -> bool:
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
    every = {*WIDE, *HERE, *(each for other in EVERYONE for each in own_filters(other))}

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
        for n, topic in enumerate((*HERE, STRANGE))
        if ask_alone(broker, who, f"{who}/{n}", raw_mqtt.publish(topic, body))
    }


def say_everything(broker: AnyBroker, voices: Sequence[Voice]) -> None:
    """Every identity says every message of every node, and one of another commune."""
    if isinstance(broker, TrustedCommune) or not is_strict(broker):
        for voice in voices:
            for topic in (*SAID, STRANGE):
                voice.client.publish(topic, f"{voice.who}", qos=0)
            # The embedded broker knows no such topic, and drops whoever names it without a word.
            if isinstance(broker, TrustedCommune) and voice.who != RIGHTS_KEEPER:
                grab = {"command": "createClient", "username": f"grabbed-by-{voice.who}", "roles": []}
                voice.client.publish(CONTROL, json.dumps({"commands": [grab]}), qos=0)
        return
    with ThreadPoolExecutor(8) as pool:
        said = dict(zip(EVERYONE, pool.map(lambda who: say_one_by_one(broker, who), EVERYONE), strict=True))
    assert said == {who: sayable(who) for who in EVERYONE}


def sayable(sender: Identity) -> set[str]:
    """What the contract lets an identity say, to whomever."""
    if sender == RIGHTS_KEEPER:
        return {*TRIAL.forbidden, TRIAL.own}
    return {
        topic
        for topic, (kind, named) in TOPICS.items()
        if named not in REVOKED
        and sender.service in spec_of(kind).senders
        and (sender.node == HUB if spec_of(kind).delivery.addressed else sender == named)
    }


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    yield from broker_of(request, tmp_path, EVERYONE)


@pytest.fixture(params=[*KINDS, "certificates"])
def any_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyBroker]:
    if request.param != "certificates":
        yield from broker_of(request, tmp_path, EVERYONE)
        return
    commune = TrustedCommune(tmp_path)
    commune.start()
    for node in (*NODES, "thon-03"):
        commune.enrol(node)
    push(commune.settings, commune.database, datetime.now(UTC))
    commune.revoke("thon-03")
    push(
        commune.settings, commune.database, datetime.now(UTC)
    )  # the list of revoked certificates is not told yet
    yield commune
    commune.close()


def outsiders(broker: AnyBroker) -> list[Identity | str]:
    """Who may come in and nothing else."""
    return [*REVOKED, STRANGER] if isinstance(broker, TrustedCommune) else []


def test_every_identity_says_everything_and_only_what_the_contract_allows_arrives(
    any_broker: AnyBroker,
) -> None:
    broker = any_broker
    if isinstance(broker, RunningBroker) and is_strict(broker):
        with ThreadPoolExecutor(8) as pool:
            granted = list(pool.map(lambda who: granted_filters(broker, who), EVERYONE))
        assert dict(zip(EVERYONE, granted, strict=True)) == {who: own_filters(who) for who in EVERYONE}
    voices = {who: Voice(who, broker) for who in (*EVERYONE, *outsiders(broker))}
    try:
        for who, voice in voices.items():
            until(voice.ready, 20, lambda who=who: who)
        say_everything(broker, list(voices.values()))
        wanted = {
            (receiver, topic, str(sender))
            for sender in EVERYONE
            for receiver in EVERYONE
            for topic in SAID
            if expected(sender, receiver, topic)
        }

        def heard() -> set[tuple[Identity | str, str, str]]:
            return {(who, topic, said) for who, voice in voices.items() for topic, said in voice.heard.copy()}

        until(lambda: wanted <= heard(), 60, lambda: sorted(map(str, wanted - heard()))[:5])
        # A second round as a fence: what the first round wrongly let through has arrived by the time this has.
        for who, voice in voices.items():
            for topic in sayable(who) if is_strict(broker) else SAID:
                voice.client.publish(topic, f"{who} again", qos=0)
        again = {(receiver, topic, f"{sender} again") for receiver, topic, sender in wanted}
        until(lambda: again <= heard(), 60, lambda: (len(wanted), sorted(map(str, again - heard()))[:5]))
        strangers = {entry for entry in heard() if not entry[2].endswith(" again")} - wanted
        assert not strangers
        assert len(wanted) > 50
        assert len(EVERYONE) * len(TOPICS) > 500
        assert not [entry for entry in heard() if entry[1].startswith("$")]
        if isinstance(broker, TrustedCommune):
            voices.pop(RIGHTS_KEEPER).close()
            with controlling(broker.settings) as control:
                known = set(control.look().clients)
            assert known == {str(who) for who in EVERYONE}
    finally:
        for voice in voices.values():
            voice.close()


WILLS = (
    (Identity("thon-01", "camera"), "ls/00/00000/thon-01/speaker/cmd/stop"),
    (Identity("thon-02", "speaker"), "ls/00/00000/thon-01/speaker/event/receipt"),
    (Identity("thon-01", "kiosk"), "ls/00/00000/thon-02/speaker/plan/plays"),
    (Identity("thon-01", "board"), CONTROL),
    (CANARY, TRIAL.plan),
    (RIGHTS_KEEPER, "ls/00/00000/thon-01/speaker/cmd/stop"),
)
"""Who leaves what as a last will; none of it may ever be said."""
OUTSIDE_WILLS = (
    (REVOKED[0], "ls/00/00000/thon-03/node/state/service"),
    (REVOKED[1], "ls/00/00000/thon-01/speaker/cmd/stop"),
    (STRANGER, "ls/00/00000/thon-01/speaker/cmd/stop"),
)


def die(who: Identity | str, broker: AnyBroker, topic: str, will: str) -> None:
    """Come in and vanish without goodbye; a broker may refuse the will together with its owner."""
    came, gone = threading.Event(), threading.Event()
    client = client_of(who, broker)
    client.will_set(topic, will, qos=1)
    client.on_connect = lambda *_: came.set()
    client.on_disconnect = lambda *_: gone.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    until(lambda: came.is_set() or gone.is_set(), 20)
    sock = client.socket()
    if sock is not None:
        sock.shutdown(2)
    until(gone.is_set, 20)
    client.loop_stop()


def test_wills_on_forbidden_topics_are_never_said_and_a_rightful_one_is(any_broker: AnyBroker) -> None:
    broker = any_broker
    hearers = [Voice(who, broker) for who in (*[Identity("thon-01", each) for each in ("speaker", "node")],
               Identity("thon-02", "speaker"), Identity(HUB, "ingest"))]  # fmt: skip
    try:
        for voice in hearers:
            until(voice.ready, 20)
        grab = json.dumps({"commands": [{"command": "createClient", "username": "grabbed", "roles": []}]})
        wills = (*WILLS, *(OUTSIDE_WILLS if isinstance(broker, TrustedCommune) else ()))
        for who, topic in wills:
            if not any(voice.who == who for voice in hearers):
                die(who, broker, topic, grab if topic == CONTROL else f"will of {who}")
        rightful = "ls/00/00000/thon-01/camera/state/service"
        die(Identity("thon-01", "camera"), broker, rightful, "will of right")
        ingest = hearers[-1]
        until(lambda: (rightful, "will of right") in ingest.heard, 20)
        said = {entry for voice in hearers for entry in voice.heard if entry[1].startswith("will")}
        assert said == {(rightful, "will of right")}
        if isinstance(broker, TrustedCommune):
            with controlling(broker.settings) as control:
                assert "grabbed" not in control.look().clients
    finally:
        for voice in hearers:
            voice.close()


def says_hello(port: int, context: ssl.SSLContext) -> bool:
    """Whether the broker answers an MQTT greeting over this TLS."""
    with (
        suppress(OSError),
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
    ):
        tls.sendall(b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0")
        return bool(tls.recv(4))
    return False


def test_a_certificate_of_another_commune_or_none_does_not_come_in(tmp_path: Path) -> None:
    commune, other = TrustedCommune(tmp_path / "one"), TrustedCommune(tmp_path / "other")
    commune.start()
    other.enrol("thon-01")
    commune.enrol("thon-01")
    held = other.stolen["thon-01"]["thon-01.speaker"]
    assert commune.is_let_in("thon-01.speaker")
    commune.stolen["thon-01"]["thon-01.speaker"] = held
    assert not commune.is_let_in("thon-01.speaker")
    assert says_hello(commune.port, commune.context_of(Identity(HUB, "ingest")))
    nobody = ssl.create_default_context(cafile=str(commune.settings.keys_dir / "ca.pem"))
    assert not says_hello(commune.port, nobody)
    with socket.create_connection(("127.0.0.1", commune.port), 5) as plain:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError, match="alert"):  # the broker's word, not our own library's
            old.wrap_socket(plain)
    commune.close()
    other.close()


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
