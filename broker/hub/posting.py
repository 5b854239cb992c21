"""Sends what the channels wait for, and tries again until it is accepted or of no use any more."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import requests
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.channels import FRESH, approved_delivery, write_deliveries
from broker.hub.letter_lines import LetterLines
from broker.hub.records import (
    REFUSALS,
    Database,
    Delivery,
    Occurrence,
    Revision,
    Village,
    newest_change,
    note_change,
)
from broker.link.clock import LOCAL, Clock
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

POLL_S = 1.0
LOOK_EVERY_S = 30.0
AT_ONCE = 8
TIMEOUT_S = (4.0, 8.0)
"""To connect, and for each piece of the answer."""
WAIT_S = 5.0
"""One look waits so long for what it sent; whoever answers slower is heard in a later one, and holds up nobody."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 3600.0
MOST_DUE = 500
KINDS = {"routine": "Thông báo", "priority": "Tin ưu tiên", "emergency": "TIN KHẨN CẤP"}


@dataclass(frozen=True)
class Letter:
    """One message with all that is needed to send it; no record is held open meanwhile."""

    delivery: int
    channel: int
    kind: str
    address: str
    secret: str
    title: str
    text: str
    body: Mapping[str, Any]


class Posting:
    """The worker. `commune`: as in the settings, `xã Vân Khê`."""

    def __init__(self, database: Database, clock: Clock, commune: str) -> None:
        self._database = database
        self._clock = clock
        self._commune = commune[:1].upper() + commune[1:]
        self._last = -1
        self._look_at_s = 0.0
        self._lines: LetterLines[Letter] = LetterLines()
        """At most one for a channel: in order, and a slow one blocks itself."""

    def worker(self) -> Worker:
        """For announce. One message may take its whole time-out, several at once."""
        return Worker("channels", self.run, patience_s=120.0)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Until stopped."""
        while not stop.is_set():
            beat()
            try:
                self.step()
            except REFUSALS as why:
                log.error("channels: %s", why, extra={"event": "channels-failed"})
            stop.wait(POLL_S)

    def step(self) -> int:
        """One look: note what is new, send what is due. Returns how many were tried. Raises database errors."""
        now_s = self._clock.monotonic()
        with self._database.reading() as db:
            newest = newest_change(db)
        if newest != self._last or now_s >= self._look_at_s:
            self._last, self._look_at_s = newest, now_s + LOOK_EVERY_S
            with self._database.session() as db:
                write_deliveries(db, self._clock.now())
        with self._database.session() as db:
            letters = self._due(db, self._clock.now())
        for letter in letters:
            self._lines.send(letter.channel, partial(send, letter), letter, now_s)
        answers = self._lines.answers(now_s, WAIT_S)
        if answers:
            self._note(answers)
        return len(letters)

    def _due(self, db: Session, now: datetime) -> list[Letter]:
        rows = db.scalars(
            select(Delivery)
            .where(Delivery.state == "waiting", Delivery.next_at <= now)
            .order_by(Delivery.id)
            .limit(MOST_DUE)
        )
        found: list[Letter] = []
        busy, most = self._lines.busy, min(AT_ONCE - self._lines.in_time, self._lines.room)
        for row in rows:
            if row.channel_id in busy or len(found) >= most:
                continue
            revision = db.scalars(
                select(Revision).where(
                    Revision.announcement_id == row.announcement, Revision.number == row.revision
                )
            ).one()
            useless = _useless(db, revision, row, now)
            if useless:
                row.state, row.problem = "given-up", row.problem or useless
                continue
            busy.add(row.channel_id)
            found.append(letter_of(db, row, revision, self._commune))
        return found

    def _note(self, answers: list[tuple[Letter, str]]) -> None:
        now = self._clock.now()
        with self._database.session() as db:
            for letter, problem in answers:
                row = db.get_one(Delivery, letter.delivery)
                row.tries += 1
                row.problem = problem[:300]
                if problem:
                    pause_s = min(FIRST_PAUSE_S * 2 ** (row.tries - 1), LONGEST_PAUSE_S)
                    row.next_at = now + timedelta(seconds=pause_s)
                    log.warning(
                        "channel %s: %s", row.channel.name, problem, extra={"event": "channel-refused"}
                    )
                else:
                    row.state, row.sent_at = "sent", now
            note_change(db, "channel", "*", now)
            self._last = newest_change(db)


def letter_of(db: Session, row: Delivery, revision: Revision, commune: str) -> Letter:
    """What one message says."""
    names = {village.code: village.name for village in db.scalars(select(Village))}
    villages = [{"code": code, "name": names.get(code, code)} for code in revision.villages]
    starts = list(
        db.scalars(
            select(Occurrence.start).where(Occurrence.revision_id == revision.id).order_by(Occurrence.start)
        )
    )
    text = revision.text or revision.spoken
    is_gone = row.what == "withdrawn"
    head = f"[{KINDS[revision.kind]}] {revision.title}"
    lines = [f"{commune} đã gỡ bản tin này." if is_gone else text]
    lines.append("Nơi phát: " + ", ".join(f"thôn {one['name']}" for one in villages) + ".")
    if starts and not is_gone:
        lines.append("Loa phát: " + _say_starts(starts) + ".")
    body = {
        "delivery": f"{row.announcement}.{row.revision}.{row.what}",
        "what": row.what,
        "commune": commune,
        "announcement": row.announcement,
        "revision": row.revision,
        "kind": revision.kind,
        "title": revision.title,
        "text": text,
        "villages": villages,
        "starts": starts,
        "approved_at": revision.decided_at,
    }
    channel = row.channel
    return Letter(
        row.id,
        row.channel_id,
        channel.kind,
        channel.address,
        channel.secret,
        f"{commune}: {head}",
        "\n\n".join(lines),
        body,
    )


def send(letter: Letter) -> str:
    """Send one. Empty when it was accepted, else why not, in words for the page; never raises."""
    try:
        return _to_webhook(letter) if letter.kind == "webhook" else _through_apprise(letter)
    except Exception as why:  # noqa: BLE001 - libraries for 170 services raise what they like; the others must still be sent
        return f"{type(why).__name__}: không gửi được."


def signature_of(secret: str, raw: bytes) -> str:
    """What X-Langso-Signature says of a webhook's body."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def _to_webhook(letter: Letter) -> str:
    raw = msgspec.json.encode(letter.body)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Langso-Signature": signature_of(letter.secret, raw),
        "X-Langso-Delivery": str(letter.body["delivery"]),
    }
    try:
        with requests.post(
            letter.address, data=raw, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
        ) as answer:
            if 200 <= answer.status_code < 300:
                return ""
            return f"Nơi nhận trả lời mã {answer.status_code}."
    except requests.Timeout:
        return "Nơi nhận không trả lời kịp."
    except requests.RequestException:
        return "Không nối được tới nơi nhận."


