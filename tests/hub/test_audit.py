"""The audit log on real databases: it refuses to be changed, and what its owner does to it all the same is found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from broker.contract.hub import Signed
from broker.hub import audit
from broker.hub.records import AuditRow, Database, NodeRecord, NodeSeen, Village, audit_rows, write_audit
from broker.hub.records.audit import chosen_rows
from broker.hub.records.guards import TRIGGERS
from broker.hub.signed_heads import SignedHead
from broker.trust.audit import GENESIS, START, Head, Row, append, verify
from broker.trust.envelope import AuditBody, canonical, sign
from broker.trust.identity import load_hub_signer
from broker.trust.keys import new_key
from tests.hub.town import Keys

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Folders:
    """Where the hub of these tests keeps its keys and its data."""

    keys_dir: Path
    data_dir: Path


@pytest.fixture
def house(keys: Keys, tmp_path: Path) -> Folders:
    return Folders(keys.hub, tmp_path)


@pytest.fixture
def log(database: Database, keys: Keys) -> Database:
    """Twelve entries, and two nodes of which one keeps the head of row 10."""
    for n in range(12):
        with database.session() as db:
            write_audit(
                db,
                NOW + timedelta(minutes=n),
                "binh",
                "announcement.approved",
                f"bt-{n}.1",
                {"key": "k-binh"},
            )
    with database.session() as db:
        db.add(Village(code="dong", name="Đông", rank=1))
        db.flush()
        for name in ("thon-01", "thon-02"):
            db.add(NodeRecord(name=name, village="dong", label=f"Điểm {name}", registered_at=NOW))
    kept = head(database, 10)
    say(database, "thon-01", kept, signed_by(keys.hub, kept))
    return database


def head(database: Database, index: int) -> Head:
    with database.reading() as db:
        return Head(index, db.get_one(AuditRow, index).hash)


def signed_by(keys: Path, kept: Head) -> dict[str, Any]:
    """A head as the hub signs it and a node says it again."""
    body = canonical(AuditBody(generation=kept.index, commune="00/00000", hash=kept.hash, at=NOW))
    return msgspec.to_builtins(Signed(body=body, signatures=[sign(body, "audit", *load_hub_signer(keys))]))  # type: ignore[no-any-return]


def say(database: Database, node: str, kept: Head, signed: dict[str, Any] | None = None) -> None:
    """What ingest writes when a node says what it keeps."""
    with database.session() as db:
        health = NodeSeen(
            node=node, at=NOW, uptime_s=1, load_1m=0, memory_free_percent=1, disk_free_percent=1,
            cpu_celsius=None, clock="trusted", audit_index=kept.index, audit_hash=kept.hash,
            audit_signed=signed, seen_at=NOW,
        )  # fmt: skip
        db.add(health)


def as_owner(database: Database, *statements: str) -> None:
    """What somebody does who owns the database: triggers off, raw SQL, triggers on again."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.begin() as db:
        kept = []
        if is_sqlite:
            kept = list(
                db.execute(
                    text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
                )
                .scalars()
                .all()
            )
        for name in TRIGGERS:
            db.exec_driver_sql(
                f"DROP TRIGGER {name}" if is_sqlite else f"ALTER TABLE audit DISABLE TRIGGER {name}"
            )
        for statement in statements:
            db.exec_driver_sql(statement)
        for line in kept:
            db.exec_driver_sql(line)
        if not is_sqlite:
            for name in TRIGGERS:
                db.exec_driver_sql(f"ALTER TABLE audit ENABLE TRIGGER {name}")


def recompute(database: Database, index: int, actor: str) -> None:
    """The cleverest of owners: changes one row and computes every hash after it anew."""
    with database.reading() as db:
        rows = list(audit_rows(db))
    made: list[Row] = []
    for row in rows:
        entry = row.entry
        if row.index == index:
            entry = type(entry)(
                at=entry.at, actor=actor, action=entry.action, subject=entry.subject, detail=entry.detail
            )
        made.append(append(made[-1] if made else None, entry))
    as_owner(
        database,
        *(
            f"UPDATE audit SET actor = '{row.entry.actor}', prev = '{row.prev}', hash = '{row.hash}' "
            f"WHERE id = {row.index}"
            for row in made
        ),
    )


def found(database: Database, house: Folders, *kept: Head) -> tuple[str, int] | None:
    with database.reading() as db:
        finding = audit.inspect(db, house, kept)
    assert finding.has_triggers
    fault = finding.verdict.fault
    return (fault.flaw, fault.index) if fault else None


