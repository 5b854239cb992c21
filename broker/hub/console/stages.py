"""How far one play has come on one loudspeaker, in five stages, and what a person should know. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from broker.hub.announcing import emergency_times
from broker.hub.console.relaying import say_play
from broker.hub.console.stopping import OPEN, Orders, is_unconfirmed, say_cut, say_held, say_unconfirmed
from broker.hub.console.wording import hm, hms
from broker.hub.records import Play, ServiceSeen
from broker.trust.reasons import sentence

STAGES = ("Nhận", "Sẽ phát", "Đang phát", "Đã phát", "Nghe thấy")
HEARD_LEVEL = 2
"""From this proof level on somebody measured sound: 2 amplifier current or loop-back, 3 a microphone."""

Mark = Literal["", "now", "fail"]
Weight = Literal["ok", "wait", "look", "bad"]

_DONE: dict[str, int] = {
    "planned": 0,
    "sent": 0,
    "fetching": 0,
    "ready": 2,
    "armed": 2,
    "playing": 2,
    "played": 4,
    "interrupted": 3,
    "preempted": 3,
    "failed": 2,
    "refused": 1,
    "missed": 2,
    "expired": 1,
    "cancelled": 0,
}
_CUT_SHORT = 3
"""Stages behind a play that sounded and was ended in the middle."""
_NOW = frozenset({"planned", "sent", "fetching", "playing"})
_FAIL = frozenset({"interrupted", "preempted", "failed", "refused", "missed", "expired"})
_WHY = {
    "planned": "Đang đưa vào lịch phát của điểm.",
    "sent": "Đã gửi, chờ điểm báo nhận.",
    "fetching": "Điểm đang tải âm thanh.",
    "ready": "Đã có âm thanh, chờ đến giờ.",
    "armed": "Sắp phát.",
    "interrupted": "Bị ngắt giữa chừng.",
    "preempted": "Nhường cho bản tin quan trọng hơn.",
    "failed": "Điểm không phát được.",
    "refused": "Điểm từ chối phát.",
    "missed": "Đã qua giờ mà điểm chưa phát.",
    "expired": "Bản tin đã hết hiệu lực trước khi phát.",
    "cancelled": "Đã huỷ, loa không phát.",
}
_NOT_MEASURED = {
    0: "Chưa đo: điểm này chưa báo có thiết bị nào nghe lại tiếng loa.",
    1: "Chưa đo: thiết bị âm thanh đã nhận đủ tiếng, ngoài loa chưa có gì nghe lại.",
}
_UNCLEAR = "Chưa rõ: micro có nghe nhưng không chắc đó là tiếng loa này, vì quanh loa ồn hoặc bản tin ngắn."
_HEARD_BY = {
    "heard": "micro",
    "loop-back": "dây nghe lại ở thiết bị âm thanh",
    "current": "cảm biến dòng điện ở tăng âm",
}
"""Who stands behind a proof, by its kind; receipts of before kinds were told go by the level."""
_BY_LEVEL = {2: "cảm biến ở tăng âm", 3: "micro"}
FILED = "Ghi vào tệp, điểm không có loa: chưa ai nghe thấy."
LATE_MS = 500
"""From here on a start that came late is worth telling."""
NO_ORDERS = Orders()
SOFT_PERCENT = 50
"""Below this somebody should know how low the loudspeaker is set."""


@dataclass(frozen=True)
class Progress:
    """One row of the progress table."""

    node: str
    name: str
    village: str
    state: str
    done: int
    """How many of the five stages are behind it."""
    mark: Mark
    """What the next stage is: under way, failed, or not begun."""
    why: str
    weight: Weight
    needs_person: bool
    is_filed: bool = False
    """Played into a file because the house has no loudspeaker: nobody heard it, so it does not count as played."""
    is_unconfirmed: bool = False
    """Ordered to stop, and its loudspeaker has not said that it is silent."""

    @property
    def stage(self) -> str:
        """The stage reached, in a word, for small screens and screen readers."""
        if self.is_unconfirmed:
            return "Chưa báo đã im"
        if self.state == "cancelled":
            return "Đã dừng" if self.done == _CUT_SHORT else "Đã huỷ"
        if self.is_filed:
            return "Ghi vào tệp"
        if self.mark:
            return STAGES[min(self.done, 4)] + (": không được" if self.mark == "fail" else "")
        return STAGES[self.done - 1] if self.done else "Chưa nhận"


def is_spoken(play: Play) -> bool:
    """Whether a loudspeaker played it to its end; a file in a house without one does not count."""
    return play.state == "played" and play.sound != "file"


def progress_of(
    play: Play,
    name: str,
    village: str,
    speaker: ServiceSeen | None,
    now: datetime,
    tolerance_s: int,
    *,
    is_relay: bool = False,
    repeats: int = 1,
    orders: Orders = NO_ORDERS,
) -> Progress:
    """What the row of one loudspeaker says at this moment. is_relay: of a relayed programme, which is said once."""
    is_cut_off = speaker is None or speaker.state in ("lost", "stopped")
    is_waiting = play.state in ("planned", "sent", "fetching")
    until = play.planned_at + timedelta(seconds=tolerance_s)
    done, mark = _done(play), _mark(play.state)
    late_ms = emergency_times.late_ms(play.late_ms, play.planned_at, orders.pressed_at)
    why = (say_play(play) if is_relay else "") or _why(play, repeats, late_ms, is_relay=is_relay)
    if is_unconfirmed(play, orders):
        why, needs = say_unconfirmed(play, orders, now, until, is_cut_off=is_cut_off)
        step: Mark = "fail" if needs else "now"
        shade: Weight = "bad" if needs else "wait"
        return Progress(play.node, name, village, play.state, done, step, why, shade, needs, False, True)
    if is_waiting and now > until:
        mark, why = "fail", "Đã qua giờ, chưa có tin báo về: chưa xác nhận là đã phát."
    elif is_waiting and is_cut_off:
        mark, why = "fail", f"{_gone(speaker)} Có mạng trước {hm(until)} sẽ phát."
    elif play.state in OPEN:
        why = say_held(play, orders, now, until) or why
    if play.state == "played" and play.proof_level >= HEARD_LEVEL:
        done = 5
    is_filed = play.state == "played" and not is_spoken(play)
    if play.state == "played" and (is_filed or play.volume == 0):
        done, mark = 3, "fail"
    needs = mark == "fail"
    weight: Weight = "bad" if needs else "ok" if done >= 4 else "wait"
    return Progress(play.node, name, village, play.state, done, mark, why, weight, needs, is_filed)


def _done(play: Play) -> int:
    if play.state == "cancelled" and play.said_at is not None:
        return 1 if play.started_at is None else _CUT_SHORT
    return _DONE.get(play.state, 0)


def _mark(state: str) -> Mark:
    return "fail" if state in _FAIL else "now" if state in _NOW else ""


def _why(play: Play, repeats: int, late_ms: int | None, *, is_relay: bool) -> str:
    if play.state == "playing":
        turn = f"Lần đọc {play.repeat}" if play.repeat else "Đang đọc"
        turn = f"{turn} trên {repeats}" if 0 < play.repeat <= repeats and repeats > 1 else turn
        late = f", chậm {_seconds(late_ms)}" if late_ms and late_ms >= 100 else ""
        begun = f" từ {hms(play.started_at)}" if play.started_at else ""
        into = " " + FILED if play.sound == "file" else ""
        return f"{turn}{begun}{late}.{into}"
    if play.state == "played":
        return _played(play, late_ms)
    cut = say_cut(play, is_relay=is_relay) if play.state in ("cancelled", "interrupted", "preempted") else ""
    if cut:
        return cut
    said = _WHY.get(play.state, f"Trạng thái lạ: {play.state}.")
    return sentence(play.reason) or said


def _played(play: Play, late_ms: int | None) -> str:
    begun = f"Phát lúc {hms(play.started_at)}" if play.started_at else "Đã phát"
    late = f", chậm {_seconds(late_ms)}" if late_ms and late_ms >= LATE_MS else ""
    if play.sound == "file":
        return FILED
    said = [f"{begun}{late}.", sentence(play.reason), _proof(play), *_flaws(play)]
    return " ".join(part for part in said if part)


def _proof(play: Play) -> str:
    if play.proof_level >= HEARD_LEVEL:
        by = _HEARD_BY.get(play.proof, _BY_LEVEL.get(play.proof_level, "cảm biến"))
        ended = f" lúc {hms(play.ended_at)}" if play.ended_at else ""
        return f"Nghe thấy{ended}, do {by}."
    return _UNCLEAR if play.proof == "inconclusive" else _NOT_MEASURED.get(play.proof_level, "")


def _flaws(play: Play) -> list[str]:
    """What was heard less well than it should be."""
    said = []
    if play.underruns:
        said.append(f"Tiếng bị ngắt quãng {play.underruns} lần.")
    if play.volume == 0:
        said.append("Âm lượng của loa đang đặt ở 0 %, không ai nghe được.")
    elif play.volume is not None and play.volume < SOFT_PERCENT:
        said.append(f"Âm lượng {play.volume} %.")
    return said


def _gone(speaker: ServiceSeen | None) -> str:
    return "Điểm chưa nối lần nào." if speaker is None else f"Mất nối từ {hm(speaker.since)}."


def _seconds(late_ms: int) -> str:
    return f"{late_ms / 1000:.1f} giây".replace(".", ",")
