"""The ear of a loudspeaker: a microphone by the horn and a line back from the amplifier, open in own plays only.

What it takes stays in memory until the play is judged (`proof.judge`) and is then forgotten; no sample is written
down or sent. It runs in the sound library's own thread between `listen` and `stop`, and never fails a play.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from edge.speaker.proof import Heard, Samples, Track

log = logging.getLogger(__name__)

RATE_HZ: Final = 8000
"""All that proof needs; a device that cannot is read at its own rate and thinned out."""

LONGEST_S: Final = 180
"""So much is kept, the newest."""

BLOCK_S: Final = 0.1
_BELIEVABLE_S: Final = 2.0
"""A device that says a sample is older than this, or not yet taken, does not know its own time."""


class Ear:
    """The microphone and the line that the settings name."""

    def __init__(
        self, microphone: str, loop_back: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """microphone, loop_back: names of capture devices, or a part of the name; empty: there is none."""
        self._devices = {"microphone": microphone, "loop_back": loop_back}
        self._monotonic = monotonic

    def listen(self) -> Listening | None:
        """Open what there is; None when nothing is set or opens. Call it once the sink of the play is open:
        a sink may begin the sound library anew, which closes whatever is open."""
        open_: dict[str, _Recording] = {}
        for what, device in self._devices.items():
            if not device:
                continue
            try:
                open_[what] = _Recording(device, self._monotonic)
            except Exception as why:  # noqa: BLE001  (whatever a sound library does, the play goes on)
                log.warning("%s %s: %s", what, device, why, extra={"event": "ear-shut"})
        return Listening(open_) if open_ else None


class Listening:
    """An ear that is open."""

    def __init__(self, recordings: dict[str, _Recording]) -> None:
        """recordings: by `microphone` and `loop_back`."""
        self._recordings = recordings

    def stop(self) -> Heard:
        """Close it and hand over what came. Never raises; a second time there is nothing."""
        recordings, self._recordings = self._recordings, {}
        tracks = {what: one.close() for what, one in recordings.items()}
        return Heard(tracks.get("microphone"), tracks.get("loop_back"))


class _Recording:
    """One capture device, from now until `close`."""

    def __init__(self, device: str, monotonic: Callable[[], float]) -> None:
        """Opens it. Raises whatever the sound library raises: OSError, PortAudioError, ValueError."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._blocks: deque[Samples] = deque(maxlen=round(LONGEST_S / BLOCK_S))
        self._begins: deque[float] = deque(maxlen=round(LONGEST_S / BLOCK_S))
        """When the first sample of each block was taken, as the device says."""
        self._thin = 1
        self._stream = self._open(device)

    def _open(self, device: str) -> Any:
        import sounddevice

        found = sounddevice.query_devices(device, "input")
        try:
            stream = self._stream_of(sounddevice, device, RATE_HZ)
        except sounddevice.PortAudioError:
            own_hz = round(found["default_samplerate"])
            self._thin = max(1, own_hz // RATE_HZ)
            stream = self._stream_of(sounddevice, device, own_hz)
        self.rate_hz = stream.samplerate / self._thin
        try:
            stream.start()
        except sounddevice.PortAudioError:
            stream.close(ignore_errors=True)
            raise
        return stream

    def _stream_of(self, sounddevice: Any, device: str, rate_hz: int) -> Any:
        return sounddevice.RawInputStream(
            samplerate=rate_hz,
            blocksize=round(BLOCK_S * rate_hz) // self._thin * self._thin,
            device=device,
            channels=1,
            dtype="int16",
            callback=self._take,
        )

    def _take(self, raw: Any, frames: int, times: Any, status: object) -> None:
        """Called by the sound library for every block."""
        del frames, status
        now_s = self._monotonic()
        block = np.frombuffer(raw, dtype=np.int16)
        age_s = times.currentTime - times.inputBufferAdcTime
        if not 0 <= age_s <= _BELIEVABLE_S:
            age_s = len(block) / self.rate_hz / self._thin
        if self._thin > 1:
            block = block.reshape(-1, self._thin).mean(axis=1).astype(np.int16)
        with self._lock:
            self._blocks.append(block.copy())
            self._begins.append(now_s - age_s)

    def close(self) -> Track | None:
        """Give the device back; what was taken, None when nothing came. Never raises."""
        try:
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)
        except Exception as why:  # noqa: BLE001  (a device pulled out while it was open)
            log.warning("%s", why, extra={"event": "ear-shut"})
        with self._lock:
            blocks, begins = list(self._blocks), list(self._begins)
            self._blocks.clear()
            self._begins.clear()
        return joined(blocks, begins, self.rate_hz) if blocks else None


def joined(blocks: list[Samples], begins: list[float], rate_hz: float) -> Track:
    """Blocks as one track; where the device lost samples, silence of their length stands for them.

    begins: when each block began, each a little off. A gap is one when the blocks after it are late for good.
    """
    parts: list[Samples] = []
    at = 0
    starts: list[float] = []
    origin_s = begins[0]
    for number, block in enumerate(blocks):
        late_s = statistics.median(begins[number : number + 5]) - (origin_s + at / rate_hz)
        if late_s > BLOCK_S:
            parts.append(np.zeros(round(late_s * rate_hz), dtype=np.int16))
            at += len(parts[-1])
        starts.append(begins[number] - at / rate_hz)
        parts.append(block)
        at += len(block)
    return Track(np.concatenate(parts), rate_hz, statistics.median(starts))
