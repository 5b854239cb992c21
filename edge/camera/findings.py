"""What one camera's findings become: alarms with their pictures, evidence pairs, clips. One thread uses it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from broker.contract.camera import PAIR_LIMIT, SNAPSHOT_LIMIT
from broker.trust.envelope import CameraSetup
from edge.camera import privacy
from edge.camera.analysis import Finding
from edge.camera.chunk import Chunk
from edge.camera.clips import snapshot, still_at, still_before
from edge.camera.finishing import Ending, Finishing, Over
from edge.camera.picture import Colour, Picture
from edge.camera.recording import Recorder, Recording
from edge.camera.reports import Boxes, Reports
from edge.camera.ring import Ring
from edge.camera.views import Views

log = logging.getLogger(__name__)

GRAB_EVERY_S = 2.0
"""A better picture is looked for this often at most: it costs the decoding of a whole group of the main stream."""
GRABS = 4
HEALTHY_BEFORE_S = 2.0
"""The picture of how it was before comes from at least this long before the view was last seen healthy."""


@dataclass(frozen=True)
class Desk:
    """What all cameras of a node share."""

    reports: Reports
    recorder: Recorder
    finishing: Finishing
    views: Views


@dataclass
class _Open:
    """The motion episode that goes on."""

    episode: str
    began: Finding
    started_at: datetime
    recording: Recording
    best: bytes | None = None
    best_s: float = 0.0
    boxes: Boxes = ()
    """Where it moved in the best picture that was kept: a later one has it elsewhere."""
    grabs: int = 0


class Findings:
    """Told by the camera's thread of each finding and each chunk of the stream that clips are made of."""

    def __init__(self, setup: CameraSetup, desk: Desk, ring: Callable[[], Ring]) -> None:
        """ring: the last seconds of the stream that clips are made of at present."""
        self._setup, self._reports, self._ring = setup, desk.reports, ring
        self._recorder, self._finishing = desk.recorder, desk.finishing
        self._motion: _Open | None = None
        self._unsaid: Finding | None = None
        """An episode that began while the camera was not watching."""

    def take(self, finding: Finding, picture: Picture | None, *, watching: bool) -> None:
        """One finding; `picture` is the one that showed it, None when the view is gone."""
        if finding.kind == "tamper":
            self._tampering(finding, picture)
        elif finding.phase == "began":
            if watching and picture is not None:
                self._motion_began(finding, picture)
            else:
                self._unsaid = finding
        else:
            self._unsaid = None
            self._motion_ended(finding)

    def watch_again(self, picture: Picture) -> None:
        """The camera's hours begin: what is moving already is told now."""
        finding, self._unsaid = self._unsaid, None
        if finding is not None:
            self._motion_began(finding, picture)

    def record(self, chunk: Chunk) -> None:
        """Another chunk of the stream that clips are made of."""
        if self._motion is not None:
            self._motion.recording.add(chunk)

    def look_better(self, best_s: float | None, boxes: Boxes, now_s: float) -> None:
        """Keep the picture of the moment in which the episode is seen best. Seconds as in the ring."""
        motion = self._motion
        if motion is None or best_s is None or motion.grabs >= GRABS:
            return
        if best_s - motion.best_s < GRAB_EVERY_S or now_s - best_s < 0.5:
            return
        motion.grabs += 1
        self._grab(motion, best_s, boxes)

    def _motion_began(self, finding: Finding, picture: Picture) -> None:
        colour = picture.colour()
        moment = self._reports.moment(finding.start_s)
        episode = self._reports.motion_began(
            self._setup.camera, moment, self._jpeg(colour, SNAPSHOT_LIMIT), finding
        )
        recording = self._recorder.begin(episode, self._ring(), finding.start_s, self._setup.masks)
        self._motion = _Open(episode, finding, moment.at, recording, best_s=picture.at_s)
        self._reports.label(episode, self._setup, self._masked(colour), finding.boxes)

    def _motion_ended(self, finding: Finding) -> None:
        motion, self._motion = self._motion, None
        if motion is None:
            return
        if finding.best_s > motion.best_s:
            self._grab(motion, finding.best_s, finding.boxes)
        lasted_ms = max(0, round((finding.end_s - motion.began.start_s) * 1000))
        ending = Ending(lasted_ms, motion.best, motion.boxes, finding.confidence, finding.reasons)
        over = Over(motion.episode, motion.started_at, finding.end_s, motion.recording, ending)
        self._finishing.add(over)

    def _tampering(self, finding: Finding, picture: Picture | None) -> None:
        camera = self._setup.camera
        if finding.what is None:
            return
        known = self._reports.standing.of(camera, "tampering")
        if finding.phase == "ended":
            self._reports.standing.ended(camera, "tampering", self._reports.moment(finding.end_s))
            return
        if known is not None and known.what == finding.what:
            return  # told before the picture was lost, or in an earlier life of this service
        self._reports.standing.ended(camera, "tampering", self._reports.moment(finding.start_s))
        before = still_before(self._ring(), finding.healthy_s - HEALTHY_BEFORE_S)
        self._reports.standing.tampered(
            camera,
            finding.what,
            self._reports.moment(finding.start_s),
            now=self._jpeg(picture.colour(), PAIR_LIMIT) if picture else None,
            before=self._jpeg(before, PAIR_LIMIT) if before is not None else None,
            confidence=finding.confidence,
            view=self._setup.view,
        )

    def _grab(self, motion: _Open, best_s: float, boxes: Boxes) -> None:
        """Keep the main stream's picture of that moment; the earlier one when it is not in the ring any more."""
        motion.best_s = best_s
        colour = still_at(self._ring(), best_s)
        if colour is not None:
            motion.best, motion.boxes = self._jpeg(colour, SNAPSHOT_LIMIT), boxes
            self._reports.label(motion.episode, self._setup, self._masked(colour), boxes)

    def _masked(self, colour: Colour) -> Colour:
        return privacy.burn(colour, self._setup.masks)

    def _jpeg(self, colour: Colour, limit: int) -> bytes:
        return snapshot(self._masked(colour), limit)
