"""Debian's RabbitMQ with its MQTT plugin, run from a temporary folder: nothing of the system's own is used.

Its name service (epmd) is a process of this test too, on a port of its own; AMQP does not listen at all.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from broker.contract import Identity, Place
from broker.contract.message import LARGE
from broker.contract.rights import rabbitmq_definitions
from deploy.stage import free_port
from tests.until import until

PROGRAMS = Path("/usr/lib/rabbitmq/lib")
"""Debian's wrapper in /usr/sbin insists on the system's user and folders; the server itself lies here."""

START_S = 120.0
"""It loads a thousand modules and, on an empty folder, waits up to 6 s for others of a cluster."""


def program() -> Path | None:
    """The server's own start script; None where RabbitMQ is not installed."""
    return next(iter(sorted(PROGRAMS.glob("rabbitmq_server-*/sbin/rabbitmq-server"))), None)


class RabbitMQ:
    """What one server needs besides its broker process: files, environment and the name service."""

    def __init__(
        self,
        folder: Path,
        identities: Sequence[Identity],
        place: Place,
        passwords: Mapping[str, str],
        port: int,
    ) -> None:
        self._folder = folder
        self._names_port = free_port()
        self._names: subprocess.Popen[bytes] | None = None
        definitions = folder / "definitions"
        definitions.mkdir(mode=0o700)
        for name, content in rabbitmq_definitions(identities, place, passwords).items():
            (definitions / name).write_text(json.dumps(content, indent=1))
        (folder / "rabbitmq.conf").write_text(
            f"""
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:{port}
mqtt.allow_anonymous = false
mqtt.exchange = amq.topic
mqtt.prefetch = 1000
max_message_size = {LARGE}
load_definitions = {definitions}
log.file = false
log.console = true
log.console.level = warning
"""
        )
        (folder / "enabled_plugins").write_text("[rabbitmq_mqtt].\n")
        own = {
            "detached": "yes",  # the script becomes the server, so that its process id is the server's
            "HOME": str(folder),  # where Erlang keeps its cookie
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._names_port),
            "RABBITMQ_NODENAME": "langso@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            # No busy waiting: the tests have other processes to run. The dist port is for this machine only.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }
        self.env = {**os.environ, **own}
        self.env.pop("NOTIFY_SOCKET", None)

    def command(self) -> list[str]:
        """Start the name service where it does not run, and say how to start the server."""
        found = program()
        assert found is not None
        if self._names is None:
            with (self._folder / "epmd.log").open("ab") as log:
                self._names = subprocess.Popen(["epmd"], env=self.env, stdout=log, stderr=log)
            until(self._names_listen, 20, lambda: (self._folder / "epmd.log").read_text())
        return [str(found)]

    def _names_listen(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._names_port), 0.5):
            return True
        return False

    def close(self) -> None:
        """End the name service."""
        if self._names is not None:
            self._names.kill()
            self._names.wait()
            self._names = None
