"""What the workers of a loudspeaker share: trust list, programme, journal, the wish to be silent, and reports.

Whoever changes what may sound holds `lock`; nothing slower than a journal entry happens under it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from broker.contract.hub import TestSpeaker
from broker.contract.speaker import PlayReceipt, PlayState, Proof, SpeakerStatus
from broker.link.clock import ClockState
from broker.link.media import MediaStore
from broker.link.session import Session
from broker.trust.envelope import TrustBody
from edge.speaker.firewall import Ask, Post
from edge.speaker.journal import Journal, Note
from edge.speaker.programme import Agenda, Mark, Play, Programme, decide, is_over, without_commands
from edge.speaker.receipts import Receipts, teller
from edge.speaker.silence import Silence

log = logging.getLogger(__name__)

FAILED: Final = frozenset({"sound-failed", "no-audio", "wrong-audio", "no-space", "disk-full"})
"""What hindered a play so that it counts as failed; hindered by anything else it was missed."""
LONGEST_NAME: Final = 120
"""Characters of a name that a receipt repeats; what nobody signed may be of any length."""


class Desk:
    """The shared state of one loudspeaker."""

    def __init__(self, session: Session, village: str, journal: Journal, store: MediaStore) -> None:
        self.session = session
        self.clock = session.clock
        self.journal = journal
        self.store = store
        self.lock = threading.RLock()
        self.trust: TrustBody | None = None
        self.programme = Programme()
        self.playing: Play | None = None
        self.fetching = ""
        self.output = ""
        self.stage_wake = threading.Event()
        self.gather_wake = threading.Event()
        self.fetch_failures: dict[str, int] = {}
        """Failed tries by hash since the sound is wanted."""
        self.spoiled: dict[str, int] = {}
        """Times by hash that what was fetched could not be read as sound."""
        self.is_chime_asked = False
        self.test_asked: TestSpeaker | None = None
        """The newest order to sound the test chime; whoever takes it puts None."""
        self.is_testing = False
        self.sound: Literal["card", "file", "none"] = "none"
        """Whether a loudspeaker can be behind `output`."""
        self.amplifier_mute: Callable[[], bool] = _never
        """Whether the key switch of this house stands on silence."""
        self.silence = Silence(session.clock)
        self._receipts = Receipts(session, journal)
        self._hindered: dict[str, str] = {}
        self._village = village
        self._commune = f"{session.place.province}/{session.place.commune}"
        self._halt = ("", "")
        self._halt_lock = threading.Lock()
        self._shown: SpeakerStatus | None = None
        self._tell_what_is_owed()
        if not journal.is_lasting:
            session.problem(
                "no-journal",
                "Điểm không mở được nhật ký phát nên chỉ phát tin khẩn cấp; xin kiểm tra thẻ nhớ và khởi động lại máy.",
            )
        if journal.is_after_damage:
            session.problem(
                "journal-damaged", "Nhật ký phát của điểm bị hỏng, đã mở quyển mới; xin kiểm tra thẻ nhớ."
            )

    @property
    def commune(self) -> str:
        """`province/commune` codes of this node."""
        return self._commune

    # -- judging

    def post(self, candidate: Play) -> Post:
        """This node for the firewall, at the real start of `candidate`."""
        now = self.clock.now()
        mark = self.journal.mark(candidate.ask.occurrence)
        has_sounded = mark is not None and mark.starts > 0 and self.is_over(candidate)
        with self.lock:
            return Post(
                commune=self._commune,
                village=self._village,
                trust=self.trust,
                clock=self.clock.state(),
                quiet=self.programme.quiet,
                session_limit_s=self.programme.session_limit_s,
                seen=(candidate.ask.occurrence,) if has_sounded else (),
                cancelled=self.programme.cancelled,
                said=self.journal.said(now - timedelta(days=1)),
                forgotten_until=self.journal.forgotten_until,
                is_forgetful=not self.journal.is_lasting,
                silenced=self.silenced(),
            )

    def is_over(self, play: Play) -> bool:
        """Whether nothing is left to do for it, by the journal and the time it is."""
        believed = None if self.clock.state() == "unknown" else self.clock.now()
        return is_over(play, self.journal.mark(play.ask.occurrence), believed)

    def planning_post(self, rules: Programme, clock: ClockState = "trusted") -> Post:
        """This node for the firewall while orders are taken: as if nothing had been played or said yet."""
        return Post(self._commune, self._village, self.trust, clock, rules.quiet, rules.session_limit_s)

    def agenda(self, playing_rank: int = 0) -> Agenda:
        """What is to be done now. What hindered a play that is over stands as its reason."""
        marks = self.journal.marks()
        silenced = self.silenced()
        with self.lock:
            self.programme = without_commands(self.programme, marks)
            programme = self.programme
            agenda = decide(
                programme,
                marks,
                self.clock.now(),
                self.clock.state(),
                playing_rank,
                is_silenced=bool(silenced),
            )
            for play in agenda.hindered:
                self.hinder(play, silenced)
            over = tuple((play, *self._ended(play, state, reason)) for play, state, reason in agenda.over)
            known = {play.ask.occurrence for play in (*agenda.wanted, *(play for play, _, _ in over))}
            self._hindered = {name: why for name, why in self._hindered.items() if name in known}
        return replace(agenda, over=over)

    def turn_drills_away(self) -> None:
        """A drill that is due while something sounds is told of at once: it neither breaks in nor is made up for."""
        playing = self.playing
        for one in self.agenda(playing.rank).idle if playing is not None else ():
            self.note(one, "refused", "drill-waits")

    def hinder(self, play: Play, reason: str) -> None:
        """Why a play that is due does not start; should its time pass, this becomes its reason. "" takes it back."""
        with self.lock:
            self._hindered.pop(play.ask.occurrence, None)
            if reason:
                self._hindered[play.ask.occurrence] = reason

    def _ended(self, play: Play, state: PlayState, reason: str) -> tuple[PlayState, str]:
        why = self._hindered.get(play.ask.occurrence, "")
        if state != "missed" or not why:
            return state, reason
        return ("failed" if why in FAILED else "missed"), why

    # -- silence

    def silenced(self) -> str:
        """Why nothing may sound now, an emergency neither: "silenced" by the commune, "muted-here", or empty."""
        if self.silence.holds():
            return "silenced"
        return "muted-here" if self.amplifier_mute() else ""

    def keys_turned(self) -> None:
        """Somebody turned a key at the amplifier: whoever plays looks at once, and the commune sees it."""
        self.stage_wake.set()
        self.show()

    def halt(self, reason: str, occurrence: str = "") -> None:
        """Make what is playing fall silent; of one play only, where it is named."""
        with self._halt_lock:
            self._halt = (reason, occurrence)
        self.stage_wake.set()

    def take_halt(self, occurrence: str = "") -> str:
        """The wish that this be silent, once; empty when there is none.

        A wish meant for another play is forgotten: that one sounds no longer, and its end must not end this one.
        """
        with self._halt_lock:
            (reason, meant), self._halt = self._halt, ("", "")
        return reason if meant in ("", occurrence) else ""

    # -- reports

    def note(self, play: Play, state: PlayState, reason: str = "") -> bool:
        """Record and report a change of state without sound. Nothing is said twice, nothing sounded is overwritten."""
        mark = self.journal.mark(play.ask.occurrence)
        if mark is not None and mark.starts and not _may_follow(mark, state):
            return False
        return self.note_entry(play.ask, play.envelope.kind, state, reason)

    def note_entry(self, ask: Ask, kind: str, state: PlayState, reason: str) -> bool:
        """The same for what has no envelope that can be believed; False when that was its state already."""
        return bool(self.note_all([Note(ask, kind, state, reason)]))

    def note_all(self, notes: Sequence[Note]) -> int:
        """The same for many, and how many were news: the disk is waited for once, however much a plan brings."""
        told = [
            replace(each, tell=teller(self._written(each.ask, each.state, each.reason))) for each in notes
        ]
        try:
            news = self.journal.note_all(told, self.clock.now()) if told else []
        except sqlite3.Error as why:
            self.disk_trouble(why)
            return 0
        if news:
            self._receipts.flush()
        for each in news:
            _log_change(each.ask, each.state, each.reason)
        return len(news)

    def receipt(
        self,
        ask: Ask,
        state: PlayState,
        reason: str = "",
        *,
        wanted_at: datetime | None = None,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        played_ms: int | None = None,
        total_ms: int | None = None,
        repeat: int = 0,
        sound: str = "none",
        proof_level: int = 0,
        proof: Proof = "",
        proof_score: float | None = None,
        frames: int | None = None,
        rate_hz: int | None = None,
        volume: int | None = None,
        underruns: int = 0,
    ) -> None:
        """Tell the hub of one change of state that the journal has: first in the chain, then in the outbox.

        wanted_at: when the first sample was to sound here, where that is not the planned start (Play.wanted_at).
        """
        late_ms = None
        if started_at is not None:
            late_ms = round((started_at - (wanted_at or ask.start)).total_seconds() * 1000)
        told = msgspec.structs.replace(
            self._written(ask, state, reason),
            started_at=started_at,
            ended_at=ended_at,
            late_ms=late_ms,
            played_ms=played_ms,
            total_ms=total_ms,
            repeat=repeat,
            sound="card" if sound == "card" else "file" if sound == "file" else "none",
            proof_level=proof_level,
            proof=proof,
            proof_score=proof_score,
            frames=frames,
            rate_hz=rate_hz,
            volume=volume,
            underruns=underruns,
        )
        if not self._receipts.add(told):
            self.disk_trouble(OSError("a receipt waits in memory"))
        _log_change(ask, state, reason)

    def catch_up(self) -> None:
        """Send what the disk or the outbox refused before, and say when silence came or went by itself. Cheap; asked
        again and again."""
        self._receipts.catch_up()
        if self._shown is not None and self._shown.silenced != _SILENCED[self.silenced()]:
            self.stage_wake.set()
            self.show()

    def _written(self, ask: Ask, state: PlayState, reason: str) -> PlayReceipt:
        """A receipt of this moment, without its place in the chain."""
        return PlayReceipt(
            occurrence=ask.occurrence[:LONGEST_NAME],
            announcement=ask.announcement[:LONGEST_NAME],
            revision=ask.revision,
            state=state,
            at=self.clock.now(),
            planned_at=ask.start,
            reason=reason,
            clock=self.clock.state(),
            clock_error_ms=self.clock.error_ms(),
        )

    def _tell_what_is_owed(self) -> None:
        """A process that ended between a change of state and its receipt leaves the receipt to the next."""
        try:
            for ask, owed in self.journal.owed():
                self.receipt(ask, owed.state, owed.reason, started_at=owed.started_at, ended_at=owed.ended_at)
            self._receipts.flush()
        except sqlite3.Error as why:
            self.disk_trouble(why)

    def disk_trouble(self, why: Exception) -> None:
        """The journal cannot be written: show it."""
        if "disk-full" not in self.session.problems:
            log.error("the disk does not take it: %s", why, extra={"event": "disk-full"})
        self.session.problem("disk-full", "Điểm không ghi được nhật ký phát; xin kiểm tra thẻ nhớ.")

    def show(self) -> None:
        """Say what the loudspeaker is doing, when that has changed."""
        with self.lock:
            playing, trust = self.playing, self.trust
            status = SpeakerStatus(
                doing="playing"
                if playing
                else "testing"
                if self.is_testing
                else "fetching"
                if self.fetching
                else "idle",
                since=self.clock.now(),
                output=self.output,
                occurrence=playing.ask.occurrence if playing else "",
                plan_generation=self.programme.generation,
                trust_generation=trust.generation if trust else 0,
                sound=self.sound,
                silenced=_SILENCED[self.silenced()],
            )
            before = self._shown
            if before is not None:
                if before.doing == status.doing:
                    status.since = before.since
                if before == status:
                    return
            self._shown = status
            self.session.send(status)


def _may_follow(mark: Mark, state: PlayState) -> bool:
    """After a cut-off emergency the same occurrence may be cancelled, expire or be armed again."""
    return mark.state in ("interrupted", "preempted", "playing") and state in (
        "cancelled",
        "expired",
        "armed",
        "refused",
    )


def _never() -> bool:
    """Where no key switch is wired."""
    return False


def _log_change(ask: Ask, state: PlayState, reason: str) -> None:
    log.info(
        "%s %s",
        state,
        reason,
        extra={"event": f"play-{state}", "occurrence": ask.occurrence, "reason": reason},
    )


_SILENCED: Final[dict[str, Literal["", "commune", "here"]]] = {
    "": "",
    "silenced": "commune",
    "muted-here": "here",
}
