"""Real brokers for tests: Mosquitto, RabbitMQ and the embedded one, on free ports, with the generated rights."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import Identity, Place, rights
from broker.contract.rights import hub_identities, node_identities
from deploy import embedded
from deploy.mosquitto import config as mosquitto
from deploy.stage import free_port
from tests import rabbitmq, raw_mqtt
from tests.until import until

PLACE = Place("00", "00000")
KINDS = ("mosquitto", "amqtt", pytest.param("rabbitmq", marks=pytest.mark.xdist_group("rabbitmq")))
"""For parametrising. RabbitMQ takes ten seconds to start: its tests share one (`rabbit` in tests/conftest.py), and
stay in one process of pytest."""

EVERYONE = (*hub_identities(), *node_identities("thon-01"), *node_identities("thon-02"))
"""Who may come to the shared RabbitMQ."""


def need(program: str, package: str) -> None:
    """Skip where a program is not installed; fail in CI, where it must be."""
    if shutil.which(program) or Path("/usr/sbin", program).exists():
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{program} is missing; CI installs the package {package}")
    pytest.skip(f"{program} is not installed (package {package})")


def broker_of(
    request: pytest.FixtureRequest, folder: Path, identities: Sequence[Identity]
) -> Iterator[RunningBroker]:
    """For a fixture parametrised by KINDS: a running broker; RabbitMQ's identities are EVERYONE, whatever is asked."""
    if request.param == "rabbitmq":
        shared: RunningBroker = request.getfixturevalue("rabbit")
        yield shared
        if shared.process is None:
            shared.start()
        shared.forget()
        return
    running = RunningBroker(request.param, folder, identities)
    running.start()
    yield running
    running.stop()


@dataclass
class RunningBroker:
    """A broker process that a test may kill and start again."""

    kind: str
    folder: Path
    identities: Sequence[Identity]
    port: int = field(default_factory=free_port)
    passwords: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    rabbit: rabbitmq.RabbitMQ | None = None
    bounded: bool = True
    """False lifts Mosquitto's queue limit: a bare subscriber cannot ask again for what was dropped."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for who in self.identities:
            self.passwords.setdefault(str(who), secrets.token_urlsafe(12))

    def start(self, *, again: bool = False) -> None:
        """Start and wait until it listens. again: the embedded one with the file it has, whoever changed it."""
        env = None
        if self.kind == "amqtt" and again:
            command = embedded.command(self.folder / "amqtt.json")
        elif self.kind == "mosquitto":
            command = self._mosquitto()
        elif self.kind == "rabbitmq":
            need("rabbitmq-server", "rabbitmq-server")
            self.rabbit = self.rabbit or rabbitmq.RabbitMQ(
                self.folder, self.identities, PLACE, self.passwords, self.port
            )
            command, env = self.rabbit.command(), self.rabbit.env
        else:
            made = rights.amqtt_config(self.identities, PLACE, self.passwords, self.port)
            command = embedded.command(embedded.write_config(made, self.folder / "amqtt.json"))
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(self._listens, rabbitmq.START_S if self.rabbit else 20, self.log)

    def log(self) -> str:
        """All that it has said."""
        return (self.folder / "broker.log").read_text(errors="replace")

    def _mosquitto(self) -> list[str]:
        need("mosquitto", "mosquitto")
        file = mosquitto.write(
            self.folder,
            self.identities,
            PLACE,
            port=self.port,
            host="127.0.0.1",
            passwords=self.passwords,
        )
        if not self.bounded:
            text = file.read_text().replace("max_queued_messages 2000", "max_queued_messages 0")
            file.write_text(text.replace("max_queued_bytes 67108864", "max_queued_bytes 0"))
        return mosquitto.command(file)

    def _listens(self) -> bool:
        if self.rabbit is not None:  # it listens before it has read who may come in
            with suppress(OSError):
                return all(self._may_come(str(who)) for who in self.identities)
            return False
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
            return True
        return False

    def _may_come(self, name: str) -> bool:
        password = self.passwords[name]
        return raw_mqtt.CONNACK in raw_mqtt.ask(self.port, name, password, f"probe-{name}", raw_mqtt.GOODBYE)

    def kill(self) -> None:
        """Like a power cut."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it in order; RabbitMQ, which takes seconds for that and has nothing to keep, at once."""
        if self.process is not None:
            if self.rabbit is None:
                self.process.terminate()
            else:
                self.process.kill()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if self.rabbit is not None:
            self.rabbit.close()

    def forget(self) -> None:
        """Clear what was retained, so that the next test meets a broker as new."""
        for who in self.identities:
            client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
            client.username_pw_set(str(who), self.passwords[str(who)])
            client.connect("127.0.0.1", self.port)
            client.loop_start()
            kept = [
                topic
                for topic in rights.rights_of(who, PLACE, self.identities).send
                if topic.split("/")[5] in ("state", "plan")
            ]
            for topic in kept:
                client.publish(topic, b"", qos=1, retain=True).wait_for_publish(20)
            client.disconnect()
            client.loop_stop()
