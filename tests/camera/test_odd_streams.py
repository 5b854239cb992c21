"""Cameras on a real RTSP server that send what cameras should not: one server, all streams read at once."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from edge.camera.analysis import Analyst
from edge.camera.capture import CaptureError, Reader
from edge.camera.chunk import Chunk, Decoder
from edge.camera.picture import Picture
from edge.camera.sight import Sight
from tests.camera.film import write_coded
from tests.camera.rtsp import RtspServer, find_server
from tests.until import until

GATHER_S = 25.0
MOST_BYTES = 40e6
"""A further camera may take this much."""


@dataclass
class Gathered:
    """What came of one stream."""

    reader: Reader
    wanted: int
    chunks: list[Chunk] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    broke: bool = False
    """It ended after pictures had come; a server that is slow to start is none of its business."""

    def take(self) -> None:
        """All that is there."""
        while (came := self.reader.get(0.001)) is not None:
            if isinstance(came, CaptureError):
                self.errors.append(came.code)
                self.broke = self.broke or bool(self.chunks)
            else:
                self.chunks.append(came)

    @property
    def enough(self) -> bool:
        """Nothing more is needed."""
        return len(self.chunks) >= self.wanted or (self.wanted == 0 and bool(self.errors))

    def pictures(self) -> list[Picture]:
        """The chunks decoded."""
        decoder = Decoder()
        return [picture for chunk in self.chunks for picture in decoder.decode(chunk)]


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny films, some seconds each."""
    folder = tmp_path_factory.mktemp("odd")
    return {
        "plain": write_coded(folder / "plain.mp4", "libx264", seconds=1.0),
        "wide": write_coded(folder / "wide.ts", "libx264", seconds=1.0),
        "narrow": write_coded(folder / "narrow.ts", "libx264", size=(160, 96), seconds=1.0),
        "hevc": write_coded(folder / "hevc.mp4", "libx265"),
        "slow": write_coded(folder / "slow.mp4", "libx264", fps=1, seconds=6.0, options={"bf": "0"}),
        "fast": write_coded(folder / "fast.mp4", "libx264", fps=60, options={"bf": "0"}),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, films: dict[str, Path]) -> Iterator[RtspServer]:
    """The one server of these tests."""
    feeds: dict[str, list[str | Path]] = {
        "hevc": [films["hevc"]],
        "turn": [films["wide"], films["narrow"]],
        "jump": ["--jump", films["plain"]],
        "damage": ["--damage", films["plain"]],
        "slow": [films["slow"]],
        "fast": [films["fast"]],
    }
    running = RtspServer(find_server(), tmp_path_factory.mktemp("rtsp"), films["plain"], feeds)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def _dead(server: RtspServer) -> Iterator[dict[str, str]]:
    """Addresses of dead cameras: one refuses, one takes the connection and says nothing, one has no such stream."""
    with socket.create_server(("127.0.0.1", 0)) as mute, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield {
            "refused": f"rtsp://127.0.0.1:{closed.getsockname()[1]}/a",
            "silent": f"rtsp://127.0.0.1:{mute.getsockname()[1]}/b",
            "path": server.url_of("none"),
        }


@pytest.fixture(scope="module")
def gathered(server: RtspServer) -> dict[str, Gathered]:
    """Some seconds of every stream. Afterwards no thread and no descriptor is left."""
    wanted = {"hevc": 15, "turn": 24, "jump": 32, "damage": 25, "slow": 3, "fast": 100}
    before, threads = _descriptors(), set(threading.enumerate())
    found = {name: Gathered(Reader(name, server.url_of(name)), count) for name, count in wanted.items()}

    def all_enough() -> bool:
        for each in found.values():
            each.take()
        return all(each.enough for each in found.values())

    with _dead(server) as dead:
        found.update({code: Gathered(Reader(code, source), 0) for code, source in dead.items()})
        for each in found.values():
            each.reader.start()
        until(all_enough, GATHER_S)
        for each in found.values():
            each.reader.stop()
    until(lambda: set(threading.enumerate()) <= threads, 8.0)
    until(lambda: _descriptors() <= before, 8.0)
    return found


