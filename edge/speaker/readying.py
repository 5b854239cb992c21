"""Holds near plays ready to sound: decoded from the approved bytes, or spoken here from the approved words."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from broker.speech.sound import Pcm, SoundError, decode
from edge.speaker.desk import Desk
from edge.speaker.firewall import SPOKEN_HERE, chime_of
from edge.speaker.player import Score, score_of
from edge.speaker.programme import Play

log = logging.getLogger(__name__)

PATIENCE_S: Final = 5.0
"""So long a play that is near waits for its own sound before the node speaks the words itself."""

Speak = Callable[[Play], Pcm | None]


@dataclass(frozen=True)
class Ready:
    """A play held ready: its samples, and the hash of their source or SPOKEN_HERE."""

    score: Score
    sound: str


class Readying:
    """What is held ready, by occurrence."""

    def __init__(self, desk: Desk, speak: Speak) -> None:
        """speak: the node's own voice, None when it has none."""
        self._desk = desk
        self._speak = speak
        self._held: dict[str, Ready] = {}
        self._near_since_s: dict[str, float] = {}

    def get(self, one: Play) -> Ready | None:
        """What is held for a play; None when it cannot sound yet."""
        return self._held.get(one.ask.occurrence)

    def keep_only(self, wanted: set[str]) -> None:
        """Let go of what no longer is to be played."""
        self._held = {name: held for name, held in self._held.items() if name in wanted}
        self._near_since_s = {name: since_s for name, since_s in self._near_since_s.items() if name in wanted}

    def prepare(self, one: Play) -> None:
        """Decode a play's sound, or speak its words where that sound does not come; nothing when neither can be."""
        desk, name = self._desk, one.ask.occurrence
        held = self._held.get(name)
        audio = one.envelope.audio.sha256
        if held is not None and (held.sound == audio or desk.store.path_of(audio) is None):
            return
        pcm = self._approved_sound(audio)
        sound = audio
        if pcm is None and held is None and self._may_speak_itself(one):
            pcm, sound = self._speak(one), SPOKEN_HERE
        if pcm is None:
            return
        score = score_of(pcm, chime_of(one.envelope), one.envelope.repeat, one.envelope.gap_s)
        self._held[name] = Ready(score, sound)
        desk.note(one, "armed", SPOKEN_HERE if sound == SPOKEN_HERE else "")

    def _approved_sound(self, sha256: str) -> Pcm | None:
        """The sound by its hash, read and hashed again: a worn memory card changes bytes."""
        store = self._desk.store
        path = store.path_of(sha256)
        if path is None:
            return None
        try:
            raw = path.read_bytes()
            if hashlib.sha256(raw).hexdigest() == sha256:
                return decode(raw)
            log.error("%s has changed on disk", path.name, extra={"event": "wrong-audio"})
        except (OSError, SoundError) as why:
            log.error("%s: %s", path.name, why, extra={"event": "wrong-audio"})
        store.forget(sha256)
        self._desk.gather_wake.set()
        return None

    def _may_speak_itself(self, one: Play) -> bool:
        """Near its start a play waits a moment for its own sound, and no longer once fetching has failed."""
        desk = self._desk
        now_s = desk.clock.monotonic()
        since_s = self._near_since_s.setdefault(one.ask.occurrence, now_s)
        has_failed = desk.fetch_failures.get(one.envelope.audio.sha256, 0) > 0
        return has_failed or now_s - since_s >= PATIENCE_S
