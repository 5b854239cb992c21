"""What each camera saw while all was well, kept over restarts: who turns one while the power is off is found."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import msgspec

from broker.trust.envelope import CameraAddress, CameraSetup
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

MOST_BYTES = 2 * 1024 * 1024


class Views:
    """One small file a camera: its healthy view as numbers, under its masks. An accepted view begins anew."""

    def __init__(self, folder: Path) -> None:
        """folder: made when the first is kept."""
        self._folder = folder

    def load(self, setup: CameraSetup, address: CameraAddress) -> bytes | None:
        """What was kept of this camera as it is set up now; None when there is nothing."""
        try:
            file = self._file(setup, address)
            return file.read_bytes() if file.stat().st_size <= MOST_BYTES else None
        except OSError:
            return None

    def keep(self, setup: CameraSetup, address: CameraAddress, memory: bytes) -> None:
        """In place of what was kept. A disk that does not take it costs only the memory of the next start."""
        file = self._file(setup, address)
        try:
            write_atomically(file, memory)
            for old in self._folder.glob(f"{setup.camera}.*.view"):
                if old != file:
                    old.unlink(missing_ok=True)
        except OSError as why:
            log.warning("view not kept: %s", why.strerror, extra={"event": "disk", "camera": setup.camera})

    def _file(self, setup: CameraSetup, address: CameraAddress) -> Path:
        """Named by where its pictures come from and how often people accepted its view."""
        whole = msgspec.json.encode((setup.view, address))
        return self._folder / f"{setup.camera}.{hashlib.sha256(whole).hexdigest()[:16]}.view"
