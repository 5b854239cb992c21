"""Announce's word about the broker: written seldom, an outage with its beginning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from broker.hub.heard import SETTING, Hearing, away_since, silent_since
from broker.hub.records import Setting, changes_after
from broker.hub.records.database import open_url

NOW = datetime(2026, 11, 22, 7, 2, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds later."""
    return NOW + timedelta(seconds=seconds)


def test_it_is_due_at_every_change_and_otherwise_every_ten_seconds(tmp_path: Path) -> None:
    hearing, database = Hearing(), open_url(f"sqlite:///{tmp_path}/hub.db")
    assert hearing.is_due(True, NOW)
    with database.session() as db:
        hearing.write(db, True, NOW)
    assert not hearing.is_due(True, at(9))
    assert hearing.is_due(True, at(10))
    assert hearing.is_due(False, at(1))
    assert hearing.is_due(True, at(-3600))


def test_an_outage_keeps_its_beginning_over_a_restart_of_announce_and_ends(tmp_path: Path) -> None:
    database = open_url(f"sqlite:///{tmp_path}/hub.db")
    with database.session() as db:
        Hearing().write(db, True, NOW)
        assert away_since(db, at(3)) is None
        Hearing().write(db, False, at(4))
        assert away_since(db, at(6)) is None
        assert away_since(db, at(10)) == at(4)
        Hearing().write(db, False, at(300))
        assert away_since(db, at(301)) == at(4)
        Hearing().write(db, True, at(310))
        assert away_since(db, at(330)) is None
        assert [change.key for change in changes_after(db, 0, ("service",))] == ["broker"] * 3


def test_pages_hear_of_an_outage_as_soon_as_it_is_one(tmp_path: Path) -> None:
    hearing, database = Hearing(), open_url(f"sqlite:///{tmp_path}/hub.db")
    with database.session() as db:
        hearing.write(db, True, NOW)
        hearing.write(db, False, at(1))
        assert not hearing.is_due(False, at(5.9))
        assert hearing.is_due(False, at(6))
        hearing.write(db, False, at(6))
        assert len(changes_after(db, 0, ("service",))) == 2, "at the change, and when it became an outage"
        assert not hearing.is_due(False, at(15))
        hearing.write(db, False, at(16))
        assert len(changes_after(db, 0, ("service",))) == 2
        hearing.write(db, True, at(17))
        assert len(changes_after(db, 0, ("service",))) == 3


def test_an_old_word_says_only_that_announce_is_silent(tmp_path: Path) -> None:
    database = open_url(f"sqlite:///{tmp_path}/hub.db")
    with database.session() as db:
        assert silent_since(db, NOW) is None
        Hearing().write(db, False, NOW)
        assert silent_since(db, at(59)) is None
        assert away_since(db, at(61)) is None
        assert silent_since(db, at(61)) == NOW
        assert db.get_one(Setting, SETTING).at == NOW
