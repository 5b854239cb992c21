"""One serial line: opened for us alone, read with a deadline, closed at once when it is unplugged.

The only importer of pyserial. Its `read` and `write` raise SerialException, but `in_waiting`, the flushes and
`close` let raw OSError and termios.error through (pyserial issues 331, 401, 417), so all three are caught. A
line that stays open after unplugging makes the kernel hand out the next name (ttyUSB1) at replugging.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import termios
from typing import Literal

import serial

WRITE_S = 1.0

WhyGone = Literal["missing", "busy", "denied", "unplugged"]

_GONE = (serial.SerialException, OSError, termios.error, ValueError)
"""ValueError: pyserial's own check of a closed or impossible port. TypeError cannot come from checked settings."""

_REASONS: dict[int | None, WhyGone] = {
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EBUSY: "busy",
    errno.EAGAIN: "busy",
}


class PortGone(Exception):
    """The line cannot be used now. `why` is a code for people's sentences, the text is for operators."""

    def __init__(self, why: WhyGone, text: str) -> None:
        super().__init__(text)
        self.why = why


class Line:
    """An open serial line. Use as a context manager; every method may raise PortGone."""

    def __init__(self, port: str, baud: int, parity: Literal["N", "E", "O"]) -> None:
        """Open exclusively, 8 data bits, one stop bit. What lay in the input is discarded by opening."""
        try:
            self._serial = serial.Serial(port, baud, parity=parity, timeout=0, exclusive=True)
        except _GONE as why:
            found = why.args[0] if why.args and isinstance(why.args[0], int) else None
            raise PortGone(_REASONS.get(found, "missing"), f"{port}: {why}") from why
        self._port = port

    def write(self, data: bytes) -> None:
        """Send; waits at most WRITE_S for a full buffer."""
        try:
            file = self._serial.fileno()
            while data:
                if not select.select([], [file], [], WRITE_S)[1]:
                    raise PortGone("unplugged", f"{self._port}: takes no bytes")
                data = data[os.write(file, data) :]
        except _GONE as why:
            raise PortGone("unplugged", f"{self._port}: {why}") from why

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, as soon as anything has; empty after `timeout_s` of silence."""
        try:
            file = self._serial.fileno()
            if timeout_s > 0 and not select.select([file], [], [], timeout_s)[0]:
                return b""
            data = os.read(file, 256)  # pyserial's read would wait a second time for what is already there
        except BlockingIOError:
            return b""
        except _GONE as why:
            raise PortGone("unplugged", f"{self._port}: {why}") from why
        if not data and timeout_s > 0:  # ready, and yet nothing there
            raise PortGone("unplugged", f"{self._port}: end of file")
        return data

    def close(self) -> None:
        """Give the name back to the kernel; never raises."""
        with contextlib.suppress(*_GONE):
            self._serial.close()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
