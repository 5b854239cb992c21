"""Live pictures as one long answer (multipart/x-mixed-replace), to one page: each with its age, none that is late.

Between pictures it says that it is still there, so that a page whose line is lost knows, and one that is gone is
noticed. What the visitor's line has not taken yet is waited for: a slow one gets fewer pictures and not older ones.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from broker.hub import live_view
from broker.hub.console.desk import Desk
from broker.hub.console.wording import hms
from broker.hub.live_pictures import LivePictures, Shot
from broker.hub.records import CameraLive

BOUNDARY: Final = "langso"
KIND: Final = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
LOOK_S: Final = 1.0
"""So often it is looked whether the view still runs, and something is said."""
WAIT_S: Final = 0.05
OVER: Final = "Đã hết giờ xem. Cần xem nữa xin bấm Xem trực tiếp."
STOPPED: Final = "Lượt xem này đã dừng."
ELSEWHERE: Final = "Lượt xem này đang hiện ở một trang khác, mở sau trang này."
NO_RIGHT: Final = "Phiên làm việc hoặc quyền của anh/chị đã đổi; xin tải lại trang."


@dataclass(frozen=True)
class Feed:
    """One page that looks."""

    here: Desk
    live: LivePictures
    view: str
    looker: int
    still_may: Callable[[], bool]
    unsent: Callable[[], int]
    """Bytes that the visitor's line has not taken yet."""

    def parts(self) -> Iterator[bytes]:
        """Until the view is over, the page gone, or another page looks."""
        number, looked_s = 0, float("-inf")
        try:
            while True:
                if time.monotonic() - looked_s >= LOOK_S:
                    looked_s = time.monotonic()
                    row = self._row()
                    over = self._over(row)
                    if over or row is None:
                        yield _said({"over": over})
                        return
                    yield _said({"left_ms": self._left_ms(row)})
                if self.unsent() > 0:
                    threading.Event().wait(WAIT_S)
                    continue
                shot = self.live.next(self.view, number, LOOK_S / 2)
                if shot is not None:
                    number = shot.number
                    yield self._picture(shot)
        finally:
            self.live.leave(self.view, self.looker)

    def _row(self) -> CameraLive | None:
        with self.here.database.reading() as db:
            return db.get(CameraLive, self.view)

    def _over(self, row: CameraLive | None) -> str:
        """Why nothing more is shown here; empty while it goes on."""
        now = self.here.clock.now()
        if row is None or row.ended_at is not None:
            return STOPPED
        if not live_view.is_running(row, now):
            self.live.forget(self.view)
            return OVER
        if not self.live.is_looking(self.view, self.looker):
            return ELSEWHERE
        return "" if self.still_may() else NO_RIGHT

    def _left_ms(self, row: CameraLive) -> int:
        return round((row.until - self.here.clock.now()) / timedelta(milliseconds=1))

    def _picture(self, shot: Shot) -> bytes:
        age_ms = self.live.age_ms(shot)
        taken = hms(self.here.clock.now() - timedelta(milliseconds=age_ms))
        return _part("image/jpeg", shot.jpeg, f"X-Age-Ms: {age_ms}\r\nX-Taken: {taken}\r\n")


def _said(what: dict[str, object]) -> bytes:
    return _part("application/json", json.dumps(what, ensure_ascii=False).encode())


def _part(kind: str, body: bytes, more: str = "") -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode("ascii") + body + b"\r\n"
