"""What the red page shows while an emergency runs: what is said now, by which loudspeakers, what comes next. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from broker.hub.announcing.planner import HEAD_S
from broker.hub.console.day import Commune, progress_rows
from broker.hub.console.stages import Progress
from broker.hub.console.wording import hm, hms, lasting
from broker.hub.records import Occurrence, Revision
from broker.look.villages import VillageState
from broker.trust.envelope import Envelope

State = Literal["sending", "speaking", "between", "silent", "cancelled", "over"]
SLOW_S = 3.0
"""After so long a command that has not left the hub is told as trouble."""
GO = "Cử người đi báo."
_SPOKE_NOT = frozenset({"refused", "missed", "expired", "failed", "interrupted", "preempted"})
"""States in which a loudspeaker has told that it does not say this, or not to the end."""
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*\s*")
_HEADS: dict[State, str] = {
    "sending": "Đang gửi lệnh tới loa",
    "speaking": "Đang phát khẩn cấp",
    "between": "Đang nghỉ giữa hai lượt",
    "silent": "Đang im tiếng cả xã",
    "cancelled": "Đã huỷ, loa không nhắc lại nữa",
    "over": "Đã phát xong",
}
_DRILL_HEADS: dict[State, str] = {
    "sending": "Đang gửi lệnh diễn tập",
    "speaking": "Đang diễn tập",
    "cancelled": "Đã huỷ diễn tập",
}


@dataclass(frozen=True)
class Sentence:
    """A sentence of what is said, and when in one reading it is heard, by its share of the letters."""

    text: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class Loud:
    """One loudspeaker of the list."""

    node: str
    name: str
    word: str
    weight: str
    why: str
    """What a person should know or do; empty where all is well."""
    state: str


@dataclass(frozen=True)
class Reading:
    """What the script needs to follow the words: all in milliseconds of the hub's clock."""

    began_ms: int
    """When the first loudspeaker began this time; 0 while none has."""
    head_ms: int
    once_ms: int
    gap_ms: int
    repeat: int


@dataclass(frozen=True)
class Live:
    """Everything the page says about a running emergency or drill."""

    state: State
    head: str
    round: str
    """ "Lượt 2, nhắc lại lúc 02:24, tự hết lúc 04:14"."""
    since: datetime
    """From when it counts: the first sound, before that the button."""
    until: datetime | None
    """When counting ended."""
    speaking: str
    """Above the words: "Loa đang đọc, lần 2 trên 3"."""
    sentences: Sequence[Sentence]
    reading: Reading
    heard: str
    """Above the loudspeakers: "6 trên 7 cụm loa đã nghe thấy"."""
    louds: Sequence[Loud]
    states: dict[str, VillageState]
    stuck: str
    """That the command has not left the hub, at once."""
    occurrence: Occurrence | None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will be heard any more."""
        return self.state in ("cancelled", "over")


def live_of(commune: Commune, revision: Revision, at: datetime, *, dead: str = "") -> Live:
    """What is known of an emergency that was let speak. dead: that the broker is away, as a sentence."""
    now_on, next_on = current_of(revision, at), next_of(revision, at)
    rows = progress_rows(commune, now_on, at) if now_on else []
    ends = ends_of(revision)
    state = state_of(commune, revision, rows, at, ends)
    begun = [play.started_at for row in revision.occurrences for play in row.plays if play.started_at]
    pressed = next((row.clicked_at for row in revision.occurrences if row.clicked_at), None)
    since = min(begun, default=pressed or revision.decided_at or at)
    return Live(
        state=state,
        head=_head(revision, state, is_unheard=bool(now_on) and not rows),
        round=_round(revision, now_on, next_on, ends, state),
        since=since,
        until=_stopped(revision, rows, state, ends),
        speaking=_speaking(rows, state),
        sentences=sentences_of(revision),
        reading=_reading(revision, now_on),
        heard=_heard(rows),
        louds=[*_deaf(commune, revision), *(_loud(row, state) for row in rows)],
        states=dict.fromkeys(revision.villages, "red"),
        stuck=_stuck(rows, since, at, state, dead),
        occurrence=now_on,
    )


def current_of(revision: Revision, at: datetime) -> Occurrence | None:
    """The time it is being said, or was said last; before the first one that one."""
    begun = [row for row in revision.occurrences if row.start <= at]
    if begun:
        return begun[-1]
    return revision.occurrences[0] if revision.occurrences else None


def next_of(revision: Revision, at: datetime) -> Occurrence | None:
    """The next time it will be said."""
    return next((r for r in revision.occurrences if r.start > at and r.cancelled_at is None), None)


def ends_of(revision: Revision) -> datetime:
    """Until when it holds, as signed."""
    if revision.envelope:
        return msgspec.json.decode(revision.envelope, type=Envelope).expires
    return (revision.decided_at or revision.edited_at) + timedelta(seconds=revision.lasts_s)


def state_of(
    commune: Commune, revision: Revision, rows: Sequence[Progress], at: datetime, ends: datetime
) -> State:
    """Where it stands as a whole. Cancelled: nothing of it may begin any more, by somebody's order."""
    if revision.occurrences and revision.occurrences[-1].cancelled_at is not None:
        return "cancelled"
    if any(row.state == "playing" for row in rows):
        return "speaking"
    ahead = next_of(revision, at)
    is_done = bool(rows) and all(row.done >= 4 or row.needs_person or row.is_filed for row in rows)
    if ahead is None and (is_done or at > ends):
        return "over"
    if commune.silent_until is not None and at < commune.silent_until:
        return "silent"
    return "between" if is_done else "sending"