def test_a_log_that_nobody_touched_is_whole_and_the_node_agrees(log: Database, house: Folders) -> None:
    with log.reading() as db:
        finding = audit.inspect(db, house)
        assert audit.newest(db) == finding.verdict.head == head(log, 12)
    assert finding.is_well
    assert [(each.node, each.head.index, each.agrees) for each in finding.nodes] == [
        ("thon-01", 10, True),
        ("thon-02", 0, True),
    ]


def test_an_empty_log_is_whole(database: Database, house: Folders) -> None:
    with database.reading() as db:
        assert audit.newest(db) == START
        assert audit.inspect(db, house).is_well


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'x' WHERE id = 3",
        "DELETE FROM audit WHERE id = 3",
        "DELETE FROM audit",
        f"INSERT INTO audit VALUES (14, '2026-11-21', 'x', 'y', 'z', '{{}}', '{GENESIS}', '{GENESIS}')",
        f"INSERT INTO audit VALUES (13, '2026-11-21', 'x', 'y', 'z', '{{}}', '{GENESIS}', '{GENESIS}')",
        f"INSERT INTO audit VALUES (0, '2026-11-21', 'x', 'y', 'z', '{{}}', '{GENESIS}', '{GENESIS}')",
    ],
)
def test_the_database_itself_refuses_to_change_the_log(log: Database, statement: str, house: Folders) -> None:
    with pytest.raises(DBAPIError, match="append-only"), log.engine.begin() as db:
        db.exec_driver_sql(statement)
    assert found(log, house) is None


def test_replacing_and_truncating_are_refused_too(log: Database, house: Folders) -> None:
    is_sqlite = log.engine.dialect.name == "sqlite"
    statement = (
        f"REPLACE INTO audit VALUES (3, '2026-11-21', 'x', 'y', 'z', '{{}}', '{GENESIS}', '{GENESIS}')"
        if is_sqlite
        else "TRUNCATE audit"
    )
    with pytest.raises(DBAPIError, match="append-only"), log.engine.begin() as db:
        db.exec_driver_sql(statement)
    assert found(log, house) is None


@pytest.mark.parametrize(
    ("statements", "flaw", "index"),
    [
        (["UPDATE audit SET actor = 'quan' WHERE id = 5"], "edited", 5),
        (["UPDATE audit SET at = '2026-11-21 01:00:00.000000' WHERE id = 5"], "edited", 5),
        (['UPDATE audit SET detail = \'{"key": "k-lanh"}\' WHERE id = 5'], "edited", 5),
        (["DELETE FROM audit WHERE id = 5"], "missing", 5),
        (["DELETE FROM audit WHERE id <= 3"], "missing", 1),
        (
            [
                "DELETE FROM audit WHERE id = 5",
                "UPDATE audit SET id = -id WHERE id > 5",
                "UPDATE audit SET id = -id - 1 WHERE id < 0",
            ],
            "moved",
            5,
        ),
        (
            [
                "UPDATE audit SET id = 100 WHERE id = 5",
                "UPDATE audit SET id = 5 WHERE id = 6",
                "UPDATE audit SET id = 6 WHERE id = 100",
            ],
            "moved",
            5,
        ),
        (
            [
                "UPDATE audit SET id = -id WHERE id > 4",
                "UPDATE audit SET id = -id + 1 WHERE id < 0",
                "INSERT INTO audit SELECT 5, at, actor, action, subject, detail, prev, hash FROM audit WHERE id = 4",
            ],
            "moved",
            5,
        ),
        (["DELETE FROM audit WHERE id > 8"], "cut", 10),
        (["DELETE FROM audit"], "cut", 10),
    ],
    ids=["who", "when", "detail", "one", "first", "renumbered", "order", "inserted", "tail", "all"],
)
def test_what_the_owner_of_the_database_does_is_found(
    log: Database, statements: list[str], flaw: str, index: int, house: Folders
) -> None:
    as_owner(log, *statements)
    assert found(log, house) == (flaw, index)


def test_a_chain_computed_anew_is_found_by_the_head_at_the_node(log: Database, house: Folders) -> None:
    recompute(log, 5, "quan")
    with log.reading() as db:
        assert verify(audit_rows(db)).is_whole  # the chain alone cannot tell
        nodes = audit.inspect(db, house).nodes
    assert found(log, house) == ("rewritten", 10)
    assert [each.agrees for each in nodes] == [False, True]


def test_what_was_changed_after_the_newest_head_at_a_node_is_found_by_one_from_paper(
    log: Database, house: Folders
) -> None:
    paper = head(log, 12)
    recompute(log, 11, "quan")
    assert found(log, house) is None
    assert found(log, house, paper) == ("rewritten", 12)


