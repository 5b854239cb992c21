"""CAP 1.2 messages for tests, written as senders write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from broker.hub.cap.signature import Arrival, arrive
from tests.hub.town import NOW

SENDER = "canhbao@khituong.example"
FLOOD_WORDS = "Nước sông Vân lên nhanh, có nơi ngập sâu 1 mét."
INFO = """<info><language>{language}</language><category>Met</category><event>{event}</event>{response}
<urgency>{urgency}</urgency><severity>{severity}</severity><certainty>Likely</certainty>{expires}
<senderName>Đài Khí tượng Thuỷ văn tỉnh</senderName><headline>{headline}</headline>
<description>{description}</description>
<instruction>Không qua ngầm tràn khi nước chảy xiết</instruction>{area}</info>"""
CORNERS = "20.0,105.0 20.0,106.0 21.0,106.0 21.0,105.0 20.0,105.0"
EVERYWHERE = f"<area><areaDesc>Tỉnh</areaDesc><polygon>{CORNERS}</polygon></area>"


def xml_of(
    identifier: str = "kt-1",
    *,
    sent: datetime = NOW,
    status: str = "Actual",
    kind: str = "Alert",
    scope: str = "<scope>Public</scope>",
    references: str = "",
    infos: str | None = None,
    sender: str = SENDER,
    **about: str,
) -> bytes:
    """One message; `about` fills a part in Vietnamese in."""
    told = f"<references>{references}</references>" if references else ""
    parts = info_of(**about) if infos is None else infos
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        f"<identifier>{identifier}</identifier><sender>{sender}</sender><sent>{stamp(sent)}</sent>"
        f"<status>{status}</status><msgType>{kind}</msgType>{scope}{told}{parts}</alert>"
    ).encode()


def info_of(**about: str) -> str:
    """One <info> part."""
    filled = {
        "language": "vi-VN",
        "event": "Lũ",
        "response": "",
        "urgency": "Immediate",
        "severity": "Severe",
        "expires": f"<expires>{stamp(NOW + timedelta(hours=6))}</expires>",
        "headline": "Cảnh báo lũ trên sông Vân",
        "description": FLOOD_WORDS,
        "area": EVERYWHERE,
    }
    return INFO.format(**(filled | about))


def stamp(at: datetime) -> str:
    """A time as the schema wants it."""
    return at.isoformat(timespec="seconds")


def reference(identifier: str = "kt-1", sent: datetime = NOW, sender: str = SENDER) -> str:
    """Another message, as `references` names it."""
    return f"{sender},{identifier},{stamp(sent)}"


def arrived(data: bytes | None = None, **about: Any) -> Arrival:
    """A message that came, read and checked."""
    return arrive(xml_of(**about) if data is None else data, [], NOW)


def certificate_pair() -> tuple[bytes, bytes]:
    """A key and its certificate for some years from now, PEM: a sender who signs."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "khituong.example")])
    begins = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=1500))
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(serialization.Encoding.PEM, *plain), made.public_bytes(
        serialization.Encoding.PEM
    )
