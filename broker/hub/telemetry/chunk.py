"""How the readings of one series and one local day are packed into bytes, bit-exact. Pure.

    version u8 · CRC-32 of the rest u32 · count u32 · how times, values and qualities are written, 3 × u8 ·
    first time i64 · step i64 · first value i64 · then blocks, each: length u32, deflated bytes

Little-endian. Times in milliseconds become the remainders of one of three guesses: a fixed step from the first
time, the same step since the reading before, the same distance as before (delta of delta; Gorilla, VLDB 2015);
whichever packs smallest. Values with few decimals become whole numbers where the division gives back the very
same 64 bits; few different values become places in a table; the rest stay raw bits. Qualities are run-lengths.
Every column is zigzagged, cut to the bytes it needs, its bytes sorted by significance, and deflated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VERSION = 1

_HEAD = struct.Struct("<BI")
_PLAN = struct.Struct("<IBBBqqq")
_LENGTH = struct.Struct("<I")

_GRID, _DELTA, _DELTA_OF_DELTA = range(3)
_RAW, _TABLE = 0, 1
_DECIMALS, _DECIMAL_DELTAS = 16, 48
"""A way of writing values is one of these plus the number of decimals."""
_MOST_DECIMALS = 15
_EXACT = 2.0**53
"""Whole numbers up to here are exact in a float64."""


class Damaged(ValueError):
    """Packed readings that are not what was stored; the text says what does not fit."""


class Columns(NamedTuple):
    """Readings of one series, oldest first, no time twice."""

    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def cut(self, since_ms: int, until_ms: int) -> Columns:
        """Those in [since_ms, until_ms)."""
        first, last = np.searchsorted(self.at_ms, (since_ms, until_ms))
        return Columns(self.at_ms[first:last], self.value[first:last], self.quality[first:last])


EMPTY = Columns(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8))


def columns_of(rows: list[tuple[int, float, int]]) -> Columns:
    """Columns of (at_ms, value, quality) rows in any order; of a time that stands twice the first is kept."""
    if not rows:
        return EMPTY
    at_ms, value, quality = zip(*rows, strict=True)
    found = Columns(np.array(at_ms, np.int64), np.array(value, np.float64), np.array(quality, np.uint8))
    return merged(EMPTY, found)


def merged(kept: Columns, late: Columns) -> Columns:
    """Both together, oldest first; where both have a time, `kept` wins."""
    if not len(late.at_ms):
        return kept
    both = Columns(
        np.concatenate((kept.at_ms, late.at_ms)),
        np.concatenate((kept.value, late.value)),
        np.concatenate((kept.quality, late.quality)),
    )
    if (both.at_ms[1:] > both.at_ms[:-1]).all():
        return both
    order = np.argsort(both.at_ms, kind="stable")
    at_ms = both.at_ms[order]
    order = order[np.concatenate(([True], at_ms[1:] != at_ms[:-1]))]
    return Columns(both.at_ms[order], both.value[order], both.quality[order])


def pack(readings: Columns) -> bytes:
    """Bytes of at least one reading."""
    time_way, step, times = _pack_times(readings.at_ms)
    value_way, first, values = _pack_values(readings.value)
    starts = np.flatnonzero(np.diff(readings.quality, prepend=255))
    runs = np.diff(starts, append=len(readings.quality)).astype(np.uint64)
    blocks = [times, *values, _squeezed(readings.quality[starts].astype(np.uint64)), _squeezed(runs)]
    plan = _PLAN.pack(len(readings.at_ms), time_way, value_way, 0, int(readings.at_ms[0]), step, first)
    rest = plan + b"".join(_LENGTH.pack(len(block)) + block for block in blocks)
    return _HEAD.pack(VERSION, zlib.crc32(rest)) + rest


def unpack(packed: bytes) -> Columns:
    """The readings again, every bit. Raises Damaged."""
    if len(packed) < _HEAD.size + _PLAN.size:
        raise Damaged(f"{len(packed)} bytes are too few")
    version, checksum = _HEAD.unpack_from(packed)
    if version != VERSION:
        raise Damaged(f"version {version} is not {VERSION}")
    rest = memoryview(packed)[_HEAD.size :]
    if zlib.crc32(rest) != checksum:
        raise Damaged("checksum does not fit")
    count, time_way, value_way, _, start_ms, step, first = _PLAN.unpack_from(rest)
    blocks = _blocks(rest[_PLAN.size :])
    at_ms = _unpack_times(_loosened(next(blocks), count), time_way, start_ms, step)
    value = _unpack_values(blocks, count, value_way, first)
    kinds, runs = _loosened(next(blocks)), _loosened(next(blocks))
    return Columns(at_ms, value, np.repeat(kinds.astype(np.uint8), runs.astype(np.int64)))


# -- times


def _pack_times(at_ms: NDArray[np.int64]) -> tuple[int, int, bytes]:
    """The smallest of three ways, with its step."""
    since = at_ms - at_ms[0]
    gaps = np.diff(at_ms, prepend=at_ms[0])
    step = int(np.median(gaps[1:])) if len(gaps) > 1 else 0
    turns = np.diff(gaps, prepend=0)
    even = gaps - step
    even[0] = 0
    grid = since - np.arange(len(since)) * step
    ways = ((_GRID, grid), (_DELTA, even), (_DELTA_OF_DELTA, turns))
    numbers, way = min(
        ((_zigzag(remainders), way) for way, remainders in ways), key=lambda each: _bits(each[0])
    )
    return way, step, _squeezed(numbers)


def _unpack_times(block: NDArray[np.uint64], way: int, start_ms: int, step: int) -> NDArray[np.int64]:
    remainders = _unzigzag(block)
    if way == _GRID:
        return start_ms + np.arange(len(remainders)) * step + remainders
    if way == _DELTA:
        remainders[1:] += step
        return start_ms + np.cumsum(remainders)
    return start_ms + np.cumsum(np.cumsum(remainders))


# -- values


def _pack_values(value: NDArray[np.float64]) -> tuple[int, int, list[bytes]]:
    """How the values are written, the first one where they are differences, and the blocks."""
    decimals = _decimals(value)
    if decimals is not None:
        whole = np.rint(value * 10.0**decimals).astype(np.int64)
        first = int(whole[0])
        levels, steps = _zigzag(whole - first), _zigzag(np.diff(whole, prepend=first))
        if _bits(steps) < _bits(levels):
            return _DECIMAL_DELTAS + decimals, first, [_squeezed(steps)]
        return _DECIMALS + decimals, first, [_squeezed(levels)]
    bits = value.view(np.uint64)
    table, places = np.unique(bits, return_inverse=True)
    if len(table) * 4 <= len(bits):
        moves = np.diff(np.concatenate(([0], places))).astype(np.int64)
        return _TABLE, 0, [_squeezed(table), _squeezed(_zigzag(moves))]
    return _RAW, 0, [_squeezed(bits)]


def _decimals(value: NDArray[np.float64]) -> int | None:
    """The fewest decimals with which every value comes back bit for bit; None where there are none."""
    largest = float(np.abs(value).max())
    sample = np.ascontiguousarray(value[:: max(1, len(value) // 64)])
    for decimals in range(_MOST_DECIMALS + 1):
        if largest * 10.0**decimals >= _EXACT:
            return None
        if _is_exact(sample, decimals) and _is_exact(value, decimals):
            return decimals
    return None


def _is_exact(value: NDArray[np.float64], decimals: int) -> bool:
    # through whole numbers, because -0.0 is none
    whole = np.rint(value * 10.0**decimals).astype(np.int64)
    return np.array_equal((whole / 10.0**decimals).view(np.uint64), value.view(np.uint64))


def _unpack_values(blocks: Iterator[bytes], count: int, way: int, first: int) -> NDArray[np.float64]:
    if way == _RAW:
        return _loosened(next(blocks), count).view(np.float64)
    if way == _TABLE:
        table = _loosened(next(blocks)).view(np.float64)
        return table[np.cumsum(_unzigzag(_loosened(next(blocks), count)))]
    whole = _unzigzag(_loosened(next(blocks), count))
    if way >= _DECIMAL_DELTAS:
        return (np.cumsum(whole) + first) / 10.0 ** (way - _DECIMAL_DELTAS)
    return (whole + first) / 10.0 ** (way - _DECIMALS)


# -- bytes


def _zigzag(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Small numbers of either sign as small numbers: 0, -1, 1, -2 … as 0, 1, 2, 3 …"""
    return ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)