def test_a_tail_cut_off_and_grown_again_is_found(log: Database, house: Folders) -> None:
    as_owner(log, "DELETE FROM audit WHERE id > 9")
    for n in range(5):
        with log.session() as db:
            write_audit(db, NOW, "quan", "account.signed-in", str(n))
    assert found(log, house) == ("rewritten", 10)


def test_a_log_whose_guards_were_taken_off_is_not_well(log: Database, house: Folders) -> None:
    is_sqlite = log.engine.dialect.name == "sqlite"
    off = "DROP TRIGGER audit_keep_changed" if is_sqlite else "ALTER TABLE audit DISABLE TRIGGER {}"
    with log.engine.begin() as db:
        db.exec_driver_sql(off.format("audit_keep_changed"))
    with log.reading() as db:
        finding = audit.inspect(db, house)
    if not is_sqlite:  # the next test gets the same tables
        with log.engine.begin() as db:
            db.exec_driver_sql("ALTER TABLE audit ENABLE TRIGGER audit_keep_changed")
    assert not finding.has_triggers
    assert finding.verdict.is_whole
    assert not finding.is_well


@pytest.mark.parametrize("column", ["actor", "at", "detail", "hash", "prev"])
def test_bytes_that_are_no_text_are_an_edited_row_and_no_crash(
    log: Database, column: str, house: Folders
) -> None:
    if log.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL takes no such bytes")
    as_owner(log, f"UPDATE audit SET {column} = CAST(x'ff00fe' AS TEXT) WHERE id = 6")
    assert found(log, house) == ("moved" if column == "prev" else "edited", 6)


@pytest.mark.parametrize(
    "change",
    ["detail = 'null'", "detail = '{'", "detail = '[1]'", "at = 'x'", "actor = x'00'", "hash = 7"],
)
def test_whatever_stands_in_a_row_is_an_edited_row_and_no_crash(
    log: Database, change: str, house: Folders
) -> None:
    if log.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps to its types")
    as_owner(log, f"UPDATE audit SET {change} WHERE id = 6")
    assert found(log, house) == ("edited", 6)


def test_words_in_another_spelling_of_the_same_letters_have_one_hash(
    database: Database, house: Folders
) -> None:
    with database.session() as db:
        write_audit(db, NOW, "Bi\u0300nh", "x", "e\u0301", {"a\u0300": "o\u0309"})
    with database.reading() as db:
        row = db.get_one(AuditRow, 1)
        assert (row.actor, row.subject, row.detail) == ("Bình", "é", {"à": "ỏ"})
        assert audit.inspect(db, house).is_well


def test_the_last_look_is_kept(log: Database, house: Folders) -> None:
    def look(db: Session) -> None:
        audit.note_look(db, audit.inspect(db, house), NOW)

    with log.session() as db:
        assert audit.last_look(db) is None
        look(db)
    with log.reading() as db:
        assert audit.last_look(db) == audit.Look(at=NOW, rows=12, fault=None, has_triggers=True)


def test_a_broken_look_is_kept_with_what_was_found(log: Database, house: Folders) -> None:
    as_owner(log, "UPDATE audit SET actor = 'quan' WHERE id = 5")
    with log.session() as db:
        audit.note_look(db, audit.inspect(db, house), NOW)
    with log.reading() as db:
        look = audit.last_look(db)
    assert look is not None
    assert not look.is_well
    assert look.fault is not None
    assert (look.fault.flaw, look.fault.index) == ("edited", 5)


def test_rows_are_read_newest_first_and_one_that_was_touched_shows(log: Database) -> None:
    as_owner(log, "UPDATE audit SET actor = 'quan' WHERE id = 11")
    with log.reading() as db:
        rows = chosen_rows(db, [AuditRow.action == "announcement.approved", AuditRow.id > 3], 1, 3)
    assert [(row.index, audit.is_intact(row)) for row in rows] == [(11, False), (10, True), (9, True)]
    assert rows[1].entry.subject == "bt-9.1"


def test_a_last_row_that_nobody_can_read_stops_no_decision(log: Database, house: Folders) -> None:
    if log.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps to its types")
    as_owner(log, "UPDATE audit SET detail = '[', at = 'x' WHERE id = 12")
    with log.session() as db:
        write_audit(db, NOW, "binh", "announcement.approved", "bt-99.1")
    assert found(log, house) == ("edited", 12)


def as_root(database: Database, *statements: str) -> None:
    with database.engine.begin() as db:
        for statement in statements:
            db.exec_driver_sql(statement)


