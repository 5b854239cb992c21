"""Who may say and hear what at the broker: for Mosquitto, RabbitMQ and amqtt, each from the contract.

Pure: the same identities and passwords give the same rights, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.contract import (
    HUB,
    HUB_KEEPERS,
    HUB_SERVICES,
    MESSAGES,
    NODE_SERVICES,
    Identity,
    Place,
    filters_of,
    spec_of,
    topic_of,
)

ITERATIONS = 101
"""Rounds of PBKDF2, the broker's own default: passwords here are 256 random bits, never chosen by people."""

BANNER = (
    "embedded broker: for the demo and small trials on this machine only; "
    "a commune in service needs Mosquitto (docs/INSTALL.md)"
)
"""What the embedded broker says of itself."""

RIGHTS_PLUGIN = "deploy.embedded.ContractRights"
PASSWORD_PLUGIN = "deploy.embedded.ContractPasswords"  # noqa: S105  (a class, not a password)

RIGHTS_KEEPER = Identity(HUB, "rights")
"""The one identity that may change rights at the broker, and the witness when the canary is let out."""
CANARY = Identity(HUB, "canary")
"""The one identity without any right: whatever it can do at the broker, anybody can."""
CONTROL = "$CONTROL/dynamic-security/v1"
"""Where Mosquitto takes changes of rights; its answers come under RESPONSE."""
RESPONSE = f"{CONTROL}/response"


@dataclass(frozen=True)
class Rights:
    """What one identity may do: exact topics it may publish to, exact filters it may subscribe to."""

    send: tuple[str, ...]
    hear: tuple[str, ...]


@dataclass(frozen=True)
class CanaryTopics:
    """What the canary tries in vain, at a node that does not exist; the rights keeper may say and hear it."""

    plan: str
    command: str
    tele: str
    """Here the witness itself says only empty payloads, which nobody stores."""
    own: str
    """The witness's own word, also its last will: the proof that what is allowed does arrive."""

    @property
    def forbidden(self) -> tuple[str, ...]:
        """All that the canary tries to say."""
        return (self.plan, self.command, self.tele)


def canary_topics(place: Place) -> CanaryTopics:
    """The topics of the canary's trial in a commune."""
    head = f"ls/{place.province}/{place.commune}"
    nobody = f"{head}/canary"  # a reserved name: no node can ever bear it
    return CanaryTopics(
        f"{nobody}/speaker/plan/plays",
        f"{nobody}/speaker/cmd/stop",
        f"{nobody}/board/tele/readings",
        f"{head}/{RIGHTS_KEEPER.node}/{RIGHTS_KEEPER.service}/state/witness",
    )


def canary_filters(place: Place) -> tuple[str, ...]:
    """What the canary tries to listen to: everything, the broker's own affairs, a plan."""
    head = f"ls/{place.province}/{place.commune}"
    return ("#", "+/+/+/+/+/+/+", f"{head}/#", canary_topics(place).plan, "$SYS/#", "$CONTROL/#")


def hub_identities() -> list[Identity]:
    """The services of the hub, the keeper of the broker's rights, and the canary."""
    return [Identity(HUB, service) for service in HUB_SERVICES + HUB_KEEPERS]


def node_identities(node: str) -> list[Identity]:
    """The services of one node. Raises ContractError for a name that no node may have."""
    return [Identity(node, service) for service in NODE_SERVICES]


def rights_of(who: Identity, place: Place, everyone: Sequence[Identity]) -> Rights:
    """Rights of `who` in a commune made of `everyone`: plans and commands reach enrolled identities only."""
    if who == RIGHTS_KEEPER:
        trial = canary_topics(place)
        both = tuple(sorted((*trial.forbidden, trial.own)))
        return Rights(both, both)
    send: set[str] = set()
    hear: set[str] = set()
    for kind in MESSAGES:
        spec = spec_of(kind)
        hear.update(filters_of(place, who, kind))
        if who.service not in spec.senders:
            continue
        if spec.delivery.addressed:
            send.update(topic_of(place, other, kind) for other in everyone if other.service in spec.receivers)
        else:
            send.add(topic_of(place, who, kind))
    return Rights(tuple(sorted(send)), tuple(sorted(hear)))


