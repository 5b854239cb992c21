"""One bare MQTT connection, for work on the broker itself: changing rights, letting the canary out, probing.

Unlike a Session it has no outbox, no typed messages and no second try: it does what it is told and says what came
of it. Every wait has an end. What the broker acknowledges proves nothing; look at what was `heard`.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import Identity
from broker.link.config import Settings

CONNECT_S = 3.0
KEEPALIVE_S = 20


class NoWay(Exception):
    """No connection came about, or it is gone. `is_refusal`: the broker is there and does not want this identity."""

    def __init__(self, text: str, *, is_refusal: bool = False) -> None:
        super().__init__(text)
        self.is_refusal = is_refusal


class NoKeys(NoWay):
    """This machine's own keys for the identity are missing or spoiled: nothing is known of the broker."""


class Heard(NamedTuple):
    """One packet that arrived."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True)
class Way:
    """How to come to a broker under one name: with a certificate (`context`) or with a password."""

    host: str
    port: int
    name: str
    context: ssl.SSLContext | None = None
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Will:
    """What the broker is to say when a connection ends without goodbye; retained, so that it can be looked for."""

    topic: str
    payload: bytes


def way_of(settings: Settings, who: Identity) -> Way:
    """The way of an identity whose keys lie in this machine's folder. Raises NoKeys when they cannot be used."""
    keys = settings.keys_dir
    host, port = settings.broker_door
    try:
        if settings.broker.tls:
            context = _trusting(keys / "ca.pem")
            context.load_cert_chain(keys / f"{who.service}.pem", keys / f"{who.service}.key")
            return Way(host, port, str(who), context)
        password = (keys / f"{who.service}.password").read_text(encoding="ascii").strip()
    except OSError as why:  # ssl.SSLError is one of them
        raise NoKeys(f"the keys of {who} cannot be used: {why}") from why
    return Way(host, port, str(who), None, password)


def way_with(
    settings: Settings, name: str, key_pem: bytes, chain_pem: bytes, *, as_nodes: bool = False
) -> Way:
    """The way under any name with a certificate that lies in memory only. Raises NoKeys.

    as_nodes: by the port that nodes use, also where the hub has its own.
    """
    try:
        context = _trusting(settings.keys_dir / "ca.pem")
        _load_from_memory(context, key_pem, chain_pem)
    except OSError as why:
        raise NoKeys(f"the certificate of {name} cannot be used: {why}") from why
    host, port = (settings.broker.host, settings.broker.port) if as_nodes else settings.broker_door
    return Way(host, port, name, context)