def quieting(database: Database) -> list[str]:
    """A trigger that makes every report of a node agree with the log, whatever the log says."""
    wish = "UPDATE node_seen SET audit_hash = (SELECT hash FROM audit WHERE id = NEW.audit_index)"
    if database.engine.dialect.name == "sqlite":
        return [
            f"CREATE TRIGGER quiet AFTER UPDATE OF audit_hash ON node_seen BEGIN {wish} WHERE node = NEW.node; END"
        ]
    return [
        """CREATE FUNCTION hush() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.audit_hash = (SELECT hash FROM audit WHERE id = NEW.audit_index); RETURN NEW; END $$""",
        "CREATE TRIGGER quiet BEFORE UPDATE ON node_seen FOR EACH ROW EXECUTE FUNCTION hush()",
    ]


def test_a_log_computed_anew_is_found_by_the_file_beside_the_database_when_the_nodes_words_were_changed(
    log: Database, house: Folders
) -> None:
    SignedHead(house.data_dir).write(head(log, 10))
    recompute(log, 3, "someone.else")
    as_root(log, f"UPDATE node_seen SET audit_hash = '{head(log, 10).hash}' WHERE node = 'thon-01'")
    assert found(log, house) == ("rewritten", 10)


def test_a_tail_cut_off_is_found_by_the_file_beside_the_database(log: Database, house: Folders) -> None:
    SignedHead(house.data_dir).write(head(log, 12))
    as_owner(log, "DELETE FROM audit WHERE id > 11")
    assert found(log, house) == ("cut", 12)


def test_a_trigger_that_changes_what_nodes_say_is_named(log: Database, house: Folders) -> None:
    statements = quieting(log)
    as_root(log, *statements)
    try:
        with log.reading() as db:
            finding = audit.inspect(db, house)
    finally:
        if log.engine.dialect.name != "sqlite":
            as_root(log, "DROP TRIGGER quiet ON node_seen", "DROP FUNCTION hush")
    assert finding.guards.foreign == ("node_seen.quiet",)
    assert finding.guards.is_whole
    assert not finding.is_well


def test_hollow_guards_under_the_old_names_are_no_guards(log: Database, house: Folders) -> None:
    if log.engine.dialect.name == "sqlite":
        for name in TRIGGERS:
            as_root(
                log,
                f"DROP TRIGGER {name}",
                f"CREATE TRIGGER {name} BEFORE UPDATE ON audit WHEN 0 BEGIN SELECT 1; END",
            )
        with log.reading() as db:
            assert not audit.inspect(db, house).has_triggers
        return
    with log.reading() as db:
        source = db.scalar(text("SELECT prosrc FROM pg_proc WHERE proname = 'audit_refuse'"))
    empty = "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $${}$$"
    as_root(log, empty.format(" BEGIN RETURN NULL; END "))
    try:
        with log.reading() as db:
            assert not audit.inspect(db, house).has_triggers
    finally:
        as_root(log, empty.format(source))


def test_a_view_in_the_place_of_a_table_is_named(log: Database, house: Folders) -> None:
    as_root(
        log, "ALTER TABLE certificate RENAME TO certificate_kept", "CREATE VIEW certificate AS SELECT 1 AS x"
    )
    try:
        with log.reading() as db:
            assert audit.inspect(db, house).guards.foreign == ("certificate.certificate",)
    finally:
        as_root(log, "DROP VIEW certificate", "ALTER TABLE certificate_kept RENAME TO certificate")


@pytest.mark.parametrize("how", ["nothing", "own"])
def test_a_head_that_this_hub_did_not_sign_speaks_against_the_node_and_not_against_the_log(
    log: Database, house: Folders, how: str
) -> None:
    invented = Head(5, "f" * 64)
    body = canonical(AuditBody(generation=5, commune="00/00000", hash=invented.hash, at=NOW))
    name, _ = load_hub_signer(house.keys_dir)
    own = msgspec.to_builtins(Signed(body=body, signatures=[sign(body, "audit", name, new_key())]))
    say(log, "thon-02", invented, {"nothing": None, "own": own}[how])
    with log.reading() as db:
        finding = audit.inspect(db, house)
    assert [(each.is_signed, each.agrees) for each in finding.nodes] == [(True, True), (False, True)]
    assert finding.is_well


def test_a_node_s_word_changed_in_the_database_does_not_change_what_was_signed(
    log: Database, house: Folders
) -> None:
    recompute(log, 3, "someone.else")
    as_root(log, f"UPDATE node_seen SET audit_hash = '{head(log, 10).hash}' WHERE node = 'thon-01'")
    assert found(log, house) == ("rewritten", 10)
