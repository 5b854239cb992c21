"""Recordings in announcements: what is kept and refused, the order of tracks, phrases, languages of villages."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.hub import Media
from broker.hub import phrases, villages
from broker.hub.announcing import schedule, workflow
from broker.hub.announcing.planner import estimated_s, total_s
from broker.hub.announcing.workflow import Draft
from broker.hub.declined import Declined
from broker.hub.recordings import (
    BETWEEN_S,
    LARGEST,
    MOST_TRACKS,
    TEXT,
    Track,
    keep_recording,
    kept_tracks,
    missing,
    settled,
    tracks_of,
    with_recording,
)
from broker.hub.records import AuditRow, Phrase, Village
from broker.link.media import MediaStore
from broker.speech.examiner import Examiner
from tests.fakes.voiced import silence_wav, voice_wav
from tests.hub.town import NOW, Town


def media(name: str = "a", duration_ms: int = 12_000) -> Media:
    return Media(sha256=name * 64, size=1000, type="audio/webm", duration_ms=duration_ms)


TAY = Track("tyz", media("a"))
NUNG = Track("nut", media("b"))
BY_A_PERSON = Track("vi", media("c"))
GREETING = Track("vi", media("d"), phrase=1)


# -- files that come in


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def brought(folder: Path, data: bytes) -> Path:
    file = folder / "upload"
    file.write_bytes(data)
    return file


def test_a_good_recording_is_kept_as_it_came_with_its_length(tmp_path: Path, store: MediaStore) -> None:
    sound = voice_wav(2.0)
    kept = keep_recording(store, Examiner(), brought(tmp_path, sound), "ghi-am.wav")
    path = store.path_of(kept.sha256)
    assert path is not None
    assert path.read_bytes() == sound
    assert (kept.type, kept.size, kept.duration_ms) == ("audio/wav", len(sound), 2000)


@pytest.mark.parametrize(
    ("data", "name", "code", "said"),
    [
        (silence_wav(), "a.wav", "silent", "không có tiếng"),
        (b"", "a.wav", "empty", "trống"),
        (b"this is a letter, not a sound" * 40, "a.mp3", "unreadable", "không đọc được"),
        (voice_wav(), "a.mp3", "mislabelled", "mp3"),
        (voice_wav()[:-9000], "a.wav", "truncated", "mất phần cuối"),
        (voice_wav(0.2), "a.wav", "too-short", "quá ngắn"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_recording_nobody_could_hear_is_refused_with_the_reason_and_not_kept(
    tmp_path: Path, store: MediaStore, data: bytes, name: str, code: str, said: str
) -> None:
    with pytest.raises(Declined, match=said) as why:
        keep_recording(store, Examiner(), brought(tmp_path, data), name)
    assert why.value.code == code
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_file_over_the_limit_is_refused_before_it_is_looked_at(tmp_path: Path, store: MediaStore) -> None:
    file = tmp_path / "upload"
    with file.open("wb") as out:
        out.truncate(LARGEST + 1)
    with pytest.raises(Declined, match="40 MB"):
        keep_recording(store, Examiner(), file, "a.wav")


def test_a_store_that_cannot_be_written_says_so_to_a_person(tmp_path: Path, store: MediaStore) -> None:
    upload = brought(tmp_path, voice_wav())
    store.root.rmdir()
    with pytest.raises(Declined, match="hết chỗ"):
        keep_recording(store, Examiner(), upload, "a.wav")


# -- the order of tracks


def test_the_text_is_always_there_unless_a_person_says_it_in_vietnamese() -> None:
    assert settled([]) == [TEXT]
    assert settled([TAY]) == [TEXT, TAY]
    assert settled([TAY, TEXT, NUNG]) == [TAY, TEXT, NUNG]
    assert settled([BY_A_PERSON, TAY]) == [BY_A_PERSON, TAY]
    assert settled([GREETING, TAY]) == [TEXT, GREETING, TAY], "a greeting does not say what the text says"
    assert settled([TEXT, TAY, TEXT]) == [TEXT, TAY]


def test_a_recording_in_vietnamese_takes_the_place_of_the_machine_where_it_stood() -> None:
    assert with_recording([TAY, TEXT, NUNG], BY_A_PERSON) == [TAY, BY_A_PERSON, NUNG]
    assert with_recording([TEXT], TAY) == [TEXT, TAY]
    assert with_recording([TEXT], GREETING) == [TEXT, GREETING]
    assert with_recording([BY_A_PERSON], BY_A_PERSON) == [BY_A_PERSON, BY_A_PERSON]


def test_tracks_come_back_from_the_records_as_they_went_in() -> None:
    assert kept_tracks([TEXT]) == []
    assert tracks_of([]) == [TEXT]
    tracks = [GREETING, TEXT, TAY]
    assert tracks_of(kept_tracks(tracks)) == tracks
    assert kept_tracks(tracks)[2] == {
        "language": "tyz",
        "recording": msgspec.to_builtins(media("a")),
        "phrase": None,
    }


@pytest.mark.parametrize(
    ("tracks", "code"),
    [
        ([Track("xx", media())], "bad-language"),
        ([Track("tyz")], "not-spoken"),
        ([TEXT, *[TAY] * MOST_TRACKS], "many-tracks"),
    ],
)
def test_what_could_not_be_heard_is_refused(tracks: list[Track], code: str) -> None:
    with pytest.raises(Declined) as why:
        kept_tracks(tracks)
    assert why.value.code == code


def test_an_announcement_with_recordings_has_a_longest_length_said_in_minutes() -> None:
    eight, half = Track("tyz", media("a", 480_000)), Track("nut", media("b", 240_000))
    assert len(kept_tracks([TEXT, eight, half], "Mời bà con đi họp.")) == 3
    with pytest.raises(Declined, match="khoảng 17 phút, nhiều nhất là 15 phút") as why:
        kept_tracks([TEXT, eight, eight], "Mời bà con đi họp.")
    assert why.value.code == "long-tracks"
    with pytest.raises(Declined, match="nhiều nhất là 15 phút"):
        kept_tracks([TEXT, eight, half], "Mời bà con đi họp. " * 300)


def test_languages_of_the_chosen_villages_that_nobody_recorded_are_counted() -> None:
    here = [
        Village(code="dong", name="Đông", languages=["tyz", "nut"]),
        Village(code="ben", name="Bến", languages=["tyz"]),
        Village(code="ha", name="Hạ", languages=[]),
    ]
    found = missing(here, {"dong", "ben", "ha"}, [TEXT])
    assert [(one.language, one.villages) for one in found] == [("tyz", ("Đông", "Bến")), ("nut", ("Đông",))]
    assert [one.language for one in missing(here, {"dong", "ben"}, [TEXT, TAY])] == ["nut"]
    assert missing(here, {"ha"}, [TEXT]) == []


# -- in an announcement


def test_a_draft_keeps_its_tracks_and_a_new_revision_may_change_them(town: Town) -> None:
    first = town.draft(tracks=[TEXT, TAY])
    assert tracks_of(town.revision(first).tracks) == [TEXT, TAY]
    name = town.revision(first).announcement_id
    with town.database.session() as db:
        workflow.save_draft(db, town.hoa, Draft(tracks=[TAY, TEXT, NUNG]), NOW, name)
    assert tracks_of(town.revision(first).tracks) == [TAY, TEXT, NUNG]
    with town.database.session() as db, pytest.raises(Declined, match="phải có bản ghi"):
        workflow.save_draft(db, town.hoa, Draft(tracks=[Track("nut")]), NOW, name)


def test_the_length_counts_recordings_and_the_rests_before_there_is_sound(town: Town) -> None:
    with town.database.session() as db:
        greeting = phrases.track_of(db, phrases.add_phrase(db, town.hoa, "Chào", "vi", media("d"), NOW).id)
    revision = town.revision(town.submitted(audio=False, tracks=[greeting, TEXT, TAY]))
    once_s = estimated_s(revision.spoken) + 12.0 + 12.0 + 2 * BETWEEN_S
    assert schedule.length_s(revision) == pytest.approx(total_s(once_s, revision.repeat, revision.gap_s))


# -- fixed phrases


def test_a_phrase_is_kept_once_per_language_and_its_deeds_are_written(town: Town) -> None:
    with town.database.session() as db:
        phrases.add_phrase(db, town.hoa, "  Mời  bà con nghe ", "tyz", media("a"), NOW)
        phrases.add_phrase(db, town.hoa, "Mời bà con nghe", "vi", media("b"), NOW)
        newer = phrases.add_phrase(db, town.hoa, "Mời bà con nghe", "tyz", media("e"), NOW)
        kept = phrases.all_phrases(db)
        assert [(one.label, one.language) for one in kept] == [
            ("Mời bà con nghe", "vi"),
            ("Mời bà con nghe", "tyz"),
        ]
        assert phrases.track_of(db, newer.id) == Track("tyz", media("e"), newer.id)
        group = phrases.by_words(kept, ["vi", "tyz", "nut"])[0]
        assert group.missing == ["nut"]
        phrases.remove_phrase(db, town.hoa, newer.id, NOW)
        assert [one.language for one in phrases.all_phrases(db)] == ["vi"]
        with pytest.raises(Declined, match="đã được bỏ"):
            phrases.track_of(db, newer.id)
        with pytest.raises(Declined, match="đã được bỏ"):
            phrases.remove_phrase(db, town.hoa, newer.id, NOW)
        deeds = db.scalars(
            select(AuditRow).where(AuditRow.action.like("phrase.%")).order_by(AuditRow.id)
        ).all()
    assert [row.action for row in deeds] == ["phrase.recorded"] * 3 + ["phrase.removed"]
    assert deeds[-1].detail == {"label": "Mời bà con nghe", "language": "tyz"}


@pytest.mark.parametrize(
    ("label", "language", "code"),
    [(" ", "vi", "empty-label"), ("x" * 161, "vi", "long-label"), ("Chào", "en", "bad-language")],
)
def test_a_phrase_needs_words_and_a_language(town: Town, label: str, language: str, code: str) -> None:
    with town.database.session() as db:
        with pytest.raises(Declined) as why:
            phrases.add_phrase(db, town.hoa, label, language, media(), NOW)
        assert db.scalars(select(Phrase)).all() == []
    assert why.value.code == code


# -- languages of villages


def test_the_languages_of_villages_are_noted_and_their_deed_is_written_once(town: Town) -> None:
    with town.database.session() as db:
        villages.speak_here(db, "nut", {"ben"}, "quan", NOW)
        villages.speak_here(db, "tyz", {"dong", "ben", "unknown"}, "quan", NOW)
        villages.speak_here(db, "tyz", {"dong", "ben"}, "quan", NOW)  # nothing new: nothing written
        villages.speak_here(db, "tyz", {"ben"}, "quan", NOW)
    with town.database.reading() as db:
        spoken = {row.code: row.languages for row in db.scalars(select(Village))}
        deeds = db.scalars(select(AuditRow).where(AuditRow.action == "village.languages")).all()
        assert phrases.languages_here(db) == ["vi", "tyz", "nut"]
    assert spoken == {"dong": [], "ben": ["tyz", "nut"], "ha": []}
    assert [row.detail["villages"] for row in deeds] == ["Bến", "Đông, Bến", "Bến"]


@pytest.mark.parametrize("language", ["vi", "en", ""])
def test_only_languages_we_know_beside_vietnamese_are_noted(town: Town, language: str) -> None:
    with town.database.session() as db, pytest.raises(Declined):
        villages.speak_here(db, language, {"dong"}, "quan", NOW)
