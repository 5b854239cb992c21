"""A commune's keys and plans for the tests of the camera service, and a hub that takes clips."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from broker.contract import Identity
from broker.contract.hub import CameraPlan, Media, Signed, TrustPlan
from broker.link.config import Settings
from broker.link.media import MediaError, MediaStore
from broker.link.service import Worker
from broker.trust.envelope import (
    ROOT_KEY_ID,
    CameraAddress,
    CamerasBody,
    CameraSetup,
    TrustBody,
    TrustedKey,
    canonical,
    sign,
)
from broker.trust.files import write_atomically
from broker.trust.seal import make_seal_key, seal
from edge.camera.live import Door
from edge.camera.service import build
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.settings import node_settings

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def public_of(key: ec.EllipticCurvePrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


class Town:
    """Keys of a commune and what they sign."""

    def __init__(self) -> None:
        self.root = ec.generate_private_key(ec.SECP256R1())
        self.hub = ec.generate_private_key(ec.SECP256R1())
        self.seal_secret, self.seal_public = make_seal_key()

    def trust(self) -> TrustPlan:
        """The trust list: one key, the hub's."""
        key = TrustedKey(
            key="hub-1",
            public=public_of(self.hub),
            holder="trung tâm xã",
            roles=["hub"],
            since=NOW - timedelta(days=1),
            until=NOW + timedelta(days=400),
        )
        body = canonical(TrustBody(generation=1, commune="00/00000", keys=[key]))
        signature = sign(body, "trust", ROOT_KEY_ID, self.root)
        return TrustPlan(generation=1, signed=Signed(body=body, signatures=[signature]))

    def cameras(
        self, generation: int, sources: dict[str, str], node: str = "thon-01", **more: Any
    ) -> CameraPlan:
        """A plan: camera code to source. more: fields of every CameraSetup."""
        return self.plan(generation, [self.setup(*each, **more) for each in sources.items()], node)

    def setup(self, code: str, source: str, **more: Any) -> CameraSetup:
        """One camera of a plan. more: its other fields."""
        return CameraSetup(camera=code, name=f"Camera {code}", sealed=self.sealed(source), **more)

    def plan(self, generation: int, setups: list[CameraSetup], node: str = "thon-01") -> CameraPlan:
        """A plan of cameras that differ, signed."""
        body = canonical(CamerasBody(generation=generation, node=node, cameras=setups))
        signature = sign(body, "cameras", "hub-1", self.hub)
        return CameraPlan(generation=generation, signed=Signed(body=body, signatures=[signature]))

    def sealed(self, source: str, sub_source: str = "") -> bytes:
        """A camera's address as the hub seals it to the node."""
        address = CameraAddress(source=source, sub_source=sub_source)
        return seal(self.seal_public, msgspec.json.encode(address))

    def give_root(self, settings: Settings) -> None:
        """Put the root key, and the camera service's own sealing key, where a node looks for them."""
        (settings.keys_dir / "root.pub").write_text(public_of(self.root))
        write_atomically(settings.data_dir / "camera" / "seal.key", self.seal_secret)


class ClipHub:
    """Takes clips as the hub's device port does; `away` makes every push fail."""

    def __init__(self) -> None:
        self.away = False
        self.tries = 0
        self.got: dict[str, bytes] = {}
        self.store: MediaStore | None = None

    def push(self, media: Media, stop: threading.Event) -> None:
        """Bring one file over. Raises MediaError."""
        self.tries += 1
        path = self.store.path_of(media.sha256) if self.store else None
        if self.away or path is None:
            raise MediaError("the hub is away")
        self.got[media.sha256] = path.read_bytes()


class CameraHouse:
    """The camera service of one node, its workers in threads, until `close`."""

    def __init__(
        self, folder: Path, town: Town, hub: ClipHub, door: Callable[[], Door] | None = None
    ) -> None:
        self.settings = node_settings(folder)
        town.give_root(self.settings)
        self.clock = FakeClock(NOW, running=True)
        self.session = FakeSession(Identity("thon-01", "camera"), self.settings, self.clock)
        hub.store = MediaStore(self.settings.data_dir / "camera" / "clips")
        self.stop = threading.Event()
        self.failed: list[BaseException] = []
        self.beats = 0
        workers = build(self.settings, self.session, hub, door)
        self._threads = [threading.Thread(target=self._live, args=(worker,)) for worker in workers]

    def __enter__(self) -> CameraHouse:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> float:
        """Stop as SIGTERM does; returns how many seconds it took."""
        before = self.clock.monotonic()
        self.stop.set()
        for thread in self._threads:
            thread.join(10.0)
        return self.clock.monotonic() - before

    def _live(self, worker: Worker) -> None:
        try:
            worker.run(self.stop, self._beat)
        except BaseException as why:  # noqa: BLE001  (what ends a worker is looked at by the test)
            self.failed.append(why)

    def _beat(self) -> None:
        self.beats += 1
