"""One MQTT connection of one service: will, reconnect, send, receive, hop acks. The only importer of paho."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker import RELEASE
from broker.contract import HUB, MESSAGES, ContractError, Identity, Place, Received, parse_topic, spec_of
from broker.contract.hub import Ack
from broker.contract.message import Lane, Message, Spec, decode, encode, filters_of, payload, topic_of
from broker.contract.node import Life, Lost, Problem, ServiceState
from broker.link.clock import Clock, boot_id
from broker.link.config import Settings
from broker.link.credential import Credential
from broker.link.inbox import Allow, FairInbox, Inbox, Packet
from broker.link.nearby import Nearby, meeting_place
from broker.link.outbox import Outbox
from broker.link.packets import Hear, Stream
from broker.link.sending import WINDOW, Sending
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

TOPICS = 4096
"""Topics remembered with what they mean."""
CALM_S = 3600.0
"""So long after the last bad packet a node's service forgets that there were any."""
SAY_AGAIN_S = 60.0
"""Retained states are said again so often, or after four keepalives where that is sooner."""


class NotConnected(Exception):
    """The broker is away and this message cannot wait; the text says which message."""


class _Client(mqtt.Client):
    """paho's client over a Stream. `hear` is called on paho's thread and must not raise."""

    hear: Hear

    def _create_socket(self) -> Any:
        """paho's own place for another kind of socket; its WebSocket transport is put in here too."""
        sock: Any = super()._create_socket()
        return Stream(sock, self.hear)


