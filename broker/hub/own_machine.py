"""Whether an address leads to the very machine that asks, where doors stand open that no page may reach. Pure."""

from __future__ import annotations

import ipaddress
import socket


def is_own(host: str) -> bool:
    """Whether a host is the very machine that asks, or one only its own wire knows. Names are not looked up."""
    bare = host.rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(bare)
    except ValueError:
        try:
            found = ipaddress.IPv4Address(
                socket.inet_aton(bare)
            )  # 127.1, 0x7f000001: as the C library reads them
        except OSError:
            return False
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    is_nowhere = found.is_unspecified or found.is_multicast or found.is_reserved
    return is_nowhere or found.is_loopback or found.is_link_local
