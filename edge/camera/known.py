"""The healthy view of one camera, learnt slowly, in numbers; how much of it is left in a look. Pure."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, fields

import cv2
import numpy as np

from edge.camera.picture import Field
from edge.camera.view import HIGH_PX, LIGHTS, WIDE_PX, Look, agreement

TELLING = 0.3
"""Below this usual agreement a view has too little texture to be known again by it."""
NOISE_PEAK = 3.4
"""The strongest of 64 differences of mere noise, in units of what two pictures differ by on average."""
LEAST_EDGE = 6.0
"""An edge must rise so many grey levels above twice the noise, to tell by it whether the lens is sharp."""
LEAST_EDGES = 12
QUIET_SHARE, EDGES_SHARE = 0.2, 0.25
"""The quietest fifth of the blocks shows at most noise; only the strongest quarter is asked."""
TILE_WIDE_PX, TILE_HIGH_PX = 16, 12
LEAST_SPREAD, SAME_PLACE = 0.35, 0.6
"""A place has something to see from this share of the whole view's texture on, and shows it when it agrees so well."""
LEAST_SEARCHED, EDGE_LEFT = 16, 0.28
"""Blocks a view must have each way, and the share left out at each edge, which a turned camera may lose."""
LEAST_SHIFT = 2
"""Blocks: a fortieth of the view. A mast in the wind sways by less."""
FOUND, BETTER = 0.6, 0.2
MOST_BLOCKS = 1_000_000
_FIELDS = ("shapes", "edges", "peaks", "lights")
_NUMBERS = ("texture", "contrast", "burnt", "alike_shapes", "alike_edges")


