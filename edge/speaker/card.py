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

BUFFER_S: Final = 0.12
"""So much the card holds: what a stop cannot take back from it, and how long this machine may think of others."""

STUCK_S: Final = 2.0
STEADY: Final = 3
"""So many readings of the card's clock are waited for before it is believed."""

_JUMP_S: Final = 0.02
_FADE_REST_S: Final = 0.02
_DROP_S: Final = 0.28


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
        """The newest frame that is known to have sounded, and when."""
        with self._lock:
            return self._pace.pair() if len(self._pace) else (0, self._monotonic())

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
        if fade_s > 0 and not self._why and len(self._pace):
            with self._lock:
                silent = self._tape.fade(round(fade_s * self._rate_hz))
                frame, at_s = self._pace.pair()
            left_s = at_s + (silent - frame) / self._rate_hz - self._monotonic()
            threading.Event().wait(max(0.0, min(left_s, _DROP_S - 0.04)))
        self._ending.set()
        feeder.join(_DROP_S)
        if not feeder.is_alive():
            self._feeder = None

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
