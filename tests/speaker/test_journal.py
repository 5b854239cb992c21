"""The journal: what may have sounded is known after a kill at any instant, and nothing starts twice."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.trust.envelope import Start, occurrence_id
from edge.speaker.firewall import Ask
from edge.speaker.journal import KEPT_DAYS, Journal, open_journal
from edge.speaker.programme import Mark, Play, Programme, decide, is_over
from tests.speaker.signers import DAY, MORNING, Signers, make_envelope

ROOT = Path(__file__).resolve().parents[2]

KILLED = """
import sys
from pathlib import Path
from datetime import timedelta
from broker.contract.hub import Signed
from broker.trust.envelope import occurrence_id
from edge.speaker.firewall import Ask
from edge.speaker.journal import Journal
from edge.speaker.programme import Play
from tests.speaker.signers import MORNING, make_envelope
journal = Journal(Path(sys.argv[1]))
n = int(sys.argv[2])
while True:
    n += 1
    at = MORNING + timedelta(seconds=n)
    ask = Ask(occurrence_id("A1", 1, at), "A1", 1, at, Signed(body="", signatures=[]))
    journal.begin(Play(ask, make_envelope(at)), at)
    print(ask.occurrence, flush=True)
    if n % 3:
        journal.end(ask.occurrence, "played", "", at)
