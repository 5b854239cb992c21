"""Space set aside on the hub's disk, so that alarms are still stored when something else has filled it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

SIZE = 32 << 20
"""Bytes: some three hundred alarms with their pictures."""


class Reserve:
    """A file that gives its space away when the disk is full, and takes it back when there is room."""

    def __init__(self, file: Path, size: int = SIZE) -> None:
        self._file = file
        self._size = size
        self._is_whole = False
        self.set_aside()

    def give(self) -> None:
        """Free the space."""
        self._is_whole = False
        self._file.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Take the space, when it is not taken yet and there is at least twice as much."""
        if self._is_whole:
            return
        with suppress(OSError):
            disk = os.statvfs(self._file.parent)
            if disk.f_bavail * disk.f_frsize < 2 * self._size:
                return
            with self._file.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
            self._is_whole = True
