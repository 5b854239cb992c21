"""Child process: takes one programme from elsewhere and writes it as mono 16-bit samples to its stdout, levelled.

A stream that breaks decoders breaks only this. It runs at most five seconds ahead of time, connects again after a
cut, and ends by itself when nothing came for as long as its order allows, when its reader has gone or when its time
is over. Its only argument is an Order as JSON; why it ended is one line on stderr.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.speaker import snap
from edge.speaker.levelling import Leveller
from edge.speaker.station import StationError, Stream, Web

MEMORY: Final = 512 * 1024**2
"""Bytes of address space."""
CPU_S: Final = 60
CPU_A_S: Final = 0.25
"""Seconds of a core: to begin with, and for each second of the programme. A server's core takes 0.01."""

AHEAD_S: Final = 5.0
"""No more is given out before its time: what a station sends at once lasts for as long as it is cut off."""

_AGAIN_S: Final = (0.2, 0.5, 1.0, 2.0)
_MOST_CUTS, _SHAKY_S = 3, 60.0
"""So many cuts in this time, and it is lost: servers whose source is gone send everybody who asks the same seconds."""

_DEMUXERS: Final = "mp3,aac,ogg,flac,mov,mpegts,wav,hls"
_CODECS: Final = "aac,aac_latm,mp2,mp2float,mp3,mp3float,opus,libopus,vorbis,flac,pcm_s16le,pcm_s16be"
"""What radio stations send; nothing else is given to a reader or a decoder."""
_RATES_HZ: Final = range(8_000, 96_001)
_MOST_CHANNELS: Final = 8
_MOST_BROKEN: Final = 50
"""Packets in a row that cannot be decoded before this is no sound."""

Samples = NDArray[np.int16]


class Order(msgspec.Struct, frozen=True):
    """What the child is to take."""

    address: str
    rate_hz: int
    longest_s: float
    """Its time."""
    patience_s: float
    """So long without a sound, and it ends."""
    first_s: float
    """The same before the first sound: to start, to look up the name and to connect."""
    snapclient: str = ""
    may_be_here: bool = False
    """Stations on this machine itself are let in, for tests."""


class _OverError(Exception):
    """The programme has ended by itself, or its time is over."""


def main(argv: list[str]) -> int:
    """Take the programme. Returns the exit code."""
    order = msgspec.json.decode(argv[0], type=Order)
    is_snap = urlsplit(order.address).scheme == "snap"
    _limit_itself(order.longest_s, is_snap)
    try:
        (_take_microphone if is_snap else _take_station)(order, _Outlet(order))
    except (StationError, _OverError) as why:
        _say(why)
    except BrokenPipeError:  # nobody wants it any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    return 1


def _say(why: Exception) -> None:
    """One line on stderr; nobody reads it before the end, so it must not fill."""
    with contextlib.suppress(OSError):
        os.set_blocking(2, False)
        os.write(2, f"{why}\n".encode())


