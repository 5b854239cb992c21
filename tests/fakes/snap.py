"""A live microphone as a commune runs one: a real snapserver on loopback, fed with a tone in real time."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from deploy.stage import free_port
from tests.until import until

_RATE_HZ = 48_000
_STEP_S = 0.05


def find_program(name: str) -> str:
    """snapserver or snapclient. Skips the test without it, fails it where CI=true."""
    found = shutil.which(name)
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"no {name}: apt-get install {name}")
    pytest.skip(f"no {name}: apt-get install {name}")


class Microphone:
    """One snapserver whose microphone hears a tone of `hz` for as long as it is on."""

    def __init__(self, folder: Path, hz: float, channels: int) -> None:
        self.port = free_port()
        self.is_on = threading.Event()
        self._folder = folder
        self._hz = hz
        self._channels = channels
        self._is_closing = threading.Event()
        self._server: subprocess.Popen[bytes] | None = None
        self._pipe = folder / "microphone"

    @property
    def address(self) -> str:
        """As an envelope names it."""
        return f"snap://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run the server, and return when it takes listeners."""
        os.mkfifo(self._pipe)
        source = (
            f"pipe://{self._pipe}?name=mic&mode=read&codec=pcm&sampleformat={_RATE_HZ}:16:{self._channels}"
        )
        config = self._folder / "snapserver.conf"
        config.write_text(
            "[http]\nenabled = false\n[tcp]\nenabled = false\n"
            f"[server]\ndatadir = {self._folder}\n"
            f"[stream]\nbind_to_address = 127.0.0.1\nport = {self.port}\nbuffer = 400\nsource = {source}\n"
        )
        with (self._folder / "snapserver.log").open("ab") as log:
            command = [find_program("snapserver"), "-c", str(config), "--logging.sink=stderr"]
            self._server = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers, 10, (self._folder / "snapserver.log").read_text)

    def stop(self) -> None:
        """End the server."""
        self._is_closing.set()
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def speak(self) -> None:
        """Feed the server until it ends; silence is fed while the microphone is off."""
        t = np.arange(int(_STEP_S * _RATE_HZ)) / _RATE_HZ
        tone = np.repeat((8000 * np.sin(2 * np.pi * self._hz * t)).astype("<i2"), self._channels).tobytes()
        began_s, sent_s = monotonic(), 0.0
        pipe = os.open(
            self._pipe, os.O_RDWR | os.O_NONBLOCK
        )  # waits for no reader, whether there is one or not
        while not self._is_closing.wait(max(0.0, began_s + sent_s - monotonic())):
            with suppress(BlockingIOError):
                os.write(pipe, tone if self.is_on.is_set() else bytes(len(tone)))
            sent_s += _STEP_S
        os.close(pipe)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
            return True
        return False


@contextmanager
def microphone(folder: Path, hz: float = 440.0, channels: int = 1) -> Iterator[Microphone]:
    """Run one until the block ends; it is on. `hz` times 0.05 is to be a whole number."""
    mic = Microphone(folder, hz, channels)
    mic.start()
    mic.is_on.set()
    feeder = threading.Thread(target=mic.speak, name="microphone")
    feeder.start()
    try:
        yield mic
    finally:
        mic.stop()
        feeder.join()
