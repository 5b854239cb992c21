"""A clip is on the disk while its episode goes on, survives a cut at any byte, and never holds back a camera."""

from __future__ import annotations

import math
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from broker.link.service import STOP_S
from edge.camera import recording as limits
from edge.camera.capture import read
from edge.camera.chunk import Chunk
from edge.camera.clips import NICENESS, RECODED_FPS, step_back
from edge.camera.privacy import Polygon
from edge.camera.recording import Finished, Interrupted, Recorder, Recording
from edge.camera.ring import Ring
from tests.camera.film import chunks_of, write_coded, yard
from tests.until import until

MASK = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]


@pytest.fixture(scope="module")
def some() -> list[Chunk]:
    """Four seconds of the yard in half its size."""
    small = (cv2.resize(each, (480, 270)) for each in yard(4.0))
    return list(chunks_of(small))


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "work")


def ring_of(chunks: Sequence[Chunk]) -> Ring:
    ring = Ring()
    for chunk in chunks:
        ring.add(chunk)
    return ring


def recorded(recorder: Recorder, chunks: Sequence[Chunk], masks: Sequence[Polygon] = ()) -> Recording:
    """An episode that begins with the first chunk and takes them all."""
    recording = recorder.begin("e1", Ring(), chunks[0].at_s, masks)
    for chunk in chunks:
        recording.add(chunk)
    return recording


def coded_chunks(folder: Path, codec: str, pixels: str = "yuv420p", fps: int = 10) -> list[Chunk]:
    """Two seconds as a camera of that coding sends them."""
    film = write_coded(folder / "film.mkv", codec, pixels, fps=fps)
    return list(read(str(film), threading.Event(), paced=False))


def frames_of(finished: Finished) -> list[av.VideoFrame]:
    assert finished.path is not None
    with av.open(str(finished.path)) as clip:
        return list(clip.decode(video=0))


def test_a_clip_begins_before_its_episode_and_nothing_of_it_is_coded_again(
    recorder: Recorder, some: list[Chunk]
) -> None:
    recording = recorder.begin("e1", ring_of(some[:30]), some[29].at_s)
    for chunk in some[25:]:  # what the ring has already comes again
        recording.add(chunk)
    finished = recording.close(math.inf)
    assert (finished.reason, len(frames_of(finished))) == ("", len(some))
    assert finished.duration_ms == pytest.approx(4000, abs=150)
    assert finished.lasted_ms == pytest.approx((some[-1].at_s - some[29].at_s) * 1000, abs=2)
    raw = finished.path.read_bytes() if finished.path else b""
    assert 0 < raw.find(b"moov") < raw.find(b"mdat")
    assert some[35].data[5:] in raw
    recording.forget()
    assert list(recorder.folder.iterdir()) == []


def test_a_clip_ends_a_little_after_the_last_movement(recorder: Recorder, some: list[Chunk]) -> None:
    recording = recorded(recorder, some)
    finished = recording.close(-2.0)
    assert finished.duration_ms == pytest.approx((limits.POST_S - 2.0) * 1000, abs=150)


def test_what_was_written_survives_a_power_cut_in_the_middle(recorder: Recorder, some: list[Chunk]) -> None:
    recording = recorder.begin("e1", ring_of(some[:20]), 1.0)
    for chunk in some[20:33]:
        recording.add(chunk)
    recording.write()
    for chunk in some[33:]:
        recording.add(chunk)  # and the power is gone
    again = Recorder(recorder.folder)
    found = again.found("e1")
    assert found is not None
    finished = found.close(math.inf)
    assert (len(frames_of(finished)), finished.reason) == (33, limits.CUT_OFF)
    assert finished.lasted_ms == pytest.approx((some[32].at_s - 1.0) * 1000, abs=2)
    assert again.found("another") is None