def _through_apprise(letter: Letter) -> str:
    from apprise import (
        Apprise,
        AppriseAsset,
        NotifyFormat,
        NotifyType,
    )  # a second and 40 MB: not before it is needed

    logging.getLogger("apprise").setLevel(
        logging.ERROR
    )  # it would write addresses with passwords into our log
    sender = Apprise(
        asset=AppriseAsset(service_timeout=0)
    )  # a limit would send it through six shared threads
    if not sender.add(letter.address):
        return "Địa chỉ của kênh không dùng được nữa."
    urgent = letter.body["kind"] == "emergency"
    is_sent = sender.notify(
        title=letter.title,
        body=letter.text,
        body_format=NotifyFormat.TEXT,
        notify_type=NotifyType.WARNING if urgent else NotifyType.INFO,
        interpret_escapes=False,
    )
    return "" if is_sent else "Nơi nhận không nhận tin, xin xem lại địa chỉ và mật khẩu."


def _useless(db: Session, revision: Revision, row: Delivery, now: datetime) -> str:
    """Why a message is of no use any more, as a sentence; empty while it is. News are told for a day."""
    if row.channel.disabled_at is not None:
        return "Kênh đang tắt."
    if now > row.created_at + FRESH:
        return "Một ngày chưa gửi được nên thôi."
    if row.what == "withdrawn":
        told = approved_delivery(db, row.channel_id, row.announcement, row.revision)
        return (
            ""
            if told is not None and told.state == "sent"
            else "Bản tin chưa gửi tới đây nên không cần báo gỡ."
        )
    is_over = revision.state in ("withdrawn", "superseded")
    if is_over or (revision.kind == "emergency" and revision.state != "approved"):
        return "Bản tin đã hết hiệu lực trước khi gửi được."
    return ""


def _say_starts(starts: list[datetime]) -> str:
    said = [
        f"{at.astimezone(LOCAL):%H:%M} ngày {at.astimezone(LOCAL).day}/{at.astimezone(LOCAL).month}"
        for at in starts[:3]
    ]
    more = len(starts) - 3
    return ", ".join(said) + (f" và {more} lần nữa" if more > 0 else "")
