"""What an announcement must be before it is sent for approval, each rule with its sentence. Pure."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.hub.announcing import planner
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.rules import Rules
from broker.hub.announcing.sittings import Diary
from broker.hub.announcing.slots import free_slots
from broker.hub.declined import Declined
from broker.hub.records.announcement import KINDS
from broker.link.clock import LOCAL
from broker.speech.normalise import Spoken
from broker.trust.envelope import MOST_STARTS
from broker.trust.quiet import hours_on, is_quiet, kind_of_day

LONGEST_TEXT = 8_000
"""Characters; about ten minutes of speech."""
LONGEST_TITLE = 120
LONGEST_ANSWER = 200
"""Characters that settle one doubt."""
LONGEST_SPOKEN = 3 * LONGEST_TEXT
"""Characters; figures grow when they become words, and one answer stands wherever its doubt does."""
FURTHEST = timedelta(days=400)
_INVISIBLE = ("Cc", "Cf", "Cs")
"""Control and format characters (among them those that turn the direction of reading) and lone surrogates."""


def visible(text: str) -> str:
    """A text as people see it: NFC, without the invisible characters that come with copying and could deceive."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        char
        for char in composed
        if char in "\n\r\t" or not (unicodedata.category(char) in _INVISIBLE or is_noncharacter(char))
    )


def is_noncharacter(char: str) -> bool:
    """Whether a code point is one that Unicode keeps for no character: U+FDD0 to U+FDEF, and each plane's last two."""
    return 0xFDD0 <= ord(char) <= 0xFDEF or ord(char) & 0xFFFE == 0xFFFE


def for_xml(text: str) -> str:
    """A kept text without what XML 1.0 forbids (section 2.2, Char); one stray character must not spoil a document."""
    return "".join(
        char
        for char in text
        if char in "\n\r\t"
        or (char >= " " and not "\ud800" <= char <= "\udfff" and not is_noncharacter(char))
    )


def is_words(answer: str) -> bool:
    """Whether an answer to a doubt is words a voice can only read one way: Latin letters, spaces and commas."""
    return (
        len(answer) <= LONGEST_ANSWER
        and any(char.isalpha() for char in answer)
        and all(char in " ," or (char.isalpha() and _is_latin(char)) for char in answer)
    )


def _is_latin(char: str) -> bool:
    return unicodedata.name(char, "").startswith("LATIN ")


def trouble_of(found: str, answer: str) -> str:
    """What to say of an answer that is not words; empty for one that is, and for none."""
    if not answer or is_words(answer):
        return ""
    if len(answer) > LONGEST_ANSWER:
        return f"Cách đọc “{found}” dài quá, xin viết nhiều nhất {LONGEST_ANSWER} chữ cái."
    return f"Cách đọc “{found}” xin viết toàn bằng chữ, không có chữ số hay dấu."


def refuse_long_answers(answers: Mapping[str, str]) -> None:
    """What not even a draft may keep."""
    for found, answer in answers.items():
        if len(answer) > LONGEST_ANSWER or len(found) > LONGEST_TEXT:
            raise Declined("long-answer", trouble_of(found[:40], "x" * len(found + answer)))


def refuse_unstorable(title: str, text: str, kind: str, repeat: int, gap_s: int) -> None:
    """What not even a draft may be."""
    if len(title) > LONGEST_TITLE:
        raise Declined("long-title", f"Tên bản tin dài quá, xin viết nhiều nhất {LONGEST_TITLE} chữ cái.")
    if len(text) > LONGEST_TEXT:
        raise Declined("long-text", f"Bản tin dài quá: {len(text)} chữ cái, nhiều nhất là {LONGEST_TEXT}.")
    if kind not in KINDS:
        raise Declined("bad-kind", "Xin chọn loại bản tin: thông thường, ưu tiên hoặc khẩn cấp.")
    if not 1 <= repeat <= 10 or not 0 <= gap_s <= 600:
        raise Declined("bad-repeat", "Số lần đọc từ 1 đến 10, nghỉ giữa hai lần nhiều nhất 10 phút.")


