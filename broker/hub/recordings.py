"""Recorded voices in announcements: checked when they come in, kept by hash, put in order as tracks.

An announcement is heard as its tracks, one after another. Vietnamese is always among them, spoken by an engine or by
a person: only that language has its words in the envelope, on the screens and in a node's own voice.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from broker.contract.hub import Media
from broker.hub.announcing.planner import estimated_s
from broker.hub.declined import Declined
from broker.hub.records import Village
from broker.link.media import MediaStore
from broker.speech.examined import LONGEST_S, LONGEST_WHOLE_S, RecordingRefused
from broker.speech.examiner import Examiner
from broker.speech.languages import LANGUAGES, SPOKEN

log = logging.getLogger(__name__)

LARGEST = 40 * 1024 * 1024
"""Bytes of one recording as it comes in: ten minutes of MP3 at its best, seven of mono WAV."""
RESERVE = 200 * 1024 * 1024
"""Bytes of the hub's disk that recordings leave free, as uploads of the devices do."""
MOST_TRACKS = 12
NO_ROOM = "Máy chủ sắp hết chỗ ghi âm thanh, xin báo người quản trị."
BETWEEN_S = 1.0
"""Rest between two tracks, as broker.speech.say makes it."""
ENDINGS = (".mp3", ".m4a", ".wav", ".ogg", ".opus", ".webm")
"""Of the files we take, for the choice of a file."""


class Track(msgspec.Struct, frozen=True, omit_defaults=False):
    """One entry of Revision.tracks. Without a recording it is the announcement's text, spoken by an engine."""

    language: str
    recording: Media | None = None
    phrase: int | None = None
    """Number of the fixed phrase it was taken from."""

    @property
    def is_text(self) -> bool:
        """Whether an engine speaks it."""
        return self.recording is None

    @property
    def duration_s(self) -> float:
        """Length of the recording; 0 for the text."""
        return ((self.recording.duration_ms if self.recording else 0) or 0) / 1000


TEXT = Track(SPOKEN)
"""The announcement's own words, read by a machine."""


@dataclass(frozen=True)
class Missing:
    """A language that is spoken in some of the chosen villages and not in the announcement."""

    language: str
    villages: tuple[str, ...]
    """Names."""


def keep_recording(store: MediaStore, examiner: Examiner, upload: Path, name: str) -> Media:
    """Check a file somebody recorded or brought, and keep it as it came.

    name: what the file is called, which its content must bear out. Raises Declined with the reason.
    """
    try:
        size = upload.stat().st_size
        if size > LARGEST:
            raise Declined("too-large", too_large())
        if shutil.disk_usage(store.root).free < size + RESERVE:
            raise Declined("disk-full", NO_ROOM)
        found = examiner.examine(upload, name, LONGEST_S)
        return store.add(upload, found.media_type, found.duration_ms)
    except RecordingRefused as why:
        log.info("a recording was refused", extra={"event": "recording-refused", "reason": why.code})
        raise Declined(why.code, why.sentence) from why
    except OSError as why:
        log.error("a recording was not kept: %s", why, extra={"event": "recording-failed"})
        raise Declined("disk-full", NO_ROOM) from why


def too_large() -> str:
    """What to say of a file that is too large."""
    return f"Tệp lớn quá {LARGEST // 1024**2} MB. Anh/chị ghi ngắn hơn, hoặc lưu thành MP3 rồi gửi lại."


def tracks_of(kept: Iterable[object]) -> list[Track]:
    """The tracks as a revision keeps them; none is the text alone."""
    return msgspec.convert(list(kept), list[Track]) or [TEXT]


def kept_tracks(tracks: Sequence[Track], spoken: str = "") -> list[dict[str, object]]:
    """Tracks as a revision keeps them: the text alone as an empty list.

    spoken: the announcement's text as it is spoken. Raises Declined for more than MOST_TRACKS, for more than
    LONGEST_WHOLE_S in all, a language we do not know, words in a language no engine speaks.
    """
    for track in tracks:
        if track.language not in LANGUAGES:
            raise Declined("bad-language", "Có phần ghi bằng tiếng mà máy chưa biết, xin chọn lại tiếng.")
        if track.is_text and track.language != SPOKEN:
            raise Declined("not-spoken", f"Máy không đọc được {LANGUAGES[track.language]}, phải có bản ghi.")
    whole = settled(tracks)
    if len(whole) > MOST_TRACKS:
        raise Declined("many-tracks", f"Một bản tin có nhiều nhất {MOST_TRACKS} phần, xin bỏ bớt.")
    length_s = estimated_once_s(spoken, whole)
    if length_s > LONGEST_WHOLE_S:
        raise Declined(
            "long-tracks",
            f"Cả bản tin dài khoảng {math.ceil(length_s / 60)} phút, nhiều nhất là {LONGEST_WHOLE_S / 60:g} phút. "
            "Xin bỏ bớt phần ghi âm hoặc viết ngắn lại.",
        )
    if whole == [TEXT]:
        return []
    kept: list[dict[str, object]] = msgspec.to_builtins(whole)
    return kept


def settled(tracks: Sequence[Track]) -> list[Track]:
    """The tracks with the text at most once, and in front when no recording says it in Vietnamese. Pure."""
    whole = [track for n, track in enumerate(tracks) if not track.is_text or TEXT not in tracks[:n]]
    return whole if TEXT in whole or any(map(says_text, whole)) else [TEXT, *whole]


def says_text(track: Track) -> bool:
    """Whether a person says the announcement's own words in Vietnamese: a recording that is no fixed phrase."""
    return track.language == SPOKEN and not track.is_text and track.phrase is None


def with_recording(tracks: Sequence[Track], added: Track) -> list[Track]:
    """The tracks with one more. Words said in Vietnamese by a person take the place of the machine's. Pure."""
    if says_text(added) and TEXT in tracks:
        return [added if track == TEXT else track for track in tracks]
    return [*tracks, added]


def languages_in(tracks: Sequence[Track]) -> list[str]:
    """Languages that are heard, each once, in order."""
    return list(dict.fromkeys(track.language for track in tracks))


def missing(villages: Iterable[Village], chosen: Collection[str], tracks: Sequence[Track]) -> list[Missing]:
    """Languages of the chosen villages that the announcement is not heard in."""
    heard = set(languages_in(tracks)) | {SPOKEN}
    found: dict[str, list[str]] = {}
    for village in villages:
        if village.code in chosen:
            for language in village.languages:
                if language not in heard:
                    found.setdefault(language, []).append(village.name)
    return [Missing(language, tuple(names)) for language, names in found.items()]


def estimated_once_s(spoken: str, tracks: Sequence[Track]) -> float:
    """About how long all tracks take once, before they are rendered, in seconds. Pure."""
    lengths = [estimated_s(spoken) if track.is_text else track.duration_s for track in tracks]
    return sum(lengths) + BETWEEN_S * max(0, len(lengths) - 1)
