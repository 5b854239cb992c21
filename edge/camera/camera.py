"""One camera, from its source to messages: read, decode, mask, judge, keep the last seconds, report."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from broker.contract.camera import Box, CameraState
from broker.link.service import Beat
from broker.trust.envelope import CameraSetup
from edge.camera import clips, privacy
from edge.camera.analysis import Analyst, Finding
from edge.camera.capture import CaptureError, Reader
from edge.camera.chunk import Chunk, Decoder, Encoder, frame_of
from edge.camera.picture import Picture
from edge.camera.presence import Presence
from edge.camera.reports import Reports
from edge.camera.ring import Recording, Ring

log = logging.getLogger(__name__)

MASKED_FPS = 10
SAY_RATE_S = 60.0
"""The picture rate is told again this often; states at once."""


class _View:
    """All that belongs to one unbroken connection; a camera that returns gets a new one."""

    def __init__(self, sensitivity: float) -> None:
        self.decoder = Decoder()
        self.analyst = Analyst(sensitivity)
        self.ring = Ring()
        self.encoder: Encoder | None = None
        self.encode_next_s = 0.0
        self.recording: Recording | None = None
        self.episode = ""
        self.tampering: tuple[str, datetime] | None = None
        self.newest_s = 0.0


class Camera:
    """Runs in a thread of its own and never waits for another camera."""

    def __init__(
        self,
        setup: CameraSetup,
        reports: Reports,
        on_state: Callable[[CameraState], None],
        masks: Sequence[privacy.Polygon] = (),
    ) -> None:
        """masks: areas that are burnt in before anything else sees the picture. Raises MaskError."""
        privacy.check(masks)
        self._setup = setup
        self._reports = reports
        self._on_state = on_state
        self._masks = masks
        self._clock = reports.clock
        self._presence = Presence(self._clock.monotonic())
        self._view = _View(setup.sensitivity)
        self._detail = ""
        self._size = (0, 0)
        self._said_s = float("-inf")

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Read until stopped; a source that fails is tried again for ever."""
        reader = Reader(self._setup.camera, self._setup.source)
        reader.start()
        self._say()
        try:
            while not stop.is_set():
                beat()
                self._take(reader.get(0.4))
        finally:
            reader.stop()
            self._leave_view()

    def _take(self, came: Chunk | CaptureError | None) -> None:
        now_s = self._clock.monotonic()
        changed = False
        if isinstance(came, CaptureError):
            self._leave_view()
            self._detail = str(came)
        elif came is not None:
            for picture in self._pictures(came):
                changed = self._presence.picture(now_s) or changed
                self._detail = ""
                self._judge(picture)
        changed = self._presence.look(now_s) or changed
        if changed or (self._presence.state == "live" and now_s - self._said_s > SAY_RATE_S):
            self._say()

    def _pictures(self, chunk: Chunk) -> Iterator[Picture]:
        """Decode one chunk; what is kept of it holds nothing of the masked areas."""
        view = self._view
        view.newest_s = max(view.newest_s, chunk.at_s)
        self._size = (chunk.width_px, chunk.height_px)
        if not self._masks:
            self._keep(chunk)
            yield from view.decoder.decode(chunk)
            return
        for picture in view.decoder.decode(chunk):
            if picture.at_s + 1e-3 < view.encode_next_s:
                continue
            view.encode_next_s = picture.at_s + 0.9 / MASKED_FPS
            frame = frame_of(privacy.burn(picture.colour(), self._masks))
            if view.encoder is None:
                view.encoder = Encoder(frame.width, frame.height, MASKED_FPS)
            for masked in view.encoder.encode(frame, picture.at_s):
                self._keep(masked)
            yield Picture(picture.at_s, frame)

    def _keep(self, chunk: Chunk) -> None:
        self._view.ring.add(chunk)
        if self._view.recording is not None:
            self._view.recording.add(chunk)

    def _judge(self, picture: Picture) -> None:
        analyst = self._view.analyst
        if analyst.wants(picture.at_s):
            for finding in analyst.look(picture.luma, picture.at_s):
                self._report(finding, picture)

    def _report(self, finding: Finding, picture: Picture | None) -> None:
        """Put one finding into words; `picture` is the one that showed it, None when the view is gone."""
        if finding.kind == "motion":
            self._report_motion(finding, picture)
        else:
            self._report_tampering(finding, picture)

    def _report_motion(self, finding: Finding, picture: Picture | None) -> None:
        view, camera = self._view, self._setup.camera
        if finding.phase == "began" and picture is not None:
            view.recording = Recording(view.ring, finding.start_s)
            jpeg = clips.snapshot(picture.colour())
            boxes = [_box(*each) for each in finding.boxes]
            view.episode = self._reports.motion_began(camera, self._wall(finding.start_s), jpeg, boxes)
        elif finding.phase == "ended" and view.recording is not None:
            chunks, view.recording = view.recording.chunks, None
            self._reports.motion_ended(view.episode, self._wall(finding.end_s), chunks)

    def _report_tampering(self, finding: Finding, picture: Picture | None) -> None:
        view, camera = self._view, self._setup.camera
        if finding.what is None:
            return
        if finding.phase == "began" and picture is not None:
            started_at = self._wall(finding.start_s)
            jpeg = clips.snapshot(picture.colour())
            view.tampering = (
                self._reports.tampered(camera, finding.what, started_at, jpeg=jpeg),
                started_at,
            )
        elif finding.phase == "ended" and view.tampering is not None:
            (name, started_at), view.tampering = view.tampering, None
            ended_at = max(started_at, self._wall(finding.end_s))
            self._reports.tampered(camera, finding.what, started_at, ended_at=ended_at, tampering=name)

    def _leave_view(self) -> None:
        """The source is gone or we are: end what is open, keep nothing of the old view."""
        for finding in self._view.analyst.close():
            self._report(finding, None)
        if self._view.decoder.damaged:
            log.info(
                "%d damaged pictures",
                self._view.decoder.damaged,
                extra={"event": "damaged", "camera": self._setup.camera},
            )
        self._view = _View(self._setup.sensitivity)

    def _wall(self, at_s: float) -> datetime:
        """Wall time of a second on the camera's time line; the newest chunk has just come."""
        return self._clock.now() - timedelta(seconds=max(0.0, self._view.newest_s - at_s))

    def _say(self) -> None:
        now_s = self._clock.monotonic()
        self._said_s = now_s
        live = self._presence.state == "live"
        self._on_state(
            CameraState(
                camera=self._setup.camera,
                state=self._presence.state,
                since=self._clock.now() - timedelta(seconds=now_s - self._presence.since_s),
                frames_per_s=round(self._presence.pictures_per_s, 1),
                width_px=self._size[0] if live else 0,
                height_px=self._size[1] if live else 0,
                detail=self._detail,
            )
        )


def _box(x: float, y: float, w: float, h: float) -> Box:
    """A box that lies inside the picture."""
    x, y = min(1.0, max(0.0, x)), min(1.0, max(0.0, y))
    return Box(x=x, y=y, w=min(max(0.0, w), 1.0 - x), h=min(max(0.0, h), 1.0 - y))
