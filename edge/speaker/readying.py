"""Holds near plays ready to sound: decoded from the approved bytes, spoken here from the approved words, tuned in."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from broker.speech.sound import Pcm, SoundError, decode
from edge.speaker.desk import Desk
from edge.speaker.firewall import CHIME_REST_S, SPOKEN_HERE, chime_of
from edge.speaker.player import LiveScore, Score, score_of
from edge.speaker.player import chime_of as bell_of
from edge.speaker.programme import Play
from edge.speaker.radio import Radio, Reception
from edge.speaker.sinks import Samples

log = logging.getLogger(__name__)

PATIENCE_S: Final = 5.0
"""So long a play that is near waits for its own sound before the node speaks the words itself."""

TUNE_S: Final = 120.0
"""So long before its start a relayed programme is tuned in, to see whether it can be had."""

ANSWER_S: Final = 8.0
"""A station that is to be relayed at once has so long to answer before its words are spoken instead."""

RELAY_HZ: Final = 16_000
"""A horn has nothing above half of it."""

KEPT_S: Final = 180
"""Of a relayed programme so much is kept, to be recognised by the microphone."""

Speak = Callable[[Play], Pcm | None]


@dataclass(frozen=True)
class Ready:
    """A play held ready: its samples, and the hash of their source or SPOKEN_HERE."""

    score: Score
    sound: str


class Live:
    """A relayed programme that is there: its chime, then whatever comes, the beginning of it kept in memory."""

    def __init__(self, one: Play, reception: Reception, longest_s: float) -> None:
        self._reception = reception
        bell = bell_of(chime_of(one.envelope), RELAY_HZ)
        head = np.concatenate([bell, np.zeros(round(CHIME_REST_S * RELAY_HZ), dtype=np.int16)])
        self._parts: list[Samples] = [head]
        self._left = KEPT_S * RELAY_HZ
        self.score = LiveScore(head, RELAY_HZ, len(head) / RELAY_HZ + longest_s, self._pull)

    def kept(self) -> Samples:
        """What was played of it, at most the first minutes."""
        return np.concatenate(self._parts)

    def _pull(self, frames: int) -> Samples | None:
        found = self._reception.pull(frames)
        if found is not None and self._left > 0:
            self._parts.append(found[: self._left])
            self._left -= len(found)
        return found


class Readying:
    """What is held ready, by occurrence."""

    def __init__(self, desk: Desk, speak: Speak, radio: Radio) -> None:
        """speak: the node's own voice, None when it has none."""
        self._desk = desk
        self._speak = speak
        self._radio = radio
        self._held: dict[str, Ready] = {}
        self._receptions: dict[str, Reception] = {}
        self._tuned_in: set[str] = set()
        self._tuning_since_s: dict[str, float] = {}
        self._live: dict[str, Live] = {}
        self._near_since_s: dict[str, float] = {}

    def get(self, one: Play) -> Ready | None:
        """What is held for a play; None when it cannot sound yet."""
        return self._held.get(one.ask.occurrence)

    def keep_only(self, wanted: set[str]) -> None:
        """Let go of what no longer is to be played."""
        self._held = {name: held for name, held in self._held.items() if name in wanted}
        self._near_since_s = {name: since_s for name, since_s in self._near_since_s.items() if name in wanted}
        self._live = {name: live for name, live in self._live.items() if name in wanted}
        self._tuned_in &= wanted
        self._tuning_since_s = {name: at_s for name, at_s in self._tuning_since_s.items() if name in wanted}
        for name in [each for each in self._receptions if each not in wanted]:
            self._receptions.pop(name).close()

    def tune(self, one: Play) -> None:
        """Begin to take in a relayed programme; one that was lost before its time is tried again."""
        relay, name = one.envelope.relay, one.ask.occurrence
        if relay is None:
            return
        reception = self._receptions.get(name)
        if reception is not None and reception.is_lost:
            log.warning("%s", reception.why, extra={"event": "relay-lost", "occurrence": name})
            reception.close()
            reception = None
            self._live.pop(name, None)
        if reception is None:
            self._receptions[name] = self._radio.tune(relay, RELAY_HZ)
            self._tuning_since_s.setdefault(name, self._desk.clock.monotonic())
        elif reception.is_ready and name not in self._tuned_in:
            self._tuned_in.add(name)
            log.info("%s is there", relay.station, extra={"event": "relay-ready", "occurrence": name})

    def is_tuning(self, one: Play) -> bool:
        """Whether a relayed programme was asked for so lately that it is worth waiting for."""
        reception = self._receptions.get(one.ask.occurrence)
        if reception is None or reception.is_ready or reception.is_lost:
            return False
        since_s = self._tuning_since_s[one.ask.occurrence]
        return self._desk.clock.monotonic() - since_s < ANSWER_S

    def live(self, one: Play) -> Live | None:
        """A relayed programme that is there at this moment, the same one every time; None when it is not."""
        relay, name = one.envelope.relay, one.ask.occurrence
        reception = self._receptions.get(name)
        if relay is None or reception is None:
            return None
        if reception.is_lost:
            self._live.pop(name, None)
        elif name not in self._live and reception.is_ready:
            self._live[name] = Live(one, reception, relay.length_s)
        return self._live.get(name)

    def close(self) -> None:
        """End every reception."""
        self.keep_only(set())

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
        _ = score.pauses  # found now, not in the moment it begins
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
