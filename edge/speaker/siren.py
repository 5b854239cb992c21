"""An emergency whose words are not here yet: its siren sounds at once and goes on until they are, then it says them.

The words are taken over between two calls of the siren, so that there is neither a gap nor a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from edge.speaker.firewall import chime_of, length_s
from edge.speaker.programme import Play
from edge.speaker.readying import KEPT_S, SIREN_HZ, Ready
from edge.speaker.score import LiveScore
from edge.speaker.score import chime_of as bell_of
from edge.speaker.tape import Samples

LEAST_S: Final = 10.0
"""So long the siren is heard where no words can be had at all."""

MOST_S: Final = 60.0
"""So long it goes on while words may still come: a small computer takes its time over a long text."""

NEVER_S: Final = 43_200.0
"""No play lasts longer; only its own words end it."""


class Siren:
    """The sound of one play from its siren on. For the thread that plays."""

    def __init__(
        self, one: Play, take: Callable[[], Ready | None], is_vain: Callable[[], bool], warm_s: float = 0.0
    ) -> None:
        """take: the words at SIREN_HZ, once they are ready. is_vain: whether nothing is to be hoped for just now.
        warm_s: so long nobody hears the amplifier yet, and the words wait."""
        self._one, self._take, self._is_vain = one, take, is_vain
        self._warm = round(warm_s * SIREN_HZ)
        self._bell = bell_of(chime_of(one.envelope), SIREN_HZ)
        self._given = len(self._bell)
        """Frames handed out, the first call of the siren included."""
        self._words: Ready | None = None
        self._words_at = 0
        self._queue: Iterator[Samples] = iter(())
        self._part, self._at = self._bell, len(self._bell)
        self._kept: list[Samples] = [self._bell]
        self.score = LiveScore(self._bell, SIREN_HZ, NEVER_S, self._pull, self._ends)

    @property
    def sound(self) -> str:
        """What was said: the hash of its sound, SPOKEN_HERE, or "" while it is the siren alone."""
        return self._words.sound if self._words is not None else ""

    @property
    def total_ms(self) -> int:
        """How long it lasts, as far as that is known yet."""
        if self._words is None:
            return round(1000 * (self._given / SIREN_HZ + length_s(self._one.envelope)))
        frames = self._words_at + sum(map(len, self._words.score.parts[1:]))
        return round(1000 * frames / SIREN_HZ)

    def kept(self) -> Samples:
        """What was played of it, at most the first minutes."""
        return np.concatenate(self._kept)[: KEPT_S * SIREN_HZ]

    def _ends(self) -> tuple[int, ...]:
        """Frames at which one more repeat of the words is complete."""
        if self._words is None:
            return ()
        before = self._words_at - len(self._words.score.parts[0])
        return tuple(end + before for end in self._words.score.repeat_ends)

    def _pull(self, frames: int) -> Samples | None:
        """The next frames; None at the end."""
        while self._at >= len(self._part):
            part = self._next()
            if part is None:
                return None
            self._part, self._at = part, 0
        found = self._part[self._at : self._at + frames]
        self._at += len(found)
        if self._given < KEPT_S * SIREN_HZ:
            self._kept.append(found)
        self._given += len(found)
        return found

    def _next(self) -> Samples | None:
        """The next part: of the words, or one more call of the siren while there are none; None at the end."""
        if self._words is not None:
            return next(self._queue, None)
        words = self._take() if self._given >= self._warm else None
        if words is not None:
            self._words, self._words_at = words, self._given
            self._queue = iter(words.score.parts[1:])
            return next(self._queue, None)
        sounded_s = self._given / SIREN_HZ
        if sounded_s >= MOST_S or (sounded_s >= LEAST_S and self._is_vain()):
            return None
        return self._bell
