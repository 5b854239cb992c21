"""Obeys orders to be silent. They have a worker of their own: no long plan and no slow disk keeps them waiting."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta
from typing import Final

from broker.contract import Received
from broker.contract.hub import StopPlay
from broker.link.inbox import Inbox
from broker.link.service import Beat
from broker.trust.envelope import parse_occurrence
from edge.speaker.desk import Desk
from edge.speaker.firewall import EARLY_S, NOTHING, Ask, since_signed
from edge.speaker.journal import KEPT_DAYS
from edge.speaker.programme import MOST_NAME, Play
from edge.speaker.refusals import Refusals

log = logging.getLogger(__name__)

MOST_FORBIDDEN: Final = 1000
"""Stops a day that are remembered for plays nobody knows here: nobody may fill the journal with made-up names."""


class Stopping:
    """The worker that makes silence. Safe for several threads."""

    def __init__(self, desk: Desk, inbox: Inbox[Received]) -> None:
        self._desk = desk
        self._inbox = inbox
        self._forbidden = Refusals(desk.clock, MOST_FORBIDDEN)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Obey what comes until `stop`."""
        while not stop.is_set():
            beat()
            received = self._inbox.get(0.25)
            if received is not None and isinstance(received.message, StopPlay):
                self.take(received.message)

    def take(self, message: StopPlay) -> None:
        """Silence wins: over what plays, over what is about to play, and over a command not heard yet."""
        desk = self._desk
        with desk.lock:
            current = desk.playing
            if current is not None and self._is_meant(message, current):
                desk.halt("stopped", current.ask.occurrence)
            if not message.occurrence and (current is None or self._is_meant(message, current)):
                desk.silence.stop(message.at)
            self.cancel(message)
            names = [play.ask.occurrence for play in desk.programme.all()]
            if message.occurrence and message.occurrence not in names:
                self._forbid(message.occurrence)
        desk.stage_wake.set()

    def cancel(self, message: StopPlay) -> None:
        """What is known and not over is cancelled; also what waited among the orders while the stop was obeyed."""
        desk = self._desk
        now, clock = desk.clock.now(), desk.clock.state()
        with desk.lock:
            for play in desk.programme.all():
                lead_s = (play.ask.start - since_signed(play.envelope, clock, now)).total_seconds()
                is_near = bool(message.occurrence) or lead_s <= EARLY_S
                if play == desk.playing or not is_near or not self._is_meant(message, play):
                    continue
                if not desk.is_over(play):
                    desk.note(play, "cancelled", "stopped")

    def _is_meant(self, message: StopPlay, play: Play) -> bool:
        """The one that is named; without a name all that was signed by then. An order that comes late says nothing
        of an emergency that is newer."""
        if message.occurrence:
            return message.occurrence == play.ask.occurrence
        is_newer = message.at.tzinfo is not None and play.envelope.issued_at > message.at
        return not (is_newer and play.envelope.is_emergency)

    def _forbid(self, occurrence: str) -> None:
        """Remember a stop that overtook its play, so that the play never starts."""
        desk = self._desk
        try:
            announcement, revision, start = parse_occurrence(occurrence)
        except ValueError:
            log.warning("stop for an unknown name", extra={"event": "stop-unknown"})
            return
        if len(occurrence) > MOST_NAME or desk.journal.mark(occurrence) is not None:
            return
        if self._is_far(start) or not self._forbidden.may_tell(occurrence, "stopped"):
            log.warning("stop for an unlikely name", extra={"event": "stop-unlikely"})
            return
        ask = Ask(occurrence, announcement, revision, start, NOTHING)
        desk.note_entry(ask, "routine", "cancelled", "stopped")

    def _is_far(self, start: datetime) -> bool:
        """Whether no key can have signed this start, as far as the clock can be believed."""
        clock = self._desk.clock
        return clock.state() != "unknown" and abs(start - clock.now()) > timedelta(days=KEPT_DAYS)
