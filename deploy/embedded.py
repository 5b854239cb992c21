"""The embedded MQTT broker: amqtt in a process of its own, for the demo and small trials without Mosquitto.

`python -m deploy.embedded CONFIG.json` runs it until SIGTERM; CONFIG.json holds what rights.amqtt_config gives.
Gaps of amqtt 0.12 that are closed here, each with a test: a connecting client was sent retained messages that
others subscribed to, wills passed without a check of rights, a connection could end a stranger's session before
its password was read, one identity could take another's client id, packets had no upper limit, and a message was
lost when a subscription changed during its delivery.

On SIGHUP it reads CONFIG.json again: who is no longer in it is sent away. What it has read it says in CONFIG.loaded,
the SHA-256 of the file; its process id stands in broker.pid beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import signal
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amqtt.adapters import ReaderAdapter, StreamReaderAdapter, StreamWriterAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.errors import AMQTTError, BrokerError, MQTTError, NoDataError
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.plugins.topic_checking import TopicAccessControlListPlugin
from amqtt.session import Session

from broker.contract.message import LARGE
from broker.contract.rights import BANNER, PASSWORD_PLUGIN, RIGHTS_PLUGIN
from deploy.notify import notify

_STOP_PATIENCE_S = 1.0
_HEARTBEAT_S = 5.0


class ContractPasswords(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is untyped
    """Lets an identity in by its password, under its own name, and with a will it may itself publish."""

    @dataclass
    class Config:
        """sha256: hex digest of each identity's random password; publish_acl: topics each may publish to."""

        sha256: dict[str, str] = field(default_factory=dict)
        publish_acl: dict[str, list[str]] = field(default_factory=dict)

    async def authenticate(self, *, session: Session) -> bool:
        """True when name, client id, password and will agree with the rights."""
        name, password = session.username, session.password
        digest = self.config.sha256.get(name or "", "")
        if not digest or password is None or session.client_id != name:
            return False
        found = hashlib.sha256(password.encode()).hexdigest()
        if not hmac.compare_digest(found, digest):
            return False
        return not session.will_flag or session.will_topic in self.config.publish_acl.get(name, ())


class ContractRights(TopicAccessControlListPlugin):  # type: ignore[misc]  # amqtt is untyped
    """Checks publishing, subscribing and each single delivery against the generated maps."""

    @dataclass
    class Config:
        """Topics and filters by identity. Empty maps are refused, for amqtt reads them as "allow all"."""

        publish_acl: dict[str, list[str]] = field(default_factory=dict)
        subscribe_acl: dict[str, list[str]] = field(default_factory=dict)
        receive_acl: dict[str, list[str]] = field(default_factory=dict)

        def __post_init__(self) -> None:
            if not (self.publish_acl and self.subscribe_acl and self.receive_acl):
                raise ValueError("an empty map would allow everything")


class _BoundedReader(StreamReaderAdapter):  # type: ignore[misc]  # amqtt is untyped
    """Refuses to gather a packet above the contract's limit: the connection ends instead."""

    def __init__(self, reader: StreamReader) -> None:
        super().__init__(reader)
        self._is_over = False

    async def read(self, n: int = -1) -> bytes:
        """Up to n bytes; nothing any more once a packet above the limit was announced."""
        self._is_over = self._is_over or n > LARGE + 1024
        if self._is_over:
            return b""
        data: bytes = await super().read(n)
        return data


class _Subscriptions(dict[str, list[tuple[Session, int]]]):
    """Subscriptions that may change while a delivery walks over them."""

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().keys()))

    def items(self) -> Any:
        """Filters and subscribers as they are now."""
        return [(key, list(each)) for key, each in super().items()]


