"""What the workers of a loudspeaker share: trust list, programme, journal, the wish to be silent, and reports.

Whoever changes what may sound holds `lock`; nothing slower than a journal entry happens under it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from datetime import datetime, timedelta

from broker.contract.speaker import PlayReceipt, PlayState, SpeakerStatus
from broker.link.clock import ClockState
from broker.link.media import MediaStore
from broker.link.outbox import OutboxFull
from broker.link.session import Session
from broker.trust.envelope import TrustBody
from edge.speaker.firewall import Ask, Post
from edge.speaker.journal import Journal
from edge.speaker.programme import Agenda, Mark, Play, Programme, decide, is_over, without_commands

log = logging.getLogger(__name__)


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
        self.is_chime_asked = False
        self._village = village
        self._commune = f"{session.place.province}/{session.place.commune}"
        self._halt = ""
        self._shown: SpeakerStatus | None = None

    @property
    def commune(self) -> str:
        """`province/commune` codes of this node."""
        return self._commune

    # -- judging

    def post(self, candidate: Play) -> Post:
        """This node for the firewall, at the real start of `candidate`."""
        now = self.clock.now()
        seen = {name for name, mark in self.journal.marks().items() if mark.starts}
        if not is_over(candidate, self.journal.mark(candidate.ask.occurrence)):
            seen.discard(candidate.ask.occurrence)  # an emergency that was cut off may begin again
        with self.lock:
            return Post(
                commune=self._commune,
                village=self._village,
                trust=self.trust,
                clock=self.clock.state(),
                quiet=self.programme.quiet,
                session_limit_s=self.programme.session_limit_s,
                seen=seen,
                cancelled=self.programme.cancelled,
                said=self.journal.said(now - timedelta(days=1)),
            )

    def planning_post(self, rules: Programme, clock: ClockState = "trusted") -> Post:
        """This node for the firewall while orders are taken: as if nothing had been played or said yet."""
        return Post(self._commune, self._village, self.trust, clock, rules.quiet, rules.session_limit_s)

    def agenda(self, playing_rank: int = 0) -> Agenda:
        """What is to be done now."""
        marks = self.journal.marks()
        with self.lock:
            self.programme = without_commands(self.programme, marks)
            programme = self.programme
        return decide(programme, marks, self.clock.now(), self.clock.state(), playing_rank)

    # -- silence

    def halt(self, reason: str) -> None:
        """Make what is playing fall silent."""
        self._halt = reason
        self.stage_wake.set()

    def take_halt(self) -> str:
        """The wish to be silent, once; empty when there is none."""
        reason, self._halt = self._halt, ""
        return reason

    # -- reports

    def note(self, play: Play, state: PlayState, reason: str = "") -> bool:
        """Record and report a change of state without sound. Nothing is said twice, nothing sounded is overwritten."""
        mark = self.journal.mark(play.ask.occurrence)
        if mark is not None and mark.starts and not _may_follow(mark, state):
            return False
        try:
            is_new = self.journal.note(play, state, reason, self.clock.now())
        except sqlite3.Error as why:
            self.disk_trouble(why)
            return False
        if is_new:
            self.receipt(play.ask, state, reason)
        return is_new

    def receipt(
        self,
        ask: Ask,
        state: PlayState,
        reason: str = "",
        *,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        played_ms: int | None = None,
        total_ms: int | None = None,
        repeat: int = 0,
        sound: str = "none",
        proof_level: int = 0,
    ) -> None:
        """Tell the hub of one change of state."""
        late_ms = None if started_at is None else round((started_at - ask.start).total_seconds() * 1000)
        self.tell(
            PlayReceipt(
                occurrence=ask.occurrence,
                announcement=ask.announcement,
                revision=ask.revision,
                state=state,
                at=self.clock.now(),
                planned_at=ask.start,
                started_at=started_at,
                ended_at=ended_at,
                late_ms=late_ms,
                played_ms=played_ms,
                total_ms=total_ms,
                repeat=repeat,
                sound="card" if sound == "card" else "file" if sound == "file" else "none",
                proof_level=proof_level,
                reason=reason,
            )
        )
        log.info(
            "%s %s",
            state,
            reason,
            extra={"event": f"play-{state}", "occurrence": ask.occurrence, "reason": reason},
        )

    def tell(self, message: PlayReceipt) -> None:
        """Put a receipt into the outbox; a full outbox is shown and never stops a play."""
        try:
            self.session.send(message)
            self.session.cleared("outbox-full")
        except OutboxFull as why:
            self.session.problem("outbox-full", str(why))

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
                doing="playing" if playing else "fetching" if self.fetching else "idle",
                since=self.clock.now(),
                output=self.output,
                occurrence=playing.ask.occurrence if playing else "",
                plan_generation=self.programme.generation,
                trust_generation=trust.generation if trust else 0,
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
