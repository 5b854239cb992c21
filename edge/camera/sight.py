"""What of a camera's stream is decoded and judged: all that is needed, and at rest hardly anything.

At rest only key pictures are decoded. When one differs, or packets are of unusual size, the whole group since the
last key picture is decoded back and judged in order, so that what began between two key pictures is dated truly;
from then on every due picture is judged until nothing has happened for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edge.camera.analysis import Analyst, Finding
from edge.camera.chunk import Chunk, Decoder
from edge.camera.gate import Gate
from edge.camera.picture import Grey, Picture, shrink

LAZY_GOP_S = 2.5
"""Longer between key pictures, somebody could pass unseen: such a camera is always looked at in full."""
KEPT_MOST_BYTES = 8 * 1024 * 1024
"""What is kept of a group at rest; a camera that sends more is looked at in full."""
LEAST_LOOK_S = 0.9
"""At rest, key pictures closer than this to the last one looked at wait as the others do."""
REST_EVERY_S = 3.5
"""What is known of the view is freshened this often; the gate looks at every key picture."""
CALM_FOUND_S = 3.0
"""After something was found every picture is judged for this long."""
CALM_S = 1.5
"""After something was followed, or the view was learnt, and nothing was found."""
CALM_LOOKED_S = 0.7
"""After a closer look in which nothing was followed: what a key picture showed first is followed by then."""
Seen = tuple[Finding, Picture | None]
"""A finding and the picture that showed it; None when the source is gone."""


class Sight:
    """One analysed stream. Chunks go in in order, also after the source was away; findings come out."""

    def __init__(self, analyst: Analyst, veil: Callable[[Grey], Grey] | None = None) -> None:
        """veil: takes what is private out of the brightness before anybody looks at it."""
        self.newest: Picture | None = None
        """The last picture decoded: at rest the last key picture. Its colours are not veiled."""
        self.damaged = 0
        """Chunks that could not be decoded."""
        self._analyst = analyst
        self._veil = veil
        self._gate = Gate()
        self._keys = Decoder(quick=True)
        self._all = Decoder(quick=True)
        self._quick = True
        """Without the loop filter pictures drift from what the camera coded until the next key picture."""
        self._kept: list[Chunk] = []
        """Not decoded as yet: at rest since the last key picture, else since the last picture that was due."""
        self._kept_bytes = 0
        self._rests = False
        self._away = False
        self._calm_from_s = 0.0
        self._calm_s = CALM_S
        self._looked_s = 0.0
        self._rested_s = float("-inf")
        self._last_s = 0.0

    @property
    def rests(self) -> bool:
        """Only key pictures are decoded at present."""
        return self._rests

    @property
    def gop_s(self) -> float | None:
        """Seconds between key pictures; None while unknown."""
        return self._gate.gop_s

    def take(self, chunk: Chunk) -> Iterator[Seen]:
        """Judge what this chunk makes it necessary to judge."""
        if self._away:
            self._away = False
            self._analyst.resume(chunk.at_s)
        self._gate.packet(chunk, quiet=not self._analyst.busy)
        self._analyst.packets_collapsed(self._gate.frozen_hint)
        self._last_s = chunk.at_s
        if not self._rests and self._may_rest(chunk.at_s):
            self._rests = True  # also within a group: what is kept goes on where decoding stopped
            self._looked_s = float("-inf")
        if self._rests:
            yield from self._at_rest(chunk)
        else:
            yield from self._in_full(chunk)

    def close(self) -> Iterator[Seen]:
        """The source is over or gone: judge what was only kept, end what is open. `take` may follow."""
        yield from self._wake()
        for finding in self._analyst.close():
            yield finding, None
        self._quick, self._all, self._keys = True, Decoder(quick=True), Decoder(quick=True)
        self._away = True

    def _may_rest(self, at_s: float) -> bool:
        gop_s = self._gate.gop_s
        calm = not self._needed() and at_s - self._calm_from_s >= self._calm_s
        return calm and gop_s is not None and gop_s <= LAZY_GOP_S

    def _needed(self) -> bool:
        """Every due picture is to be judged."""
        return self._analyst.busy or self._gate.anomaly or self._gate.frozen_hint

    def _at_rest(self, chunk: Chunk) -> Iterator[Seen]:
        """Look at a key picture, keep anything else."""
        looked = chunk.key and chunk.at_s - self._looked_s >= LEAST_LOOK_S
        picture = self._keys.alone(chunk) if looked else None
        if picture is not None and not self._gate.key(self._small(picture)):
            self._looked_s, self.newest = chunk.at_s, picture
            self._gate.rested()
            self._kept, self._kept_bytes = [chunk], len(chunk.data)
            if chunk.at_s - self._rested_s >= REST_EVERY_S and not self._needed():
                self._rested_s = chunk.at_s
                for finding in self._analyst.rest(self._luma(picture), picture.at_s):
                    yield finding, picture
        else:
            self._kept.append(chunk)
            self._kept_bytes += len(chunk.data)
            looked = looked or self._kept_bytes > KEPT_MOST_BYTES
            looked = looked or chunk.at_s - self._kept[0].at_s > LAZY_GOP_S + 0.5
            if looked:
                yield from self._wake()
                return
        if self._needed():
            yield from self._wake()

    def _wake(self) -> Iterator[Seen]:
        """Decode back what was kept, and judge everything from now on."""
        kept, self._kept, self._kept_bytes = self._kept, [], 0
        if not self._rests:
            return
        self._rests = False
        self._calm_s, self._calm_from_s = CALM_LOOKED_S, self._last_s
        if kept and kept[0].key:
            self._quick, self._all = True, Decoder(quick=True)
        for chunk in kept:
            yield from self._in_full(chunk)

    def _in_full(self, chunk: Chunk) -> Iterator[Seen]:
        """Judge every due picture; what is neither due nor referred to by one that is due is not decoded."""
        if chunk.spare and not self._analyst.wants(chunk.at_s):
            return
        if chunk.key or self._analyst.wants(chunk.at_s):
            kept, self._kept, self._kept_bytes = self._kept, [], 0
            for each in (chunk,) if kept and chunk.cuts else (*kept, chunk):
                yield from self._decoded(each)
        else:
            self._kept.append(chunk)
            self._kept_bytes += len(chunk.data)
        if self._needed():
            self._calm_s, self._calm_from_s = max(CALM_S, self._calm_s), chunk.at_s

    def _decoded(self, chunk: Chunk) -> Iterator[Seen]:
        """The pictures of one chunk, judged where they are due."""
        if chunk.key and self._quick and (self._gate.gop_s or 0.0) > LAZY_GOP_S:
            self._quick, self._all = False, Decoder()
        before = self._all.damaged
        for picture in self._all.decode(chunk):
            self.newest = picture
            if self._analyst.wants(picture.at_s):
                for finding in self._analyst.look(self._luma(picture), picture.at_s):
                    self._calm_s = CALM_FOUND_S
                    yield finding, picture
            busy = self._analyst.busy
            if picture.key and not (busy and self._gate.knows):  # only what is quiet is of use there
                self._gate.key(self._small(picture))
                if not busy:
                    self._gate.rested()
        self.damaged += self._all.damaged - before

    def _luma(self, picture: Picture) -> Grey:
        return picture.luma if self._veil is None else self._veil(picture.luma)

    def _small(self, picture: Picture) -> Grey:
        return shrink(self._luma(picture))
