"""An independent measure of loudness and peak: ffmpeg's ebur128, through PyAV's filter graph."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Measured:
    """What ebur128 says of a sound."""

    lufs: float
    peak_dbtp: float


def measured(sound: Path | NDArray[np.float32], rate_hz: int = 48_000) -> Measured:
    """Integrated loudness and true peak of a file, or of mono samples at `rate_hz`."""
    frames = _frames_of(sound, rate_hz)
    first = frames[0]
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=first.sample_rate,
        format=first.format.name,
        layout=first.layout.name,
        time_base=Fraction(1, first.sample_rate),
    )
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    said: dict[str, str] = {}
    for frame in [*frames, None]:
        graph.push(frame)
        while (out := _pulled(graph)) is not None:
            said = out.metadata or said
    peak = float(said["lavfi.r128.true_peak"])
    return Measured(float(said["lavfi.r128.I"]), 20 * float(np.log10(max(peak, 1e-6))))


def _pulled(graph: Any) -> Any:
    try:
        return graph.pull()
    except (av.BlockingIOError, av.EOFError):
        return None


def _frames_of(sound: Path | NDArray[np.float32], rate_hz: int) -> list[Any]:
    if isinstance(sound, Path):
        with av.open(str(sound)) as box:
            return list(box.decode(audio=0))
    frames = []
    for at in range(0, len(sound), rate_hz):
        piece = np.ascontiguousarray(sound[at : at + rate_hz], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, at
        frames.append(frame)
    return frames
