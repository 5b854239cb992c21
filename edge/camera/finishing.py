"""Episodes that are over get their clip here, one after another, so that no camera waits for a slow card."""

from __future__ import annotations

import logging
import math
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.contract.hub import Media
from broker.link.media import MediaStore
from broker.link.service import Beat
from edge.camera.clips import CLIP_TYPE
from edge.camera.ledger import Kept, Ledger
from edge.camera.recording import CUT_OFF, NO_DISK, Finished, Interrupted, Recorder, Recording
from edge.camera.reports import Boxes, Reports, box, share

log = logging.getLogger(__name__)

AGAIN_S = 30.0
"""What the disk did not take is tried again this often."""
MADE_MOST = 200
"""Ends that wait for the disk in memory; of older ones the next start says that they were cut off."""


@dataclass(frozen=True)
class Ending:
    """What is told of an episode's end beside its clip."""

    lasted_ms: int
    best: bytes | None = None
    boxes: Boxes = ()
    confidence: float = 0.0
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class Over:
    """An episode that is over."""

    episode: str
    started_at: datetime
    end_s: float
    recording: Recording
    ending: Ending


@dataclass(frozen=True)
class _Made:
    """An episode whose clip is made, or will never be, and that is to be noted."""

    episode: str
    ended_at: datetime
    recording: Recording
    finished: Finished
    ending: Ending


class Finishing:
    """The worker `finishing`."""

    def __init__(self, reports: Reports, ledger: Ledger, store: MediaStore, recorder: Recorder) -> None:
        """store: where finished clips lie until the hub has them. Made before any camera runs.

        Raises sqlite3.Error.
        """
        self.news = threading.Event()
        """Set when a clip waits for upload."""
        self._reports, self._ledger = reports, ledger
        self._store, self._recorder = store, recorder
        self._queue: queue.Queue[Over] = queue.Queue()
        self._left = ledger.unended()
        """Episodes that were going on when the earlier life ended."""
        self._made: deque[_Made] = deque(maxlen=MADE_MOST)
        """What the disk did not take."""
        self._again_at_s = -math.inf
        try:
            if ledger.lasting:  # in memory it does not know what is wanted
                recorder.sweep({kept.episode for kept in self._left})
        except OSError:
            reports.disk_trouble()

    def add(self, over: Over) -> None:
        """Never waits: as many episodes end as began."""
        self._queue.put_nowait(over)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """First what an earlier life left, then what ends from now on. What the disk refuses is tried again."""
        try:
            while not stop.is_set():
                beat()
                if self._reports.clock.monotonic() >= self._again_at_s:
                    self._again(stop, beat)
                    self._again_at_s = self._reports.clock.monotonic() + AGAIN_S
                try:
                    over = self._queue.get(timeout=0.25)
                except queue.Empty:
                    continue
                ended_at = over.started_at + timedelta(milliseconds=over.ending.lasted_ms)
                finished = over.recording.close(over.end_s, stop, beat)
                self._note(_Made(over.episode, ended_at, over.recording, finished, over.ending))
        except Interrupted:
            return  # what is on the disk is finished at the next start

    def _again(self, stop: threading.Event, beat: Beat) -> None:
        """What is left: of an earlier life, and of what the disk did not take in this one."""
        self._reports.try_disk()
        left, self._left = self._left, []
        for kept in left:
            beat()
            self._resume(kept, stop, beat)
        made = list(self._made)
        self._made.clear()
        for each in made:
            beat()
            self._note(each)

    def _resume(self, kept: Kept, stop: threading.Event, beat: Beat) -> None:
        """What was going on when the earlier life ended is over; its clip is what reached the disk."""
        try:
            recording = self._recorder.found(kept.episode)
            if recording is None:
                self._ledger.ended(kept.episode, kept.started_at, None, CUT_OFF)
                return
            finished = recording.close(math.inf, stop, beat)
        except (sqlite3.Error, OSError):
            self._left.append(kept)
            self._reports.disk_trouble()
            return
        ended_at = kept.started_at + timedelta(milliseconds=finished.lasted_ms)
        self._note(_Made(kept.episode, ended_at, recording, finished, Ending(finished.lasted_ms)))

    def _note(self, made: _Made) -> None:
        """Have the end told and the clip brought over; or keep it for the next try."""
        clip, reason = self._keep(made.finished)
        ending = made.ending
        try:
            self._ledger.ended(
                made.episode,
                made.ended_at,
                clip,
                reason,
                lasted_ms=ending.lasted_ms,
                best=ending.best,
                boxes=[box(*each) for each in ending.boxes],
                confidence=share(ending.confidence),
                reasons=ending.reasons,
            )
            self.news.set()
            made.recording.forget()
        except sqlite3.Error:
            self._made.append(made)
            self._reports.disk_trouble()
        except OSError:
            self._reports.disk_trouble()

    def _keep(self, finished: Finished) -> tuple[Media | None, str]:
        if finished.path is None:
            return None, finished.reason
        try:
            return self._store.add(finished.path, CLIP_TYPE, finished.duration_ms), finished.reason
        except OSError as why:
            log.error("clip not kept: %s", why, extra={"event": "disk"})
            self._reports.disk_trouble()
            return None, NO_DISK
