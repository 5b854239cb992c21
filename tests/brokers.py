"""Real brokers for tests: Mosquitto and the embedded one, on free ports, with the generated rights."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broker.contract import Identity, Place
from deploy import embedded, rights
from deploy.mosquitto import config as mosquitto
from deploy.stage import free_port
from tests.until import until

PLACE = Place("00", "00000")
KINDS = ("mosquitto", "amqtt")


def need(program: str, package: str) -> None:
    """Skip where a program is not installed; fail in CI, where it must be."""
    if shutil.which(program) or Path("/usr/sbin", program).exists():
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{program} is missing; CI installs the package {package}")
    pytest.skip(f"{program} is not installed (package {package})")


@dataclass
class RunningBroker:
    """A broker process that a test may kill and start again."""

    kind: str
    folder: Path
    identities: Sequence[Identity]
    port: int = field(default_factory=free_port)
    passwords: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    bounded: bool = True
    """False lifts Mosquitto's queue limit: a bare subscriber cannot ask again for what was dropped."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for who in self.identities:
            self.passwords.setdefault(str(who), secrets.token_urlsafe(12))

    def start(self) -> None:
        """Start and wait until it listens."""
        if self.kind == "mosquitto":
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
            command = mosquitto.command(file)
        else:
            made = rights.amqtt_config(self.identities, PLACE, self.passwords, self.port)
            command = embedded.command(embedded.write_config(made, self.folder / "amqtt.json"))
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._listens, 20, lambda: (self.folder / "broker.log").read_text(errors="replace"))

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
            return True
        return False

    def kill(self) -> None:
        """Like a power cut."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
