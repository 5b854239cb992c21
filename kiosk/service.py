"""The kiosk as a service: a web server for one screen, and the readings of the house it hangs in."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from broker.contract import Lane
from broker.contract.board import Reading, Readings
from broker.contract.kiosk import FeedbackSent
from broker.contract.message import Message, Received
from broker.link.clock import LOCAL
from broker.link.config import Settings
from broker.link.inbox import Inbox
from broker.link.media import MediaStore
from broker.link.outbox import OutboxFull
from broker.link.service import Beat, Worker
from broker.link.session import Session
from broker.look.serving import Web
from broker.trust.identity import load_root
from kiosk.aloud import ReadAloud
from kiosk.app import create_app
from kiosk.content import Content, Shelf, believer
from kiosk.house import House
from kiosk.missed import Missed
from kiosk.panel import Panel
from kiosk.printing import Printer
from kiosk.search import Hit, Search

log = logging.getLogger(__name__)

THREADS = 12
"""One screen opens at most six connections; the rest is for a helper's second screen."""
WAIT_S = 0.25
WAITING_LOOKED_AT = 1000
SERIES_KEPT = 100
_M_ARENA_MAX = -8
"""glibc's malloc.h."""


class Outward:
    """The way out of the house, over the session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def connected(self) -> bool:
        """True while the hub can be reached."""
        return self._session.connected

    def send(self, msg: Message) -> None:
        """Keep `msg` on this disk for the hub. Raises OutboxFull; a citizen's words also where this disk takes none."""
        if isinstance(msg, FeedbackSent) and "disk" in self._session.problems:
            raise OutboxFull("Máy đang không ghi được, lời của bác sẽ mất. Bác bấm Gọi người giúp nhé.")
        self._session.send(msg)

    def is_waiting(self, code: str) -> bool:
        """True while the outbox still holds what was sent under this code."""
        mark, seq = code.encode(), 0
        while rows := self._session.outbox.after(Lane.EVENT, seq, WAITING_LOOKED_AT):
            if any(mark in row.body for row in rows):
                return True
            seq = rows[-1].seq
        return False


class Measured:
    """Latest value of each series of this house."""

    def __init__(self, inbox: Inbox[Received]) -> None:
        self._inbox = inbox
        self._latest: dict[str, Reading] = {}
        self._lock = threading.Lock()

    def latest(self) -> list[Reading]:
        """A copy, in the order the series first came."""
        with self._lock:
            return list(self._latest.values())

    def take(self, readings: Sequence[Reading]) -> None:
        """Keep the newest of each series; a board cannot fill the memory with new names."""
        with self._lock:
            for each in readings:
                had = self._latest.get(each.series)
                if (had is None and len(self._latest) < SERIES_KEPT) or (
                    had is not None and each.at >= had.at
                ):
                    self._latest[each.series] = each

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: read the inbox until `stop`."""
        while not stop.is_set():
            beat()
            received = self._inbox.get(WAIT_S)
            if received is not None:
                self.take(received.message.items)


class Finder:
    """Search over the content at hand; the index is made again when the content changes."""

    def __init__(self, content: Callable[[], Content]) -> None:
        self._content = content
        self._lock = threading.Lock()
        self._of: Content | None = None
        self._search: Search | None = None

    def find(self, query: str, limit: int) -> Sequence[Hit]:
        """Procedures for what someone typed, best first."""
        content = self._content()
        with self._lock:
            if self._search is None or self._of is not content:
                self._of, self._search = content, Search(content.entries())
            search = self._search
        return search.find(query, limit)


def _seal_key(settings: Settings, session: Session) -> Callable[[], bytes | None]:
    file = settings.keys_dir / "hub-seal.pub"

    def read() -> bytes | None:
        try:
            key = file.read_bytes()
        except OSError:
            session.problem("seal-key-missing", "Máy chưa có khoá của xã nên chưa nhận được phản ánh.")
            return None
        session.cleared("seal-key-missing")
        return key

    return read


def house_of(settings: Settings, session: Session, measured: Measured) -> House:
    """The real house: this machine's settings, content, voice and session."""
    trust = settings.data_dir / "node" / "trust.json"
    shelf = Shelf(
        settings.data_dir / "content",
        trust,
        believer(
            trust,
            lambda: load_root(settings.keys_dir),
            f"{settings.where.province}/{settings.where.commune}",
        ),
    )
    kiosk = settings.kiosk
    outward = Outward(session)
    missed = Missed(outward.send, lambda: session.clock.now().astimezone(LOCAL).date())
    return House(
        panel=Panel(kiosk.diagonal_in, kiosk.width_px, kiosk.height_px),
        theme=kiosk.theme,
        commune=settings.place.commune_name,
        village=settings.place.village_name,
        village_code=settings.place.village,
        clock=session.clock,
        content=shelf.content,
        find=Finder(shelf.content).find,
        measured=measured.latest,
        post=outward,
        sound_of=MediaStore(settings.data_dir / "media", is_read=True).path_of,
        seal_key=_seal_key(settings, session),
        read_aloud=ReadAloud(settings.data_dir / "clips", settings.speech),
        domain=kiosk.domain,
        print=Printer(kiosk.printer, kiosk.paper_mm) if kiosk.printer else None,
        missed=missed.note,
        visit_over=missed.next_visit,
    )


def _share_one_heap() -> None:
    """A dozen threads that each keep a heap of their own would hold a fifth of the memory for nothing."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def build(settings: Settings, session: Session) -> list[Worker]:
    """Workers of the kiosk: its readings and its web server."""
    _share_one_heap()
    measured = Measured(session.inbox(Readings))
    house = house_of(settings, session, measured)
    house.seal_key()
    web = Web(create_app(house), settings.kiosk.host, settings.kiosk.port, key="kiosk.port", threads=THREADS)
    return [Worker("readings", measured.run), Worker("web", web.run)]
