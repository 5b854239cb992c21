"""One CAP 1.2 message: read, checked against the published schema, then against the standard's own rules. Pure.

Source: Common Alerting Protocol Version 1.2, OASIS Standard, 1 July 2010, §3.2; the schema beside this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from lxml import etree

from broker.hub.announcing.checks import visible
from broker.hub.cap import areas
from broker.hub.cap.areas import Area
from broker.hub.cap.opening import open_xml
from broker.hub.declined import Declined

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
OLDER: Final = {
    "http://www.incident.com/cap/1.0": "1.0",
    "urn:oasis:names:tc:emergency:cap:1.0": "1.0",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
}
LONGEST_NAME: Final = 300
"""Characters of an identifier or a sender."""
MOST_REFERENCES: Final = 200
MOST_INFOS: Final = 50
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100
"""Of any time in a message: what lies outside is a slip or an attack, and no calendar can reckon at its very ends."""

_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_ELEMENT: Final = re.compile(r"Element '(?:\{[^}]*\})?(\w+)'.*?(?:, line (\d+))?$", re.DOTALL)
"""In what libxml2 says of an error."""
_PUBLISHED: Final = Path(__file__).parent / "schema" / "CAP-v1.2.xsd"


@dataclass(frozen=True)
class Reference:
    """Another message, as `references` names it."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True)
class Info:
    """What a message says in one language. Texts are NFC; empty where the message has none."""

    language: str
    categories: Sequence[str]
    event: str
    urgency: str
    severity: str
    certainty: str
    event_codes: Sequence[str] = ()
    responses: Sequence[str] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    areas: Sequence[Area] = ()

    @property
    def is_vietnamese(self) -> bool:
        """Whether its words are Vietnamese, as it says itself."""
        return self.language.lower().split("-")[0] == "vi"