@dataclass
class Known:
    """The mean of healthy looks, and how well a healthy look usually agrees with it."""

    shapes: Field
    edges: Field
    peaks: Field
    lights: Field
    texture: float
    contrast: float
    burnt: float
    alike_shapes: float = 1.0
    alike_edges: float = 1.0

    @staticmethod
    def of(seen: Look) -> Known:
        """Begin with this look."""
        return Known(
            seen.shapes.copy(),
            seen.edges.copy(),
            seen.peaks.copy(),
            seen.lights.copy(),
            seen.texture,
            seen.contrast,
            seen.burnt,
        )

    def fits(self, seen: Look) -> bool:
        """False when the camera now sends pictures of another shape."""
        return self.peaks.shape == seen.peaks.shape

    def learn_edges(self, seen: Look, rate: float) -> None:
        """Move only how strong edges are towards this look."""
        cv2.accumulateWeighted(seen.peaks, self.peaks, rate)
        self.contrast += rate * (seen.contrast - self.contrast)

    def learn(self, seen: Look, rate: float) -> None:
        """Move towards this healthy look."""
        self.alike_shapes += rate * (agreement(seen.shapes, self.shapes) - self.alike_shapes)
        self.alike_edges += rate * (agreement(seen.edges, self.edges) - self.alike_edges)
        cv2.accumulateWeighted(seen.shapes, self.shapes, rate)
        cv2.accumulateWeighted(seen.edges, self.edges, rate)
        cv2.accumulateWeighted(seen.peaks, self.peaks, rate)
        cv2.accumulateWeighted(seen.lights, self.lights, rate)
        self.texture += rate * (seen.texture - self.texture)
        self.contrast += rate * (seen.contrast - self.contrast)
        self.burnt += rate * (seen.burnt - self.burnt)

    def agreements(self, seen: Look) -> tuple[float | None, float | None]:
        """Agreement of shapes and of edges with a look, as shares of the usual ones.

        What is far stronger than anything in the known view counts no more than that: a lorry before a bare wall.
        None where a healthy view is hardly like itself (flat, or never still): it cannot be told from another by it.
        """
        shapes = edges = None
        if self.alike_shapes >= TELLING:
            most = 3.0 * self.texture
            shapes = agreement(np.clip(seen.shapes, -most, most), self.shapes) / self.alike_shapes
        if self.alike_edges >= TELLING:
            edges = agreement(np.minimum(seen.edges, 2.0 * self.edges.max()), self.edges) / self.alike_edges
        return shapes, edges

    def sharpness(self, seen: Look, flicker: float) -> Field | None:
        """What is left of each strong edge, 1 all of it, beyond noise and what less light takes from all alike.

        flicker: by how many grey levels two healthy pictures differ. None when the view has too few strong edges.
        """
        if not self.fits(seen):
            return None
        some = self.peaks[::2, ::2].ravel()
        low, high = int(QUIET_SHARE * (some.size - 1)), int((1.0 - EDGES_SHARE) * (some.size - 1))
        ranked = np.partition(some, (low, high))
        noise = min(float(ranked[low]), NOISE_PEAK * flicker)
        strong = max(2.0 * noise + LEAST_EDGE, float(ranked[high]))
        spots = self.peaks >= strong
        if np.count_nonzero(spots) < LEAST_EDGES:
            return None
        light = min(1.0, seen.contrast / max(1.0, self.contrast))
        left: Field = (seen.peaks[spots] - noise) / ((self.peaks[spots] - noise) * max(0.05, light))
        return left

    def places(self, seen: Look) -> float:
        """Share of the places with something to see that still show it: behind a herd or a lorry some always do."""
        a, b = _tiles(seen.shapes), _tiles(self.shapes)
        spread = b.std(axis=1)
        told = spread > LEAST_SPREAD * self.texture
        if not told.any():
            return 0.0
        same = (a * b).mean(axis=1) / np.maximum(1e-3, a.std(axis=1) * spread)
        return float((same[told] > SAME_PLACE).mean())

    def shifted(self, seen: Look) -> bool:
        """True when the middle of the known view is found elsewhere in the look, and much better than in its place."""
        high, wide = self.edges.shape
        if not self.fits(seen) or min(high, wide) < LEAST_SEARCHED:
            return False
        top, left = int(EDGE_LEFT * high), int(EDGE_LEFT * wide)
        middle = self.edges[top : high - top, left : wide - left]
        found = cv2.matchTemplate(seen.edges, middle, cv2.TM_CCOEFF_NORMED)
        _, best, _, (x, y) = cv2.minMaxLoc(found)
        away = max(abs(x - left), abs(y - top))
        return away >= LEAST_SHIFT and best > FOUND and best - float(found[top, left]) > BETTER

    def memory(self) -> bytes:
        """All of it, for a later life of this program."""
        out = io.BytesIO()
        numbers = np.asarray([getattr(self, name) for name in _NUMBERS], np.float32)
        np.savez_compressed(
            out, numbers=numbers, **{name: getattr(self, name).astype(np.float16) for name in _FIELDS}
        )
        return out.getvalue()

    @staticmethod
    def recall(memory: bytes) -> Known:
        """From such a memory. Raises ValueError for other bytes."""
        try:
            with np.load(io.BytesIO(memory), allow_pickle=False) as kept:
                shapes, edges, peaks, lights = (kept[name].astype(np.float32) for name in _FIELDS)
                numbers = [float(each) for each in kept["numbers"]]
            known = Known(shapes, edges, peaks, lights, *numbers)
        except (OSError, KeyError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as why:
            raise ValueError("no remembered view") from why
        right = (
            shapes.shape == (HIGH_PX, WIDE_PX)
            and lights.shape == LIGHTS[::-1]
            and edges.ndim == 2
            and edges.shape == peaks.shape
            and 0 < edges.size < MOST_BLOCKS
        )
        numbered = len(numbers) == len(_NUMBERS) == len(fields(Known)) - len(_FIELDS)
        if (
            not right
            or not numbered
            or not all(np.isfinite(e).all() for e in (shapes, edges, peaks, lights, numbers))
        ):
            raise ValueError("no remembered view")
        return known


def _tiles(shapes: Field) -> Field:
    """One row of pixels, less their mean, for each of 8 x 6 places."""
    tiles = shapes.reshape(HIGH_PX // TILE_HIGH_PX, TILE_HIGH_PX, WIDE_PX // TILE_WIDE_PX, TILE_WIDE_PX)
    rows = tiles.transpose(0, 2, 1, 3).reshape(-1, TILE_HIGH_PX * TILE_WIDE_PX)
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))
