"""What a loudspeaker is to do and when: the plan taken over as a whole, then decisions at a given `now`.

Pure. What was done is not kept here but in the journal: `marks` tell how far each occurrence has come, so that
a clock that steps back starts nothing twice and a clock that leaps ahead replays nothing old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import msgspec

from broker.contract.hub import Media, Signed
from broker.contract.speaker import PlayState
from broker.link.clock import ClockState
from broker.trust.envelope import Envelope, PlayEntry, PlaysBody, Quiet, Refused, Tuning
from edge.speaker.firewall import (
    EARLY_S,
    NOTHING,
    Allowed,
    Ask,
    is_usable,
    latest_start,
    since_signed,
    tolerance_of,
)

ARM_S: Final = 60
"""So long before its start a play is held ready: decoded, or spoken by the node itself where no sound came."""

MOST_STARTS: Final = 4
"""An emergency that was cut off is started again at most three times; what gave way to somebody is not counted."""

NIGHT: Final = Quiet()
UNTUNED: Final = Tuning()
RANK: Final = {"relay": 1, "routine": 2, "priority": 3, "emergency": 4}
"""What breaks into what: a relayed programme gives way to everything that is announced."""
MOST_NAME: Final = 120
"""Characters of an occurrence's name; the longest that can be signed has 94."""
MOST_KEPT: Final = 16 << 20
"""Bytes of a sound that is kept at hand: ten minutes take a third of it. The hub alone asks for it, so that it may not
fill the disk with it."""
OVER: Final = frozenset(
    {"played", "interrupted", "preempted", "failed", "refused", "missed", "expired", "cancelled"}
)

CUT: Final = frozenset({"power", "preempted", "sound-failed", "muted-here", "local-use", "no-audio"})
"""An emergency that ended so begins again once nothing hinders it; after a siren without words (`no-audio`) once those
are here."""

GAVE_WAY: Final = CUT - {"power", "sound-failed", "no-audio"}
"""Ends that somebody wanted for a while: they wear nothing out, and use up none of the starts."""

BY_TIME: Final = frozenset({"expired", "missed"})
"""Given up because of what the clock said, which may have been wrong."""


@dataclass(frozen=True)
class Mark:
    """How far an occurrence has come on this node."""

    state: PlayState
    starts: int = 0
    reason: str = ""
    gave_way: int = 0
    """How many of the starts ended by one of GAVE_WAY."""


@dataclass(frozen=True)
class Play:
    """One play this node accepts for now; the firewall judges it again at its start."""

    ask: Ask
    envelope: Envelope
    is_command: bool = False
    """Asked for at once: people are waiting."""
    order: int = 0
    """The commune's order among plays of one kind that are due together; lower first."""
    offset: timedelta = timedelta(0)
    """So much later than planned it sounds here, so that neighbours do not speak into one another."""

    @property
    def rank(self) -> int:
        """4 emergency, 3 priority, 2 routine and drills, 1 a relayed programme."""
        return RANK[_rank_name(self.envelope)]

    @property
    def is_urgent(self) -> bool:
        """Whether it is made ready before all others: an emergency, or the drill of one."""
        return self.rank == RANK["emergency"] or self.envelope.drill

    @property
    def wanted_at(self) -> datetime:
        """When its first sample is wanted here."""
        return self.ask.start if self.is_command else self.ask.start + self.offset

    @cached_property
    def latest(self) -> datetime:
        """Until when it may begin."""
        return latest_start(self.envelope, self.ask.start, tolerance_of(self.envelope, self.ask.start) or 0)

    @property
    def is_followed(self) -> bool:
        """Whether it is an emergency that is said again before it ends."""
        return self.envelope.is_emergency and self.latest < self.envelope.expires


@dataclass(frozen=True)
class Rejected:
    """An entry that was asked for and is refused for now."""

    entry: PlayEntry
    code: str


