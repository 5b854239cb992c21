"""Which cameras are kept from seeing, told to the hub: begun once, ended once, whatever happens in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from broker.contract.camera import CameraOutage, CameraTampered, ClockState
from broker.link.clock import Clock
from edge.camera.moment import Moment
from edge.camera.tamper import What
from edge.camera.troubles import Kind, Trouble, Troubles, tampering_of

log = logging.getLogger(__name__)


class Standing:
    """Shared by the threads of all cameras. What the outbox or the disk refuses is said again by `retry`."""

    def __init__(
        self,
        troubles: Troubles,
        clock: Clock,
        send: Callable[[Any], bool],
        name: Callable[[str, datetime], str],
        disk: Callable[[], None],
    ) -> None:
        """send: False when it could not be kept. name: of an episode of a camera. disk: it does not take something."""
        self._troubles, self._clock = troubles, clock
        self._send, self._name, self._disk = send, name, disk
        self._lock = threading.RLock()

    def of(self, camera: str, kind: Kind) -> Trouble | None:
        """What is open; None when it is over, also while that is still to be said."""
        known = self._troubles.of(camera, kind)
        return None if known is None or known.ended_at is not None else known

    def tampered(
        self,
        camera: str,
        what: What,
        moment: Moment,
        *,
        now: bytes | None,
        before: bytes | None,
        confidence: float,
        view: int = 0,
    ) -> None:
        """A tampering began: with what the camera sees now, and what it saw while all was well.

        view: which of the views that people accepted it departs from (CameraSetup.view).
        """
        with self._lock:
            trouble = self._begin(camera, "tampering", what, moment, view=view)
            said = _tampered(camera, trouble, self._clock.state())
            if said is not None:
                self._say(
                    camera, "tampering", replace(said, snapshot=now, before=before, confidence=confidence)
                )

    def outage_began(self, camera: str, moment: Moment, *, seen: bool, why: str) -> None:
        """No picture comes since `moment`; said once, however often the service starts meanwhile."""
        with self._lock:
            known = self._troubles.of(camera, "outage")
            if known is not None:  # one that ended and was not told yet goes on
                self._keep(camera, "outage", replace(known, ended_at=None))
                return
            trouble = self._begin(camera, "outage", why, moment, seen=seen)
            self._say(camera, "outage", _outage(camera, trouble, self._clock))

    def ended(self, camera: str, kind: Kind, moment: Moment) -> None:
        """The camera sees again. Nothing is said when nothing was open."""
        with self._lock:
            known = self.of(camera, kind)
            if known is None:
                return
            lasted_ms = self._lasted_ms(known, moment)
            ended_at = known.started_at + timedelta(milliseconds=lasted_ms)
            self._keep(camera, kind, replace(known, ended_at=ended_at, lasted_ms=lasted_ms))
            self._end(camera, kind)

    def retry(self) -> None:
        """Say what could not be kept. Called by one thread, again and again."""
        with self._lock:
            for camera in sorted(self._troubles.cameras()):
                for kind in ("outage", "tampering"):
                    known = self._troubles.of(camera, kind)
                    if known is None:
                        continue
                    if not known.told:
                        said = _said(camera, kind, replace(known, ended_at=None), self._clock)
                        if said is None or not self._say(camera, kind, said):
                            continue
                    if known.ended_at is not None:
                        self._end(camera, kind)

    def keep_only(self, cameras: set[str], moment: Moment) -> None:
        """The plan names these: of every other what is open is over."""
        for camera in self._troubles.cameras() - cameras:
            self.ended(camera, "outage", moment)
            self.ended(camera, "tampering", moment)

    def _begin(
        self, camera: str, kind: Kind, what: str, moment: Moment, *, seen: bool = True, view: int = 0
    ) -> Trouble:
        trouble = Trouble(
            name=self._name(camera, moment.at),
            what=what,
            started_at=moment.at,
            seen=seen,
            mono_ms=moment.mono_ms,
            boot=self._troubles.boot,
            view=view,
        )
        self._keep(camera, kind, trouble)
        return trouble

    def _say(self, camera: str, kind: Kind, said: Any) -> bool:
        """Send, and remember that it was."""
        if not self._send(said):
            return False
        known = self._troubles.of(camera, kind)
        if known is not None:
            self._keep(camera, kind, replace(known, told=True))
        return True

    def _end(self, camera: str, kind: Kind) -> None:
        known = self._troubles.of(camera, kind)
        if known is None or not known.told:
            return
        said = _said(camera, kind, known, self._clock)
        if said is None or self._send(said):
            try:
                self._troubles.end(camera, kind)
            except OSError:
                self._disk()

    def _keep(self, camera: str, kind: Kind, trouble: Trouble) -> None:
        try:
            self._troubles.begin(camera, kind, trouble)
        except OSError:
            self._disk()

    def _lasted_ms(self, known: Trouble, moment: Moment) -> int:
        """By the clock that nobody sets; by the other one when the machine was started anew meanwhile."""
        if known.boot == self._troubles.boot:
            return max(0, moment.mono_ms - known.mono_ms)
        return max(0, round((moment.at - known.started_at).total_seconds() * 1000))


def _said(camera: str, kind: Kind, known: Trouble, clock: Clock) -> CameraOutage | CameraTampered | None:
    return _outage(camera, known, clock) if kind == "outage" else _tampered(camera, known, clock.state())


def _tampered(camera: str, known: Trouble, clock: ClockState) -> CameraTampered | None:
    """None for a word that this version does not know."""
    what = tampering_of(known)
    if not what:
        return None
    return CameraTampered(
        tampering=known.name,
        camera=camera,
        what=what,
        started_at=known.started_at,
        ended_at=known.ended_at,
        mono_ms=known.mono_ms,
        lasted_ms=known.lasted_ms,
        clock=clock,
    )


def _outage(camera: str, known: Trouble, clock: Clock) -> CameraOutage:
    return CameraOutage(
        outage=known.name,
        camera=camera,
        told_at=clock.now(),
        last_picture_at=known.started_at if known.seen else None,
        ended_at=known.ended_at,
        lasted_ms=known.lasted_ms,
        why=known.what,
        clock=clock.state(),
    )
