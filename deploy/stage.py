"""A whole commune on one machine: its folder, its settings, its processes. What the demo and its check stand on.

Keys, accounts and settings are made by deploy/provision.py, exactly as for a real commune.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from broker import RELEASE
from broker.contract import HUB_SERVICES, NODE_SERVICES
from broker.contract.rights import amqtt_config
from broker.link.config import load
from broker.trust.enrolment import SETTINGS_FILE
from broker.trust.identity import Commune, open_commune
from deploy import van_khe
from deploy.mosquitto import config as mosquitto
from deploy.provision import (
    CommuneFacts,
    Layout,
    identities,
    make_commune,
    passwords,
    random_password,
    random_pin,
    write_broker,
    write_hub_settings,
    write_node_settings,
)
from deploy.supervise import Child
from deploy.van_khe import House

if TYPE_CHECKING:
    from broker.hub.records import Database

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
KEEPALIVE_S = 5
DEFAULT_PORTS = {"broker": 8883, "device": 8443, "enrolment": 8444, "console": 8080, "kiosk": 8081}
OWN_PORTS = range(20_000, 32_000)


class StageError(Exception):
    """The commune cannot be set up here; the text says why and what to do."""


@dataclass(frozen=True)
class Wishes:
    """What the person at the terminal asked for."""

    folder: Path
    nodes: int = 1
    camera: str = van_khe.DRAWN_SCENE
    serial: str = ""
    free_ports: bool = False
    """Take free ports everywhere, and never a sound card: for the check and for tests."""
    new_passwords: bool = False
    broker: str = ""
    """`mosquitto` or `embedded`; empty: the former where it is installed."""
    database: str = ""
    """Address of an empty PostgreSQL database, or of this demo's own; empty: SQLite in the folder."""


@dataclass
class Secrets:
    """What was made just now and is shown once."""

    passwords: dict[str, str] = field(default_factory=dict)
    pin: str = ""


def free_port(wanted: int = 0) -> int:
    """`wanted` when it is free on loopback, else one that is, below the range that connections take by themselves.

    A port given by the system could be some connection's own by the time a service wants to listen on it.
    """
    others = random.sample(OWN_PORTS, 50)
    for port in [wanted, *others] if wanted else others:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StageError("no free port on 127.0.0.1")


