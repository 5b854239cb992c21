"""What is held ready to sound, by occurrence, and the relayed programmes that are tuned in.

What is held is put here by the two workers of preparing.py and taken by the stage; receptions are the stage's alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.speaker.desk import Desk
from edge.speaker.firewall import CHIME_REST_S, SPOKEN_HERE, chime_of
from edge.speaker.player import LiveScore, Score
from edge.speaker.player import chime_of as bell_of
from edge.speaker.programme import Play
from edge.speaker.radio import Radio, Reception
from edge.speaker.sinks import Samples

log = logging.getLogger(__name__)

COMING_S: Final = 3.0
"""So long what is lower waits for a play that is just being made ready: else it would only be broken into."""

TUNE_S: Final = 120.0
"""So long before its start a relayed programme is tuned in, to see whether it can be had."""

ANSWER_S: Final = 8.0
"""A station that is to be relayed at once has so long to answer before its words are spoken instead."""

RELAY_HZ: Final = 16_000
"""A horn has nothing above half of it."""

SIREN_HZ: Final = 16_000
"""The device is opened with it before anybody knows what rate the words will have."""

HOPE_S: Final = 0.25
"""So long an emergency whose sound is on the disk may take to be decoded before its siren begins without it."""

KEPT_S: Final = 180
"""Of a relayed programme so much is kept, to be recognised by the microphone."""


@dataclass(frozen=True)
class Ready:
    """A play held ready: its samples, and the hash of their source, SPOKEN_HERE or CHIMED."""

    score: Score
    sound: str
    lacks: str = ""
    """Code of what a drill found missing."""

    @property
    def told(self) -> str:
        """Reason told of a play that sounds otherwise than was wished; empty when all is as it should be."""
        return SPOKEN_HERE if self.sound == SPOKEN_HERE else self.lacks


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

    def __init__(self, desk: Desk, radio: Radio) -> None:
        self._desk = desk
        self._radio = radio
        self.asked = {False: threading.Event(), True: threading.Event()}
        """Set to make the worker for ordinary plays (False) or for emergencies (True) look at once."""
        self._lock = threading.Lock()
        self._held: dict[str, Ready] = {}
        self._since_s: dict[tuple[str, bool], float] = {}
        self._tried: set[tuple[str, bool]] = set()
        """By occurrence, and whether its own sound was here: when that comes, all is to be hoped for again."""
        self._dumb: set[str] = set()
        """Plays whose words the node's own voice could not speak."""
        self._awaited = ""
        """The play whose siren sounds while its words are made."""
        self._receptions: dict[str, Reception] = {}
        self._tuned_in: set[str] = set()
        self._tuning_since_s: dict[str, float] = {}
        self._live: dict[str, Live] = {}

    # -- for every thread

    def get(self, one: Play) -> Ready | None:
        """What is held for a play; None when it cannot sound yet."""
        with self._lock:
            return self._held.get(one.ask.occurrence)

    def ask(self, plays: Iterable[Play]) -> None:
        """Have those made ready that are not, soon; returns at once."""
        for one in plays:
            if self.get(one) is None:
                self.asked[one.is_urgent].set()

    def put(self, one: Play, ready: Ready) -> bool:
        """Hold it ready and say so; False where it plays already or is over."""
        desk, name = self._desk, one.ask.occurrence
        with desk.lock:  # it cannot begin between the look and the note
            if self.is_awaited(one):
                return self._hand_over(name, ready)
            is_playing = desk.playing is not None and desk.playing.ask.occurrence == name
            if is_playing or desk.is_over(one):
                return False
            desk.note(one, "armed", ready.told)
            with self._lock:
                self._held[name] = ready
        return True

    def _hand_over(self, name: str, ready: Ready) -> bool:
        """Words for a siren that sounds; False where they have not its rate, as they were begun before it."""
        if ready.score.rate_hz != SIREN_HZ:
            return False
        with self._lock:
            self._held[name] = ready
        return True

    def cannot(self, one: Play, *, is_here: bool, is_dumb: bool) -> None:
        """It was tried in vain: nothing waits for it any more. is_here: whether its own sound was on the disk.
        is_dumb: whether the node's own voice was asked, too."""
        with self._lock:
            self._tried.add((one.ask.occurrence, is_here))
            if is_dumb:
                self._dumb.add(one.ask.occurrence)

    def is_awaited(self, one: Play) -> bool:
        """Whether its siren sounds and its words are to be ready at SIREN_HZ as soon as can be."""
        with self._lock:
            return self._awaited == one.ask.occurrence

    def is_coming(self, one: Play) -> bool:
        """Whether it is so likely to be ready in a moment that a lower play had better not begin."""
        now_s, name = self._desk.clock.monotonic(), one.ask.occurrence
        key = name, self._desk.store.path_of(one.envelope.audio.sha256) is not None
        with self._lock:
            since_s = self._since_s.setdefault(key, now_s)
            return name not in self._held and key not in self._tried and now_s - since_s < COMING_S

    # -- for the stage

    def may_begin_with_siren(self, one: Play) -> bool:
        """Whether an emergency that is due and not ready begins all the same: not where its siren sounded before and
        no words followed, nor while its sound is just being decoded."""
        desk, name = self._desk, one.ask.occurrence
        mark = desk.journal.mark(name)
        has_sirened = mark is not None and mark.starts > 0 and mark.reason == "no-audio"
        if not one.envelope.is_emergency or has_sirened:
            return False
        if desk.store.path_of(one.envelope.audio.sha256) is None:
            return True
        now_s = desk.clock.monotonic()
        with self._lock:
            return now_s - self._since_s.setdefault((name, True), now_s) >= HOPE_S

    def await_words(self, one: Play) -> None:
        """Its siren begins: have its words made ready at the siren's rate."""
        with self._lock:
            self._awaited = one.ask.occurrence
            held = self._held.get(one.ask.occurrence)
            if held is not None and held.score.rate_hz != SIREN_HZ:
                del self._held[one.ask.occurrence]
        self.asked[True].set()

    def take_words(self, one: Play) -> Ready | None:
        """The words of the play whose siren sounds, once; None until they are ready."""
        with self._lock:
            held = self._held.get(one.ask.occurrence)
            if held is not None:
                self._awaited = ""
            return held

    def await_nothing(self) -> None:
        """No siren waits for words any more."""
        with self._lock:
            self._awaited = ""

    def is_vain(self, one: Play) -> bool:
        """Whether neither its sound could be fetched nor its words be spoken so far."""
        audio = one.envelope.audio.sha256
        with self._lock:
            is_dumb = one.ask.occurrence in self._dumb
        return is_dumb and bool(self._desk.fetch_failures.get(audio) or self._desk.spoiled.get(audio))

    def keep_only(self, wanted: set[str]) -> None:
        """Let go of what no longer is to be played."""
        with self._lock:
            self._dumb &= wanted
            self._held = {name: held for name, held in self._held.items() if name in wanted}
            self._since_s = {key: at_s for key, at_s in self._since_s.items() if key[0] in wanted}
            self._tried = {key for key in self._tried if key[0] in wanted}
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
