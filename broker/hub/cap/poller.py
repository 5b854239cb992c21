"""The worker that asks sources for warnings: in turn, with longer pauses for those that fail."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta
from typing import Final

from broker.hub.cap import intake, sources
from broker.hub.cap.asking import AskError, ask, onward
from broker.hub.cap.feeds import look_into
from broker.hub.cap.signature import arrive
from broker.hub.declined import Declined
from broker.hub.records import REFUSALS, CapSource, Database
from broker.link.clock import Clock
from broker.link.config import PlaceOf
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0
LONGEST_PAUSE_S: Final = 3600.0
MOST_REMEMBERED: Final = 2000
"""Addresses of messages that were fetched, by source; a feed names the same ones for days."""
PATIENCE_S: Final = 120.0
SOURCE_S: Final = 120.0
"""For all messages that one feed names, at one turn: a slow source keeps no other waiting."""


class Poller:
    """Asks what is due. It remembers only what may be forgotten: failures in a row, and addresses already fetched."""

    def __init__(self, database: Database, place: PlaceOf, clock: Clock) -> None:
        self._database, self._place, self._clock = database, place, clock
        self._failures: dict[int, int] = {}
        self._fetched: dict[int, dict[str, None]] = {}

    def worker(self) -> Worker:
        """To be run by the service `announce`."""
        return Worker("warnings", self.run, patience_s=PATIENCE_S)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Until `stop`."""
        while not stop.is_set():
            beat()
            try:
                self.look(stop, beat)
            except REFUSALS as why:
                log.error("warnings: %s", why, extra={"event": "warnings-failed"})
            stop.wait(LOOK_EVERY_S)

    def look(self, stop: threading.Event, beat: Beat) -> None:
        """Ask every source whose turn it is, and close warnings whose time is over."""
        now = self._clock.now()
        with self._database.reading() as db:
            wanted = [one for one in sources.due(db, now) if not self._pauses(one, now)]
        for source in wanted:
            if stop.is_set():
                return
            problem, etag = self._ask(source, stop, beat)
            self._note(source, problem, etag)
        with self._database.reading() as db:
            is_any = bool(intake.over(db, now))
        if is_any:
            with self._database.session() as db:
                intake.expire(db, now)

    def _pauses(self, source: CapSource, now: datetime) -> bool:
        """Whether a source that failed is still left alone; a person who presses "Hỏi ngay" ends the pause."""
        if source.asked_at is None:
            return False
        wait_s = min(source.every_s * 2.0 ** self._failures.get(source.id, 0), LONGEST_PAUSE_S)
        return source.asked_at + timedelta(seconds=max(wait_s, source.every_s)) > now

    def _ask(self, source: CapSource, stop: threading.Event, beat: Beat) -> tuple[str, str]:
        """Fetch and take in; what went wrong, and the mark to ask with the next time."""
        try:
            answer = ask(source.address, source.etag, stop, beat)
            if answer.data is None:
                return "", source.etag
            found = look_into(answer.data)
        except AskError as why:
            return str(why), ""
        except Declined as why:
            return f"Trả lời của nguồn không dùng được. {why}", ""
        except Exception:  # as in _take
            log.exception("an answer could not be read", extra={"event": "warning-unreadable"})
            return "Trả lời của nguồn trung tâm đọc không nổi; xin hỏi lại nơi gửi.", ""
        until_s = time.monotonic() + SOURCE_S
        problems = [self._take(source, data) for data in found.messages]
        for link in found.links:
            if stop.is_set():
                break
            if time.monotonic() > until_s:
                problems.append("Nguồn trả lời quá chậm, các tin còn lại hỏi lần sau.")
                break
            problems.append(self._follow(source, link, stop, beat))
        said = next(filter(None, problems), "")
        return said, "" if said else answer.etag  # asked again from the beginning while something is amiss

    def _follow(self, source: CapSource, link: str, stop: threading.Event, beat: Beat) -> str:
        """Fetch one message that a feed names, once."""
        fetched = self._fetched.setdefault(source.id, {})
        if link in fetched:
            return ""
        try:
            answer = ask(onward(source.address, link), "", stop, beat, home=source.address)
        except AskError as why:
            return str(why)
        said = self._take(source, answer.data or b"")
        fetched[link] = None
        while len(fetched) > MOST_REMEMBERED:
            del fetched[next(iter(fetched))]
        return said

    def _take(self, source: CapSource, data: bytes) -> str:
        """Keep one message; why it was not, as a sentence."""
        now = self._clock.now()
        try:
            arrival = arrive(data, [source.certificate] if source.certificate else [], now)
            with self._database.session() as db:
                here = db.get_one(CapSource, source.id)
                if here.removed_at is None and sources.has_room(db, here, now):
                    intake.take(db, self._place, arrival, now, source=here)
                    return ""
        except Declined as why:
            log.warning("a warning was refused: %s", why.code, extra={"event": "warning-refused"})
            return f"Có tin không dùng được. {why}"
        except REFUSALS:
            raise  # not the message's fault: it is taken in when the database is well again
        except (
            Exception
        ):  # whatever a stranger wrote, it must not end the service that lets loudspeakers speak
            log.exception("a warning could not be taken in", extra={"event": "warning-unreadable"})
            return "Có tin mà trung tâm đọc không nổi; xin hỏi lại nơi gửi."
        return f"Nguồn gửi hơn {sources.MOST_A_DAY} tin trong một ngày, tin thừa không nhận."

    def _note(self, source: CapSource, problem: str, etag: str) -> None:
        now = self._clock.now()
        self._failures[source.id] = min(self._failures.get(source.id, 0) + 1, 10) if problem else 0
        with self._database.session() as db:
            here = db.get_one(CapSource, source.id)
            here.asked_at, here.problem, here.etag = now, problem, etag
            if not problem:
                here.answered_at = now
