"""Another tempo at the same pitch, for engines that have none of their own."""

from __future__ import annotations

import numpy as np

from broker.speech.sound import Pcm

_SLOWEST, _FASTEST = 0.5, 2.0


def at_tempo(pcm: Pcm, rate: float) -> Pcm:
    """The same speech at `rate` times its speed, kept within 0.5 and 2; by FFmpeg's overlap-add (atempo)."""
    rate = min(max(rate, _SLOWEST), _FASTEST)
    if abs(rate - 1) < 0.005 or not len(pcm.samples):
        return pcm
    import av
    from av.filter import Graph

    graph = Graph()
    source = graph.add_abuffer(sample_rate=pcm.rate_hz, format="s16", layout="mono")
    graph.link_nodes(source, graph.add("atempo", f"{rate:.3f}"), graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(pcm.samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = pcm.rate_hz
    graph.push(frame)
    graph.push(None)
    parts = []
    while True:
        try:
            parts.append(graph.pull().to_ndarray()[0])
        except (av.BlockingIOError, av.EOFError):
            break
    return Pcm(np.concatenate(parts).astype(np.int16), pcm.rate_hz)