def test_h265_comes_as_it_is(gathered: dict[str, Gathered]) -> None:
    assert {chunk.codec for chunk in gathered["hevc"].chunks} == {"hevc"}
    assert len(gathered["hevc"].pictures()) >= 10


def test_a_camera_that_changes_its_picture_size_goes_on(gathered: dict[str, Gathered]) -> None:
    turned = gathered["turn"]
    assert not turned.broke
    assert {(chunk.width_px, chunk.height_px) for chunk in turned.chunks} == {(320, 180), (160, 96)}
    seen = {(picture.frame.width, picture.frame.height) for picture in turned.pictures()}
    assert seen == {(320, 180), (160, 96)}


def test_a_clock_that_is_set_is_no_time_passing(gathered: dict[str, Gathered]) -> None:
    jumped = gathered["jump"]
    orders = [chunk.order_s for chunk in jumped.chunks]
    assert orders == sorted(set(orders))
    assert orders[-1] < GATHER_S + 5.0


def test_damaged_packets_cost_their_pictures_only(gathered: dict[str, Gathered]) -> None:
    damaged = gathered["damage"]
    assert not damaged.broke
    assert len(damaged.pictures()) >= 12


@pytest.mark.parametrize(("name", "fps"), [("slow", 1.0), ("fast", 60.0)])
def test_any_rate_keeps_its_spacing(gathered: dict[str, Gathered], name: str, fps: float) -> None:
    times = [chunk.order_s for chunk in gathered[name].chunks]
    steps = sorted(b - a for a, b in pairwise(times))
    assert steps[len(steps) // 2] == pytest.approx(1.0 / fps, rel=0.1)


@pytest.mark.parametrize("code", ["refused", "silent", "path"])
def test_dead_cameras_are_told_apart(gathered: dict[str, Gathered], code: str) -> None:
    assert set(gathered[code].errors) == {code}
    assert gathered[code].chunks == []


class _Watcher:
    """One camera as the service runs it: a reading thread, and this one, which judges."""

    def __init__(self, number: int, source: str) -> None:
        self.reader = Reader(f"{number:02}", source)
        self.count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"judge-{number:02}")

    def start(self) -> None:
        self.reader.start()
        self._thread.start()

    def stop(self) -> None:
        self.reader.stop()
        self._stop.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        sight = Sight(Analyst())
        while not self._stop.is_set():
            came = self.reader.get(0.2)
            if isinstance(came, Chunk):
                list(sight.take(came))
                self.count += 1


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_three_dead_cameras_of_twenty_hold_up_none_of_the_others(server: RtspServer) -> None:
    before, threads, memory = _descriptors(), set(threading.enumerate()), _resident_bytes()
    with _dead(server) as dead:
        sources = [*dead.values(), *[server.url_of("yard")] * 17]
        watchers = [_Watcher(number, source) for number, source in enumerate(sources)]
        for each in watchers:
            each.start()
        try:
            living = watchers[3:]
            until(lambda: all(each.count for each in living), 20.0)
            counts = [each.count for each in living]
            until(lambda: min(c.count - n for c, n in zip(living, counts, strict=True)) >= 20, 15.0)
            came = [each.count - n for each, n in zip(living, counts, strict=True)]
            grown = (_resident_bytes() - memory) / len(watchers)
        finally:
            for each in watchers:
                each.reader.stop()
            for each in watchers:
                each.stop()
    until(lambda: set(threading.enumerate()) <= threads, 8.0)
    until(lambda: _descriptors() <= before, 8.0)
    assert [each.count for each in watchers[:3]] == [0, 0, 0]
    assert grown <= MOST_BYTES, f"{grown / 1e6:.1f} MB a camera"
    assert max(came) <= 20 + 20, "one falls far behind the others"
