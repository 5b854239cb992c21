"""Counts what people ask for in vain, so that officials can add words. Who asked is nowhere, nor what one person asked.

A question leaves the screen when three visits asked the same. Until then only its keyed hash is in memory, and the key
is gone with the process.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import date

from broker.contract.kiosk import MissedWords, SearchMissed
from broker.contract.message import Message
from broker.link.outbox import OutboxFull
from kiosk.spelling import fold, tokens

log = logging.getLogger(__name__)

VISITS = 3
HASHES_KEPT = 2000
LONGEST = 80
SHORTEST = 2
_LETTERS = re.compile("[a-z ]+")
"""Words in other scripts are no Vietnamese word to add."""


class Missed:
    """Questions without an answer on this screen."""

    def __init__(self, send: Callable[[Message], None], today: Callable[[], date]) -> None:
        """send: keeps a message for the hub; may raise OutboxFull. today: the local day."""
        self._send = send
        self._today = today
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._visit = 0
        self._seen: OrderedDict[bytes, tuple[int, int]] = OrderedDict()
        """Hash → visits that asked it, and the last of them."""

    def next_visit(self) -> None:
        """Somebody has left: who asks next is somebody else."""
        with self._lock:
            self._visit += 1

    def note(self, query: str) -> None:
        """A question found nothing. Never raises: a screen that cannot count still answers."""
        text = " ".join(word for word in map(fold, tokens(query)) if not any(ch.isdigit() for ch in word))
        if not SHORTEST <= len(text) <= LONGEST or not _LETTERS.fullmatch(text):
            return
        mark = hashlib.blake2b(text.encode(), key=self._key, digest_size=16).digest()
        with self._lock:
            visits, last = self._seen.pop(mark, (0, -1))
            if last != self._visit:
                visits += 1
            if visits < VISITS:
                self._seen[mark] = (visits, self._visit)
                if len(self._seen) > HASHES_KEPT:
                    self._seen.popitem(last=False)
                return
        try:
            self._send(SearchMissed(on=self._today(), words=[MissedWords(text=text, count=VISITS)]))
        except OutboxFull:
            log.warning("no room to tell of a search", extra={"event": "missed-search-not-kept"})
