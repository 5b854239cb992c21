"""From somebody who walks into a camera's view, through a real RTSP server, to the row on an officer's open page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from broker.hub.records import Alert, Camera
from edge.camera.scene import FIRST_VISIT_S, WALK_S, WIDTH_PX
from tests.bench.dutyroom.officer import Officer
from tests.bench.link.processes import figure, percentile
from tests.camera.film import write_film, yard
from tests.camera.rtsp import RtspServer, find_server
from tests.faults.commune import Commune
from tests.until import until

VISITS: Final = 12
LOOP_S: Final = 26.0
"""The yard: empty for eight seconds, then somebody walks through it for eleven."""
ENTERS_S: Final = FIRST_VISIT_S + (90.0 - 32.0) * WALK_S / (WIDTH_PX + 180.0)
"""The walk begins 90 px beside the picture; half of the walker is 32 px (edge/camera/scene.py)."""
SEEN_S: Final = 2.0
AWAY_S: Final = 15.0


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Onset → row on the page, and the end of the stream → outage on the page."""
    film = write_film(folder / "yard.mp4", yard(LOOP_S))
    starts = folder / "starts.txt"
    server = RtspServer(find_server(), folder, film, {"gate": ["--log", starts, film]})
    commune = Commune(folder / "commune")
    with ExitStack() as stack:
        stack.callback(server.stop)
        stack.callback(commune.close)
        server.start()
        _point_camera(commune, server.url_of("gate"))
        commune.start()
        officer = Officer(commune.world.officer("dung"))
        stack.callback(officer.close)
        until(lambda: len(_motions(commune)) >= VISITS, VISITS * (LOOP_S + 1) + 120)
        gone_s = time.monotonic()
        threading.Event().wait(1.0)
        server.stop()
        stopped_s = time.monotonic()
        until(lambda: _outage(commune) in officer.shown, 60)
        onsets = [float(line) + ENTERS_S for line in starts.read_text().split()]
        delays = []
        for key in _motions(commune):
            shown_s = officer.shown.get(key)
            before = [onset for onset in onsets if shown_s is not None and onset <= shown_s < gone_s + LOOP_S]
            if shown_s is not None and before:
                delays.append(shown_s - max(before))
        yield figure(f"{len(delays)} visits through RTSP, shown on the page", len(delays), "visits")
        for share, name in ((0.5, "p50"), (0.95, "p95")):
            took_s = percentile(delays, share)
            yield figure(f"movement began → on the page, {name}", took_s, "s", "2 s allowed", took_s / SEEN_S)
        took_s = officer.shown[_outage(commune)] - stopped_s
        yield figure("last packet → outage on the page", took_s, "s", "15 s allowed", took_s / AWAY_S)


def _point_camera(commune: Commune, source: str) -> None:
    with commune.database.session() as db:
        row = db.scalars(select(Camera)).one()
        row.source, row.sealed = source, None  # sealed by the hub when it starts


def _motions(commune: Commune) -> list[int]:
    with commune.database.reading() as db:
        return list(db.scalars(select(Alert.id).where(Alert.kind == "motion").order_by(Alert.id)))


def _outage(commune: Commune) -> int:
    with commune.database.reading() as db:
        return db.scalar(select(Alert.id).where(Alert.kind == "outage").order_by(Alert.id.desc())) or 0
