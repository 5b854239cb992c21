"""Commands to play at once. An emergency's is kept on this disk: a restart must not make the node forget it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from broker.contract.hub import PlayNow
from broker.trust.envelope import Refused, parse_occurrence
from broker.trust.files import write_atomically
from edge.speaker.desk import Desk
from edge.speaker.firewall import Ask, check, is_usable
from edge.speaker.programme import BY_TIME, OVER, Mark, Play, command
from edge.speaker.refusals import Refusals

log = logging.getLogger(__name__)

MOST: Final = 20
"""Commands kept; beyond that the oldest go. A commune has one emergency at a time, rarely two."""

REOPENED: Final = BY_TIME | {"interrupted", "preempted"}
"""States after which an emergency may begin again all the same."""

SAID_TWICE_S: Final = 120.0
"""The wire may bring a command twice within this time of its play; after that somebody sends an old one again."""


class Commands:
    """Takes commands. For one thread."""

    def __init__(self, desk: Desk, file: Path) -> None:
        """file: where those of emergencies are kept."""
        self._desk = desk
        self._file = file
        self._refusals = Refusals(desk.clock)

    def take(self, message: PlayNow) -> None:
        """Take it up, or refuse it with a reason."""
        desk = self._desk
        ask = _ask_of(message)
        if ask is None:
            log.warning("a start nobody can reckon with", extra={"event": "play-refused"})
            return
        mark = desk.journal.mark(ask.occurrence)
        if mark is not None and (mark.starts or mark.state == "cancelled"):
            self._known_already(ask, mark)
            return
        play = self._judge(ask, message)
        if mark is not None and mark.state in BY_TIME and (isinstance(play, Refused) or desk.is_over(play)):
            self._known_already(ask, mark)
        elif isinstance(play, Refused):
            self._refuse(ask, play)
        else:
            self._take_up(play)
            if play.envelope.is_emergency:
                self._keep(message)

    def _judge(self, ask: Ask, message: PlayNow) -> Play | Refused:
        desk = self._desk
        with desk.lock:
            post = desk.planning_post(desk.programme, desk.clock.state())
        verdict = check(ask, post, max(ask.start, desk.clock.now()))
        if isinstance(verdict, Refused):
            return verdict
        if verdict.envelope.audio != message.media:
            return Refused("wrong-audio", "the command names another sound than was signed")
        return Play(ask, verdict.envelope, is_command=True)

    def _take_up(self, play: Play) -> None:
        desk = self._desk
        with desk.lock:
            desk.programme = command(desk.programme, play)
        if desk.store.path_of(play.envelope.audio.sha256) is None:
            desk.fetch_failures.pop(play.envelope.audio.sha256, None)
            desk.note(play, "fetching")
        desk.gather_wake.set()
        desk.stage_wake.set()

    def _keep(self, message: PlayNow) -> None:
        """Until it is over it outlasts a restart; what began and was cut off may begin again."""
        marks = self._desk.journal
        others = [
            each
            for each in self._read()
            if each.occurrence != message.occurrence
            and ((mark := marks.mark(each.occurrence)) is None or mark.state not in OVER - REOPENED)
        ]
        try:
            self._write([*others, message])
        except OSError as why:
            self._desk.disk_trouble(why)

    def recall(self) -> None:
        """Commands of before the restart, judged as if they had just come. Whatever is over or refused stays silent,
        and nobody is told again."""
        for message in self._read():
            ask = _ask_of(message)
            play = None if ask is None else self._judge(ask, message)
            if isinstance(play, Play) and play.envelope.is_emergency and not self._desk.is_over(play):
                self._take_up(play)

    def _known_already(self, ask: Ask, mark: Mark) -> None:
        """A command for what began, was cancelled or is past: the wire's second copy, or somebody's replay."""
        noted = self._desk.journal.noted_at(ask.occurrence)
        age_s = abs((self._desk.clock.now() - noted).total_seconds()) if noted is not None else 0.0
        if mark.state == "playing" or age_s <= SAID_TWICE_S:
            log.info("known already", extra={"event": "said-twice", "occurrence": ask.occurrence})
            return
        code = "replayed" if mark.starts else {"cancelled": "cancelled", "expired": "expired"}.get(mark.state)
        self._refuse(ask, Refused(code or "too-late", ask.occurrence))

    def _refuse(self, ask: Ask, why: Refused) -> None:
        """Log a refused command, and tell of it unless that was told just now or too much is told already."""
        log.warning("%s", why, extra={"event": "play-refused", "occurrence": ask.occurrence})
        if self._refusals.may_tell(ask.occurrence, why.code):
            self._desk.receipt(ask, "refused", why.code)

    def _read(self) -> Sequence[PlayNow]:
        """As they came, the oldest first."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[PlayNow])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as why:
            log.error("%s cannot be read: %s", self._file, why, extra={"event": "commands-damaged"})
            return []

    def _write(self, messages: Sequence[PlayNow]) -> None:
        write_atomically(self._file, msgspec.json.encode(messages[-MOST:]))


def _ask_of(message: PlayNow) -> Ask | None:
    """What a command asks for; None when nobody can reckon with its start."""
    if not is_usable(message.start):
        return None
    try:
        _, revision, _ = parse_occurrence(message.occurrence)
    except ValueError:
        revision = 0
    return Ask(message.occurrence, message.announcement, revision, message.start, message.signed)