def _unzigzag(numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
    half: NDArray[np.int64] = (numbers >> np.uint64(1)).view(np.int64)
    return half ^ -(numbers & np.uint64(1)).view(np.int64)


def _squeezed(numbers: NDArray[np.uint64]) -> bytes:
    """Width in bytes, then all lowest bytes, all second bytes and so on, deflated."""
    planes = _planes(numbers)
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_FILTERED)
    return bytes([len(planes)]) + deflate.compress(planes.tobytes()) + deflate.flush()


def _planes(numbers: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """One row per byte that is needed, the lowest first."""
    width = max(1, (int(numbers.max()).bit_length() + 7) // 8)
    return np.ascontiguousarray(numbers.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)[:, :width].T)


def _bits(numbers: NDArray[np.uint64]) -> float:
    """About how many bits are left after deflating: the entropy of the bytes of each significance."""
    bits = 0.0
    for plane in _planes(numbers):
        counts = np.bincount(plane)
        counts = counts[counts > 0]
        bits -= float((counts * np.log2(counts / len(plane))).sum())
    return bits


def _loosened(block: bytes, count: int | None = None) -> NDArray[np.uint64]:
    """The numbers of a block. Raises Damaged when there are not `count` of them."""
    width = block[0]
    planes = np.frombuffer(zlib.decompress(memoryview(block)[1:], -15), np.uint8).reshape(width, -1)
    if count is not None and planes.shape[1] != count:
        raise Damaged(f"{planes.shape[1]} numbers instead of {count}")
    numbers = np.zeros((planes.shape[1], 8), np.uint8)
    numbers[:, :width] = planes.T
    return numbers.view("<u8").reshape(-1)


def _blocks(rest: memoryview) -> Iterator[bytes]:
    at = 0
    while at < len(rest):
        (length,) = _LENGTH.unpack_from(rest, at)
        at += _LENGTH.size
        yield bytes(rest[at : at + length])
        at += length
