"""What was spoken before, by its content: a changed text renders only its changed sentences again."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)

LIMIT_BYTES = 256 * 1024 * 1024
BEGUN = ".new-"
"""Names of files that are being written."""
STALE_NS = 3600 * 10**9


class _Head(msgspec.Struct):
    """First line of an entry's file."""

    sha256: str
    meta: msgspec.Raw


def key_of(*parts: str | float) -> str:
    """Key of a clip from all that shapes its sound. Parts keep their borders: ("ab", "c") is not ("a", "bc")."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _hash_of(key: str, meta: bytes, data: bytes) -> str:
    """Hash of an entry with its key, so that a file that came under another name is as good as damaged."""
    whole = hashlib.sha256(f"{key} {len(meta)}\n".encode())
    whole.update(meta)
    whole.update(data)
    return whole.hexdigest()


@dataclass(frozen=True)
class ClipCache:
    """A folder of clips, one file each, oldest use out first. Safe for several processes at once."""

    root: Path
    limit_bytes: int = LIMIT_BYTES

    def get(self, key: str) -> tuple[bytes, bytes] | None:
        """(meta JSON, clip) under a key, or None. A file that was damaged is removed, never returned."""
        path = self._path(key)
        try:
            raw = path.read_bytes()
        except OSError:
            return None
        line, _, data = raw.partition(b"\n")
        try:
            head = msgspec.json.decode(line, type=_Head)
        except (msgspec.DecodeError, UnicodeDecodeError):
            head = None
        if head is None or _hash_of(key, bytes(head.meta), data) != head.sha256:
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):  # a read-only cache still serves
            os.utime(path)
        return bytes(head.meta), data

    def put(self, key: str, meta: bytes, data: bytes) -> None:
        """Keep a clip. `meta` is one JSON value. Raises OSError when the disk does not take it."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        head = msgspec.json.encode(_Head(_hash_of(key, meta, data), msgspec.Raw(meta)))
        write_whole(path, head + b"\n" + data)
        self._make_room()

    def offer(self, key: str, meta: bytes, data: bytes) -> None:
        """Keep a clip if the disk takes it: a full disk must not silence anybody."""
        try:
            self.put(key, meta, data)
        except OSError as why:
            log.warning("not kept: %s", why, extra={"event": "cache-full"})

    def _path(self, key: str) -> Path:
        return self.root / key[:2] / key

    def _make_room(self) -> None:
        """Drop the entries unused for longest until the rest fits."""
        entries = []
        for path in self.root.glob("??/*"):
            with contextlib.suppress(OSError):  # another process may have removed it
                found = path.stat()
                entries.append((found.st_mtime_ns, found.st_size, path))
        newest = max((at for at, _, _ in entries), default=0)
        entries = [each for each in entries if not _is_being_written(each[2], newest - each[0])]
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self.limit_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


def _is_being_written(path: Path, age_ns: int) -> bool:
    """Whether another process may be about to put this in its place; what a power cut left behind is old."""
    return path.name.startswith(BEGUN) and age_ns < STALE_NS


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader finds all of it or none. Raises OSError.

    It is not forced onto the disk: after a power cut the cache's own hash tells a torn file, and what must last is
    kept by the media store. Forcing each sentence would cost more time than speaking it.
    """
    handle, name = tempfile.mkstemp(prefix=BEGUN, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
