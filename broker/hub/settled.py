"""What announcements tell about words: doubts that officials keep settling, and what is still read the old way."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing.render import spoken_of
from broker.hub.declined import Declined
from broker.hub.records import Occurrence, Revision
from broker.hub.words import CARRIER, checked
from broker.speech.lexicon import Lexicon
from broker.speech.sentences import sentences

LOOKED_AT = 500
"""Newest revisions that are looked through."""
OFTEN = 3
"""Announcements in which the same doubt was settled the same way before it is offered."""
MOST_OFFERED = 6
_LONGEST_EXAMPLE = 240


@dataclass(frozen=True)
class Settled:
    """A doubt that was always settled alike."""

    written: str
    said: str
    times: int
    """Announcements in which it was."""


def settled_often(db: Session, own: Mapping[str, str]) -> list[Settled]:
    """Doubts to offer as the commune's own words, most often settled first.

    One that was ever settled otherwise is not offered: it depends on its sentence.
    """
    query = select(Revision.announcement_id, Revision.answers).where(Revision.state != "draft")
    counted: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for announcement, answers in db.execute(query.order_by(Revision.id.desc()).limit(LOOKED_AT)):
        for found, said in (answers or {}).items():
            counted[found][said.strip()].add(announcement)
    return sorted(_offers(counted, own), key=lambda one: (-one.times, one.written))[:MOST_OFFERED]


def _offers(counted: Mapping[str, Mapping[str, set[str]]], own: Mapping[str, str]) -> Iterable[Settled]:
    for found, ways in counted.items():
        (said, announcements), *others = ways.items()
        if others or len(announcements) < OFTEN or found in own:
            continue
        try:
            written, said = checked(found, said)
        except Declined:
            continue  # a figure or a sign, not a word
        yield Settled(written, said, len(announcements))


def example_of(db: Session, written: str) -> str:
    """The newest sentence of the commune's announcements that has the word, else one made up for it."""
    word = re.compile(rf"(?<!\w){re.escape(written)}(?!\w)")
    query = select(Revision.text).where(Revision.text.contains(written, autoescape=True))
    for text in db.scalars(query.order_by(Revision.id.desc()).limit(20)):
        for sentence in sentences(text):
            if word.search(sentence.text) and len(sentence.text) <= _LONGEST_EXAMPLE:
                return sentence.text
    return CARRIER.format(written)


def read_otherwise(db: Session, lexicon: Lexicon, now: datetime) -> Sequence[Revision]:
    """Announcements still to be played whose words, fixed when they were sent, are not what would be said now."""
    due = select(Occurrence.revision_id).where(Occurrence.start > now, Occurrence.cancelled_at.is_(None))
    query = select(Revision).where(
        (Revision.state == "submitted") | ((Revision.state == "approved") & Revision.id.in_(due))
    )
    return [
        each
        for each in db.scalars(query.order_by(Revision.id.desc()).limit(LOOKED_AT))
        if spoken_of(each.text, each.answers, lexicon).text != each.spoken
    ]
