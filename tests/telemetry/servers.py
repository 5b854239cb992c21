"""Real servers that take line protocol, on free ports, started, stopped and killed as a test likes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from deploy.stage import free_port
from tests.brokers import need
from tests.until import until

KINDS = ("victoria", "influx")
QUALITIES = ("good", "unchecked", "suspect", "stale")

Points = set[tuple[str, int, float, str]]
"""Series, time in ms, value, quality."""


class RunningServer:
    """VictoriaMetrics, or InfluxDB 1.6."""

    def __init__(self, kind: str, folder: Path, *, port: int = 0, users: bool = False) -> None:
        """users: InfluxDB asks who it is, once a first user was made."""
        self.kind = kind
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        if kind == "victoria":
            need("victoria-metrics", "victoria-metrics")
            self._command = _victoria(self.port, folder)
        else:
            need("influxd", "influxdb")
            self._command = _influx(self.port, folder, users=users)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        until(self._answers, 60)

    def signal(self, what: int) -> None:
        """SIGSTOP, SIGCONT, SIGKILL, SIGTERM."""
        if self.process is not None:
            self.process.send_signal(what)
            if what in (signal.SIGKILL, signal.SIGTERM):
                self.process.wait(30)
                self.process = None

    def has_unread(self) -> bool:
        """Whether bytes of a request wait in front of a stopped server: somebody is in the middle of one."""
        mine = f":{self.port:04X}"
        for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            _, local, _, state, queues = row.split()[:5]
            if local.endswith(mine) and state == "01" and int(queues.partition(":")[2], 16) > 0:
                return True
        return False

    def points(self) -> Points:
        """Everything it holds, by its own query language."""
        return self._of_victoria() if self.kind == "victoria" else self._of_influx()

    def ask(self, query: str, method: str = "GET", user: str = "") -> Any:
        """One InfluxQL query."""
        name, _, password = user.partition(":")
        known = {"u": name, "p": password} if user else {}
        address = f"{self.url}/query?" + urlencode({"db": "langso", "epoch": "ms", "q": query, **known})
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=30) as answer:
            return json.load(answer)

    def _of_victoria(self) -> Points:
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=30):
            pass
        address = self.url + "/api/v1/export?match[]=" + quote('{__name__!=""}')
        found: dict[str, dict[tuple[str, int], float]] = {"value": {}, "quality": {}}
        with urllib.request.urlopen(address, timeout=30) as answer:
            for row in map(json.loads, answer):
                name, _, field = row["metric"]["__name__"].rpartition("_")
                into = found[field]
                for at, value in zip(row["timestamps"], row["values"], strict=True):
                    key = (_series(name, row["metric"]), at)
                    assert key not in into, f"{key} stands there twice"
                    into[key] = value
        assert found["value"].keys() == found["quality"].keys()
        quality = found["quality"]
        return {(*key, value, QUALITIES[int(quality[key])]) for key, value in found["value"].items()}

    def _of_influx(self) -> Points:
        found: Points = set()
        for row in self.ask("SELECT value, quality FROM /.*/ GROUP BY *")["results"][0].get("series", ()):
            name = _series(row["name"], row["tags"])
            found |= {(name, at, float(value), QUALITIES[quality]) for at, value, quality in row["values"]}
        return found

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=1) as answer:
                return answer.status in (200, 204)
        except OSError:
            return False


def _series(measurement: str, tags: dict[str, str]) -> str:
    sensor = tags.get("sensor", "")
    return f"{tags['node']}/{measurement}" + (f".{sensor}" if sensor else "")


def _victoria(port: int, folder: Path) -> Sequence[str]:
    return (
        shutil.which("victoria-metrics") or "",
        f"-httpListenAddr=127.0.0.1:{port}",
        f"-storageDataPath={folder}",
        "-dedup.minScrapeInterval=1ms",
        "-retentionPeriod=24",
        "-loggerLevel=ERROR",
    )


def _influx(port: int, folder: Path, *, users: bool) -> Sequence[str]:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "influxdb.conf"
    file.write_text(
        f'bind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\ndir = "{folder}/meta"\n'
        f'[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\n'
        "[monitor]\nstore-enabled = false\n"
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\nauth-enabled = {str(users).lower()}\n',
        encoding="utf-8",
    )
    return (shutil.which("influxd") or "", "-config", str(file))
