"""Live pages: one thread watches the change table and tells every open page what changed.

A page hears only topic and key, then fetches what it may see: the stream carries no content and no rights.
Each listener has a bounded queue; one that falls behind is told to reload (`resync`) instead of being fed late.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from broker.hub.declined import Declined
from broker.hub.records import REFUSALS, Change, Database, changes_after, newest_change

log = logging.getLogger(__name__)

POLL_S = 0.1
RETRY_S = 1.0
HEARTBEAT_S = 10.0
MOST_LISTENERS = 220
MOST_OF_ONE = 8
"""Live pages of one account: one person's tabs must not take the others' places."""
QUEUE_LIMIT = 128
REPLAY_LIMIT = 200

TOPIC_ROLES: dict[str, frozenset[str]] = {
    "account": frozenset({"leader", "admin", "auditor"}),
    "alert": frozenset({"police"}),
    "announcement": frozenset({"editor", "approver", "leader", "admin", "auditor"}),
    "camera": frozenset({"police", "admin"}),
    "search": frozenset({"admin"}),
    "still": frozenset({"police", "admin"}),
    "shift": frozenset({"police"}),
    "feedback": frozenset({"editor", "leader"}),
    "gap": frozenset({"leader", "admin", "auditor"}),
    "quarantine": frozenset({"leader", "admin", "auditor"}),
    "helper": frozenset({"editor", "approver", "leader", "helper", "village", "admin"}),
}
"""Topics that not everybody who is signed in may hear."""
RIGHTS = "account"
"""Topic of changes to accounts, their roles and their deputies."""


@dataclass(frozen=True)
class News:
    """One change as it goes to pages."""

    id: int
    topic: str
    key: str


class Listener:
    """One open page."""

    def __init__(self, topics: frozenset[str], account: int = 0) -> None:
        self.topics = topics
        self.account = account
        self._queue: queue.Queue[News] = queue.Queue(QUEUE_LIMIT)
        self._behind = threading.Event()
        self._doubted = threading.Event()

    def tell(self, news: News) -> None:
        """Give it a change; a full queue marks the listener as behind."""
        try:
            self._queue.put_nowait(news)
        except queue.Full:
            self._behind.set()

    def doubt(self) -> None:
        """Somebody's rights or sessions changed: it must ask whether it may still listen."""
        self._doubted.set()

    def is_doubted(self) -> bool:
        """True once after each doubt."""
        if not self._doubted.is_set():
            return False
        self._doubted.clear()
        return True

    def next(self, timeout_s: float) -> News | None:
        """The next change, None after `timeout_s` without one."""
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def caught_up(self) -> bool:
        """True when it fell behind: everything queued is dropped and the page must reload its part."""
        if not self._behind.is_set():
            return False
        while self.next(0.001) is not None:
            pass
        self._behind.clear()
        return True


