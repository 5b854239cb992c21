"""Emergency templates of a commune that is set up here: really spoken, and signed by two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.contract.hub import Signed
from broker.hub.announcing import emergency
from broker.hub.records.database import open_url
from broker.trust.envelope import open_announcement, sign
from deploy import urgent, van_khe
from tests.hub.town import NOW, Town, hub_settings, make_keys, settle, settled

TEXT = {
    "title": "Cháy",
    "text": "Đang có cháy. Ra khỏi nhà ngay.",
    "icon": "fire",
    "villages": ("dong", "ben"),
}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """The small commune of the hub's tests."""
    database = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    settle(database)
    yield settled(database, make_keys(tmp_path))
    database.close()


def test_templates_are_signed_by_two_so_that_either_of_them_lets_one_speak(town: Town) -> None:
    settings = hub_settings(town.keys.hub.parent / "data", town.keys.hub)
    keys = {who: (f"k-{who}", town.keys.private[f"k-{who}"]) for who in ("lanh", "cuong")}
    made = urgent.make_ready(town.database, settings, [TEXT], "hoa", keys, NOW)
    assert (made, urgent.make_ready(town.database, settings, [TEXT], "hoa", keys, NOW)) == (1, 0)
    with town.database.session() as db:
        (row,) = emergency.ready_templates(db, NOW, town.desk)
        assert [one["key"] for one in row.signatures] == ["k-lanh", "k-cuong"]
        for who in (town.lanh, town.cuong):
            body = emergency.trigger_body(db, town.desk, who, row.id, ["dong"], NOW)
            name, key = keys[who.username]
            open_announcement(
                Signed(body=body, signatures=[sign(body, "announcement", name, key)]), town.keys.trust, NOW
            )


def test_the_demos_signers_are_two_who_approve_and_did_not_write() -> None:
    people = {each.username: each for each in van_khe.PEOPLE}
    assert len(set(van_khe.TEMPLATE_SIGNERS)) == 2
    assert all("approver" in people[each].roles for each in van_khe.TEMPLATE_SIGNERS)
    assert van_khe.TEMPLATE_AUTHOR not in van_khe.TEMPLATE_SIGNERS