class ContractBroker(Broker):  # type: ignore[misc]  # amqtt is untyped
    """amqtt with the gaps closed. Its methods keep amqtt's own names and meaning."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._subscriptions = _Subscriptions()

    async def adopt(self, config: dict[str, Any]) -> None:
        """Take other passwords and maps, and send away whoever they no longer let in. Raises ValueError, KeyError."""
        passwords, rights = config["plugins"][PASSWORD_PLUGIN], config["plugins"][RIGHTS_PLUGIN]
        known = ContractPasswords.Config(**passwords)
        maps = ContractRights.Config(**rights)
        before: dict[str, str] = {}
        for plugin in self.plugins_manager.plugins:
            # By name: amqtt imports this module a second time, and its classes are others than the program's.
            name = f"{type(plugin).__module__}.{type(plugin).__qualname__}"
            if name == PASSWORD_PLUGIN:
                before, plugin.config.sha256 = plugin.config.sha256, known.sha256
                plugin.config.publish_acl = known.publish_acl
            elif name == RIGHTS_PLUGIN:
                plugin.config.publish_acl = maps.publish_acl
                plugin.config.subscribe_acl = maps.subscribe_acl
                plugin.config.receive_acl = maps.receive_acl
        for client, (session, handler) in list(self._sessions.items()):
            if known.sha256.get(session.username or "") != before.get(session.username or ""):
                session.will_flag = False
                await handler.handle_connection_closed()
                await handler.stop()
                await self._delete_session(client)

    async def stream_connected(self, reader: StreamReader, writer: StreamWriter, listener_name: str) -> None:
        await self._client_connected(listener_name, _BoundedReader(reader), StreamWriterAdapter(writer))

    async def _initialize_client_session(
        self,
        reader: ReaderAdapter,
        writer: WriterAdapter,
        remote_address: str,  # noqa: ARG002
        remote_port: int,
    ) -> tuple[BrokerProtocolHandler, Session]:
        try:
            handler, session = await BrokerProtocolHandler.init_from_connect(
                reader, writer, self.plugins_manager
            )
        except (AMQTTError, MQTTError, NoDataError) as why:
            await writer.close()
            raise AMQTTError(f"no CONNECT: {why}") from why
        session.clean_session = True  # durability is end to end; the broker keeps nothing for anybody
        session.parent = 0
        known = self.sessions.get(session.client_id)
        if known is not None and await self._authenticate(session, self.listeners_config["default"]):
            await known[1].handle_connection_closed()
            await known[1].stop()
            await self._delete_session(session.client_id)
        elif known is not None:
            session.client_id = f"refused-{remote_port}"  # refused later anyway; must not touch the true one
        return handler, session

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        topic_filter, _ = subscription
        subscribers = self.subscriptions.get(topic_filter, [])
        if any(each.client_id == session.client_id for each, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def _broadcast_message(
        self,
        session: Session | None,
        topic: str | None,
        data: bytes | bytearray | None,
        force_qos: int | None = None,
    ) -> None:
        if session is not None and not await self._topic_filtering(session, topic, Action.PUBLISH):
            return
        await super()._broadcast_message(session, topic, data, force_qos)


def command(config_file: Path) -> list[str]:
    """How to start the embedded broker as a child process."""
    return [sys.executable, "-m", "deploy.embedded", str(config_file)]


def write_config(config: dict[str, Any], file: Path) -> Path:
    """Put the configuration where the child reads it, readable by its owner only."""
    file.touch(mode=0o600)
    file.write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")
    return file


async def _serve(config_file: Path, config: dict[str, Any]) -> int:
    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    server = ContractBroker(config)
    try:
        await server.start()
    except BrokerError as why:
        logging.getLogger(__name__).error("%s", why, extra={"event": "broker-not-started"})
        return 1
    logging.getLogger(__name__).warning(BANNER, extra={"event": "embedded-broker"})
    (config_file.parent / "broker.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
    reading = asyncio.create_task(_read_again(server, config_file, again))
    notify("READY=1")
    while not stop.is_set():
        notify("WATCHDOG=1")
        try:
            await asyncio.wait_for(stop.wait(), _HEARTBEAT_S)
        except TimeoutError:
            continue
    reading.cancel()
    try:
        await asyncio.wait_for(server.shutdown(), _STOP_PATIENCE_S)
    except TimeoutError:
        return 0  # nothing here is worth waiting for: all that matters is in the services' outboxes
    return 0


async def _read_again(server: ContractBroker, config_file: Path, again: asyncio.Event) -> None:
    """Read the configuration at each signal, and once now: it may have changed since the start."""
    while True:
        again.clear()
        raw = config_file.read_bytes()
        try:
            await server.adopt(json.loads(raw))
            config_file.with_suffix(".loaded").write_text(hashlib.sha256(raw).hexdigest(), encoding="ascii")
        except (OSError, ValueError, KeyError, TypeError) as why:
            logging.getLogger(__name__).error("configuration not read again: %s", why)
        await again.wait()


def main(args: Sequence[str]) -> int:
    """Run the broker until SIGTERM; 0 when stopped in order, 1 when it could not start, 78 for a bad file."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        file = Path(args[0])
        config = json.loads(file.read_text(encoding="utf-8"))
    except (IndexError, OSError, ValueError) as why:
        logging.getLogger(__name__).error("configuration: %s", why)
        return 78
    return asyncio.run(_serve(file, config))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
