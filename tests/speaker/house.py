"""A whole loudspeaker service in this process: real workers, journal, voice and files; no broker and no hub."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

from broker.contract import Identity
from broker.contract.hub import Media
from broker.contract.message import Message
from broker.contract.speaker import PlayReceipt
from broker.link.config import Settings, load
from broker.link.media import MediaError, MediaStore
from broker.link.service import Worker
from broker.link.session import Session
from broker.speech.opus import opus_bytes
from broker.speech.sound import Pcm
from edge.speaker.service import assemble
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.speaker.signers import MORNING, Signers

TOML = """
[machine]
role = "node"
name = "thon-01"
data = "data"
[place]
province = "00"
commune = "00000"
commune_name = "xã Vân Khê"
village = "dong"
village_name = "thôn Đông"
[device_port]
url = "https://127.0.0.1:1"
[speaker]
sound = "file"
"""


class FakeHubMedia:
    """The interface of MediaClient: media by hash out of a dictionary, or a hub that is away."""

    def __init__(self, store: MediaStore) -> None:
        self.store = store
        self.files: dict[str, bytes] = {}
        self.is_away = False
        self.asked: list[str] = []

    def add(self, seconds: float, hertz: int = 440) -> Media:
        """A tone as the hub would render it."""
        t = np.arange(round(seconds * 16_000)) / 16_000
        raw = opus_bytes(Pcm((np.sin(2 * np.pi * hertz * t) * 9000).astype(np.int16), 16_000), 16_000)
        elsewhere = MediaStore(self.store.root.parent / "hub")
        media = elsewhere.add(raw, "audio/ogg", round(seconds * 1000))
        self.files[media.sha256] = raw
        return media

    def fetch(self, media: Media, stop: threading.Event) -> Path:
        """As MediaClient.fetch."""
        self.asked.append(media.sha256)
        if self.is_away or media.sha256 not in self.files or stop.is_set():
            raise MediaError("the hub is away")
        self.store.add(self.files[media.sha256], media.type)
        path = self.store.path_of(media.sha256)
        if path is None:
            raise MediaError("found spoiled and thrown away by a reader just now")
        return path


class House:
    """One node's loudspeaker, started and stopped like a service."""

    def __init__(self, folder: Path, signers: Signers, now: datetime = MORNING, speed: float = 4.0) -> None:
        self.folder = folder
        path = folder / "node.toml"
        path.write_text(TOML)
        self.settings: Settings = load(path)
        self.settings.keys_dir.mkdir(parents=True, exist_ok=True)
        (self.settings.keys_dir / "root.pub").write_bytes((signers.commune.folder / "root.pub").read_bytes())
        self.clock = FakeClock(now, running=True, speed=speed)
        self.session = self._session()
        self.store = MediaStore(self.settings.data_dir / "speaker" / "media")
        self.hub = FakeHubMedia(self.store)
        self.stop = threading.Event()
        self.failed: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def _session(self) -> FakeSession:
        return FakeSession(Identity("thon-01", "speaker"), clock=cast(Any, self.clock))

    def start(self) -> House:
        """Build the service and run its workers."""
        workers = assemble(
            self.settings, cast(Session, self.session), self.store, self.hub, may_tune_in_here=True
        )
        self._threads = [threading.Thread(target=self._run, args=(worker,)) for worker in workers]
        for thread in self._threads:
            thread.start()
        return self

    def _run(self, worker: Worker) -> None:
        try:
            worker.run(self.stop, lambda: None)
        except BaseException as why:
            self.failed.append(why)
            raise

    def end(self) -> None:
        """Stop as on SIGTERM."""
        self.stop.set()
        for thread in self._threads:
            thread.join(5)
        assert not [thread for thread in self._threads if thread.is_alive()]
        assert not self.failed, self.failed

    def restart(self) -> House:
        """Stop, and start again with what is on disk; what was sent before is forgotten."""
        self.end()
        self.stop = threading.Event()
        self.session = self._session()
        return self.start()

    def hear(self, *messages: Message) -> None:
        """Let messages arrive."""
        for message in messages:
            who = None
            if type(message).__name__ == "HelperCalled":
                who = Identity("thon-01", "kiosk")
            if type(message).__name__ == "AmplifierState":
                who = Identity("thon-01", "board")
            self.session.deliver(message, who)

    def receipt(self, state: str, announcement: str = "A1", timeout_s: float = 15.0) -> PlayReceipt:
        """Wait for a receipt."""
        found = self.session.wait_for(
            PlayReceipt, lambda one: one.state == state and one.announcement == announcement, timeout_s
        )
        assert isinstance(found, PlayReceipt)
        return found

    def states(self, announcement: str = "A1") -> list[str]:
        """States reported so far, in order."""
        return [one.state for one in self.session.messages(PlayReceipt) if one.announcement == announcement]

    def waits(self, check: Callable[[], bool], timeout_s: float = 10.0) -> bool:
        """Wait until something that is sent makes `check` true."""
        return self.session.wait(check, timeout_s)

    def played(self) -> list[Path]:
        """Files that stand for sound."""
        with suppress(FileNotFoundError):
            return sorted((self.settings.data_dir / "played").glob("*.wav"))
        return []
