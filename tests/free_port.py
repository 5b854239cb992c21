"""A port that nobody listens on at this moment."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as ear:
        return int(ear.getsockname()[1])
