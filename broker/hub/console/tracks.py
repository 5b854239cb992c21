"""What is heard of an announcement, in order, as the pages show it: its own words, recordings, fixed phrases.

A track travels through a form as a signed token: what a form names was checked here when it came in. A token is good
for the person it was made for, and for days; the tracks an announcement has already need neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec
from flask import current_app, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from broker.hub import phrases
from broker.hub.console import access
from broker.hub.console.desk import now
from broker.hub.console.wording import lasting
from broker.hub.declined import Declined
from broker.hub.recordings import TEXT, Missing, Track, settled
from broker.hub.records import Phrase
from broker.speech.languages import LANGUAGES, SPOKEN

LASTS = timedelta(days=7)
"""As long as a recording that nobody uses stays on the hub."""
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_ACT = re.compile(r"track-(up|down|remove)-([1-9][0-9]?)", re.ASCII)


class _Slip(msgspec.Struct, frozen=True, array_like=True):
    """What a token says: a track, whose form it is for, and when it was made (seconds since 1970)."""

    account: int
    made_s: int
    track: Track


@dataclass(frozen=True)
class Row:
    """One track as a line of a page."""

    token: str
    language: str
    said: str
    """Who or what says it: "máy đọc lời trên", "bản ghi, 42 giây", "câu ghi sẵn “Xin chào bà con”, 3 giây"."""
    address: str
    """Where the recording is heard; empty for the text."""
    is_text: bool
    may_go: bool = True
    """Whether it can be taken out: the text only where somebody says it in Vietnamese."""


@dataclass(frozen=True)
class Choices:
    """What can be added."""

    languages: Sequence[tuple[str, str]]
    """Those of the commune: code and name."""
    others: Sequence[tuple[str, str]]
    phrases: Sequence[tuple[int, str]]


def tracks_of_form(form: MultiDict[str, str], had: Sequence[Track] = ()) -> list[Track]:
    """The tracks a form carries; none is the text alone. A token that is not good here is left out.

    had: the tracks that the announcement has already.
    """
    found = [opened(token, had) for token in form.getlist("track")]
    return settled([track for track in found if track is not None])


def sealed(track: Track) -> str:
    """A track as a token for forms and addresses."""
    slip = _Slip(access.visitor().id, int(now().timestamp()), track)
    return str(_seal().dumps(msgspec.to_builtins(slip)))


def opened(token: str, had: Sequence[Track] = ()) -> Track | None:
    """The track of a token; None for what is not ours, made for somebody else or long ago, unless it is in `had`."""
    try:
        slip = msgspec.convert(_seal().loads(token), _Slip)
    except (BadSignature, msgspec.ValidationError):
        return None
    is_old = now().timestamp() - slip.made_s > LASTS.total_seconds()
    is_good = slip.account == access.visitor().id and not is_old
    return slip.track if is_good or slip.track in had else None


def rows_of(db: Session, tracks: Sequence[Track]) -> list[Row]:
    """The tracks as lines."""
    numbers = [track.phrase for track in tracks if track.phrase is not None]
    labels = {row.id: row.label for row in db.scalars(select(Phrase).where(Phrase.id.in_(numbers)))}
    rows = [_row(track, labels.get(track.phrase or 0, "")) for track in tracks]
    is_needed = settled([track for track in tracks if not track.is_text])[0] == TEXT
    return [replace(row, may_go=not (row.is_text and is_needed)) for row in rows]


def choices_of(db: Session) -> Choices:
    """Languages and phrases to choose from."""
    here = phrases.languages_here(db)
    names = [(code, named(code)) for code in LANGUAGES]
    offered = [(one.id, f"{named(one.language)}: {one.label}") for one in phrases.all_phrases(db)]
    return Choices(
        [(code, name) for code, name in names if code in here],
        [(code, name) for code, name in names if code not in here],
        offered,
    )


def moved(tracks: Sequence[Track], act: str) -> list[Track]:
    """The tracks after one was moved up or down or taken out, or the text put back; unchanged for other acts."""
    whole = list(tracks)
    if act == "track-text":
        return [TEXT, *whole] if TEXT not in whole else whole
    found = _ACT.fullmatch(act)
    if found is None or int(found[2]) > len(whole):
        return whole
    at = int(found[2]) - 1
    track = whole.pop(at)
    if found[1] != "remove":
        whole.insert(max(0, at - 1) if found[1] == "up" else at + 1, track)
    return settled(whole)


def language_of(form: MultiDict[str, str]) -> str:
    """The language somebody chose for a recording. Raises Declined when it is none we know."""
    language = form.get("track-language", "")
    if language not in LANGUAGES:
        raise Declined("bad-language", "Xin chọn tiếng của bản ghi.")
    return language


def chosen_phrase(db: Session, form: MultiDict[str, str]) -> Track:
    """The fixed phrase somebody chose. Raises Declined when there is none."""
    number = form.get("track-phrase", "")
    if _NUMBER.fullmatch(number) is None:
        raise Declined("no-phrase", "Xin chọn một câu ghi sẵn.")
    return phrases.track_of(db, int(number))


def named(language: str) -> str:
    """A language at the head of a line: "Tiếng Tày"."""
    name = LANGUAGES.get(language, language)
    return name[:1].upper() + name[1:]


def say_missing(found: Iterable[Missing]) -> list[str]:
    """ "Chưa có bản đọc tiếng Tày: thôn Đông, thôn Bến cần ghi âm." """
    return [
        f"Chưa có bản đọc {LANGUAGES[one.language]}: thôn {', thôn '.join(one.villages)} cần ghi âm."
        for one in found
    ]


def say_languages(tracks: Sequence[Track]) -> str:
    """Languages of an announcement with who speaks: "tiếng Việt (máy đọc), tiếng Tày (bản ghi)"."""
    said: dict[str, list[str]] = {}
    for track in tracks:
        how = "máy đọc" if track.is_text else "bản ghi"
        ways = said.setdefault(LANGUAGES.get(track.language, track.language), [])
        ways += [] if how in ways else [how]
    return ", ".join(f"{name} ({' và '.join(ways)})" for name, ways in said.items())


def _row(track: Track, label: str) -> Row:
    length = lasting(track.duration_s)
    said = "máy đọc lời trên"
    if track.phrase is not None:
        said = f"câu ghi sẵn “{label}”, {length}" if label else f"câu ghi sẵn, {length}"
    elif not track.is_text:
        said = f"bản ghi thay cho máy đọc, {length}" if track.language == SPOKEN else f"bản ghi, {length}"
    token = sealed(track)
    address = "" if track.is_text else url_for("recordings.sound", token=token)
    return Row(token, named(track.language), said, address, track.is_text)


def _seal() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="track")
