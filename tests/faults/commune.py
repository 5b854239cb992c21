"""A whole commune of real processes, made and started exactly as the demo does it, for tests that break it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import select

from broker.hub.announcing.rules import put_rules, rules_of
from broker.hub.records import Database, Feedback, Gap, HighWater, Quarantine, ServiceSeen
from broker.link.clock import LOCAL
from deploy.browser import Browser, WalkError, words_of
from deploy.mosquitto import config as mosquitto
from deploy.provision import passwords
from deploy.stage import Secrets, Stage, Wishes
from deploy.supervise import Supervisor
from deploy.walk import World
from tests.until import until

READY_S = 60.0
HUB_AWAY = ("hub.ingest", "hub.announce", "hub.web")
CODE = re.compile(r"/gop-y/ma/([0-9A-Z]{10})/buoc")


def need_mosquitto() -> None:
    """Skip where the broker is not installed; fail in CI."""
    if mosquitto.is_usable():
        return
    if os.environ.get("CI") == "true":
        pytest.fail("mosquitto is missing; CI installs it")
    pytest.skip("mosquitto is not installed")


class Commune:
    """Runs until `close`; `held` names children that are not to start yet."""

    def __init__(
        self, folder: Path, *, nodes: int = 1, before: Callable[[Stage], None] = lambda _: None
    ) -> None:
        """before: what a test changes between provisioning and the first start."""
        need_mosquitto()
        self.stage = Stage(Wishes(folder, nodes, free_ports=True, broker="mosquitto"))
        self.stage.__enter__()
        self.secrets: Secrets = self.stage.prepare(lambda _: None)
        before(self.stage)
        self.database: Database = self.stage.database()
        self._open_hours()
        self.events: list[str] = []
        self.supervisor = Supervisor(self.stage.logs, self.events.append)
        self._stop = threading.Event()
        self._keeper = threading.Thread(
            target=self.supervisor.run, args=(self._stop,), name="supervisor", daemon=True
        )
        self.world = World(self.stage, self.secrets, self.supervisor)

    def start(
        self,
        held: tuple[str, ...] = (),
        missing: tuple[str, ...] = (),
        watchdog_s: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Start all children but those `held`, and wait for all that are not expected to be `missing`.

        watchdog_s: a shorter patience for some of them.
        """
        for child in self.stage.children():
            self.supervisor.add(replace(child, watchdog_s=watchdog_s.get(child.name, child.watchdog_s)))
        for name in held:
            self.supervisor.hold(name)
        self._keeper.start()
        wanted = [each for each in self.stage.service_names() if each not in (*held, *missing)]
        late = self.supervisor.wait_ready(wanted, READY_S)
        assert not late, [self.log(name)[-2000:] for name in late]

    def close(self) -> None:
        """End everything."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join(10)
        self.database.close()
        self.stage.__exit__(None, None, None)

    def _open_hours(self) -> None:
        """Quiet hours away from now, so that tests pass at night."""
        now = datetime.now(UTC)
        local = now.astimezone(LOCAL)
        since, until_ = local + timedelta(hours=8), local + timedelta(hours=9)
        with self.database.session() as db:
            put_rules(db, f"{since:%H:%M}", f"{until_:%H:%M}", rules_of(db).session_limit_s, now)

    # -- what can be done to it

    def kill(self, name: str) -> int:
        """kill -9 of one process, behind the supervisor's back. Returns how often it had been started."""
        starts, pid = self.supervisor.starts(name), self.supervisor.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        return starts

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process."""
        pid = self.supervisor.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, number)

    def back(self, name: str, starts: int, seconds: float = 30) -> None:
        """Wait until a killed child runs again (and is ready, where it says so)."""
        if name in self.stage.service_names():
            assert self.supervisor.wait_restarted(name, starts, seconds), self.log(name)[-2000:]
        else:
            until(
                lambda: self.supervisor.starts(name) > starts and self.supervisor.pid(name) is not None,
                seconds,
                lambda: self.log(name)[-2000:],
            )

    def log(self, name: str) -> str:
        """All that a child has said."""
        file = self.stage.logs / f"{name}.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    @contextmanager
    def squat(self, name: str) -> Iterator[None]:
        """Hold a port of the commune, as another program might."""
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", self.stage.port(name)))
            taken.listen(1)
            yield

    # -- people

    def say(self, words: str) -> str:
        """Type feedback at the touch screen; returns its code."""
        page = self.try_to_say(words)
        found = CODE.search(page)
        assert found, words_of(page)[-300:]
        return found[1]

    def try_to_say(self, words: str, may_be_refused: bool = False) -> str:
        """The page that answers typed feedback: the code, or (503) why it could not be kept."""
        screen = self.world.kiosk()
        form = screen.get("/gop-y/light/village").text
        once = re.search(r'name="mot_lan" value="([^"]+)"', form)
        fields: dict[str, str | list[str]] = {"loi": words, "mot_lan": once[1] if once else ""}
        try:
            return screen.post("/gop-y/light/village", fields).text
        except WalkError:
            if not may_be_refused:
                raise
            return screen.post("/gop-y/light/village", fields, 503).text

    def officer(self, name: str = "ha") -> Browser:
        """Somebody signed in at the console."""
        return self.world.officer(name)

    # -- what the records hold

    def feedback_codes(self) -> list[str]:
        """Every feedback that arrived, in order of arrival, one entry per row."""
        with self.database.reading() as db:
            return list(db.scalars(select(Feedback.code).order_by(Feedback.received_at)))

    def gaps(self) -> list[tuple[str, str, int, int]]:
        """Positions known to be lost."""
        with self.database.reading() as db:
            return [(g.source, g.lane, g.first, g.last) for g in db.scalars(select(Gap))]

    def high_water(self) -> dict[tuple[str, str, str], int]:
        """How far each (source, epoch, lane) is stored."""
        with self.database.reading() as db:
            return {(r.source, r.epoch, r.lane): r.upto for r in db.scalars(select(HighWater))}

    def quarantined(self) -> dict[tuple[str, str], int]:
        """Count of refused messages by source and reason."""
        with self.database.reading() as db:
            return {(q.source, q.reason): q.count for q in db.scalars(select(Quarantine))}

    def problems(self, identity: str) -> dict[str, str]:
        """What a service said limits it: code to sentence."""
        with self.database.reading() as db:
            row = db.get(ServiceSeen, identity)
            return {each["code"]: each["text"] for each in row.problems} if row else {}

    def state(self, identity: str) -> str:
        """What a service last said of its life."""
        with self.database.reading() as db:
            row = db.get(ServiceSeen, identity)
            return row.state if row else ""

    # -- somebody on the wire who has stolen an identity

    def intruder(self, identity: str) -> Intruder:
        """A connection with the keys of one service."""
        return Intruder(self, identity)


class Intruder:
    """Publishes raw bytes with a stolen identity (the true service loses its connection meanwhile)."""

    def __init__(self, commune: Commune, identity: str) -> None:
        self._up = threading.Event()
        self._broken = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=identity, protocol=mqtt.MQTTv311)
        layout, facts = commune.stage.layout, commune.stage.facts
        node, _, service = identity.partition(".")
        keys = (layout.hub if node == "hub" else layout.node(node)) / "keys"
        if facts.tls:
            client.tls_set(str(keys / "ca.pem"), str(keys / f"{service}.pem"), str(keys / f"{service}.key"))
        else:
            client.username_pw_set(identity, passwords(layout)[identity])
        client.on_connect = lambda *_: self._up.set()
        client.on_disconnect = self._on_disconnect
        client.connect("127.0.0.1", commune.stage.port("broker"))
        client.loop_start()
        until(self._up.is_set, 10, lambda: f"{identity} could not connect")
        self._client = client

    def _on_disconnect(self, *_: object) -> None:
        self._up.clear()
        self._broken.set()

    def is_up(self) -> bool:
        """Whether the connection stands (paho makes it anew by itself)."""
        return self._up.is_set()

    def say(self, topic: str, raw: bytes, *, retain: bool = False) -> None:
        """Publish and wait until the broker has it."""
        self._client.publish(topic, raw, qos=1, retain=retain).wait_for_publish(10)

    def shout(self, topic: str, raw: bytes) -> bool:
        """Publish something the broker must not take. True when it ended the connection."""
        self._broken.clear()
        self._client.publish(topic, raw, qos=0)
        return self._broken.wait(10)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


def frame(message: object, **more: object) -> bytes:
    """A frame by hand, for what `encode` would never write."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"v": 1, "at": now, "clock": "trusted", "m": message, **more}).encode()


def processes_under(root: int) -> dict[int, str]:
    """All descendants of a process, by id, with their command lines."""
    parents: dict[int, int] = {}
    lines: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            lines[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except (OSError, IndexError):
            continue
    found: dict[int, str] = {}
    edge = {root}
    while edge:
        edge = {pid for pid, parent in parents.items() if parent in edge}
        found |= {pid: lines[pid] for pid in edge}
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits for its parent to notice is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_open(port: int) -> bool:
    """Whether somebody listens there on loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True
