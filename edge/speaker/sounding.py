"""What one play sounds with: its score held ready, a station's programme, or a siren that its words follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.speaker.firewall import RELAYED, SIREN, SPOKEN_HERE
from edge.speaker.player import LiveScore, Score
from edge.speaker.programme import Play
from edge.speaker.readying import Live, Ready, Readying
from edge.speaker.score import led_in
from edge.speaker.siren import Siren
from edge.speaker.tape import Samples


class Sounding:
    """The sound of one performance. For the thread that plays."""

    def __init__(self, one: Play, held: Ready | None, readying: Readying) -> None:
        """held: None for an emergency that begins with its siren, as its words are not ready."""
        self._one, self._readying = one, readying
        self._source: Live | Ready | Siren = readying.live(one) or held or self._siren(0.0)

    def begin(self, warm_s: float) -> None:
        """It is about to sound. warm_s: until the amplifier is heard; an emergency's words wait for it."""
        if isinstance(self._source, Siren):
            self._source = self._siren(warm_s)
            self._readying.await_words(self._one)
        elif isinstance(self._source, Ready) and self._one.envelope.is_emergency:
            self._source = replace(self._source, score=led_in(self._source.score, warm_s))

    def end(self) -> None:
        """It sounds no longer."""
        self._readying.await_nothing()

    @property
    def score(self) -> Score | LiveScore:
        """Its samples."""
        return self._source.score

    @property
    def in_hand(self) -> str:
        """For the firewall: the hash of the sound, or what stands for one."""
        if isinstance(self._source, Ready):
            return self._source.sound
        return SIREN if isinstance(self._source, Siren) else RELAYED

    @property
    def has_words(self) -> bool:
        """Whether it is more than a siren so far."""
        return not isinstance(self._source, Siren) or bool(self._source.sound)

    @property
    def total_ms(self) -> int:
        """How long it lasts, as far as that is known yet."""
        return self._source.total_ms if isinstance(self._source, Siren) else self._source.score.total_ms

    @property
    def told(self) -> str:
        """The reason of a play that sounds otherwise than was wished; empty when all is as it should be."""
        if self._one.envelope.relay is not None:
            return "" if isinstance(self._source, Live) else "relay-lost"
        if isinstance(self._source, Siren):
            return SPOKEN_HERE if self._source.sound == SPOKEN_HERE else ""
        return self._source.told if isinstance(self._source, Ready) else ""

    def kept(self) -> Samples:
        """What was to be heard, for the ear; of what came while it sounded the beginning."""
        if isinstance(self._source, Ready):
            return np.concatenate(self._source.score.parts)
        return self._source.kept()

    def _siren(self, warm_s: float) -> Siren:
        readying, one = self._readying, self._one
        return Siren(one, lambda: readying.take_words(one), lambda: readying.is_vain(one), warm_s)
