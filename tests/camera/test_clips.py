"""What is kept of an episode: the ring before it, the clip, the snapshot."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from broker.contract.camera import SNAPSHOT_LIMIT
from edge.camera import clips
from edge.camera.chunk import Chunk, Decoder
from edge.camera.ring import CLIP_MOST_S, KEPT_S, PRE_S, Recording, Ring
from tests.camera.film import chunks_of, yard


@pytest.fixture(scope="module")
def some() -> list[Chunk]:
    """Six seconds of the yard."""
    return list(chunks_of(yard(6.0)))


def _read(jpeg: bytes) -> np.ndarray:
    seen = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    return seen


def _fake(seconds: float, size: int = 100, since_s: float = 0.0) -> list[Chunk]:
    """Ten chunks a second, a key every two seconds; the bytes mean nothing."""
    return [
        Chunk(bytes(size), number % 20 == 0, since_s + number / 10, since_s + number / 10, 640, 360)
        for number in range(round(seconds * 10))
    ]


def test_the_ring_keeps_the_last_seconds_from_a_key_picture_on() -> None:
    ring = Ring()
    for chunk in _fake(60.0):
        ring.add(chunk)
    kept = ring.since(0.0)
    assert kept[0].key
    assert KEPT_S <= kept[-1].at_s - kept[0].at_s <= KEPT_S + 2.1


def test_the_ring_is_bounded_in_bytes() -> None:
    ring = Ring()
    for chunk in _fake(15.0, size=1024 * 1024):
        ring.add(chunk)
    assert sum(len(chunk.data) for chunk in ring.since(0.0)) <= 25 * 1024 * 1024


def test_a_recording_begins_ten_seconds_before() -> None:
    ring = Ring()
    for chunk in _fake(40.0):
        ring.add(chunk)
    recording = Recording(ring, 38.0)
    assert recording.chunks[0].key
    assert 38.0 - PRE_S - 2.0 <= recording.chunks[0].at_s <= 38.0 - PRE_S


def test_a_recording_has_an_end() -> None:
    recording = Recording(Ring(), 0.0)
    for chunk in _fake(CLIP_MOST_S * 2):
        recording.add(chunk)
    assert recording.chunks[-1].at_s <= CLIP_MOST_S


def test_a_clip_plays_from_its_first_bytes_and_is_not_coded_again(some: list[Chunk], tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    length_ms = clips.write_clip(some, path)
    raw = path.read_bytes()
    assert 0 < raw.find(b"moov") < raw.find(b"mdat")
    assert length_ms == pytest.approx(5900, abs=200)
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert sum(1 for _ in clip.decode(stream)) == len(some)
    assert len(raw) < sum(len(chunk.data) for chunk in some) + 20_000


def test_a_clip_ends_where_the_camera_changes_its_size(some: list[Chunk], tmp_path: Path) -> None:
    other = list(chunks_of((np.full((240, 320, 3), 90, np.uint8) for _ in range(10)), since_s=6.0))
    length_ms = clips.write_clip([*some, *other], tmp_path / "clip.mp4")
    assert length_ms == pytest.approx(5900, abs=200)


def test_no_pictures_no_clip(tmp_path: Path) -> None:
    with pytest.raises(clips.ClipError, match="đoạn hình"):
        clips.write_clip([], tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_a_clip_error_and_no_crash(some: list[Chunk], tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("")
    with pytest.raises((clips.ClipError, OSError)):
        clips.write_clip(some, folder / "clip.mp4")


@pytest.mark.parametrize("size", [(1080, 1920), (540, 960), (2160, 3840), (64, 64)])
def test_a_snapshot_of_the_worst_picture_fits_its_message(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (*size, 3)).astype(np.uint8)
    jpeg = clips.snapshot(noise)
    assert len(jpeg) <= SNAPSHOT_LIMIT
    seen = _read(jpeg)
    assert seen.shape[1] / seen.shape[0] == pytest.approx(size[1] / size[0], rel=0.02)


def test_an_ordinary_snapshot_keeps_its_pixels() -> None:
    picture = next(yard(1.0))
    seen = _read(clips.snapshot(picture))
    assert seen.shape == picture.shape


def test_damaged_chunks_are_skipped_and_the_rest_is_seen(some: list[Chunk]) -> None:
    decoder = Decoder()
    random = np.random.default_rng(1)
    count = 0
    for number, chunk in enumerate(some):
        data = chunk.data if number % 7 else bytes(random.integers(0, 255, 40).astype(np.uint8))
        count += len(list(decoder.decode(Chunk(data, chunk.key, chunk.at_s, chunk.order_s, 960, 540))))
    assert count > len(some) // 2