def sentences_of(revision: Revision) -> list[Sentence]:
    """The words in sentences with the stretch of one reading each takes; lengths by letters, so about right."""
    parts = _SENTENCE.findall(revision.spoken) or [revision.spoken]
    once_ms, letters = _once_ms(revision), max(1, sum(map(len, parts)))
    made, passed = [], 0
    for part in parts:
        begins = passed
        passed += len(part)
        made.append(Sentence(part, once_ms * begins // letters, once_ms * passed // letters))
    return made


def say_elapsed(since: datetime, until: datetime) -> str:
    """ "01:38", from an hour on "1:02:07"."""
    minutes, seconds = divmod(max(0, int((until - since).total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


def _once_ms(revision: Revision) -> int:
    return int((revision.audio or {}).get("duration_ms") or 0)


def _reading(revision: Revision, row: Occurrence | None) -> Reading:
    began = min((play.started_at for play in row.plays if play.started_at), default=None) if row else None
    return Reading(
        began_ms=int(began.timestamp() * 1000) if began else 0,
        head_ms=int(HEAD_S * 1000),
        once_ms=_once_ms(revision),
        gap_ms=revision.gap_s * 1000,
        repeat=revision.repeat,
    )


def _head(revision: Revision, state: State, *, is_unheard: bool) -> str:
    if revision.drill:
        return _DRILL_HEADS.get(state, "Đã diễn tập xong")
    if is_unheard and state not in ("cancelled", "over"):
        return "Không loa nào đọc tin này"
    return _HEADS[state]


def _round(
    revision: Revision, row: Occurrence | None, ahead: Occurrence | None, ends: datetime, state: State
) -> str:
    if revision.drill or state in ("cancelled", "over") or row is None:
        return ""
    number = revision.occurrences.index(row) + 1
    said = f"Lượt {number}" if len(revision.occurrences) > 1 else "Phát một lượt"
    again = f", nhắc lại lúc {hm(ahead.start)}" if ahead else ", không nhắc lại nữa"
    return f"{said}{again if len(revision.occurrences) > 1 else ''}. Tự hết lúc {hm(ends)}."


def _stopped(revision: Revision, rows: Sequence[Progress], state: State, ends: datetime) -> datetime | None:
    del rows
    if state == "cancelled":
        return revision.occurrences[-1].cancelled_at
    if state != "over":
        return None
    last = [play.ended_at for row in revision.occurrences for play in row.plays if play.ended_at]
    return max(last, default=ends)


def _speaking(rows: Sequence[Progress], state: State) -> str:
    if state == "speaking" and not any(row.is_unconfirmed for row in rows):
        return "Loa đang đọc"
    return {"cancelled": "Lời đã huỷ", "over": "Lời đã đọc"}.get(state, "Lời loa đọc")


def _heard(rows: Sequence[Progress]) -> str:
    total = len(rows)
    if not total:
        return "Không có cụm loa nào ở những thôn này"
    counts = (
        (sum(row.done >= 5 for row in rows), "đã nghe thấy"),
        (sum(row.state == "playing" for row in rows), "đang nói"),
        (sum(row.done >= 4 for row in rows), "đã nói xong"),
        (sum(row.is_filed for row in rows), "ghi vào tệp, không có loa"),
        (sum(row.state == "cancelled" and not row.is_unconfirmed for row in rows), "đã dừng"),
        (sum(row.state in _SPOKE_NOT for row in rows), "báo không phát được"),
    )
    for found, said in counts:
        if found:
            return f"{found} trên {total} cụm loa {said}"
    return f"Chưa cụm nào trong {total} cụm loa báo về"


def _loud(row: Progress, state: State) -> Loud:
    word, weight = _word(row)
    is_told = row.needs_person or row.is_filed or row.is_unconfirmed or state == "cancelled"
    go = f" {GO}" if word == "Im" and state not in ("cancelled", "over") else ""
    return Loud(row.node, row.name, word, weight, f"{row.why}{go}" if is_told else "", row.state)


def _deaf(commune: Commune, revision: Revision) -> list[Loud]:
    """Villages that nobody can reach by loudspeaker; a drill has nothing to tell them."""
    if revision.drill:
        return []
    return [
        Loud("", f"Thôn {name}", "Chưa có loa", "bad", GO, "") for name in commune.unheard(revision.villages)
    ]


def _word(row: Progress) -> tuple[str, str]:
    """One word for a loudspeaker, and its weight."""
    if row.is_unconfirmed:
        return "Chưa báo đã im", row.weight
    if row.state == "cancelled":
        return "Đã dừng", "wait"
    if row.is_filed:
        return "Ghi vào tệp", "look"
    if row.needs_person:
        return "Im", "bad"
    if row.done >= 5:
        return "Nghe thấy", "ok"
    if row.done >= 4:
        return "Đã nói", "ok"
    if row.state == "playing":
        return "Đang nói", "ok"
    return {"planned": "Chưa gửi", "sent": "Đã gửi"}.get(row.state, "Đã nhận"), "wait"


def _stuck(rows: Sequence[Progress], since: datetime, at: datetime, state: State, dead: str) -> str:
    """Said at once: the command is written down and cannot leave."""
    waiting = [row for row in rows if row.state == "planned"]
    if state != "sending" or not waiting:
        return ""
    if dead:
        return f"LOA CHƯA NHẬN ĐƯỢC LỆNH. {dead} Nối lại được thì lệnh tự đi; trong lúc chờ, xin gọi điện cho các thôn."
    if (at - since).total_seconds() < SLOW_S:
        return ""
    return (
        f"Lệnh bấm lúc {hms(since)}, sau {lasting((at - since).total_seconds())} vẫn chưa gửi được tới "
        f"{len(waiting)} cụm loa. Xin gọi điện cho các thôn đó trong lúc máy gửi tiếp."
    )
