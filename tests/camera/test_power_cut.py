"""kill -9 in the middle of an episode: what the worker wrote every second is there at the next start."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from pathlib import Path

import av

from edge.camera.recording import CUT_OFF, Recorder
from tests.until import until

CHILD = """
import sys, threading
from pathlib import Path
import cv2
from edge.camera.recording import Recorder
from edge.camera.ring import Ring
from tests.camera.film import chunks_of, yard

recorder = Recorder(Path(sys.argv[1]))
threading.Thread(target=recorder.run, args=(threading.Event(), lambda: None)).start()
recording = recorder.begin("e1", Ring(), 0.0)
pace = threading.Event()
for number, chunk in enumerate(chunks_of(cv2.resize(each, (320, 180)) for each in yard(60.0))):
    recording.add(chunk)
    print(number, flush=True)
    pace.wait(0.1)
"""


def test_a_killed_service_keeps_the_clip_that_was_written(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    try:
        added = next(int(line) for line in child.stdout if int(line) >= 25)
        reel = tmp_path / "e1.reel"
        until(lambda: reel.exists() and reel.stat().st_size > 0, 10.0)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        child.stdout.close()
    found = Recorder(tmp_path).found("e1")
    assert found is not None
    finished = found.close(math.inf)
    assert finished.reason == CUT_OFF
    assert finished.path is not None
    with av.open(str(finished.path)) as clip:
        shown = sum(1 for _ in clip.decode(video=0))
    assert 5 <= shown <= added + 100
