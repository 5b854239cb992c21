"""Which cameras answer on the node's own network: WS-Discovery, IPv4, one packet out and a few seconds of listening."""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import struct
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from broker.contract.camera import FoundCamera
from edge.camera.soap import Address, Patience, Unanswered, named, parse, text_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

log = logging.getLogger(__name__)

GROUP: Final = ("239.255.255.250", 3702)
LISTEN_S: Final = 4.0
AGAIN_S: Final = (0.0, 0.5, 1.5)
"""A packet may be lost, and cheap cameras sleep: it is said three times."""
MOST_DEVICES, MOST_PACKETS, MOST_PACKET = 32, 400, 16 * 1024
LONGEST_ADDRESS, LONGEST_NAME = 160, 40
"""So that all of it together fits a message."""
KINDS: Final = ("dn:NetworkVideoTransmitter", "tds:Device")
_CARDS: Final = Path("/sys/class/net")
_PATH: Final = re.compile(r"/[A-Za-z0-9_.~/-]{0,100}", re.ASCII)


def search(
    group: tuple[str, int], listen_s: float, monotonic: Callable[[], float], stop: threading.Event
) -> list[FoundCamera]:
    """Devices that answered, by address. Raises Unanswered when nothing could be said to the network."""
    asked: set[str] = set()
    found: dict[str, FoundCamera] = {}
    began_s = monotonic()
    patience = Patience(began_s + listen_s, monotonic, stop)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        line.setblocking(False)
        said = 0
        for again_s in AGAIN_S:
            said += _say(line, group, asked)
            turn = Patience(min(began_s + listen_s, began_s + _next(again_s, listen_s)), monotonic, stop)
            _hear(line, turn, asked, found)
        if not said:
            raise Unanswered("network")
        _hear(line, patience, asked, found)
    return sorted(found.values(), key=lambda each: ipaddress.IPv4Address(each.address))


def _next(again_s: float, listen_s: float) -> float:
    """When the question is said again after the one at `again_s`."""
    return min((each for each in AGAIN_S if each > again_s), default=listen_s)


def _say(line: socket.socket, group: tuple[str, int], asked: set[str]) -> int:
    """Ask on every network this machine is on; returns how many packets went."""
    went = 0
    for index in _networks() if ipaddress.IPv4Address(group[0]).is_multicast else [0]:
        for kind in KINDS:
            name = str(uuid.uuid4())
            asked.add(name)
            with suppress(OSError):
                line.setsockopt(
                    socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", bytes(4), bytes(4), index)
                )
                line.sendto(_probe(name, kind).encode(), group)
                went += 1
    return went


def _networks() -> list[int]:
    """The numbers of this machine's network cards. From files, because a service may open no netlink socket."""
    found = []
    for card in sorted(_CARDS.glob("*/ifindex")):
        with suppress(OSError, ValueError):
            if card.parent.name != "lo":
                found.append(int(card.read_text(encoding="ascii")))
    return found or [0]


def _hear(line: socket.socket, patience: Patience, asked: set[str], found: dict[str, FoundCamera]) -> None:
    """Take answers until the time is over; what is none is nobody's business."""
    for _ in range(MOST_PACKETS):
        try:
            patience.readable(line)
            said, (host, _) = line.recvfrom(MOST_PACKET)
        except TimeoutError:
            return
        except OSError:  # an unreachable machine says so on the same socket
            continue
        try:
            each = read_answer(said, host, asked)
        except Unanswered:
            log.info("an answer that is none from %s", host, extra={"event": "search-odd"})
            continue
        if each is not None and len(found) < MOST_DEVICES:
            found.setdefault(each.device, each)


def read_answer(said: bytes, host: str, asked: set[str]) -> FoundCamera | None:
    """The device that answered from `host`; None when nobody asked it, or it is none. Raises Unanswered.

    Whatever address it gives, it is asked only where it answered from: nobody sends this machine to another one.
    """
    root = parse(said)
    related = text_of(root, "RelatesTo")[-36:]
    # A private address cannot be forged from outside; and the machine's own network drops a stranger's 127.0.0.1.
    if related not in asked or not ipaddress.ip_address(host).is_private:
        return None
    match = next(named(root, "ProbeMatch"), None)
    device = next(
        (one for each in text_of(match, "XAddrs").split() if (one := read_address(each, host))), None
    )
    if match is None or device is None or len(str(device)) > LONGEST_ADDRESS:
        return None
    return FoundCamera(
        device=str(device), address=host, name=_scope(match, "name"), hardware=_scope(match, "hardware")
    )


def read_address(told: str, host: str) -> Address | None:
    """Where a device says that it takes questions, on the machine it is; None for what is no such place."""
    try:
        parts = urlsplit(told)
        port = parts.port or 80
    except ValueError:
        return None
    if parts.scheme != "http" or parts.query or not _PATH.fullmatch(parts.path):
        return None
    return Address(host, port, parts.path)


def plain(told: str, longest: int) -> str:
    """What a stranger wrote, as one short line."""
    return "".join(each for each in " ".join(told.split()) if each.isprintable()).strip()[:longest]


def _scope(match: Element, part: str) -> str:
    """What a device calls itself: onvif://www.onvif.org/name/…"""
    for scope in text_of(match, "Scopes").split():
        _, found, rest = scope.partition(f"onvif.org/{part}/")
        if found:
            return plain(unquote(rest.rstrip("/")), LONGEST_NAME)
    return ""


def _probe(name: str, kind: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
        'xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">'
        f"<s:Header><a:MessageID>urn:uuid:{name}</a:MessageID>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header>"
        f"<s:Body><d:Probe><d:Types>{kind}</d:Types></d:Probe></s:Body></s:Envelope>"
    )
