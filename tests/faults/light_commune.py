"""A light commune that breaks by a schedule: a broker, the hub's ingest, three sources, and proxies between them.

Things break for some seconds, then all of it heals, the sources fall silent, and when their outboxes are empty the
oracle compares.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from broker.contract import HUB, Identity
from broker.hub.records.database import Database, open_url
from tests.brokers import RunningBroker
from tests.faults.bent_clock import bend
from tests.faults.children import Child
from tests.faults.ground import Ground, filled, mount, unmount
from tests.faults.oracle import Findings, Look, judge, last_times, read_outbox
from tests.faults.proxy import Proxy
from tests.faults.schedule import ACTIVE_S, BROKER, INGEST, Fault, Schedule, Source
from tests.settings import give_passwords, hub_settings, node_settings
from tests.until import until

START_S = 120.0
SETTLE_S = 120.0
"""Seconds within which a healed commune has delivered everything, on a busy machine too; RabbitMQ starts in ten."""
LOOK_S = 0.1
SOURCE_DISK = "8m"
HUB_DISK = "48m"
TEMPFAIL = 75
"""Exit status of a service that cannot start on a full disk, and says so."""


@dataclass(frozen=True)
class Played:
    """What came of one schedule."""

    findings: Findings
    seconds: float
    settled_s: float
    left_out: tuple[Fault, ...]


class LightCommune:
    """The processes of one schedule."""

    def __init__(self, ground: Ground, schedule: Schedule, folder: Path, url: str = "") -> None:
        """folder: an empty one. url: of an empty database, empty for SQLite in the hub's own folder."""
        self._ground = ground
        self._schedule = schedule
        self._folder = folder
        self._quiet = folder / "quiet"
        self._stack = ExitStack()
        self._filled: dict[Fault, ExitStack] = {}
        self._pause = threading.Event()
        self._starting: threading.Thread | None = None
        self._broker_due_s = 0.0
        self._looks: list[Look] = []
        self._looked_s = 0.0
        self._proxies: dict[str, Proxy] = {}
        self._data: dict[str, Path] = {}
        self._children: dict[str, Child] = {}
        identities = [_identity(INGEST), *(_identity(each.identity) for each in schedule.sources)]
        self._broker = RunningBroker(ground.broker, folder / "broker", identities)
        self._add_hub(url)
        for each in schedule.sources:
            self._add_source(each)

    def _add_hub(self, url: str) -> None:
        proxy = self._proxies[INGEST] = Proxy(self._broker.port, self._schedule.seed)
        extra = f'[database]\nurl = "{url}"\n' if url else ""
        settings = hub_settings(self._folder, proxy.port, extra)
        give_passwords(settings, self._broker.passwords)
        data = self._data[INGEST] = settings.data_dir
        if not url:
            shutil.copy(self._ground.template, data / "hub.db")
        self._put_on_small_disk(INGEST, HUB_DISK)
        with self._ground.turn:
            self.database: Database = open_url(url or f"sqlite:///{data / 'hub.db'}")
        order = ["-m", "tests.faults.hub", "--config", str(self._folder / HUB / "langso.toml")]
        self._add_child(INGEST, order)

    def _add_source(self, source: Source) -> None:
        node, _, service = source.identity.partition(".")
        proxy = self._proxies[source.identity] = Proxy(self._broker.port, self._schedule.seed)
        settings = node_settings(self._folder, node, proxy.port)
        give_passwords(settings, self._broker.passwords)
        self._data[source.identity] = settings.data_dir
        self._put_on_small_disk(source.identity, SOURCE_DISK)
        order = ["-m", "tests.faults.source", "--config", str(self._folder / node / "langso.toml")]
        order += ["--service", service, "--rate", str(source.rate_per_s), "--threads", str(source.threads)]
        order += ["--quota", str(source.quota)]
        order += ["--burst", str(source.burst), "--burst-at", str(source.burst_at_s)]
        order += ["--ledger", str(self._ledger(source.identity)), "--quiet", str(self._quiet)]
        order += ["--picture", str(self._ground.picture)]
        self._add_child(source.identity, order)

    def _add_child(self, name: str, order: list[str]) -> None:
        order = [sys.executable, *order, "--clock", str(self._folder / f"{name}.clock")]
        self._children[name] = Child(name, order, self._folder / f"{name}.log")

    def _put_on_small_disk(self, name: str, size: str) -> None:
        """A file system of its own under the data folder, where its disk is to get full."""
        data = self._data[name]
        if name not in self._schedule.disks or not self._ground.has_mounts:
            return
        kept = data.with_name("data-before")
        data.rename(kept)
        data.mkdir()
        if mount(data, size):
            self._stack.callback(unmount, data)
        shutil.copytree(kept, data, dirs_exist_ok=True)

    def _ledger(self, name: str) -> Path:
        return self._folder / f"{name}.ledger"

    def _outbox(self, name: str) -> Path:
        return self._data[name] / "outbox" / f"{name.partition('.')[2]}.db"

    # -- the course of it

    def play(self) -> Played:
        """Start, break, heal, settle, judge."""
        began_s = time.monotonic()
        settled_s = 0.0
        findings = Findings()
        try:
            self._start()
            self._break()
            healed_s = time.monotonic()
            self._heal()
            late = self._settle()
            settled_s = time.monotonic() - healed_s
            self._leave()
            findings = self._judge()
            if late:
                findings.add("not settled", late)
        except AssertionError as why:
            findings.add("not started", str(why))
        finally:
            self._end()
        left_out = tuple(each for each in self._schedule.faults if not self._may(each))
        seconds = time.monotonic() - began_s
        return Played(findings, seconds, settled_s, left_out)

    def _start(self) -> None:
        self._broker.start()
        for child in self._children.values():
            child.keep()
        until(self._is_up, START_S, lambda: self._children[INGEST].log.read_text(errors="replace")[-2000:])

    def _is_up(self) -> bool:
        """Whether all have connected."""
        return all(b'"event": "connected"' in child.log.read_bytes() for child in self._children.values())

    def _break(self) -> None:
        began_s = time.monotonic()
        due = sorted(
            [(each.at_s, n, self._begin, each) for n, each in enumerate(self._schedule.faults)]
            + [(each.until_s, n, self._finish, each) for n, each in enumerate(self._schedule.faults)],
            key=lambda each: each[:2],
        )
        while time.monotonic() - began_s < ACTIVE_S:
            while due and time.monotonic() - began_s >= due[0][0]:
                _, _, act, fault = due.pop(0)
                if self._may(fault):
                    act(fault)
            self._keep()
            self._look()
            self._pause.wait(0.02)

    def _may(self, fault: Fault) -> bool:
        return fault.kind != "disk" or self._ground.has_mounts

    def _begin(self, fault: Fault) -> None:
        proxy = self._proxies.get(fault.target)
        match fault.kind:
            case "kill" if fault.target == BROKER:
                self._kill_broker(fault.for_s)
            case "kill":
                self._children[fault.target].kill(fault.for_s)
            case "freeze":
                self._signal(fault.target, signal.SIGSTOP)
            case "disk":
                self._filled[fault] = ExitStack()
                self._filled[fault].enter_context(filled(self._data[fault.target], int(fault.amount)))
            case "clock":
                bend(self._folder / f"{fault.target}.clock", fault.amount * 3600)
            case _:
                assert proxy is not None
                _disturb(proxy, fault)

    def _finish(self, fault: Fault) -> None:
        proxy = self._proxies.get(fault.target)
        match fault.kind:
            case "freeze":
                self._signal(fault.target, signal.SIGCONT)
            case "disk":
                self._filled.pop(fault).close()
            case "clock":
                bend(self._folder / f"{fault.target}.clock", 0.0)
            case "hole" | "delay" | "trickle" | "refuse":
                assert proxy is not None
                _leave_alone(proxy, fault)

    def _signal(self, target: str, number: signal.Signals) -> None:
        if target != BROKER:
            self._children[target].signal(number)
        elif self._broker.process is not None:
            self._broker.process.send_signal(number)

    def _kill_broker(self, away_s: float) -> None:
        if self._starting is None and self._broker.process is not None:
            self._broker.kill()
            self._broker_due_s = time.monotonic() + away_s

    def _keep(self) -> None:
        """Start again whatever has ended and is due."""
        for child in self._children.values():
            child.keep()
        if self._starting is not None and not self._starting.is_alive():
            self._starting = None
        gone = self._starting is None and self._broker.process is None
        if gone and time.monotonic() >= self._broker_due_s:
            self._starting = threading.Thread(target=self._broker.start, name="broker-starts")
            self._starting.start()

    def _look(self) -> None:
        """Note the last values as a page would show them now."""
        if time.monotonic() - self._looked_s > LOOK_S:
            self._looked_s = time.monotonic()
            try:
                self._looks.append(last_times(self.database))
            except SQLAlchemyError:
                return  # a full disk can keep even a reader out

    def _heal(self) -> None:
        for fault in list(self._filled):
            self._filled.pop(fault).close()
        for proxy in self._proxies.values():
            proxy.heal()
        for name in (BROKER, *self._children):
            self._signal(name, signal.SIGCONT)
        self._quiet.touch()

    def _settle(self) -> str:
        """Wait until nothing is on its way. Returns what still was when the time was over."""
        deadline_s = time.monotonic() + SETTLE_S
        waits = "everything"
        while waits and time.monotonic() < deadline_s:
            self._keep()
            self._look()
            self._pause.wait(0.1)
            waits = self._waits()
        return waits

    def _waits(self) -> str:
        for source in self._schedule.sources:
            name = source.identity
            if not self._children[name].is_alive:
                return f"{name} is away"
            lines = [line.split(b'"')[3] for line in self._ledger(name).read_bytes().split(b"\n")[:-1]]
            life = lines[len(lines) - 1 - lines[::-1].index(b"start") :] if b"start" in lines else []
            if life.count(b"quiet") < source.threads:
                return f"{name} still speaks"
            try:
                left = read_outbox(self._outbox(name)).left
            except sqlite3.Error as why:
                return f"{name}: {why}"
            if left:
                return f"{name} holds {left}"
        return "" if self._children[INGEST].is_alive else "hub.ingest is away"

    def _leave(self) -> None:
        for child in self._children.values():
            child.leave()
        for child in self._children.values():
            child.wait()

    def _judge(self) -> Findings:
        names = [each.identity for each in self._schedule.sources]
        self._look()
        findings = judge(
            {name: self._ledger(name) for name in names},
            {name: self._outbox(name) for name in names},
            self.database,
            self._data[INGEST] / "media",
            may_lose=self._schedule.losers,
            looks=self._looks,
        )
        for name, child in self._children.items():
            for status in child.exits:
                if status != TEMPFAIL or name not in self._schedule.disks:
                    findings.add("ended by itself", f"{name} with {status}")
        return findings

    def _end(self) -> None:
        for child in self._children.values():
            child.end()
        if self._starting is not None:
            self._starting.join(30)
        self._broker.stop()
        for proxy in self._proxies.values():
            proxy.close()
        self.database.close()
        for fault in list(self._filled):
            self._filled.pop(fault).close()
        self._stack.close()


def _identity(name: str) -> Identity:
    node, _, service = name.partition(".")
    return Identity(node, service)


def _disturb(proxy: Proxy, fault: Fault) -> None:
    match fault.kind:
        case "hole":
            proxy.hold(fault.way)
        case "cut":
            proxy.cut_after(fault.way, int(fault.amount))
        case "delay":
            proxy.delay(fault.way, fault.amount)
        case "trickle":
            proxy.trickle(fault.way, fault.amount)
        case "refuse":
            proxy.refuse()
        case "replay":
            proxy.replay(fault.way, int(fault.amount))


def _leave_alone(proxy: Proxy, fault: Fault) -> None:
    match fault.kind:
        case "hole":
            proxy.hold(fault.way, False)
        case "delay":
            proxy.delay(fault.way, 0.0)
        case "trickle":
            proxy.trickle(fault.way, 0.0)
        case "refuse":
            proxy.refuse(False)
