"""The hub's database: one schema, shared by three processes, durable, aware times."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from broker.hub.records import (
    Account,
    Base,
    Change,
    Database,
    NodeRecord,
    Village,
    changes_after,
    forget_old_changes,
    newest_change,
    next_of,
    note_change,
    put_setting,
    setting,
)
from broker.hub.records.database import DatabaseError, open_url
from tests.postgres import RunningPostgres

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def test_migrations_make_exactly_the_schema_of_the_models(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_transactions_are_durable_and_shared(database: Database) -> None:
    if database.engine.name == "postgresql":
        with database.reading() as db:
            assert db.scalar(text("SHOW fsync")) == "on"
            assert db.scalar(text("SHOW synchronous_commit")) == "on"
            assert db.scalar(text("SHOW lock_timeout")) == "10s"
            assert db.scalar(text("SHOW transaction_isolation")) == "repeatable read"
        return
    with database.reading() as db:
        assert db.scalar(text("PRAGMA journal_mode")) == "wal"
        assert db.scalar(text("PRAGMA synchronous")) == 2
        assert db.scalar(text("PRAGMA foreign_keys")) == 1
        assert db.scalar(text("PRAGMA busy_timeout")) == 10_000


def test_opening_a_current_database_does_not_import_alembic(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    code = (
        "import sys; from broker.hub.records.database import open_url; import broker.hub.records\n"
        "open_url(sys.argv[1]); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == 0


@pytest.fixture
def new_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a database will be that has no tables yet."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'hub.db'}"
        return
    server: RunningPostgres = request.getfixturevalue("postgres")
    name = server.fresh()
    yield server.url(name)
    server.drop(name)


def test_three_services_may_start_on_a_new_database_at_once(new_url: str) -> None:
    url = new_url
    code = "import sys; from broker.hub import records; records.database.open_url(sys.argv[1])"
    starts = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(p.communicate()[1], p.returncode) for p in starts] == [(b"", 0)] * 3


def test_a_newer_schema_is_refused_with_a_sentence(new_url: str) -> None:
    first = open_url(new_url)
    with first.session() as db:
        db.execute(text("UPDATE alembic_version SET version_num='9999'"))
    first.close()
    with pytest.raises(DatabaseError, match="9999"):
        open_url(new_url)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://hub:geheim@localhost/x",
        "postgresql+psycopg://hub:geheim@localhost:nonsense/x",
        "postgresql+psycopg://hub:geheim@127.0.0.1:1/x",
        "postgresql+psycopg://127.0.0.1:1/x?user=hub&password=geheim",
        "postgresql+nonsense://hub:geheim@localhost/x",
    ],
)
def test_a_bad_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(DatabaseError) as found:
        open_url(url)
    assert "geheim" not in str(found.value)
    assert "database" in str(found.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(DatabaseError, match=r"hub\.db"):
        open_url(f"sqlite:///{tmp_path / 'hub.db'}")


def test_writers_take_turns_and_no_update_is_lost(database: Database) -> None:
    def count() -> None:
        for _ in range(25):
            with database.session() as db:
                next_of(db, "turns")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.session() as db:
        assert next_of(db, "turns") == 101


def test_a_reader_sees_one_moment_and_does_not_wait_for_a_writer(database: Database) -> None:
    with database.reading() as before:
        assert newest_change(before) == 0
        with database.session() as db:
            note_change(db, "alert", "1", NOW)
            since = time.monotonic()
            with database.reading() as other:
                assert newest_change(other) == 0
            assert time.monotonic() - since < 1.0
        assert newest_change(before) == 0
    with database.reading() as after:
        assert newest_change(after) == 1


def test_an_exception_rolls_back(database: Database) -> None:
    def fail() -> None:
        with database.session() as db:
            db.add(Village(code="dong", name="Đông"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    with database.reading() as db:
        assert db.get(Village, "dong") is None


def test_foreign_keys_hold(database: Database) -> None:
    def add() -> None:
        with database.session() as db:
            db.add(NodeRecord(name="thon-01", village="nowhere", label="", registered_at=NOW))

    with pytest.raises(IntegrityError):
        add()


def test_times_come_back_aware_and_naive_ones_are_refused(database: Database) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=7)))
    with database.session() as db:
        db.add(Account(username="an", full_name="An", roles=["editor"], password_hash="x", created_at=local))
    with database.reading() as db:
        found = db.scalars(select(Account)).one().created_at
    assert found == NOW
    assert found.tzinfo is UTC

    def naive() -> None:
        with database.session() as db:
            db.add(Change(topic="x", key="y", at=datetime(2026, 1, 1)))

    with pytest.raises(StatementError, match="time zone"):
        naive()


def test_changes_are_read_in_order_and_old_ones_forgotten(database: Database) -> None:
    with database.session() as db:
        for n in range(10):
            note_change(db, "alert" if n % 2 else "play", str(n), NOW)
    with database.session() as db:
        assert [c.key for c in changes_after(db, 4, ["alert"])] == ["5", "7", "9"]
        forget_old_changes(db, kept=3)
        assert [c.key for c in changes_after(db, 0)] == ["7", "8", "9"]


def test_settings_are_kept_as_edited(database: Database) -> None:
    with database.session() as db:
        assert setting(db, "quiet", {"since": "21:00"}) == {"since": "21:00"}
        put_setting(db, "quiet", {"since": "20:00"}, NOW)
        put_setting(db, "quiet", {"since": "22:00"}, NOW)
    with database.reading() as db:
        assert setting(db, "quiet", None) == {"since": "22:00"}


def test_nobody_else_on_the_machine_reads_the_records(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        database = open_url(f"sqlite:///{tmp_path / 'data' / 'hub.db'}")
        with database.session() as db:
            db.execute(text("SELECT 1"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "data").glob("hub.db*")}
        database.close()
    finally:
        os.umask(before)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert modes["hub.db"] == 0o600
    assert set(modes.values()) == {0o600}
