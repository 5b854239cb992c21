"""What an editor has filled in, read beside the rules: the words as spoken, what is in doubt, what is left to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from broker.hub import stations
from broker.hub.announcing import checks, planner, schedule
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.render import spoken_of
from broker.hub.announcing.rules import Rules, rules_of
from broker.hub.announcing.workflow import Draft
from broker.hub.console.day import Commune, Row, rows_of, strip
from broker.hub.console.linked import linked
from broker.hub.console.relaying import SHORT, problems_of, relay_of_form
from broker.hub.console.tracks import say_missing, tracks_of_form
from broker.hub.console.wording import day_name, hm, hours_of, lasting, local
from broker.hub.declined import Declined
from broker.hub.recordings import Track, estimated_once_s, missing, settled, tracks_of
from broker.hub.records import Revision
from broker.hub.stations import Station
from broker.link.clock import LOCAL
from broker.look.dayline import Mark, MarkKind
from broker.speech.lexicon import Lexicon
from broker.speech.normalise import Spoken, normalise

OWN = "\N{WHITE QUESTION MARK ORNAMENT}"
"""Value of the choice "read it another way"; the words stand in the field beside it."""
KINDS = {"routine": "Thông thường", "priority": "Ưu tiên", "emergency": "Khẩn cấp"}

_REPEAT = re.compile(r"[0-9]{1,3}", re.ASCII)
_CLOCK = re.compile(r"([0-9]{1,2})(?:[:h.]?([0-9]{2})|h)?", re.ASCII)
_SHORT = {
    "no-title": "đặt tên",
    "empty": "viết lời",
    "doubts": "chọn cách đọc",
    "answer": "sửa cách đọc",
    "long-spoken": "rút ngắn lời",
    "no-village": "chọn thôn",
    "unknown-village": "chọn lại thôn",
    "no-speaker": "chọn thôn có loa",
    "no-start": "chọn giờ",
    "past": "đổi giờ",
    "too-far": "đổi giờ",
    "quiet-hours": "đổi giờ",
    "clash": "đổi giờ",
    "session-limit": "đổi giờ",
    "long-title": "rút ngắn tên",
    "long-text": "rút ngắn lời",
    **SHORT,
}


@dataclass(frozen=True)
class Question:
    """One piece of text that somebody must decide how to say."""

    found: str
    choices: Sequence[str]
    chosen: str
    is_own: bool
    trouble: str = ""
    """What is wrong with what was chosen."""


@dataclass(frozen=True)
class Sheet:
    """Everything the compose page shows beside the fields."""

    written: Markup
    """The text with the pieces marked that are said otherwise."""
    spoken: Markup
    spoken_info: str
    questions: Sequence[Question]
    places_info: str
    when_info: str
    line: Markup
    trouble: str
    """The sentence about the time: a clash, quiet hours, in the past."""
    free: Sequence[datetime]
    left: Sequence[str]
    """What is left to do before it can be sent, each in a few words."""
    missing: Sequence[str] = ()
    """Languages of the chosen villages that it is not heard in, each as a sentence; it can be sent all the same."""
    relay_trouble: str = ""
    """What is wrong with the station or the minutes chosen."""

    @property
    def is_ready(self) -> bool:
        """Whether it could be sent for approval now."""
        return not self.left


@dataclass
class Fields:
    """The form as it stands in the browser."""

    draft: Draft = field(default_factory=Draft)
    day: str = ""
    time: str = ""
    own: Mapping[str, str] = field(default_factory=dict)


def fields_of_form(
    form: MultiDict[str, str], had: Sequence[Track] = (), listed: Sequence[Station] = ()
) -> Fields:
    """Read the form; what cannot be read counts as not filled in.

    had: tracks the announcement has already. listed: the stations to choose from.
    """
    day, time = form.get("day", ""), form.get("time", "")
    slot = form.get("slot", "")
    if "T" in slot:
        day, time = slot.split("T", 1)
    is_now = form.get("when") == "now" and not slot
    start = None if is_now else _moment(day, time)
    own = {key[4:]: words for key, words in form.items() if key.startswith("own:")}
    answers = {key[7:]: words for key, words in form.items() if key.startswith("answer:")}
    answers = {found: own.get(found, "") if words == OWN else words for found, words in answers.items()}
    answers = {checks.visible(found): checks.visible(words).strip() for found, words in answers.items()}
    relay = relay_of_form(form, listed)
    draft = Draft(
        title=form.get("title", ""),
        text=checks.visible(form.get("text", "")).replace("\r\n", "\n"),  # read as it will be kept
        kind=form.get("kind", "routine") if relay is None else "routine",
        villages=form.getlist("villages"),
        starts=[] if start is None else [start],
        play_now=is_now,
        repeat=_repeat_of_form(form) if relay is None else 1,
        voice=form.get("voice", "vi"),
        answers=answers,
        tracks=tracks_of_form(form, had),
        relay=relay,
    )
    return Fields(draft, day, time, own)


def _repeat_of_form(form: MultiDict[str, str]) -> int:
    return int(form.get("repeat", "1")) if _REPEAT.fullmatch(form.get("repeat", "")) else 1


def fields_of_revision(revision: Revision) -> Fields:
    """The form as it was kept."""
    starts = [each.at for each in schedule.starts_of(revision)]
    first = local(starts[0]) if starts else None
    draft = Draft(
        title=revision.title,
        text=revision.text,
        kind=revision.kind,
        villages=revision.villages,
        starts=starts,
        play_now=revision.play_now,
        repeat=revision.repeat,
        gap_s=revision.gap_s,
        voice=revision.voice,
        answers=revision.answers,
        tracks=tracks_of(revision.tracks),
        relay=stations.relay_of(revision.relay),
    )
    return Fields(draft, f"{first:%Y-%m-%d}" if first else "", f"{first:%H:%M}" if first else "")


def sheet_of(
    db: Session, commune: Commune, fields: Fields, lexicon: Lexicon, now: datetime, key: str
) -> Sheet:
    """Work out everything the page shows. `key`: the announcement being edited, empty for a new one."""
    draft, rules = fields.draft, rules_of(db)
    spoken, questions = spoken_of(draft.text, draft.answers, lexicon), questions_of(fields, lexicon)
    sides = linked(draft.text, spoken, [question.found for question in questions])
    tracks = settled(draft.tracks)
    once_s, relay_trouble = estimated_once_s(spoken.text, tracks), ""
    words_s = length_s = planner.total_s(once_s, draft.repeat, draft.gap_s)
    if draft.relay is not None:
        length_s = planner.total_s(min(draft.relay.length_s, stations.LONGEST_S), 1, 0)
    wanted = [
        Booking(at, length_s, frozenset(draft.villages), draft.kind if draft.relay is None else "relay", key)
        for at in ([now] if draft.play_now else draft.starts)
    ]
    others = schedule.booked(db, now - timedelta(hours=2), now + timedelta(days=400), without=key)
    problems = _problems(draft, spoken, commune, wanted, others, rules, now)
    if draft.relay is not None:
        found = problems_of(db, draft.relay, once_s, rules)
        problems, relay_trouble = [*found, *problems], str(found[0]) if found else ""
    time_problem = next((p for p in problems if _SHORT.get(p.code) == "đổi giờ"), None)
    free = _free(wanted, others, rules, now) if time_problem else []
    day = local(wanted[0].start).date() if wanted else local(now).date()
    rows = [row for row in rows_of(db, commune, day, now) if row.announcement != key]
    return Sheet(
        written=sides.written,
        spoken=sides.spoken,
        spoken_info=_say_length(words_s, draft) if spoken.text.strip() else "",
        questions=questions,
        places_info=_places(commune, draft.villages),
        when_info="Ngay khi được duyệt" if draft.play_now else day_name(day, local(now).date()),
        line=_line(rows, wanted, free, rules, day, now, is_clash=time_problem is not None),
        trouble=_own_sentence(time_problem) or _unreadable(fields),
        free=free,
        left=list(dict.fromkeys(_SHORT.get(p.code, str(p)) for p in problems)),
        missing=[]
        if draft.relay is not None
        else say_missing(missing(commune.villages, draft.villages, tracks)),
        relay_trouble=relay_trouble,
    )


def _say_length(words_s: float, draft: Draft) -> str:
    said = f"khoảng {lasting(words_s)}"
    return said if draft.relay is not None else f"{said}, đọc {draft.repeat} lần"


def questions_of(fields: Fields, lexicon: Lexicon) -> list[Question]:
    """Every doubt of the text once, with what was chosen for it so far."""
    found: dict[str, Question] = {}
    for doubt in normalise(fields.draft.text, lexicon).doubts:
        if doubt.found in found:
            continue
        chosen = fields.draft.answers.get(doubt.found, "")
        own = bool(chosen) and chosen not in doubt.suggestions
        trouble = checks.trouble_of(doubt.found, chosen)
        found[doubt.found] = Question(doubt.found, doubt.suggestions, chosen, own, trouble)
    return list(found.values())


def _problems(
    draft: Draft,
    spoken: Spoken,
    commune: Commune,
    wanted: Sequence[Booking],
    others: Sequence[Booking],
    rules: Rules,
    now: datetime,
) -> list[Declined]:
    """Everything that would keep it from being sent, in the order of the page."""
    looks: list[Callable[[], None]] = [
        partial(checks.refuse_unstorable, draft.title, draft.text, draft.kind, draft.repeat, draft.gap_s)
    ]
    looks.append(partial(checks.refuse_unspeakable, draft.title, Spoken("a", (), ()), {}))
    looks.append(partial(checks.refuse_unspeakable, draft.title or "-", spoken, draft.answers))
    looks.append(partial(checks.refuse_villages, draft.villages, commune.names.keys()))
    if draft.kind != "emergency":
        looks.append(partial(checks.refuse_unheard, draft.villages, {node.village for node in commune.nodes}))
    if not draft.play_now:
        looks.append(partial(checks.refuse_starts, draft.starts, now))
    if draft.villages:
        looks.append(partial(checks.refuse_times, wanted, others, rules, now, interrupts=draft.play_now))
    found: list[Declined] = []
    for look in looks:
        try:
            look()
        except Declined as why:
            found.append(why)
    return found


def _free(
    wanted: Sequence[Booking], others: Sequence[Booking], rules: Rules, now: datetime
) -> list[datetime]:
    """The three next free times for what was wanted."""
    if not wanted or not wanted[0].villages:
        return []
    after = max(now + timedelta(minutes=2), wanted[0].start)
    return planner.free_slots(wanted[0], others, rules.quiet, after, limit_s=rules.session_limit_s)


def _line(
    rows: Sequence[Row],
    wanted: Sequence[Booking],
    free: Sequence[datetime],
    rules: Rules,
    day: date,
    now: datetime,
    *,
    is_clash: bool,
) -> Markup:
    marks = [Mark(hours_of(at), _minutes(wanted), "pick") for at in free if local(at).date() == day]
    for one in wanted[:1]:
        label = f"{hm(one.start)} không được" if is_clash else hm(one.start)
        marks.append(
            Mark(hours_of(one.start), one.duration_s / 60, "clash" if is_clash else _kind_of(one), label)
        )
    return strip(rows, rules.quiet, now if local(now).date() == day else None, marks)


def _kind_of(wanted: Booking) -> MarkKind:
    return "relay" if wanted.kind == "relay" else "planned"


def _minutes(wanted: Sequence[Booking]) -> float:
    return wanted[0].duration_s / 60 if wanted else 0.0


def _own_sentence(problem: Declined | None) -> str:
    """The sentence without the free times: they stand below it as buttons."""
    return str(problem).partition(" Giờ còn trống:")[0] if problem else ""


def _unreadable(fields: Fields) -> str:
    """What to say of a time that was typed and cannot be read."""
    if fields.draft.play_now or fields.draft.starts or not fields.time.strip():
        return ""
    return f"Giờ “{fields.time.strip()}” không đọc được, xin ghi như 17:30."


def _places(commune: Commune, codes: Sequence[str]) -> str:
    count, names = len(commune.nodes_in(codes)), [commune.names.get(code, code) for code in codes]
    if not codes:
        return "Chưa chọn thôn nào"
    said = "Cả xã" if len(names) >= len(commune.villages) else f"{len(names)} thôn"
    return f"{said}, {count} cụm loa{commune.say_unheard(codes)}"


def _moment(day: str, time: str) -> datetime | None:
    """A local time as people write it: "17:30", "17h30", "17h", "1730"; None when it is none."""
    found = _CLOCK.fullmatch(time.strip().lower())
    if found is None:
        return None
    try:
        return datetime.fromisoformat(f"{day}T{int(found[1]):02d}:{int(found[2] or 0):02d}").replace(
            tzinfo=LOCAL
        )
    except ValueError:
        return None
