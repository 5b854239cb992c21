"""Tells whoever started this process that it is ready or alive, as systemd's notify protocol says."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(text: str) -> None:
    """Send `READY=1`, `WATCHDOG=1` … to the socket named in NOTIFY_SOCKET; does nothing where none is named."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name:
        return
    address = "\0" + name[1:] if name.startswith("@") else name
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(text.encode(), address)
