"""Takes orders: trust lists, plans, commands to play, and a neighbour's wish for a chime."""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path
from typing import Final, Literal

import msgspec

from broker.contract import Received
from broker.contract.hub import PlayNow, PlayPlan, Signed, StopPlay, TestSpeaker, TrustPlan
from broker.contract.kiosk import HelperCalled
from broker.contract.message import SMALL
from broker.contract.speaker import PlanApplied, Refusal
from broker.link.inbox import Inbox
from broker.link.outbox import OutboxFull
from broker.link.plans import find_signed, keep_signed
from broker.link.service import Beat
from broker.trust.envelope import (
    Envelope,
    PlaysBody,
    Refused,
    TrustBody,
    open_announcement,
    open_signed,
    open_trust,
)
from broker.trust.reasons import sentence
from edge.speaker.commands import Commands
from edge.speaker.desk import Desk
from edge.speaker.firewall import NOTHING, Ask, at_least, check
from edge.speaker.journal import Note
from edge.speaker.programme import OVER, Play, Programme, apply
from edge.speaker.stopping import Stopping

log = logging.getLogger(__name__)

Order = Literal["trust", "plan"]

MOST_NAMED = 100
"""Occurrences named in each list of one PlanApplied."""

ROOM_BYTES: Final = SMALL - 1024
"""For the names in one PlanApplied, beside its frame and what else stands in it."""


