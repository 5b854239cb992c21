"""Enrolment codes while they are shown: kept in memory for the person who asked, never on a disk."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ShownCode:
    """A code as its page shows it."""

    code: str
    expires_at: datetime


class ShownCodes:
    """Codes by the account that asked and the node; a restart of the web service forgets them all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[tuple[int, str], ShownCode] = {}

    def put(self, account_id: int, node: str, code: ShownCode, now: datetime) -> None:
        """Keep a code until it ends. Whatever has ended is forgotten by the way."""
        with self._lock:
            self._codes = {key: each for key, each in self._codes.items() if each.expires_at > now}
            self._codes[account_id, node] = code

    def get(self, account_id: int, node: str, now: datetime) -> ShownCode | None:
        """The code this person asked for, None when it has ended or nobody asked."""
        with self._lock:
            found = self._codes.get((account_id, node))
        return found if found is not None and found.expires_at > now else None

    def drop(self, account_id: int, node: str) -> None:
        """Forget a code that was used."""
        with self._lock:
            self._codes.pop((account_id, node), None)
