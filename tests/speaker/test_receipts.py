"""Receipts: one per change of state, in a chain, on this disk before they are in the outbox, and never lost between."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from broker.contract.speaker import PlayReceipt
from broker.link.outbox import OutboxFull
from edge.speaker.chain import Link
from edge.speaker.journal import Journal
from edge.speaker.programme import Play
from tests.speaker.office import Office, is_chain
from tests.speaker.signers import MORNING, Signers, play_now

SECOND = timedelta(seconds=1)
FULL = OutboxFull("Máy đã đầy.")


@pytest.fixture
def office(tmp_path: Path, signers: Signers) -> Iterator[Office]:
    made = Office(tmp_path, signers)
    yield made
    made.close()


def given(office: Office, signers: Signers, **change: object) -> Play:
    """A play that was commanded and waits for its sound."""
    office.hear(signers.trust_plan(), play_now(signers.announcement(**change)))
    return office.desk.programme.commands[-1]


def test_every_change_of_state_is_a_link_of_one_chain_over_restarts(office: Office, signers: Signers) -> None:
    play = given(office, signers)
    office.desk.note(play, "ready")
    office.reopen()
    office.desk.note(play, "armed")
    office.desk.note(play, "armed")
    office.journal.begin(play, MORNING)
    office.desk.receipt(play.ask, "playing", started_at=MORNING, frames=0, rate_hz=48_000, volume=80)
    assert [state for state, _ in office.told()] == ["fetching", "ready", "armed", "playing"]
    assert is_chain(office.receipts())
    last = office.receipts()[-1]
    assert (last.rate_hz, last.volume, last.clock) == (48_000, 80, "trusted")


def test_a_stagger_between_neighbours_is_not_lateness(office: Office, signers: Signers) -> None:
    play = given(office, signers)
    began = MORNING + 3 * SECOND
    office.desk.receipt(play.ask, "playing", started_at=began, wanted_at=began - SECOND / 50)
    assert office.receipts()[-1].late_ms == 20


def test_what_a_full_outbox_refused_is_sent_later_in_order_and_once(office: Office, signers: Signers) -> None:
    play = given(office, signers)
    office.session.refuse = FULL
    office.desk.note(play, "ready")
    office.desk.note(play, "armed")
    assert "outbox-full" in office.session.problems
    office.reopen()
    assert [state for state, _ in office.told()] == ["fetching", "ready", "armed"]
    office.session.refuse = FULL
    office.desk.note(play, "refused", "quiet-hours")
    office.session.refuse = None
    office.desk.catch_up()
    office.clock.advance(10)
    office.desk.catch_up()
    office.clock.advance(10)
    office.desk.catch_up()
    assert [state for state, _ in office.told()] == ["fetching", "ready", "armed", "refused"]
    assert is_chain(office.receipts())
    assert "outbox-full" not in office.session.problems


def test_a_change_whose_receipt_a_kill_cut_off_is_told_at_the_next_start(
    office: Office, signers: Signers
) -> None:
    play = given(office, signers)
    office.journal.begin(play, MORNING)
    office.reopen()
    assert office.told()[-1] == ("playing", "")
    office.journal.end(play.ask.occurrence, "played", "spoken-here", MORNING + 9 * SECOND, lasted_s=8.0)
    office.reopen()
    last = office.receipts()[-1]
    assert (last.state, last.reason) == ("played", "spoken-here")
    assert (last.started_at, last.ended_at) == (MORNING, MORNING + 8 * SECOND)
    assert (last.planned_at, last.announcement) == (play.ask.start, "A1")
    office.reopen()
    assert len(office.told()) == 3, "and only once"
    assert is_chain(office.receipts())


def test_what_an_earlier_release_wrote_is_sent_byte_for_byte(tmp_path: Path, signers: Signers) -> None:
    office = Office(tmp_path, signers)
    office.hear(signers.trust_plan())
    office.session.refuse = FULL
    office.hear(play_now(signers.announcement()))
    ((number, body),) = office.journal.unsent()
    older = body.replace(b'"underruns":0,', b"")
    assert older != body
    office.close()
    with sqlite3.connect(tmp_path / "journal.db") as db:
        db.execute("UPDATE receipts SET body = ? WHERE number = ?", (older, number))
    db.close()
    office.open()
    assert [one.size for one in office.session.sent if isinstance(one.message, PlayReceipt)] == [len(older)]
    office.close()


def test_a_disk_that_takes_nothing_delays_receipts_and_an_emergency_still_ends(
    office: Office, signers: Signers
) -> None:
    play = given(office, signers, kind="emergency")
    now = office.clock.now()
    office.journal._db.execute("PRAGMA query_only=ON")  # as a card that has gone read-only
    with pytest.raises(sqlite3.Error):
        office.journal.begin(play, now)
    office.desk.receipt(play.ask, "playing", started_at=now)
    with pytest.raises(sqlite3.Error):
        office.journal.end(play.ask.occurrence, "played", "", now)
    office.desk.receipt(play.ask, "played", started_at=now)
    assert "disk-full" in office.session.problems
    assert office.due() is None, "or it would sound again and again"
    assert [state for state, _ in office.told()] == ["fetching"]
    office.journal._db.execute("PRAGMA query_only=OFF")
    office.clock.advance(10)
    office.desk.catch_up()
    assert [state for state, _ in office.told()] == ["fetching", "playing", "played"]
    assert is_chain(office.receipts())


def test_an_ordinary_play_the_disk_refused_has_not_begun(office: Office, signers: Signers) -> None:
    play = given(office, signers)
    office.journal._db.execute("PRAGMA query_only=ON")
    with pytest.raises(sqlite3.Error):
        office.journal.begin(play, MORNING)
    office.journal._db.execute("PRAGMA query_only=OFF")
    assert office.due() is not None
    assert office.journal.begin(play, MORNING) == 1


def test_a_receipt_that_cannot_be_written_leaves_no_hole(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")

    def breaks(link: Link) -> bytes:
        raise sqlite3.OperationalError(f"number {link.number} is not written")

    def tells(link: Link) -> bytes:
        return msgspec.json.encode([link.number, link.before])

    journal.tell(tells, "a", "ready")
    with pytest.raises(sqlite3.OperationalError):
        journal.tell(breaks, "a", "armed")
    journal.tell(tells, "a", "armed")
    assert [number for number, _ in journal.unsent()] == [1, 2]
    journal.close()