def refuse_unspeakable(title: str, spoken: Spoken, answers: Mapping[str, str]) -> None:
    """No title, nothing to say, too much, or words nobody has decided how to say.

    answers: found → said, as the editor wrote them; the doubts they do not settle are still in `spoken`.
    """
    if not title.strip():
        raise Declined("no-title", "Xin đặt tên cho bản tin.")
    if not any(char.isalnum() for char in spoken.text):
        raise Declined("empty", "Bản tin chưa có lời nào để đọc, xin viết nội dung.")
    if len(spoken.text) > LONGEST_SPOKEN:
        raise Declined(
            "long-spoken", "Lời loa sẽ đọc dài quá, xin viết ngắn lại hoặc chia thành nhiều bản tin."
        )
    for doubt in spoken.doubts:
        trouble = trouble_of(doubt.found, answers.get(doubt.found, "").strip())
        if trouble:
            raise Declined("answer", trouble)
    if spoken.doubts:
        found = ", ".join(f"“{each.found}”" for each in spoken.doubts[:3])
        raise Declined(
            "doubts", f"Còn {len(spoken.doubts)} chỗ chưa rõ cách đọc: {found}. Xin chọn cách đọc."
        )


def refuse_villages(villages: Sequence[str], known: Collection[str]) -> None:
    """No village, or one the commune does not have."""
    if not villages:
        raise Declined("no-village", "Xin chọn ít nhất một thôn để phát.")
    if any(code not in known for code in villages):
        raise Declined("unknown-village", "Có thôn không còn trong danh sách của xã, xin chọn lại.")


def refuse_unheard(villages: Collection[str], with_speaker: Collection[str]) -> None:
    """Villages that have no loudspeaker, all of them: nobody would hear a word."""
    if villages and not any(code in with_speaker for code in villages):
        raise Declined("no-speaker", "Ở nơi đã chọn chưa có cụm loa nào, xin chọn thêm thôn có loa.")


def refuse_starts(starts: Sequence[datetime], now: datetime) -> None:
    """No time, too many, or one that has passed."""
    if not starts:
        raise Declined("no-start", "Xin chọn giờ phát, hoặc chọn Phát ngay.")
    if len(starts) > MOST_STARTS:
        raise Declined("many-starts", f"Có {len(starts)} giờ phát, mỗi lần duyệt nhiều nhất {MOST_STARTS}.")
    if min(starts) <= now:
        raise Declined("past", f"Giờ phát {_clock(min(starts))} đã qua, xin chọn giờ khác.")
    if max(starts) > now + FURTHEST:
        raise Declined("too-far", "Giờ phát xa quá một năm, xin chọn giờ gần hơn.")


def refuse_times(
    wanted: Sequence[Booking], others: Sequence[Booking], rules: Rules, now: datetime, *, interrupts: bool
) -> None:
    """Hours of silence, clashes, and what a village may have to hear; emergencies pass all of it.

    interrupts: "Phát ngay" gives way only to its own kind or a higher one, which the node will not interrupt.
    """
    others = in_the_way(wanted, others, interrupts=interrupts)
    trouble = time_trouble(wanted, others, rules)
    if trouble is not None:
        raise Declined(
            trouble.code, f"{trouble.sentence} {_slots(trouble.asked, wanted, others, rules, now)}"
        )


def in_the_way(
    wanted: Sequence[Booking], others: Sequence[Booking], *, interrupts: bool
) -> Sequence[Booking]:
    """What of the booked counts for what is wanted; "Phát ngay" breaks into all that is lower."""
    if not interrupts or not wanted:
        return others
    rank = planner.RANK
    return [each for each in others if rank[each.kind] <= rank[wanted[0].kind]]


@dataclass(frozen=True)
class TimeTrouble:
    """Why a time cannot be: its code, the sentence, and which of the wanted starts another has to be found for."""

    code: str
    sentence: str
    asked: Booking