class Orders:
    """The worker that listens."""

    def __init__(
        self, desk: Desk, home: Path, root_public: str, inbox: Inbox[Received], stopping: Stopping
    ) -> None:
        """home: folder where orders are kept, so that the node goes on without a hub.
        root_public: the commune's root key, PEM; it alone makes a trust list believed.
        stopping: obeys a stop at once; here it only reaches what waited before it among the orders."""
        self._desk = desk
        self._stopping = stopping
        self._home = home
        self._root = root_public
        self._inbox = inbox
        self._waiting_plan: Signed | None = None
        self._in_force = self._newest = ""
        self._commands = Commands(desk, home / "commands.json")

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Take what comes until `stop`."""
        while not stop.is_set():
            beat()
            self._desk.catch_up()
            self._desk.turn_drills_away()
            received = self._inbox.get(0.25)
            if received is not None:
                self.take(received.message)

    def recall(self) -> None:
        """Take up the orders kept on disk, checked as if they had just come."""
        trust, plan = self._kept("trust"), self._kept("plan")
        if trust is not None:
            self._trust(trust, is_kept=True)
        if plan is not None:
            self._plan(plan, is_kept=True)
        self._commands.recall()

    def take(self, message: object) -> None:
        """Obey one message, or refuse it with a reason."""
        if isinstance(message, StopPlay):
            self._stopping.cancel(message)
        elif isinstance(message, PlayNow):
            self._commands.take(message)
        elif isinstance(message, TrustPlan):
            self._trust(message.signed)
        elif isinstance(message, PlayPlan):
            self._plan(message.signed)
        elif isinstance(message, HelperCalled):
            self._desk.is_chime_asked = True
            self._desk.stage_wake.set()
        elif isinstance(message, TestSpeaker):
            self._desk.test_asked = message
            self._desk.stage_wake.set()

    def _trust(self, signed: Signed, *, is_kept: bool = False) -> None:
        desk = self._desk
        try:
            trust = open_trust(signed, self._root)
            if trust.commune != desk.commune:
                raise Refused("wrong-commune", trust.commune)
            before = desk.trust
            if before is not None and trust != before and trust.generation <= before.generation:
                raise Refused("old-generation", f"{trust.generation}, in force is {before.generation}")
        except Refused as why:
            self._complain("trust-refused", "Danh sách tin cậy", why)
            return
        desk.session.cleared("trust-refused")
        if trust == before:
            return
        if not is_kept:
            self._keep("trust", signed)
        self._believe(trust)

    def _believe(self, trust: TrustBody) -> None:
        """A new list judges everything anew: the plan in force and one that came too early."""
        with self._desk.lock:
            self._desk.trust = trust
            current = self._desk.playing
        if current is not None and self._is_disowned(current, trust):
            self._desk.halt("revoked", current.ask.occurrence)
        log.info("trust list %d", trust.generation, extra={"event": "trust-applied"})
        waiting = self._waiting_plan
        self._waiting_plan, self._in_force = None, ""
        signed = waiting or self._kept("plan")
        if signed is not None:
            self._plan(signed, is_kept=waiting is None)
        self._desk.show()

    def _is_disowned(self, current: Play, trust: TrustBody) -> bool:
        """Whether what sounds now was signed by a key that the commune believes no longer; the end of a key's time
        does not stop what has begun."""
        try:
            open_announcement(current.ask.signed, trust, self._desk.clock.now())
        except Refused as why:
            if why.code != "one-signer":
                return why.code in ("unknown-key", "wrong-role")
            believed = {key.key for key in trust.keys if "emergency" in key.roles}
            beforehand = msgspec.json.decode(current.ask.signed.body, type=Envelope).template
            signatures = (*current.ask.signed.signatures, *(beforehand.signatures if beforehand else ()))
            return not believed.issuperset(one.key for one in signatures)
        return False

    def _plan(self, signed: Signed, *, is_kept: bool = False) -> None:
        desk = self._desk
        if signed.body == self._in_force:
            desk.session.cleared("plan-refused")
            return
        try:
            programme, body = self._judge_plan(signed)
        except Refused as why:
            if why.code in ("no-trust", "unknown-key", "key-expired"):
                self._waiting_plan = signed
            self._complain("plan-refused", "Lịch phát", why)
            return
        desk.session.cleared("plan-refused")
        if not is_kept:
            self._keep("plan", signed)
        with desk.lock:
            before, desk.programme = desk.programme, programme
            self._in_force = self._newest = signed.body
            current = desk.playing
        desk.silence.plan(body.made_at, body.silent_until)
        if current is not None:
            self._hush(current, programme)
        self._settle(before, programme)
        if programme.generation > before.generation and not is_kept:
            self._report(programme)
        log.info("plan %d", body.generation, extra={"event": "plan-applied", "count": len(programme.plays)})
        desk.gather_wake.set()
        desk.stage_wake.set()
        desk.show()

    def _judge_plan(self, signed: Signed) -> tuple[Programme, PlaysBody]:
        desk = self._desk
        if desk.trust is None:
            raise Refused("no-trust", "a plan came before any trust list")
        now = at_least(desk.trust, desk.clock.state(), desk.clock.now())
        body = open_signed(signed, "plays", desk.trust, "hub", now, PlaysBody)
        if body.generation == desk.programme.generation and signed.body != self._newest:
            raise Refused("old-generation", f"{body.generation} is in force with another text")
        rules = Programme(quiet=body.quiet, session_limit_s=body.session_limit_s)
        post = desk.planning_post(rules)
        node = desk.session.who.node
        return apply(desk.programme, body, node, lambda ask: check(ask, post, ask.start)), body

    def _hush(self, current: Play, programme: Programme) -> None:
        """Silence what sounds where the new plan says so: first of all, for the disk may be slow."""
        why = "cancelled" if current.ask.occurrence in programme.cancelled else self._desk.silenced()
        if why:
            self._desk.halt(why, current.ask.occurrence)

    def _settle(self, before: Programme, programme: Programme) -> None:
        """Report what the new plan makes of each play."""
        desk = self._desk
        reopened = {one.entry.occurrence for one in before.rejected}
        notes: list[Note] = []
        for play in programme.plays:
            mark = desk.journal.mark(play.ask.occurrence)
            is_fresh = mark is None or (mark.state == "refused" and play.ask.occurrence in reopened)
            if is_fresh and desk.clock.now() <= play.latest:
                is_here = desk.store.path_of(play.envelope.audio.sha256) is not None
                notes.append(Note(play.ask, play.envelope.kind, "ready" if is_here else "fetching"))
        for one in programme.rejected:
            mark, entry = desk.journal.mark(one.entry.occurrence), one.entry
            if mark is None or not (mark.starts or mark.state in OVER - {"refused"}):
                ask = Ask(entry.occurrence, entry.announcement, entry.revision, entry.start, NOTHING)
                notes.append(Note(ask, "routine", "refused", one.code))
        desk.note_all(notes)

    def _report(self, programme: Programme) -> None:
        desk = self._desk
        marks = desk.journal.marks()
        ready: list[str] = []
        missing: list[str] = []
        for play in programme.plays:
            mark = marks.get(play.ask.occurrence)
            if mark is None or mark.state not in OVER:
                is_here = desk.store.path_of(play.envelope.audio.sha256) is not None
                (ready if is_here else missing).append(play.ask.occurrence)
        refused = [Refusal(occurrence=one.entry.occurrence, reason=one.code) for one in programme.rejected]
        told = _fitting(
            PlanApplied(
                generation=programme.generation,
                at=desk.clock.now(),
                ready=ready[:MOST_NAMED],
                missing=missing[:MOST_NAMED],
                refused=refused[:MOST_NAMED],
            )
        )
        try:
            desk.session.send(told)
        except OutboxFull as why:
            desk.session.problem("outbox-full", str(why))
        except sqlite3.Error as why:  # the hub sees the generation in the next status
            desk.disk_trouble(why)

    def _kept(self, what: Order) -> Signed | None:
        return find_signed(self._home / f"{what}.json")

    def _keep(self, what: Order, signed: Signed) -> None:
        """Write an order to disk; when the disk is full it is obeyed all the same."""
        try:
            keep_signed(self._home / f"{what}.json", signed)
        except OSError as why:
            self._desk.disk_trouble(why)

    def _complain(self, code: str, what: str, why: Refused) -> None:
        log.warning("%s: %s", code, why, extra={"event": code, "reason": why.code})
        self._desk.session.problem(code, f"{what} bị từ chối: {sentence(why.code)}")


def _fitting(told: PlanApplied) -> PlanApplied:
    """As much of the lists as one packet takes: what is refused first, for nothing else tells of it as soon."""
    left = ROOM_BYTES
    lists: dict[str, list[object]] = {}
    for name in ("refused", "missing", "ready"):
        lists[name] = []
        for each in getattr(told, name):
            left -= len(msgspec.json.encode(each)) + 1
            if left < 0:
                break
            lists[name].append(each)
    return msgspec.structs.replace(told, **lists)
