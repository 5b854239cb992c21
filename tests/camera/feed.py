"""Writes a film's H.264 as MPEG-TS to stdout in real time, again and again: what a camera's encoder does."""

from __future__ import annotations

import sys
import threading
import time
from fractions import Fraction

import av

PAUSE = threading.Event()


def main(film: str) -> None:
    """Until the reader goes away."""
    out = av.open(sys.stdout.buffer, "w", format="mpegts")
    stream = None
    start, offset_s = time.monotonic(), 0.0
    try:
        while True:
            with av.open(film) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video)
                last_s = 0.0
                for packet in source.demux(video):
                    shown, order = packet.pts, packet.dts
                    if not packet.size or shown is None or order is None:
                        continue
                    last_s = float(order * packet.time_base)
                    shift = int(offset_s / packet.time_base)
                    packet.pts, packet.dts = shown + shift, order + shift
                    packet.stream = stream
                    PAUSE.wait(max(0.0, start + offset_s + last_s - time.monotonic()))
                    out.mux_one(packet)
                    sys.stdout.buffer.flush()
            offset_s += last_s + float(Fraction(1, 10))
    except (BrokenPipeError, av.error.BrokenPipeError):
        return


if __name__ == "__main__":
    main(sys.argv[1])
