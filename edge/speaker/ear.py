"""The ear of a loudspeaker: a microphone by the horn and a line back from the amplifier, open in own plays only.

What it takes stays in memory until the play is judged (`proof.judge`) and is then forgotten; no sample is written
down or sent. Each device is read in a thread of its own between `listen` and `stop`; none of it fails a play.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from edge.speaker.alsa import AlsaError, Capture
from edge.speaker.proof import Heard, Samples, Track

log = logging.getLogger(__name__)

RATES_HZ: Final = (8000, 48_000, 44_100)
"""All that proof needs, else what bare cards can do; that is thinned out to the lowest rate from 8000 Hz up."""

LONGEST_S: Final = 180
"""So much is kept, the newest."""

FORGOTTEN_S: Final = 4000.0
"""No play lasts so long: an ear that nobody shut shuts itself."""

BLOCK_S: Final = 0.1
_GIVEN_BACK_S: Final = 0.3
"""A device that hangs longer is left behind: the next play may be an emergency."""
SETTLED: Final = 4
"""So many readings must be late before something is taken for lost."""
_LOST_S: Final = 0.05
"""Where everything that follows comes so much later than it should, the device lost samples."""


class Ear:
    """The microphone and the line that the settings name."""

    def __init__(
        self,
        microphone: str,
        loop_back: str,
        monotonic: Callable[[], float] = time.monotonic,
        rates_hz: Sequence[int] = RATES_HZ,
    ) -> None:
        """microphone, loop_back: as in `arecord -D`; empty: there is none. rates_hz: in the order they are tried."""
        self._rates_hz = tuple(rates_hz)
        self._devices = {"microphone": microphone, "loop_back": loop_back}
        self._monotonic = monotonic

    def listen(self, longest_s: float = FORGOTTEN_S) -> Listening | None:
        """Begin to open what is set, without waiting for it; None when nothing is. After `longest_s` it shuts."""
        open_ = {
            what: _Recording(device, longest_s, self._monotonic, self._rates_hz)
            for what, device in self._devices.items()
            if device
        }
        return Listening(open_) if open_ else None


class Listening:
    """An ear that is open."""

    def __init__(self, recordings: dict[str, _Recording]) -> None:
        """recordings: by `microphone` and `loop_back`."""
        self._recordings = recordings

    def shut(self) -> None:
        """Close it at once; what came is forgotten."""
        recordings, self._recordings = self._recordings, {}
        for one in recordings.values():
            one.end()

    def stop(self) -> Heard:
        """Close it and hand over what came. Never raises; a second time there is nothing."""
        recordings, self._recordings = self._recordings, {}
        for one in recordings.values():
            one.end()
        tracks = {what: one.take() for what, one in recordings.items()}
        return Heard(tracks.get("microphone"), tracks.get("loop_back"))


class _Recording:
    """One capture device, read from now until `take`, until it is gone or nobody wants it any more."""

    def __init__(
        self, device: str, longest_s: float, monotonic: Callable[[], float], rates_hz: tuple[int, ...]
    ) -> None:
        """Opens it in its own thread: a device that takes its time to open holds up no play."""
        self._device, self._rates_hz = device, rates_hz
        self._thin, self._rate_hz = 1, float(RATES_HZ[0])
        self._until_s = monotonic() + longest_s
        self._monotonic = monotonic
        most = round(LONGEST_S / BLOCK_S)
        self._blocks: deque[Samples] = deque(maxlen=most)
        self._begins: deque[float] = deque(maxlen=most)
        self._end = threading.Event()
        self._opener = threading.current_thread()
        self._reader = threading.Thread(target=self._read, name="ear")
        self._reader.start()

    def end(self) -> None:
        """Read no more. Does not wait."""
        self._end.set()

    def take(self) -> Track | None:
        """What came, once; None when nothing did. Waits for the device to be given back."""
        self._end.set()
        self._reader.join(_GIVEN_BACK_S)
        blocks, begins = list(self._blocks), list(self._begins)
        self._blocks.clear()
        return joined(blocks, begins, self._rate_hz) if blocks else None

    def _read(self) -> None:
        """The thread. It alone touches the device."""
        try:
            capture, rate_hz = _opened(self._device, self._monotonic, self._rates_hz)
        except AlsaError as why:
            log.warning("%s", why, extra={"event": "ear-shut"})
            return
        self._thin = rate_hz // RATES_HZ[0]
        self._rate_hz = rate_hz / self._thin
        try:
            self._listen(capture)
        except AlsaError as why:
            log.warning("%s", why, extra={"event": "ear-shut"})
        finally:
            capture.close()

    def _listen(self, capture: Capture) -> None:
        step = round(BLOCK_S * self._rate_hz) * self._thin
        kept, begin_s = np.zeros(0, dtype=np.int16), 0.0
        while self._is_wanted():
            came, at_s = capture.read(BLOCK_S)
            if not len(kept):
                begin_s = at_s
            kept = np.concatenate([kept, came])
            while len(kept) >= step:
                self._keep(kept[:step], begin_s)
                kept = kept[step:]
                begin_s = at_s + (len(came) - len(kept)) / (self._rate_hz * self._thin)

    def _is_wanted(self) -> bool:
        """Not once its time is over, and not longer than the thread that opened it lives."""
        is_late = self._monotonic() >= self._until_s
        return not (self._end.is_set() or is_late) and self._opener.is_alive()

    def _keep(self, block: Samples, begin_s: float) -> None:
        if self._thin > 1:
            block = block.reshape(-1, self._thin).mean(axis=1).astype(np.int16)
        self._blocks.append(block)
        self._begins.append(begin_s)


def _opened(device: str, monotonic: Callable[[], float], rates_hz: tuple[int, ...]) -> tuple[Capture, int]:
    """The device at the first rate that it can. Raises AlsaError."""
    refused = AlsaError(device)
    for rate_hz in rates_hz:
        try:
            return Capture(device, rate_hz, monotonic=monotonic), rate_hz
        except AlsaError as why:
            refused = why
    raise refused


def joined(blocks: list[Samples], begins: list[float], rate_hz: float) -> Track:
    """Blocks as one track; where the device lost samples, silence of their length stands for them.

    begins: the second at which each block began, each a little off.
    """
    lengths_s = np.array([len(block) for block in blocks]) / rate_hz
    # when the track would have begun by each reading: later ones after a loss
    zeros = np.array(begins) - np.concatenate([[0.0], np.cumsum(lengths_s)[:-1]])
    parts: list[Samples] = []
    lost = at = 0
    for number, block in enumerate(blocks):
        late_s = float(zeros[number : number + SETTLED].min() - zeros[0]) - lost / rate_hz
        if late_s > _LOST_S + _apart_s(at, rate_hz):
            gap = round(late_s * rate_hz)
            parts.append(np.zeros(gap, dtype=np.int16))
            lost += gap
        zeros[number] -= lost / rate_hz
        parts.append(block)
        at += len(block)
    return Track(np.concatenate(parts), rate_hz, statistics.median(zeros))


def _apart_s(frames: int, rate_hz: float) -> float:
    """How far this machine's clock and the device's may have parted: 200 ppm."""
    return frames / rate_hz * 200e-6
