"""What schedules stand on: shared files made once, and small file systems that can be filled."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgres import RunningPostgres


@dataclass(frozen=True)
class Ground:
    """What all schedules of a run share: the kind of broker, an empty database, a picture, a server if any."""

    folder: Path
    broker: str = "mosquitto"
    postgres: RunningPostgres | None = None
    """Where databases are made; without, SQLite."""
    has_mounts: bool = True
    """Whether small file systems may be mounted; without, disks do not get full."""
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Alembic migrates one database of a process at a time."""

    @property
    def template(self) -> Path:
        """A migrated SQLite database without rows."""
        return self.folder / "empty.db"

    @property
    def picture(self) -> Path:
        """A small real JPEG."""
        return self.folder / "picture.jpg"


def may_mount(folder: Path) -> bool:
    """Whether this user may mount a small file system."""
    place = folder / "may-mount"
    place.mkdir(exist_ok=True)
    if not mount(place, "1m"):
        return False
    unmount(place)
    return True


def mount(folder: Path, size: str) -> bool:
    """Put an empty file system of this size over a folder. False where that is not permitted."""
    order = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    return subprocess.run(order, capture_output=True, check=False).returncode == 0


@contextmanager
def filled(folder: Path, free: int) -> Iterator[None]:
    """All of a file system but `free` bytes taken; given back at the end."""
    file = folder / "somebody-elses-file"
    with file.open("wb", buffering=0) as out:
        for size in (1 << 16, 1 << 12, 1):
            block = b"x" * size
            with suppress(OSError):
                while True:
                    out.write(block)
        out.truncate(max(0, out.tell() - free))
    try:
        yield
    finally:
        file.unlink()


def unmount(folder: Path) -> None:
    """Take it away again, whoever still uses it."""
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