@dataclass(frozen=True)
class Programme:
    """The plan in force, and commands that came beside it."""

    generation: int = 0
    quiet: Quiet = NIGHT
    session_limit_s: int = 0
    plays: tuple[Play, ...] = ()
    commands: tuple[Play, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    cancelled: frozenset[str] = frozenset()
    tuning: Tuning = UNTUNED
    made_at: datetime | None = None
    """When the hub wrote the plan; None before the first."""
    silent_until: datetime | None = None
    """Until then nothing sounds, by the commune's order."""
    keep: tuple[Media, ...] = ()
    """Sounds to have at hand though nothing is planned for them."""

    def volume_of(self, play: Play) -> int:
        """How loud it sounds here, in percent; a drill is as loud as what it rehearses."""
        kind, tuning = play.envelope.kind, self.tuning
        if kind == "emergency":
            return tuning.emergency_percent
        return tuning.priority_percent if kind == "priority" else tuning.routine_percent

    def all(self) -> tuple[Play, ...]:
        """Commands and planned plays, an occurrence once."""
        commanded = {play.ask.occurrence for play in self.commands}
        return (*self.commands, *(play for play in self.plays if play.ask.occurrence not in commanded))


@dataclass(frozen=True)
class Agenda:
    """What to do at one moment."""

    wanted: tuple[Play, ...] = ()
    """Plays whose sound is needed, the most urgent first."""
    near: tuple[Play, ...] = ()
    """Plays to decode and hold ready."""
    due: Play | None = None
    """The play to start now; where something is playing, it outranks that."""
    dues: tuple[Play, ...] = ()
    """All that could start now, `due` first: where one cannot sound, the next does."""
    over: tuple[tuple[Play, PlayState, str], ...] = ()
    """Plays whose time has passed, with the state and the reason to report."""
    hindered: tuple[Play, ...] = ()
    """Plays that would be due if nothing kept this loudspeaker silent."""
    idle: tuple[Play, ...] = ()
    """Drills that are due where something sounds or an emergency holds: they are not made up for."""


Judge = Callable[[Ask], Allowed | Refused]


def _rank_name(envelope: Envelope) -> str:
    if envelope.relay is not None:
        return "relay"
    return "routine" if envelope.drill else envelope.kind


class _Label(msgspec.Struct):
    announcement: str
    revision: int


def apply(current: Programme, body: PlaysBody, node: str, judge: Judge) -> Programme:
    """The programme after a new plan, taken over as a whole. Raises Refused for a foreign or an older plan.

    The same generation again is taken (a new trust list may judge its entries differently).
    """
    if body.node != node:
        raise Refused("wrong-node", f"plan of {body.node}, here is {node}")
    if body.generation < current.generation:
        raise Refused("old-generation", f"{body.generation}, in force is {current.generation}")
    if not all(is_usable(entry.start) for entry in body.plays):
        raise Refused("malformed", "a start without a zone or outside the calendar")
    if any(len(entry.occurrence) > MOST_NAME or len(entry.announcement) > MOST_NAME for entry in body.plays):
        raise Refused("malformed", "a name longer than any that is signed")
    signed = _by_label(body.announcements)
    plays: list[Play] = []
    rejected: list[Rejected] = []
    for entry in body.plays:
        ask = Ask(
            entry.occurrence,
            entry.announcement,
            entry.revision,
            entry.start,
            signed.get((entry.announcement, entry.revision), NOTHING),
        )
        verdict = judge(ask)
        if isinstance(verdict, Allowed):
            offset = _offset_of(entry, verdict.envelope, body.tuning)
            order = 0 if verdict.envelope.is_emergency else entry.order
            plays.append(Play(ask, verdict.envelope, order=order, offset=offset))
        else:
            rejected.append(Rejected(entry, verdict.code))
    return Programme(
        generation=body.generation,
        quiet=body.quiet,
        session_limit_s=body.session_limit_s,
        plays=tuple(plays),
        commands=current.commands,
        rejected=tuple(rejected),
        cancelled=frozenset(body.cancelled),
        tuning=body.tuning,
        made_at=body.made_at,
        silent_until=body.silent_until,
        keep=tuple(media for media in body.keep if media.size <= MOST_KEPT),
    )


def _offset_of(entry: PlayEntry, envelope: Envelope, tuning: Tuning) -> timedelta:
    """How much later than planned an entry sounds here: never later than was signed, an emergency never at all."""
    if envelope.is_emergency:
        return timedelta(0)
    most = timedelta(seconds=tolerance_of(envelope, entry.start) or 0)
    return min(timedelta(milliseconds=entry.offset_ms or tuning.offset_ms), most)


def command(current: Programme, play: Play) -> Programme:
    """The programme with a play that is wanted at once."""
    others = tuple(one for one in current.commands if one.ask.occurrence != play.ask.occurrence)
    return replace(current, commands=(*others, replace(play, is_command=True)))


def without_commands(current: Programme, marks: Mapping[str, Mark]) -> Programme:
    """The programme without the commands that are over; the plan keeps what must be remembered."""
    left = tuple(one for one in current.commands if not is_over(one, marks.get(one.ask.occurrence)))
    return replace(current, commands=left)


def decide(
    programme: Programme,
    marks: Mapping[str, Mark],
    now: datetime,
    clock: ClockState,
    playing_rank: int = 0,
    *,
    is_silenced: bool = False,
) -> Agenda:
    """What to fetch, hold ready, start and give up at `now`.

    playing_rank: of what sounds now, 0 for silence. is_silenced: nothing is started, an emergency neither.
    """
    believed = None if clock == "unknown" else now
    open_plays = [one for one in programme.all() if not is_over(one, marks.get(one.ask.occurrence), believed)]
    live: list[Play] = []
    over: list[tuple[Play, PlayState, str]] = []
    for play in open_plays:
        end = _end_of(play, programme, now, clock)
        if end is None:
            live.append(play)
        else:
            over.append((play, *end))
    live.sort(key=lambda one: _turn_of(one, is_due=_is_due(one, now, clock)))
    due = [one for one in live if _is_due(one, now, clock) and one.rank > playing_rank]
    near = [one for one in live if _is_within(one, now, clock, ARM_S)]
    if is_silenced:
        return Agenda(tuple(live), tuple(near), over=tuple(over), hindered=tuple(due))
    idle: tuple[Play, ...] = ()
    if playing_rank or any(one.envelope.is_emergency for one in live):
        idle = tuple(one for one in live if one.envelope.drill and _is_due(one, now, clock))
        due = [one for one in due if not one.envelope.drill]
    return Agenda(tuple(live), tuple(near), due[0] if due else None, tuple(due), tuple(over), idle=idle)


def _turn_of(one: Play, *, is_due: bool) -> tuple[object, ...]:
    """Whose turn comes first: what is due by its kind and as the commune wants it, drills last; then the rest by its
    time."""
    wish = (-one.rank, one.envelope.drill, one.order)
    if is_due:
        return (0, *wish, one.wanted_at, one.ask.occurrence)
    return (1, one.wanted_at, *wish, one.ask.occurrence)


def next_moment(programme: Programme, marks: Mapping[str, Mark], now: datetime) -> timedelta | None:
    """How long until the next planned start; None when nothing is planned."""
    starts = [
        one.wanted_at - now
        for one in programme.all()
        if one.wanted_at > now and not is_over(one, marks.get(one.ask.occurrence), now)
    ]
    return min(starts, default=None)


def _by_label(announcements: Sequence[Signed]) -> dict[tuple[str, int], Signed]:
    """Which text claims to be which announcement. The claim is believed only after the firewall's check."""
    found: dict[tuple[str, int], Signed] = {}
    for signed in announcements:
        try:
            label = msgspec.json.decode(signed.body, type=_Label)
        except (ValueError, RecursionError):
            continue
        found[label.announcement, label.revision] = signed
    return found


def is_over(play: Play, mark: Mark | None, now: datetime | None = None) -> bool:
    """Whether nothing is left to do. An ordinary play is over once it began, an emergency that was cut off not before
    its last start, or before the next of its repeats is due.

    now: by a clock that is believed. It takes back what a clock that was fast once made of an emergency.
    """
    if mark is None:
        return False
    if not play.envelope.is_emergency:
        return mark.starts > 0 or mark.state in OVER
    if mark.state in BY_TIME and not mark.starts:
        return now is None or now > play.latest
    if mark.starts and mark.state in OVER and play.is_followed and now is not None and now > play.latest:
        return True
    cut = mark.state in ("interrupted", "preempted") and mark.reason in CUT
    return mark.state in OVER and not (cut and mark.starts - mark.gave_way < MOST_STARTS)


def _end_of(
    play: Play, programme: Programme, now: datetime, clock: ClockState
) -> tuple[PlayState, str] | None:
    if play.ask.occurrence in programme.cancelled:
        return "cancelled", "cancelled"
    moment = since_signed(play.envelope, clock, now)
    if moment > play.envelope.expires:
        return "expired", "expired"
    if clock != "unknown" and moment > play.latest:
        return "missed", "next-due" if play.is_followed else "too-late"
    return None


def _is_due(play: Play, now: datetime, clock: ClockState) -> bool:
    if clock == "unknown" and play.rank < RANK["emergency"]:
        return False
    early_s = EARLY_S if play.is_command else 0
    return since_signed(play.envelope, clock, now) >= play.wanted_at - timedelta(seconds=early_s)


def _is_within(play: Play, now: datetime, clock: ClockState, ahead_s: float) -> bool:
    return since_signed(play.envelope, clock, now) >= play.wanted_at - timedelta(seconds=ahead_s)
