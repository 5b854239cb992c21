"""Emergencies commanded beside the plan, kept on this disk: a restart must not make the node forget them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from broker.contract.hub import PlayNow
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

MOST: Final = 20
"""Commands kept; beyond that the oldest go. A commune has one emergency at a time, rarely two."""


class Commands:
    """The file of commands. For one thread."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def kept(self) -> Sequence[PlayNow]:
        """As they came, the oldest first; the reader judges them again."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[PlayNow])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as why:
            log.error("%s cannot be read: %s", self._file, why, extra={"event": "commands-damaged"})
            return []

    def keep(self, messages: Sequence[PlayNow]) -> None:
        """Write these instead of what is there. Raises OSError when the disk does not take it."""
        write_atomically(self._file, msgspec.json.encode(messages[-MOST:]))
