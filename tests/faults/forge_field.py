"""Where forgers and a real loudspeaker meet: Mosquitto, the speaker's process, and the hub's two voices in bad hands.

`announce` says whatever it is told to, `ingest` hears what the node answers and acknowledges it, so that the node's
outbox stays as in a commune. What sounded is taken from three witnesses: receipts, the node's journal, WAV files.
"""

from __future__ import annotations

import signal
import sqlite3
import sys
import threading
import wave
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker.contract import HUB, Identity, Received, filters_of, parse_topic, topic_of
from broker.contract.hub import Ack, Media
from broker.contract.message import Message, decode, encode
from broker.contract.node import ServiceState
from broker.contract.speaker import PlayReceipt, SpeakerStatus
from broker.link.media import MediaStore
from broker.speech.opus import opus_bytes
from broker.speech.sound import Pcm
from tests.brokers import PLACE, RunningBroker
from tests.faults.bent_clock import bend
from tests.faults.children import Child
from tests.faults.forge_people import People
from tests.settings import give_passwords, node_settings
from tests.until import until

SPEAKER = Identity("thon-01", "speaker")
INGEST, ANNOUNCE = Identity(HUB, "ingest"), Identity(HUB, "announce")
HEARD = (PlayReceipt, ServiceState, SpeakerStatus)
START_S = 60.0
COMMUNE_HZ, FORGER_HZ = 440, 5000
"""The approved sound, and the forger's: whatever name a file has, what is in it tells whose it is."""
TONE_S = 0.3
REFUSALS = ("refused", "expired", "missed", "cancelled")


@dataclass
class Answers:
    """What the node has said, in order."""

    receipts: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """State and reason, by occurrence."""
    states: list[dict[str, str]] = field(default_factory=list)
    """Problems by code, each time the service said how it is."""
    status: SpeakerStatus | None = None
    boots: list[str] = field(default_factory=list)
    seen: set[tuple[str, int]] = field(default_factory=set)

    def begun(self) -> dict[str, int]:
        """Occurrences of which a receipt says that they began to sound, and how many do."""
        counts = {name: sum(state == "playing" for state, _ in said) for name, said in self.receipts.items()}
        return {name: count for name, count in counts.items() if count}

    def said(self, occurrence: str, *states: str) -> bool:
        """Whether a receipt with one of these states came."""
        return any(state in states for state, _ in self.receipts.get(occurrence, []))


