"""What is kept of an episode: the clip, the snapshot, stills out of the ring."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from broker.contract.camera import PAIR_LIMIT, SNAPSHOT_LIMIT
from edge.camera import clips
from edge.camera.chunk import Chunk, Decoder, Encoder, frame_of
from edge.camera.ring import Ring
from tests.camera.film import chunks_of, yard


@pytest.fixture(scope="module")
def some() -> list[Chunk]:
    """Six seconds of the yard."""
    return list(chunks_of(yard(6.0)))


def _read(jpeg: bytes) -> np.ndarray:
    seen = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    return seen


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


@pytest.mark.parametrize("size", [(1080, 1920), (4320, 7680), (1921, 1079), (16, 16), (1, 1), (9, 4000)])
def test_a_snapshot_of_the_worst_picture_fits_its_message(size: tuple[int, int]) -> None:
    some = np.random.default_rng(1).integers(0, 255, 999_983).astype(np.uint8)
    noise = np.resize(some, (*size, 3))
    jpeg = clips.snapshot(noise)
    assert len(jpeg) <= SNAPSHOT_LIMIT
    seen = _read(jpeg)
    assert seen.shape[1] / seen.shape[0] == pytest.approx(
        size[1] / size[0], rel=0.4 if min(size) < 10 else 0.02
    )
    assert max(seen.shape) <= clips.SNAPSHOT_WIDTH_PX


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


def test_a_grey_picture_has_a_snapshot_too_and_half_a_message_is_enough() -> None:
    grey = np.random.default_rng(2).integers(0, 255, (721, 1281)).astype(np.uint8)
    jpeg = clips.snapshot(grey, PAIR_LIMIT)
    assert len(jpeg) <= PAIR_LIMIT
    assert _read(jpeg).shape[2] == 3


def test_no_room_for_any_picture_is_an_error_and_no_endless_search() -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        clips.snapshot(np.zeros((90, 160, 3), np.uint8), 20)


def _numbered(count: int, key_every: int) -> list[Chunk]:
    """A second between two; the brightness of each says its number."""
    encoder = Encoder(160, 96, 1)
    encoder._context.gop_size = key_every
    pictures = (np.full((96, 160, 3), 20 + 12 * number, np.uint8) for number in range(count))
    return [
        chunk
        for number, picture in enumerate(pictures)
        for chunk in encoder.encode(frame_of(picture), float(number))
    ]


def test_the_picture_from_before_is_the_last_key_picture_and_the_one_of_a_moment_its_own() -> None:
    ring = Ring()
    for chunk in _numbered(14, 5):
        ring.add(chunk)

    def number_of(picture: np.ndarray | None) -> float | None:
        return None if picture is None else round((float(picture.mean()) - 20) / 12, 1)

    assert number_of(clips.still_before(ring, 9.9)) == pytest.approx(5, abs=0.3)
    assert number_of(clips.still_before(ring, 10.0)) == pytest.approx(10, abs=0.3)
    assert number_of(clips.still_at(ring, 8.5)) == pytest.approx(8, abs=0.3)
    assert number_of(clips.still_at(ring, 99.0)) == pytest.approx(13, abs=0.3)
    assert clips.still_before(ring, -1.0) is None
    assert clips.still_at(ring, -1.0) is None
    assert clips.still_before(Ring(), 5.0) is None


def test_a_damaged_key_picture_gives_way_to_the_one_before_it() -> None:
    ring = Ring()
    for chunk in _numbered(14, 5):
        ring.add(replace(chunk, data=b"\0" * 50) if chunk.at_s == 10.0 else chunk)
    seen = clips.still_before(ring, 12.0)
    assert seen is not None
    assert float(seen.mean()) == pytest.approx(20 + 12 * 5, abs=4)
