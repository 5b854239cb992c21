"""Who may say and hear what at the broker: Mosquitto's dynamic-security and amqtt's maps, from the contract.

Pure: the same identities and passwords give the same rights, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.contract import (
    HUB,
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


@dataclass(frozen=True)
class Rights:
    """What one identity may do: exact topics it may publish to, exact filters it may subscribe to."""

    send: tuple[str, ...]
    hear: tuple[str, ...]


def hub_identities() -> list[Identity]:
    """The services of the hub."""
    return [Identity(HUB, service) for service in HUB_SERVICES]


def node_identities(node: str) -> list[Identity]:
    """The services of one node. Raises ContractError for a name that no node may have."""
    return [Identity(node, service) for service in NODE_SERVICES]


def rights_of(who: Identity, place: Place, everyone: Sequence[Identity]) -> Rights:
    """Rights of `who` in a commune made of `everyone`: plans and commands reach enrolled identities only."""
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
    """Mosquitto's dynamic-security file. Whatever is not granted is refused; nobody may use $CONTROL.

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
    rights = {str(who): rights_of(who, place, everyone) for who in everyone}
    send = {name: list(each.send) for name, each in rights.items()}
    hear = {name: list(each.hear) for name, each in rights.items()}
    digests = {str(who): hashlib.sha256(passwords[str(who)].encode()).hexdigest() for who in everyone}
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}", "max_connections": 500}},
        "plugins": {
            PASSWORD_PLUGIN: {"sha256": digests, "publish_acl": send},
            RIGHTS_PLUGIN: {"publish_acl": send, "subscribe_acl": hear, "receive_acl": hear},
        },
    }
