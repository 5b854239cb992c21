"""Uses of the amplifier by people of the house, told to the hub from their beginning to their end.

A use is written down before it is told: a service that starts again in the middle of one goes on with the same
use, and one whose end came while nobody looked is ended when the keys are read again.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from broker.contract.speaker import LocalUse
from broker.link.outbox import OutboxFull
from broker.link.session import Session
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

What = Literal["microphone", "mute"]

MOST: Final = 64
"""Ended uses that wait for room in the outbox; beyond that the oldest go, and the log says so."""


class Use(msgspec.Struct, kw_only=True):
    """One use, and how much of it the outbox has taken."""

    use: str
    what: What
    started_at: datetime
    ended_at: datetime | None = None
    is_told: bool = False
    """Whether the outbox has it as it stands now."""


class Uses:
    """The uses that go on, and those whose news still waits. For one thread."""

    def __init__(self, file: Path, session: Session) -> None:
        """file: where they are kept; one that cannot be read begins anew."""
        self._file = file
        self._session = session
        self._uses = self._read()

    def follow(self, what: What, is_on: bool, at: datetime) -> None:
        """The key of `what` stands so at this moment: begins or ends a use where that is news."""
        going = next((use for use in self._uses if use.what == what and use.ended_at is None), None)
        if is_on and going is None:
            self._uses.append(Use(use=os.urandom(8).hex(), what=what, started_at=at))
        elif not is_on and going is not None:
            going.ended_at = max(
                at, going.started_at
            )  # a clock set back in between must not make it end first
            going.is_told = False
        else:
            return
        self._keep()
        self.tell()

    def tell(self) -> None:
        """Put what is news into the outbox; what it refuses stays for the next call."""
        news = [use for use in self._uses if not use.is_told]
        if not news:
            return
        for use in news:
            said = LocalUse(use=use.use, what=use.what, started_at=use.started_at, ended_at=use.ended_at)
            try:
                self._session.send(said)
            except OutboxFull as full:
                log.warning("%s", full, extra={"event": "local-use-waits"})
                break
            except sqlite3.Error as why:  # a disk that takes nothing: no reason to let go of the amplifier
                log.error("%s", why, extra={"event": "local-use-waits"})
                break
            use.is_told = True
        self._uses = [use for use in self._uses if use.ended_at is None or not use.is_told]
        self._keep()

    def _keep(self) -> None:
        if len(self._uses) > MOST:
            log.error(
                "uses of the amplifier are lost: no room to tell them", extra={"event": "local-use-lost"}
            )
            self._uses = self._uses[-MOST:]
        try:
            write_atomically(self._file, msgspec.json.encode(self._uses))
        except (
            OSError
        ) as why:  # a full disk must not silence the loudspeaker; a restart may then tell one twice
            log.warning("%s", why, extra={"event": "local-use-unkept"})

    def _read(self) -> list[Use]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[Use])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as why:
            log.warning("%s: %s", self._file, why, extra={"event": "local-use-unread"})
            return []
