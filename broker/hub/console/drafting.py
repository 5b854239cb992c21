"""What an editor has filled in, read beside the rules: the words as spoken, what is in doubt, what is left to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from markupsafe import Markup
from sqlalchemy.orm import Session

from broker.hub import stations
from broker.hub.announcing import checks, planner
from broker.hub.announcing.render import spoken_of
from broker.hub.announcing.rules import rules_of
from broker.hub.announcing.workflow import Draft
from broker.hub.console.day import Commune
from broker.hub.console.fields import KINDS, OWN, Fields, fields_of_form, fields_of_revision
from broker.hub.console.linked import linked
from broker.hub.console.relaying import SHORT, problems_of
from broker.hub.console.times import Times
from broker.hub.console.tracks import say_missing
from broker.hub.console.when import TIME_CODES, Queue, when_of
from broker.hub.console.wording import lasting
from broker.hub.declined import Declined
from broker.hub.recordings import estimated_once_s, missing, settled
from broker.speech.lexicon import Lexicon
from broker.speech.normalise import Spoken, normalise

__all__ = ["KINDS", "OWN", "Fields", "Question", "Sheet", "fields_of_form", "fields_of_revision", "sheet_of"]

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
    **dict.fromkeys(TIME_CODES, "đổi giờ"),
    "again": "sửa lịch lặp lại",
    "no-weekday": "chọn thứ",
    "no-day": "ghi ngày trong tháng",
    "no-holiday": "chọn ngày lễ",
    "no-date": "ghi những ngày phát",
    "no-end": "chọn ngày kết thúc",
    "end-before-begin": "chọn lại ngày kết thúc",
    "no-count": "ghi số lượt",
    "many-starts": "bớt lượt phát",
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
    queue: Queue | None = None
    """The ưu tiên it meets."""
    times: Times | None = None
    """Every start, where it is said again and again."""

    @property
    def is_ready(self) -> bool:
        """Whether it could be sent for approval now."""
        return not self.left


def sheet_of(
    db: Session, commune: Commune, fields: Fields, lexicon: Lexicon, now: datetime, key: str
) -> Sheet:
    """Work out everything the page shows. `key`: the announcement being edited, empty for a new one."""
    draft = fields.draft
    spoken, questions = spoken_of(draft.text, draft.answers, lexicon), questions_of(fields, lexicon)
    sides = linked(draft.text, spoken, [question.found for question in questions])
    tracks = settled(draft.tracks)
    once_s, relay_trouble = estimated_once_s(spoken.text, tracks), ""
    words_s = length_s = planner.total_s(once_s, draft.repeat, draft.gap_s)
    if draft.relay is not None:
        length_s = planner.total_s(min(draft.relay.length_s, stations.LONGEST_S), 1, 0)
    when = when_of(db, commune, fields, length_s, now, key)
    problems = [*_problems(draft, spoken, commune), *when.problems]
    if draft.relay is not None:
        found = problems_of(db, draft.relay, once_s, rules_of(db))
        problems, relay_trouble = [*found, *problems], str(found[0]) if found else ""
    return Sheet(
        written=sides.written,
        spoken=sides.spoken,
        spoken_info=_say_length(words_s, draft) if spoken.text.strip() else "",
        questions=questions,
        places_info=_places(commune, draft.villages),
        when_info=when.info,
        line=when.line,
        trouble=when.trouble,
        free=when.free,
        left=list(dict.fromkeys(_SHORT.get(p.code, str(p)) for p in problems)),
        missing=[]
        if draft.relay is not None
        else say_missing(missing(commune.villages, draft.villages, tracks)),
        relay_trouble=relay_trouble,
        times=when.times,
        queue=when.queue,
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
        own = doubt.found in fields.otherwise or (bool(chosen) and chosen not in doubt.suggestions)
        trouble = checks.trouble_of(doubt.found, chosen)
        found[doubt.found] = Question(doubt.found, doubt.suggestions, chosen, own, trouble)
    return list(found.values())


def _problems(draft: Draft, spoken: Spoken, commune: Commune) -> list[Declined]:
    """Everything but the time that would keep it from being sent, in the order of the page."""
    looks: list[Callable[[], None]] = [
        partial(checks.refuse_unstorable, draft.title, draft.text, draft.kind, draft.repeat, draft.gap_s)
    ]
    looks.append(partial(checks.refuse_unspeakable, draft.title, Spoken("a", (), ()), {}))
    looks.append(partial(checks.refuse_unspeakable, draft.title or "-", spoken, draft.answers))
    looks.append(partial(checks.refuse_villages, draft.villages, commune.names.keys()))
    if draft.kind != "emergency":
        looks.append(partial(checks.refuse_unheard, draft.villages, {node.village for node in commune.nodes}))
    found: list[Declined] = []
    for look in looks:
        try:
            look()
        except Declined as why:
            found.append(why)
    return found


def _places(commune: Commune, codes: Sequence[str]) -> str:
    count, names = len(commune.nodes_in(codes)), [commune.names.get(code, code) for code in codes]
    if not codes:
        return "Chưa chọn thôn nào"
    said = "Cả xã" if len(names) >= len(commune.villages) else f"{len(names)} thôn"
    return f"{said}, {count} cụm loa{commune.say_unheard(codes)}"
