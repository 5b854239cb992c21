"""Writes films as MPEG-TS to stdout in real time, again and again: what a camera's encoder does, good or bad.

feed.py [--jump] [--damage] [--log FILE] FILM…   The films follow each other; they must be of one coding.
--jump: the camera's clock is set an hour on after the first film and back after the second.
--log: each film's first moment is written there, by the machine's monotonic clock, a line each.
--damage: every fifth picture that is no key picture arrives as rubbish.
"""

from __future__ import annotations

import sys
import threading
import time
from itertools import cycle
from pathlib import Path
from typing import Any

import av

PAUSE = threading.Event()
HOUR_S = 3600.0


class Feed:
    """One camera's output."""

    def __init__(self, *, jumps: bool, damages: bool, log: str = "") -> None:
        self._jumps, self._damages = jumps, damages
        self._log = log
        self._start = time.monotonic()
        self._offset_s = 0.0
        self._out: Any = None
        self._stream: Any = None
        self._count = 0

    def play(self, film: str, number: int) -> None:
        """One film, once."""
        set_on_s = HOUR_S if self._jumps and number % 2 else 0.0
        with av.open(film) as source:
            video = source.streams.best("video") or source.streams.best("audio")
            if self._out is None or (self._jumps and number % 2 == 0):
                # libav refuses to write times that fall; a camera does not ask.
                self._out = av.open(sys.stdout.buffer, "w", format="mpegts")
                self._stream = self._out.add_stream_from_template(video)
            if self._log:
                with Path(self._log).open("a", encoding="ascii") as log:
                    log.write(f"{self._start + self._offset_s}\n")
            last_s = 0.0
            for packet in source.demux(video):
                shown, order = packet.pts, packet.dts
                if not packet.size or shown is None or order is None:
                    continue
                last_s = float(order * packet.time_base)
                shift = int((self._offset_s + set_on_s) / packet.time_base)
                sent = self._perhaps_damaged(packet)
                sent.pts, sent.dts, sent.stream = shown + shift, order + shift, self._stream
                PAUSE.wait(max(0.0, self._start + self._offset_s + last_s - time.monotonic()))
                self._out.mux_one(sent)
                sys.stdout.buffer.flush()
        self._offset_s += last_s + 0.1

    def _perhaps_damaged(self, packet: Any) -> Any:
        self._count += 1
        if not self._damages or packet.is_keyframe or self._count % 5:
            return packet
        raw = bytes(packet)
        rubbish = av.Packet(raw[:6] + bytes(1 + (7 * n) % 255 for n in range(max(0, len(raw) - 6))))
        rubbish.time_base = packet.time_base
        return rubbish


def main(arguments: list[str]) -> None:
    """Until the reader goes away."""
    log = arguments.pop(arguments.index("--log") + 1) if "--log" in arguments else ""
    films = [each for each in arguments if not each.startswith("--")]
    feed = Feed(jumps="--jump" in arguments, damages="--damage" in arguments, log=log)
    try:
        for number, film in enumerate(cycle(films)):
            feed.play(film, number)
    except (BrokenPipeError, av.error.BrokenPipeError):
        return


if __name__ == "__main__":
    main(sys.argv[1:])
