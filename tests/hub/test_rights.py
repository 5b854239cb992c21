"""The broker's rights follow the records: what differs is put right, and the hub's own sessions live on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.contract import HUB, Identity, Place
from broker.contract.rights import dynsec, hub_identities, node_identities, rights_of
from broker.hub.keys.control import Control, Found, Silent, controlling
from broker.hub.keys.rights import LARGEST_COMMAND, differences, entitled, push
from broker.hub.records import AuditRow, NodeRecord, Revocation
from broker.link.bare import Bare, way_of
from tests.trusted_commune import TrustedCommune
from tests.until import until

PLACE = Place("00", "00000")
SPEAKER, ANNOUNCE = Identity("thon-01", "speaker"), Identity(HUB, "announce")


def found_of(wanted: dict) -> Found:
    """What a broker would tell that has exactly these rights."""
    return Found(
        clients={each["username"]: dict(each) for each in wanted["clients"]},
        roles={each["rolename"]: dict(each) for each in wanted["roles"]},
        groups={},
        defaults=dict(wanted["defaultACLAccess"]),
        anonymous_group="",
    )


def wanted_with(*nodes: str) -> dict:
    everyone = hub_identities() + [who for node in nodes for who in node_identities(node)]
    return dynsec(everyone, PLACE)


def commands(changes: list) -> list[str]:
    return [command["command"] for change in changes for command in change.commands]


def test_nothing_is_changed_where_all_is_right():
    assert differences(found_of(wanted_with("thon-01")), wanted_with("thon-01")) == []


def test_a_new_node_changes_the_hubs_roles_whole_and_adds_its_own():
    changes = differences(found_of(wanted_with()), wanted_with("thon-01"))
    assert set(commands(changes)) == {"modifyRole", "createRole", "createClient", "modifyClient"}
    assert {each.about for each in changes if each.verb == "added"} == {
        str(who) for who in node_identities("thon-01")
    }
    mended = {each.about for each in changes if each.verb == "mended"}
    assert mended == {"hub.announce", "hub.ingest"}


def test_no_session_of_the_hub_is_ended_by_a_node_that_comes_or_goes():
    ending = {
        "modifyClient",
        "addClientRole",
        "removeClientRole",
        "addRoleACL",
        "removeRoleACL",
        "deleteClient",
    }
    for before, after in ((wanted_with(), wanted_with("thon-01")), (wanted_with("thon-01"), wanted_with())):
        for change in differences(found_of(before), after):
            if change.about.startswith("hub."):
                assert not ending & {each["command"] for each in change.commands}


def test_clients_are_taken_away_before_anything_is_given():
    changes = differences(found_of(wanted_with("thon-01")), wanted_with("thon-02"))
    order = commands(changes)
    last_taken = max(n for n, each in enumerate(order) if each == "deleteClient")
    assert all(each != "createClient" for each in order[:last_taken])


def test_what_somebody_edited_by_hand_is_seen():
    found = found_of(wanted_with("thon-01"))
    found.roles["thon-01.camera"] = {
        "rolename": "thon-01.camera",
        "acls": [{"acltype": "publishClientSend", "topic": "#", "priority": 5, "allow": True}],
    }
    found.roles["all"] = {"rolename": "all", "acls": []}
    found.clients["thief"] = {"username": "thief", "roles": [{"rolename": "hub.announce"}]}
    found.clients["thon-01.kiosk"]["roles"] = [{"rolename": "hub.announce", "priority": 0}]
    found.clients["thon-01.board"]["disabled"] = True
    found.clients["thon-01.node"]["clientid"] = "other"
    found.groups["g"] = {"groupname": "g", "roles": [{"rolename": "all"}], "clients": []}
    found.defaults["publishClientSend"] = True
    changes = differences(found, wanted_with("thon-01"))
    assert {each.about for each in changes} == {
        "thon-01.camera", "role all", "thief", "thon-01.kiosk", "thon-01.board", "thon-01.node", "g", "defaults",
    }  # fmt: skip
    assert "setClientId" in commands(changes)
    assert "enableClient" in commands(changes)


def test_the_anonymous_group_is_never_deleted_but_replaced_by_an_empty_one():
    """Mosquitto 2.0.11 dies of the former."""
    found = found_of(wanted_with())
    full = {"groupname": "guests", "roles": [{"rolename": "hub.announce"}], "clients": []}
    found = Found(found.clients, found.roles, {"guests": full}, found.defaults, "guests")
    assert commands(differences(found, wanted_with())) == ["createGroup", "setAnonymousGroup", "deleteGroup"]
    empty = {"groupname": "nobody", "roles": [], "clients": []}
    found = Found(found.clients, found.roles, {"nobody": empty}, found.defaults, "nobody")
    assert differences(found, wanted_with()) == []
    found = Found(
        found.clients, found.roles, {"nobody": {**full, "groupname": "nobody"}}, found.defaults, "nobody"
    )
    assert commands(differences(found, wanted_with())) == ["modifyGroup"]


def test_a_role_too_large_for_one_packet_is_changed_grant_by_grant():
    many = [f"thon-{n:03}" for n in range(150)]
    changes = differences(found_of(wanted_with(*many[:149])), wanted_with(*many))
    announce = next(each for each in changes if each.about == "hub.announce")
    assert {each["command"] for each in announce.commands} == {"addRoleACL"}
    import json

    assert all(len(json.dumps(command)) <= LARGEST_COMMAND for each in changes for command in each.commands)


# -- with the broker


@pytest.fixture
def commune(tmp_path: Path) -> Iterator[TrustedCommune]:
    made = TrustedCommune(tmp_path)
    made.start()
    yield made
    made.close()


def now() -> datetime:
    return datetime.now(UTC)


def test_a_new_node_may_speak_at_once_and_the_hubs_sessions_live_on(commune: TrustedCommune) -> None:
    announce, ingest = (
        Bare(way_of(commune.settings, Identity(HUB, each))) for each in ("announce", "ingest")
    )
    with announce, ingest:
        ingest.subscribe(rights_of(Identity(HUB, "ingest"), PLACE, commune.everyone()).hear)
        commune.enrol("thon-01")
        changes = push(commune.settings, commune.database, now())
        assert {each.about for each in changes if each.verb == "added"} == {
            str(who) for who in node_identities("thon-01")
        }
        plan = "ls/00/00000/thon-01/speaker/plan/plays"
        with commune.come(SPEAKER) as speaker:
            assert speaker.subscribe([plan]) == [True]
            announce.publish(plan, b"a plan")
            assert speaker.hears(lambda each: each.payload == b"a plan", 20)
            speaker.publish("ls/00/00000/thon-01/speaker/event/receipt", b"played")
            assert ingest.hears(lambda each: each.payload == b"played", 20)
        assert announce.is_up
        assert ingest.is_up
    assert push(commune.settings, commune.database, now()) == []


def test_a_service_that_came_before_its_rights_is_sent_away_so_that_it_asks_again(
    commune: TrustedCommune,
) -> None:
    commune.enrol("thon-01")
    with commune.come(SPEAKER) as early:
        assert early.subscribe(["ls/00/00000/thon-01/speaker/plan/plays"]) == [False]
        push(commune.settings, commune.database, now())
        until(lambda: not early.is_up, 20)


def test_rights_that_were_edited_by_hand_are_put_right_and_told(commune: TrustedCommune) -> None:
    commune.enrol("thon-01")
    push(commune.settings, commune.database, now())
    with controlling(commune.settings) as control:
        grab = {"acltype": "publishClientSend", "topic": "#", "priority": 9, "allow": True}
        answers = control.ask(
            {"command": "addRoleACL", "rolename": "thon-01.camera", **grab},
            {"command": "createClient", "username": "thief", "roles": [{"rolename": "hub.announce"}]},
            {"command": "setDefaultACLAccess", "acls": [{"acltype": "subscribe", "allow": True}]},
            {"command": "createGroup", "groupname": "guests", "roles": [{"rolename": "hub.announce"}]},
            {"command": "setAnonymousGroup", "groupname": "guests"},
            {"command": "addGroupClient", "groupname": "guests", "username": "thon-01.kiosk"},
        )
        assert not [each for each in answers if "error" in each]
    changes = push(commune.settings, commune.database, now())
    assert {"thon-01.camera", "thief", "defaults", "guests"} <= {each.about for each in changes}
    assert push(commune.settings, commune.database, now()) == []
    with commune.database.reading() as db:
        rows = db.scalars(select(AuditRow).where(AuditRow.action == "rights.pushed")).all()
    assert "thief" in rows[-1].detail["removed"]
    with controlling(commune.settings) as control:
        found = control.look()
    assert found.groups["nobody"].get("roles", []) == []
    assert commune.process is not None
    assert commune.process.poll() is None


def test_the_keepers_own_rights_are_mended_too(commune: TrustedCommune) -> None:
    with controlling(commune.settings) as control:
        more = {"acltype": "publishClientSend", "topic": "x", "priority": 0, "allow": True}
        control.connection.publish("$CONTROL/dynamic-security/v1", b"{}")
        role = next(
            each for each in dynsec(hub_identities(), PLACE)["roles"] if each["rolename"] == "hub.rights"
        )
        control.ask({"command": "modifyRole", "rolename": "hub.rights", "acls": [*role["acls"], more]})
    assert [each.about for each in push(commune.settings, commune.database, now())] == ["hub.rights"]
    assert push(commune.settings, commune.database, now()) == []


def test_a_dozen_nodes_at_once_fit_and_read_back_whole(commune: TrustedCommune) -> None:
    with commune.database.session() as db:
        for n in range(12):
            db.add(NodeRecord(name=f"thon-{n:03}", village="dong", label="x", registered_at=now()))
    changes = push(commune.settings, commune.database, now())
    assert len({each.about for each in changes if each.verb == "added"}) == 60
    assert push(commune.settings, commune.database, now()) == []


def test_a_node_is_entitled_only_while_it_is_in_service_and_not_being_revoked(
    commune: TrustedCommune,
) -> None:
    commune.enrol("thon-01")

    def nodes() -> set[str]:
        with commune.database.reading() as db:
            return {who.node for who in entitled(db, now())} - {HUB}

    assert nodes() == {"thon-01"}
    row = commune.revoke("thon-01")
    assert nodes() == set()
    commune.enrol("thon-01")
    assert nodes() == set()
    with commune.database.session() as db:
        done = db.get_one(Revocation, row)
        done.crl_loaded_at = done.probed_at = now()
    assert nodes() == set(), "what it opened before the list may still be open"
    with commune.database.session() as db:
        db.get_one(Revocation, row).crl_loaded_at = now() - timedelta(minutes=10)
    assert nodes() == {"thon-01"}


def test_a_broker_that_does_not_answer_is_told_of(commune: TrustedCommune) -> None:
    with Bare(way_of(commune.settings, ANNOUNCE)) as bare, pytest.raises(Silent):
        Control(bare)