class _Outlet:
    """Stdout as the reader wants it: levelled, and not long before its time."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._leveller = Leveller(order.rate_hz)
        self._began_s = time.monotonic()
        self.sent = 0
        """Samples given out."""
        signal.setitimer(signal.ITIMER_REAL, order.first_s)

    def watch(self) -> None:
        """End this process, whatever it hangs in, when nothing is given out from now on."""
        signal.setitimer(signal.ITIMER_REAL, self._order.patience_s)

    def give(self, samples: Samples) -> None:
        """Give samples out when it is their time. Raises BrokenPipeError and _OverError."""
        ready = self._leveller.take(samples)
        if not len(ready):
            return
        passed_s = time.monotonic() - self._began_s
        if passed_s > self._order.longest_s:
            raise _OverError("its time is over")
        ahead_s = self.sent / self._order.rate_hz - passed_s - AHEAD_S
        signal.setitimer(signal.ITIMER_REAL, 0)  # waiting for its time and for the reader is no silence
        if ahead_s > 0:
            threading.Event().wait(ahead_s)
        left = memoryview(ready.astype("<i2").tobytes())
        while left:
            left = left[os.write(1, left) :]
        self.sent += len(ready)
        self.watch()


# -- a station on the web


def _take_station(order: Order, outlet: _Outlet) -> None:
    """Connect, and again after each cut. The first connection must do: nobody has to wait for a wrong address."""
    again = 0
    cuts_s: list[float] = []
    while True:
        sent = outlet.sent
        why = StationError("the station breaks off again and again")
        try:
            for samples in _heard(order):
                outlet.give(samples)
        except StationError as said:
            if not outlet.sent:
                raise
            _say(why := said)
        again += 1
        if outlet.sent > sent:
            again, now_s = 0, time.monotonic()
            cuts_s = [*(one for one in cuts_s if now_s - one < _SHAKY_S), now_s]
        if len(cuts_s) >= _MOST_CUTS:
            raise why
        threading.Event().wait(_AGAIN_S[min(again, len(_AGAIN_S) - 1)])


def _heard(order: Order) -> Iterator[Samples]:
    """Mono samples of one connection until it is cut. Raises StationError, and _OverError at its own end."""
    import av

    web = Web(order.address, order.patience_s / 2, order.may_be_here)
    found = web.find(order.address)
    options = {
        "format_whitelist": _DEMUXERS,
        "codec_whitelist": _CODECS,
        "probesize": "262144",
        "analyzeduration": "1000000",
    }
    timeout = (order.patience_s, order.patience_s)
    try:
        if isinstance(found, Stream):
            source: Any = av.open(found, "r", options=options, timeout=timeout, buffer_size=8192)
        else:
            options |= {"http_persistent": "0", "allowed_extensions": "ALL", "extension_picky": "0"}
            source = av.open(found, "r", format="hls", options=options, timeout=timeout, io_open=web.open)
        with source as box:
            yield from _decoded(box, order.rate_hz)
    except (av.FFmpegError, OSError, ValueError) as why:
        raise StationError(f"the station sends no sound that can be read: {type(why).__name__}") from why
    finally:
        if isinstance(found, Stream):
            found.close()
    if found.is_whole if isinstance(found, Stream) else web.has_ended:
        raise _OverError("the programme has ended")


def _decoded(box: Any, rate_hz: int) -> Iterator[Samples]:
    import av

    if not box.streams.audio:
        raise StationError("the station sends no sound")
    resampler: Any = None
    shape: tuple[int, str, str] | None = None
    broken = 0
    for packet in box.demux(box.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as why:
            broken += 1
            if broken > _MOST_BROKEN:
                raise StationError("the station sends no sound that can be read") from why
            continue
        broken = 0 if frames else broken
        for frame in frames:
            if (frame.sample_rate, frame.layout.name, frame.format.name) != shape:
                shape = (frame.sample_rate, frame.layout.name, frame.format.name)
                resampler = _resampler(frame, rate_hz)
            frame.pts = None  # a station's stamps leap; here everything is heard one after the other
            for piece in resampler.resample(frame):
                yield piece.to_ndarray()[0]


def _resampler(frame: Any, rate_hz: int) -> Any:
    import av

    if frame.sample_rate not in _RATES_HZ or not 1 <= frame.layout.nb_channels <= _MOST_CHANNELS:
        raise StationError("the station sends an unusual kind of sound")
    return av.AudioResampler(format="s16", layout="mono", rate=rate_hz)


# -- a live microphone on this network


def _take_microphone(order: Order, outlet: _Outlet) -> None:
    """Take what a live microphone sends until it is gone."""
    signal.signal(signal.SIGALRM, _lost)  # snapclient must not outlive this process
    with closing(snap.heard(order.address, order.rate_hz, order.snapclient, order.may_be_here)) as pieces:
        for samples in pieces:
            outlet.give(samples)


def _lost(number: int, frame: object) -> None:
    del number, frame
    raise StationError("nothing comes from the live microphone")


def _limit_itself(longest_s: float, is_snap: bool) -> None:
    cpu_s = round(CPU_S + CPU_A_S * longest_s)
    limits = {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_CPU: cpu_s, resource.RLIMIT_CORE: 0}
    if not is_snap:
        limits[resource.RLIMIT_FSIZE] = 0
    for what, most in limits.items():
        with contextlib.suppress(OSError, ValueError):  # a service may not be let; its own limits stand then
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
