"""A sound card for machines without one: a PulseAudio of the test's own, reached through ALSA like any card.

What is played into `horn` can be heard on `horn_ear`, its monitor. The card can be unplugged and plugged in again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

HORN: Final = "horn"
"""ALSA name of the card."""

HORN_EAR: Final = "horn_ear"
"""ALSA name of a microphone that hears what the card plays."""

_DEVICES: Final = """
</usr/share/alsa/alsa.conf>
pcm.horn {{ type pulse server "unix:{socket}" device "horn" }}
pcm.horn_ear {{ type pulse server "unix:{socket}" device "horn.monitor" }}
"""
_CARD: Final = ("module-null-sink", "sink_name=horn", "rate=48000", "norewinds=1")
"""Without rewinds it is at most 50 ms ahead, like a card; else it is two seconds ahead when a sound begins."""


def is_installed() -> bool:
    """Whether this machine has what the card needs."""
    return shutil.which("pulseaudio") is not None and any(
        Path(folder).glob("*/alsa-lib/libasound_module_pcm_pulse.so") for folder in ("/usr/lib", "/usr/lib64")
    )


def need() -> None:
    """Skip the test on a machine without PulseAudio; fail it where CI says that nothing may be skipped."""
    if not is_installed():
        why = "pulseaudio and libasound2-plugins are not installed"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)


class SoundServer:
    """One running PulseAudio with a card."""

    def __init__(self, folder: Path) -> None:
        """folder: a short path; its socket and settings stand there."""
        self._folder = folder
        self.settings = folder / "asound.conf"
        socket = folder / "sock"
        self.settings.write_text(_DEVICES.format(socket=socket))
        self._env = {
            **os.environ,
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_SERVER": f"unix:{socket}",
        }
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        command += ["--disable-shm=yes", "--log-target=stderr"]
        command += [
            "-L",
            f"module-native-protocol-unix socket={socket} auth-anonymous=1",
            "-L",
            " ".join(_CARD),
        ]
        with (folder / "log").open("w") as log:
            self._server = subprocess.Popen(command, env=self._env, stdout=log, stderr=log)
        deadline, pause = time.monotonic() + 10, threading.Event()
        while not socket.exists() and time.monotonic() < deadline:
            assert self._server.poll() is None, (folder / "log").read_text()
            pause.wait(0.02)

    def unplug(self) -> None:
        """Pull the card out."""
        self._ask("unload-module", "module-null-sink")

    def plug_in(self) -> None:
        """Put it back."""
        self._ask("load-module", *_CARD)

    def freeze(self) -> None:
        """The card takes nothing any more, and does not say so."""
        self._ask("suspend-sink", "horn", "1")

    def thaw(self) -> None:
        """It takes samples again."""
        self._ask("suspend-sink", "horn", "0")

    def end(self) -> None:
        """Stop the server."""
        self._server.terminate()
        self._server.wait(10)

    def _ask(self, *words: str) -> None:
        subprocess.run(["pactl", *words], env=self._env, check=True, timeout=10, stdout=subprocess.DEVNULL)


@contextmanager
def sound_server(folder: Path) -> Iterator[SoundServer]:
    """A card for as long as the test lasts; this process's ALSA knows it by the names above."""
    need()
    server = SoundServer(folder)
    before = os.environ.get("ALSA_CONFIG_PATH")
    os.environ["ALSA_CONFIG_PATH"] = str(server.settings)
    try:
        yield server
    finally:
        if before is None:
            del os.environ["ALSA_CONFIG_PATH"]
        else:
            os.environ["ALSA_CONFIG_PATH"] = before
        server.end()
