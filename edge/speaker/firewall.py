"""The node's own judgement: only what an approver signed for this village and this hour may become sound.

Pure. It trusts neither hub nor broker, and treats a clock it cannot believe as the middle of the night:
then only a signed, unexpired emergency passes.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from broker.contract.hub import Signed
from broker.link.clock import LOCAL, ClockState
from broker.speech.chime import ChimeName, chime
from broker.trust.envelope import (
    Envelope,
    Instant,
    Quiet,
    Refused,
    TrustBody,
    occurrence_id,
    open_announcement,
)
from broker.trust.quiet import is_quiet

EARLY_S: Final = 5
"""A hub's and a node's clock may differ by this much; a command to play now is not refused for it."""

SESSION_CEILING_S: Final = 3600
DAY_CEILING_S: Final = 3 * 3600
"""The node's own ceilings for ordinary plays, whatever a plan allows (most provinces: 2 sittings of 45 minutes)."""

SITTING_GAP_S: Final = 300
"""Plays with less silence than this between them are one sitting to whoever has to listen."""

CHIME_REST_S: Final = 0.5
"""Silence between the chime and the first word."""

SPOKEN_HERE: Final = "spoken-here"
"""Stands for a hash when the node speaks the envelope's own words because the sound never came."""


RELAYED: Final = "relayed"
"""Stands for a hash when the sound is the programme of the station named in the envelope."""

SIREN: Final = "siren"
"""Stands for a hash when an emergency begins with its siren, and its own sound or words follow as soon as they are
here."""

CHIMED: Final = "chimed"
"""Stands for a hash when the sound is the chime of a drill, which says nothing."""

NOTHING: Final = Signed(body="", signatures=[])
"""What there is of a text that is not here."""

PASSING: Final = frozenset({"too-early", "clock-unknown", "silenced", "muted-here"})
"""Refusals that pass with time: a play refused so is not over yet."""


@dataclass(frozen=True)
class Ask:
    """One play somebody wants: what it claims to be, and the signed envelope that must bear it out."""

    occurrence: str
    announcement: str
    revision: int
    start: datetime
    signed: Signed


