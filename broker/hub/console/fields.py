"""The compose form: what stands in its fields, read from the browser or from what was kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from werkzeug.datastructures import MultiDict

from broker.hub import stations
from broker.hub.announcing import checks, recurrence, schedule
from broker.hub.announcing.recurring_days import is_far
from broker.hub.announcing.workflow import UNREADABLE, Draft
from broker.hub.console import repeating
from broker.hub.console.relaying import relay_of_form
from broker.hub.console.repeating import Again
from broker.hub.console.tracks import tracks_of_form
from broker.hub.console.typed import clock_of
from broker.hub.console.wording import local
from broker.hub.recordings import Track, tracks_of
from broker.hub.records import Revision
from broker.hub.stations import Station
from broker.link.clock import LOCAL

OWN = "\N{WHITE QUESTION MARK ORNAMENT}"
"""Value of the choice "read it another way"; the words stand in the field beside it."""
KINDS = {"routine": "Thông thường", "priority": "Ưu tiên", "emergency": "Khẩn cấp"}

_REPEAT = re.compile(r"[0-9]{1,3}", re.ASCII)
_FRESH = re.compile(r"bt-[0-9a-f]{10}", re.ASCII)


@dataclass
class Fields:
    """The form as it stands in the browser."""

    draft: Draft = field(default_factory=Draft)
    day: str = ""
    time: str = ""
    own: Mapping[str, str] = field(default_factory=dict)
    otherwise: Collection[str] = ()
    """Doubts for which "read it another way" is chosen, also while nothing is written beside it yet."""
    again: Again = field(default_factory=Again)
    """When it is said again and again, as typed; `draft.recurrence` is the rule, where it can be read."""
    trouble: str = ""
    """What of `again`, or of the day, cannot be read, as a sentence."""


def fields_of_form(
    form: MultiDict[str, str],
    had: Sequence[Track] = (),
    listed: Sequence[Station] = (),
    at: datetime | None = None,
) -> Fields:
    """Read the form; what cannot be read counts as not filled in.

    had: tracks the announcement has already. listed: the stations to choose from. at: now, for rules; without it the
    form has none.
    """
    day, time = form.get("day", ""), form.get("time", "")
    slot = form.get("slot", "")
    if "T" in slot:
        day, time = slot.split("T", 1)
    is_now = form.get("when") == "now" and not slot
    again = Again() if at is None else repeating.again_of_form(form, at)
    if slot:
        again = replace(again, is_on=False)
    start = None if is_now or again.is_on else _moment(day, time)
    trouble = ""
    if not is_now and not again.is_on and clock_of(time) and (start is None or _is_far(start, at)):
        start, trouble = None, f"Ngày “{day[:20]}” không có hoặc xa quá, xin chọn ngày khác."
    own = {key[4:]: words for key, words in form.items() if key.startswith("own:")}
    answers = {key[7:]: words for key, words in form.items() if key.startswith("answer:")}
    otherwise = {checks.visible(found) for found, words in answers.items() if words == OWN}
    answers = {found: own.get(found, "") if words == OWN else words for found, words in answers.items()}
    answers = {checks.visible(found): checks.visible(words).strip() for found, words in answers.items()}
    relay = relay_of_form(form, listed)
    draft = Draft(
        title=form.get("title", ""),
        text=checks.visible(form.get("text", "")).replace("\r\n", "\n"),  # read as it will be kept
        kind=form.get("kind", "routine") if relay is None and form.get("kind") in KINDS else "routine",
        villages=form.getlist("villages"),
        starts=[] if start is None else [start],
        play_now=is_now,
        repeat=_repeat_of_form(form) if relay is None else 1,
        voice=form.get("voice", "vi"),
        turn=form.get("turn", "") if form.get("turn") in ("first", "after") else "",
        answers=answers,
        tracks=tracks_of_form(form, had),
        relay=relay,
        fresh_id=form.get("fresh", "") if _FRESH.fullmatch(form.get("fresh", "")) else "",
    )
    fields = Fields(draft, day, time, own, otherwise, again, trouble)
    return fields if at is None else with_again(fields, again, at)


def with_again(fields: Fields, again: Again, at: datetime) -> Fields:
    """The form with other fields about saying it again and again; the starts follow from them."""
    if not again.is_on:
        return replace(fields, again=again, draft=replace(fields.draft, recurrence=None))
    read = repeating.read(again, at)
    starts = [] if read.rule is None else recurrence.expand(read.rule, at)
    draft = replace(fields.draft, recurrence=read.rule, starts=starts, play_now=False)
    return replace(fields, again=again, draft=draft, trouble=read.trouble)


def fields_of_revision(revision: Revision, at: datetime) -> Fields:
    """The form as it was kept; of a rule, the starts that are still to come."""
    starts = [each.at for each in schedule.starts_of(revision)]
    rule = recurrence.rule_of(revision.recurrence)
    if rule is None and len(starts) > 1:  # chosen one by one elsewhere
        rule = repeating.by_dates(starts)
    first = local(starts[0]) if starts and rule is None else None
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
        turn="first" if revision.place < 0 else "after" if revision.place > 0 else "",
        answers=revision.answers,
        tracks=tracks_of(revision.tracks),
        relay=stations.relay_of(revision.relay),
    )
    day = f"{first:%Y-%m-%d}" if first else ""
    fields = Fields(draft, day or f"{local(at):%Y-%m-%d}", f"{first:%H:%M}" if first else "")
    again = repeating.fresh(at) if rule is None else repeating.again_of_rule(rule, at)
    is_lost = rule is None and (revision.recurrence is not None or len(starts) < len(revision.starts))
    return (
        replace(with_again(fields, again, at), trouble=UNREADABLE)
        if is_lost
        else with_again(fields, again, at)
    )


def _repeat_of_form(form: MultiDict[str, str]) -> int:
    return int(form.get("repeat", "1")) if _REPEAT.fullmatch(form.get("repeat", "")) else 1


def _is_far(start: datetime, at: datetime | None) -> bool:
    return at is not None and is_far(start.date(), local(at).date())


def _moment(day: str, time: str) -> datetime | None:
    """A local day and time as people write them; None when they are none."""
    clock = clock_of(time)
    try:
        return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=LOCAL) if clock else None
    except ValueError:
        return None
