"""Decides what sounds next: a play that is called, a chime, a test; holds near plays ready."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from broker.link.service import Beat
from broker.trust.quiet import is_quiet
from edge.speaker.align import moment_of
from edge.speaker.desk import Desk
from edge.speaker.firewall import since_signed
from edge.speaker.gathering import MOST_SPOILED
from edge.speaker.kit import Kit
from edge.speaker.performance import OPEN_S, Performance
from edge.speaker.player import chime_alone, play
from edge.speaker.programme import RANK, Agenda, Play, next_moment
from edge.speaker.readying import HOPE_S, TUNE_S, Readying
from edge.speaker.sinks import SinkError
from edge.speaker.testing import Testing

log = logging.getLogger(__name__)

CHIME_PAUSE_S: Final = 30.0
"""A villager who presses again and again hears one chime in this time."""

EMERGENCY: Final = RANK["emergency"]

TURNED_S: Final = 0.5
"""A play that was refused at its start, but may sound later, is tried again after this."""

SHORTEST_S: Final = 0.05
"""Nothing that starts wants a quicker look: the device is opened long before, and what becomes ready wakes."""

LOOK_S: Final = 30.0
"""So often an idle node looks whether its sound card is still there."""


class Stage:
    """The worker that plays."""

    def __init__(self, desk: Desk, kit: Kit, readying: Readying, testing: Testing) -> None:
        self._desk = desk
        self._kit = kit
        self._readying = readying
        self._testing = testing
        self._retry_s = self._chimed_s = self._looked_s = -CHIME_PAUSE_S
        self._is_hoping = False
        """An emergency is just being made ready: its siren does not wait long for that."""
        self._turned_s: dict[str, float] = {}
        """Until which monotonic second a play that was refused at its start lets others go first."""

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Play what is due until `stop`."""
        try:
            while not stop.is_set():
                beat()
                self._desk.stage_wake.clear()
                self._look_at_device()
                if self.step(stop, beat):
                    continue
                self._desk.stage_wake.wait(self._pause_s())
        finally:
            self._readying.close()

    def recover(self) -> None:
        """Plays without an end were cut off by the power or by the end of the process. Call once, at start."""
        desk = self._desk
        try:
            for cut in desk.journal.cut():
                desk.journal.end(cut.ask.occurrence, "interrupted", "power", cut.started_at)
                desk.receipt(cut.ask, "interrupted", "power", started_at=cut.started_at)
        except sqlite3.Error as why:  # what is left stays as it is until the next start
            desk.disk_trouble(why)

    def step(self, stop: threading.Event, beat: Beat) -> bool:
        """Do what is to be done now; True when something was played."""
        desk = self._desk
        agenda = desk.agenda()
        for one, state, reason in agenda.over:
            desk.note(one, state, reason)
        for one in agenda.idle:
            desk.note(one, "refused", "drill-waits")
        self._hold_ready(agenda)
        called = self._called(agenda)
        if called is not None and desk.clock.monotonic() >= self._retry_s:
            held = self._readying.get(called)
            if held is not None or called.rank == EMERGENCY:
                return self._perform(
                    Performance(desk, self._kit, self._readying, called, held, stop, beat), called
                )
        if desk.is_chime_asked:
            desk.is_chime_asked = False
            return self._chime(stop, beat)
        if called is None:
            return self._testing.run(agenda, stop, beat)
        return False

    # -- what comes next

    def _hold_ready(self, agenda: Agenda) -> None:
        """Have made ready what is near; what is due and not ready has its reason, should its time pass."""
        desk = self._desk
        self._readying.keep_only({one.ask.occurrence for one in agenda.wanted})
        self._readying.ask(agenda.near)
        for one in agenda.wanted:
            if one.envelope.relay is not None and self._lead_s(one) <= TUNE_S:
                self._readying.tune(one)
        for one in agenda.dues:
            if self._readying.get(one) is None:
                is_spoiled = desk.spoiled.get(one.envelope.audio.sha256, 0) >= MOST_SPOILED
                desk.hinder(one, "wrong-audio" if is_spoiled else "no-audio")

    def _called(self, agenda: Agenda) -> Play | None:
        """The play for which the device is to be opened now: the first that can sound and was not turned away.

        An emergency that is due and not ready is called after all those that are: it begins with its siren.
        """
        self._is_hoping = False
        if self._desk.silenced():
            return None
        self._readying.ask(agenda.near)
        now_s = self._desk.clock.monotonic()
        self._turned_s = {name: at_s for name, at_s in self._turned_s.items() if now_s < at_s}
        near = (one for one in agenda.near if one not in agenda.dues and self._lead_s(one) <= OPEN_S)
        waits_for, first = 0, None
        dues = {one.ask.occurrence for one in agenda.dues}
        for one in (*agenda.dues, *near):
            if one.rank < waits_for or one.ask.occurrence in self._turned_s:
                continue
            if self._readying.get(one) is None:
                is_coming = self._readying.is_coming(one)
                is_called = one.ask.occurrence in dues and self._readying.may_begin_with_siren(one)
                if is_called:
                    first = first or one
                elif is_coming and one.rank == EMERGENCY and one.ask.occurrence in dues:
                    self._is_hoping = True
                waits_for = max(waits_for, one.rank if is_coming or is_called else 0)
            elif self._readying.is_tuning(one):
                waits_for = max(waits_for, one.rank + 1)
            else:
                return one
        return first

    def _lead_s(self, one: Play) -> float:
        """Seconds until its start by the commune's time."""
        clock = self._desk.clock
        now, now_s = moment_of(clock)
        lead_s = (one.wanted_at - since_signed(one.envelope, clock.state(), now)).total_seconds()
        return lead_s - self._kit.time.moves_s(now, now_s)

    def _perform(self, performance: Performance, one: Play) -> bool:
        try:
            began = performance.perform()
        except SinkError as why:
            self._desk.hinder(one, "sound-failed")
            self._no_sound(why)
            return False
        if performance.failure is not None:
            self._no_sound(performance.failure)
        elif began:
            self._desk.session.cleared("no-sound")
        else:  # another may sound meanwhile: looked for at once
            self._turned_s[one.ask.occurrence] = self._desk.clock.monotonic() + TURNED_S
            self._desk.stage_wake.set()
        return began

    def _chime(self, stop: threading.Event, beat: Beat) -> bool:
        """A short chime for somebody at the screen who needs a person; never at night, never against silence."""
        desk, now = self._desk, self._desk.clock.now()
        now_s = desk.clock.monotonic()
        is_night = desk.clock.state() == "unknown" or is_quiet(desk.programme.quiet, now, now)
        is_hindered = bool(desk.silenced()) or self._kit.amplifier.microphone
        if is_night or is_hindered or now_s - self._chimed_s < CHIME_PAUSE_S:
            return False
        self._chimed_s = now_s
        score = chime_alone("notice")
        self._kit.amplifier.hold(is_playing=False)
        try:
            sink = self._kit.find_sink()
            sink.open(score.rate_hz, "chime")
            zero_s = desk.clock.monotonic() + self._kit.amplifier.warm_in_s()
            heed = self._heed_chime(stop, beat)
            play(
                score,
                sink,
                lambda at_s: at_s - zero_s,
                heed,
                desk.stage_wake,
                gain=(desk.programme.tuning.routine_percent / 100) ** 2,
                monotonic=desk.clock.monotonic,
            )
        except SinkError as why:
            self._no_sound(why)
            return False
        finally:
            self._kit.amplifier.release()
        return True

    def _heed_chime(self, stop: threading.Event, beat: Beat) -> Callable[[], str]:
        desk = self._desk

        def heed() -> str:
            beat()
            self._kit.amplifier.hold(is_playing=True)
            called = self._called(desk.agenda())
            if stop.is_set():
                return "power"
            if called is not None and not called.envelope.drill:
                return "preempted"
            return desk.take_halt() or desk.silenced()

        return heed

    # -- the device and the end

    def _look_at_device(self) -> None:
        """Say what sound comes out of, as it is now: cards are pulled out and put in again."""
        desk, now_s = self._desk, self._desk.clock.monotonic()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        try:
            sink = self._kit.find_sink()
        except SinkError as why:
            self._no_sound(why)
            desk.output, desk.sound = "", "none"
        else:
            desk.output, desk.sound = sink.name, sink.kind
            desk.session.cleared("no-sound")
        desk.show()

    def _no_sound(self, why: SinkError) -> None:
        """Say so, and try again in a second for as long as the play may still begin."""
        log.error("%s", why, extra={"event": "sound-failed"})
        self._desk.session.problem(
            "no-sound", "Không phát được ra loa; xin kiểm tra dây và thiết bị âm thanh."
        )
        self._retry_s = self._desk.clock.monotonic() + 1.0

    def _pause_s(self) -> float:
        """How long nothing is due: until a play is called, at most half a second."""
        desk = self._desk
        if self._is_hoping:
            return HOPE_S / 3
        left = next_moment(desk.programme, desk.journal.marks(), desk.clock.now())
        if left is None or left > timedelta(seconds=OPEN_S + 0.5):
            return 0.5
        return min(0.5, max(SHORTEST_S, left.total_seconds() - OPEN_S))
