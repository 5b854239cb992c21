"""What an address answered: one message, or an Atom or RSS feed that names messages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from broker.hub.cap.message import NAMESPACE, OLDER
from broker.hub.cap.opening import open_xml

ATOM: Final = "{http://www.w3.org/2005/Atom}"
CAP_TYPE: Final = "application/cap+xml"
MOST_LINKS: Final = 50
"""Messages taken from a feed at a time, in its own order: newest first by custom."""
MOST_ENTRIES: Final = 1000


@dataclass(frozen=True)
class Found:
    """What an answer holds: whole messages, and addresses of others."""

    messages: Sequence[bytes] = ()
    links: Sequence[str] = ()


def look_into(data: bytes) -> Found:
    """Messages and addresses in an answer; an answer that is no feed is a message itself. Raises Declined."""
    root = open_xml(data)
    if root.tag == f"{ATOM}feed":
        return _found([_of_entry(each) for each in list(root.iterchildren(f"{ATOM}entry"))[:MOST_ENTRIES]])
    if etree.QName(root).localname == "rss" and not etree.QName(root).namespace:
        return _found([_of_item(each) for each in list(root.iterfind("channel/item"))[:MOST_ENTRIES]])
    return Found([data])


def _found(entries: Sequence[bytes | str]) -> Found:
    every = list(dict.fromkeys(each for each in entries if each))[:MOST_LINKS]
    return Found(
        [each for each in every if isinstance(each, bytes)], [each for each in every if isinstance(each, str)]
    )


def _of_entry(entry: etree._Element) -> bytes | str:
    """A message inside the entry, else the address of one: by its type, else the entry's page."""
    inside = _inside(entry)
    if inside:
        return inside
    links = list(entry.iterchildren(f"{ATOM}link"))
    typed = [each for each in links if (each.get("type") or "").partition(";")[0].strip() == CAP_TYPE]
    plain = [each for each in links if each.get("rel", "alternate") == "alternate"]
    chosen = [*typed, *plain]
    return (chosen[0].get("href") or "").strip() if chosen else ""


def _of_item(item: etree._Element) -> bytes | str:
    inside = _inside(item)
    if inside:
        return inside
    enclosure = item.find("enclosure")
    if enclosure is not None and (enclosure.get("type") or "") == CAP_TYPE:
        return (enclosure.get("url") or "").strip()
    return (item.findtext("link") or "").strip()


def _inside(entry: etree._Element) -> bytes:
    for namespace in (NAMESPACE, *OLDER):
        found = entry.find(f".//{{{namespace}}}alert")
        if found is not None:
            return etree.tostring(found, with_tail=False, encoding="utf-8")
    return b""
