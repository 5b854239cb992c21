"""What could not be stored is counted, shown, set aside by a person, counted anew, and one day forgotten."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.hub.declined import Declined
from broker.hub.quarantine import (
    REASONS_PER_SOURCE,
    SAMPLE,
    SET_ASIDE_KEPT,
    TOLD_EVERY,
    UNSEEN_KEPT,
    forget_old_quarantine,
    quarantine,
    set_aside,
)
from broker.hub.records import AuditRow, Change, Database, Quarantine
from broker.hub.telemetry import rollup
from tests.fakes.clock import FakeClock
from tests.hub.town import NOW
from tests.until import until

SOURCE = "thon-01.board"
SECOND = timedelta(seconds=1)


def put(database: Database, reason: str = "bad field", at: int = 0, raw: bytes = b"x") -> None:
    """One bad message, `at` seconds after NOW."""
    with database.session() as db:
        quarantine(db, SOURCE, reason, "a/topic", raw, NOW + at * SECOND)


def rows(database: Database) -> list[Quarantine]:
    """Every row, oldest first."""
    with database.reading() as db:
        return list(db.scalars(select(Quarantine).order_by(Quarantine.id)))


def test_the_same_reason_is_one_row_with_its_span_and_newest_sample(database: Database) -> None:
    for n in range(3):
        put(database, at=n * 60, raw=b"sample %d" % n)
    (row,) = rows(database)
    assert (row.count, row.first_at, row.last_at) == (3, NOW, NOW + 120 * SECOND)
    assert row.sample == b"sample 2"


def test_a_sample_is_cut_and_a_source_fills_only_so_many_rows(database: Database) -> None:
    for n in range(REASONS_PER_SOURCE + 5):
        put(database, reason=f"reason {n}", raw=b"y" * 5000)
    found = rows(database)
    assert len(found) == REASONS_PER_SOURCE + 1
    assert (found[-1].reason, found[-1].count) == ("other", 5)
    assert {len(row.sample) for row in found} == {SAMPLE}


def test_bytes_of_a_stranger_in_a_reason_become_harmless_text(database: Database) -> None:
    put(database, reason="Invalid enum value '\x00\x1b[2J\ud800'")
    assert rows(database)[0].reason == "Invalid enum value '\ufffd\ufffd[2J\ufffd'"


def test_open_pages_hear_of_a_flood_now_and_then(database: Database) -> None:
    for n in range(40):
        with database.session() as db:
            quarantine(db, SOURCE, "flood", "t", b"", NOW + n * SECOND / 10)
    with database.reading() as db:
        told = db.scalars(select(Change).where(Change.topic == "quarantine")).all()
    assert len(told) == 1
    put(database, reason="flood", at=4 + int(TOLD_EVERY.total_seconds()))
    with database.reading() as db:
        assert len(db.scalars(select(Change).where(Change.topic == "quarantine")).all()) == 2


def test_set_aside_is_audited_and_what_comes_again_counts_anew(database: Database) -> None:
    put(database)
    put(database, at=10)
    number = rows(database)[0].id
    with database.session() as db:
        set_aside(db, number, 2, "quan", NOW + 20 * SECOND)
    (row,) = rows(database)
    assert (row.count, row.last_at) == (0, NOW + 10 * SECOND)
    with database.reading() as db:
        audited = db.scalars(select(AuditRow)).one()
    assert (audited.actor, audited.action, audited.subject) == ("quan", "quarantine.set-aside", SOURCE)
    assert audited.detail == {"reason": "bad field", "count": "2"}
    put(database, at=3600)
    (row,) = rows(database)
    assert (row.count, row.first_at) == (1, NOW + 3600 * SECOND)


def test_what_came_after_the_page_was_opened_stays_to_be_seen(database: Database) -> None:
    for n in range(5):
        put(database, at=n)
    with database.session() as db:
        set_aside(db, rows(database)[0].id, 3, "quan", NOW + 9 * SECOND)
    (row,) = rows(database)
    assert (row.count, row.first_at) == (2, NOW + 4 * SECOND)


@pytest.mark.parametrize(("number", "looked_at"), [(99, 1), (1, 0), (1, -4)])
def test_what_is_gone_or_seen_already_is_a_sentence(database: Database, number: int, looked_at: int) -> None:
    put(database)
    with pytest.raises(Declined), database.session() as db:
        set_aside(db, number, looked_at, "quan", NOW)
    assert rows(database)[0].count == 1
    with database.reading() as db:
        assert db.scalars(select(AuditRow)).all() == []


def test_twice_set_aside_is_once(database: Database) -> None:
    put(database)
    with database.session() as db:
        set_aside(db, 1, 1, "quan", NOW)
    with pytest.raises(Declined, match="đã có người xem"), database.session() as db:
        set_aside(db, 1, 1, "soat", NOW)


def test_old_rows_are_forgotten_and_young_ones_are_not(database: Database) -> None:
    put(database, "set aside long ago")
    put(database, "open")
    put(database, "set aside, came again", at=5)
    with database.session() as db:
        set_aside(db, 1, 1, "quan", NOW)
        set_aside(db, 3, 1, "quan", NOW)
    put(database, "set aside, came again", at=6)

    def forget(later: timedelta) -> int:
        with database.session() as db:
            return forget_old_quarantine(db, NOW + later)

    assert forget(SET_ASIDE_KEPT) == 0
    assert forget(SET_ASIDE_KEPT + SECOND) == 1
    assert [row.reason for row in rows(database)] == ["open", "set aside, came again"]
    assert forget(UNSEEN_KEPT) == 0
    assert forget(UNSEEN_KEPT + 3 * SECOND) == 1
    assert [row.reason for row in rows(database)] == ["set aside, came again"]
    assert forget(UNSEEN_KEPT + timedelta(days=1)) == 1
    assert forget(UNSEEN_KEPT + timedelta(days=1)) == 0


def test_the_worker_that_tidies_readings_forgets_old_rows_too(database: Database) -> None:
    put(database)
    clock = FakeClock(NOW + UNSEEN_KEPT + timedelta(days=1))
    stop = threading.Event()
    tidy = threading.Thread(target=rollup.worker(database, clock).run, args=(stop, lambda: None))
    tidy.start()
    try:
        until(lambda: rows(database) == [], 30)
    finally:
        stop.set()
        tidy.join()
