"""Alarms of one kind, told to the hub when they begin and when they are over, across starts of the service."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from broker.contract.board import AmplifierAlarm, SosAlarm
from broker.link.outbox import OutboxFull
from broker.link.session import Session
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

MOST: Final = 32
"""Alarms that wait for room in the outbox; beyond that the oldest go, and the log says so."""

A = TypeVar("A", bound=AmplifierAlarm | SosAlarm)


class Entry(msgspec.Struct, Generic[A], kw_only=True):
    """An alarm as it stands, and whether the outbox has it so."""

    alarm: A
    is_told: bool = False


class AlarmBook(Generic[A]):
    """Open alarms, and ended ones whose news still waits. For one thread."""

    def __init__(self, file: Path, session: Session, kind: type[A], key: str, words: str) -> None:
        """file: where they are kept; one that cannot be read begins anew. key: the field by which one of a kind is
        open at a time. words: what it is about, for the log's events: `amplifier`.
        """
        self._file = file
        self._session = session
        self._kind = kind
        self._key = key
        self._words = words
        self._entries = self._read()

    def open_keys(self) -> set[str]:
        """What there is an alarm for."""
        return {self._key_of(each.alarm) for each in self._entries if each.alarm.ended_at is None}

    def add(self, alarm: A) -> None:
        """It has begun."""
        what = self._key_of(alarm)
        log.warning("%s: %s", self._words, what, extra={"event": f"{self._words}-alarm", "reason": what})
        self._entries.append(Entry(alarm=alarm))
        self._keep()
        self.tell()

    def end(self, what: str, at: datetime) -> None:
        """It is not there, or no more."""
        entry = next(
            (e for e in self._entries if self._key_of(e.alarm) == what and e.alarm.ended_at is None), None
        )
        if entry is not None:
            entry.alarm.ended_at = max(at, entry.alarm.started_at)
            entry.is_told = False
            log.info(
                "%s: %s is over", self._words, what, extra={"event": f"{self._words}-calm", "reason": what}
            )
            self._keep()
            self.tell()

    def started_at(self, what: str) -> datetime | None:
        """When the open alarm began; None without one."""
        found = (e.alarm for e in self._entries if self._key_of(e.alarm) == what)
        return next((alarm.started_at for alarm in found if alarm.ended_at is None), None)

    def tell(self) -> None:
        """Put what is news into the outbox; what it refuses stays for the next call."""
        if all(entry.is_told for entry in self._entries):
            return
        for entry in self._entries:
            try:
                if not entry.is_told:
                    self._session.send(entry.alarm)
            except OutboxFull as full:
                log.warning("%s", full, extra={"event": f"{self._words}-alarm-waits"})
                break
            entry.is_told = True
        self._entries = [each for each in self._entries if each.alarm.ended_at is None or not each.is_told]
        self._keep()

    def _key_of(self, alarm: A) -> str:
        return str(getattr(alarm, self._key))

    def _keep(self) -> None:
        if len(self._entries) > MOST:
            log.error("alarms are lost: no room to tell them", extra={"event": f"{self._words}-alarm-lost"})
            self._entries = self._entries[-MOST:]
        try:
            write_atomically(self._file, msgspec.json.encode(self._entries))
        except OSError as why:  # a full disk must not keep the relay from being switched off
            log.warning("%s", why, extra={"event": f"{self._words}-alarm-unkept"})

    def _read(self) -> list[Entry[A]]:
        try:
            found: list[Entry[A]] = msgspec.json.decode(
                self._file.read_bytes(),
                type=list[Entry[self._kind]],  # type: ignore[name-defined]
            )
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as why:
            log.warning("%s: %s", self._file, why, extra={"event": f"{self._words}-alarm-unread"})
            return []
        return found
