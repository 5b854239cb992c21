"""Opus in Ogg, tuned for speech; a stretch between two silences can be coded again without the rest."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.speech.sound import Pcm, frame_of

PACKETS_PER_S = 50
"""Opus codes 20 ms at a time."""

_OPTIONS = {"application": "voip", "frame_duration": "20", "vbr": "on", "compression_level": "4"}
"""Level 4 of 10 takes two thirds of the processor time of level 10 and makes one voice no larger."""


def opus_bytes(pcm: Pcm, bits_per_s: int) -> bytes:
    """A whole sound. `pcm.rate_hz` must be one of OPUS_RATES_HZ."""
    return OpusCoder(pcm, bits_per_s).file()


class OpusCoder:
    """A coded sound whose stretches can be coded again.

    Opus passes a ceiling here and there by two decibels and more; coding a whole announcement again because of one
    syllable would double the work. A fresh encoder begins as after silence, which is what the decoder has just
    heard where a stretch is cut in a rest.
    """

    def __init__(self, pcm: Pcm, bits_per_s: int) -> None:
        """pcm.rate_hz: one of OPUS_RATES_HZ. bits_per_s: on average."""
        self._rate_hz, self._bits_per_s = pcm.rate_hz, bits_per_s
        self._packets = self._coded(pcm.samples)
        self._again: dict[int, bytes] = {}

    def code_again(self, samples: NDArray[np.int16], first: int, behind: int) -> None:
        """Code packets `first` to `behind` (not included) anew from the samples of the whole sound."""
        step = self._rate_hz // PACKETS_PER_S
        behind = min(behind, len(self._packets) - 2)  # the last ones carry how much of them is not heard
        coded = self._coded(samples[first * step : behind * step])
        for number, packet in zip(range(first, behind), coded, strict=False):
            self._again[number] = bytes(packet)

    def file(self) -> bytes:
        """The file as it stands now."""
        import av

        box = io.BytesIO()
        with av.open(box, "w", format="ogg") as file:
            stream = file.add_stream("libopus", rate=self._rate_hz)
            self._set_up(stream.codec_context)
            for number, packet in enumerate(self._packets):
                out = av.Packet(self._again.get(number) or bytes(packet))
                out.time_base, out.duration = packet.time_base, packet.duration
                out.pts, out.dts, out.stream = packet.pts, packet.dts, stream
                file.mux(out)
        return box.getvalue()

    def _coded(self, samples: NDArray[np.int16]) -> Sequence[Any]:
        import av

        encoder = av.CodecContext.create("libopus", "w")
        encoder.sample_rate, encoder.format = self._rate_hz, av.AudioFormat("s16")
        self._set_up(encoder)
        packets: list[Any] = []
        for start in range(
            0, len(samples), self._rate_hz
        ):  # a second at a time keeps the encoder's queue short
            frame = frame_of(np.ascontiguousarray(samples[start : start + self._rate_hz]), self._rate_hz)
            frame.pts = start
            packets += encoder.encode(frame)
        return [*packets, *encoder.encode(None)]

    def _set_up(self, encoder: Any) -> None:
        encoder.layout, encoder.bit_rate, encoder.options = "mono", self._bits_per_s, dict(_OPTIONS)
