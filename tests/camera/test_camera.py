"""One camera with privacy masks: nothing of the masked area is ever kept or sent."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import cv2
import numpy as np

from broker.contract import Identity
from broker.contract.camera import CameraState, MotionEnded, MotionStarted
from broker.link.media import MediaStore
from broker.trust.envelope import CameraSetup
from edge.camera.camera import Camera
from edge.camera.ledger import Ledger
from edge.camera.reports import Reports
from tests.camera.town import NOW
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession

UPPER_LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]


def _dark(picture: np.ndarray) -> bool:
    height, width = picture.shape[:2]
    return int(picture[: height // 2 - 8, : width // 2 - 8].max()) < 60


def test_masks_are_burnt_into_the_snapshot_and_every_picture_of_the_clip(
    tmp_path: Path, yard_film: Path
) -> None:
    session = FakeSession(Identity("thon-01", "camera"), None, FakeClock(NOW, running=True))
    store = MediaStore(tmp_path / "clips")
    reports = Reports(session, Ledger(tmp_path / "ledger.db"), store, tmp_path / "work")
    states: list[CameraState] = []
    setup = CameraSetup(camera="07", name="Sân", source=str(yard_film), sensitivity=0.5)
    camera = Camera(setup, reports, states.append, [UPPER_LEFT])
    stop = threading.Event()
    thread = threading.Thread(target=camera.run, args=(stop, lambda: None))
    thread.start()
    try:
        started = session.wait_for(MotionStarted, timeout_s=25.0)
    finally:
        stop.set()
        thread.join(10.0)
    assert [state.state for state in states][:2] == ["connecting", "live"]
    snapshot = cv2.imdecode(np.frombuffer(started.snapshot, np.uint8), cv2.IMREAD_COLOR)
    assert snapshot is not None
    assert _dark(np.asarray(snapshot))
    assert int(snapshot[:, snapshot.shape[1] // 2 + 20 :].max()) > 150
    reports.tell()
    ended = session.messages(MotionEnded)[0]
    path = store.path_of(ended.clip.sha256)
    assert path is not None
    with av.open(str(path)) as clip:
        pictures = [frame.to_ndarray(format="bgr24") for frame in clip.decode(video=0)]
    assert len(pictures) > 20
    assert all(_dark(picture) for picture in pictures)