class Session:
    """What a service knows of the wire: it sends typed messages and gets typed messages."""

    def __init__(self, settings: Settings, service: str, clock: Clock, spool: Path | None = None) -> None:
        """Opens the outbox; connects only with `open`. Raises OSError when the data folder cannot be used.

        spool: a folder in memory for the outbox of a service that must run where the disk takes nothing.
        """
        self.settings = settings
        self.clock = clock
        self.who = Identity(settings.machine.name, service)
        self.place: Place = settings.where
        self.boot = boot_id()
        self.poison = 0
        """Packets that were not understood; an intake counts its own."""
        self._poisoned = (0, 0.0)
        self._since = clock.now()
        self._life: Life = "starting"
        self._problems: dict[str, str] = {}
        self._states: dict[str, bytes] = {}
        self._saying = threading.Lock()
        """Held from choosing a state to handing it to paho: no older one may come after a newer."""
        self._inboxes: list[tuple[frozenset[type[Message]], Inbox[Received]]] = []
        self._intake: tuple[frozenset[type[Message]], FairInbox] | None = None
        self._topics: dict[bytes, Packet] = {}
        self.connections = 0
        """How often the broker has taken this service on: whoever waits for its word may have to be told again."""
        self._connected = threading.Event()
        self._credential = Credential(settings, self.who) if settings.broker.tls else None
        self._mqtt = _client(settings, self.who, self._credential)
        self._mqtt.on_connect = self._on_connect
        self._mqtt.on_disconnect = self._on_disconnect
        self._mqtt.hear = self._on_packets
        self._sending: Sending | None = None
        self._nearby: Nearby | None = None
        if self.who.node != HUB:
            self.outbox = Outbox((spool or settings.data_dir / "outbox") / f"{service}.db", self._lost)
            self._sending = Sending(self.outbox, self._publish_durable, clock)
            self._nearby = Nearby(meeting_place(settings.run_dir, spool), service, self.place, self.who.node)

    # -- what a service uses

    @property
    def connected(self) -> bool:
        """True while the broker answers."""
        return self._connected.is_set()

    def is_behind(self, lane: Lane) -> bool:
        """Whether what is sent on this durable lane now has to wait for a history to be sent first."""
        return self._sending is not None and self._sending.is_behind(lane)

    def has_waiting(self, lane: Lane) -> bool:
        """Whether anything of this durable lane is not yet on the hub's disk."""
        return self._sending is not None and self.outbox.first(lane) <= self.outbox.last(lane)

    def inbox(self, *types: type[Message], limit: int = 200) -> Inbox[Received]:
        """A queue of these messages. Call before `open`. Raises ContractError when they are not for this service."""
        box: Inbox[Received] = Inbox(limit)
        self._inboxes.append((self._for_us(types), box))
        return box

    def intake(self, *types: type[Message], limit: int, allow: Allow) -> FairInbox:
        """All packets of these messages, undecoded, `limit` of each source: for the one service that stores them.

        allow: see FairInbox. Call before `open`; nothing else is heard here then. Raises ContractError as `inbox`.
        """
        box = FairInbox(limit, allow)
        self._intake = (self._for_us(types), box)
        return box

    def _for_us(self, types: tuple[type[Message], ...]) -> frozenset[type[Message]]:
        for each in types:
            spec = spec_of(each)
            if self.who.service not in (*spec.receivers, *spec.nearby):
                raise ContractError(f"{each.__name__} is not for {self.who}")
        return frozenset(types)

    def send(self, msg: Message, to: Identity | None = None, *, written: bytes | None = None) -> None:
        """Send by the lane of the message; `to` names the receiver on addressed lanes.
        written: the message's payload as it was once written down, perhaps by an earlier release; sent unchanged.

        Durable lanes: returns when the message is on this disk; raises OutboxFull. State: kept and said again
        after each reconnect. Others: raise NotConnected when the broker is away. ContractError: not ours to say.
        """
        spec = spec_of(msg)
        if self.who.service not in spec.senders:
            raise ContractError(f"{self.who} may not send {spec.type.__name__}")
        topic = topic_of(self.place, (to or self.who) if spec.delivery.addressed else self.who, msg)
        body = payload(msg) if written is None else written
        if self._nearby is not None and spec.nearby:
            self._nearby.tell(spec.nearby, topic, self._frame(body))
        if not spec.receivers:
            return  # for neighbours only
        if spec.delivery.durable:
            if self._sending is None:
                raise ContractError("the hub keeps its own words in its database, not in an outbox")
            self.outbox.put(spec.lane, topic, body, self.clock.now(), self.clock.state())
            self._sending.wake()
        elif spec.delivery.retain and not spec.delivery.addressed:
            with self._saying:
                self._keep_state(topic, body)
        else:
            self._say(spec, topic, body)

    def send_nearby(self, msg: Message) -> None:
        """Say it to the neighbours alone: what they need every second would only wear out the hub."""
        if self._nearby is not None:
            topic = topic_of(self.place, self.who, msg)
            self._nearby.tell(spec_of(msg).nearby, topic, self._frame(payload(msg)))

    def problem(self, code: str, text: str) -> None:
        """Something limits this service: say so in its retained state until `cleared`."""
        if self._problems.get(code) != text:
            self._problems[code] = text
            log.warning(text, extra={"event": code})
            self._say_state()

    def cleared(self, code: str) -> None:
        """A problem is over."""
        if self._problems.pop(code, None) is not None:
            log.info("cleared: %s", code, extra={"event": code})
            self._say_state()

    @property
    def problems(self) -> dict[str, str]:
        """What limits this service now: code to sentence."""
        return dict(self._problems)

    # -- what service.run uses

    def workers(self) -> list[Worker]:
        """Threads of the connection itself."""
        found = [Worker("link", self._watch)]
        if self._sending is not None:
            sending = self._sending
            found.append(
                Worker("sending", lambda stop, beat: sending.work(stop, beat, lambda: self.connected))
            )
        if self._nearby is not None:
            near = self._nearby
            found.append(Worker("nearby", lambda stop, beat: near.listen(self._hear, stop, beat)))
        return found

    def open(self) -> None:
        """Start to connect; paho's own thread goes on trying until `close`."""
        if self._nearby is not None:
            self._nearby.open()
        will = self._state_body("lost")
        self._mqtt.will_set(
            topic_of(self.place, self.who, ServiceState), self._frame(will), qos=1, retain=True
        )
        host, port = self.settings.broker_door
        self._mqtt.connect_async(host, port, keepalive=self.settings.broker.keepalive_s)
        self._mqtt.loop_start()

    def ready(self) -> None:
        """The service works; says so in its retained state."""
        self._life = "ready"
        self._since = self.clock.now()
        self._say_state()

    def close(self) -> None:
        """Say `stopped`, disconnect so that the will stays unsaid, close the outbox."""
        self._life = "stopped"
        if self.connected:
            topic = topic_of(self.place, self.who, ServiceState)
            farewell = self._mqtt.publish(topic, self._frame(self._state_body("stopped")), qos=1, retain=True)
            try:
                farewell.wait_for_publish(0.3)
            except (RuntimeError, ValueError):
                log.info("the broker left before the farewell", extra={"event": "farewell-unsaid"})
        self._mqtt.disconnect()

    # -- inside

    def _frame(self, body: bytes) -> bytes:
        return encode(body, self.clock.now(), self.clock.state())

    def _say(self, spec: Spec, topic: str, body: bytes) -> None:
        if not self.connected:
            raise NotConnected(f"{spec.type.__name__} cannot be sent: the broker is away")
        self._mqtt.publish(topic, self._frame(body), qos=spec.delivery.qos, retain=spec.delivery.retain)

    def _publish_durable(self, topic: str, frame: bytes) -> bool:
        if not self.connected:
            return False
        return self._mqtt.publish(topic, frame, qos=1).rc == mqtt.MQTT_ERR_SUCCESS

    def _state_body(self, life: Life) -> bytes:
        problems = [Problem(code=code, text=text) for code, text in sorted(self._problems.items())]
        shown: Life = "degraded" if life == "ready" and problems else life
        return payload(
            ServiceState(state=shown, since=self._since, boot=self.boot, version=RELEASE, problems=problems)
        )

    def _say_state(self) -> None:
        with self._saying:
            self._keep_state(topic_of(self.place, self.who, ServiceState), self._state_body(self._life))

    def _keep_state(self, topic: str, body: bytes) -> None:
        self._states[topic] = body
        if self.connected:
            self._mqtt.publish(topic, self._frame(body), qos=1, retain=True)

    def _watch(self, stop: threading.Event, beat: Beat) -> None:
        """Beats only while paho's thread lives, so that its death ends the process. Says its states again now and
        then: RabbitMQ shows what it retained to no subscription with a wildcard, and ingest knows by it who lives.
        """
        name = f"paho-mqtt-client-{self.who}"
        every_s = min(SAY_AGAIN_S, 4.0 * self.settings.broker.keepalive_s)
        said_s = self.clock.monotonic()
        while not stop.wait(1.0):
            if any(thread.name == name for thread in threading.enumerate()):
                beat()
            self._tell_poison()
            if self._credential is not None:
                self._credential.follow()
            if self.clock.monotonic() - said_s >= every_s:
                said_s = self.clock.monotonic()
                if self.connected:
                    self._say_states()

    def _say_states(self) -> None:
        with self._saying:
            for topic, body in self._states.items():
                self._mqtt.publish(topic, self._frame(body), qos=1, retain=True)

    def _tell_poison(self) -> None:
        """A node's service says in its state how much it refused; what ingest refuses stands in the records."""
        count, now_s = self.poison, self.clock.monotonic()
        if self.who.node == HUB or not count:
            return
        if count != self._poisoned[0]:
            self._poisoned = (count, now_s)
            self.problem("poison", f"Máy đã bỏ {count} gói tin sai quy cách gửi tới nó.")
        elif now_s - self._poisoned[1] > CALM_S:
            self.cleared("poison")

    def _filters(self) -> list[tuple[str, int]]:
        wanted = {each for types, _ in self._inboxes for each in types}
        if self._intake is not None:
            wanted |= self._intake[0]
        if self._sending is not None:
            wanted.add(Ack)
        return [
            (pattern, spec_of(each).delivery.qos)
            for each in MESSAGES
            if each in wanted
            for pattern in filters_of(self.place, self.who, each)
        ]

    def _hear(self, received: Received) -> None:
        """Put a message where it is wanted; a command past its time is dropped when the clock can tell."""
        spec, frame = received.spec, received.frame
        if spec.expires_s is not None and self.clock.state() != "unknown":
            age_s = (self.clock.now() - frame.at).total_seconds()
            if age_s > spec.expires_s:
                log.warning("%s came %d s late", spec.type.__name__, age_s, extra={"event": "expired"})
                return
        if isinstance(received.message, Ack) and self._sending is not None:
            self._sending.ack(received.message)
            return
        for types, box in self._inboxes:
            if type(received.message) in types:
                box.put(received)

    # -- paho's thread; an exception here would end it, so each door is closed with care

    def _on_connect(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del data, flags, properties
        if reason.is_failure:
            log.warning("the broker refuses: %s", reason, extra={"event": "refused"})
            return
        filters = self._filters()
        if filters:
            client.subscribe(filters)
        self.connections += 1
        self._connected.set()
        self._say_states()
        if self._sending is not None:
            self._sending.restart()
        log.info("connected", extra={"event": "connected"})

    def _on_disconnect(
        self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        del client, data, flags, properties
        self._connected.clear()
        log.info("disconnected: %s", reason, extra={"event": "disconnected"})

    def _on_packets(self, heard: list[tuple[bytes, bytes]]) -> None:
        packets = []
        for topic, raw in heard:
            if raw:
                known = self._topics.get(topic) or self._learn(topic)
                packets.append(Packet(known.source, known.topic, raw, known.who, known.spec, known.reason))
        if self._intake is not None:
            self._intake[1].put(packets)
            return
        for packet in packets:
            self._read(packet)

    def _read(self, packet: Packet) -> None:
        try:
            if packet.spec is None or packet.who is None:
                raise ContractError(packet.reason)
            received = decode(packet.spec, packet.who, packet.raw)
        except ContractError as why:
            self.poison += 1
            log.warning("poison: %s", why, extra={"event": "poison"})
            return
        self._hear(received)

    def _learn(self, topic: bytes) -> Packet:
        """Read a topic once; the few that there are come again and again."""
        text = topic.decode("utf-8", "replace")
        try:
            spec, who = parse_topic(self.place, text)
            if self.who.service not in spec.receivers or (spec.delivery.addressed and who != self.who):
                # A hostile broker delivers what nobody asked for: a neighbour's call, another node's orders.
                raise ContractError(f"{text} is not for {self.who}")
            known = Packet(str(who), text, b"", who, spec)
        except ContractError as why:
            known = Packet("unknown", text[:200], b"", reason=str(why)[:200])
        if len(self._topics) >= TOPICS:
            self._topics.clear()
        self._topics[topic] = known
        return known

    def _lost(self, lost: Lost) -> tuple[str, bytes]:
        return topic_of(self.place, self.who, lost), payload(lost)


def _client(settings: Settings, who: Identity, credential: Credential | None) -> _Client:
    """A paho client with this service's identity: a certificate, or a password on loopback."""
    client = _Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(WINDOW * 3)
    client.max_queued_messages_set(WINDOW * 4)
    client.reconnect_delay_set(1, 30)
    if credential is not None:
        client.tls_set_context(credential.context)
    else:
        file = settings.keys_dir / f"{who.service}.password"
        client.username_pw_set(str(who), file.read_text(encoding="ascii").strip())
    return client
