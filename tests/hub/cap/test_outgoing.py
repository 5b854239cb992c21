"""Our own emergencies for others' machines: valid by the published schema, ended by reference, drills as exercises."""

from __future__ import annotations

from datetime import timedelta

from lxml import etree

from broker.hub.announcing import emergency
from broker.hub.cap import outgoing
from broker.hub.cap.feeds import look_into
from broker.hub.cap.message import read, schema
from broker.hub.cap.outgoing import Out
from broker.hub.records import NodeRecord, Revision
from broker.link.config import PlaceOf
from tests.hub.alarms import ready, spoken
from tests.hub.town import NOW, Town

PLACE = PlaceOf(province="00", commune="00000", commune_name="xã Vân Khê")
MINUTE = timedelta(minutes=1)


def sent(town: Town, at_min: int) -> list[Out]:
    with town.database.reading() as db:
        found = outgoing.messages(db, PLACE, NOW + at_min * MINUTE)
    for one in found:
        schema().assertValid(etree.fromstring(one.xml))
    return found


def test_an_emergency_is_told_in_cap_and_its_end_names_it(town: Town) -> None:
    template = ready(town)
    assert sent(town, 0) == []
    with town.database.session() as db:
        node = db.get_one(NodeRecord, "thon-01")
        node.latitude, node.longitude = 20.5, 105.5
    revision = spoken(town, template)
    with town.database.session() as db:  # kept before such characters were dropped
        db.get_one(Revision, revision.id).title = "Nước\ufffe lên,\x0b sơ tán\ufdd0"
    (one,) = sent(town, 1)
    alert = read(one.xml)
    info = alert.told
    assert info is not None
    assert (alert.status, alert.msg_type, alert.sender) == ("Actual", "Alert", "langso.00.00000")
    assert (info.language, info.categories, info.urgency) == ("vi-VN", ["Met"], "Immediate")
    assert (info.headline, info.expires) == ("Nước lên, sơ tán", NOW + 120 * MINUTE)
    assert "trường tiểu học" in info.description
    assert [area.description for area in info.areas] == ["Thôn Bến, xã Vân Khê", "Thôn Đông, xã Vân Khê"]
    assert [len(area.circles) for area in info.areas] == [0, 1], "only where the loudspeaker is on the map"
    assert {area.geocodes[0] for area in info.areas} == {("xa", "00000")}
    with town.database.session() as db:
        emergency.cancel(db, town.cuong, revision.announcement_id, NOW + 2 * MINUTE)
    end, same = sent(town, 3)
    cancel = read(end.xml)
    assert same.xml == one.xml, "what was told stays as it was told"
    assert (cancel.msg_type, cancel.sent) == ("Cancel", NOW + 2 * MINUTE)
    assert [(ref.sender, ref.identifier, ref.sent) for ref in cancel.references] == [
        (alert.sender, alert.identifier, alert.sent)
    ]
    assert sent(town, 8 * 24 * 60) == [], "a week is enough"


def test_a_drill_is_an_exercise_and_the_feed_leads_to_every_message(town: Town) -> None:
    template = ready(town)
    spoken(town, template, drill=True)
    spoken(town, template, NOW + 2 * MINUTE)
    found = sent(town, 3)
    assert [read(one.xml).status for one in found] == ["Actual", "Exercise"]
    assert "Diễn tập" in read(found[1].xml).note
    here = "https://xa.example/cap/feed.atom"
    made = outgoing.feed(found, "xã Vân Khê", here, lambda name: f"https://xa.example/cap/{name}.xml", NOW)
    assert look_into(made).links == [f"https://xa.example/cap/{one.identifier}.xml" for one in found]
    atom = etree.fromstring(made)
    space = {"a": "http://www.w3.org/2005/Atom"}
    for needed in ("a:id", "a:title", "a:updated", "a:author/a:name"):
        assert atom.xpath(f"string({needed})", namespaces=space), needed
    assert atom.xpath("count(a:entry[a:id and a:title and a:updated])", namespaces=space) == 2
    empty = etree.fromstring(outgoing.feed([], "xã Vân Khê", here, str, NOW))
    assert empty.xpath("string(a:updated)", namespaces=space)
    with town.database.reading() as db:
        assert outgoing.one_message(db, PLACE, "../../etc", NOW) is None