def time_trouble(wanted: Sequence[Booking], others: Sequence[Booking], rules: Rules) -> TimeTrouble | None:
    """The first thing that keeps the wanted times from standing; None where nothing does."""
    if not wanted or wanted[0].kind == "emergency":
        return None
    mine, moved, rest = planner.settle(wanted, others)
    for each in [*mine, *moved]:
        if is_quiet(rules.quiet, each.begins, each.end):
            return TimeTrouble("quiet-hours", _say_quiet(each, mine, rules), _asked(each, wanted))
    met = planner.met_by(mine, moved, rest)
    if met:
        return TimeTrouble("clash", _say_clash(*met[0], mine), _asked(met[0][0], wanted))
    diary = Diary([*mine, *moved, *rest])
    for each in [*mine, *moved]:
        broken = diary.breaks(each, rules.caps)
        if broken:
            return TimeTrouble(broken, _say_cap(broken, each, rules), _asked(each, wanted))
    return None


def _say_quiet(each: Booking, mine: Sequence[Booking], rules: Rules) -> str:
    day = each.begins.astimezone(LOCAL).date()
    hours, kind = hours_on(rules.quiet, day), kind_of_day(rules.quiet, day)
    kind = f" {kind}" if kind else ""
    if each not in mine:
        return f"Tin ưu tiên “{each.title}” sẽ phải lùi vào giờ yên tĩnh{kind} ({hours.since}–{hours.until})."
    behind = ", vì chờ tin ưu tiên khác," if each.delay_s else ""
    return f"{_clock(each.begins)}{behind} chạm giờ yên tĩnh{kind} ({hours.since}–{hours.until})."


def _say_clash(one: Booking, other: Booking, mine: Sequence[Booking]) -> str:
    name = f"“{other.title}”" if other.title else "một bản tin khác"
    if planner.is_late(one):
        minutes = math.ceil(one.delay_s / 60)
        who = f"{_clock(one.start)} phải" if one in mine else f"“{one.title}” lúc {_clock(one.start)} sẽ phải"
        return f"{who} chờ tin ưu tiên {name} {minutes} phút, quá lâu."
    if one not in mine:
        return f"Tin ưu tiên “{one.title}” sẽ phải lùi đến {_clock(one.begins)}, trùng với {name}."
    if one.delay_s:
        return f"{_clock(one.start)} phải chờ tin ưu tiên khác đến {_clock(one.begins)}, trùng với {name}."
    return f"{_clock(one.start)} trùng với {name}."


def _say_cap(broken: str, each: Booking, rules: Rules) -> str:
    local = each.begins.astimezone(LOCAL)
    if broken == "session-limit":
        return f"Buổi phát lúc {_clock(each.begins)} sẽ quá {rules.caps.most_sitting_s // 60} phút."
    if broken == "sessions-a-day":
        return f"Ngày {local.day}/{local.month} đã đủ {rules.sittings_a_day} buổi phát."
    return f"Ngày {local.day}/{local.month} loa sẽ nói quá {rules.caps.most_day_s // 60} phút."


def _asked(met: Booking, wanted: Sequence[Booking]) -> Booking:
    """What was wanted where something clashes: the wanted one itself, or the first where it moved another."""
    same = [each for each in wanted if (each.start, each.announcement) == (met.start, met.announcement)]
    return (same or list(wanted))[0]


def _slots(
    each: Booking, wanted: Sequence[Booking], others: Sequence[Booking], rules: Rules, now: datetime
) -> str:
    rest = [*others, *(one for one in wanted if one is not each)]
    free = free_slots(each, rest, rules.quiet, max(now, each.start), caps=rules.caps)
    if not free:
        return "Xin chọn ngày khác."
    return "Giờ còn trống: " + ", ".join(map(_clock, free)) + "."


def _clock(moment: datetime) -> str:
    local = moment.astimezone(LOCAL)
    return f"{local:%H:%M} ngày {local.day}/{local.month}"
