"""Makes a commune, its nodes, its approvers and its accounts: keys, settings files, the broker's rights.

One folder holds it all and can stay with the administrator:
`commune/` (root key and device CA, may live on a stick), `hub/` and `nodes/<name>/` (what each machine gets: its
`langso.toml` and `keys/`), `broker/` (Mosquitto's configuration and rights). The demo goes the same way.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.contract import HUB, Identity, Place
from broker.contract.rights import hub_identities, node_identities
from broker.link.config import load
from broker.trust.files import write_atomically
from broker.trust.identity import (
    Commune,
    create_commune,
    issue_hub,
    issue_node,
    issue_server,
)
from deploy.mosquitto import config as mosquitto
from deploy.toml_text import toml_text

SETTINGS_FILE = "langso.toml"
DATA = "/var/lib/langso"
SHIPPED_CONTENT = Path(__file__).resolve().parent.parent / "kiosk" / "shipped" / "bundle.json"
Tables = Mapping[str, Mapping[str, Any]]

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that nobody confuses when copying a password by hand."""


class ProvisionError(Exception):
    """Something cannot be made; the text says what was found and what to do."""


@dataclass(frozen=True)
class CommuneFacts:
    """What every machine of a commune must know."""

    province: str
    commune: str
    name: str
    """As shown on screens: `xã Vân Khê`."""
    host: str
    """Name or address under which nodes reach the hub."""
    broker_port: int = 8883
    device_port: int = 8443
    tls: bool = True

    @property
    def place(self) -> Place:
        """The codes as the contract wants them."""
        return Place(self.province, self.commune)


@dataclass(frozen=True)
class Layout:
    """Where things lie in the administrator's folder."""

    root: Path

    @property
    def commune(self) -> Path:
        """Root key and device CA."""
        return self.root / "commune"

    @property
    def hub(self) -> Path:
        """What the hub gets."""
        return self.root / "hub"

    @property
    def broker(self) -> Path:
        """Mosquitto's files."""
        return self.root / "broker"

    def node(self, name: str) -> Path:
        """What one node gets."""
        return self.root / "nodes" / name

    def nodes(self) -> list[str]:
        """Names of the nodes made so far."""
        return sorted(file.parent.name for file in (self.root / "nodes").glob(f"*/{SETTINGS_FILE}"))


def random_password() -> str:
    """A password a person can copy: four groups of five, 99 random bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def random_pin() -> str:
    """Eight random digits."""
    return f"{secrets.randbelow(10**8):08d}"


def make_commune(layout: Layout, facts: CommuneFacts, passphrase: str, own: Tables | None = None) -> Commune:
    """Keys of a commune, and the folder of its hub. `own`: settings of the hub that differ from the defaults.

    Raises IdentityError when the commune is there already or the passphrase is too short.
    """
    layout = Layout(layout.root.resolve())  # the broker's file needs absolute paths
    commune = create_commune(layout.commune, passphrase, facts.place, facts.name)
    hosts = list(dict.fromkeys([facts.host, "127.0.0.1", "localhost"]))
    issue_hub(layout.commune, hosts, layout.hub / "keys")
    issue_server(layout.commune, hosts, layout.broker / "keys", "broker")
    write_hub_settings(layout, facts, own)
    return commune


def write_hub_settings(layout: Layout, facts: CommuneFacts, own: Tables | None = None) -> Path:
    """Write the hub's settings file."""
    tables: dict[str, dict[str, Any]] = {
        "machine": {"role": "hub", "name": HUB, "data": DATA},
        "place": _place(facts),
        "broker": {"host": "127.0.0.1" if not facts.tls else facts.host, **_broker(facts)},
        "keys": {"dir": "keys"},
        "device_port": {"host": "0.0.0.0", "port": facts.device_port},  # noqa: S104  (mutual TLS guards it)
    }
    return _write_settings(layout.hub, tables, own)


def add_node(
    layout: Layout,
    facts: CommuneFacts,
    name: str,
    village: str,
    village_name: str,
    own: Tables | None = None,
) -> Path:
    """Keys and settings of one node; returns its folder. Keys that exist stay.

    Raises ContractError for a name no node may have, IdentityError when the commune's files are missing.
    """
    Identity(name, "node")
    folder = layout.node(name)
    if not (folder / "keys" / "node.key").exists():
        issue_node(layout.commune, name, folder / "keys")
    tables: dict[str, dict[str, Any]] = {
        "machine": {"role": "node", "name": name, "data": DATA},
        "place": {**_place(facts), "village": village, "village_name": village_name},
        "broker": {"host": facts.host, **_broker(facts)},
        "keys": {"dir": "keys"},
        "device_port": {"url": f"https://{facts.host}:{facts.device_port}"},
    }
    _write_settings(folder, tables, own)
    return folder


def write_broker(layout: Layout, facts: CommuneFacts) -> Path:
    """Mosquitto's configuration with the rights of the hub and of all nodes made so far; again after each change.

    With TLS identities come by certificate, without (loopback) by the passwords in their folders of keys.
    """
    layout = Layout(layout.root.resolve())
    certificates = mosquitto.Certificates(
        ca=layout.hub / "keys" / "ca.pem",
        certificate=layout.broker / "keys" / "broker.pem",
        key=layout.broker / "keys" / "broker.key",
    )
    return mosquitto.write(
        layout.broker,
        identities(layout),
        facts.place,
        port=facts.broker_port,
        host="" if facts.tls else facts.host,
        passwords=None if facts.tls else passwords(layout),
        certificates=certificates if facts.tls else None,
    )


def identities(layout: Layout) -> list[Identity]:
    """Everyone who may come to the broker."""
    return hub_identities() + [who for name in layout.nodes() for who in node_identities(name)]


def passwords(layout: Layout) -> dict[str, str]:
    """MQTT passwords by identity, from the folders of keys."""
    found = {}
    for who in identities(layout):
        folder = layout.hub if who.node == HUB else layout.node(who.node)
        found[str(who)] = (folder / "keys" / f"{who.service}.password").read_text(encoding="ascii").strip()
    return found


def facts_of(layout: Layout) -> CommuneFacts:
    """The facts of a commune that was made before, from its hub's settings. Raises SettingsError."""
    settings = load(layout.hub / SETTINGS_FILE)
    where, broker = settings.place, settings.broker
    return CommuneFacts(
        where.province,
        where.commune,
        where.commune_name,
        broker.host,
        broker.port,
        settings.device_port.port,
        broker.tls,
    )


def _place(facts: CommuneFacts) -> dict[str, Any]:
    return {"province": facts.province, "commune": facts.commune, "commune_name": facts.name}


def _broker(facts: CommuneFacts) -> dict[str, Any]:
    return {"port": facts.broker_port, "tls": facts.tls}


def _write_settings(folder: Path, tables: dict[str, dict[str, Any]], own: Tables | None) -> Path:
    for section, values in (own or {}).items():
        tables[section] = {**tables.get(section, {}), **values}
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o750)  # noqa: PTH101, S103  (keys inside are 0600 each)
    file = folder / SETTINGS_FILE
    head = "Settings of this machine; docs/SETTINGS.md explains each. Made by `langso provision`."
    write_atomically(file, toml_text(tables, head).encode(), mode=0o640)
    return file