def _trusting(ca: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load_from_memory(context: ssl.SSLContext, key_pem: bytes, chain_pem: bytes) -> None:
    """OpenSSL's Python door takes files only; this one never stands on a disk."""
    handle = os.memfd_create("langso-probe", os.MFD_CLOEXEC)
    try:
        os.write(handle, key_pem + b"\n" + chain_pem)
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


class Bare:
    """One connection. Use as a context manager: it says goodbye at the end, unless it was `cut` before."""

    def __init__(self, way: Way, will: Will | None = None) -> None:
        """Does not connect yet."""
        self.way = way
        self.heard: list[Heard] = []
        """Everything that arrived, in order; grows while the connection lasts."""
        self._news = threading.Condition()
        self._answer = ""
        self._is_open = False
        self._is_over = False
        self._subscribed: dict[int, list[bool]] = {}
        self._published: set[int] = set()
        self._mqtt = self._client(will)

    def _client(self, will: Will | None) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.way.name,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        if self.way.context is not None:
            client.tls_set_context(self.way.context)
        else:
            client.username_pw_set(self.way.name, self.way.password)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        return client

    def __enter__(self) -> Bare:
        """Connect. Raises NoWay."""
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, timeout_s: float = CONNECT_S) -> None:
        """Connect and wait for the broker's word. Raises NoWay: away, or `is_refusal` when it turned us away."""
        name, where = self.way.name, f"{self.way.host}:{self.way.port}"
        try:
            self._mqtt.connect(self.way.host, self.way.port, KEEPALIVE_S)
        except ssl.SSLCertVerificationError as why:
            raise NoWay(f"{where} is not this commune's broker: {why.verify_message}") from why
        except ssl.SSLError as why:
            # TLS 1.2 tells of a refused certificate here, TLS 1.3 only with the first answer.
            raise NoWay(f"{where} refuses {name}: {why.reason or why}", is_refusal=True) from why
        except OSError as why:
            raise NoWay(f"{where} is away: {why.strerror or why}") from why
        self._mqtt.loop_start()
        came = self._wait(lambda: self._is_open or self._is_over, timeout_s)
        if not self._is_open:
            self._end()
            if not came:
                raise NoWay(f"{where} does not answer {name}")
            raise NoWay(f"{where} refuses {name}: {self._answer}", is_refusal=True)

    @property
    def is_up(self) -> bool:
        """Whether the broker still holds the connection, as far as is known here."""
        return self._is_open and not self._is_over

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, timeout_s: float = 3.0) -> bool:
        """Say something with QoS 1. True when it was acknowledged, which does not mean that anybody heard it."""
        if not self.is_up:
            return False
        told = self._mqtt.publish(topic, payload, qos=1, retain=retain)
        self._wait(lambda: told.mid in self._published or self._is_over, timeout_s)
        return told.mid in self._published

    def subscribe(self, filters: Sequence[str], timeout_s: float = 3.0) -> list[bool]:
        """Ask to hear; for each filter whether it was granted. Empty when the broker hung up or said nothing."""
        if not self.is_up or not filters:
            return []
        _, mid = self._mqtt.subscribe([(each, 1) for each in filters])
        if mid is None:
            return []
        self._wait(lambda: mid in self._subscribed or self._is_over, timeout_s)
        return self._subscribed.get(mid, [])

    def hears(self, wanted: Callable[[Heard], bool], timeout_s: float) -> Heard | None:
        """The first packet that fits, also among those heard before; None when none came in time."""

        def found() -> Heard | None:
            return next(filter(wanted, list(self.heard)), None)

        self._wait(lambda: found() is not None or self._is_over, timeout_s)
        return found()

    def stays_up(self, for_s: float) -> bool:
        """Wait that long; False at once when the broker ends the connection before."""
        return not self._wait(lambda: self._is_over, for_s)

    def cut(self) -> None:
        """End without goodbye, so that the broker says our will."""
        sock: Any = self._mqtt.socket()
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._wait(lambda: self._is_over, 1.0)
        self._end()

    def close(self) -> None:
        """Say goodbye; nothing happens when it is over already."""
        if self.is_up:
            self._mqtt.disconnect()
        self._end()

    def _end(self) -> None:
        self._is_over = True
        self._mqtt.loop_stop()

    def _wait(self, check: Callable[[], bool], timeout_s: float) -> bool:
        with self._news:
            return self._news.wait_for(check, timeout_s)

    # -- paho's thread

    def _on_connect(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, flags, properties
        with self._news:
            self._is_open = not reason.is_failure
            self._is_over = bool(reason.is_failure)
            self._answer = str(reason)
            self._news.notify_all()

    def _on_disconnect(
        self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        del client, data, flags, properties
        with self._news:
            self._is_over = True
            self._answer = self._answer or str(reason)
            self._news.notify_all()

    def _on_message(self, client: mqtt.Client, data: Any, packet: mqtt.MQTTMessage) -> None:
        del client, data
        with self._news:
            self.heard.append(Heard(packet.topic, bytes(packet.payload), packet.retain))
            self._news.notify_all()

    def _on_subscribe(self, client: mqtt.Client, data: Any, mid: int, reasons: Any, properties: Any) -> None:
        del client, data, properties
        with self._news:
            self._subscribed[mid] = [not reason.is_failure for reason in reasons]
            self._news.notify_all()

    def _on_publish(self, client: mqtt.Client, data: Any, mid: int, reason: Any, properties: Any) -> None:
        del client, data, reason, properties
        with self._news:
            self._published.add(mid)
            self._news.notify_all()
