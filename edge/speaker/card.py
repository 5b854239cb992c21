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
    """A sound card."""

    kind: Literal["card", "file"] = "card"

    def __init__(self, card: str, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """card: ALSA device as in `aplay -D`; name: what the kernel calls the card."""
        self.name = name
        self._card = card
        self._monotonic = monotonic
        self._run: _Run | None = None
        self._underruns = 0

    @property
    def underruns(self) -> int:
        """How often card or queue ran out of samples since it was opened."""
        return self._underruns if self._run is None else self._run.underruns()

    def open(self, rate_hz: int, label: str) -> None:
        """Open the card and wait until its clock runs. Raises SinkError."""
        del label
        self.drop()
        self._underruns = 0
        try:
            card = Playback(self._card, rate_hz, BUFFER_S, self._monotonic)
        except AlsaError as why:
            raise SinkError(str(why)) from why
        run = _Run(card, self._card, rate_hz, self._monotonic)
        try:
            run.begin()
        except SinkError:
            run.end()
            raise
        self._run = run

    def write(self, samples: Samples, at: int | None = None) -> int:
        """Queue samples. Raises SinkError when the card is gone or stuck."""
        return self._running().put(samples, at)

    def clock(self) -> tuple[int, float]:
        """The newest frame that is known to have sounded, and when. Raises SinkError when the card is gone or stuck."""
        return self._running().clock()

    def finish(self) -> None:
        """Wait until the last sample has sounded. Raises SinkError."""
        run = self._running()
        while (left_s := run.left_s()) > 0:
            run.pause(min(left_s, 0.1))
        self.drop()

    def drop(self, fade_s: float = 0.0) -> None:
        """Silence; a card that hangs is left behind."""
        run, self._run = self._run, None
        if run is not None:
            run.pause(run.fade(fade_s))
            self._underruns = run.underruns()
            run.end()

    def _running(self) -> _Run:
        if self._run is None:
            raise SinkError(f"{self._card}: the card is not open")
        return self._run


class _Run:
    """One opening of the card. A thread of its own keeps it fed, with silence where nothing is queued."""

    def __init__(self, card: Playback, name: str, rate_hz: int, monotonic: Callable[[], float]) -> None:
        self._card, self._name = card, name
        self._rate_hz = rate_hz
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tape, self._pace = Tape(), Pace(rate_hz)
        self._steady, self._ending = threading.Event(), threading.Event()
        self._why = ""
        self._fed_s = monotonic()
        self._feeder = threading.Thread(target=self._feed, name="sound-card")

    def begin(self) -> None:
        """Run, and wait until the clock of the card is known. Raises SinkError."""
        self._feeder.start()
        self._steady.wait(STUCK_S)
        self._check()
        if len(self._pace) < STEADY:
            raise SinkError(f"{self._name}: the card takes no samples")

    def end(self) -> None:
        """Silence now."""
        self._ending.set()
        self._feeder.join(_CLOSE_S)

    def put(self, samples: Samples, at: int | None) -> int:
        self._check()
        with self._lock:
            return self._tape.put(samples, at)

    def clock(self) -> tuple[int, float]:
        self._check()
        with self._lock:
            return self._pace.pair()

    def left_s(self) -> float:
        """Until the last sample sounds. Raises SinkError."""
        frame, at_s = self.clock()
        return at_s + (self._tape.end - frame) / self._rate_hz - self._monotonic()

    def fade(self, longest_s: float) -> float:
        """Let what is queued die away; returns how long it takes until that is silence."""
        now_s = self._monotonic()
        with self._lock:
            if not longest_s or self._why or len(self._pace) < STEADY:
                return 0.0
            frame, at_s = self._pace.pair()
            ahead_s = max(0.0, at_s + (self._tape.taken - frame) / self._rate_hz - now_s)
            fade_s = max(0.01, min(longest_s, _SILENT_S - ahead_s))
            self._tape.fade(round(fade_s * self._rate_hz))
        return min(ahead_s + fade_s, _SILENT_S)

    def pause(self, seconds: float) -> None:
        """Let the card play on; returns sooner when it is over."""
        self._ending.wait(seconds)

    def underruns(self) -> int:
        with self._lock:
            return self._tape.underruns + self._card.underruns

    def _check(self) -> None:
        if self._why:
            raise SinkError(self._why)
        if self._monotonic() - self._fed_s > STUCK_S:
            raise SinkError(f"{self._name}: the card takes no samples")

    def _feed(self) -> None:
        """Keep the card full until the end; the only thread that touches it."""
        card = self._card
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
                    card.wait(BUFFER_S)
                self._read_clock(len(block))
        except AlsaError as why:
            self._why = str(why)
            self._steady.set()
        finally:
            card.close()

    def _read_clock(self, waiting: int) -> None:
        """waiting: frames taken off the tape that the card has not got yet."""
        known = self._card.ahead()
        if known is None:
            return
        with self._lock:
            self._pace.add(self._tape.taken - waiting - known[0], known[1])
            if len(self._pace) >= STEADY:
                self._steady.set()
