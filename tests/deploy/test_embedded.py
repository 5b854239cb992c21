"""The embedded broker keeps what plain amqtt gives away. Every claim is tested by what is delivered."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from broker.contract.message import LARGE
from broker.contract.rights import hub_identities, node_identities
from deploy.embedded import command
from tests.brokers import RunningBroker
from tests.until import until

PLAN = "ls/00/00000/thon-01/speaker/plan/plays"
RECEIPT = "ls/00/00000/thon-01/speaker/event/receipt"
STATE = "ls/00/00000/thon-01/speaker/state/service"
STATES = "ls/00/00000/+/speaker/state/service"
ALARM = "ls/00/00000/thon-01/camera/alarm/motion-started"
PATIENCE_S = 5.0


class Visitor:
    """A paho client with what it heard."""

    def __init__(self, broker: RunningBroker, who: str, **how: str) -> None:
        self.answers: queue.Queue[str] = queue.Queue()
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.gone = threading.Event()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=how.get("client_id", who), protocol=mqtt.MQTTv311
        )
        self._client.username_pw_set(who, how.get("password", broker.passwords[who]))
        if "will" in how:
            self._client.will_set(how["will"], b"will", 1, retain=True)
        self._client.on_connect = lambda c, d, f, reason, p: self.answers.put(str(reason))
        self._client.on_disconnect = lambda *_: self.gone.set()
        self._client.on_message = lambda c, d, m: self.heard.put((m.topic, m.payload))
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self.answer = self.answers.get(timeout=PATIENCE_S)

    def subscribe(self, pattern: str) -> None:
        """Subscribe and wait until the broker has answered."""
        done = threading.Event()
        self._client.on_subscribe = lambda *_: done.set()
        self._client.subscribe(pattern, 1)
        assert done.wait(PATIENCE_S)

    def say(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish at QoS 1 and wait for the broker's answer (which says nothing about rights)."""
        with contextlib.suppress(RuntimeError, ValueError):
            self._client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_S)

    def cut(self) -> None:
        """Break the connection without a goodbye."""
        self._client._sock_close()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    everyone = hub_identities() + node_identities("thon-01") + node_identities("thon-02")
    running = RunningBroker("amqtt", tmp_path_factory.mktemp("embedded"), everyone)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def come(broker: RunningBroker):
    visitors: list[Visitor] = []

    def connect(who: str, **how: str) -> Visitor:
        visitors.append(Visitor(broker, who, **how))
        return visitors[-1]

    yield connect
    for each in visitors:
        each.close()


def marker(sender: Visitor, receiver: Visitor, payload: bytes) -> None:
    """After this, everything sent before has been delivered, or never will be."""
    sender.say(RECEIPT, payload)
    while receiver.heard.get(timeout=PATIENCE_S)[1] != payload:
        pass


def test_a_newcomer_gets_no_retained_message_that_others_subscribed_to(come):
    speaker, announce = come("thon-01.speaker"), come("hub.announce")
    speaker.subscribe(PLAN)
    announce.say(PLAN, b"secret plan", retain=True)
    assert speaker.heard.get(timeout=PATIENCE_S) == (PLAN, b"secret plan")
    stranger = come("thon-02.speaker")
    stranger.subscribe("ls/00/00000/thon-02/speaker/plan/plays")
    announce.say("ls/00/00000/thon-02/speaker/plan/plays", b"own plan")
    assert stranger.heard.get(timeout=PATIENCE_S)[1] == b"own plan"
    assert stranger.heard.empty()
    announce.say(PLAN, b"", retain=True)


def test_a_will_on_a_topic_one_may_not_use_keeps_the_visitor_out(come):
    assert come("thon-02.kiosk", will=PLAN).answer == "Not authorized"


def test_an_own_will_is_said_when_the_connection_breaks(come):
    ingest = come("hub.ingest")
    ingest.subscribe(STATES)
    speaker = come("thon-01.speaker", will=STATE)
    speaker.cut()
    assert ingest.heard.get(timeout=PATIENCE_S) == (STATE, b"will")