@dataclass(frozen=True)
class Said:
    """An ordinary play that already sounded here."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Post:
    """This node as its firewall knows it."""

    commune: str
    """`province/commune` codes."""
    village: str
    trust: TrustBody | None
    clock: ClockState
    quiet: Quiet
    session_limit_s: int
    seen: Container[str] = ()
    """Occurrences whose first sample was or may have been played."""
    cancelled: Container[str] = ()
    said: Sequence[Said] = ()
    forgotten_until: datetime | None = None
    """What was to start before this may have sounded: the journal of that time is lost."""
    is_forgetful: bool = False
    """Nothing that sounds here is remembered beyond this process: the journal cannot be opened."""
    silenced: str = ""
    """Why nothing at all may sound now, a code of REASONS; empty when nothing hinders."""


@dataclass(frozen=True)
class Allowed:
    """May sound at the moment asked for; `length_s` is how long it will take, chime and repeats included."""

    envelope: Envelope
    length_s: float


class _Claim(msgspec.Struct):
    kind: str
    issued_at: Instant
    drill: bool = False


def check(
    ask: Ask, post: Post, at: datetime, sound: str | None = None, lasts_s: float = 0.0
) -> Allowed | Refused:
    """Whether a play may begin at `at`.

    sound: hash of the sound in hand, SPOKEN_HERE, RELAYED, or "" when there is none; None while only planning.
    lasts_s: length of what is in hand; where it is longer than what was signed, it counts.
    """
    try:
        envelope = _open(ask, post, at)
        _check_shape(envelope)
        moment = since_signed(envelope, post.clock, at)
        _check_target(ask, post, envelope)
        _check_window(ask, post, envelope, moment)
        if post.silenced:
            raise Refused(post.silenced, "nothing may sound now")
        _check_sound(envelope, sound)
        length = max(length_s(envelope), lasts_s)
        if not envelope.is_emergency:
            _check_ears(post, moment, length)
    except Refused as why:
        return why
    return Allowed(envelope, length)


def is_usable(start: datetime) -> bool:
    """Whether a start can be reckoned with at all: it has a zone and lies well inside the calendar."""
    return start.tzinfo is not None and 1970 <= start.year <= 9000


def length_s(envelope: Envelope) -> float:
    """How long a play lasts: chime, and the sound as often as asked with its gaps, or the relayed programme; of a drill
    the chime alone."""
    once = (envelope.audio.duration_ms or 0) / 1000 or len(envelope.spoken) / 10
    bell = len(chime(chime_of(envelope), 8000)) / 8000
    if envelope.drill:
        return bell
    head = bell + CHIME_REST_S
    if envelope.relay is not None:
        return head + envelope.relay.length_s
    return head + once * envelope.repeat + envelope.gap_s * (envelope.repeat - 1)


def chime_of(envelope: Envelope) -> ChimeName:
    """The chime that tells people what is coming."""
    if envelope.drill:
        return "drill"
    return "emergency" if envelope.is_emergency else "notice"


def latest_start(envelope: Envelope, start: datetime, tolerance_s: int) -> datetime:
    """Until when a play may still begin: its signed tolerance; an emergency until its next start or its end, so that a
    loudspeaker that comes late says it once and not as often as it was missed."""
    if envelope.is_emergency:
        later = [one.at for one in envelope.starts if one.at > start]
        return min([*later, envelope.expires])
    return min(start + timedelta(seconds=tolerance_s), envelope.expires)


def since_signed(envelope: Envelope, clock: ClockState, now: datetime) -> datetime:
    """The earliest it can be: an unbelievable clock is at least as late as the signature in hand. For an emergency so
    is every clock: a believed signature out of our future shows that it is slow, and people wait for the warning."""
    is_later = clock == "unknown" or envelope.is_emergency
    return max(now, envelope.issued_at) if is_later else now


def at_least(trust: TrustBody, clock: ClockState, now: datetime) -> datetime:
    """The same by the trust list: the root key signed it after every `since` in it."""
    return max([now, *(key.since for key in trust.keys)]) if clock == "unknown" else now


def _open(ask: Ask, post: Post, at: datetime) -> Envelope:
    if not ask.signed.signatures:
        raise Refused("unsigned", ask.occurrence)
    if post.trust is None:
        raise Refused("no-trust", ask.occurrence)
    moment = at_least(post.trust, post.clock, at)
    return open_announcement(ask.signed, post.trust, max(moment, _claimed(ask.signed) or moment))


def _claimed(signed: Signed) -> datetime | None:
    """When somebody claims to have signed an emergency; None for anything else. Its key is judged at that moment where
    it lies in our future: a key never outlives its end by this, and on a slow clock a new one may begin."""
    try:
        found = msgspec.json.decode(signed.body, type=_Claim)
    except (ValueError, RecursionError):
        return None
    return found.issued_at if found.kind == "emergency" and not found.drill else None


def _check_shape(envelope: Envelope) -> None:
    """What an approver's page never makes: a relayed emergency, or a programme relayed again and again."""
    if envelope.relay is not None and (envelope.kind == "emergency" or envelope.repeat != 1):
        raise Refused("malformed", "a relayed programme is no emergency and is played once")


def _check_target(ask: Ask, post: Post, envelope: Envelope) -> None:
    if post.trust is None or envelope.commune != post.commune or post.trust.commune != post.commune:
        raise Refused("wrong-commune", f"for {envelope.commune}, here is {post.commune}")
    if post.village not in envelope.villages:
        raise Refused("wrong-village", f"for {', '.join(envelope.villages)}, here is {post.village}")
    named = occurrence_id(envelope.announcement, envelope.revision, ask.start)
    if (envelope.announcement, envelope.revision, named) != (ask.announcement, ask.revision, ask.occurrence):
        raise Refused("wrong-announcement", f"{ask.occurrence} was asked for, {named} is what was signed")
    if ask.occurrence in post.cancelled:
        raise Refused("cancelled", ask.occurrence)
    if ask.occurrence in post.seen:
        raise Refused("replayed", ask.occurrence)
    _check_memory(ask, post, envelope)


