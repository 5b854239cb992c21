"""One play from the open device to the last receipt: judged at its real start, on the disk before it sounds, proved.

The device is open and the amplifier on five seconds ahead; a second before the first sample the intent is written;
then the player places that sample by the audio clock.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from broker.contract.speaker import PlayState
from broker.link.service import Beat
from edge.speaker.align import moment_of
from edge.speaker.desk import Desk
from edge.speaker.ear import Listening
from edge.speaker.ending import ended
from edge.speaker.firewall import (
    EARLY_S,
    PASSING,
    SIREN,
    Allowed,
    check,
    since_signed,
)
from edge.speaker.kit import Kit
from edge.speaker.player import Outcome, play
from edge.speaker.programme import RANK, Play
from edge.speaker.proof import Verdict, judge
from edge.speaker.readying import Ready, Readying
from edge.speaker.sinks import Sink, SinkError
from edge.speaker.sounding import Sounding

log = logging.getLogger(__name__)

OPEN_S: Final = 5.0
"""So long before its start the device is open and the amplifier on."""

INTENT_S: Final = 1.0
"""So long before the first sample the intent goes to the disk: a slow memory card needs some of it."""

STEP_S: Final = 2.0
"""A wall clock that moves by more than this against the monotonic one was set."""

YIELD_S: Final = 0.5
"""So long before its start a play of a higher kind silences a lower one, so that it begins on time."""


class Performance:
    """One play of one occurrence: made, performed once, forgotten."""

    def __init__(
        self,
        desk: Desk,
        kit: Kit,
        readying: Readying,
        one: Play,
        held: Ready | None,
        stop: threading.Event,
        beat: Beat,
    ) -> None:
        """held: None for an emergency that begins with its siren, as its words are not ready."""
        self._desk, self._kit, self._readying = desk, kit, readying
        self._one, self._sounding = one, Sounding(one, held, readying)
        self._stop, self._beat = stop, beat
        self._clock = desk.clock
        self._opened_at, self._opened_s = moment_of(desk.clock)
        self._elapsed: Callable[[float], float] = lambda _: 0.0
        self._moved = timedelta(0)
        """How far the commune's time, by which it begins, is ahead of the own clock, in which receipts are written."""
        self._ended_at = self._opened_at
        self._volume = desk.programme.volume_of(one)
        self._is_told = False
        self._sound = "none"
        self.failure: SinkError | None = None
        """Why the device gave up in the middle."""

    def perform(self) -> bool:
        """Play it if it may sound; True when it began. Raises SinkError when no device can be had."""
        if not self._may_sound():
            return False
        amplifier = self._kit.amplifier
        amplifier.hold(is_playing=False)
        try:
            sink = self._kit.find_sink()
            sink.open(self._sounding.score.rate_hz, self._one.ask.occurrence)
            self._desk.output, self._desk.sound = sink.name, sink.kind
            return self._on(sink)
        finally:
            amplifier.release()

    def _on(self, sink: Sink) -> bool:
        self._elapsed = self._zero()
        is_due = self._wait()
        with self._desk.lock:
            if not is_due or not self._begin():
                sink.drop()
                return False
            self._desk.take_halt()
            self._desk.playing = self._one
        self._sound = sink.kind
        self._sounding.begin(self._kit.amplifier.warm_in_s())
        listening = self._kit.ear.listen()
        outcome = play(
            self._sounding.score,
            sink,
            self._elapsed,
            self._heed,
            self._desk.stage_wake,
            gain=self._gain(),
            monotonic=self._clock.monotonic,
        )
        self._sounding.end()
        self._kit.amplifier.hold(is_playing=False)
        if outcome.reason == "sound-failed":
            self.failure = SinkError(outcome.detail)
        state, reason = ended(
            outcome,
            self._sounding.score,
            is_emergency=self._is_emergency,
            has_words=self._sounding.has_words,
        )
        reason = reason or self._sounding.told
        self._put_down(outcome, state, reason)  # before all that only looks back
        self._tell_end(outcome, state, reason, self._verdict(outcome, listening, sink, state == "played"))
        return True

    def _verdict(
        self, outcome: Outcome, listening: Listening | None, sink: Sink, is_complete: bool
    ) -> Verdict:
        """How sure it is that it was heard. Never fails a play; never keeps the next one waiting."""
        if outcome.started_s is None or outcome.reason == "preempted":
            if listening is not None:
                listening.shut()
            return Verdict(0, "")
        heard = listening.stop() if listening is not None else None
        drawn = self._kit.amplifier.drawn(outcome.started_s, outcome.started_s + outcome.played_ms / 1000)
        played = self._sounding.kept() if heard is not None else np.zeros(0, dtype=np.int16)
        rate_hz = self._sounding.score.rate_hz
        try:
            return judge(played, rate_hz, outcome.started_s, heard, drawn, sink.kind, is_complete)
        except Exception as why:  # noqa: BLE001  (what was heard was heard: no sum of ours may end it again)
            log.error("no proof: %s", why, extra={"event": "proof-failed"})
            return Verdict(0, "")

    # -- before the first sample

    def _may_sound(self) -> bool:
        """The judgement at the real start; a refusal is recorded and reported."""
        desk, one = self._desk, self._one
        if desk.is_over(one):
            return False
        hindrance = self._hindrance()
        desk.hinder(one, hindrance)
        if hindrance:
            return False
        at = max(self._clock.now(), one.wanted_at)
        verdict = check(one.ask, desk.post(one), at, self._sounding.in_hand, self._sounding.total_ms / 1000)
        if isinstance(verdict, Allowed):
            return True
        log.warning("%s", verdict, extra={"event": "play-refused", "occurrence": one.ask.occurrence})
        if verdict.code not in PASSING:
            desk.note(one, "refused", verdict.code)
        return False

    def _zero(self) -> Callable[[float], float]:
        """Seconds since the wanted first sample, for any monotonic second. What is late begins at once; ordinary
        plays wait until the amplifier has warmed up."""
        one, now, now_s = self._one, self._opened_at, self._opened_s
        start = one.wanted_at
        lead_s = (start - since_signed(one.envelope, self._clock.state(), now)).total_seconds()
        early_s = EARLY_S if one.is_command else 0.0
        warm_s = 0.0 if self._is_emergency else self._kit.amplifier.warm_in_s()
        if lead_s <= early_s:
            return lambda at_s: at_s - now_s - warm_s
        aligned = self._kit.time.elapsed_of(start, now, now_s)
        self._moved = timedelta(seconds=self._kit.time.moves_s(now, now_s))
        shift_s = max(0.0, aligned(now_s) + warm_s)
        return lambda at_s: aligned(at_s) - shift_s

    def _wait(self) -> bool:
        """Wait until the intent is due; False when it no longer is to be played, or not now."""
        desk = self._desk
        while (left_s := -self._elapsed(self._clock.monotonic()) - INTENT_S) > 0:
            self._beat()
            if self._stop.is_set() or self._is_dropped() or self._hindrance() or self._was_stepped():
                return False
            if self._is_outranked():
                return False
            desk.stage_wake.wait(min(left_s, 0.1))
            desk.stage_wake.clear()
        return not self._stop.is_set()

    def _is_dropped(self) -> bool:
        """Whether the plan names it no longer, or something ended it."""
        desk, name = self._desk, self._one.ask.occurrence
        is_there = any(each.ask.occurrence == name for each in desk.programme.all())
        return not is_there or name in desk.programme.cancelled or desk.is_over(self._one)

    def _begin(self) -> bool:
        """Judge once more now that the device is open, then put the intent on the disk.

        Called with the desk's lock held: no stop can come between judgement and intent.
        """
        desk = self._desk
        if self._is_dropped() or not self._may_sound():
            return False
        try:
            desk.journal.begin(self._one, self._clock.now())
            desk.session.cleared("disk-full")
        except sqlite3.Error as why:
            desk.disk_trouble(why)
            return self._is_emergency  # it sounds even if it may sound twice
        return True

    # -- while it sounds

    def _heed(self) -> str:
        """Asked by the player: why it must end, empty to go on."""
        self._beat()
        if self._stop.is_set():
            return "power"
        reason = self._desk.take_halt(self._one.ask.occurrence) or self._hindrance()
        if reason:
            return reason
        elapsed_s = self._elapsed(self._clock.monotonic())
        if elapsed_s < 0 and self._was_stepped():
            return "clock-changed"
        if elapsed_s >= 0:
            self._kit.amplifier.hold(is_playing=True)
            self._tell_started()
        return "preempted" if self._is_outranked() else ""

    def _hindrance(self) -> str:
        """What keeps this house silent: an order, the mute key, or for all but emergencies a person speaking."""
        silenced = self._desk.silenced()
        if silenced:
            return silenced
        return "local-use" if self._kit.amplifier.microphone and not self._is_emergency else ""

    def _was_stepped(self) -> bool:
        """Whether somebody set the wall clock since the device was opened. An emergency does not ask."""
        walls_s = (self._clock.now() - self._opened_at).total_seconds()
        moved_s = walls_s - (self._clock.monotonic() - self._opened_s)
        return not self._is_emergency and abs(moved_s) > STEP_S

    def _is_outranked(self) -> bool:
        """Whether a play of a higher kind has come that is ready and would be let through."""
        desk, rank = self._desk, self._one.rank
        if not self._sounding.has_words and self._is_better_ready():
            return True
        agenda = desk.agenda(rank)
        soon = self._clock.now() + timedelta(seconds=YIELD_S)
        higher = [one for one in agenda.near if one.rank > rank and not one.envelope.drill]
        coming = [one for one in higher if one.wanted_at <= soon]
        better = [*agenda.dues, *(one for one in coming if one not in agenda.dues)]
        self._readying.ask(better)
        return any(self._would_sound(one) for one in better)

    def _is_better_ready(self) -> bool:
        """Whether, while this is a siren without words, another emergency is due that has its own."""
        others = [one for one in self._desk.agenda(RANK["emergency"] - 1).dues if one.ask != self._one.ask]
        return any(self._readying.get(one) is not None and self._would_sound(one) for one in others)

    def _would_sound(self, better: Play) -> bool:
        held = self._readying.get(better)
        if held is None and not self._readying.may_begin_with_siren(better):
            return False
        sound, lasts_s = (SIREN, 0.0) if held is None else (held.sound, held.score.total_ms / 1000)
        at = max(self._clock.now(), better.wanted_at)
        return isinstance(check(better.ask, self._desk.post(better), at, sound, lasts_s), Allowed)

    def _tell_started(self) -> None:
        """Once the first sample is out. The end's receipt has its time by the audio clock."""
        if self._is_told:
            return
        late_s = self._elapsed(self._clock.monotonic())
        self._is_told = True
        self._desk.receipt(
            self._one.ask,
            "playing",
            self._sounding.told,
            wanted_at=self._one.wanted_at - self._moved,
            started_at=self._clock.now() - timedelta(seconds=late_s),
            total_ms=self._sounding.total_ms,
            sound=self._sound,
            volume=self._volume,
        )
        self._desk.show()

    # -- after the last sample

    def _put_down(self, outcome: Outcome, state: PlayState, reason: str) -> None:
        """The end goes to the disk."""
        desk = self._desk
        if outcome.started_s is not None:
            self._tell_started()
        with desk.lock:
            desk.playing = None
            try:
                lasted_s = outcome.played_ms / 1000
                desk.journal.end(self._one.ask.occurrence, state, reason, self._clock.now(), lasted_s)
            except sqlite3.Error as why:
                desk.disk_trouble(why)
        self._ended_at = self._clock.now()
        desk.show()

    def _tell_end(self, outcome: Outcome, state: PlayState, reason: str, verdict: Verdict) -> None:
        self._desk.receipt(
            self._one.ask,
            state,
            reason,
            wanted_at=self._one.wanted_at - self._moved,
            started_at=self._began_at(outcome),
            ended_at=self._ended_at,
            played_ms=outcome.played_ms,
            total_ms=self._sounding.total_ms,
            repeat=outcome.repeats,
            sound=self._sound,
            frames=outcome.frames,
            rate_hz=self._sounding.score.rate_hz,
            volume=self._volume,
            underruns=outcome.underruns,
            proof_level=verdict.level,
            proof=verdict.proof,
            proof_score=verdict.score,
        )

    def _began_at(self, outcome: Outcome) -> datetime | None:
        """Wall time of the first sample: by the clock as it is now, which may have been corrected meanwhile."""
        if outcome.started_s is None:
            return None
        now, now_s = moment_of(self._clock)
        return now - timedelta(seconds=now_s - outcome.started_s)

    # -- small things

    @property
    def _is_emergency(self) -> bool:
        return self._one.envelope.is_emergency

    def _gain(self) -> float:
        """Half the volume sounds about half as loud, which is -12 dB."""
        return (self._volume / 100) ** 2
