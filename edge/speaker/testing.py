"""Sounds the node's own test chime when it is asked for or the week is round, and says what came of it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from broker.contract.speaker import SpeakerTested
from broker.link.clock import LOCAL
from broker.link.outbox import OutboxFull
from broker.link.service import Beat
from broker.trust.files import write_atomically
from edge.speaker.desk import Desk
from edge.speaker.kit import Kit
from edge.speaker.player import Score, play
from edge.speaker.programme import Agenda
from edge.speaker.proof import judge
from edge.speaker.self_test import chime_for_tests, may_test, weekly_due
from edge.speaker.sinks import Sink, SinkError

log = logging.getLogger(__name__)

TEST_HZ: Final = 16_000

REFUSALS: Final = 6
REFUSALS_S: Final = 600.0
"""At most so many refusals are told in so long."""


class Testing:
    """Belongs to the stage's thread."""

    __test__ = False  # pytest must not take it for tests

    def __init__(self, desk: Desk, kit: Kit, home: Path) -> None:
        """home: folder of the loudspeaker's own files."""
        self._desk = desk
        self._kit = kit
        self._file = home / "tested-at"
        self._last = _read(self._file)
        self._refused_s: deque[float] = deque(maxlen=REFUSALS)

    def run(self, agenda: Agenda, stop: threading.Event, beat: Beat) -> bool:
        """Test if somebody asked or the week is round; True when it sounded. agenda: as it is now."""
        desk = self._desk
        asked, desk.test_asked = desk.test_asked, None
        now = desk.clock.now()
        is_weekly = asked is None and self._is_week_round(now)
        if asked is None and not is_weekly:
            return False
        told = SpeakerTested(
            test=asked.test if asked else f"{desk.session.who.node}-{now.astimezone(LOCAL):%Y%m%d}",
            at=now,
            is_weekly=is_weekly,
            volume=desk.programme.tuning.routine_percent,
            reason=self._why_not(agenda, now),
        )
        if told.reason and (is_weekly or not self._may_refuse()):
            return False  # a weekly test is tried again within its hour
        if not told.reason:
            self._remember(now)
            told = self._sound(told, stop, beat)
        try:
            desk.session.send(told)
        except OutboxFull as why:
            desk.session.problem("outbox-full", str(why))
        except sqlite3.Error as why:
            desk.disk_trouble(why)
        return not told.reason

    def _may_refuse(self) -> bool:
        """Whether one more refusal is told: a flood of orders is not answered with a flood of events."""
        now_s = self._desk.clock.monotonic()
        if len(self._refused_s) == REFUSALS and now_s - self._refused_s[0] < REFUSALS_S:
            return False
        self._refused_s.append(now_s)
        return True

    def _is_week_round(self, now: datetime) -> bool:
        desk = self._desk
        tuning, house = desk.programme.tuning, desk.session.who.node
        return desk.clock.state() != "unknown" and weekly_due(tuning, self._last, now, house)

    def _why_not(self, agenda: Agenda, now: datetime) -> str:
        desk = self._desk
        return may_test(
            quiet=desk.programme.quiet,
            clock=desk.clock.state(),
            now=now,
            last=self._last,
            silenced=desk.silenced(),
            is_microphone_on=self._kit.amplifier.microphone,
            is_busy=bool(agenda.near),
        )

    def _sound(self, told: SpeakerTested, stop: threading.Event, beat: Beat) -> SpeakerTested:
        desk, amplifier = self._desk, self._kit.amplifier
        tune = chime_for_tests(TEST_HZ, desk.session.who.node)
        score = Score((tune,), TEST_HZ, (len(tune),))
        amplifier.hold(is_playing=False)
        desk.is_testing = True
        desk.show()
        try:
            sink = self._kit.find_sink()
            sink.open(TEST_HZ, "test")
            return self._judged(told, score, sink, stop, beat)
        except SinkError as why:
            log.error("%s", why, extra={"event": "sound-failed"})
            return msgspec.structs.replace(told, reason="sound-failed")
        finally:
            amplifier.release()
            desk.is_testing = False
            desk.show()

    def _judged(
        self, told: SpeakerTested, score: Score, sink: Sink, stop: threading.Event, beat: Beat
    ) -> SpeakerTested:
        desk, amplifier = self._desk, self._kit.amplifier
        zero_s = desk.clock.monotonic() + amplifier.warm_in_s()

        def heed() -> str:
            beat()
            if desk.clock.monotonic() >= zero_s:
                amplifier.hold(is_playing=True)
            if stop.is_set():
                return "power"
            reason = desk.take_halt() or desk.silenced()
            if reason or amplifier.microphone:
                return reason or "local-use"
            return "preempted" if desk.agenda().near else ""

        listening = self._kit.ear.listen()
        outcome = play(
            score,
            sink,
            lambda at_s: at_s - zero_s,
            heed,
            desk.stage_wake,
            gain=(told.volume / 100) ** 2,
            monotonic=desk.clock.monotonic,
        )
        heard = listening.stop() if listening is not None else None
        began_s = zero_s if outcome.started_s is None else outcome.started_s
        drawn = amplifier.drawn(began_s, began_s + outcome.played_ms / 1000)
        verdict = judge(
            score.parts[0],
            TEST_HZ,
            began_s,
            heard,
            drawn,
            sink.kind,
            is_complete=not outcome.reason,
        )
        return msgspec.structs.replace(
            told,
            sound=sink.kind,
            frames=outcome.frames,
            underruns=outcome.underruns,
            proof_level=verdict.level,
            proof=verdict.proof,
            proof_score=verdict.score,
            reason=outcome.reason,
        )

    def _remember(self, now: datetime) -> None:
        """Before it sounds: a node that restarts again and again must not test again and again."""
        self._last = now
        try:
            write_atomically(self._file, now.isoformat().encode())
        except OSError as why:
            self._desk.disk_trouble(why)


def _read(path: Path) -> datetime | None:
    try:
        found = datetime.fromisoformat(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
    return found if found.tzinfo else None
