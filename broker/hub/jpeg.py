"""Whether bytes are a JPEG picture: what a node sends as one is stored and shown only then. Pure."""

from __future__ import annotations

from typing import Final

MOST_SIDE_PX: Final = 8192
_NO_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers that stand alone: TEM and the restarts."""
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start of frame, of every kind; the others in between are tables."""
_SCAN: Final = 0xDA


def is_jpeg(data: bytes, most_side_px: int = MOST_SIDE_PX) -> bool:
    """Whether a decoder would find a frame of sane size and its scan; the coded picture itself is not read.

    Source: ITU-T T.81, annex B.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return False
    at, has_frame = 2, False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return False
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
            continue
        if marker in _NO_LENGTH:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            return False
        if marker == _SCAN:
            return has_frame
        if marker in _FRAMES:
            high, wide = (int.from_bytes(data[at + n : at + n + 2], "big") for n in (5, 7))
            has_frame = length >= 8 and 0 < high <= most_side_px and 0 < wide <= most_side_px
            if not has_frame:
                return False
        at += 2 + length
    return False
