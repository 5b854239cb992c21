"""What is known of the amplifier from what its board has said: keys, relay, and when current flowed. Pure.

All times are monotonic seconds of one clock, that of the sound.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from broker.contract.board import AmplifierState

STALE_S: Final = 5.0
"""So long without a word, and there is no amplifier."""

WARM_S: Final = 3.0
"""An amplifier swallows the first syllables after it was switched on."""

FOLLOW_S: Final = 1.5
"""A relay that has not been seen to close by then is waited for no longer: better a chime cut short than silence."""

HOLDS_S: Final = 2.5
"""What was said of the current is taken to be so until the next word, but no longer than this."""

DRAWN: Final = 0.8
"""Share of a span in which the current must have flowed."""

SPANS: Final = 8192

Flow = Literal["flowing", "none", "unknown"]


class Keys(NamedTuple):
    """How the keys of the house stand."""

    microphone: bool = False
    mute: bool = False


@dataclass
class _Span:
    """The current from `since_s` on, as it was last heard at `heard_s`; `ended_s` when something else followed."""

    flow: Flow
    since_s: float
    heard_s: float
    ended_s: float | None = None

    def until_s(self, now_s: float) -> float:
        return self.ended_s if self.ended_s is not None else min(now_s, self.heard_s + HOLDS_S)


class AmplifierSeen:
    """One amplifier, as far as its board's words tell. The caller brings the time and keeps threads apart."""

    def __init__(self) -> None:
        self._said: AmplifierState | None = None
        self._heard_s = 0.0
        self._on_since_s: float | None = None
        self._spans: deque[_Span] = deque(maxlen=SPANS)

    def hear(self, said: AmplifierState, now_s: float) -> None:
        """The board says how the amplifier is."""
        before = self.last(now_s)
        if said.relay != "on":
            self._on_since_s = None
        elif before is None or before.relay != "on":
            self._on_since_s = now_s
        self._said, self._heard_s = said, now_s
        self._note_current(said.current, now_s)

    def last(self, now_s: float) -> AmplifierState | None:
        """The last word, None when it is too old to count."""
        return self._said if self._said is not None and now_s - self._heard_s < STALE_S else None

    def keys(self, now_s: float) -> Keys:
        """How the keys stand; both off when nobody has said anything lately."""
        said = self.last(now_s)
        return Keys(said.microphone, said.mute) if said is not None else Keys()

    def warm_in_s(self, held_s: float, now_s: float) -> float:
        """Seconds until it has been on for WARM_S; 0 where there is no relay to wait for.

        held_s: since when it is asked for; WARM_S + FOLLOW_S after that nothing is waited for, whatever it does.
        """
        said = self.last(now_s)
        if said is None or said.relay == "unknown":
            return 0.0
        warm_s = held_s + FOLLOW_S + WARM_S
        if self._on_since_s is not None:
            warm_s = min(warm_s, self._on_since_s + WARM_S)
        return max(0.0, warm_s - now_s)

    def drawn(self, since_s: float, until_s: float, now_s: float) -> bool | None:
        """Did current flow in at least 80 % of this span? None: no sensor, or too little of it was read to tell."""
        length_s = until_s - since_s
        if length_s <= 0:
            return None
        found: dict[Flow, float] = {"flowing": 0.0, "none": 0.0, "unknown": 0.0}
        for span in self._spans:
            found[span.flow] += max(0.0, min(until_s, span.until_s(now_s)) - max(since_s, span.since_s))
        if found["flowing"] >= DRAWN * length_s:
            return True
        return False if found["none"] > (1 - DRAWN) * length_s else None

    def _note_current(self, flow: Flow, now_s: float) -> None:
        last = self._spans[-1] if self._spans else None
        if last is not None:
            ended_s = last.until_s(now_s)
            if last.flow == flow and ended_s == now_s:
                last.heard_s = now_s
                return
            last.ended_s = ended_s
        self._spans.append(_Span(flow, now_s, now_s))
