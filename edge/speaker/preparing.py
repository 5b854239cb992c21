"""Makes near plays ready beside the stage: decoded from the approved bytes, or spoken here from the approved words.

Emergencies have a thread of their own: no long sound of another play is in their way.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from typing import Final

from broker.link.service import Beat
from broker.speech.sound import Pcm, SoundError, decode, resample
from edge.speaker.desk import Desk
from edge.speaker.firewall import CHIMED, SPOKEN_HERE, chime_of
from edge.speaker.gathering import MOST_SPOILED
from edge.speaker.player import chime_alone, score_of
from edge.speaker.programme import Play
from edge.speaker.readying import SIREN_HZ, Ready, Readying

log = logging.getLogger(__name__)

PATIENCE_S: Final = 5.0
"""So long a play that is near waits for its own sound before the node speaks the words itself."""

LOOK_S: Final = 0.5
"""So often it looks by itself for what has come near."""

MOST_HELD_S: Final = 2700.0
"""Once so much sound is held ready no further play is made ready: 45 minutes take 90 MB."""

MOST_WAIT_S: Final = 30.0
"""At the latest after this a voice that could not speak is asked again."""

Speak = Callable[[Play], Pcm | None]


class Preparing:
    """The worker that makes plays of one sort ready, one after the other."""

    def __init__(self, desk: Desk, speak: Speak, readying: Readying, *, is_urgent: bool) -> None:
        """speak: the node's own voice, None when it has none. is_urgent: whether emergencies or all others."""
        self._desk = desk
        self._speak = speak
        self._readying = readying
        self._is_urgent = is_urgent
        self._near_since_s: dict[str, float] = {}
        self._mute: dict[str, tuple[int, float]] = {}
        """Times the voice could not speak a play, and the monotonic second before which it is not asked again."""

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Make ready what is near until `stop`."""
        asked = self._readying.asked[self._is_urgent]
        while not stop.is_set():
            beat()
            asked.clear()
            if self._step():
                self._desk.stage_wake.set()
            else:
                asked.wait(LOOK_S)

    def _step(self) -> bool:
        """Make the first ready that is not; True when there is one more."""
        near = [one for one in self._desk.agenda().near if one.is_urgent == self._is_urgent]
        names = {one.ask.occurrence for one in near}
        self._near_since_s = {name: at_s for name, at_s in self._near_since_s.items() if name in names}
        self._mute = {name: told for name, told in self._mute.items() if name in names}
        held_s = 0.0
        for one in near:
            if held_s > MOST_HELD_S:
                break
            if self._prepare(one):
                return True
            held = self._readying.get(one)
            held_s += held.score.total_ms / 1000 if held is not None else 0.0
        return False

    def _prepare(self, one: Play) -> bool:
        """Decode a play's sound, or speak its words where that sound does not come; False when neither can be."""
        desk = self._desk
        held, audio, playing = self._readying.get(one), one.envelope.audio.sha256, desk.playing
        is_here, is_awaited = desk.store.path_of(audio) is not None, self._readying.is_awaited(one)
        if held is not None and (held.sound == audio or not is_here):
            return False
        if not is_awaited and playing is not None and playing.ask.occurrence == one.ask.occurrence:
            return False
        if one.envelope.drill:
            return self._prepare_drill(one, held, is_here=is_here)
        pcm, sound = (self._approved_sound(audio) if is_here else None), audio
        may_speak = pcm is None and held is None and self._may_speak_itself(one)
        if may_speak:
            pcm, sound = self._spoken(one), SPOKEN_HERE
        if pcm is None:
            self._readying.cannot(one, is_here=is_here, is_dumb=may_speak)
            return False
        if is_awaited:
            pcm = resample(pcm, SIREN_HZ)
        score = score_of(pcm, chime_of(one.envelope), one.envelope.repeat, one.envelope.gap_s)
        _ = score.pauses  # found now, not in the moment it begins
        return self._readying.put(one, Ready(score, sound))

    def _prepare_drill(self, one: Play, held: Ready | None, *, is_here: bool) -> bool:
        """A drill's chime, and whether the sound that an emergency would need is here and can be read."""
        if held is not None and not held.lacks:
            return False
        is_whole = is_here and self._approved_sound(one.envelope.audio.sha256) is not None
        if held is not None and not is_whole:
            return False
        return self._readying.put(one, Ready(chime_alone("drill"), CHIMED, "" if is_whole else "no-audio"))

    def _approved_sound(self, sha256: str) -> Pcm | None:
        """The sound by its hash, read and hashed again: a worn memory card changes bytes."""
        desk = self._desk
        path = desk.store.path_of(sha256)
        if path is None:
            return None
        try:
            raw = path.read_bytes()
            if hashlib.sha256(raw).hexdigest() == sha256:
                pcm = decode(raw)
                if desk.spoiled.pop(sha256, 0):
                    desk.session.cleared("wrong-audio")
                return pcm
            log.error("%s has changed on disk", path.name, extra={"event": "wrong-audio"})
        except (OSError, SoundError) as why:
            log.error("%s: %s", path.name, why, extra={"event": "wrong-audio"})
        desk.spoiled[sha256] = desk.spoiled.get(sha256, 0) + 1
        desk.store.forget(sha256)
        desk.gather_wake.set()
        return None

    def _may_speak_itself(self, one: Play) -> bool:
        """Near its start a play waits a moment for its own sound, and no longer once that cannot be had."""
        desk, audio = self._desk, one.envelope.audio.sha256
        now_s = desk.clock.monotonic()
        since_s = self._near_since_s.setdefault(one.ask.occurrence, now_s)
        if desk.spoiled.get(audio, 0) >= MOST_SPOILED or desk.fetch_failures.get(audio, 0) > 0:
            return True
        return now_s - since_s >= PATIENCE_S

    def _spoken(self, one: Play) -> Pcm | None:
        """Its words by the own voice; where there is none, others are not kept waiting for it again and again."""
        now_s, name = self._desk.clock.monotonic(), one.ask.occurrence
        times, not_before_s = self._mute.get(name, (0, now_s))
        if now_s < not_before_s:
            return None
        pcm = self._speak(one)
        if pcm is None:
            wait_s = min(MOST_WAIT_S, 2.0 * 2.0 ** min(times, 5))
            self._mute[name] = (times + 1, self._desk.clock.monotonic() + wait_s)
        else:
            self._mute.pop(name, None)
        return pcm
