"""Rights are what the contract says, for each identity, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from broker.contract import MESSAGES, Identity, Place, filters_of, spec_of, topic_of
from broker.contract.rights import (
    CANARY,
    CONTROL,
    RESPONSE,
    RIGHTS_KEEPER,
    amqtt_config,
    canary_filters,
    canary_topics,
    dynsec,
    hub_identities,
    node_identities,
    rabbitmq_definitions,
    rights_of,
)

PLACE = Place("00", "00000")
EVERYONE = hub_identities() + node_identities("thon-01") + node_identities("thon-02")
PASSWORDS = {str(who): f"password of {who}" for who in EVERYONE}
TALKERS = [who for who in EVERYONE if who != RIGHTS_KEEPER]
"""Everyone but the witness, whose topics belong to the canary's trial and to no message."""


@pytest.mark.parametrize("who", TALKERS, ids=str)
def test_an_identity_may_send_exactly_what_the_contract_lets_it_say(who):
    wanted = set()
    for kind in MESSAGES:
        spec = spec_of(kind)
        if who.service in spec.senders and spec.delivery.addressed:
            wanted |= {topic_of(PLACE, to, kind) for to in EVERYONE if to.service in spec.receivers}
        elif who.service in spec.senders:
            wanted.add(topic_of(PLACE, who, kind))
    assert set(rights_of(who, PLACE, EVERYONE).send) == wanted


@pytest.mark.parametrize("who", TALKERS, ids=str)
def test_an_identity_may_hear_exactly_its_filters(who):
    wanted = {each for kind in MESSAGES for each in filters_of(PLACE, who, kind)}
    assert set(rights_of(who, PLACE, EVERYONE).hear) == wanted


def test_no_service_of_a_node_may_speak_for_another_node():
    for who in node_identities("thon-01"):
        assert all(f"/{who.node}/{who.service}/" in topic for topic in rights_of(who, PLACE, EVERYONE).send)


def test_the_canary_has_no_right_at_all():
    rights = rights_of(CANARY, PLACE, EVERYONE)
    assert rights.send == rights.hear == ()
    role = next(each for each in dynsec(EVERYONE, PLACE)["roles"] if each["rolename"] == str(CANARY))
    assert role["acls"] == []


def test_the_witness_may_say_and_hear_the_trial_and_no_message_of_any_service():
    rights = rights_of(RIGHTS_KEEPER, PLACE, EVERYONE)
    trial = canary_topics(PLACE)
    assert set(rights.send) == set(rights.hear) == {*trial.forbidden, trial.own}
    for who in TALKERS:
        assert not set(rights.send) & set(rights_of(who, PLACE, EVERYONE).send)


def test_the_canary_tries_to_hear_everything_the_broker_has():
    assert {"#", "$SYS/#", "$CONTROL/#", canary_topics(PLACE).plan} <= set(canary_filters(PLACE))


def test_nobody_is_granted_a_wildcard_to_publish_and_the_control_topic_only_the_keeper_of_rights():
    for role in dynsec(EVERYONE, PLACE, PASSWORDS)["roles"]:
        topics = {acl["topic"] for acl in role["acls"] if "$" in acl["topic"]}
        assert topics == ({CONTROL, RESPONSE} if role["rolename"] == str(RIGHTS_KEEPER) else set())
        for acl in role["acls"]:
            assert "#" not in acl["topic"]
            if acl["acltype"] == "publishClientSend":
                assert "+" not in acl["topic"]


def test_whatever_is_not_granted_is_refused():
    defaults = dynsec(EVERYONE, PLACE)["defaultACLAccess"]
    assert [defaults[key] for key in ("publishClientSend", "publishClientReceive", "subscribe")] == [
        False
    ] * 3


def test_the_same_identities_give_the_same_file_in_any_order():
    assert dynsec(EVERYONE, PLACE, PASSWORDS) == dynsec(EVERYONE[::-1], PLACE, PASSWORDS)


def test_passwords_are_kept_as_the_broker_wants_them():
    client = next(
        each for each in dynsec(EVERYONE, PLACE, PASSWORDS)["clients"] if each["username"] == "hub.web"
    )
    salt = base64.b64decode(client["salt"])
    wanted = hashlib.pbkdf2_hmac("sha512", b"password of hub.web", salt, client["iterations"], 64)
    assert base64.b64decode(client["password"]) == wanted


