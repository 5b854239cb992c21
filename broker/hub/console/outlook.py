"""What Hôm nay answers first: what is being said or comes next, who is ready, what did not reach its loudspeakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.console.countdown import countdown
from broker.hub.console.day import Commune, Row, bounds, today_of
from broker.hub.console.desk import desk
from broker.hub.console.faults import Fault, is_file
from broker.hub.console.wording import hm
from broker.hub.records import SpeakerSeen
from broker.hub.silence import Silence
from broker.trust.bodies import Quiet
from broker.trust.quiet import silences

_OPEN = ("planned", "sent", "fetching", "ready", "armed")
"""States of a play that is still to come."""


@dataclass(frozen=True)
class Stuck:
    """A playing that needs a person."""

    announcement: str
    occurrence: str
    title: str
    said: str


def headline(rows: Sequence[Row], at: datetime, *, is_dark: bool = False, is_silent: bool = False) -> Markup:
    """The answer first: what is being said, or what comes next and when.

    is_dark: no word comes from any loudspeaker, so that nobody knows what sounds now. is_silent: by order.
    """
    playing = [r for r in rows if any(p.state == "playing" for p in r.progress)]
    if playing:
        said = "Chưa biết còn phát không" if is_dark else "Đang phát"
        if playing[0].is_cancelled or is_silent:
            said = "Đã ra lệnh dừng, chờ loa báo về"
        return Markup("{} <mark>{}</mark>: {}.").format(said, playing[0].clock, playing[0].title)
    coming = [r for r in rows if r.occurrence and r.at > at and not r.is_cancelled]
    if coming:
        left = countdown(coming[0].at, at, by_minute=True, over="đến giờ")
        return Markup("Lượt phát tới lúc <mark>{}</mark>, {}.").format(coming[0].clock, left)
    if any(not r.occurrence and r.at > at for r in rows):
        return Markup("Chưa có lượt phát nào được duyệt cho hôm nay.")
    due = [r for r in rows if r.occurrence and not r.is_cancelled and _is_open(r)]
    if due:
        waits = "chờ hết im tiếng" if is_silent else "chờ loa báo về"
        return Markup("Đến giờ phát <mark>{}</mark>, {}: {}.").format(due[0].clock, waits, due[0].title)
    return escape(_over([r for r in rows if r.occurrence]))


def _over(rows: Sequence[Row]) -> str:
    """What became of a day with nothing left to say."""
    if not rows:
        return "Hôm nay chưa có lượt phát nào."
    spoken = sum(any(p.done >= 4 for p in row.progress) for row in rows)
    if spoken:
        return "Hôm nay đã nói xong." if spoken == len(rows) else "Hôm nay đã hết lượt phát."
    if any(p.is_filed for row in rows for p in row.progress):
        return "Hôm nay chỉ ghi vào tệp, chưa loa nào nói."
    return "Hôm nay chưa lượt nào phát trọn."


def _is_open(row: Row) -> bool:
    """Whether a loudspeaker may still say it: neither spoken nor given up."""
    return any(each.state in _OPEN and not each.needs_person for each in row.progress)


def hush_of(quiet: Quiet, at: datetime) -> str:
    """The silence that holds, or the next one of today; those that meet at midnight are one."""
    midnight = bounds(today_of(at))[1]
    spans: list[tuple[datetime, datetime]] = []
    for begin, end in silences(quiet, at, at + timedelta(days=1)):
        if spans and spans[-1][1] >= begin:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    begin, end = next((each for each in spans if each[1] > at), (midnight, midnight))
    if begin <= at:
        return f"Loa đang trong giờ yên lặng, đến {hm(end)}."
    if begin >= midnight:
        return "Từ giờ đến hết ngày không có giờ yên lặng."
    return (
        f"Sau {hm(begin)} loa không nói."
        if end >= midnight
        else f"Từ {hm(begin)} đến {hm(end)} loa không nói."
    )


def ready_of(
    db: Session, commune: Commune, faults: Sequence[Fault], silence: Silence | None, dead: str
) -> str:
    """How many loudspeakers are ready: all but those in the list of what needs a person."""
    total = len(commune.nodes)
    ready = total - len({fault.node for fault in faults})
    if not total:
        return "Xã chưa có cụm loa nào được đăng ký."
    if dead:
        return "Chưa biết các cụm loa thế nào."
    if silence is not None:
        return f"Cả xã đang im tiếng đến {hm(silence.until)}, kể cả loa sẵn sàng cũng không nói."
    if ready < total:
        return f"{ready} trên {total} cụm loa sẵn sàng."
    names = {node.name for node in commune.nodes}
    filed = sum(is_file(seen) for seen in db.scalars(select(SpeakerSeen)) if seen.node in names)
    if filed == total:
        return f"{total} cụm loa sẵn sàng, ghi vào tệp vì chạy thử không có loa."
    if filed:
        return f"{total} cụm loa sẵn sàng, {filed} cụm ghi vào tệp vì chạy thử không có loa."
    return f"Cả {total} cụm loa sẵn sàng." if total > 1 else "Cụm loa sẵn sàng."


def well_of(commune: Commune, silence: Silence | None, dead: str) -> str:
    """What stands where no loudspeaker needs a person."""
    if not commune.nodes:
        return "Xã chưa có cụm loa nào."
    if dead:
        return "Chưa biết, vì máy chuyển tin không chạy."
    if silence is not None:
        return "Không cụm nào hỏng; các loa im theo lệnh."
    return "Không cụm loa nào hỏng."


def stuck_of(rows: Sequence[Row], at: datetime) -> list[Stuck]:
    """Playings of today whose hour has come and that did not reach some loudspeaker; what was stopped is no trouble."""
    is_trial = not desk().settings.console.second_factor
    found = []
    for row in rows:
        bad = [p for p in row.progress if p.needs_person and not (is_trial and p.is_filed)]
        if row.occurrence and row.at <= at and bad and not row.is_cancelled:
            said = bad[0].why if len(row.progress) == 1 else f"{bad[0].name}: {bad[0].why}"
            if len(bad) > 1:
                said = f"{len(bad)} trên {len(row.progress)} cụm. {said}"
            found.append(Stuck(row.announcement, row.occurrence, f"{row.clock} {row.title}", said))
    return found
