"""ALSA's own library, the part a loudspeaker needs: play and record one channel, and say which frame sounds when.

Called through ctypes. The units forbid memory that is both writable and executable, which rules out the libraries
whose sound comes and goes in a callback out of C; and only ALSA itself says how many frames are still on their way
to the loudspeaker (`snd_pcm_delay`), which is what the first sample is placed by.
"""

from __future__ import annotations

import ctypes
import errno
import time
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_LIBRARY: Final = "libasound.so.2"
_PLAYBACK, _CAPTURE = 0, 1
_NONBLOCK: Final = 1
_S16_LE, _INTERLEAVED = 2, 3
_RUNNING: Final = 3
_BLOCK: Final = 4096
"""Most frames of one reading."""

_SURE_S: Final = 0.002
"""An answer that took longer to come says nothing about when it was true."""


class AlsaError(Exception):
    """The sound device does not do what was asked; the text says why."""

    def __init__(self, text: str, number: int = 0) -> None:
        """number: errno of it, 0 unknown."""
        super().__init__(text)
        self.number = number


def _library() -> ctypes.CDLL:
    try:
        lib = ctypes.CDLL(_LIBRARY)
    except OSError as why:
        raise AlsaError(f"{_LIBRARY} is not installed") from why
    pcm = c_void_p
    lib.snd_pcm_open.argtypes = [POINTER(pcm), c_char_p, c_int, c_int]
    lib.snd_pcm_set_params.argtypes = [pcm, c_int, c_int, c_uint, c_uint, c_int, c_uint]
    lib.snd_pcm_delay.argtypes = [pcm, POINTER(c_long)]
    lib.snd_pcm_wait.argtypes = [pcm, c_int]
    lib.snd_pcm_recover.argtypes = [pcm, c_int, c_int]
    lib.snd_strerror.argtypes = [c_int]
    lib.snd_strerror.restype = c_char_p
    for transfer in (lib.snd_pcm_writei, lib.snd_pcm_readi):
        transfer.argtypes = [pcm, c_void_p, c_ulong]
        transfer.restype = c_long
    for order in (lib.snd_pcm_close, lib.snd_pcm_drop, lib.snd_pcm_start, lib.snd_pcm_state):
        order.argtypes = [pcm]
    return lib


class _Device:
    """One open device in one direction."""

    def __init__(
        self, name: str, rate_hz: int, direction: int, buffer_s: float, monotonic: Callable[[], float]
    ) -> None:
        self.lib = _library()
        self.pcm = c_void_p()
        self.channels = 1
        self._name = name
        self._monotonic = monotonic
        self.ask(self.lib.snd_pcm_open(byref(self.pcm), name.encode(), direction, _NONBLOCK))
        try:
            self._set(rate_hz, round(buffer_s * 1e6))
        except AlsaError:
            self.close()
            raise

    def _set(self, rate_hz: int, buffer_us: int) -> None:
        """One channel; a bare card that has only two gets both alike."""
        status = 0
        for self.channels in (1, 2):
            status = self.lib.snd_pcm_set_params(
                self.pcm, _S16_LE, _INTERLEAVED, self.channels, rate_hz, 1, buffer_us
            )
            if status == 0:
                return
        self.ask(status)

    def ask(self, status: int) -> int:
        """An answer of the library. Raises AlsaError when it is an error."""
        if status < 0:
            said = self.lib.snd_strerror(status).decode(errors="replace")
            raise AlsaError(f"{self._name}: {said}", -status)
        return status

    def moved(self, status: int) -> int:
        """How many frames a transfer moved, -1 when it had run dry or over and was mended. Raises AlsaError."""
        if status in (-errno.EPIPE, -errno.ESTRPIPE):
            self.ask(self.lib.snd_pcm_recover(self.pcm, status, 1))
            return -1
        return 0 if status == -errno.EAGAIN else self.ask(status)

    def is_running(self) -> bool:
        return bool(self.lib.snd_pcm_state(self.pcm) == _RUNNING)

    def start(self) -> None:
        if not self.is_running():
            self.ask(self.lib.snd_pcm_start(self.pcm))

    def delay(self) -> tuple[int, float] | None:
        """Frames between us and the air, and when that was so; None when it does not run or is not sure."""
        if not self.is_running():
            return None
        frames = c_long()
        before_s = self._monotonic()
        status = self.lib.snd_pcm_delay(self.pcm, byref(frames))
        after_s = self._monotonic()
        if status < 0 or after_s - before_s > _SURE_S:
            return None
        return frames.value, (before_s + after_s) / 2

    def wait(self, longest_s: float) -> None:
        status = self.lib.snd_pcm_wait(self.pcm, round(longest_s * 1000))
        if status not in (-errno.EPIPE, -errno.ESTRPIPE, -errno.EAGAIN):
            self.ask(status)

    def close(self) -> None:
        pcm, self.pcm = self.pcm, c_void_p()
        if pcm:
            self.lib.snd_pcm_drop(pcm)
            self.lib.snd_pcm_close(pcm)


