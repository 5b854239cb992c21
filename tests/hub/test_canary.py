"""A broker that lets through what is forbidden is found out by what arrives; one that proves nothing is not trusted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broker.contract.rights import CANARY, CONTROL, RIGHTS_KEEPER, canary_topics, hub_identities
from broker.hub.keys import canary
from broker.hub.keys.control import controlling
from broker.link.bare import Bare, way_of
from tests.brokers import PLACE, RunningBroker
from tests.settings import give_passwords, hub_settings
from tests.trusted_commune import TrustedCommune

TRIAL = canary_topics(PLACE)


@pytest.fixture
def commune(tmp_path: Path) -> Iterator[TrustedCommune]:
    made = TrustedCommune(tmp_path)
    yield made
    made.close()


def test_a_broker_that_keeps_rights_is_clear_and_nothing_is_left_of_the_trial(
    commune: TrustedCommune,
) -> None:
    commune.start()
    finding = canary.look(commune.settings)
    assert (finding.verdict, finding.leaks) == ("clear", ())
    with Bare(way_of(commune.settings, RIGHTS_KEEPER)) as witness:
        witness.subscribe([*TRIAL.forbidden, TRIAL.own])
        witness.publish(TRIAL.own, b"fence")
        assert witness.hears(lambda each: each.payload == b"fence", 20)
        assert not [each for each in witness.heard if each.retained]
    assert canary.look(commune.settings).verdict == "clear"


def test_a_broker_without_any_rights_is_open(commune: TrustedCommune) -> None:
    """As Mosquitto 2.1 once started when its list of rights had become a plug-in."""
    commune.start(without_rights=True)
    finding = canary.look(commune.settings)
    assert finding.verdict == "open"
    assert f"publish {TRIAL.plan}" in finding.leaks
    assert any(each.startswith("hear ") for each in finding.leaks)


def grants(acls: list[dict[str, Any]]) -> Callable[[dict[str, Any]], None]:
    """A change of the rights file: the canary is given these."""

    def change(rights: dict[str, Any]) -> None:
        role = next(each for each in rights["roles"] if each["rolename"] == str(CANARY))
        role["acls"] = [{"priority": 0, "allow": True, **acl} for acl in acls]

    return change


def default_open(kind: str) -> Callable[[dict[str, Any]], None]:
    """A change of the rights file: what is not said is allowed."""

    def change(rights: dict[str, Any]) -> None:
        rights["defaultACLAccess"][kind] = True

    return change


HOLES = {
    "plans": (grants([{"acltype": "publishClientSend", "topic": TRIAL.plan}]), f"publish {TRIAL.plan}"),
    "commands": (
        grants([{"acltype": "publishClientSend", "topic": TRIAL.command}]),
        f"publish {TRIAL.command}",
    ),
    "readings": (grants([{"acltype": "publishClientSend", "topic": TRIAL.tele}]), f"publish {TRIAL.tele}"),
    "wills": (grants([{"acltype": "publishClientSend", "topic": TRIAL.plan}]), f"will {TRIAL.plan}"),
    "control": (
        grants([{"acltype": "publishClientSend", "topic": "$CONTROL/dynamic-security/v1"}]),
        "publish $CONTROL/dynamic-security/v1",
    ),
    "hearing": (
        grants(
            [{"acltype": kind, "topic": TRIAL.plan} for kind in ("subscribeLiteral", "publishClientReceive")]
        ),
        f"hear {TRIAL.plan}",
    ),
    "system": (
        grants(
            [{"acltype": kind, "topic": "$SYS/#"} for kind in ("subscribeLiteral", "publishClientReceive")]
        ),
        "hear $SYS/#",
    ),
    "default": (default_open("publishClientSend"), f"publish {TRIAL.plan}"),
}


@pytest.mark.parametrize("hole", sorted(HOLES))
def test_each_single_hole_is_found(hole: str, commune: TrustedCommune) -> None:
    change, wanted = HOLES[hole]
    commune.start()
    commune.kill()
    rights = json.loads(commune.rights_file.read_text())
    change(rights)
    commune.rights_file.write_text(json.dumps(rights))
    commune.start()
    finding = canary.look(commune.settings)
    assert finding.verdict == "open"
    assert any(each.startswith(wanted) for each in finding.leaks), finding
    assert wanted[:20] in finding.text or len(finding.leaks) > 5
    assert canary.look(commune.settings).verdict == "open", "the trial leaves no trace that hides the hole"
    with controlling(commune.settings) as control:
        assert not [name for name in control.look().clients if name.startswith("intruder")]


def test_without_the_proof_that_what_is_allowed_arrives_nothing_is_believed(commune: TrustedCommune) -> None:
    commune.start()
    with controlling(commune.settings) as control:
        nothing = {"command": "modifyRole", "rolename": "hub.rights", "acls": []}
        control.connection.publish(CONTROL, json.dumps({"commands": [nothing]}).encode())
    assert canary.look(commune.settings, wait_s=0.5).verdict == "unknown"


@pytest.mark.parametrize("topic", [TRIAL.plan, TRIAL.own])
def test_a_right_of_the_witness_that_is_gone_is_noticed(topic: str, commune: TrustedCommune) -> None:
    commune.start()
    with controlling(commune.settings) as control:
        role = next(each for each in control.look().roles.values() if each["rolename"] == "hub.rights")
        left = [acl for acl in role["acls"] if (acl["acltype"], acl["topic"]) != ("publishClientSend", topic)]
        assert len(left) == len(role["acls"]) - 1
        control.ask({"command": "modifyRole", "rolename": "hub.rights", "acls": left})
    finding = canary.look(commune.settings, wait_s=0.5)
    assert finding.verdict == "unknown"


def test_a_canary_without_a_key_tells_nothing(commune: TrustedCommune) -> None:
    commune.start()
    (commune.settings.keys_dir / "canary.key").unlink()
    finding = canary.look(commune.settings)
    assert finding.verdict == "unknown"
    assert "hub.canary" in finding.text


def test_a_broker_that_is_away_is_told_apart_from_one_that_refuses(commune: TrustedCommune) -> None:
    assert canary.look(commune.settings).verdict == "away"


def test_what_was_found_is_kept_for_the_other_services(commune: TrustedCommune) -> None:
    with commune.database.reading() as db:
        assert canary.standing(db) == ("away", "")
    found = canary.Finding("open", "leaks", ("hear #",))
    with commune.database.session() as db:
        canary.keep(db, found, datetime.now(UTC))
    with commune.database.reading() as db:
        verdict, sentence = canary.standing(db)
    assert verdict == "open"
    assert "người quản trị" in sentence


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_brokers_with_passwords_on_loopback_are_tried_as_well(kind: str, tmp_path: Path) -> None:
    running = RunningBroker(kind, tmp_path / "broker", hub_identities())
    settings = hub_settings(tmp_path, running.port)
    give_passwords(settings, running.passwords)
    running.start()
    try:
        finding = canary.look(settings)
        assert (finding.verdict, finding.leaks) == ("clear", ()), finding
    finally:
        running.stop()


def test_an_embedded_broker_that_grants_the_canary_something_is_open(tmp_path: Path) -> None:
    running = RunningBroker("amqtt", tmp_path / "broker", hub_identities())
    settings = hub_settings(tmp_path, running.port)
    give_passwords(settings, running.passwords)
    running.start()
    running.kill()
    file = tmp_path / "broker" / "amqtt.json"
    made = json.loads(file.read_text())
    for plugin in made["plugins"].values():
        plugin["publish_acl"][str(CANARY)] = ["#"]
    file.write_text(json.dumps(made))
    running.start(again=True)
    try:
        finding = canary.look(settings)
        assert finding.verdict == "open"
        assert f"publish {TRIAL.plan}" in finding.leaks
    finally:
        running.stop()
