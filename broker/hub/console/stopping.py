"""What a loudspeaker's row says once silence was ordered: what had sounded, who has confirmed, what may begin.

Pure. An order is no silence: a house is told to be silent only when its loudspeaker said so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from broker.hub.console.wording import hm, hms, lasting
from broker.hub.records import Play
from broker.trust.reasons import sentence

ANSWERS: Final = timedelta(seconds=10)
"""So long a loudspeaker may take to answer an order before somebody should know."""
SWITCH_OFF: Final = "Cần im ngay thì đến điểm tắt nguồn tăng âm."
OPEN: Final = frozenset({"planned", "sent", "fetching", "ready", "armed"})
"""States of a play that may still begin."""
_CUT: Final = {
    "stopped": "dừng theo lệnh{at}.",
    "cancelled": "dừng theo lệnh{at}.",
    "silenced": "dừng theo lệnh im tiếng cả xã{at}.",
    "revoked": "dừng{at} vì xã không còn tin khoá của người ký.",
    "muted-here": "im{at} vì khoá im lặng ở điểm đang bật.",
    "local-use": "nhường{at} cho người ở thôn nói vào micro.",
    "preempted": "nhường{at} cho bản tin quan trọng hơn.",
    "power": "ngắt{at} vì điểm mất điện hoặc khởi động lại.",
}
"""Why a play that sounded did not come to its end."""


@dataclass(frozen=True)
class Orders:
    """What was ordered of one playing, and what is known of whether it was followed."""

    stopped_at: datetime | None = None
    """When this playing was ordered to stop."""
    silent_until: datetime | None = None
    """Until when the whole commune is to be silent; None where no silence holds."""
    applied_at: datetime | None = None
    """When the loudspeaker last said that it follows its plan; receipts of before came before that."""
    length_s: float = 0.0
    """How long the whole playing takes."""
    pressed_at: datetime | None = None
    """When the button was pressed that let an emergency speak; it cannot be late before that."""


def is_unconfirmed(play: Play, orders: Orders) -> bool:
    """Whether it was ordered to stop and its loudspeaker has not said what became of that."""
    if orders.stopped_at is None:
        return False
    if play.state in OPEN or play.state == "playing":
        return True
    if play.state != "cancelled" or play.said_at is not None or play.planned_at > orders.stopped_at:
        return False
    return orders.applied_at is None or orders.applied_at <= orders.stopped_at


def say_unconfirmed(
    play: Play, orders: Orders, now: datetime, until: datetime, *, is_cut_off: bool
) -> tuple[str, bool]:
    """Words for such a row, and whether a person is needed. until: the last moment at which it may begin."""
    ordered_at = orders.stopped_at or now
    ordered = f"Đã ra lệnh dừng lúc {hms(ordered_at)}"
    if play.planned_at > now:
        return f"Đã ra lệnh huỷ lúc {hms(ordered_at)}, chờ loa báo.", False
    if now - ordered_at <= ANSWERS and not is_cut_off:
        return f"{ordered}, chờ loa báo đã im.", False
    if now > (play.started_at or until) + timedelta(seconds=orders.length_s) + ANSWERS:
        return f"{ordered} nhưng loa chưa báo về, chưa biết đã đọc đến đâu.", True
    return f"{ordered}. Loa chưa báo đã im, có thể vẫn đang nói. {SWITCH_OFF}", True


def say_held(play: Play, orders: Orders, now: datetime, until: datetime) -> str:
    """Words for a play that falls due while the commune is silent; empty for any other. It waits until `until`."""
    silent = orders.silent_until
    if silent is None or not now < silent or play.state not in OPEN or not now <= until:
        return ""
    if play.planned_at >= silent:
        return ""
    if silent < until:
        return f"Cả xã được lệnh im đến {hm(silent)}; hết im thì phát."
    return f"Cả xã được lệnh im; cho loa nói lại trước {hm(until)} thì phát, không thì bỏ lượt này."


def say_cut(play: Play, *, is_relay: bool) -> str:
    """Words for a play that was ended in the middle: how much was heard, why, when; empty when nothing had sounded."""
    if play.started_at is None:
        return ""
    at = f" lúc {hms(play.ended_at)}" if play.ended_at else ""
    end = _CUT.get(play.reason, "").format(at=at)
    if not play.played_ms or play.played_ms < 1000:
        return f"Vừa bắt đầu thì {end}" if end else ""
    begun = f"{'Đã tiếp sóng' if is_relay else 'Đã đọc'} {lasting(play.played_ms / 1000)}"
    return f"{begun} rồi {end}" if end else f"{begun}. {sentence(play.reason)}".strip()