def test_a_wrong_password_does_not_end_the_true_session(come):
    ingest, speaker = come("hub.ingest"), come("thon-01.speaker")
    ingest.subscribe("ls/00/00000/+/speaker/event/receipt")
    assert come("thon-01.speaker", password="guessed").answer == "Not authorized"
    marker(speaker, ingest, b"still here")
    assert not speaker.gone.is_set()


def test_nobody_takes_another_identitys_name(come):
    ingest, speaker = come("hub.ingest"), come("thon-01.speaker")
    ingest.subscribe("ls/00/00000/+/speaker/event/receipt")
    assert come("thon-02.board", client_id="thon-01.speaker").answer == "Not authorized"
    marker(speaker, ingest, b"mine still")


def test_the_same_identity_coming_again_replaces_its_old_connection(come):
    ingest, old = come("hub.ingest"), come("thon-01.speaker")
    ingest.subscribe("ls/00/00000/+/speaker/event/receipt")
    new = come("thon-01.speaker")
    assert new.answer == "Success"
    assert old.gone.wait(PATIENCE_S)
    old.close()


def test_a_forged_message_and_a_greedy_subscription_bring_nothing(come):
    ingest, thief, speaker = come("hub.ingest"), come("thon-02.camera"), come("thon-01.speaker")
    for pattern in (
        STATES,
        "ls/00/00000/+/speaker/event/receipt",
        "ls/00/00000/+/camera/alarm/motion-started",
    ):
        ingest.subscribe(pattern)
    for pattern in ("#", "ls/#", "ls/00/00000/+/+/+/+", "$SYS/#", RECEIPT):
        thief.subscribe(pattern)
    thief.say(ALARM, b"forged")
    thief.say(PLAN, b"forged", retain=True)
    marker(speaker, ingest, b"true")
    assert thief.heard.empty()
    assert all(payload != b"forged" for _, payload in list(ingest.heard.queue))


def test_a_packet_above_the_limit_ends_the_connection_and_harms_nobody(come):
    ingest, speaker = come("hub.ingest"), come("thon-01.speaker")
    ingest.subscribe("ls/00/00000/+/speaker/event/receipt")
    ingest.subscribe("ls/00/00000/+/camera/alarm/motion-started")
    camera = come("thon-01.camera")
    camera._client.publish(ALARM, b"x" * (LARGE + 20_000), 1)
    assert camera.gone.wait(PATIENCE_S)
    camera.close()
    marker(speaker, ingest, b"after the flood")


def test_the_largest_packet_passes(come):
    ingest, camera = come("hub.ingest"), come("thon-01.camera")
    ingest.subscribe("ls/00/00000/+/camera/alarm/motion-started")
    camera.say(ALARM, b"x" * (LARGE - 200))
    assert len(ingest.heard.get(timeout=PATIENCE_S)[1]) == LARGE - 200


def test_a_subscription_coming_in_the_middle_of_deliveries_loses_none(come):
    ingest, speaker = come("hub.ingest"), come("thon-01.speaker")
    ingest.subscribe("ls/00/00000/+/speaker/event/receipt")
    newcomers = threading.Thread(
        target=lambda: [come(f"thon-02.{s}") for s in ("node", "camera", "kiosk", "board")]
    )
    newcomers.start()
    for number in range(200):
        speaker.say(RECEIPT, str(number).encode())
    newcomers.join()
    heard = [ingest.heard.get(timeout=PATIENCE_S)[1] for _ in range(200)]
    assert heard == [str(number).encode() for number in range(200)]


def test_a_bad_configuration_is_one_line_and_exit_78(tmp_path: Path):
    import subprocess

    done = subprocess.run(
        command(tmp_path / "none.json"), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 78
    assert "none.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_ends_at_once_when_asked(tmp_path: Path):
    running = RunningBroker("amqtt", tmp_path, hub_identities())
    running.start()
    process = running.process
    assert process is not None
    process.terminate()
    assert process.wait(3) == 0
    until(lambda: not running._listens(), 3)
