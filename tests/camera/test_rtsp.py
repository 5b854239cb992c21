"""Cameras on a real RTSP server: outages, a server that hangs, a wrong password."""

from __future__ import annotations

import threading
from pathlib import Path

from broker.contract.camera import CameraStatus, MotionEnded, MotionStarted
from edge.camera.capture import CaptureError, Reader, read
from edge.camera.chunk import Chunk, Decoder
from tests.camera.rtsp import RtspServer
from tests.camera.town import CameraHouse, ClipHub, Town
from tests.until import until


def _states(house: CameraHouse) -> list[str]:
    return [s.cameras[0].state for s in house.session.messages(CameraStatus) if s.cameras]


def test_an_rtsp_camera_gives_pictures(rtsp: RtspServer) -> None:
    decoder, stop, count = Decoder(), threading.Event(), 0
    for chunk in read(rtsp.url, stop):
        count += len(list(decoder.decode(chunk)))
        if count >= 15:
            stop.set()
    assert count >= 15


def test_movement_on_an_rtsp_camera_is_clipped_without_coding_again(rtsp: RtspServer, tmp_path: Path) -> None:
    town, hub = Town(), ClipHub()
    with CameraHouse(tmp_path, town, hub) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(1, {"07": rtsp.url}))
        started = house.session.wait_for(MotionStarted, timeout_s=40.0)
        ended = house.session.wait_for(MotionEnded, timeout_s=40.0)
        assert ended.episode == started.episode
        assert ended.clip is not None
        until(lambda: ended.clip.sha256 in hub.got, 10.0)


def test_a_camera_that_goes_away_is_offline_within_fifteen_seconds_and_comes_back(
    rtsp: RtspServer, tmp_path: Path
) -> None:
    town = Town()
    with CameraHouse(tmp_path, town, ClipHub()) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(1, {"07": rtsp.url}))
        until(lambda: _states(house)[-1:] == ["live"], 20.0)
        rtsp.stop()
        gone_s = house.clock.monotonic()
        until(lambda: _states(house)[-1:] == ["offline"], 15.0)
        assert house.clock.monotonic() - gone_s <= 15.0
        last = house.session.messages(CameraStatus)[-1].cameras[0]
        assert last.detail
        assert (last.frames_per_s, last.width_px) == (0.0, 0)
        rtsp.start()
        until(lambda: _states(house)[-1:] == ["live"], 80.0)
        assert not house.failed


def test_a_server_that_hangs_is_noticed_and_its_return_too(rtsp: RtspServer) -> None:
    reader = Reader("07", rtsp.url)
    reader.start()
    until(lambda: isinstance(reader.get(0.5), Chunk), 15.0)
    rtsp.freeze()
    until(lambda: isinstance(reader.get(0.5), CaptureError), 15.0)
    rtsp.thaw()
    until(lambda: isinstance(reader.get(0.5), Chunk), 45.0)
    reader.stop()
    until(lambda: not any(t.name == "read-07" for t in threading.enumerate()), 8.0)
