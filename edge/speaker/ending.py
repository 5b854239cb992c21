"""How a play ended: the state its receipt names, and the reason. Pure."""

from __future__ import annotations

from typing import Final

from broker.contract.speaker import PlayState
from edge.speaker.player import Outcome
from edge.speaker.score import LiveScore, Score

SHORT_S: Final = 3.0
"""A relayed programme that ends so much before its time was cut off."""

ENDS: Final[dict[str, PlayState]] = {
    "stopped": "cancelled",
    "cancelled": "cancelled",
    "revoked": "cancelled",
    "silenced": "cancelled",
    "muted-here": "interrupted",
    "local-use": "preempted",
    "preempted": "preempted",
    "power": "interrupted",
    "clock-changed": "missed",
}
"""Why a play was ended early → what that makes of it."""


def ended(
    outcome: Outcome, score: Score | LiveScore, *, is_emergency: bool, has_words: bool = True
) -> tuple[PlayState, str]:
    """State and reason of a play that is over; the reason is empty when all of it sounded.

    has_words: whether more than a siren sounded.
    """
    if outcome.reason == "sound-failed":
        return ("interrupted" if is_emergency else "failed"), "sound-failed"
    if outcome.reason:
        return ENDS[outcome.reason], outcome.reason
    if not has_words:
        return "interrupted", "no-audio"
    if is_emergency or not isinstance(score, LiveScore):
        return "played", ""
    if outcome.played_ms / 1000 < score.longest_s - SHORT_S:
        return "interrupted", "relay-ended"
    return "played", ""
