"""Fixed phrases: an opening, a closing, a storm warning, said once by a person in each language and used often."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Media
from broker.hub.declined import Declined
from broker.hub.recordings import Track
from broker.hub.records import Account, Phrase, Village, note_change, write_audit
from broker.hub.roles import require_role
from broker.speech.languages import LANGUAGES, SPOKEN

LONGEST_LABEL = 160
MOST_PHRASES = 400
KEEPERS = ("editor", "approver")
"""Who may record and remove fixed phrases."""


@dataclass(frozen=True)
class Said:
    """What a phrase says, with its recordings by language and the languages of the commune it lacks."""

    label: str
    recordings: Sequence[Phrase]
    missing: Sequence[str]


def add_phrase(
    db: Session, account: Account, label: str, language: str, recording: Media, now: datetime
) -> Phrase:
    """Keep a checked recording of a phrase; the older one of the same words and language is put away.

    Raises Declined without words, for an unknown language, or when there are too many.
    """
    require_role(db, account, now, *KEEPERS)
    words = " ".join(unicodedata.normalize("NFC", label).split())
    if not words:
        raise Declined("empty-label", "Xin ghi câu này nói gì, bằng tiếng Việt.")
    if len(words) > LONGEST_LABEL:
        raise Declined("long-label", f"Lời ghi dài quá, xin viết nhiều nhất {LONGEST_LABEL} chữ cái.")
    if language not in LANGUAGES:
        raise Declined("bad-language", "Xin chọn tiếng của bản ghi.")
    every = all_phrases(db)
    older = [one for one in every if one.label == words and one.language == language]
    if len(every) - len(older) >= MOST_PHRASES:
        raise Declined("many-phrases", f"Xã đã có {MOST_PHRASES} câu ghi sẵn, xin bỏ bớt câu không dùng.")
    for one in older:
        one.removed_at = now
    kept = msgspec.to_builtins(recording)
    made = Phrase(label=words, language=language, recording=kept, made_at=now, made_by=account.username)
    db.add(made)
    db.flush()
    write_audit(db, now, account.username, "phrase.recorded", str(made.id), _told(made))
    note_change(db, "phrase", str(made.id), now)
    return made


def remove_phrase(db: Session, account: Account, number: int, now: datetime) -> Phrase:
    """Offer a phrase no more; announcements that use it keep their sound. Raises Declined when it is gone."""
    require_role(db, account, now, *KEEPERS)
    phrase = db.get(Phrase, number)
    if phrase is None or phrase.removed_at is not None:
        raise Declined("no-phrase", "Câu ghi sẵn này đã được bỏ rồi.")
    phrase.removed_at = now
    write_audit(db, now, account.username, "phrase.removed", str(phrase.id), _told(phrase))
    note_change(db, "phrase", str(phrase.id), now)
    return phrase


def all_phrases(db: Session) -> list[Phrase]:
    """The phrases on offer, by their words and then by language, Vietnamese first."""
    rows = db.scalars(select(Phrase).where(Phrase.removed_at.is_(None)))
    order = list(LANGUAGES)
    return sorted(rows, key=lambda one: (one.label.casefold(), order.index(one.language)))


def by_words(phrases: Sequence[Phrase], spoken_here: Sequence[str]) -> list[Said]:
    """The phrases by what they say. `spoken_here`: languages of the commune, for what each lacks. Pure."""
    found: dict[str, list[Phrase]] = {}
    for one in phrases:
        found.setdefault(one.label, []).append(one)
    return [
        Said(label, rows, [code for code in spoken_here if code not in {one.language for one in rows}])
        for label, rows in found.items()
    ]


def languages_here(db: Session) -> list[str]:
    """Languages of the commune, Vietnamese first, then as in speech.languages."""
    spoken = {code for codes in db.scalars(select(Village.languages)) for code in codes}
    return [code for code in LANGUAGES if code == SPOKEN or code in spoken]


def track_of(db: Session, number: int) -> Track:
    """A phrase as a track of an announcement. Raises Declined when it is not on offer."""
    phrase = db.get(Phrase, number)
    if phrase is None or phrase.removed_at is not None:
        raise Declined("no-phrase", "Câu ghi sẵn này đã được bỏ, xin chọn câu khác.")
    return Track(phrase.language, msgspec.convert(phrase.recording, Media), phrase.id)


def refuse_removed(db: Session, tracks: Sequence[Track]) -> None:
    """No phrase that was put away, or said anew, since it was chosen. Raises Declined with its words."""
    for track in tracks:
        if track.phrase is not None:
            phrase = db.get(Phrase, track.phrase)
            if phrase is None or phrase.removed_at is not None or track != track_of(db, track.phrase):
                name = f" “{phrase.label}”" if phrase is not None else ""
                raise Declined("no-phrase", f"Câu ghi sẵn{name} đã được bỏ, xin bỏ câu đó khỏi bản tin.")


def _told(phrase: Phrase) -> dict[str, str]:
    return {"label": phrase.label, "language": phrase.language}