class Broadcaster:
    """The one reader of the change table, shared by all streams of the web service."""

    def __init__(self, database: Database, most: int = MOST_LISTENERS) -> None:
        self._database = database
        self._most = most
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._stopped = threading.Event()

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Worker: look for changes every POLL_S until stopped, then let go of every stream."""
        try:
            with self._database.reading() as db:
                last = newest_change(db)
            with self._database.engine.connect() as connection:
                watch = _Watch(connection, self._database.engine.dialect.name == "sqlite")
                is_due = False
                while not stop.wait(POLL_S):
                    beat()
                    try:
                        is_due = watch.has_news() or is_due
                        if is_due:
                            last, is_due = self._spread(last), False
                    except REFUSALS as why:  # pages stay as they are until the database is back
                        log.warning("no news: %s", why, extra={"event": "news-failed"})
                        stop.wait(RETRY_S)
        finally:
            self._stopped.set()

    def join(self, topics: frozenset[str], account: int) -> Listener:
        """A new listener of a person. Raises Declined: `many-pages` when there are already as many as the threads
        allow, `many-own-pages` when this person has as many as one may have.
        """
        with self._lock:
            if len(self._listeners) >= self._most:
                raise Declined("many-pages", "Trung tâm đang quá nhiều trang mở; xin thử lại sau một phút.")
            if sum(one.account == account for one in self._listeners) >= MOST_OF_ONE:
                raise Declined(
                    "many-own-pages",
                    f"Tài khoản này đã mở {MOST_OF_ONE} trang cập nhật trực tiếp; xin đóng bớt trang.",
                )
            listener = Listener(topics, account)
            self._listeners.add(listener)
            return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        with self._lock:
            self._listeners.discard(listener)

    def doubt(self) -> None:
        """Sessions or rights changed: every stream asks at once, and those that may not listen any more end."""
        with self._lock:
            for listener in self._listeners:
                listener.doubt()

    def count(self) -> int:
        """How many pages are listening."""
        with self._lock:
            return len(self._listeners)

    def stream(self, listener: Listener, last: int | None, still_open: Callable[[], bool]) -> Iterator[str]:
        """Server-sent events for one page. `last`: the Last-Event-ID the browser came back with."""
        try:
            yield "retry: 2000\n\n"
            yield from self._missed(listener, last)
            heard_at = time.monotonic()
            while not self._stopped.is_set():
                news = listener.next(0.5)
                if listener.is_doubted() and not still_open():
                    yield _event("over", "")
                    return
                if listener.caught_up():
                    yield _event("resync", "")
                elif news is not None:
                    yield _news(news)
                elif time.monotonic() - heard_at < HEARTBEAT_S:
                    continue
                elif not still_open():
                    yield _event("over", "")
                    return
                else:
                    yield _event("beat", "")
                heard_at = time.monotonic()
        finally:
            self.leave(listener)

    def _missed(self, listener: Listener, last: int | None) -> Iterator[str]:
        """What happened while the browser was away; `resync` when that was too much to tell."""
        with self._database.reading() as db:
            newest = newest_change(db)
            is_ahead = last is not None and last > newest  # any number may stand there
            rows = (
                []
                if last is None or is_ahead
                else changes_after(db, last, sorted(listener.topics), REPLAY_LIMIT)
            )
        if is_ahead or len(rows) == REPLAY_LIMIT:
            yield _event("resync", "", newest)
            return
        for row in rows:
            yield _news(_as_news(row))
        yield _event("hello", "", newest)

    def _spread(self, last: int) -> int:
        with self._database.reading() as db:
            rows = changes_after(db, last)
        with self._lock:
            listeners = list(self._listeners)
        if any(row.topic == RIGHTS for row in rows):
            self.doubt()
        for row in rows:
            news = _as_news(row)
            for listener in listeners:
                if news.topic in listener.topics:
                    listener.tell(news)
        return rows[-1].id if rows else last


class _Watch:
    """Whether the database may hold something new. SQLite tells for the price of one pragma."""

    def __init__(self, connection: Connection, is_sqlite: bool) -> None:
        self._connection = connection
        self._is_sqlite = is_sqlite
        self._version: int | None = None

    def has_news(self) -> bool:
        """True when another connection has committed since the last call; always true off SQLite."""
        if not self._is_sqlite:
            return True
        raw = self._connection.connection.cursor()
        try:
            version = raw.execute("PRAGMA data_version").fetchone()[0]
        finally:
            raw.close()
        is_new = bool(version != self._version)
        self._version = version
        return is_new


def _as_news(row: Change) -> News:
    return News(row.id, row.topic, row.key)


def _news(news: News) -> str:
    data = json.dumps({"topic": news.topic, "key": news.key}, ensure_ascii=False)
    return f"id: {news.id}\nevent: change\ndata: {data}\n\n"


def _event(name: str, data: str, id: int | None = None) -> str:
    number = "" if id is None else f"id: {id}\n"
    return f"{number}event: {name}\ndata: {data}\n\n"
