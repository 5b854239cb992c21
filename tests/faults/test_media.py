"""Media over a line that breaks all the time: every try goes on where the last one ended, and the bytes are right."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.link.media import MediaError
from tests.faults.proxy import Proxy
from tests.hub.conftest import *  # noqa: F403  (the town and its databases)
from tests.hub.test_devices import Port
from tests.hub.town import Town

SIZE = 3_000_000
HANDSHAKE = 8_000
"""Bytes of TLS and HTTP in one try, at most."""
LONGEST = 400_000


@pytest.fixture
def line(town: Town, tmp_path: Path) -> Iterator[tuple[Port, Proxy]]:
    port = Port(town, tmp_path / "hub")
    proxy = Proxy(port.port)
    port.url = f"https://127.0.0.1:{proxy.port}"
    yield port, proxy
    proxy.close()
    port.stop.set()
    port.thread.join(5)


def until_whole(proxy: Proxy, way: str, step: Callable[[], object]) -> int:
    """Try again after each cut: no piece is long enough for the whole. Returns how many tries it took."""
    dice = random.Random(7)
    for number in range(1, 200):
        proxy.cut_after(way, dice.randrange(HANDSHAKE, LONGEST))  # type: ignore[arg-type]
        try:
            step()
        except MediaError:
            continue
        proxy.heal()
        return number
    raise AssertionError(f"never whole; {proxy.passed(way)} bytes passed")  # type: ignore[arg-type]


def test_a_fetch_that_is_cut_again_and_again_ends_with_the_right_bytes(
    line: tuple[Port, Proxy], tmp_path: Path
) -> None:
    port, proxy = line
    data = random.Random(1).randbytes(SIZE)
    media = port.store.add(data, "audio/ogg")
    client, store = port.client("speaker", tmp_path)
    tries = until_whole(proxy, "down", lambda: client.fetch(media, port.stop))
    assert tries > SIZE / LONGEST
    assert store.place_of(media.sha256).read_bytes() == data


def test_an_upload_that_is_cut_again_and_again_ends_with_the_right_bytes(
    line: tuple[Port, Proxy], tmp_path: Path
) -> None:
    port, proxy = line
    data = random.Random(2).randbytes(SIZE)
    client, store = port.client("camera", tmp_path)
    media = store.add(data, "video/mp4")
    tries = until_whole(proxy, "up", lambda: client.push(media, port.stop))
    assert tries > SIZE / LONGEST
    assert port.store.place_of(media.sha256).read_bytes() == data
