"""Makes the sound: asks the firewall once more at the real start, plays, and reports."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from broker.contract.speaker import PlayState
from broker.link.service import Beat
from edge.speaker.desk import Desk
from edge.speaker.firewall import SPOKEN_HERE, Allowed, check, is_quiet
from edge.speaker.player import Outcome, chime_alone, play
from edge.speaker.programme import Play, is_over, next_moment
from edge.speaker.proof import level_of
from edge.speaker.readying import Ready, Readying
from edge.speaker.sinks import Sink, SinkError

log = logging.getLogger(__name__)

CHIME_PAUSE_S: Final = 30.0
"""A villager who presses again and again hears one chime in this time."""


class Stage:
    """The worker that plays."""

    def __init__(self, desk: Desk, find_sink: Callable[[], Sink], readying: Readying) -> None:
        """find_sink: looked for anew before each play."""
        self._desk = desk
        self._find_sink = find_sink
        self._readying = readying
        self._unheard: set[str] = set()
        self._retry_s = self._chimed_s = -CHIME_PAUSE_S

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Play what is due until `stop`."""
        self._look_at_device()
        while not stop.is_set():
            beat()
            self._desk.stage_wake.clear()
            if self.step(stop, beat):
                continue
            self._desk.stage_wake.wait(self._pause_s())

    def recover(self) -> None:
        """Plays without an end were cut off by the power or by the end of the process. Call once, at start."""
        desk = self._desk
        for cut in desk.journal.cut():
            desk.journal.end(cut.ask.occurrence, "interrupted", "power", cut.started_at)
            desk.receipt(cut.ask, "interrupted", "power", started_at=cut.started_at)

    def step(self, stop: threading.Event, beat: Beat) -> bool:
        """Do what is to be done now; True when something was played."""
        desk = self._desk
        agenda = desk.agenda()
        for one, state, reason in agenda.over:
            self._give_up(one, state, reason)
        wanted = {one.ask.occurrence for one in agenda.wanted}
        self._readying.keep_only(wanted)
        self._unheard &= wanted
        for one in agenda.near[:3]:
            beat()
            self._readying.prepare(one)
        due = agenda.due
        if due is not None and desk.clock.monotonic() >= self._retry_s:
            held = self._readying.get(due)
            if held is not None:
                return self._perform(due, held, stop, beat)
        if desk.is_chime_asked:
            desk.is_chime_asked = False
            return self._chime(stop, beat)
        return False

    # -- playing

    def _perform(self, one: Play, held: Ready, stop: threading.Event, beat: Beat) -> bool:
        desk, ask = self._desk, one.ask
        if not self._may_sound(one, held):
            return False
        try:
            sink = self._open(held.score.rate_hz, ask.occurrence)
        except SinkError as why:
            self._unheard.add(ask.occurrence)
            self._no_sound(why)
            return False
        with desk.lock:
            began = self._begin(one, held)
            if began is None:
                sink.drop()
                return False
            desk.take_halt()
            desk.playing = one
        desk.receipt(
            ask,
            "playing",
            SPOKEN_HERE if held.sound == SPOKEN_HERE else "",
            started_at=began,
            total_ms=held.score.total_ms,
            sound=sink.kind,
        )
        desk.show()
        outcome = play(held.score, sink, self._halted(one, stop, beat), desk.stage_wake, desk.clock.monotonic)
        self._finish(one, held, outcome, began, sink)
        return True

    def _may_sound(self, one: Play, held: Ready) -> bool:
        """The last judgement at the real start; a refusal is recorded and reported."""
        desk = self._desk
        if is_over(one, desk.journal.mark(one.ask.occurrence)):
            return False
        lasts_s = held.score.total_ms / 1000
        verdict = check(one.ask, desk.post(one), desk.clock.now(), held.sound, lasts_s)
        if isinstance(verdict, Allowed):
            return True
        log.warning("%s", verdict, extra={"event": "play-refused", "occurrence": one.ask.occurrence})
        if verdict.code not in ("too-early", "clock-unknown"):  # these pass with time
            desk.note(one, "refused", verdict.code)
        return False

    def _begin(self, one: Play, held: Ready) -> datetime | None:
        """Judge once more now that the device is open, then put the intent on disk; None when it may not sound.

        Called with the desk's lock held: no stop can come between judgement and start.
        """
        desk, now = self._desk, self._desk.clock.now()
        if not self._may_sound(one, held):
            return None
        try:
            desk.journal.begin(one, now)
            desk.session.cleared("disk-full")
        except sqlite3.Error as why:
            desk.disk_trouble(why)
            if one.envelope.kind != "emergency":  # an emergency sounds even if it may sound twice
                self._retry_s = desk.clock.monotonic() + 10.0
                return None
        return now

    def _halted(self, one: Play, stop: threading.Event, beat: Beat) -> Callable[[], str]:
        """Asked while playing: why it must end, empty to go on."""
        desk = self._desk

        def halted() -> str:
            beat()
            if stop.is_set():
                return "power"
            reason = desk.take_halt()
            if reason:
                return reason
            better = desk.agenda(one.rank).due
            if better is not None:
                self._readying.prepare(better)
                if self._readying.get(better) is not None:
                    return "preempted"
            return ""

        return halted

    def _finish(self, one: Play, held: Ready, outcome: Outcome, began: datetime, sink: Sink) -> None:
        desk, now = self._desk, self._desk.clock.now()
        state = _END[outcome.reason]
        reason = outcome.reason or (SPOKEN_HERE if held.sound == SPOKEN_HERE else "")
        if outcome.reason == "sound-failed":
            self._no_sound(SinkError(outcome.detail))
            state = "interrupted" if one.envelope.kind == "emergency" else "failed"
        with desk.lock:
            desk.playing = None
            try:
                desk.journal.end(one.ask.occurrence, state, reason, now)
            except sqlite3.Error as why:
                desk.disk_trouble(why)
        desk.receipt(
            one.ask,
            state,
            reason,
            started_at=began,
            ended_at=now,
            played_ms=outcome.played_ms,
            total_ms=held.score.total_ms,
            repeat=outcome.repeats,
            sound=sink.kind,
            proof_level=level_of(sink.kind, is_complete=not outcome.reason),
        )
        desk.show()

    def _chime(self, stop: threading.Event, beat: Beat) -> bool:
        """A short chime for somebody at the screen who needs a person; never at night."""
        desk, now = self._desk, self._desk.clock.now()
        now_s = desk.clock.monotonic()
        is_night = desk.clock.state() == "unknown" or is_quiet(desk.programme.quiet, now, now)
        if is_night or now_s - self._chimed_s < CHIME_PAUSE_S:
            return False
        self._chimed_s = now_s
        score = chime_alone("notice")
        try:
            sink = self._open(score.rate_hz, "chime")
        except SinkError as why:
            self._no_sound(why)
            return False

        def halted() -> str:
            beat()
            due = desk.agenda().due
            is_needed = due is not None and self._readying.get(due) is not None
            return "power" if stop.is_set() else "preempted" if is_needed else desk.take_halt()

        play(score, sink, halted, desk.stage_wake, desk.clock.monotonic)
        return True

    # -- the device and the end

    def _open(self, rate_hz: int, label: str) -> Sink:
        sink = self._find_sink()
        sink.open(rate_hz, label)
        self._desk.output = sink.name
        self._desk.session.cleared("no-sound")
        return sink

    def _look_at_device(self) -> None:
        try:
            self._desk.output = self._find_sink().name
        except SinkError as why:
            self._no_sound(why)
        self._desk.show()

    def _no_sound(self, why: SinkError) -> None:
        """Say so, and try again in a second for as long as the play may still begin."""
        log.error("%s", why, extra={"event": "sound-failed"})
        self._desk.session.problem(
            "no-sound", "Không phát được ra loa; xin kiểm tra dây và thiết bị âm thanh."
        )
        self._retry_s = self._desk.clock.monotonic() + 1.0

    def _give_up(self, one: Play, state: PlayState, reason: str) -> None:
        mark = self._desk.journal.mark(one.ask.occurrence)
        if state == "missed" and one.ask.occurrence in self._unheard:
            state, reason = "failed", "sound-failed"
        elif state == "missed" and mark is not None and mark.state == "fetching":
            state, reason = "failed", "no-audio"
        self._desk.note(one, state, reason)

    def _pause_s(self) -> float:
        """How long nothing is due: until the next start, at most half a second."""
        desk = self._desk
        left = next_moment(desk.programme, desk.journal.marks(), desk.clock.now())
        return 0.5 if left is None else min(0.5, max(0.002, left.total_seconds()))


_END: Final[dict[str, PlayState]] = {
    "": "played",
    "stopped": "cancelled",
    "cancelled": "cancelled",
    "revoked": "cancelled",
    "preempted": "preempted",
    "power": "interrupted",
    "sound-failed": "failed",
}
