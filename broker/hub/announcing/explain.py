"""Vì sao không phát: what one loudspeaker did, or did not do, at one minute, as sentences with their facts. Pure.

Times are aware; sentences are Vietnamese with local time. What nobody knows is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from broker.link.clock import LOCAL
from broker.trust.envelope import Quiet
from broker.trust.quiet import hours_on, is_quiet, kind_of_day
from broker.trust.reasons import sentence

BEFORE: Final = timedelta(minutes=10)
"""A play that is due so soon after the minute asked for is told of too: people's clocks differ."""
_KINDS: Final = {
    "emergency": "tin khẩn cấp",
    "priority": "tin ưu tiên",
    "routine": "bản tin",
    "relay": "buổi tiếp sóng",
}
_OPEN: Final = frozenset({"planned", "sent", "fetching", "ready", "armed"})
_PROOF_HEARD: Final = 2


@dataclass(frozen=True)
class Asked:
    """One play of this loudspeaker around the minute, as the records have it."""

    title: str
    kind: str
    """A name of planner.RANK."""
    start: datetime
    """As it was signed."""
    begins: datetime
    """As this loudspeaker plans it: behind another ưu tiên, in its turn among neighbours."""
    length_s: float
    tolerance_s: int
    state: str = "planned"
    reason: str = ""
    """Code of broker.trust.reasons."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    said_at: datetime | None = None
    """When the loudspeaker last said so; None while it has said nothing."""
    proof_level: int = 0
    is_filed: bool = False
    """It went into a file: the house has no loudspeaker."""
    is_drill: bool = False
    behind: str = ""
    """The ưu tiên it waits for."""
    turn: int = 0
    """Its turn among neighbours, from 1; 0 where nobody speaks in turns."""
    ended: str = ""
    """What became of the announcement itself: "withdrawn", "superseded", or empty."""
    stopped_by: str = ""
    """Who ordered this play to stop; empty where nobody did."""
    stopped_at: datetime | None = None

    @property
    def latest(self) -> datetime:
        """Until when it may begin."""
        return self.start + timedelta(seconds=self.tolerance_s)

    def is_about(self, minute: datetime) -> bool:
        """Whether it has to do with a minute: due, under way, or a little later."""
        over = self.ended_at or max(self.begins, self.latest) + timedelta(seconds=self.length_s)
        return self.start - BEFORE <= minute <= over + timedelta(minutes=1)


@dataclass(frozen=True)
class Order:
    """An order to the whole commune to be silent."""

    since: datetime
    until: datetime
    by: str


@dataclass(frozen=True)
class Facts:
    """What is known of one loudspeaker around one minute."""

    minute: datetime
    now: datetime
    place: str
    """Its village as people call it, "thôn Đông"."""
    quiet: Quiet
    registered_at: datetime
    retired_at: datetime | None = None
    plays: Sequence[Asked] = ()
    waiting: Sequence[tuple[str, datetime, str]] = ()
    """Announcements for this village that nobody has approved: title, start, who wrote it."""
    elsewhere: Sequence[str] = ()
    """Titles of what was for other villages only."""
    orders: Sequence[Order] = ()
    away_since: datetime | None = None
    """Since when it has not been connected; None while it is."""
    is_never_seen: bool = False
    next: tuple[str, datetime] | None = None
    """What it says next after the minute: title and start."""


def why(facts: Facts) -> list[str]:
    """Everything that explains the minute, the nearest first; never empty."""
    there = _there(facts)
    if there:
        return [there]
    about = [each for each in facts.plays if each.is_about(facts.minute)]
    said = [line for each in sorted(about, key=lambda one: one.begins) for line in _of_play(each, facts)]
    said += [
        f"“{title}” xin phát lúc {_clock(start, facts)} nhưng chưa ai duyệt ({by} soạn); chưa duyệt thì loa không phát."
        for title, start, by in facts.waiting
        if start - BEFORE <= facts.minute <= start + timedelta(minutes=15)
    ]
    if not said:
        said.append(_nothing(facts))
    if not any(each.started_at and each.started_at <= facts.minute for each in about):
        said += _silence(facts)
    said += _away(facts, about)
    if facts.next is not None and not any(each.begins >= facts.minute for each in about):
        title, start = facts.next
        said.append(f"Lượt kế tiếp của loa này: “{title}”, {_clock(start, facts)}.")
    return said


def _there(facts: Facts) -> str:
    if facts.minute < facts.registered_at:
        return f"Lúc đó điểm này chưa có; điểm được đăng ký {_clock(facts.registered_at, facts)}."
    if facts.retired_at is not None and facts.minute >= facts.retired_at:
        return f"Điểm này đã thu hồi từ {_clock(facts.retired_at, facts)} nên không phát gì."
    return ""


def _of_play(each: Asked, facts: Facts) -> list[str]:
    name = f"{'Lượt diễn tập' if each.is_drill else _KINDS.get(each.kind, 'bản tin').capitalize()} “{each.title}”"
    due = f"{name} hẹn {_clock(each.start, facts)}"
    said = [f"{due} {_came(each, facts)}"]
    if each.started_at is None and each.begins > each.start and each.state in _OPEN:
        said.append(_later(each, facts))
    return said


def _came(each: Asked, facts: Facts) -> str:
    """What became of a play, after its name and hour."""
    if each.state == "played":
        return _played(each)
    if each.state == "playing":
        return f"đang phát, từ {_seconds(each.started_at)}." if each.started_at else "đang phát."
    if each.started_at is not None:
        return f"bắt đầu {_seconds(each.started_at)} rồi {_broken(each)}"
    if each.stopped_by:
        at = f" lúc {_seconds(each.stopped_at)}" if each.stopped_at else ""
        return f"không phát: {each.stopped_by} đã ra lệnh dừng{at}."
    if each.ended == "withdrawn":
        return "không phát: bản tin đã được gỡ trước giờ đó."
    if each.ended == "superseded":
        return "không phát: bản tin đã có bản sửa mới thay thế."
    if each.state == "cancelled":
        return "đã huỷ nên loa không phát."
    if each.state == "refused":
        return f"bị loa từ chối. {sentence(each.reason) or 'Loa không nói lý do.'}"
    if each.state == "preempted":
        return "đã nhường cho bản tin quan trọng hơn."
    if each.state in ("missed", "expired", "failed", "interrupted"):
        return f"không phát được. {sentence(each.reason) or 'Loa không nói lý do.'}"
    return _open(each, facts)


def _played(each: Asked) -> str:
    if each.is_filed:
        return "chỉ ghi vào tệp: điểm này không có loa nên chưa ai nghe thấy."
    span = "đã phát"
    if each.started_at is not None:
        span += f" từ {_seconds(each.started_at)}"
        span += f" đến {_seconds(each.ended_at)}" if each.ended_at else ""
    if each.proof_level >= _PROOF_HEARD:
        return f"{span}, và đã nghe thấy tiếng."
    return f"{span}. Ngoài loa chưa có gì nghe lại nên chưa chắc bà con đã nghe thấy."


def _broken(each: Asked) -> str:
    at = f" lúc {_seconds(each.ended_at)}" if each.ended_at else ""
    if each.stopped_by:
        return f"dừng{at} theo lệnh của {each.stopped_by}."
    return f"dừng{at}. {sentence(each.reason) or 'Loa không nói lý do.'}"


def _open(each: Asked, facts: Facts) -> str:
    """A play the loudspeaker has said nothing final of."""
    if facts.now <= max(each.latest, each.begins):
        held = "đã có âm thanh, chờ đến giờ" if each.state in ("ready", "armed") else "đang chờ trong lịch"
        return f"{held}, bắt đầu được đến {_seconds(each.latest)}."
    if each.said_at is None:
        return "chưa xác nhận là đã phát: từ khi gửi lịch, loa chưa báo gì về lượt này."
    return f"chưa xác nhận là đã phát: tin cuối của loa lúc {_seconds(each.said_at)}, sau đó chưa báo gì."


def _later(each: Asked, facts: Facts) -> str:
    """Why it is planned later here than it was signed for."""
    reasons = []
    if each.behind:
        reasons.append(f"sau tin ưu tiên “{each.behind}”")
    if each.turn > 1:
        reasons.append(f"lượt thứ {each.turn} vì loa gần nhau nói luân phiên")
    why_so = f", {' và '.join(reasons)}" if reasons else ""
    return f"Ở loa này lượt đó bắt đầu {_clock(each.begins, facts, seconds=True)}{why_so}."


def _nothing(facts: Facts) -> str:
    verb = "được lên lịch" if facts.minute <= facts.now else "trong lịch"
    said = f"Không có bản tin nào {verb} cho {facts.place} lúc {_clock(facts.minute, facts)}."
    if facts.elsewhere:
        names = ", ".join(f"“{title}”" for title in facts.elsewhere[:3])
        said += f" Lúc đó có {names}, nhưng dành cho thôn khác."
    return said


def _silence(facts: Facts) -> list[str]:
    said = [
        f"Cả xã được lệnh im tiếng từ {_seconds(one.since)} đến {_seconds(one.until)} ({one.by} ra lệnh)."
        for one in facts.orders
        if one.since <= facts.minute < one.until
    ]
    if is_quiet(facts.quiet, facts.minute, facts.minute):
        day = facts.minute.astimezone(LOCAL).date()
        hours, kind = hours_on(facts.quiet, day), kind_of_day(facts.quiet, day)
        named = f"giờ yên tĩnh {kind}".strip()
        said.append(f"Lúc đó là {named} ({hours.since}–{hours.until}): chỉ tin khẩn cấp mới được phát.")
    return said


def _away(facts: Facts, about: Sequence[Asked]) -> list[str]:
    if facts.is_never_seen:
        return ["Loa của điểm này chưa nối về trung tâm lần nào."]
    if facts.away_since is None or facts.away_since > facts.minute + timedelta(hours=1):
        return []
    if about and all(each.state == "played" for each in about):
        return []
    end = (
        "khi có mạng lại, loa sẽ báo đã phát hay chưa"
        if facts.minute <= facts.now
        else "có mạng lại mới nhận lịch"
    )
    return [f"Loa mất nối với trung tâm từ {_clock(facts.away_since, facts)}; {end}."]


def _clock(moment: datetime, facts: Facts, *, seconds: bool = False) -> str:
    local, today = moment.astimezone(LOCAL), facts.minute.astimezone(LOCAL).date()
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    return clock if local.date() == today else f"{clock} ngày {local.day}/{local.month}"


def _seconds(moment: datetime | None) -> str:
    return f"{moment.astimezone(LOCAL):%H:%M:%S}" if moment else ""
