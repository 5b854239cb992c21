"""The sound card as a place for samples: kept fed by a thread of its own, its frames told apart by its own clock."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from edge.speaker.alsa import AlsaError, Playback
from edge.speaker.tape import Samples, SinkError, Tape

BUFFER_S: Final = 0.15
"""So much the card holds: what a stop cannot take back from it, and how long this machine may think of others."""

STUCK_S: Final = 2.0
STEADY: Final = 3
"""So many readings of the card's clock are waited for before it is believed."""

_JUMP_S: Final = 0.02
_SILENT_S: Final = 0.25
"""Within this time a fade is over, however much the card still holds; closing it takes some hundredths more."""

_CLOSE_S: Final = 0.3


class Pace:
    """When the frames of a device sound, out of readings of which some come late. Pure."""

    def __init__(self, rate_hz: int) -> None:
        """rate_hz: what the device says of itself; how fast it really is shows in the readings."""
        self._rate_hz = rate_hz
        self._zeros: deque[float] = deque(maxlen=32)
        self._strays: list[float] = []
        self._frame = 0

    def __len__(self) -> int:
        return len(self._zeros)

    def add(self, frame: int, at_s: float) -> None:
        """One reading. Three in a row elsewhere than before: the device has stopped in between, and counts anew."""
        zero_s = at_s - frame / self._rate_hz
        if self._zeros and abs(zero_s - statistics.median(self._zeros)) > _JUMP_S:
            self._strays.append(zero_s)
            if len(self._strays) < STEADY:
                return
            self._zeros.clear()
            self._zeros.extend(self._strays)
        else:
            self._zeros.append(zero_s)
        self._strays.clear()
        self._frame = frame

    def pair(self) -> tuple[int, float]:
        """The newest frame that was read, and when it sounded. Raises StatisticsError before the first reading."""
        return self._frame, statistics.median(self._zeros) + self._frame / self._rate_hz


class CardSink:
    """A sound card. A thread of its own keeps it fed, with silence where nothing is queued."""

    kind: Literal["card", "file"] = "card"

    def __init__(self, card: str, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """card: ALSA device as in `aplay -D`; name: what the kernel calls the card."""
        self.name = name
        self._card = card
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._steady = threading.Event()
        self._ending = threading.Event()
        self._feeder: threading.Thread | None = None
        self._rate_hz = 1
        self._begin(1)

    def _begin(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._tape, self._pace = Tape(), Pace(rate_hz)
        self._why = ""
        self._device_underruns = 0
        self._fed_s = self._monotonic()
        self._silent_s: float | None = None

    @property
    def underruns(self) -> int:
        """How often card or queue ran out of samples since it was opened."""
        with self._lock:
            return max(self._tape.underruns, self._device_underruns)

    def open(self, rate_hz: int, label: str) -> None:
        """Open the card and wait until its clock runs. Raises SinkError."""
        del label
        self.drop()
        self._begin(rate_hz)
        try:
            card = Playback(self._card, rate_hz, BUFFER_S, self._monotonic)
        except AlsaError as why:
            raise SinkError(str(why)) from why
        self._ending.clear()
        self._steady.clear()
        self._feeder = threading.Thread(target=self._feed, args=(card,), name="sound-card")
        self._feeder.start()
        if not self._steady.wait(STUCK_S) or self._why:
            self.drop()
            raise SinkError(self._why or f"{self._card}: the card takes no samples")

    def write(self, samples: Samples, at: int | None = None) -> int:
        """Queue samples. Raises SinkError when the card is gone or stuck."""
        self._check()
        with self._lock:
            return self._tape.put(samples, at)

    def clock(self) -> tuple[int, float]:
        """The newest frame that is known to have sounded, and when. Raises SinkError when the card is gone or stuck."""
        self._check()
        with self._lock:
            return self._pace.pair()

    def finish(self) -> None:
        """Wait until the last sample has sounded. Raises SinkError."""
        pause = threading.Event()
        with self._lock:
            end = self._tape.end
        while True:
            self._check()
            frame, at_s = self.clock()
            left_s = at_s + (end - frame) / self._rate_hz - self._monotonic()
            if left_s <= 0:
                break
            pause.wait(min(left_s, 0.1))
        self.drop()

    def drop(self, fade_s: float = 0.0) -> None:
        """Silence; a card that hangs is left behind."""
        feeder = self._feeder
        if feeder is None:
            return
        if fade_s > 0 and not self._why:
            threading.Event().wait(self._fade(fade_s))
        self._ending.set()
        feeder.join(_CLOSE_S)
        self._feeder = None

    def _fade(self, fade_s: float) -> float:
        """Let what is queued die away; returns how long it takes until that is silence."""
        now_s = self._monotonic()
        with self._lock:
            if len(self._pace) < STEADY:
                return 0.0
            frame, at_s = self._pace.pair()
            ahead_s = max(0.0, at_s + (self._tape.taken - frame) / self._rate_hz - now_s)
            fade_s = max(0.01, min(fade_s, _SILENT_S - ahead_s))
            self._tape.fade(round(fade_s * self._rate_hz))
        return min(ahead_s + fade_s, _SILENT_S)

    def _check(self) -> None:
        if self._feeder is None:
            raise SinkError(f"{self._card}: the card is not open")
        if self._why:
            raise SinkError(self._why)
        if self._monotonic() - self._fed_s > STUCK_S:
            raise SinkError(f"{self._card}: the card takes no samples")

    def _feed(self, card: Playback) -> None:
        """Keep the card full until the end; the only thread that touches it."""
        step = max(1, round(BUFFER_S / 8 * self._rate_hz))
        block = self._tape.take(0)
        try:
            while not self._ending.is_set():
                if not len(block):
                    with self._lock:
                        block = self._tape.take(step)
                taken = card.write(block)
                if taken:
                    self._fed_s = self._monotonic()
                    block = block[taken:]
                if len(block):
                    card.start()
                    card.wait(BUFFER_S)
                self._read(card, len(block))
        except AlsaError as why:
            self._why = str(why)
            self._steady.set()
        finally:
            card.close()

    def _read(self, card: Playback, waiting: int) -> None:
        """Read the card's clock. waiting: frames taken off the tape that the card has not got yet."""
        known = card.ahead()
        with self._lock:
            self._device_underruns = card.underruns
            if known is not None:
                self._pace.add(self._tape.taken - waiting - known[0], known[1])
                if len(self._pace) >= STEADY:
                    self._steady.set()