class Playback:
    """A device that sounds. One thread at a time."""

    def __init__(
        self, name: str, rate_hz: int, buffer_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """name: as in `aplay -D`; it converts rates itself. buffer_s: how much it holds; full, it begins to run.

        Raises AlsaError.
        """
        self._device = _Device(name, rate_hz, _PLAYBACK, buffer_s, monotonic)
        self.underruns = 0
        """How often the device itself ran dry."""

    def write(self, samples: Samples) -> int:
        """Give what it takes now; returns how many frames that were. Raises AlsaError when it is gone."""
        device = self._device
        frames = np.ascontiguousarray(np.repeat(samples, device.channels))
        moved = device.moved(device.lib.snd_pcm_writei(device.pcm, frames.ctypes.data, len(samples)))
        if moved < 0:
            self.underruns += 1
            moved = device.moved(device.lib.snd_pcm_writei(device.pcm, frames.ctypes.data, len(samples)))
        return max(0, moved)

    def wait(self, longest_s: float) -> None:
        """Return when it takes samples, or after `longest_s`. Raises AlsaError when it is gone."""
        self._device.wait(longest_s)

    def ahead(self) -> tuple[int, float] | None:
        """How many written frames have not sounded yet, and the monotonic second at which that was so.

        None while it does not run.
        """
        return self._device.delay()

    def close(self) -> None:
        """Silence now, and give the device back. Never raises."""
        self._device.close()


class Capture:
    """A device that hears. One thread at a time."""

    def __init__(
        self, name: str, rate_hz: int, buffer_s: float = 0.5, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """name: as in `arecord -D`; it converts rates itself. Runs from here on. Raises AlsaError."""
        self._device = _Device(name, rate_hz, _CAPTURE, buffer_s, monotonic)
        self._rate_hz = rate_hz
        self._monotonic = monotonic
        self.overruns = 0
        """How often samples were lost because nobody read them."""
        try:
            self._device.start()
        except AlsaError:
            self.close()
            raise

    def read(self, longest_s: float = 0.1) -> tuple[Samples, float]:
        """What came, and the monotonic second of its first sample; nothing after `longest_s` without a sample.

        Raises AlsaError when it is gone.
        """
        device = self._device
        device.wait(longest_s)
        waiting, at_s = device.delay() or (0, self._monotonic())
        block = np.empty(_BLOCK * device.channels, dtype=np.int16)
        moved = device.moved(device.lib.snd_pcm_readi(device.pcm, block.ctypes.data, _BLOCK))
        if moved < 0:
            self.overruns += 1
            device.start()
        return block[: max(0, moved) * device.channels : device.channels], at_s - waiting / self._rate_hz

    def close(self) -> None:
        """Give the device back. Never raises."""
        self._device.close()


def is_installed() -> bool:
    """Whether this machine has the library at all."""
    try:
        _library()
    except AlsaError:
        return False
    return True


def is_there(name: str, *, records: bool = False) -> bool:
    """Whether a device of this name can be opened to play, or with `records` to record; one that is busy can."""
    if not is_installed():
        return False
    lib, pcm = _library(), c_void_p()
    status: int = lib.snd_pcm_open(byref(pcm), name.encode(), _CAPTURE if records else _PLAYBACK, _NONBLOCK)
    if status == 0:
        lib.snd_pcm_close(pcm)
    return status in (0, -errno.EBUSY)
