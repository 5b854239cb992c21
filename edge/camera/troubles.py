"""What keeps a camera from seeing, remembered over restarts: an outage goes on under its name until it is over."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import msgspec

from broker.contract.camera import Tampering
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

Kind = Literal["outage", "tampering"]


class Trouble(msgspec.Struct, kw_only=True, frozen=True):
    """An outage or a tampering whose end is not in the outbox."""

    name: str
    """The episode's name on the wire."""
    what: str
    """covered, blinded, … or why no picture comes."""
    started_at: datetime
    seen: bool = True
    """False for an outage of a camera that never sent a picture."""
    mono_ms: int = 0
    boot: str = ""
    """Which run of the machine `mono_ms` belongs to."""
    view: int = 0
    """Of a tampering: which of the views that people accepted it departs from."""
    told: bool = False
    """Whether its beginning is in the outbox."""
    ended_at: datetime | None = None
    """Set while its end is still to be said."""
    lasted_ms: int = 0


class Troubles:
    """One small file for all cameras of a node; safe to use from their threads."""

    def __init__(self, file: Path, boot: str) -> None:
        """boot: names this run of the machine. What cannot be read is forgotten. Raises OSError."""
        self.boot = boot
        self._file = file
        self._lock = threading.Lock()
        self._open: dict[str, Trouble] = {}
        try:
            self._open = msgspec.json.decode(file.read_bytes(), type=dict[str, Trouble])
        except FileNotFoundError:
            pass
        except msgspec.DecodeError as why:
            log.warning("%s: %s", file.name, why, extra={"event": "troubles-damaged"})

    def of(self, camera: str, kind: Kind) -> Trouble | None:
        """What is open."""
        with self._lock:
            return self._open.get(f"{kind} {camera}")

    def begin(self, camera: str, kind: Kind, trouble: Trouble) -> None:
        """Remember it before the hub is told. Raises OSError; it is remembered in memory all the same."""
        with self._lock:
            self._open = {**self._open, f"{kind} {camera}": trouble}
            self._write()

    def end(self, camera: str, kind: Kind) -> None:
        """It is over and the hub was told. Raises OSError; it is forgotten in memory all the same."""
        with self._lock:
            self._open = {key: one for key, one in self._open.items() if key != f"{kind} {camera}"}
            self._write()

    def cameras(self) -> set[str]:
        """Every camera of which something is open."""
        with self._lock:
            return {key.partition(" ")[2] for key in self._open}

    def _write(self) -> None:
        write_atomically(self._file, msgspec.json.encode(self._open))


def tampering_of(trouble: Trouble | None) -> Tampering | Literal[""]:
    """Which tampering it is; empty for none, and for a word this version does not know."""
    return next((each for each in get_args(Tampering) if trouble is not None and trouble.what == each), "")