def _check_memory(ask: Ask, post: Post, envelope: Envelope) -> None:
    """Where the journal was lost an ordinary play that may have sounded does not sound; an emergency may twice."""
    if envelope.is_emergency:
        return
    if post.is_forgetful:
        raise Refused("no-journal", "whoever starts next would not know that it sounded")
    if post.forgotten_until is None:
        return
    if ask.start - timedelta(seconds=EARLY_S) <= post.forgotten_until:
        raise Refused("journal-lost", f"nothing is known of what sounded until {post.forgotten_until}")


def _check_window(ask: Ask, post: Post, envelope: Envelope, at: datetime) -> None:
    tolerance_s = tolerance_of(envelope, ask.start)
    if tolerance_s is None:
        raise Refused("start-not-signed", f"{ask.start.isoformat()} is not among the signed starts")
    if at > envelope.expires:
        raise Refused("expired", envelope.expires.isoformat())
    if at < ask.start - timedelta(seconds=EARLY_S):
        raise Refused("too-early", f"{ask.start.isoformat()}, it is {at.isoformat()}")
    if at > latest_start(envelope, ask.start, tolerance_s):
        raise Refused("too-late", f"{ask.start.isoformat()} + {tolerance_s} s, it is {at.isoformat()}")
    if post.clock == "unknown" and not envelope.is_emergency:
        raise Refused("clock-unknown", "the time of this node cannot be believed")


def tolerance_of(envelope: Envelope, start: datetime) -> int | None:
    """The signed tolerance of a start in seconds; None when that start was not signed."""
    return next((one.tolerance_s for one in envelope.starts if one.at == start), None)


def _check_sound(envelope: Envelope, sound: str | None) -> None:
    if sound is None:
        return
    if envelope.drill:
        allowed = {CHIMED}
    elif envelope.relay is not None:
        allowed = {envelope.audio.sha256, SPOKEN_HERE, RELAYED}
    else:
        allowed = {envelope.audio.sha256, SPOKEN_HERE, *([SIREN] if envelope.is_emergency else [])}
    if sound in allowed:
        return
    raise Refused("wrong-audio" if sound else "no-audio", envelope.audio.sha256)


def _check_ears(post: Post, at: datetime, length: float) -> None:
    """Quiet hours and caps: what the village is spared unless it is an emergency."""
    until = at + timedelta(seconds=length)
    if is_quiet(post.quiet, at, at):
        raise Refused("quiet-hours", f"{post.quiet.since} to {post.quiet.until}")
    if is_quiet(post.quiet, at, until):
        raise Refused("quiet-hours-end", f"would end at {until.astimezone(LOCAL):%H:%M}")
    limit = min(post.session_limit_s or SESSION_CEILING_S, SESSION_CEILING_S)
    if (until - _sitting_since(post.said, at)).total_seconds() > limit:
        raise Refused("session-limit", f"more than {limit} s in one sitting")
    if _said_today_s(post.said, at) + length > DAY_CEILING_S:
        raise Refused("day-limit", f"more than {DAY_CEILING_S} s in one day")


def _sitting_since(said: Sequence[Said], at: datetime) -> datetime:
    begun = at
    for one in sorted(said, key=lambda one: one.until, reverse=True):
        if one.since < begun and (begun - one.until).total_seconds() < SITTING_GAP_S:
            begun = one.since
    return begun


def _said_today_s(said: Sequence[Said], at: datetime) -> float:
    today = at.astimezone(LOCAL).date()
    return sum(
        max(0.0, (one.until - one.since).total_seconds())
        for one in said
        if one.since.astimezone(LOCAL).date() == today
    )
