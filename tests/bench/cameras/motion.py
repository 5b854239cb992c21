"""Debian's `motion` 4.5 on a file: as shipped, but no pictures and films written, and events that end after 3 s.

It reads `netcam_url file:///…` in real time and begins again at the end, so its log says when the clip began and when
it was over, and what it runs at an event says when that was. CPU is that of its process from start to end.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import time

import av

from tests.bench.cameras.children import Ran, reap
from tests.until import until

GAP_S = 3.0
BEGINS, OVER = "Camera handler thread", "End of file"
PATIENCE_S = 30.0
SETTINGS = """daemon off
setup_mode off
log_file {folder}/log
log_level 7
target_dir {folder}
netcam_url file://{clip}
netcam_params capture_rate={fps}
framerate {fps}
width {width_px}
height {height_px}
event_gap {gap:.0f}
picture_output off
movie_output off
webcontrol_port 0
stream_port 0
on_event_start echo start %s %q >> {folder}/events
on_event_end echo end %s %q >> {folder}/events
"""


def judge(program: str, clip: Path) -> Ran:
    """One clip at its own pace. Raises AssertionError when the program does not read it."""
    with av.open(str(clip)) as film:
        video = film.streams.video[0]
        fps = float(video.average_rate or 15)
        lasts_s = float(video.frames / fps) if video.frames else float((film.duration or 0) / av.time_base)
        width_px, height_px = video.width, video.height
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "motion.conf"
        config.write_text(
            SETTINGS.format(
                folder=folder,
                clip=clip.resolve(),
                fps=max(2, round(fps)),
                width_px=width_px - width_px % 8,
                height_px=height_px - height_px % 8,
                gap=GAP_S,
            )
        )
        began_s, ran = _watch([program, "-n", "-c", str(config)], folder, lasts_s)
        events = folder / "events"
        said = events.read_text().splitlines() if events.is_file() else []
        return replace(ran, events=events_of(said, began_s, lasts_s, max(2, round(fps))))


def _watch(argv: Sequence[str], folder: Path, lasts_s: float) -> tuple[float, Ran]:
    """Run until the file is over once; the second at which it began, by the clock of the machine, and what it cost."""
    log = folder / "log"
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)

    def says(words: str) -> bool:
        return log.is_file() and words in log.read_text("utf-8", "replace")

    try:
        until(lambda: says(BEGINS), PATIENCE_S, lambda: log.read_text()[-500:] if log.is_file() else "no log")
        began_s = time()
        until(lambda: says(OVER), lasts_s * 1.5 + PATIENCE_S, lambda: log.read_text()[-500:])
        behind_s = time() - began_s - lasts_s
    finally:
        child.send_signal(signal.SIGTERM)
        ran = reap(child)
    return began_s, replace(ran, behind_s=behind_s)


def events_of(lines: Sequence[str], began_s: float, lasts_s: float, fps: int) -> list[dict[str, float]]:
    """Lines "start SECOND PICTURE" and "end …" as events in seconds of the clip, without the gap at their end.

    What begins after the clip's end belongs to its second showing and is left out.
    """
    found: list[dict[str, float]] = []
    start_s: float | None = None
    for line in lines:
        what, second, picture = line.split()
        at_s = float(second) + min(float(picture) / fps, 0.99) - began_s
        if what == "start":
            start_s = at_s
        elif start_s is not None:
            end_s = lasts_s if at_s >= lasts_s else max(start_s, at_s - GAP_S)
            if start_s < lasts_s:
                found.append({"start": round(max(0.0, start_s), 2), "end": round(end_s, 2)})
            start_s = None
    return found
