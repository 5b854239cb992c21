"""Whether a message was signed by whom the commune expects: enveloped XML signatures, as CAP 1.2 §3.3.4.1 has them.

Pure but for the clock in the certificate's life, which is given. signxml is imported when the first signature comes:
it is heavy, and most sources sign nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lxml import etree

from broker.hub.cap.message import Alert, read_root
from broker.hub.cap.opening import open_xml, text_of
from broker.hub.declined import Declined
from broker.trust.certificates import life_of
from broker.trust.keys import IdentityError

Standing = Literal["none", "good", "bad", "unknown"]
"""Not signed; signed by one of the certificates asked; signed, but not so, or changed since; signed by nobody we know.
"""
LONGEST_CERTIFICATE = 16 * 1024


@dataclass(frozen=True)
class Arrival:
    """A message as it came, with what its signature is worth."""

    alert: Alert
    text: str
    signature: Standing


def arrive(data: bytes, certificates: Sequence[str], now: datetime) -> Arrival:
    """Open, read and check what came. certificates: PEM of whom it may be signed by. Raises Declined.

    A signature is good when what it covers is the message itself: a signed one hidden inside another proves nothing.
    """
    root = open_xml(data)
    alert, text = read_root(root), text_of(data, root)
    if not alert.is_signed:
        return Arrival(alert, text, "none")
    if not certificates:
        return Arrival(alert, text, "unknown")
    for pem in certificates:
        for without_blanks in (False, True):
            covered = _covered(data, pem, now, without_blanks=without_blanks)
            if covered is not None and replace(covered, is_signed=True) == alert:
                return Arrival(alert, text, "good")
    return Arrival(alert, text, "bad")


def refuse_certificate(pem: str, now: datetime) -> None:
    """Declined for what is no certificate, or one whose time is over."""
    if len(pem) > LONGEST_CERTIFICATE or pem.count("-----BEGIN CERTIFICATE-----") != 1:
        raise Declined("cap-certificate", "Xin dán đúng một chứng thư dạng PEM (có dòng BEGIN CERTIFICATE).")
    try:
        _, until = life_of(pem.encode())
    except IdentityError as why:
        raise Declined("cap-certificate", "Chứng thư này không đọc được; xin hỏi lại nơi gửi.") from why
    if until <= now:
        raise Declined("cap-certificate", "Chứng thư này đã hết hạn; xin nơi gửi cho chứng thư mới.")


def _covered(data: bytes, pem: str, now: datetime, *, without_blanks: bool) -> Alert | None:
    """What a signature by the owner of this certificate covers; None when it is not such a signature.

    without_blanks: the World Meteorological Organization's CAP Composer, which many countries use, signs first and
    indents afterwards. Blanks between elements say nothing.
    """
    from signxml.exceptions import InvalidInput, SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    wanted = SignatureConfiguration(location="./", expect_references=1, verification_time=now)
    try:
        # Parsed anew: the verifier takes the signature out of what it is given.
        root = open_xml(data, without_blanks=without_blanks)
        result = XMLVerifier().verify(root, x509_cert=pem, expect_config=wanted)
    except (SignXMLException, InvalidInput, etree.LxmlError, ValueError, TypeError, KeyError):
        return None  # signxml says each flaw of a hostile signature with an error of another kind
    found = result[0] if isinstance(result, list) else result
    if found.signed_xml is None:
        return None
    try:
        return read_root(found.signed_xml)
    except Declined:
        return None  # it covers a part, and a part is no message
