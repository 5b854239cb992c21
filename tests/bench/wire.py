"""Durable ingest beside a bare paho subscriber: the same messages, the same Mosquitto, one after the other.

The hub's ingest commits every message with full sync before it acknowledges; the bare subscriber only counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import HUB, Identity, topic_of
from broker.contract.board import Reading, Readings
from broker.contract.hub import Ack
from broker.contract.message import encode, payload
from tests.brokers import PLACE, RunningBroker
from tests.settings import give_passwords, hub_settings
from tests.until import until

SOURCES = 12
EACH = 1000
WINDOW = 300
"""Unacknowledged messages of one source, as a real source keeps it; the bare subscriber acknowledges nothing."""
ROUNDS = 3
INGEST = Identity(HUB, "ingest")
BOARDS = [Identity(f"thon-{number:02d}", "board") for number in range(1, SOURCES + 1)]

BARE = """
import sys, threading
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
port, password, wanted = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
done, count = threading.Event(), 0
def on_message(client, data, packet):
    global count
    count += 1
    if count == wanted:
        done.set()
client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="hub.ingest", protocol=mqtt.MQTTv311)
client.username_pw_set("hub.ingest", password)
client.on_message = on_message
client.on_subscribe = lambda *a: print("ready", flush=True)
client.on_connect = lambda c, *a: c.subscribe("ls/00/00000/+/board/tele/readings", 1)
client.connect("127.0.0.1", port)
client.loop_start()
done.wait()
print("done", flush=True)
sys.stdin.read()
"""


def figures() -> Iterator[dict[str, Any]]:
    """Rate and CPU of durable ingest, and of the bare subscriber as the baseline; medians of three rounds."""
    with tempfile.TemporaryDirectory() as folder:
        broker = RunningBroker("mosquitto", Path(folder) / "broker", [INGEST, *BOARDS], bounded=False)
        broker.start()
        try:
            pairs = [(_bare(broker), _durable(broker, Path(folder) / str(n))) for n in range(ROUNDS)]
        finally:
            broker.stop()
    total = SOURCES * EACH
    bare_s, bare_cpu = (_median([pair[0][i] for pair in pairs]) for i in (0, 1))
    own_s, own_cpu = (_median([pair[1][i] for pair in pairs]) for i in (0, 1))
    base = "bare paho subscriber"
    yield _figure("durable ingest, rate", total / own_s, "messages/s", base, bare_s / own_s)
    yield _figure("durable ingest, CPU", own_cpu / total * 1e6, "µs/message", base, own_cpu / bare_cpu)
    yield _figure("bare subscriber, rate", total / bare_s, "messages/s", None, None)


def _figure(name: str, value: float, unit: str, baseline: str | None, ratio: float | None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio}


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _bare(broker: RunningBroker) -> tuple[float, float]:
    """Seconds and CPU seconds of a subscriber that keeps nothing."""
    password = broker.passwords[str(INGEST)]
    child = subprocess.Popen(
        [sys.executable, "-c", BARE, str(broker.port), password, str(SOURCES * EACH)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    child.stdout.readline()
    began_cpu = _cpu_s(child.pid)
    began = time.monotonic()
    with _publishers(broker):
        child.stdout.readline()
        took = time.monotonic() - began
    used = _cpu_s(child.pid) - began_cpu
    child.stdin.close()
    child.wait(10)
    return took, used


def _durable(broker: RunningBroker, folder: Path) -> tuple[float, float]:
    """Seconds until the last message is acknowledged from disk, and CPU seconds of the ingest process."""
    settings = hub_settings(folder, port=broker.port)
    give_passwords(settings, broker.passwords)
    config = folder / "hub" / "langso.toml"
    log = (folder / "ingest.log").open("wb")
    child = subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", "run", "ingest", "--config", str(config)], stdout=log, stderr=log
    )
    try:
        until(lambda: b'"event": "connected"' in (folder / "ingest.log").read_bytes(), 30)
        began_cpu = _cpu_s(child.pid)
        began = time.monotonic()
        with _publishers(broker, WINDOW) as acked:
            until(lambda: all(each >= EACH for each in acked.values()), 120, lambda: acked)
            took = time.monotonic() - began
        return took, _cpu_s(child.pid) - began_cpu
    finally:
        child.terminate()
        child.wait(10)
        log.close()


@contextmanager
def _publishers(broker: RunningBroker, window: int = EACH) -> Iterator[dict[Identity, int]]:
    """Connections that publish everything at once; gives how far each was acknowledged."""
    acked = dict.fromkeys(BOARDS, 0)
    clients = []
    epoch = os.urandom(8).hex()
    for who in BOARDS:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
        client.username_pw_set(str(who), broker.passwords[str(who)])
        client.max_inflight_messages_set(200)
        ready = threading.Event()

        def on_message(_c: object, _d: object, packet: mqtt.MQTTMessage, who: Identity = who) -> None:
            ack = msgspec.json.decode(packet.payload)["m"]
            if ack["epoch"] == epoch:
                acked[who] = max(acked[who], ack["upto"])

        client.on_message = on_message
        client.on_connect = lambda c, *_, who=who: c.subscribe(topic_of(PLACE, who, Ack), 0)
        client.on_subscribe = lambda *_, ready=ready: ready.set()
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        until(ready.is_set, 10)
        clients.append((who, client))
    threads = [
        threading.Thread(target=_publish, args=(who, client, epoch, acked, window)) for who, client in clients
    ]
    for thread in threads:
        thread.start()
    try:
        yield acked
    finally:
        for thread in threads:
            thread.join()
        for _, client in clients:
            client.disconnect()
            client.loop_stop()


def _publish(who: Identity, client: mqtt.Client, epoch: str, acked: dict[Identity, int], window: int) -> None:
    topic = topic_of(PLACE, who, Readings)
    at = datetime.now(UTC)
    for seq in range(1, EACH + 1):
        if seq - acked[who] > window:
            until(lambda seq=seq: seq - acked[who] <= window, 120)
        reading = Reading(series="water_level_m.song-van", at=at, value=seq / 1000, unit="m")
        body = payload(Readings(items=[reading]))
        client.publish(topic, encode(body, at, "trusted", epoch, seq, 1), qos=1)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