class Stage:
    """Holds the folder while the commune runs; use as a context manager."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.layout = Layout(wishes.folder)
        self.houses: list[House] = van_khe.houses(wishes.nodes)
        self.logs = wishes.folder / "logs"
        self.key_file = self.key_file_of("hung")
        self.broker_kind = wishes.broker or ("mosquitto" if mosquitto.is_usable() else "embedded")
        self._lock: IO[str] | None = None
        self._run = Path()
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Stage:
        """Take the folder. Raises StageError when another demo uses it or it cannot be written."""
        try:
            self.wishes.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.wishes.folder / ".in-use").open("w")
        except OSError as why:
            raise StageError(
                f"{self.wishes.folder}: {why.strerror}; choose another folder with --data"
            ) from why
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as why:
            self._lock.close()
            raise StageError(
                f"another demo already runs on {self.wishes.folder}; end it with Ctrl-C or choose --data DIR"
            ) from why
        self._run = Path(tempfile.mkdtemp(prefix="langso-run-"))
        self._choose_ports()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._run, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    # -- what stands where

    def key_file_of(self, username: str) -> Path:
        """The key of a person who approves and signs emergencies; all of the demo's open with one PIN."""
        return self.wishes.folder / f"khoa-duyet-{username}.json"

    def _choose_ports(self) -> None:
        taken: set[int] = set()

        def take(name: str, wanted: int) -> None:
            port = free_port(0 if self.wishes.free_ports or wanted in taken else wanted)
            while port in taken:
                port = free_port()
            taken.add(port)
            self._ports[name] = port

        for name in ("broker", "device", "enrolment", "console"):
            take(name, DEFAULT_PORTS[name])
        take("hub", DEFAULT_PORTS["broker"] + 1)
        for number, house in enumerate(self.houses):
            take(house.name, DEFAULT_PORTS["kiosk"] + number)

    def port(self, name: str) -> int:
        """Port of `broker`, `hub` (the broker's other one), `device`, `enrolment`, `console`, or of a node's kiosk
        by the node's name."""
        return self._ports[name]

    @property
    def facts(self) -> CommuneFacts:
        """What every machine must know."""
        ports = (self.port("broker"), self.port("device"), self.port("enrolment"), self.port("hub"))
        return van_khe.facts(*ports, tls=self.broker_kind == "mosquitto")

    @property
    def console_url(self) -> str:
        """Where officials and officers sign in."""
        return f"http://localhost:{self.port('console')}"  # a name: passkeys belong to none but names

    def kiosk_url(self, house: House) -> str:
        """Where the touch screen of a house looks."""
        return f"http://{LOOPBACK}:{self.port(house.name)}"

    def data_of(self, name: str) -> Path:
        """Data folder of `hub` or of a node."""
        return (self.layout.hub if name == "hub" else self.layout.node(name)) / "data"

    def database(self) -> Database:
        """The hub's records. Raises DatabaseError."""
        from broker.hub.records import open_database

        return open_database(load(self.layout.hub / SETTINGS_FILE))

    # -- making it

    def prepare(self, tell: Callable[[str], None]) -> Secrets:
        """Make or find the commune, write all settings, make the first accounts. Tells each step in one line."""
        if not (self.layout.commune / "root.key").exists():
            tell("making the commune: root key, issuing key, hub")
            self._found()
        elif not (self.layout.hub / "keys" / "issuing.key").exists():
            raise StageError(
                f"{self.wishes.folder}: made by an earlier release; delete it or choose another with --data"
            )
        write_hub_settings(self.layout, self.facts, self._hub_settings())
        made = Secrets()
        if not self._is_filled() or self.wishes.new_passwords:
            made = self._fill(tell)
            self._filled_file().write_text(self._filling(), encoding="utf-8")
        for house in self.houses:
            write_node_settings(self.layout, house.name, self._node_settings(house))
        self._write_broker()
        return made

    def _is_filled(self) -> bool:
        return (
            not self.wishes.database
            and _text_of(self._filled_file()) == self._filling()
            and all(self._is_enrolled(house) for house in self.houses)
        )

    def _is_enrolled(self, house: House) -> bool:
        folder = self.layout.node(house.name)
        return (folder / SETTINGS_FILE).exists() and (folder / "keys" / "node.pem").exists()

    def _filled_file(self) -> Path:
        return self.layout.commune / "filled-for"

    def _filling(self) -> str:
        """What the hub's records were filled for; the same again needs no database at the start."""
        from deploy.enrol import shipped_content

        shipped = hashlib.sha256(shipped_content()).hexdigest()
        wishes = (
            len(self.houses),
            self.wishes.camera,
            RELEASE,
            shipped,
            (self.data_of("hub") / "hub.db").exists(),
        )
        return repr(wishes)

    def _found(self) -> None:
        passphrase = secrets.token_urlsafe(24)
        make_commune(self.layout, self.facts, passphrase)
        note = self._passphrase_file()
        note.touch(mode=0o600)
        note.write_text(passphrase, encoding="ascii")

    def _passphrase_file(self) -> Path:
        """The demo keeps it beside the key it opens; a real commune never does."""
        return self.layout.commune / "passphrase-of-this-demo"

    def _commune(self) -> Commune:
        return open_commune(self.layout.commune, self._passphrase_file().read_text(encoding="ascii"))

    def _fill(self, tell: Callable[[str], None]) -> Secrets:
        """Content, villages, nodes, the camera and people, as far as they are missing."""
        from sqlalchemy import select

        from broker.hub.accounts import set_password
        from broker.hub.records import Account
        from deploy.enrol import add_account, enrol_here, hub_records, set_shipped_content
        from deploy.urgent import make_demo_templates, new_key

        set_shipped_content(self.layout)
        made = Secrets()
        now = datetime.now(UTC)
        with hub_records(self.layout) as database, database.session() as db:
            van_khe.fill(db, self.houses, self.wishes.camera, now)
            for house in self.houses:
                if not self._is_enrolled(house):
                    enrol_here(db, self.layout, house.name, house.village, house.label, now)
            known = {row.username: row for row in db.scalars(select(Account))}
            again = self.wishes.new_passwords
            wanted = [each for each in van_khe.PEOPLE if again or each.username not in known]
            if not wanted:
                return made
            tell(f"making {len(wanted)} accounts and their keys")
            for person in wanted:
                row = known.get(person.username)
                if row is None:
                    made.passwords[person.username] = add_account(
                        db, person.username, person.full_name, person.roles, now, person.title
                    )
                else:
                    made.passwords[person.username] = random_password()
                    set_password(db, row, made.passwords[person.username], now, "demo")
            made.pin = random_pin()
            for each in wanted:
                if "approver" in each.roles:
                    file = self.key_file_of(each.username)
                    new_key(self.layout, self._commune(), db, each.username, made.pin, file, now)
        if made.passwords.keys() >= set(van_khe.TEMPLATE_SIGNERS):
            tell("making the emergency templates")
            files = {each: self.key_file_of(each) for each in van_khe.TEMPLATE_SIGNERS}
            make_demo_templates(self.layout, files, made.pin, now, tell)
        return made

    def _hub_settings(self) -> dict[str, dict[str, Any]]:
        return {
            **self._machine("hub"),
            "broker": {**self._broker(), "hub_port": self.port("hub") if self.facts.tls else 0},
            "device_port": {"host": LOOPBACK, "port": self.port("device")},
            "enrolment": {"host": LOOPBACK, "port": self.port("enrolment")},
            "console": {"host": LOOPBACK, "port": self.port("console"), "second_factor": False},
            "database": {"url": self.wishes.database},
        }

    def _node_settings(self, house: House) -> dict[str, dict[str, Any]]:
        line = {
            "port": self.wishes.serial or str(self._run / f"{house.name}.board"),
            "devices": [
                {"address": 1, "profile": "xy-md02", "name": "nha-van-hoa"},
                {"address": 15, "profile": "urm15", "name": "song-van", "datum_m": 4.5},
            ],
        }
        is_first = house is self.houses[0]
        return {
            **self._machine(house.name),
            "broker": self._broker(),
            "device_port": {"url": f"https://{LOOPBACK}:{self.port('device')}"},
            "speaker": {"sound": "auto" if is_first and not self.wishes.free_ports else "file"},
            "kiosk": {"host": LOOPBACK, "port": self.port(house.name)},
            "board": {"ports": [line]} if is_first or not self.wishes.serial else {},
        }

    def _machine(self, name: str) -> dict[str, dict[str, Any]]:
        return {"machine": {"data": "data", "run": str(self._run / name)}, "clock": {"source": "host"}}

    def _broker(self) -> dict[str, Any]:
        return {
            "host": LOOPBACK,
            "port": self.port("broker"),
            "tls": self.facts.tls,
            "keepalive_s": KEEPALIVE_S,
        }

    def _write_broker(self) -> None:
        if self.broker_kind == "mosquitto":
            write_broker(self.layout, self.facts)
        else:
            who = identities(self.layout)
            made = amqtt_config(who, self.facts.place, passwords(self.layout), self.port("broker"))
            self.layout.broker.mkdir(parents=True, exist_ok=True)
            from deploy import embedded  # amqtt: only where it is used

            embedded.write_config(made, self.layout.broker / "amqtt.json")

    # -- running it

    def children(self) -> list[Child]:
        """Every process of the commune, the broker first."""
        found = [self._broker_child()]
        found += [self._service("hub", service, self.layout.hub) for service in HUB_SERVICES]
        for house in self.houses:
            if not self.wishes.serial:
                found.append(self._board(house))
            found += [
                self._service(house.name, service, self.layout.node(house.name)) for service in NODE_SERVICES
            ]
        return found

    def _env(self) -> dict[str, str]:
        path = os.environ.get("PYTHONPATH", "")
        return {"PYTHONPATH": f"{ROOT}{os.pathsep}{path}" if path else str(ROOT), "PYTHONUNBUFFERED": "1"}

    def _broker_child(self) -> Child:
        if self.broker_kind == "mosquitto":
            command = mosquitto.command(self.layout.broker / "mosquitto.conf")
            return Child("broker", command, watchdog_s=None, ready_s=None, is_last=True)
        from deploy import embedded

        command = embedded.command(self.layout.broker / "amqtt.json")
        return Child("broker", command, self._env(), is_last=True)

    def _service(self, machine: str, service: str, folder: Path) -> Child:
        config = str(folder / SETTINGS_FILE)
        command = [sys.executable, "-m", "deploy.cli", "run", service, "--config", config]
        return Child(f"{machine}.{service}", command, self._env())

    def _board(self, house: House) -> Child:
        link = str(self._run / f"{house.name}.board")
        command = [sys.executable, "-m", "firmware_bridge.simulator", "--link", link]
        return Child(
            f"{house.name}.simulated-board", command, self._env(), watchdog_s=None, ready_s=None, is_last=True
        )

    def service_names(self) -> list[str]:
        """Children that say READY."""
        return [each.name for each in self.children() if each.ready_s is not None]


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
