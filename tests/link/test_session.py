"""A session over real brokers: durable to the hub's word, states with last will, commands, poison."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import ContractError, Lane, Received
from broker.contract.board import Reading, Readings
from broker.contract.hub import Ack, StopPlay
from broker.contract.kiosk import FeedbackSent, HelperCalled
from broker.contract.node import ServiceState
from broker.link.inbox import Inbox
from broker.link.packets import Stream
from broker.link.session import NotConnected, Session
from tests.brokers import KINDS, RunningBroker, broker_of
from tests.link.living import ANNOUNCE, BOARD, EVERYONE, INGEST, KIOSK, SPEAKER, living, session_of
from tests.until import until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    yield from broker_of(request, tmp_path / "broker", EVERYONE)


def feedback(number: int) -> FeedbackSent:
    return FeedbackSent(code=f"{number:010d}", at=datetime.now(UTC), sealed=b"x")


def drain(inbox: Inbox[Received], count: int, hub: Session) -> list[FeedbackSent]:
    """Play the hub: take in order what is next, say so."""
    got: list[FeedbackSent] = []

    def step() -> bool:
        received = inbox.get(0.05)
        if received is None:
            return len(got) >= count
        if received.frame.seq == len(got) + 1:
            got.append(received.message)
        with suppress(NotConnected):
            hub.send(Ack(epoch=received.frame.epoch, lane="event", upto=len(got)), to=received.who)
        return False

    until(step, 30, lambda: f"{len(got)} of {count}")
    return got


def test_what_was_sent_before_the_broker_came_arrives_in_order_and_is_then_forgotten(
    broker: RunningBroker, tmp_path: Path
) -> None:
    kiosk, hub = session_of(KIOSK, broker, tmp_path), session_of(INGEST, broker, tmp_path)
    inbox = hub.inbox(FeedbackSent, limit=2000)
    assert not kiosk.has_waiting(Lane.EVENT)
    for number in range(50):
        kiosk.send(feedback(number))
    assert kiosk.outbox.held()[Lane.EVENT] == 50
    assert kiosk.has_waiting(Lane.EVENT)
    assert not kiosk.has_waiting(Lane.ALARM)
    with living(hub, kiosk):
        got = drain(inbox, 50, hub)
        until(lambda: kiosk.outbox.held()[Lane.EVENT] == 0, 30)
    assert not kiosk.has_waiting(Lane.EVENT)
    assert not hub.has_waiting(Lane.EVENT)
    assert [int(each.code) for each in got] == list(range(50))


def test_without_acks_everything_stays_and_comes_again(broker: RunningBroker, tmp_path: Path) -> None:
    kiosk, hub = session_of(KIOSK, broker, tmp_path), session_of(INGEST, broker, tmp_path)
    inbox = hub.inbox(FeedbackSent)
    kiosk.send(feedback(1))
    with living(hub, kiosk):
        first = inbox.get(30)
        again = inbox.get(30)
    assert first is not None
    assert again is not None
    assert first.frame.seq == again.frame.seq == 1
    assert kiosk.outbox.held()[Lane.EVENT] == 1


def test_a_killed_service_is_lost_within_its_keepalive_and_a_stopped_one_is_stopped(
    broker: RunningBroker, tmp_path: Path
) -> None:
    speaker, hub = session_of(SPEAKER, broker, tmp_path), session_of(INGEST, broker, tmp_path)
    inbox = hub.inbox(ServiceState)
    states: list[str] = []

    def heard(state: str) -> bool:
        received = inbox.get(0.05)
        if received is not None and received.who == SPEAKER:
            states.append(received.message.state)
        return state in states

    with living(hub):
        with living(speaker):
            until(lambda: heard("ready"), 60)
            speaker.problem("no-card", "Không có loa.")
            until(lambda: heard("degraded"), 60)
        until(lambda: heard("stopped"), 20)
        assert "lost" not in states
        other = session_of(SPEAKER, broker, tmp_path)
        other.open()
        until(lambda: other.connected, 20)
        # The kernel closes a killed process's socket; paho has no such door, so its socket is shut as the kernel would.
        sock = other._mqtt.socket()
        assert sock is not None
        other._mqtt.on_disconnect = None
        other._mqtt.loop_stop()
        sock.shutdown(2)
        until(lambda: heard("lost"), 20)


def test_a_hub_that_comes_later_hears_the_state_that_stands(broker: RunningBroker, tmp_path: Path) -> None:
    """From the broker at once, or (RabbitMQ keeps it from filters with a wildcard) when it is said again."""
    speaker, hub = session_of(SPEAKER, broker, tmp_path), session_of(INGEST, broker, tmp_path)
    inbox = hub.inbox(ServiceState)
    with living(speaker):
        speaker.problem("no-card", "Không có loa.")
        with living(hub):
            found = None

            def heard() -> bool:
                nonlocal found
                found = inbox.get(0.05)
                return found is not None and found.who == SPEAKER

            until(heard, 60)
    assert found is not None
    assert (found.message.state, found.message.problems[0].code) == ("degraded", "no-card")


def test_packets_are_read_by_our_stream_and_not_one_by_one_by_paho(
    broker: RunningBroker, tmp_path: Path
) -> None:
    hub = session_of(INGEST, broker, tmp_path)
    with living(hub):
        assert isinstance(hub._mqtt.socket(), Stream), "paho has another place for its sockets now"


def test_a_command_reaches_its_speaker_and_needs_a_broker(broker: RunningBroker, tmp_path: Path) -> None:
    speaker, announce = session_of(SPEAKER, broker, tmp_path), session_of(ANNOUNCE, broker, tmp_path)
    inbox = speaker.inbox(StopPlay)
    with pytest.raises(NotConnected):
        announce.send(StopPlay(occurrence="", at=datetime.now(UTC)), to=SPEAKER)
    with living(speaker, announce):
        got = None

        def said() -> bool:
            nonlocal got
            announce.send(StopPlay(occurrence="", at=datetime.now(UTC)), to=SPEAKER)
            got = inbox.get(0.2)
            return got is not None

        until(said, 30)
    assert got is not None


def test_a_malformed_packet_is_kept_as_poison_and_the_next_one_still_arrives(
    broker: RunningBroker, tmp_path: Path
) -> None:
    board, hub = session_of(BOARD, broker, tmp_path), session_of(INGEST, broker, tmp_path)
    inbox = hub.inbox(Readings)
    raw = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(BOARD), protocol=mqtt.MQTTv311)
    raw.username_pw_set(str(BOARD), broker.passwords[str(BOARD)])
    own = hub.inbox(ServiceState)
    with living(hub):
        until(lambda: own.get(0.05) is not None, 60)  # it hears itself: its subscriptions stand
        raw.connect("127.0.0.1", broker.port)
        raw.loop_start()
        for payload in (b"{", b"\xff\xfe", b"[]", b'{"v":1,"at":"2026-11-21T00:00:00Z","m":{"items":[]}}'):
            raw.publish("ls/00/00000/thon-01/board/tele/readings", payload, qos=1).wait_for_publish(20)
        try:
            until(lambda: hub.poison == 4, 30)
        finally:
            raw.disconnect()
            raw.loop_stop()
        with living(board):
            at = datetime.now(UTC)
            board.send(Readings(items=[Reading(series="nha.air_celsius", at=at, value=28.5, unit="°C")]))
            until(lambda: inbox.get(0.05) is not None, 30)


def test_services_of_one_node_hear_each_other_without_a_broker(tmp_path: Path) -> None:
    away = RunningBroker("amqtt", tmp_path / "broker", EVERYONE)
    kiosk, speaker = session_of(KIOSK, away, tmp_path), session_of(SPEAKER, away, tmp_path)
    inbox = speaker.inbox(HelperCalled)
    stop = threading.Event()
    speaker.open()
    threads = [threading.Thread(target=w.run, args=(stop, lambda: None)) for w in speaker.workers()]
    for thread in threads:
        thread.start()
    try:
        kiosk.send(HelperCalled(call="c1", at=datetime.now(UTC), page="/nha"))
        received = inbox.get(5)
    finally:
        stop.set()
        speaker.close()
        for thread in threads:
            thread.join(5)
    assert received is not None
    assert received.message.call == "c1"
    assert kiosk.outbox.held()[Lane.EVENT] == 1, "the hub's copy waits for the network"


def test_a_service_cannot_say_what_the_contract_gives_to_another(tmp_path: Path) -> None:
    away = RunningBroker("amqtt", tmp_path / "broker", EVERYONE)
    kiosk = session_of(KIOSK, away, tmp_path)
    with pytest.raises(ContractError, match="may not send"):
        kiosk.send(StopPlay(occurrence="", at=datetime.now(UTC)), to=SPEAKER)
    with pytest.raises(ContractError, match="is not for"):
        kiosk.inbox(StopPlay)


def test_a_state_said_again_never_comes_after_a_newer_one(broker: RunningBroker, tmp_path: Path) -> None:
    """Two threads say states: one because something changed, one because a minute is over."""
    board, hub = session_of(BOARD, broker, tmp_path), session_of(INGEST, broker, tmp_path)
    inbox = hub.inbox(ServiceState, limit=5000)
    told: list[list[str]] = []

    def heard(wanted: str) -> bool:
        received = inbox.get(0.05)
        if received is not None and received.who == BOARD:
            told.append([each.text for each in received.message.problems])
        return bool(told) and told[-1] == [wanted]

    with living(hub, board):
        over = threading.Event()

        def repeat() -> None:
            while not over.wait(0.0005):
                board._say_states()

        repeating = threading.Thread(target=repeat)
        repeating.start()
        for number in range(200):
            board.problem("port", f"{number:04d}")
        over.set()
        repeating.join()
        until(lambda: heard("0199"), 30)
    texts = [each[0] for each in told if each]
    assert texts == sorted(texts)
