"""A live microphone on this network: what snapcast's client writes, as mono samples.

What snapserver sends is neither signed nor hidden, so it is taken from this network only, and only by a program that
the settings of the house name.
"""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
from collections.abc import Generator
from typing import Final
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from edge.speaker.station import StationError, addresses_of, is_local_name

PORT: Final = 1704
_CHANNELS: Final = re.compile(r"stream: \d+:16:([12])\b")
_LONGEST_LOG: Final = 2000


def heard(
    address: str, rate_hz: int, program: str, may_be_here: bool = False
) -> Generator[NDArray[np.int16], None, None]:
    """Mono samples as they come; the program connects again by itself after a cut, and ends when this is closed.

    Raises StationError when it cannot run or has ended.
    """
    if not program:
        raise StationError("no live microphone is taken here: [speaker] snapclient is not set")
    number, port = _place(address, may_be_here)
    command = [program, "-h", number, "-p", str(port), "--player", "file", "--mixer", "none"]
    command += ["--sampleformat", f"{rate_hz}:16:*", "--hostID", f"langso-{socket.gethostname()}"]
    command += ["--logsink", "stderr"]
    try:
        running = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
    except OSError as why:
        raise StationError(f"{program} cannot run: {why.strerror}") from why
    try:
        yield from _written(running)
    finally:
        running.kill()
        running.wait()


def _place(address: str, may_be_here: bool) -> tuple[str, int]:
    """Numeric address and port of the microphone's machine. Raises StationError."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or PORT
    except ValueError as why:
        raise StationError("the address cannot be read") from why
    if not host or parts.username is not None:
        raise StationError("the address cannot be read")
    number = next(addresses_of(host, port, is_local_name(host), may_be_here))
    if not is_local_name(number):
        raise StationError(f"{host} is not on this network")
    return number, port


def _written(running: subprocess.Popen[bytes]) -> Generator[NDArray[np.int16], None, None]:
    """What the program writes; how many channels that has stands in its log."""
    if running.stdout is None or running.stderr is None:
        return
    sound, log = running.stdout.fileno(), running.stderr.fileno()
    said, rest, channels = "", b"", 1
    waiting = select.poll()
    waiting.register(sound, select.POLLIN)
    waiting.register(log, select.POLLIN)
    while True:
        ready = {number for number, _ in waiting.poll()}
        if log in ready:
            more = os.read(log, 4096)
            if not more:
                waiting.unregister(log)
            said = (said + more.decode(errors="replace"))[-_LONGEST_LOG:]
            for found in _CHANNELS.finditer(said):
                channels = int(found[1])
        if sound in ready:
            data = os.read(sound, 65536)
            if not data:
                raise StationError("snapclient has ended")
            data = rest + data
            whole = len(data) // (2 * channels) * 2 * channels
            rest = data[whole:]
            samples = np.frombuffer(data[:whole], dtype="<i2").reshape(-1, channels)
            yield samples.mean(axis=1).astype(np.int16)
