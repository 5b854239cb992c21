"""Makes a commune and what its hub needs: keys, settings files, the broker's rights.

One folder holds it all: `commune/` (the root key; may live on a stick), `hub/` (its `langso.toml` and `keys/`),
`broker/` (Mosquitto's configuration and rights). Nodes make their own folders by `langso enrol`; in the demo they
stand in `nodes/<name>/`.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.contract import HUB, Identity, Place
from broker.contract.rights import hub_identities, node_identities
from broker.link.config import load
from broker.trust.enrolment import DATA, SETTINGS_FILE
from broker.trust.files import write_atomically
from broker.trust.identity import Commune, create_commune, create_hub
from broker.trust.keys import new_password, write_secret
from broker.trust.toml_text import toml_text
from deploy.mosquitto import config as mosquitto

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
    enrolment_port: int = 8444
    hub_port: int = 8884
    """The broker's port on loopback for the hub's own services; only with TLS."""

    @property
    def hosts(self) -> list[str]:
        """Names and addresses under which the hub's listeners are reached."""
        return list(dict.fromkeys([self.host, "127.0.0.1", "localhost"]))

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
        """The root key, locked."""
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
    commune = create_commune(layout.commune, passphrase, facts.place)
    create_hub(commune, facts.hosts, layout.hub / "keys")
    write_hub_settings(layout, facts, own)
    return commune


def write_hub_settings(layout: Layout, facts: CommuneFacts, own: Tables | None = None) -> Path:
    """Write the hub's settings file."""
    tables: dict[str, dict[str, Any]] = {
        "machine": {"role": "hub", "name": HUB, "data": DATA},
        "place": _place(facts),
        "broker": {
            "host": "127.0.0.1" if not facts.tls else facts.host,
            "port": facts.broker_port,
            "tls": facts.tls,
            "pid_file": str(layout.broker.resolve() / mosquitto.PID_FILE),
            "hub_port": facts.hub_port if facts.tls else 0,
        },
        "keys": {"dir": "keys"},
        "device_port": {"host": "0.0.0.0", "port": facts.device_port},  # noqa: S104  (mutual TLS guards it)
        "enrolment": {"name": facts.host, "host": "0.0.0.0", "port": facts.enrolment_port},  # noqa: S104  (TLS)
    }
    return _write_settings(layout.hub, tables, own)


def write_node_settings(layout: Layout, name: str, own: Tables) -> Path:
    """Add settings of its own to those an enrolled node of this folder has; returns its folder. Raises OSError."""
    folder = layout.node(name)
    found = tomllib.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    return _write_settings(folder, found, own)


def write_broker(layout: Layout, facts: CommuneFacts, *, anew: bool = False) -> Path:
    """Mosquitto's configuration, and at first the rights of whoever is known here; `announce` keeps them from then on.

    anew: begin with those rights again. With TLS identities come by certificate, without (loopback) by the passwords
    in their folders of keys.
    """
    layout = Layout(layout.root.resolve())
    keys = layout.hub / "keys"
    certificates = mosquitto.Certificates(
        ca=keys / "ca.pem", certificate=keys / "broker.pem", key=keys / "broker.key", crl=keys / "crl.pem"
    )
    return mosquitto.write(
        layout.broker,
        identities(layout),
        facts.place,
        port=facts.broker_port,
        host="" if facts.tls else facts.host,
        passwords=None if facts.tls else passwords(layout),
        certificates=certificates if facts.tls else None,
        anew=anew,
        hub_port=facts.hub_port if facts.tls else 0,
    )


def identities(layout: Layout) -> list[Identity]:
    """The hub's own and the nodes whose folders are here."""
    return hub_identities() + [who for name in layout.nodes() for who in node_identities(name)]


def passwords(layout: Layout) -> dict[str, str]:
    """MQTT passwords by identity, made where they are missing: for a broker on loopback that knows no certificates."""
    found = {}
    for who in identities(layout):
        folder = layout.hub if who.node == HUB else layout.node(who.node)
        file = folder / "keys" / f"{who.service}.password"
        if not file.exists():
            write_secret(file, new_password().encode())
        found[str(who)] = file.read_text(encoding="ascii").strip()
    return found


def facts_of(layout: Layout) -> CommuneFacts:
    """The facts of a commune that was made before, from its hub's settings. Raises SettingsError."""
    settings = load(layout.hub / SETTINGS_FILE)
    where, broker = settings.place, settings.broker
    return CommuneFacts(
        where.province,
        where.commune,
        where.commune_name,
        settings.hub_name,
        broker.port,
        settings.device_port.port,
        broker.tls,
        settings.enrolment.port,
        broker.hub_port,
    )


def _place(facts: CommuneFacts) -> dict[str, Any]:
    return {"province": facts.province, "commune": facts.commune, "commune_name": facts.name}


def _write_settings(folder: Path, tables: dict[str, dict[str, Any]], own: Tables | None) -> Path:
    for section, values in (own or {}).items():
        tables[section] = {**tables.get(section, {}), **values}
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o750)  # noqa: PTH101, S103  (keys inside are 0600 each)
    file = folder / SETTINGS_FILE
    head = "Settings of this machine; docs/SETTINGS.md explains each. Made by `langso provision`."
    write_atomically(file, toml_text(tables, head).encode(), mode=0o640)
    return file
