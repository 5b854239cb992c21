"""XML from strangers, opened without harm: no DTD, no entities, no network, and limits on everything. Pure.

`lxml` alone is not enough: an internal DTD is read before anybody can look at it, so a text that has one is never
given to the parser. What is refused is refused with one Vietnamese sentence.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

from lxml import etree

from broker.hub.declined import Declined

LARGEST: Final = 3 * 1024 * 1024
"""Bytes of one message or feed, unpacked; the largest seen of others is 880 kB, the outline of a country."""
DEEPEST: Final = 32
"""Elements inside one another; CAP with a signature needs 9."""
MOST_ELEMENTS: Final = 50_000

_ENCODINGS: Final = frozenset(
    {"utf-8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "windows-1252", "windows-1258"}
)
"""In which the search for a DTD below can read what the parser will read."""
_DECLARED: Final = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_DANGER: Final = re.compile(rb"<!\s*(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)


def open_xml(data: bytes, *, without_blanks: bool = False) -> etree._Element:
    """The root of a text in XML, packed with gzip or not; `without_blanks` leaves out what only indents it.

    Declined: empty, too large (packed or unpacked), not XML, with a DTD, too deep, too many elements, an encoding
    nobody needs.
    """
    data = unpacked(data)
    if not data.strip():
        raise Declined("cap-empty", "Tệp này trống, không có tin nào bên trong.")
    _refuse_danger(data)
    try:
        root = etree.fromstring(data, _parser(without_blanks))
    except (etree.XMLSyntaxError, ValueError, LookupError) as why:
        line = f" (dòng {why.lineno})" if isinstance(why, etree.XMLSyntaxError) and why.lineno else ""
        raise Declined(
            "cap-not-xml", f"Tệp này không phải XML đọc được{line}; xin nơi gửi cho lại tệp gốc."
        ) from why
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise _danger()
    _refuse_size(root)
    return root


def unpacked(data: bytes) -> bytes:
    """The text itself: taken out of gzip within LARGEST. Raises Declined for what is larger, or packed otherwise."""
    if data[:2] == b"PK":
        raise Declined("cap-zip", "Đây là tệp nén ZIP; xin mở ra rồi đưa từng tệp .xml bên trong.")
    if data[:2] == b"\x1f\x8b":
        opener = zlib.decompressobj(wbits=31)
        try:
            data = opener.decompress(data, LARGEST + 1)
        except zlib.error as why:
            raise Declined("cap-not-xml", "Tệp nén này bị hỏng; xin nơi gửi cho lại tệp gốc.") from why
    if len(data) > LARGEST:
        raise Declined("cap-large", "Tệp này quá lớn, một tin cảnh báo nhiều nhất 3 MB; xin hỏi lại nơi gửi.")
    return data


def text_of(data: bytes, root: etree._Element) -> str:
    """The text as it came, to be kept; `root` is what `open_xml` made of it."""
    encoding = root.getroottree().docinfo.encoding or "utf-8"
    return unpacked(data).decode(encoding, "replace").removeprefix("\ufeff").replace("\0", "")


def _parser(without_blanks: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_blank_text=without_blanks,
        remove_comments=True,  # a comment inside a sentence would end what is read of it: "Không <!-- --> được ra"
        remove_pis=True,
    )


def _refuse_danger(data: bytes) -> None:
    found = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf")[:400].replace(b"\0", b""))
    if found is not None and found[1].decode().lower() not in _ENCODINGS:
        raise Declined("cap-encoding", "Tệp này dùng bảng mã lạ; xin nơi gửi cho tệp ghi bằng UTF-8.")
    if _DANGER.search(data.replace(b"\0", b"")):  # UTF-16 of ASCII is ASCII with zeros between
        raise _danger()


def _danger() -> Declined:
    return Declined(
        "cap-dtd",
        "Tệp này có phần khai báo DTD mà tin cảnh báo không bao giờ cần; trung tâm không mở tệp như vậy.",
    )


def _refuse_size(root: etree._Element) -> None:
    """Walk once, without recursion, and stop at the first limit that is passed."""
    depth = count = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        count += event == "start"
        if depth > DEEPEST or count > MOST_ELEMENTS:
            raise Declined("cap-large", "Tin trong tệp này rối quá mức; xin hỏi lại nơi gửi.")