@dataclass(frozen=True)
class Alert:
    """One message. `status`, `msg_type`, `scope` are words of the standard; times are aware."""

    identifier: str
    sender: str
    sent: datetime
    status: str
    msg_type: str
    scope: str
    note: str
    references: Sequence[Reference]
    infos: Sequence[Info]
    is_signed: bool
    flaws: Sequence[str] = ()
    """Where it departs from the standard in a way that leaves its meaning clear, as sentences: a warning that is
    needed is not thrown away for its form."""

    @property
    def expires(self) -> datetime | None:
        """When the last of its parts ends; None where one of them does not say."""
        ends = [each.expires for each in self.infos]
        known = [each for each in ends if each is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def told(self) -> Info | None:
        """The part to read to people: Vietnamese where there is one, else the first."""
        return next((each for each in self.infos if each.is_vietnamese), next(iter(self.infos), None))


def read(data: bytes) -> Alert:
    """The message in a file or an answer. Raises Declined with what is wrong and where."""
    return read_root(open_xml(data))


def read_root(root: etree._Element) -> Alert:
    """The same of a text that was opened already."""
    _refuse_other(root)
    _refuse_shape(root)
    alert = _alert(root)
    _refuse_broken_rules(root, alert)
    return alert


@cache
def schema() -> etree.XMLSchema:
    """The published schema, read once."""
    return etree.XMLSchema(etree.parse(str(_PUBLISHED)))


def _refuse_other(root: etree._Element) -> None:
    name = etree.QName(root)
    if name.namespace in OLDER and name.localname == "alert":
        version = OLDER[str(name.namespace)]
        raise Declined(
            "cap-version",
            f"Tin này theo chuẩn CAP {version}, trung tâm chỉ nhận CAP 1.2; xin nơi gửi đổi bản.",
        )
    if name.namespace != NAMESPACE or name.localname != "alert":
        raise Declined("cap-not-cap", "Tệp này là XML nhưng không phải một tin cảnh báo CAP 1.2.")


def _refuse_shape(root: etree._Element) -> None:
    try:
        schema().assertValid(root)
    except etree.DocumentInvalid as why:
        named = _ELEMENT.search(str(why))
        where = f"phần <{named[1]}>{f' ở dòng {named[2]}' if named[2] else ''}" if named else "có chỗ"
        raise Declined(
            "cap-schema",
            f"Tin không đúng khuôn CAP 1.2: {where} sai chỗ, sai chữ, hoặc thiếu một phần bên trong; "
            "xin hỏi lại nơi gửi.",
        ) from why


def _alert(root: etree._Element) -> Alert:
    found = list(root.iterchildren(f"{{{NAMESPACE}}}info"))
    if len(found) > MOST_INFOS:
        raise _against("info", f"có hơn {MOST_INFOS} phần")
    infos = [_info(each) for each in found]
    return Alert(
        identifier=_text(root, "identifier"),
        sender=_text(root, "sender"),
        sent=_moment(root, "sent"),
        status=_text(root, "status"),
        msg_type=_text(root, "msgType"),
        scope=_text(root, "scope"),
        note=_text(root, "note"),
        references=list(_references(_text(root, "references"))),
        infos=infos,
        is_signed=root.find(_SIGNATURE) is not None,
        flaws=list(_flaws(root, infos)),
    )


def _info(node: etree._Element) -> Info:
    def moment(name: str) -> datetime | None:
        return _moment(node, name) if _text(node, name) else None

    return Info(
        language=_text(node, "language") or "en-US",
        categories=_texts(node, "category"),
        event=_text(node, "event"),
        urgency=_text(node, "urgency"),
        severity=_text(node, "severity"),
        certainty=_text(node, "certainty"),
        event_codes=[_text(each, "value") for each in node.iterchildren(f"{{{NAMESPACE}}}eventCode")],
        responses=_texts(node, "responseType"),
        effective=moment("effective"),
        onset=moment("onset"),
        expires=moment("expires"),
        sender_name=_text(node, "senderName"),
        headline=_text(node, "headline"),
        description=_text(node, "description"),
        instruction=_text(node, "instruction"),
        web=_text(node, "web"),
        contact=_text(node, "contact"),
        areas=[_area(each) for each in node.iterchildren(f"{{{NAMESPACE}}}area")],
    )


def _area(node: etree._Element) -> Area:
    codes = node.iterchildren(f"{{{NAMESPACE}}}geocode")
    return areas.area(
        _text(node, "areaDesc"),
        _texts(node, "polygon"),
        _texts(node, "circle"),
        [(_text(each, "valueName"), _text(each, "value")) for each in codes],
    )


def _refuse_broken_rules(root: etree._Element, alert: Alert) -> None:
    """What the standard asks beyond the schema."""
    for name, said in (("identifier", alert.identifier), ("sender", alert.sender)):
        if not said or len(said) > LONGEST_NAME or any(char.isspace() or char in ",<&" for char in said):
            raise _against(name, "trống, quá dài, hoặc có dấu cách, dấu phẩy")
    if alert.scope == "Restricted" and not _text(root, "restriction"):
        raise _against("restriction", "phải có khi tin chỉ gửi cho một số người")
    if alert.scope == "Private" and not _text(root, "addresses"):
        raise _against("addresses", "phải có khi tin gửi riêng")
    if alert.msg_type != "Alert" and not alert.references:
        raise _against("references", "phải nói tin này sửa hoặc huỷ tin nào")
    if alert.msg_type in ("Alert", "Update") and not alert.infos:
        raise _against("info", "không có, nên tin không nói điều gì")


def _flaws(root: etree._Element, infos: Sequence[Info]) -> Iterator[str]:
    if any(area.is_open for info in infos for area in info.areas):
        yield "Có phần <polygon> chưa khép kín đúng chuẩn; trung tâm tự khép lại."
    for area in root.iter(f"{{{NAMESPACE}}}area"):
        if _text(area, "ceiling") and not _text(area, "altitude"):
            yield "Có phần <ceiling> mà thiếu <altitude>; trung tâm không dùng độ cao nên vẫn nhận."
            return


def _against(name: str, what: str) -> Declined:
    return Declined("cap-rule", f"Tin trái quy tắc của chuẩn CAP 1.2: phần <{name}> {what}.")


def _references(text: str) -> Iterator[Reference]:
    """`sender,identifier,sent`, by white space."""
    parts = text.split()
    if len(parts) > MOST_REFERENCES:
        raise _against("references", f"kể hơn {MOST_REFERENCES} tin")
    for part in parts:
        try:
            sender, identifier, sent = part.split(",")
            at = datetime.fromisoformat(sent)
        except ValueError as why:
            raise _against("references", "không đúng dạng “nơi gửi,mã tin,giờ gửi”") from why
        if at.tzinfo is None or not sender or not identifier:
            raise _against("references", "không đúng dạng “nơi gửi,mã tin,giờ gửi”")
        yield Reference(sender, identifier, _within_reason("references", at))


def _text(node: etree._Element, name: str) -> str:
    return visible(node.findtext(f"{{{NAMESPACE}}}{name}") or "").strip()


def _texts(node: etree._Element, name: str) -> list[str]:
    return [visible(each.text or "").strip() for each in node.iterchildren(f"{{{NAMESPACE}}}{name}")]


def _moment(node: etree._Element, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(_text(node, name))
    except ValueError as why:
        raise _against(name, "không phải một giờ có thật") from why
    return _within_reason(name, at)


def _within_reason(name: str, at: datetime) -> datetime:
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise _against(name, f"ghi năm {at.year:04}, ngoài khoảng {EARLIEST_YEAR} đến {LATEST_YEAR}")
    return at
