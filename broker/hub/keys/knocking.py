"""Connections that have not yet shown what they are worth: few of each address, and each for a short time only.

Without this a stranger who connects and says nothing, or a letter each few seconds, holds a thread for as long as he
likes, and some of him hold all of them.
"""

from __future__ import annotations

import ipaddress
import threading
from typing import Generic, TypeVar

Conn = TypeVar("Conn")


class Knocking(Generic[Conn]):
    """Who knocks, from where and since when. Threads share it."""

    def __init__(self, most: int, patience_s: float) -> None:
        """most: connections of one address at a time. patience_s: how long each may take."""
        self._most = most
        self._patience_s = patience_s
        self._known: dict[int, tuple[Conn, str, float]] = {}
        self._lock = threading.Lock()

    def begins(self, conn: Conn, address: str, now_s: float) -> bool:
        """A connection came. False when its address has enough of them: it gets nothing."""
        network = network_of(address)
        with self._lock:
            if sum(each == network for _, each, _ in self._known.values()) >= self._most:
                return False
            self._known[id(conn)] = (conn, network, now_s)
            return True

    def ends(self, conn: Conn) -> None:
        """A connection is over, or has shown what it is worth; it may be told again."""
        with self._lock:
            self._known.pop(id(conn), None)

    def overdue(self, now_s: float) -> list[Conn]:
        """Connections that took too long."""
        with self._lock:
            return [conn for conn, _, since_s in self._known.values() if now_s - since_s >= self._patience_s]


def network_of(address: str) -> str:
    """Whom an address stands for: an IPv6 host has a whole /64 to knock from. Empty for what is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network(f"{found}/64", strict=False))
