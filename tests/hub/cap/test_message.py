"""Messages of strangers: read as the standard says, refused with a sentence, never a danger."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from signxml.algorithms import SignatureMethod
from signxml.signer import XMLSigner

from broker.hub.cap import areas, said
from broker.hub.cap.feeds import look_into
from broker.hub.cap.message import OLDER, Reference, read
from broker.hub.cap.opening import LARGEST, MOST_ELEMENTS
from broker.hub.cap.signature import arrive, refuse_certificate
from broker.hub.declined import Declined
from tests.hub.cap.warnings import (
    EVERYWHERE,
    FLOOD_WORDS,
    SENDER,
    certificate_pair,
    info_of,
    reference,
    xml_of,
)
from tests.hub.town import NOW

ENGLISH = info_of(
    language="en-US",
    headline="Flood warning",
    description="The river is rising",
    response="<responseType>Evacuate</responseType>",
)
BILLION = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><alert>&c;</alert>'
)
OTHER_FILE = b"""<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&f;</identifier></alert>"""


def refused(act: Callable[[], object]) -> str:
    """The code of a refusal that says a whole sentence."""
    with pytest.raises(Declined) as found:
        act()
    assert str(found.value).endswith("."), str(found.value)
    return found.value.code


def test_a_message_is_read_with_all_it_says() -> None:
    alert = read(xml_of(references=reference("kt-0"), kind="Update", infos=ENGLISH + info_of()))
    assert (alert.sender, alert.identifier, alert.msg_type, alert.sent) == (SENDER, "kt-1", "Update", NOW)
    assert alert.references == [Reference(SENDER, "kt-0", NOW)]
    assert [info.language for info in alert.infos] == ["en-US", "vi-VN"]
    told = alert.told
    assert told is not None
    assert (told.headline, told.description) == ("Cảnh báo lũ trên sông Vân", FLOOD_WORDS), "Vietnamese first"
    assert alert.expires == NOW + timedelta(hours=6)
    assert len(told.areas[0].polygons[0]) == 5
    assert alert.flaws == []


def test_nfd_and_invisible_characters_are_made_plain_and_utf_16_and_gzip_are_read() -> None:
    data = xml_of(headline="Canh ba\u0301o\u202e lu\u0303 🌊").decode()
    for packed in (
        gzip.compress(data.encode()),
        data.replace("UTF-8", "UTF-16").encode("utf-16"),
        b"\xef\xbb\xbf" + data.encode(),
    ):
        told = read(packed).told
        assert told is not None
        assert told.headline == "Canh báo lũ 🌊"


BAD = {
    "empty": (b"", "cap-empty"),
    "blank": (b"\n \t", "cap-empty"),
    "words": ("Nước lên rồi bà con ơi".encode(), "cap-not-xml"),
    "another script": ("តើអ្នកសុខសប្បាយទេ".encode("utf-16"), "cap-not-xml"),
    "binary": (bytes(range(256)), "cap-not-xml"),
    "cut": (xml_of()[:-30], "cap-not-xml"),
    "web page": (b"<html><body>404</body></html>", "cap-not-cap"),
    "no namespace": (xml_of().replace(b' xmlns="urn:oasis:names:tc:emergency:cap:1.2"', b""), "cap-not-cap"),
    "a feed": (b'<feed xmlns="http://www.w3.org/2005/Atom"/>', "cap-not-cap"),
    "entities": (BILLION, "cap-dtd"),
    "a file": (OTHER_FILE, "cap-dtd"),
    "a hidden dtd": ("<!DOCTYPE a SYSTEM 'http://example.com/'><a/>".encode("utf-16"), "cap-dtd"),
    "ebcdic": (b'<?xml version="1.0" encoding="cp037"?><a/>', "cap-encoding"),
    "utf-7": (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-a/+AD4-', "cap-encoding"),
    "zip": (b"PK\x03\x04" + bytes(200), "cap-zip"),
    "a broken gzip": (b"\x1f\x8b" + bytes(200), "cap-not-xml"),
    "a gzip bomb": (gzip.compress(b" " * (50 * LARGEST)), "cap-large"),
    "too large": (xml_of(description="x" * LARGEST), "cap-large"),
    "too deep": (b"<a>" * 60 + b"</a>" * 60, "cap-large"),
    "deeper than a parser goes": (b"<a>" * 5000 + b"</a>" * 5000, "cap-not-xml"),
    "too many elements": (b"<a>" + b"<b/>" * MOST_ELEMENTS + b"</a>", "cap-large"),
    "no status": (xml_of().replace(b"<status>Actual</status>", b""), "cap-schema"),
    "a made-up status": (xml_of(status="Real"), "cap-schema"),
    "wrong order": (xml_of(infos=info_of().replace("<category>Met</category>", "") + ""), "cap-schema"),
    "a time without a zone": (xml_of().replace(b"+07:00</sent>", b"</sent>"), "cap-schema"),
    "a time that is none": (xml_of().replace(b"2026-11-21T08", b"2026-13-41T08"), "cap-schema"),
    "a made-up element": (xml_of().replace(b"<info>", b"<script>alert(1)</script><info>"), "cap-schema"),
    "an identifier with a blank": (xml_of("kt 1"), "cap-rule"),
    "an identifier of 100 kB": (xml_of("k" * 100_000), "cap-rule"),
    "a sender with a comma": (xml_of(sender="a,b"), "cap-rule"),
    "restricted to nobody": (xml_of(scope="<scope>Restricted</scope>"), "cap-rule"),
    "private to nobody": (xml_of(scope="<scope>Private</scope>"), "cap-rule"),
    "a cancel of nothing": (xml_of(kind="Cancel", infos=""), "cap-rule"),
    "a reference that is none": (xml_of(kind="Cancel", infos="", references="kt-0"), "cap-rule"),
    "a thousand references": (xml_of(kind="Cancel", infos="", references=(reference() + " ") * 1000), "cap-rule"),
    "sent at the end of time": (xml_of(expires="").replace(b"2026-11-21T08", b"9999-12-31T23"), "cap-rule"),
    "sent in the year one": (xml_of().replace(b"2026-11-21T08:00:00+07", b"0001-01-01T00:00:00+14"), "cap-rule"),
    "never over": (xml_of(expires="<expires>9999-12-31T23:59:59-12:00</expires>"), "cap-rule"),
    "in force from year one": (xml_of(expires="<effective>0001-01-01T00:00:00+14:00</effective>"), "cap-rule"),
    "to begin in year 9999": (xml_of(expires="<onset>9999-12-31T23:59:59-14:00</onset>"), "cap-rule"),
    "an update of year one": (xml_of(kind="Update", references="a,b,0001-01-01T00:00:00+14:00"), "cap-rule"),
    "an alert of nothing": (xml_of(infos=""), "cap-rule"),
    "a polygon of words": (xml_of(area=EVERYWHERE.replace("20.0,105.0", "ở,đây", 1)), "cap-rule"),
    "a place off the earth": (xml_of(area=EVERYWHERE.replace("20.0", "91.0")), "cap-rule"),
    "not a number": (xml_of(area="<area><areaDesc>x</areaDesc><circle>20,105 nan</circle></area>"), "cap-rule"),
    "a circle of less than nothing": (
        xml_of(area="<area><areaDesc>x</areaDesc><circle>20,105 -1</circle></area>"),
        "cap-rule",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_with_a_sentence_and_soon(name: str) -> None:
    data, code = BAD[name]
    begun = time.process_time()
    assert refused(lambda: read(data)) == code
    assert time.process_time() - begun < 5, "no text of a stranger holds the hub up"


def test_a_comment_inside_a_sentence_cuts_nothing_off() -> None:
    told = read(xml_of(headline="Không <!-- --> được ra sông", description="Nước<?x y?> lên")).told
    assert told is not None
    assert (told.headline, told.description) == ("Không  được ra sông", "Nước lên")


def test_older_versions_are_told_apart() -> None:
    for namespace, version in OLDER.items():
        data = xml_of().replace(b"urn:oasis:names:tc:emergency:cap:1.2", namespace.encode())
        with pytest.raises(Declined, match=f"CAP {version}, trung tâm chỉ nhận CAP 1.2") as found:
            read(data)
        assert found.value.code == "cap-version"


def test_a_flaw_that_leaves_the_meaning_clear_is_told_and_the_warning_kept() -> None:
    open_ring = EVERYWHERE.replace(" 20.0,105.0</polygon>", "</polygon>").replace(
        "</area>", "<ceiling>9</ceiling></area>"
    )
    alert = read(xml_of(area=open_ring))
    assert [flaw.split(">")[0] for flaw in alert.flaws] == ["Có phần <polygon", "Có phần <ceiling"]
    assert alert.infos[0].areas[0].polygons[0][-1] == (20.0, 105.0)


PLACES = [
    areas.Place("dong", [(20.5, 105.5)]),
    areas.Place("ben", [(20.5, 105.6), (20.51, 105.61)]),
    areas.Place("ha"),
]


def reach(
    area: str, codes: tuple[str, ...] = ("00000",), places: list[areas.Place] | None = None
) -> areas.Reach:
    alert = read(xml_of(area=area))
    return areas.reach(alert.infos[0].areas, PLACES if places is None else places, codes)


def area_of(*parts: str) -> str:
    return f"<area><areaDesc>Vùng</areaDesc>{''.join(parts)}</area>"


def polygon(*corners: str) -> str:
    return f"<polygon>{' '.join([*corners, corners[0]])}</polygon>"


def geocode(name: str, value: str) -> str:
    return f"<geocode><valueName>{name}</valueName><value>{value}</value></geocode>"


def test_villages_are_found_by_polygon_circle_and_code_and_unknown_ones_are_said() -> None:
    small = area_of(polygon("20.49,105.49", "20.49,105.51", "20.51,105.51", "20.51,105.49"))
    found = reach(small)
    assert (list(found.villages), list(found.guessed)) == (["dong", "ha"], ["ha"])
    assert reach(area_of("<circle>20.51,105.61 0.1</circle>")).villages == ["ben", "ha"]
    assert reach(area_of("<circle>20.5,105.55 4</circle>")).villages == ["ha"], (
        "near, and nobody put Hạ on the map"
    )
    assert reach(area_of("<circle>20.5,105.55 6</circle>")).villages == ["dong", "ben", "ha"]
    far = area_of(polygon("10.0,106.0", "10.0,107.0", "11.0,107.0", "11.0,106.0"))
    assert reach(far).villages == [], "no village nobody put on the map is 1,000 km from its neighbours"
    assert reach(far, places=[areas.Place("ha")]).guessed == ["ha"], "nothing is known: all may be meant"
    assert reach(area_of(geocode("xa", "00000"))).villages == ["dong", "ben", "ha"]
    assert reach(area_of(geocode("SAME", "006109"))).villages == []
    assert reach(area_of(geocode("TINH", "37")), ("00000", "tinh=37")).villages == ["dong", "ben", "ha"]
    assert reach(area_of(geocode("EMMA", "37")), ("00000", "tinh=37")).villages == []
    words = reach(area_of())
    assert (words.villages, words.by_words) == (["dong", "ben", "ha"], ["Vùng"]), "a person decides"
    assert reach("").villages == ["dong", "ben", "ha"], "no area is everywhere"


def test_a_thousand_areas_are_placed_in_time_and_too_many_are_refused() -> None:
    one = polygon("30.0,105.49", "30.0,105.51", "31.0,105.51", "31.0,105.49")
    begun = time.process_time()
    found = reach(area_of(one) * 999 + area_of("<circle>20.5,105.5 1</circle>"))
    assert found.villages == ["dong", "ha"]
    assert time.process_time() - begun < 5
    assert refused(lambda: reach(area_of(one) * (areas.MOST_AREAS + 1))) == "cap-areas"


def test_a_draft_takes_vietnamese_words_and_never_foreign_ones() -> None:
    (info,) = read(xml_of()).infos
    draft = said.draft_of(info, ["dong"])
    assert draft.title == "Cảnh báo lũ trên sông Vân"
    assert draft.text.splitlines() == [
        "Đài Khí tượng Thuỷ văn tỉnh thông báo.",
        "Cảnh báo lũ trên sông Vân.",
        FLOOD_WORDS,
        "Không qua ngầm tràn khi nước chảy xiết.",
        "Cảnh báo này có hiệu lực đến 14 giờ ngày 21/11/2026.",
    ]
    assert (draft.kind, draft.starts, draft.play_now) == ("priority", (), False)
    (foreign,) = read(xml_of(infos=ENGLISH)).infos
    draft = said.draft_of(foreign, ["dong"])
    assert draft.title == "Cảnh báo thời tiết, thuỷ văn nguy hiểm"
    assert "Bà con hãy sơ tán theo hướng dẫn." in draft.text
    assert "river" not in draft.text
    (long,) = read(xml_of(headline="Lũ " * 200, description="Nước lên. " * 5000, severity="Minor")).infos
    draft = said.draft_of(long, [])
    assert (len(draft.title) <= 120, len(draft.text) <= 8000, draft.kind) == (True, True, "routine")


def signed(data: bytes, key: bytes, pem: bytes) -> bytes:
    root = XMLSigner(signature_algorithm=SignatureMethod.ECDSA_SHA256).sign(
        etree.fromstring(data), key=key, cert=pem.decode()
    )
    return etree.tostring(root)


def test_a_signature_is_good_only_over_the_whole_message_by_the_certificate_asked() -> None:
    key, pem = certificate_pair()
    _, other = certificate_pair()
    now = datetime.now(UTC)
    data = signed(xml_of().replace(b"\n", b""), key, pem)
    assert arrive(xml_of(), [pem.decode()], now).signature == "none"
    assert arrive(data, [], now).signature == "unknown"
    assert arrive(data, [other.decode(), pem.decode()], now).signature == "good"
    assert arrive(data, [other.decode()], now).signature == "bad"
    assert arrive(data.replace(b"kt-1", b"kt-2"), [pem.decode()], now).signature == "bad"
    assert arrive(data, [pem.decode()], now + timedelta(days=4000)).signature == "bad", "its time is over"
    indented = etree.tostring(etree.fromstring(data), pretty_print=True)
    assert arrive(indented, [pem.decode()], now).signature == "good", (
        "as the CAP Composer of the WMO sends it"
    )
    evil = etree.fromstring(xml_of("kt-9", headline="Không có gì đâu"))
    holder = etree.SubElement(evil, "{http://www.w3.org/2000/09/xmldsig#}Signature")
    etree.SubElement(holder, "{http://www.w3.org/2000/09/xmldsig#}Object").append(etree.fromstring(data))
    assert arrive(etree.tostring(evil), [pem.decode()], now).signature == "bad", "a signed one inside another"
    refuse_certificate(pem.decode(), now)
    assert refused(lambda: refuse_certificate("-----BEGIN CERTIFICATE-----", now)) == "cap-certificate"
    assert refused(lambda: refuse_certificate(pem.decode(), now + timedelta(days=4000))) == "cap-certificate"


METEOALARM = b"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">
    <link href="https://feeds.meteoalarm.org/feeds/meteoalarm-legacy-atom-estonia" rel="self"/>
    <entry>
        <cap:geocode><valueName>EMMA_ID</valueName><value>EE013</value></cap:geocode>
        <link href="https://feeds.meteoalarm.org/api/v1/warnings/feeds-estonia/ede7f627" type="application/cap+xml"/>
        <cap:areaDesc>Valga maakond</cap:areaDesc>
    </entry>
</feed>"""
"""As Meteoalarm writes it; out of the tests of the package `meteoalarm` 0.3.0 (Niklas Jordan, MIT License), shortened.
"""


def test_feeds_name_messages_or_carry_them() -> None:
    assert look_into(METEOALARM).links == [
        "https://feeds.meteoalarm.org/api/v1/warnings/feeds-estonia/ede7f627"
    ]
    typed = '<enclosure url="https://a.example/2" type="application/cap+xml"/>'
    item = f"<item><link>https://a.example/1</link></item><item>{typed}</item>".encode()
    rss = b'<rss version="2.0"><channel>' + item + item + b"</channel></rss>"
    assert look_into(rss).links == ["https://a.example/1", "https://a.example/2"]
    inside = xml_of().partition(b"?>")[2]
    carried = look_into(
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><content>' + inside + b"</content></entry></feed>"
    )
    assert [read(each).identifier for each in carried.messages] == ["kt-1"]
    assert look_into(xml_of()).messages == [xml_of()]
    many = b"".join(
        f'<entry xmlns="http://www.w3.org/2005/Atom"><link href="https://a.example/{n}"/></entry>'.encode()
        for n in range(900)
    )
    assert len(look_into(b'<feed xmlns="http://www.w3.org/2005/Atom">' + many + b"</feed>").links) == 50
    assert refused(lambda: look_into(zlib.compress(b"x"))) == "cap-not-xml"
