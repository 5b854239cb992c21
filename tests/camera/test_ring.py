"""The last seconds in memory: always from a key picture on, bounded whatever the camera sends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.camera.chunk import Chunk
from edge.camera.ring import GROUP_MOST_S, KEPT_S, MOST_BYTES, PRE_S, Ring

TEN_A_SECOND = 10


def filled(
    seconds: float,
    *,
    size: int = 100,
    key_every_s: float = 2.0,
    codec: str = "h264",
    per_s: int = TEN_A_SECOND,
) -> Ring:
    """A ring that was given so much; the bytes mean nothing."""
    ring, data = Ring(), bytes(size)
    for number in range(round(seconds * per_s)):
        at_s = number / per_s
        key = number % round(key_every_s * per_s) == 0
        ring.add(Chunk(data, key, at_s, at_s, 640, 360, codec))
    return ring


def test_it_keeps_the_last_seconds_from_a_key_picture_on() -> None:
    kept = filled(60.0).since(0.0)
    assert kept[0].key
    assert KEPT_S <= kept[-1].at_s - kept[0].at_s <= KEPT_S + 2.1


def test_ten_seconds_before_an_episode_are_there_at_four_megabits_and_a_key_picture_in_ten_seconds() -> None:
    ring = filled(60.0, size=50_000, key_every_s=10.0)
    newest_s = ring.since(0.0)[-1].at_s
    before = ring.since(newest_s - 5.0 - PRE_S)  # found out five seconds late
    assert before[0].at_s <= newest_s - 5.0 - PRE_S
    assert ring.held_bytes <= MOST_BYTES


@pytest.mark.parametrize("size", [1024 * 1024, 0])
def test_it_is_bounded_in_bytes_also_when_the_chunks_are_empty(size: int) -> None:
    ring = Ring()
    for number in range(60_000 if not size else 60):
        at_s = number / (4000 if not size else 10)
        ring.add(Chunk(bytes(size), number % 50 == 0, at_s, at_s, 640, 360))
    assert 0 < ring.held_bytes <= MOST_BYTES


def test_a_stream_without_further_key_pictures_does_not_grow() -> None:
    ring = filled(3 * GROUP_MOST_S, key_every_s=1e9)
    assert ring.since(0.0) == []
    assert ring.held_bytes == 0
    large = filled(30.0, size=1024 * 1024, key_every_s=1e9)
    assert large.since(0.0) == []


def test_nothing_is_kept_before_the_first_key_picture() -> None:
    ring = Ring()
    ring.add(Chunk(b"x", False, 0.0, 0.0, 640, 360))
    assert ring.since(0.0) == []


def test_another_size_or_coding_begins_anew() -> None:
    ring = filled(10.0)
    newest = ring.since(0.0)[-1]
    ring.add(replace(newest, width_px=320, at_s=10.0, order_s=10.0, key=False))
    assert ring.since(0.0) == []
    ring.add(replace(newest, width_px=320, at_s=10.1, order_s=10.1, key=True))
    assert [chunk.width_px for chunk in ring.since(0.0)] == [320]


def test_of_pictures_that_stand_alone_ten_a_second_are_kept() -> None:
    kept = filled(20.0, codec="mjpeg", per_s=60, key_every_s=1 / 60).since(0.0)
    assert all(chunk.key for chunk in kept)
    assert len(kept) == pytest.approx(10 * KEPT_S, rel=0.15)


def test_key_pictures_before_a_time_come_latest_first() -> None:
    ring = filled(10.0)
    assert [chunk.at_s for chunk in ring.keys_before(5.0)] == [4.0, 2.0, 0.0]
    ring.clear()
    assert ring.keys_before(5.0) == []
