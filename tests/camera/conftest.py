"""What the camera's tests share: a film of the drawn yard, and a real RTSP server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.camera.film import write_film, yard
from tests.camera.rtsp import RtspServer, find_server


@pytest.fixture(scope="session")
def yard_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s of the yard; somebody walks through it from second 4 to 15."""
    return write_film(tmp_path_factory.mktemp("films") / "yard.mp4", yard(20.0, since_s=4.0))


@pytest.fixture
def rtsp(tmp_path: Path, yard_film: Path) -> Iterator[RtspServer]:
    """A running RTSP server that shows the film of the yard."""
    server = RtspServer(find_server(), tmp_path, yard_film)
    server.start()
    try:
        yield server
    finally:
        server.stop()
