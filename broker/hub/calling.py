"""Calls the phones of the duty room about alerts that nobody looks at, and tries again until it is of no use."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from broker.hub import unseen
from broker.hub.alert_kinds import choice_of
from broker.hub.alerts import CAMERAS
from broker.hub.letter_lines import LetterLines
from broker.hub.posting import Letter, send
from broker.hub.records import (
    REFUSALS,
    Alert,
    AlertStep,
    Camera,
    Database,
    DutyCall,
    DutyPhone,
    Village,
    newest_change,
    note_change,
)
from broker.link.clock import LOCAL, Clock
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

POLL_S = 1.0
LOOK_EVERY_S = 5.0
MOST_PHONES = 10
"""That are kept at once."""
WAIT_S = 5.0
"""One look waits so long for what it sent; whoever answers slower is heard in a later one."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 15.0, 300.0
OF_USE = timedelta(hours=6)
"""A call that could not be made for so long is made no more."""
TOO_LATE = "Quá 6 giờ không gọi được"
WHAT: Final = MappingProxyType(
    {
        "motion": "Có chuyển động",
        "person": "Có chuyển động, có vẻ là người hoặc xe",
        "tamper": "Camera bị che, loá hoặc xoay",
        "outage": "Camera mất hình",
        "sos": "Có người bấm nút SOS",
        "sensor": "Cảm biến vượt mức báo động",
        "amplifier": "Tăng âm chạy không đúng lệnh",
    }
)


class Sent(NamedTuple):
    """A letter on its way, and when its call was due: a call of the same number made later is another."""

    letter: Letter
    due_at: datetime


class Calling:
    """The worker. `commune`: as in the settings, `xã Vân Khê`; `address`: where the console is opened."""

    def __init__(self, database: Database, clock: Clock, commune: str, address: str) -> None:
        self._database = database
        self._clock = clock
        self._commune = commune[:1].upper() + commune[1:]
        self._address = address.rstrip("/")
        self._last = -1
        self._look_at_s = 0.0
        self._lines: LetterLines[Sent] = LetterLines()

    def worker(self) -> Worker:
        """For announce."""
        return Worker("calls", self.run, patience_s=120.0)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Until stopped."""
        while not stop.is_set():
            beat()
            try:
                self.step()
            except REFUSALS as why:
                log.error("calls: %s", why, extra={"event": "calls-failed"})
            stop.wait(POLL_S)

    def step(self) -> int:
        """One look: note what nobody saw, send what is due. Returns how many were tried. Raises database errors."""
        now_s = self._clock.monotonic()
        with self._database.reading() as db:
            newest, is_quiet = newest_change(db), unseen.is_quiet(db)
        if is_quiet and not self._lines.busy:
            return 0
        if newest != self._last or now_s >= self._look_at_s:
            self._last, self._look_at_s = newest, now_s + LOOK_EVERY_S
            with self._database.session() as db:
                unseen.look(db, self._clock.now())
        with self._database.session() as db:
            due = self._due(db, self._clock.now())
        for one in due:
            self._lines.send(one.letter.channel, partial(send, one.letter), one, now_s)
        if self._lines.busy:
            self._note(self._lines.answers(now_s, WAIT_S))
        return len(due)

    def _due(self, db: Session, now: datetime) -> list[Sent]:
        query = select(DutyCall).where(DutyCall.state == "waiting", DutyCall.next_at <= now)
        found: list[Sent] = []
        busy = self._lines.busy
        first = (case((Alert.kind == "sos", 0), else_=1), DutyCall.tries, DutyCall.id)
        for call in db.scalars(query.join(Alert, Alert.id == DutyCall.alert_id).order_by(*first)):
            if call.phone_id in busy or len(found) >= self._lines.room:
                continue
            if call.alert.state != "raised":
                call.state = "needless"
            elif call.phone.removed_at is not None:
                call.state, call.problem = "given-up", "Đã bỏ nơi gọi này."
            elif now > call.due_at + OF_USE:
                call.state, call.problem = (
                    "given-up",
                    f"{TOO_LATE}: {call.problem or 'chưa thử lần nào.'}",
                )
            else:
                busy.add(call.phone_id)
                found.append(Sent(self._letter(db, call, now), call.due_at))
        return found

    def _letter(self, db: Session, call: DutyCall, now: datetime) -> Letter:
        alert = call.alert
        waited_min = int((now - alert.raised_at).total_seconds() // 60)
        waited = f"Đã {waited_min} phút chưa ai xem." if waited_min else "Chưa ai xem."
        text = f"{say_where(db, alert)}\n{waited} Mở phòng trực: {self._address}/duty/{alert.id}"
        return letter_to(call.phone, call.id, f"{self._commune}: {say_what(alert)}", text)

    def _note(self, answers: list[tuple[Sent, str]]) -> None:
        if not answers:
            return
        now = self._clock.now()
        with self._database.session() as db:
            for sent, problem in answers:
                call = db.get(DutyCall, sent.letter.delivery)
                if call is None or call.due_at != sent.due_at:
                    continue  # what it told is no more: the water rose meanwhile
                call.tries += 1
                call.problem = problem[:300]
                if problem:
                    pause_s = min(FIRST_PAUSE_S * 2 ** (call.tries - 1), LONGEST_PAUSE_S)
                    call.next_at = now + timedelta(seconds=pause_s)
                    log.warning("phone %s: %s", call.phone.name, problem, extra={"event": "call-refused"})
                    continue
                call.state, call.sent_at = "sent", now
                told = {"alert_id": call.alert_id, "account_id": None, "note": call.phone.name}
                db.add(AlertStep(at=now, what="called", **told))
                note_change(db, "alert", str(call.alert_id), now)


def say_what(alert: Alert) -> str:
    """What is the matter: "Có chuyển động"."""
    is_person = choice_of(alert.kind, alert.labels) == "person"
    return WHAT["person"] if is_person else WHAT.get(alert.kind, "Có cảnh báo mới")


def say_where(db: Session, alert: Alert) -> str:
    """Where and when, without names of people and without pictures: "Thôn Đông, cửa kho lúa, lúc 22:46"."""
    village = db.get(Village, alert.village) if alert.village else None
    is_camera = alert.kind in CAMERAS  # a button may be called the same
    camera = db.get(Camera, (alert.node, alert.camera)) if is_camera else None
    place = camera.name if camera else str(alert.evidence.get("place", "")) or alert.node
    told = alert.raised_at if alert.clock == "unknown" else alert.started_at
    at = told.astimezone(LOCAL)
    parts = (f"Thôn {village.name}" if village else "", place, f"lúc {at:%H:%M} ngày {at.day}/{at.month}")
    return ", ".join(part for part in parts if part) + "."


def letter_to(phone: DutyPhone, call: int, title: str, text: str) -> Letter:
    """One message for a phone, as posting sends them."""
    return Letter(call, phone.id, "apprise", phone.address, "", title, text, {"kind": "emergency"})
