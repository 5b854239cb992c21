"""The orders a node holds on its own disk, trust list and plan as they were signed: it goes on without a hub."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import msgspec

from broker.contract.hub import Signed
from broker.link.files import write_atomically

log = logging.getLogger(__name__)

Order = Literal["trust", "plan"]


class Holdings:
    """Two files, each replaced whole. What is read back is checked again by whoever reads it."""

    def __init__(self, folder: Path) -> None:
        """folder: made when first written."""
        self._folder = folder

    def keep(self, what: Order, signed: Signed) -> None:
        """Write an order. Raises OSError when the disk does not take it."""
        write_atomically(self._folder / f"{what}.json", msgspec.json.encode(signed))

    def find(self, what: Order) -> Signed | None:
        """The order kept last; None when there is none or the file is damaged."""
        path = self._folder / f"{what}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Signed)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as why:
            log.error("%s: %s", path, why, extra={"event": "order-unreadable"})
            return None
