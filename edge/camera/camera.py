"""One camera, from its streams to messages: read, judge, keep the last seconds, say what was found."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from broker.contract.camera import MOST_GOP_S, MOST_PER_S, MOST_SIDE_PX, SNAPSHOT_LIMIT, CameraState
from broker.link.service import Beat
from broker.trust.envelope import CameraAddress, CameraSetup
from edge.camera import hours, privacy
from edge.camera.analysis import Analyst, Rules
from edge.camera.capture import CaptureError, Reader
from edge.camera.chunk import Chunk
from edge.camera.clips import snapshot, still_at
from edge.camera.findings import Desk, Findings
from edge.camera.live import Look, Tap
from edge.camera.presence import Presence
from edge.camera.privacy import Veil
from edge.camera.sight import Sight
from edge.camera.stream import Stream
from edge.camera.troubles import tampering_of

log = logging.getLogger(__name__)

SAY_EVERY_S = 60.0
"""The picture rate is told again this often; states at once."""
FIRST_KEPT_S = 60.0
KEEP_EVERY_S = 1800.0
"""The healthy view is put on the disk this often, and at the end."""
HEALTHY_S = 20.0
"""The view must look healthy this long before a tampering that nobody saw the end of is over."""
STILL_OLD_S = 5.0
"""A picture older than this is not what the camera sees now."""
MOST_AT_ONCE = 60
MOST_WORK_S = 0.5
"""Chunks of one stream taken, and time spent on them, before the others and the clock are looked at."""
SUB_SILENT = "Luồng phụ không có hình, máy đang xem luồng chính."
NO_STILL = "Camera đang không có hình nên chưa chụp được."


class Camera:
    """Runs in a thread of its own and never waits for another camera."""

    def __init__(
        self,
        setup: CameraSetup,
        address: CameraAddress,
        desk: Desk,
        on_state: Callable[[CameraState], None],
    ) -> None:
        """Raises MaskError when a mask of the setup cannot be one."""
        privacy.check(setup.masks)
        self._setup, self._reports, self._on_state = setup, desk.reports, on_state
        self._clock = desk.reports.clock
        now_s = self._clock.monotonic
        self._main = Stream(Reader(setup.camera, address.source, now_s))
        sub = Reader(setup.camera, address.sub_source, now_s) if address.sub_source else None
        self._sub = Stream(sub) if sub else None
        self._judged: Stream | None = None
        rules = Rules(
            setup.sensitivity,
            [(zone.name, zone.corners) for zone in setup.zones],
            [*setup.ignored, *setup.masks],
        )
        self._analyst = Analyst(rules)
        self._views, self._address = desk.views, address
        self._kept_s = self._clock.monotonic() - KEEP_EVERY_S + FIRST_KEPT_S
        self._knows_view = self._recall() or self._reports.standing.of(setup.camera, "tampering") is None
        """False while it cannot be told whether a tampering of an earlier life is over."""
        self._sight: Sight | None = None
        self._veil = Veil(setup.masks).over if setup.masks else None
        self._calm_since_s: float | None = None
        """Since when the view has looked healthy without a break."""
        self._findings = Findings(setup, desk, lambda: self._kept().ring)
        self._presence = Presence(self._clock.monotonic())
        self._watching = True
        self._stop = threading.Event()
        """Once set, nothing new is told."""
        self._asked: deque[str] = deque(maxlen=8)
        self._tap = Tap(setup.masks)
        self._said_s = float("-inf")

    def ask(self, request: str) -> None:
        """Somebody wants to see a picture now. May be called from any thread."""
        self._asked.append(request)

    def show(self, look: Look) -> None:
        """Somebody looks at it now. May be called from any thread, again and again."""
        self._tap.add(look)

    def hush(self, setup: CameraSetup) -> None:
        """Its quiet areas are others now, nothing else of the setup is. May be called from any thread."""
        self._setup = setup

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Read until stopped; a source that fails is tried again for ever."""
        self._stop = stop
        streams = [self._main] if self._sub is None else [self._sub, self._main]
        for stream in streams:
            stream.start()
        self._say()
        try:
            while not stop.is_set():
                beat()
                wait_s = 0.2
                for stream in streams:
                    self._listen(stream, wait_s, beat)
                    wait_s = 0.0
                self._tend()
        finally:
            for stream in streams:
                stream.stop()
            self._keep_view()
            self._leave()

    def _listen(self, stream: Stream, wait_s: float, beat: Beat) -> None:
        """Take what has come of one stream; what takes long to judge is left for the next time."""
        until_s = self._clock.monotonic() + wait_s + MOST_WORK_S
        for _ in range(MOST_AT_ONCE):
            came = stream.take(wait_s)
            if came is None or self._stop.is_set():
                return
            beat()
            wait_s = 0.0
            if isinstance(came, CaptureError):
                self._broken(stream)
                return
            if stream is self._kept():
                self._findings.record(came)
            if stream is self._best_judged():
                self._judge(stream, came)
                self._tap.pass_on(came, stream.ring)
            if self._clock.monotonic() > until_s:
                return

    def _kept(self) -> Stream:
        """The stream that clips are made of: the main one, or the other while that is silent."""
        if self._sub is not None and not self._main.is_alive(self._clock.monotonic()):
            return self._sub
        return self._main

    def _best_judged(self) -> Stream:
        """The stream that is judged: the smaller one, or the main one while that is silent."""
        if self._sub is None or (
            self._main.is_alive(self._clock.monotonic()) and not self._sub.is_alive(self._clock.monotonic())
        ):
            return self._main
        return self._sub

    def _judge(self, stream: Stream, chunk: Chunk) -> None:
        if stream is not self._judged or self._sight is None:
            self._leave()
            self._judged, self._sight = stream, Sight(self._analyst, self._veil)
            self._analyst.resume(chunk.at_s)
        now_s = self._clock.monotonic()
        changed, before = self._presence.packet(stream.arrived_s, stream.heard_s), self._sight.newest
        for finding, picture in self._sight.take(chunk):
            if self._stop.is_set():
                return
            self._findings.take(finding, picture, watching=self._watching)
            changed = True
        if self._sight.newest is not before:
            changed = self._presence.picture(stream.heard_s) or changed
            self._note_health(now_s)
        self._findings.look_better(self._analyst.best_s, self._analyst.best_boxes, now_s)
        if changed:
            self._back(now_s)
            self._say()

    def _broken(self, stream: Stream) -> None:
        """A connection ended. What was judged there is over."""
        if stream is self._judged:
            self._leave()
            self._presence.broken()

    def _leave(self) -> None:
        """The view is gone or we are: end what is open."""
        if self._sight is None:
            return
        for finding, picture in self._sight.close():
            told = finding.phase == "ended" or not self._stop.is_set()
            if told and finding.kind == "motion":  # a tampering is not over because the picture is gone
                self._findings.take(finding, picture, watching=self._watching)
        if self._sight.damaged:
            log.info(
                "%d damaged pictures",
                self._sight.damaged,
                extra={"event": "damaged", "camera": self._setup.camera},
            )
        self._judged = self._sight = None
        self._calm_since_s = None

    def _note_health(self, now_s: float) -> None:
        """A tampering told before the picture was lost, or in an earlier life, is over once the view stays healthy."""
        if self._analyst.suspects:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        elif now_s - self._calm_since_s > HEALTHY_S:
            known = self._reports.standing.of(self._setup.camera, "tampering")
            if known is not None and (self._knows_view or known.view < self._setup.view):
                moment = self._reports.moment(self._calm_since_s)
                self._reports.standing.ended(self._setup.camera, "tampering", moment)
                self._knows_view = True

    def _tend(self) -> None:
        """What time brings: silence, hours, requests, the rate told again."""
        now_s = self._clock.monotonic()
        if self._presence.look(now_s):
            self._gone()
            self._say()
        self._keep_hours()
        while self._asked:
            self._answer(self._asked.popleft())
        if now_s - self._said_s > SAY_EVERY_S:
            self._say()
        if now_s - self._kept_s > KEEP_EVERY_S:
            self._keep_view()

    def _recall(self) -> bool:
        """Know the healthy view of an earlier life; False when there is none."""
        memory = self._views.load(self._setup, self._address)
        if memory is None:
            return False
        try:
            self._analyst.recall(memory)
        except ValueError:
            log.warning("kept view damaged", extra={"event": "view-damaged", "camera": self._setup.camera})
            return False
        return True

    def _keep_view(self) -> None:
        self._kept_s = self._clock.monotonic()
        memory = self._analyst.memory()
        if memory is not None and self._knows_view:
            self._views.keep(self._setup, self._address, memory)

    def _keep_hours(self) -> None:
        now = None if self._clock.state() == "unknown" else self._clock.now()
        self._analyst.sensitivity = hours.sensitivity_of(self._setup, now)
        self._analyst.quiet = hours.quiet_areas(self._setup, now)
        watching = hours.is_watching(self._setup.schedule, now)
        if watching == self._watching:
            return
        self._watching = watching
        if watching and self._sight is not None and self._sight.newest is not None:
            self._findings.watch_again(self._sight.newest)
        self._say()

    def _gone(self) -> None:
        """Silent for too long: an outage, told once."""
        if self._presence.state != "offline":
            return
        error = self._main.error or (self._sub.error if self._sub else None)
        self._reports.standing.outage_began(
            self._setup.camera,
            self._reports.moment(self._presence.silent_since_s),
            seen=self._presence.last_s is not None,
            why=error.code if error else "",
        )

    def _back(self, now_s: float) -> None:
        if self._presence.state == "live":
            self._reports.standing.ended(self._setup.camera, "outage", self._reports.moment(now_s))

    def _answer(self, request: str) -> None:
        """Send what the camera sees now, or say that it does not see."""
        now_s = self._clock.monotonic()
        stream = self._kept()
        colour = still_at(stream.ring, now_s) if now_s - stream.arrived_s < STILL_OLD_S else None
        jpeg = None
        if colour is not None:
            jpeg = snapshot(privacy.burn(colour, self._setup.masks), SNAPSHOT_LIMIT)
        taken = self._reports.moment(stream.arrived_s if jpeg else now_s)
        self._reports.picture(request, self._setup.camera, taken, jpeg, "" if jpeg else NO_STILL)

    def _say(self) -> None:
        now_s = self._clock.monotonic()
        self._said_s = now_s
        live = self._presence.state == "live"
        kept, last_s = self._kept(), self._presence.last_s
        gop_s = (self._sight.gop_s if live and self._sight else None) or 0.0
        self._on_state(  # numbers cut: an impossible one would cost the node the states of all its cameras
            CameraState(
                camera=self._setup.camera,
                state=self._presence.state,
                since=self._wall(self._presence.since_s),
                frames_per_s=min(round(self._presence.pictures_per_s, 1), MOST_PER_S),
                width_px=min(kept.width_px, MOST_SIDE_PX) if live else 0,
                height_px=min(kept.height_px, MOST_SIDE_PX) if live else 0,
                detail=self._detail(live),
                picture_at=None if last_s is None else self._wall(last_s),
                tampering=tampering_of(self._reports.standing.of(self._setup.camera, "tampering")),
                codec=kept.codec if live else "",
                gop_s=min(round(gop_s, 1), MOST_GOP_S),
                watching=self._watching,
            )
        )

    def _detail(self, live: bool) -> str:
        if not live:
            error = self._main.error or (self._sub.error if self._sub else None)
            return str(error) if error else ""
        return SUB_SILENT if self._sub is not None and self._judged is self._main else ""

    def _wall(self, at_s: float) -> datetime:
        return self._clock.now() - timedelta(seconds=max(0.0, self._clock.monotonic() - at_s))
