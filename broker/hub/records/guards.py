"""What the database itself does when a table is written: the three triggers that guard the audit log, and no other.

Whoever owns the database can put a hollow trigger in the place of a true one, or add one that rewrites what nodes
report. So their text is compared, not their names, and everything that does not belong is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

TRIGGERS: Final = ("audit_append", "audit_keep_changed", "audit_keep_deleted")
"""What keeps the audit log append-only; migration 0007 makes them."""
TABLES: Final = ("audit", "node_seen", "plan", "trust_list", "certificate")
"""Tables whose words are believed when the log is looked at: never a view, never under a rule."""

_REFUSAL = "the audit log is append-only"
_SQLITE: Final = {
    "audit_append": "CREATE TRIGGER audit_append BEFORE INSERT ON audit "  # noqa: S608  (only compared)
    "WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit) "
    "OR NEW.prev IS NOT coalesce((SELECT hash FROM audit ORDER BY id DESC LIMIT 1), printf('%064d', 0)) "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    "audit_keep_changed": "CREATE TRIGGER audit_keep_changed BEFORE UPDATE ON audit "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    "audit_keep_deleted": "CREATE TRIGGER audit_keep_deleted BEFORE DELETE ON audit "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
}
_REFUSE = f" BEGIN RAISE EXCEPTION '{_REFUSAL}'; END"
_FOLLOW = (
    " BEGIN IF NEW.id IS DISTINCT FROM (SELECT coalesce(max(id), 0) + 1 FROM audit) "  # noqa: S608  (only compared)
    "OR NEW.prev IS DISTINCT FROM "
    "coalesce((SELECT hash FROM audit ORDER BY id DESC LIMIT 1), repeat('0', 64)) "
    f"THEN RAISE EXCEPTION '{_REFUSAL}'; END IF; RETURN NEW; END"
)
_POSTGRESQL: Final = {
    "audit_append": "CREATE TRIGGER audit_append BEFORE INSERT ON audit FOR EACH ROW "
    "EXECUTE FUNCTION audit_follow()" + _FOLLOW,
    "audit_keep_changed": "CREATE TRIGGER audit_keep_changed BEFORE UPDATE ON audit FOR EACH STATEMENT "
    "EXECUTE FUNCTION audit_refuse()" + _REFUSE,
    "audit_keep_deleted": "CREATE TRIGGER audit_keep_deleted BEFORE DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()" + _REFUSE,
}
_SQLITE_FOUND = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
_SQLITE_STANDINS = "SELECT tbl_name || '.' || name FROM sqlite_master WHERE type = 'view'"
_POSTGRESQL_FOUND = """SELECT t.tgname, c.relname, CASE WHEN t.tgenabled IN ('O', 'A')
    THEN pg_get_triggerdef(t.oid, true) || ' ' || p.prosrc ELSE '' END
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"""
_POSTGRESQL_STANDINS = """SELECT tablename || '.' || rulename FROM pg_rules WHERE schemaname = current_schema()
    UNION SELECT viewname || '.' || viewname FROM pg_views WHERE schemaname = current_schema()"""


@dataclass(frozen=True)
class Guards:
    """What stands in the way of whoever writes to the database."""

    is_whole: bool
    """The three triggers do what migration 0007 made them for."""
    foreign: tuple[str, ...] = ()
    """Triggers on any table, and rules or views in the place of TABLES, that are not ours: `node_seen.quiet`."""


def guards_of(db: Session) -> Guards:
    """What the database does by itself now, compared with what the migrations made."""
    is_sqlite = db.get_bind().dialect.name == "sqlite"
    wanted = _SQLITE if is_sqlite else _POSTGRESQL
    found = db.execute(text(_SQLITE_FOUND if is_sqlite else _POSTGRESQL_FOUND)).all()
    ours = {name: _plain(sql) for name, table, sql in found if table == "audit" and name in wanted}
    foreign = [f"{table}.{name}" for name, table, _ in found if table != "audit" or name not in wanted]
    standins = db.scalars(text(_SQLITE_STANDINS if is_sqlite else _POSTGRESQL_STANDINS))
    foreign += [each for each in standins if each.partition(".")[0] in TABLES]
    return Guards(ours == wanted, tuple(sorted(foreign)))


def _plain(sql: object) -> str:
    """One spelling of the spaces."""
    return " ".join(str(sql).split())