"""


def play_at(signers: Signers, seconds: int = 0, **change: object) -> Play:
    at = MORNING + timedelta(seconds=seconds)
    envelope = make_envelope(at, **change)
    signed = signers.announcement(at, **change)
    return Play(
        Ask(occurrence_id(envelope.announcement, 1, at), envelope.announcement, 1, at, signed), envelope
    )


def test_a_change_of_state_is_new_once_and_survives_reopening(signers: Signers, tmp_path: Path) -> None:
    play = play_at(signers)
    journal = Journal(tmp_path / "j.db")
    assert journal.note(play, "ready", "", MORNING)
    assert not journal.note(play, "ready", "", MORNING + DAY)
    assert journal.note(play, "refused", "quiet-hours", MORNING)
    assert journal.begin(play, MORNING) == 1
    assert journal.begin(play, MORNING) == 2
    journal.close()
    again = Journal(tmp_path / "j.db")
    assert again.marks() == {play.ask.occurrence: Mark("playing", 2)}
    assert [cut.ask.occurrence for cut in again.cut()] == [play.ask.occurrence]
    again.end(play.ask.occurrence, "played", "", MORNING + timedelta(seconds=9))
    assert not again.cut()
    assert [(one.until - one.since).seconds for one in again.said(MORNING - DAY)] == [9]
    assert not again.said(MORNING + DAY)
    again.close()


def test_marks_are_looked_up_and_never_copied(signers: Signers, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    marks, play = journal.marks(), play_at(signers)
    journal.begin(play, MORNING)
    assert marks[play.ask.occurrence] == journal.mark(play.ask.occurrence)
    with pytest.raises(TypeError):
        marks["X"] = Mark("played")  # type: ignore[index]
    journal.close()


def test_only_starts_that_the_power_or_the_sound_card_cut_off_are_used_up(
    signers: Signers, tmp_path: Path
) -> None:
    play, path = play_at(signers, kind="emergency"), tmp_path / "j.db"
    name = play.ask.occurrence
    journal = Journal(path)
    for n, reason in enumerate(["muted-here", "preempted", "local-use"] * 3):
        assert journal.begin(play, MORNING) == n + 1
        journal.end(name, "interrupted", reason, MORNING)
        assert not is_over(play, journal.mark(name)), "somebody wanted it silent for a while"
    for reason, left in [("power", True), ("sound-failed", True), ("power", True), ("power", False)]:
        journal.close()
        journal = Journal(path)
        journal.begin(play, MORNING)
        journal.end(name, "interrupted", reason, MORNING)
        assert is_over(play, journal.mark(name)) is not left
    assert journal.mark(name) == Mark("interrupted", 13, "power", 9)
    journal.note(play, "armed", "", MORNING)
    assert journal.mark(name) == Mark("armed", 13, "", 9)
    journal.close()


def test_a_journal_of_an_earlier_release_is_taken_over(signers: Signers, tmp_path: Path) -> None:
    play, path = play_at(signers, kind="emergency"), tmp_path / "j.db"
    journal = Journal(path)
    journal.begin(play, MORNING)
    journal.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE plays DROP COLUMN gave_way")
    again = Journal(path)
    assert again.mark(play.ask.occurrence) == Mark("playing", 1)
    again.end(play.ask.occurrence, "interrupted", "muted-here", MORNING)
    again.close()
    assert Journal(path).mark(play.ask.occurrence) == Mark("interrupted", 1, "muted-here", 1)


def test_emergencies_do_not_count_as_ordinary_sound(signers: Signers, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    play = play_at(signers, kind="emergency")
    journal.begin(play, MORNING)
    journal.end(play.ask.occurrence, "played", "", MORNING + DAY)
    assert not journal.said(MORNING - DAY)
    journal.close()


def test_only_what_no_key_could_sign_any_more_is_forgotten(signers: Signers, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    journal.note(play_at(signers), "ready", "", MORNING)
    journal.tidy(MORNING + (KEPT_DAYS - 1) * DAY)
    assert journal.marks()
    journal.tidy(MORNING + (KEPT_DAYS + 1) * DAY)
    assert not journal.marks()
    journal.close()


@pytest.mark.parametrize("torn", [b"not a database at all", b"SQLite format 3\0" + bytes(4000)])
def test_a_damaged_file_is_moved_aside_and_the_loudspeaker_goes_on(
    torn: bytes, signers: Signers, tmp_path: Path
) -> None:
    (tmp_path / "j.db").write_bytes(torn)
    os.utime(tmp_path / "j.db", (MORNING.timestamp(), MORNING.timestamp()))
    journal = Journal(tmp_path / "j.db")
    assert journal.begin(play_at(signers), MORNING) == 1
    assert (journal.is_after_damage, journal.forgotten_until) == (True, MORNING)
    journal.close()
    assert list(tmp_path.glob("j.db.damaged-*"))
    again = Journal(tmp_path / "j.db")
    assert (again.is_after_damage, again.forgotten_until) == (False, MORNING), "it is known for good"
    again.close()


@pytest.mark.parametrize("written", [datetime(1970, 1, 1, 0, 20, tzinfo=UTC), MORNING + DAY])
def test_a_damaged_journal_forgets_up_to_the_latest_time_known(written: datetime, tmp_path: Path) -> None:
    """Its file may have been written while the clock stood in 1970: nothing would be refused for it."""
    path = tmp_path / "j.db"
    path.write_bytes(b"not a database at all")
    os.utime(path, (written.timestamp(), written.timestamp()))
    journal = open_journal(path, MORNING)
    assert journal.forgotten_until == max(MORNING, written)
    journal.close()


def test_where_the_file_cannot_be_opened_a_journal_in_memory_serves(signers: Signers, tmp_path: Path) -> None:
    (tmp_path / "j.db").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "j.db", tmp_path / "file" / "j.db"):
        journal = open_journal(path, MORNING)
        assert (journal.is_lasting, journal.is_after_damage) == (False, False)
        assert journal.begin(play_at(signers, kind="emergency"), MORNING) == 1
        journal.close()
    lasting = open_journal(tmp_path / "other.db", MORNING)
    assert lasting.is_lasting
    lasting.close()


@pytest.mark.parametrize("seed", range(12))
def test_pages_worn_out_anywhere_are_found_or_do_no_harm(seed: int, signers: Signers, tmp_path: Path) -> None:
    """Bytes of the file change as on a dying memory card: the journal is whole, or known to have forgotten."""
    chance = random.Random(seed)
    path = tmp_path / "j.db"
    journal = Journal(path)
    plays = [play_at(signers, n) for n in range(60)]
    for play in plays:
        journal.begin(play, MORNING)
    journal.close()
    raw = bytearray(path.read_bytes())
    page = chance.randrange(len(raw) // 4096) * 4096
    raw[page : page + 2048] = chance.choice([bytes(2048), chance.randbytes(2048)])
    path.write_bytes(raw)
    again = Journal(path)
    marks = again.marks()
    assert again.forgotten_until is not None or set(marks) == {play.ask.occurrence for play in plays}
    assert again.begin(play_at(signers, 999), MORNING) == 1
    again.close()


@pytest.mark.parametrize("seed", range(12))
def test_a_torn_tail_loses_at_most_what_was_never_confirmed(
    seed: int, signers: Signers, tmp_path: Path
) -> None:
    """The newest transaction is half on the disk, as when the power goes in the middle of it."""
    chance = random.Random(seed)
    journal = Journal(tmp_path / "j.db")
    for n in range(8):
        journal.begin(play_at(signers, n), MORNING)
    confirmed = (tmp_path / "j.db-wal").stat().st_size
    journal.begin(play_at(signers, 8), MORNING)
    for each in tmp_path.glob("j.db*"):
        shutil.copy(each, tmp_path / f"torn-{each.name}")
    journal.close()
    log = tmp_path / "torn-j.db-wal"
    kept = chance.randrange(confirmed, log.stat().st_size)
    log.write_bytes(log.read_bytes()[:kept] + chance.randbytes(chance.choice([0, 100, 5000])))
    (tmp_path / "torn-j.db-shm").unlink()
    torn = Journal(tmp_path / "torn-j.db")
    assert len(torn.marks()) == 8
    assert len(torn.cut()) == len(torn.owed()) == 8
    assert not torn.is_after_damage
    torn.close()


@pytest.mark.parametrize("seed", range(4))
def test_after_a_kill_every_start_that_was_announced_is_on_the_disk(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    announced: set[str] = set()
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), "0"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stdout is not None
    for _ in range(random.Random(seed).randrange(1, 40)):
        announced.add(child.stdout.readline().strip())
    child.kill()
    announced |= {line.strip() for line in child.stdout if line.endswith("\n")}
    child.wait(5)
    child.stdout.close()
    journal = Journal(path)
    marks = journal.marks()
    assert announced <= set(marks)
    assert all(mark.starts == 1 for mark in marks.values())
    assert {cut.ask.occurrence for cut in journal.cut()} == {
        name for name, mark in marks.items() if mark.state == "playing"
    }
    journal.close()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_clock_does_no_ordinary_play_begins_twice_or_out_of_its_window(
    seed: int, signers: Signers
) -> None:
    chance = random.Random(seed)
    starts = [MORNING + timedelta(seconds=chance.randrange(0, 7200)) for _ in range(8)]
    envelope = make_envelope(starts=[Start(at=at, tolerance_s=120) for at in starts])
    signed = signers.announcement()
    plays = tuple(Play(Ask(occurrence_id("A1", 1, at), "A1", 1, at, signed), envelope) for at in starts)
    programme, marks, began, now = Programme(plays=plays), {}, {}, MORNING
    for _ in range(600):
        now += timedelta(seconds=chance.choice([1, 5, 20, 60, 300, -1, -262, 262, -3600, 3600]))
        agenda = decide(programme, marks, now, chance.choice(["trusted", "trusted", "unknown"]))
        for play, state, reason in agenda.over:
            marks[play.ask.occurrence] = Mark(state, 0, reason)
        if agenda.due is not None:
            name = agenda.due.ask.occurrence
            assert name not in began
            assert timedelta() <= now - agenda.due.ask.start <= timedelta(seconds=120)
            began[name] = now
            marks[name] = Mark(chance.choice(["played", "interrupted", "failed"]), 1, "power")
