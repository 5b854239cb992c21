"""Alarms of the amplifier, told to the hub when they begin and when they are over, across starts of the service."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Final, get_args

import msgspec

from broker.contract.board import AmplifierAlarm
from broker.link.outbox import OutboxFull
from broker.link.session import Session
from broker.trust.files import write_atomically
from firmware_bridge.interlock import What

log = logging.getLogger(__name__)

MOST: Final = 32
"""Alarms that wait for room in the outbox; beyond that the oldest go, and the log says so."""


class _Entry(msgspec.Struct, kw_only=True):
    """An alarm as it stands, and whether the outbox has it so."""

    alarm: AmplifierAlarm
    is_told: bool = False


class Alarms:
    """Open alarms, and ended ones whose news still waits. For one thread."""

    def __init__(self, file: Path, session: Session) -> None:
        """file: where they are kept; one that cannot be read begins anew."""
        self._file = file
        self._session = session
        self._entries = self._read()

    def begin(self, what: What, started_at: datetime, current_a: float | None) -> None:
        """This trouble is there; nothing happens when it is already told."""
        if self._open(what) is None:
            alarm = AmplifierAlarm(
                alarm=os.urandom(8).hex(), what=what, started_at=started_at, current_a=current_a
            )
            log.warning("amplifier: %s", what, extra={"event": "amplifier-alarm", "reason": what})
            self._entries.append(_Entry(alarm=alarm))
            self._keep()
            self.tell()

    def end(self, what: What, at: datetime) -> None:
        """This trouble is not there, or no more."""
        entry = self._open(what)
        if entry is not None:
            entry.alarm.ended_at = max(at, entry.alarm.started_at)
            entry.is_told = False
            log.info("amplifier: %s is over", what, extra={"event": "amplifier-calm", "reason": what})
            self._keep()
            self.tell()

    def end_all(self, at: datetime) -> None:
        """There is no amplifier any more."""
        for what in get_args(What):
            self.end(what, at)

    def tell(self) -> None:
        """Put what is news into the outbox; what it refuses stays for the next call."""
        if all(entry.is_told for entry in self._entries):
            return
        for entry in self._entries:
            try:
                if not entry.is_told:
                    self._session.send(entry.alarm)
            except OutboxFull as full:
                log.warning("%s", full, extra={"event": "amplifier-alarm-waits"})
                break
            entry.is_told = True
        self._entries = [each for each in self._entries if each.alarm.ended_at is None or not each.is_told]
        self._keep()

    def _open(self, what: What) -> _Entry | None:
        return next(
            (each for each in self._entries if each.alarm.what == what and each.alarm.ended_at is None), None
        )

    def _keep(self) -> None:
        if len(self._entries) > MOST:
            log.error("alarms are lost: no room to tell them", extra={"event": "amplifier-alarm-lost"})
            self._entries = self._entries[-MOST:]
        try:
            write_atomically(self._file, msgspec.json.encode(self._entries))
        except OSError as why:  # a full disk must not keep the relay from being switched off
            log.warning("%s", why, extra={"event": "amplifier-alarm-unkept"})

    def _read(self) -> list[_Entry]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[_Entry])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as why:
            log.warning("%s: %s", self._file, why, extra={"event": "amplifier-alarm-unread"})
            return []
