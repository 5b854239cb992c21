"""A commune with certificates and a real Mosquitto: the hub's keys, its records, and nodes that hold their own keys."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from broker.contract import HUB, NODE_SERVICES, Identity, Place, identity_of
from broker.contract.rights import hub_identities, node_identities
from broker.hub.keys.issuing import Issuer
from broker.hub.records import (
    Certificate,
    Database,
    NodeRecord,
    Revocation,
    Village,
    note_change,
    open_database,
)
from broker.link.bare import Bare, NoWay, Way, Will, way_of, way_with
from broker.link.config import Settings, load
from broker.trust.certificates import certify_request, make_request, probe_certificate
from broker.trust.identity import create_commune, create_hub
from broker.trust.keys import new_key, private_pem
from deploy.mosquitto import config as mosquitto
from deploy.stage import free_port
from tests.brokers import PLACE, need
from tests.until import until

PASSPHRASE = "a passphrase for tests"


@dataclass
class Held:
    """Key and certificate of one service, as whoever stole the disk would hold them."""

    key: bytes
    chain: bytes


@dataclass
class TrustedCommune:
    """The hub's side of a commune. Mosquitto starts with the rights of the hub alone."""

    folder: Path
    known: Sequence[Identity] = field(default_factory=hub_identities)
    """Whose rights are in the broker's file from the beginning."""
    place: Place = PLACE
    kind: str = "certificates"
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        need("mosquitto", "mosquitto")
        self.port = free_port()
        self.hub_port = next(port for port in iter(free_port, 0) if port != self.port)
        self.hub = self.folder / "hub"
        self.broker_folder = self.folder / "broker"
        commune = create_commune(self.folder / "commune", PASSPHRASE, self.place)
        create_hub(commune, ["127.0.0.1", "localhost"], self.hub / "keys")
        self.settings: Settings = self._settings()
        self.database: Database = open_database(self.settings)
        self.issuer = Issuer(self.settings.keys_dir)
        self.stolen: dict[str, dict[str, Held]] = {}
        with self.database.session() as db:
            db.add(Village(code="dong", name="Đông"))

    def _settings(self) -> Settings:
        text = f"""
[machine]
role = "hub"
name = "hub"
data = "data"
[place]
province = "{self.place.province}"
commune = "{self.place.commune}"
commune_name = "xã Vân Khê"
[broker]
host = "127.0.0.1"
port = {self.port}
hub_port = {self.hub_port}
keepalive_s = 2
pid_file = "../broker/{mosquitto.PID_FILE}"
[keys]
dir = "keys"
[clock]
source = "host"
"""
        (self.hub / "langso.toml").write_text(text, encoding="utf-8")
        settings = load(self.hub / "langso.toml")
        settings.data_dir.mkdir()
        return settings

    # -- the broker

    @property
    def rights_file(self) -> Path:
        """Where the plugin keeps its rights."""
        return self.broker_folder / mosquitto.RIGHTS_FILE

    def start(self, *, without_rights: bool = False) -> None:
        """Start Mosquitto and wait until it listens. without_rights: as one that lost its plug-in, open to all."""
        config = mosquitto.write(
            self.broker_folder,
            self.known,
            self.place,
            port=self.port,
            host="127.0.0.1",
            certificates=mosquitto.certificates_in(self.settings.keys_dir),
            hub_port=self.hub_port,
        )
        if without_rights:
            kept = [line for line in config.read_text().splitlines() if not line.startswith("plugin")]
            config.write_text("\n".join(kept) + "\n")
        command = mosquitto.command(config)
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._listens, 60, self.log)

    def _listens(self) -> bool:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 0.5),
            socket.create_connection(("127.0.0.1", self.hub_port), 0.5),
        ):
            return True
        return False

    def log(self) -> str:
        """All the broker has said."""
        return (self.folder / "broker.log").read_text(errors="replace")

    def kill(self) -> None:
        """Like a power cut."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def close(self) -> None:
        """End everything."""
        self.kill()
        self.database.close()

    def rights_by_file(self) -> dict[str, object]:
        """What the plugin wrote down."""
        found: dict[str, object] = json.loads(self.rights_file.read_text(encoding="utf-8"))
        return found

    # -- nodes

    def enrol(self, node: str) -> dict[str, Held]:
        """A node in the records with certificates for keys of its own; the broker is not told."""
        now = datetime.now(UTC)
        held: dict[str, Held] = {}
        with self.database.session() as db:
            record = db.get(NodeRecord, node)
            if record is None:
                db.add(NodeRecord(name=node, village="dong", label=node, registered_at=now))
            else:
                record.retired_at = None
            db.flush()
            for service in NODE_SERVICES:
                who, key = Identity(node, service), new_key()
                chain, serial, until_ = certify_request(self.issuer, make_request(key, who), who, now)
                db.add(
                    Certificate(serial=serial, identity=str(who), node=node, issued_at=now, not_after=until_)
                )
                held[str(who)] = Held(private_pem(key), chain.encode())
            note_change(db, "rights", node, now)
        self.stolen[node] = held
        return held

    def revoke(self, node: str, asked_at: datetime | None = None) -> int:
        """What the page does; returns the id of the row."""
        now = asked_at or datetime.now(UTC)
        with self.database.session() as db:
            for row in db.query(Certificate).filter_by(node=node):
                row.revoked_at, row.reason = now, "revoked"
            db.get_one(NodeRecord, node).retired_at = now
            row = Revocation(node=node, asked_at=now, asked_by="hung", reason="mất máy")
            db.add(row)
            db.flush()
            note_change(db, "rights", node, now)
            return int(row.id)

    def way(self, who: str | Identity) -> Way:
        """How a node's service comes, with the keys it was given last."""
        node, _, _ = str(who).partition(".")
        held = self.stolen[node][str(who)]
        return way_with(self.settings, str(who), held.key, held.chain, as_nodes=True)

    def context_of(self, who: str | Identity) -> ssl.SSLContext:
        """TLS for anybody: one of the hub's own, a node's service, or a name that is nobody's."""
        node, _, _ = str(who).partition(".")
        if node == HUB:
            way = way_of(self.settings, identity_of(str(who)))
        elif node in self.stolen:
            way = self.way(who)
        else:
            key, chain, _ = probe_certificate(self.issuer, str(who), datetime.now(UTC))
            way = way_with(self.settings, str(who), key, chain)
        assert way.context is not None
        return way.context

    def come(self, who: str | Identity, will: Will | None = None) -> Bare:
        """A connection of a node's service. Raises NoWay."""
        bare = Bare(self.way(who), will)
        bare.open()
        return bare

    def is_let_in(self, who: str | Identity) -> bool:
        """Whether the broker takes the service's certificate."""
        try:
            with self.come(who) as bare:
                return bare.stays_up(0.05)
        except NoWay:
            return False

    def everyone(self) -> list[Identity]:
        """The hub and all nodes that were ever enrolled."""
        return hub_identities() + [who for node in self.stolen for who in node_identities(node)]