def test_an_identity_without_password_comes_by_certificate_only():
    assert all("password" not in client for client in dynsec(EVERYONE, PLACE)["clients"])


def test_the_embedded_broker_never_gets_an_empty_map():
    plugins = amqtt_config(EVERYONE, PLACE, PASSWORDS, 1883)["plugins"].values()
    for maps in plugins:
        for name, rights in maps.items():
            assert rights, name
    with pytest.raises(ValueError, match="all"):
        amqtt_config([], PLACE, {}, 1883)


def test_the_embedded_broker_wants_a_password_for_each():
    with pytest.raises(ValueError, match=r"thon-01\.camera"):
        amqtt_config([Identity("thon-01", "camera")], PLACE, {}, 1883)


def test_the_embedded_broker_file_holds_no_password():
    assert "password of" not in str(amqtt_config(EVERYONE, PLACE, PASSWORDS, 1883))


@pytest.mark.parametrize("who", EVERYONE, ids=str)
def test_rabbitmqs_expressions_match_exactly_the_topics_and_filters_of_the_rights(who):
    made = rabbitmq_definitions(EVERYONE, PLACE, PASSWORDS)["1-rights.json"]["topic_permissions"]
    mine = next(each for each in made if each["user"] == str(who))
    every_topic = {topic for other in EVERYONE for topic in rights_of(other, PLACE, EVERYONE).send}
    every_filter = {topic for other in EVERYONE for topic in rights_of(other, PLACE, EVERYONE).hear}
    wide = {
        "#",
        "ls/#",
        "ls/00/00000/#",
        "ls/00/00000/+/kiosk/event/#",
        "ls/00/00000/+/+/+/+",
        "+/+/+/+/+/+/+",
    }

    def matched(pattern: str, topics: set[str]) -> set[str]:
        keys = {topic: topic.replace("/", ".").replace("+", "*") for topic in topics}
        return {topic for topic, key in keys.items() if re.search(pattern, key)}

    rights = rights_of(who, PLACE, EVERYONE)
    everything = every_topic | every_filter | wide
    assert matched(mine["write"], everything) == set(rights.send)
    assert matched(mine["read"], everything) == set(rights.hear)


def test_a_hundred_nodes_make_no_expression_too_long_for_rabbitmq():
    everyone = hub_identities() + [who for n in range(100) for who in node_identities(f"thon-{n:03}")]
    made = rabbitmq_definitions(everyone, PLACE)["1-rights.json"]["topic_permissions"]
    assert max(len(each[key]) for each in made for key in ("write", "read")) < 16_000


def test_a_subscription_on_rabbitmq_lies_in_a_queue_of_its_own_identity_only():
    for each in rabbitmq_definitions(EVERYONE, PLACE, PASSWORDS)["2-access.json"]["permissions"]:
        for other in EVERYONE:
            is_own = str(other) == each["user"]
            for right in ("configure", "write", "read"):
                assert bool(re.search(each[right], f"mqtt-subscription-{other}qos1")) == is_own
        assert not re.search(each["configure"], "amq.topic")
        assert not re.search(each["write"], "amq.default")


def test_passwords_are_kept_as_rabbitmq_wants_them_or_not_at_all():
    made = rabbitmq_definitions(EVERYONE, PLACE, PASSWORDS)["1-rights.json"]
    users = {each["name"]: each for each in made["users"]}
    raw = base64.b64decode(users["hub.web"]["password_hash"])
    assert raw[4:] == hashlib.sha256(raw[:4] + b"password of hub.web").digest()
    without = rabbitmq_definitions(EVERYONE, PLACE)["1-rights.json"]["users"]
    assert all(each["password_hash"] == "" for each in without)


def test_rabbitmq_lets_nobody_in_before_the_expressions_are_in_force():
    first, second = (made for _, made in sorted(rabbitmq_definitions(EVERYONE, PLACE, PASSWORDS).items()))
    assert "permissions" not in first
    assert {each["user"] for each in first["topic_permissions"]} == {str(who) for who in EVERYONE}
    assert {each["user"] for each in second["permissions"]} == {str(who) for who in EVERYONE}
