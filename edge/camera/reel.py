"""A clip in the making on the disk: chunks one after another, each with its checksum, so that any cut-off file counts.

After a power cut everything up to the last whole chunk is there, with its times; a torn or damaged tail is left out.
A fragmented MP4 would lose up to a fragment and takes no coding but a browser's.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from edge.camera.chunk import Chunk

_MAGIC = b"LSREEL1\n"
_HEAD = struct.Struct("<8sd")
_RECORD = struct.Struct("<II")
_LARGEST_BYTES = 32 * 1024 * 1024
"""A length beyond this is damage."""


class Reel:
    """A file that grows. One thread at a time."""

    def __init__(self, path: Path, start_s: float) -> None:
        """start_s: when the episode began, on the time line of the chunks. Raises OSError when it is there already."""
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(self._fd, "wb")
        self._file.write(_HEAD.pack(_MAGIC, start_s))

    def write(self, chunks: Iterable[Chunk]) -> None:
        """Add these; when it returns they are on the disk. Raises OSError."""
        for chunk in chunks:
            raw = msgspec.msgpack.encode(chunk)
            self._file.write(_RECORD.pack(len(raw), zlib.crc32(raw)))
            self._file.write(raw)
        self._file.flush()
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of the file. Raises OSError."""
        self._file.close()


def start_of(path: Path) -> float | None:
    """When the episode of a reel began; None for what is no reel. Raises OSError."""
    with path.open("rb") as file:
        raw = file.read(_HEAD.size)
    if len(raw) < _HEAD.size:
        return None
    magic, start_s = _HEAD.unpack(raw)
    return float(start_s) if magic == _MAGIC else None


def read_reel(path: Path) -> Iterator[Chunk]:
    """The chunks up to the first damage or the end. Raises OSError."""
    with path.open("rb") as file:
        file.seek(_HEAD.size)
        while len(head := file.read(_RECORD.size)) == _RECORD.size:
            length, checksum = _RECORD.unpack(head)
            raw = file.read(length) if length <= _LARGEST_BYTES else b""
            if len(raw) != length or zlib.crc32(raw) != checksum:
                return
            try:
                yield msgspec.msgpack.decode(raw, type=Chunk)
            except msgspec.DecodeError:  # written by another release
                return