class Field:
    """One broker, one node; start, say, wait, end."""

    def __init__(self, folder: Path, people: People) -> None:
        self.folder = folder
        self.answers = Answers()
        self._lock = threading.Lock()
        self._offset = timedelta()
        self._bent = folder / "clock"
        self.broker = RunningBroker(
            "mosquitto", folder / "broker", (SPEAKER, INGEST, ANNOUNCE), bounded=False
        )
        self.settings = node_settings(folder, SPEAKER.node, self.broker.port, '[speaker]\nsound = "file"\n')
        give_passwords(self.settings, self.broker.passwords)
        (self.settings.keys_dir / "root.pub").write_bytes(people.root_public)
        (self.settings.data_dir / "clock-floor").write_text(people.day.isoformat())
        self.approved_sound, self.forged_sound = self._tone(COMMUNE_HZ), self._tone(FORGER_HZ)
        order = [sys.executable, "-m", "tests.faults.forge_node"]
        order += ["--config", str(folder / SPEAKER.node / "langso.toml"), "--clock", str(self._bent)]
        self.node = Child(str(SPEAKER), order, folder / "speaker.log")
        self.heard_files: set[str] = set()

    def _tone(self, hertz: int) -> Media:
        """A sound that is on the node already: what the hub offers, the node has long fetched."""
        t = np.arange(round(TONE_S * 16_000)) / 16_000
        raw = opus_bytes(Pcm((np.sin(2 * np.pi * hertz * t) * 9000).astype(np.int16), 16_000), 32_000)
        store = MediaStore(self.settings.data_dir / "speaker" / "media")
        return store.add(raw, "audio/ogg", round(TONE_S * 1000))

    # -- time and life

    def now(self) -> datetime:
        """The time it is, as all but the node know it."""
        return datetime.now(UTC) + self._offset

    def set_clock(self, to: datetime, node_is_behind: timedelta = timedelta()) -> None:
        """Let time jump, and the node's wall clock with it or behind it."""
        self._offset = to - datetime.now(UTC)
        bend(self._bent, (self._offset - node_is_behind).total_seconds())

    def start(self) -> None:
        """Start broker, hub and node."""
        self.broker.start()
        self._ear = self._connect(INGEST, self._hear)
        self._mouth = self._connect(ANNOUNCE, None)
        self.start_node()

    def start_node(self) -> None:
        """Start the node, again or for the first time, and wait until it says that it is there."""
        before = len(self.answers.boots)
        self.node.keep()
        until(lambda: len(self.answers.boots) > before, START_S, self.node_log)

    def kill_node(self) -> None:
        """As the power goes."""
        self.node.kill(0.0)

    def node_log(self) -> str:
        """The last lines of the node."""
        return self.node.log.read_text(errors="replace")[-3000:]

    def end(self) -> None:
        """End everything."""
        self.node.signal(signal.SIGTERM)
        self.node.wait()
        for each in (getattr(self, "_ear", None), getattr(self, "_mouth", None)):
            if each is not None:
                each.disconnect()
                each.loop_stop()
        self.broker.stop()

    # -- the hub's two voices

    def _connect(self, who: Identity, hear: Any) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(who), protocol=mqtt.MQTTv311)
        client.username_pw_set(str(who), self.broker.passwords[str(who)])
        client.max_inflight_messages_set(2000)
        ready = threading.Event()
        if hear is not None:
            filters = [(one, 1) for kind in HEARD for one in filters_of(PLACE, who, kind)]
            client.on_connect = lambda c, *_: c.subscribe(filters)
            client.on_subscribe = lambda *_: ready.set()
            client.on_message = hear
        else:
            client.on_connect = lambda *_: ready.set()
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        until(ready.is_set, 20, self.broker.log)
        return client

    def say(self, message: Message) -> None:
        """Publish as the hub's announce. The words go out as they are, in whatever spelling."""
        self.write(type(message), encode(msgspec.json.encode(message), self.now(), "trusted"))

    def write(self, kind: type[Message], raw: bytes) -> None:
        """Publish a whole packet."""
        self._mouth.publish(topic_of(PLACE, SPEAKER, kind), raw, qos=1, retain=kind.__name__.endswith("Plan"))

    def _hear(self, client: mqtt.Client, data: Any, packet: mqtt.MQTTMessage) -> None:
        spec, who = parse_topic(PLACE, packet.topic)
        received = decode(spec, who, bytes(packet.payload))
        with self._lock:
            self._note(received)
        frame = received.frame
        if isinstance(received.message, PlayReceipt):
            ack = Ack(epoch=frame.epoch, lane="event", upto=frame.seq)
            raw = encode(msgspec.json.encode(ack), self.now(), "trusted")
            client.publish(topic_of(PLACE, SPEAKER, Ack), raw, qos=0)

    def _note(self, received: Received) -> None:
        message, frame, found = received.message, received.frame, self.answers
        if isinstance(message, PlayReceipt):
            if (frame.epoch, frame.seq) not in found.seen:
                found.seen.add((frame.epoch, frame.seq))
                found.receipts.setdefault(message.occurrence, []).append((message.state, message.reason))
        elif isinstance(message, SpeakerStatus):
            found.status = message
        elif isinstance(message, ServiceState):
            found.states.append({each.code: each.text for each in message.problems})
            if message.state in ("ready", "degraded") and message.boot not in found.boots:
                found.boots.append(message.boot)

    # -- what sounded

    def look_at_files(self) -> None:
        """Remember every file that ever stood for sound; the node keeps only the newest."""
        folder = self.settings.data_dir / "played"
        self.heard_files.update(each.name for each in folder.glob("*.wav"))

    def sounded_by_journal(self) -> dict[str, int]:
        """Occurrences that began, and how often, as the node wrote them down before the first sample."""
        with closing(sqlite3.connect(self.settings.data_dir / "speaker" / "journal.db")) as db:
            rows = db.execute(
                "SELECT occurrence, starts FROM plays WHERE starts > 0 OR started_at IS NOT NULL"
            )
            return dict(rows.fetchall())

    def files_with(self, hertz: int) -> Sequence[Path]:
        """Sound files in which this tone stands out."""
        folder = self.settings.data_dir / "played"
        return [each for each in sorted(folder.glob("*.wav")) if holds_tone(each, hertz)]


def holds_tone(file: Path, hertz: int) -> bool:
    """Whether some tenth of a second of a WAV file is mostly this tone."""
    with wave.open(str(file)) as sound:
        rate = sound.getframerate()
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(float)
    step = rate // 10
    for at in range(0, len(samples) - step, step):
        power = np.abs(np.fft.rfft(samples[at : at + step])) ** 2
        near = round(hertz * step / rate)
        if power.sum() > 1e9 and power[near - 2 : near + 3].sum() > 0.5 * power.sum():
            return True
    return False