def test_a_file_torn_at_any_byte_gives_what_is_whole_of_it(recorder: Recorder, some: list[Chunk]) -> None:
    recorded(recorder, some).write()
    reel = recorder.folder / "e1.reel"
    whole, seen = reel.read_bytes(), []
    for cut in (0, 7, 16, 20, len(whole) // 3, len(whole) // 2, len(whole) - 1, len(whole)):
        reel.write_bytes(whole[:cut])
        found = recorder.found("e1")
        finished = found.close(math.inf) if found else Finished(None, 0, "", 0)
        seen.append(len(frames_of(finished)) if finished.path else 0)
    assert seen[:4] == [0, 0, 0, 0]
    assert seen == sorted(seen)
    assert seen[-2:] == [len(some) - 1, len(some)]
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    reel.write_bytes(damaged)
    found = recorder.found("e1")
    assert found is not None
    assert len(frames_of(found.close(math.inf))) == pytest.approx(seen[5], abs=1)


def test_a_recorder_with_nothing_to_write_leaves_when_the_service_ends(recorder: Recorder) -> None:
    stop, resting = threading.Event(), threading.Event()
    worker = threading.Thread(target=recorder.run, args=(stop, resting.set), daemon=True)
    worker.start()
    assert resting.wait(5)  # it has looked once and waits for the next time
    stop.set()
    worker.join(STOP_S - 0.1)
    assert not worker.is_alive()


def test_the_worker_writes_while_the_episode_goes_on(recorder: Recorder, some: list[Chunk]) -> None:
    stop = threading.Event()
    worker = threading.Thread(target=recorder.run, args=(stop, lambda: None))
    worker.start()
    try:
        recording = recorded(recorder, some[:30])
        reel = recorder.folder / "e1.reel"
        until(lambda: reel.exists() and reel.stat().st_size > sum(len(each.data) for each in some[:30]), 5.0)
        recording.add(some[30])
    finally:
        stop.set()
        worker.join(5.0)
    assert not worker.is_alive()
    found = Recorder(recorder.folder).found("e1")
    assert found is not None
    assert len(frames_of(found.close(math.inf))) == 31  # what was there when the service ended is not lost


def test_a_camera_never_waits_for_a_disk_that_hangs(recorder: Recorder, some: list[Chunk]) -> None:
    recording = recorded(recorder, some[:10])
    with recording._writing:  # what a write holds that does not come back
        camera = threading.Thread(target=lambda: [recording.add(chunk) for chunk in some[10:]])
        camera.start()
        camera.join(5.0)
        assert not camera.is_alive()
    assert len(frames_of(recording.close(math.inf))) == len(some)


def test_a_card_that_is_too_slow_shortens_the_clip_and_says_so(recorder: Recorder, some: list[Chunk]) -> None:
    heavy = [replace(each, data=each.data + bytes(2 << 20)) for each in some[:20]]
    finished = recorded(recorder, heavy).close(math.inf)
    assert finished.reason == limits.TOO_SLOW
    assert len(frames_of(finished)) == limits.HELD_MOST_BYTES // (2 << 20) - 1


def test_a_disk_that_takes_nothing_ends_the_clip_and_says_so(recorder: Recorder, some: list[Chunk]) -> None:
    recording = recorded(recorder, some[:20])
    shutil.rmtree(recorder.folder)
    recording.write()
    for chunk in some[20:]:
        recording.add(chunk)
    finished = recording.close(math.inf)
    assert (finished.path, finished.reason) == (None, limits.NO_DISK)


def test_a_disk_that_is_nearly_full_is_left_to_the_alerts(tmp_path: Path, some: list[Chunk]) -> None:
    recorder = Recorder(tmp_path / "work", free_least_bytes=10**18)
    recording = recorded(recorder, some[:20])
    recording.write()
    recording.add(some[20])
    finished = recording.close(math.inf)
    assert (finished.path, finished.reason) == (None, limits.NO_ROOM)
    assert list(recorder.folder.iterdir()) == []


def test_a_clip_has_a_longest_length(recorder: Recorder, some: list[Chunk]) -> None:
    slow = [replace(each, at_s=5.0 * n, order_s=5.0 * n) for n, each in enumerate(some)]
    finished = recorded(recorder, slow).close(math.inf)
    assert finished.reason == limits.TOO_LONG
    assert finished.duration_ms == limits.CLIP_MOST_S * 1000


def test_a_camera_that_changes_its_size_ends_the_clip_there(recorder: Recorder, some: list[Chunk]) -> None:
    other = [replace(each, width_px=320, height_px=180) for each in some[30:]]
    finished = recorded(recorder, [*some[:30], *other]).close(math.inf)
    assert (len(frames_of(finished)), finished.reason) == (30, limits.CHANGED)


def test_no_pictures_no_clip_and_a_sentence(recorder: Recorder) -> None:
    recording = recorder.begin("e1", Ring(), 0.0)
    recording.add(Chunk(b"x", False, 0.0, 0.0, 64, 64))
    finished = recording.close(1.0)
    assert finished.path is None
    assert "đoạn hình" in finished.reason


def test_bytes_that_are_no_pictures_make_no_clip_and_a_sentence(recorder: Recorder) -> None:
    noise = np.random.default_rng(3).integers(0, 255, 4000).astype(np.uint8).tobytes()
    for codec in ("h264", "hevc", "mjpeg", "no-such-coding"):
        chunks = [Chunk(noise, n == 0, n / 10, n / 10, 640, 360, codec) for n in range(20)]
        recording = recorded(recorder, chunks)
        finished = recording.close(math.inf)
        assert finished.path is None, codec
        assert "đoạn hình" in finished.reason
        recording.forget()
    assert list(recorder.folder.iterdir()) == []


def test_the_end_of_the_service_leaves_the_clip_to_the_next_start(
    recorder: Recorder, some: list[Chunk]
) -> None:
    ending = threading.Event()
    ending.set()
    with pytest.raises(Interrupted):
        recorded(recorder, some).close(math.inf, ending)
    assert [path.name for path in recorder.folder.iterdir()] == ["e1.reel"]
    assert recorder.sweep({"e1"}) == 0
    found = Recorder(recorder.folder).found("e1")
    assert found is not None
    assert len(frames_of(found.close(math.inf))) == len(some)


def test_what_belongs_to_no_episode_is_swept(recorder: Recorder, some: list[Chunk]) -> None:
    recorded(recorder, some).write()
    (recorder.folder / "old.mp4").write_bytes(b"x")
    assert recorder.sweep({"e1"}) == 1
    assert recorder.sweep(()) == 1


# -- what a browser does not play, and what must not be seen


def test_hevc_is_kept_as_it_came_and_marked_for_browsers(recorder: Recorder, tmp_path: Path) -> None:
    chunks = coded_chunks(tmp_path, "libx265")
    finished = recorded(recorder, chunks).close(math.inf)
    frames = frames_of(finished)
    assert len(frames) == len(chunks)
    assert finished.path is not None
    with av.open(str(finished.path)) as clip:
        context = clip.streams.video[0].codec_context
        assert (context.name, context.codec_tag) == ("hevc", "hvc1")


def test_what_a_browser_does_not_play_is_coded_after_the_episode(recorder: Recorder, tmp_path: Path) -> None:
    chunks = coded_chunks(tmp_path, "mjpeg", "yuvj420p", fps=30)
    recording = recorded(recorder, chunks)
    recording.write()
    found = Recorder(recorder.folder).found("e1")  # also after a power cut
    assert found is not None
    for each in (recording, found):
        finished = each.close(math.inf)
        frames = frames_of(finished)
        assert finished.duration_ms == pytest.approx(2000, abs=200)
        assert len(frames) == pytest.approx(2 * RECODED_FPS, abs=3)
        assert finished.path is not None
        with av.open(str(finished.path)) as clip:
            assert clip.streams.video[0].codec_context.name == "h264"


def test_of_a_masked_camera_nothing_reaches_the_disk_before_its_masks_are_burnt(
    recorder: Recorder, some: list[Chunk]
) -> None:
    recording = recorded(recorder, some, [MASK])
    recording.write()
    assert list(recorder.folder.iterdir()) == []
    assert recorder.found("e1") is None
    beats: list[int] = []
    finished = recording.close(math.inf, beat=lambda: beats.append(1))
    assert len(beats) == len(some)  # minutes of coding must not look like a thread that hangs
    assert recording.held_bytes == 0
    frames = frames_of(finished)
    assert len(frames) == pytest.approx(4 * RECODED_FPS, abs=2)
    for frame in frames:
        luma, blue, red = (plane_of(frame, number) for number in range(3))
        assert int(luma[:135, :240].max()) < 60
        for chroma in (blue, red):
            assert int(np.abs(chroma[:66, :119].astype(int) - 128).max()) <= 4
    assert float(plane_of(frames[0], 0)[140:, 250:].mean()) > 60
    assert {path.suffix for path in recorder.folder.iterdir()} == {".mp4"}


def plane_of(frame: av.VideoFrame, number: int) -> np.ndarray:
    plane = frame.planes[number]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def test_masked_recordings_are_bounded_in_memory_one_by_one_and_together(
    recorder: Recorder, some: list[Chunk]
) -> None:
    heavy = [replace(each, data=bytes(4 << 20)) for each in some[:10]]
    recordings = []
    for number in range(9):
        each = recorder.begin(f"e{number}", Ring(), 0.0, [MASK])
        for chunk in heavy:
            each.add(chunk)
        assert each.held_bytes <= limits.HELD_MOST_BYTES
        recordings.append(each)
    assert recorder.held_bytes() <= limits.ALL_HELD_MOST_BYTES + (5 << 20)
    finished = recordings[0].close(math.inf)
    assert (finished.path, finished.reason) == (None, limits.TOO_LARGE)
    for each in recordings:
        each.forget()
    assert recorder.held_bytes() == 0


def test_one_clip_is_coded_at_a_time(recorder: Recorder, some: list[Chunk]) -> None:
    done: list[Finished] = []
    with recorder.turn:
        recording = recorded(recorder, some[:15], [MASK])
        thread = threading.Thread(target=lambda: done.append(recording.close(math.inf)))
        thread.start()
        plain = recorder.begin("e2", ring_of(some[:15]), 0.0)
        assert plain.close(math.inf).path is not None  # what is not coded need not wait
        assert done == []
        assert thread.is_alive()
    thread.join(10.0)
    assert [each.reason for each in done] == [""]


def test_coding_steps_back_behind_judging() -> None:
    found: list[int] = []

    def look() -> None:
        step_back()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=look)
    thread.start()
    thread.join(5.0)
    assert found == [max(before, NICENESS)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