def password_hash(password: str, salt: bytes) -> str:
    """What Mosquitto's dynamic-security keeps of a password: PBKDF2 over SHA-512, 64 bytes, base64."""
    raw = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, 64)
    return base64.b64encode(raw).decode()


def _salt(who: Identity, password: str) -> bytes:
    """Twelve bytes that differ by identity and password, so that the file is the same whenever it is made."""
    return hashlib.sha256(f"langso/salt/{who}/{password}".encode()).digest()[:12]


def dynsec(
    identities: Iterable[Identity], place: Place, passwords: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Mosquitto's dynamic-security file. Whatever is not granted is refused; only hub.rights may use $CONTROL.

    passwords: by identity text; an identity without one can only come with its certificate.
    """
    everyone = sorted(set(identities), key=str)
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [_client(who, (passwords or {}).get(str(who))) for who in everyone],
        "groups": [],
        "roles": [_role(who, rights_of(who, place, everyone)) for who in everyone],
    }


def _client(who: Identity, password: str | None) -> dict[str, Any]:
    client: dict[str, Any] = {
        "username": str(who),
        "clientid": str(who),
        "textname": "",
        "roles": [{"rolename": str(who), "priority": 0}],
    }
    if password is not None:
        salt = _salt(who, password)
        client["password"] = password_hash(password, salt)
        client["salt"] = base64.b64encode(salt).decode()
        client["iterations"] = ITERATIONS
    return client


def _role(who: Identity, rights: Rights) -> dict[str, Any]:
    def grant(kind: str, topic: str) -> dict[str, Any]:
        return {"acltype": kind, "topic": topic, "priority": 0, "allow": True}

    if who == RIGHTS_KEEPER:
        rights = Rights((CONTROL, *rights.send), (RESPONSE, *rights.hear))
    return {
        "rolename": str(who),
        "acls": [grant("publishClientSend", topic) for topic in rights.send]
        + [grant("publishClientReceive", topic) for topic in rights.hear]
        + [grant("subscribeLiteral", topic) for topic in rights.hear],
    }


def amqtt_config(
    identities: Iterable[Identity],
    place: Place,
    passwords: Mapping[str, str],
    port: int,
    host: str = "127.0.0.1",
) -> dict[str, Any]:
    """Configuration of the embedded broker; only deploy/embedded.py may start it, for it closes gaps of amqtt.

    The maps are never empty, since an empty one allows everything. Raises ValueError without identities or for
    an identity without password.
    """
    everyone = sorted(set(identities), key=str)
    missing = [str(who) for who in everyone if str(who) not in passwords]
    if not everyone or missing:
        raise ValueError(
            f"the embedded broker needs a password for each identity; missing: {missing or 'all'}"
        )
    digests = {str(who): hashlib.sha256(passwords[str(who)].encode()).hexdigest() for who in everyone}
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}", "max_connections": 500}},
        "plugins": _amqtt_plugins(everyone, place, digests),
    }


def amqtt_without_others(
    config: Mapping[str, Any], identities: Iterable[Identity], place: Place
) -> dict[str, Any]:
    """The embedded broker's configuration with the rights of these identities only, as far as it has their
    passwords. Raises ValueError when it has none of them.
    """
    digests: Mapping[str, str] = config["plugins"][PASSWORD_PLUGIN]["sha256"]
    everyone = [who for who in sorted(set(identities), key=str) if str(who) in digests]
    if not everyone:
        raise ValueError("the embedded broker would be left without anybody")
    left = {str(who): digests[str(who)] for who in everyone}
    return {**config, "plugins": _amqtt_plugins(everyone, place, left)}


def _amqtt_plugins(
    everyone: Sequence[Identity], place: Place, digests: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    rights = {str(who): rights_of(who, place, everyone) for who in everyone}
    send = {name: list(each.send) for name, each in rights.items()}
    hear = {name: list(each.hear) for name, each in rights.items()}
    return {
        PASSWORD_PLUGIN: {"sha256": dict(digests), "publish_acl": send},
        RIGHTS_PLUGIN: {"publish_acl": send, "subscribe_acl": hear, "receive_acl": hear},
    }


def rabbitmq_definitions(
    identities: Iterable[Identity], place: Place, passwords: Mapping[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """RabbitMQ's definitions, by file name, for a folder named in `load_definitions`.

    Its MQTT plugin turns `/` into `.` and `+` into `*`, and checks publishing, wills and subscriptions against
    one regular expression per user. Whatever does not match ends the connection. The subscription's queue bears
    the client's id, so that nobody hears under another's name; but the id itself is not tied to the user: a
    service with one's password can push another's connection out (docs/LIMITS.md).

    Two files, because it listens before it has read them, and a user without an expression may say anything:
    only when all expressions are in force does the second file let the users in.
    passwords: by identity text; an identity without one can only come with its certificate.
    """
    everyone = sorted(set(identities), key=str)
    return {
        "1-rights.json": {
            "vhosts": [{"name": "/"}],
            "users": [_rabbitmq_user(who, (passwords or {}).get(str(who))) for who in everyone],
            "topic_permissions": [
                _rabbitmq_topics(who, rights_of(who, place, everyone), place) for who in everyone
            ],
        },
        "2-access.json": {"permissions": [_rabbitmq_access(who) for who in everyone]},
    }


def _rabbitmq_user(who: Identity, password: str | None) -> dict[str, Any]:
    digest = ""  # such a user has no password that fits
    if password is not None:
        salt = _salt(who, password)[:4]
        digest = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {
        "name": str(who),
        "password_hash": digest,
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "",
    }


def _rabbitmq_access(who: Identity) -> dict[str, str]:
    queue = rf"mqtt-subscription-{re.escape(str(who))}qos[01]"
    either = rf"^({queue}|amq\.topic)$"
    return {"user": str(who), "vhost": "/", "configure": f"^{queue}$", "write": either, "read": either}


def _rabbitmq_topics(who: Identity, rights: Rights, place: Place) -> dict[str, str]:
    head = f"ls/{place.province}/{place.commune}/"
    return {
        "user": str(who),
        "vhost": "/",
        "exchange": "amq.topic",
        "write": _routing_pattern(head, rights.send),
        "read": _routing_pattern(head, rights.hear),
    }


def _routing_pattern(head: str, topics: Sequence[str]) -> str:
    """One expression that exactly these topics or filters match, written short: what follows the node's name is
    grouped with all nodes it may follow. A hundred nodes stay far below the 64 KiB such an expression may have.
    """
    nodes: dict[str, list[str]] = {}
    for topic in sorted(topics):
        node, _, rest = topic.removeprefix(head).partition("/")
        nodes.setdefault(rest, []).append(node)
    rests: dict[tuple[str, ...], list[str]] = {}
    for rest, several in nodes.items():
        rests.setdefault(tuple(several), []).append(rest)
    groups = [rf"({_either(several)})\.({_either(tails)})" for several, tails in sorted(rests.items())]
    return f"^{_routing_key(head)}({'|'.join(groups)})$" if groups else "^$"


def _either(topics: Sequence[str]) -> str:
    return "|".join(_routing_key(each) for each in topics)


def _routing_key(topic: str) -> str:
    """A topic or filter as RabbitMQ's MQTT plugin routes it, with everything but letters and digits escaped."""
    return re.escape(topic.replace("/", ".").replace("+", "*"))
