"""One visit: the key that seals what is typed, here in memory only and new for whoever comes next."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from flask import Response, request

KEY_BYTES = 16


class Visit:
    """The visit that is going on at this screen."""

    def __init__(self, over: Callable[[], None]) -> None:
        """over: told that a visit has ended."""
        self._over = over
        self.lock = secrets.token_hex(KEY_BYTES)
        """Seals what the browser keeps between two pages; written to no disk."""

    def note_leaving(self, answer: Response) -> Response:
        """The notice board is shown: whatever the browser still keeps of this visit cannot be read any more."""
        if request.path == "/" and request.headers.get("Sec-Fetch-Dest") == "document":
            self.lock = secrets.token_hex(KEY_BYTES)
            self._over()
        return answer
