"""What the loudspeaker service costs: its own process beside a real broker, idle and playing, with files for a card."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from broker.contract import HUB, Identity
from broker.contract.hub import Media
from broker.contract.rights import node_identities
from broker.contract.speaker import SpeakerStatus
from broker.link.config import Settings
from broker.link.media import MediaStore
from broker.speech.opus import opus_bytes
from broker.speech.sound import Pcm
from broker.trust.envelope import Quiet
from tests.bench.link.processes import ROOT, cpu_s, figure
from tests.brokers import RunningBroker
from tests.link.living import living, session_of
from tests.settings import give_passwords, node_settings
from tests.speaker.commune import make_signers
from tests.speaker.signers import Signers
from tests.until import until

IDLE_S, PLAYING_S = 30.0, 30.0
SETTLED_S: Final = 15.0
"""After this the burst of questions for the hub's time is over."""
SPEECH_S: Final = 45
IDLE_PERCENT, PLAYING_PERCENT = 1.0, 10.0
ANNOUNCE, INGEST = Identity(HUB, "announce"), Identity(HUB, "ingest")


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Shares of one core."""
    signers = make_signers(folder / "commune")
    broker = RunningBroker("mosquitto", folder / "broker", (*node_identities("thon-01"), ANNOUNCE, INGEST))
    with ExitStack() as stack:
        broker.start()
        stack.callback(broker.stop)
        settings = node_settings(folder, port=broker.port, extra='[speaker]\nsound = "file"\n')
        give_passwords(settings, broker.passwords)
        (settings.keys_dir / "root.pub").write_bytes((signers.commune.folder / "root.pub").read_bytes())
        media = _sound(settings)
        announce, ingest = session_of(ANNOUNCE, broker, folder), session_of(INGEST, broker, folder)
        states = ingest.inbox(SpeakerStatus)
        stack.enter_context(living(announce, ingest))
        speaker = stack.enter_context(_Running(settings))
        announce.send(signers.trust_plan(), to=Identity("thon-01", "speaker"))
        until(lambda: states.get(0.05) is not None, 60)
        idle = _percent(speaker.pid, SETTLED_S, IDLE_S)
        yield figure("idle", idle, "% of a core", "1 % allowed", idle / IDLE_PERCENT)
        announce.send(_plan(signers, media), to=Identity("thon-01", "speaker"))
        until(lambda: _is_playing(states.get(0.05)), 60)
        playing = _percent(speaker.pid, 1.0, PLAYING_S)
        assert not any(each.message.doing != "playing" for each in iter(lambda: states.get(0.0), None))
        yield figure("playing into a file", playing, "% of a core", "10 % allowed", playing / PLAYING_PERCENT)


def _is_playing(received: Any) -> bool:
    return received is not None and received.message.doing == "playing"


def _sound(settings: Settings) -> Media:
    """Three quarters of a minute in the node's store, as if it had been fetched."""
    t = np.arange(SPEECH_S * 16_000) / 16_000
    voice = np.sin(2 * np.pi * 300 * t) * 9000 * (np.sin(2 * np.pi * 0.4 * t) > -0.8)
    raw = opus_bytes(Pcm(voice.astype(np.int16), 16_000), 16_000)
    return MediaStore(settings.data_dir / "speaker" / "media").add(raw, "audio/ogg", SPEECH_S * 1000)


def _plan(signers: Signers, media: Media) -> msgspec.Struct:
    """One routine announcement in eight seconds, by the real clock; no hour is quiet."""
    now = datetime.now(UTC)
    signed = signers.announcement(
        now + timedelta(seconds=8),
        audio=media,
        issued_at=now - timedelta(minutes=1),
        expires=now + timedelta(hours=1),
    )
    return signers.plan(signed, made_at=now, quiet=Quiet(since="00:00", until="00:00"))


def _percent(pid: int, settle_s: float, seconds: float) -> float:
    pause = threading.Event()
    pause.wait(settle_s)
    before_s, began_s = cpu_s(pid), time.monotonic()
    pause.wait(seconds)
    return 100 * (cpu_s(pid) - before_s) / (time.monotonic() - began_s)


class _Running:
    """The service as its supervisor starts it."""

    def __init__(self, settings: Settings) -> None:
        self._file = settings.data_dir.parent / "langso.toml"
        self.pid = 0

    def __enter__(self) -> _Running:
        order = [sys.executable, "-m", "deploy.cli", "run", "speaker", "--config", str(self._file)]
        with (self._file.parent / "speaker.log").open("wb") as log:
            self._process = subprocess.Popen(order, stdout=log, stderr=log, cwd=ROOT)
        self.pid = self._process.pid
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
