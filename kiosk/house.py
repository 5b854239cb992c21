"""What the screen needs of the house it stands in. The service builds the real one, tests build another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from broker.contract.board import Reading
from broker.contract.message import Message
from broker.link.clock import LOCAL, Clock
from kiosk.content import Content
from kiosk.panel import Panel
from kiosk.printing import Slip
from kiosk.search import Hit


class Silent(Exception):
    """This sentence cannot be read aloud here; the text says why (for the log)."""


class Post(Protocol):
    """The way out of the house."""

    @property
    def connected(self) -> bool:
        """True while the hub can be reached."""

    def send(self, msg: Message) -> None:
        """Keep `msg` on this disk for the hub. Raises OutboxFull."""

    def is_waiting(self, code: str) -> bool:
        """True while what was sent under this code has not been taken over by the hub."""


@dataclass(frozen=True)
class House:
    """Everything a page may ask for."""

    panel: Panel
    theme: str
    commune: str
    """As shown: `xã Vân Khê`."""
    village: str
    """As shown: `thôn Đông`."""
    village_code: str
    """As announcements name it."""
    clock: Clock
    content: Callable[[], Content]
    find: Callable[[str, int], Sequence[Hit]]
    """Procedures for what someone typed, best first."""
    measured: Callable[[], Sequence[Reading]]
    """Latest value of each series of this house."""
    post: Post
    sound_of: Callable[[str], Path | None]
    """File of a broadcast announcement by its sha256, None while it is not on this machine."""
    seal_key: Callable[[], bytes | None]
    """The hub's public sealing key (PEM), None while this machine has none."""
    read_aloud: Callable[[str, str], bytes]
    """Ogg Opus of one sentence in a language. Raises Silent."""
    missed: Callable[[str], None]
    """Told of every question that found nothing."""
    visit_over: Callable[[], None]
    """Told when the screen is back at the notice board."""
    domain: str = ""
    """The commune's own site, which a code on the screen may lead to; empty: none."""
    print: Callable[[Slip], None] | None = None
    """The receipt printer. Raises Unprinted. None: this house has none."""

    def today(self) -> date:
        """The local day."""
        return self.clock.now().astimezone(LOCAL).date()
