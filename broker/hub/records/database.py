"""Opening the hub's database so that three processes can share it and nothing acknowledged is lost."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from broker.link.config import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_S = 10.0
"""How long a writer waits for another process's transaction."""

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-8000",
    "temp_store=MEMORY",
)
_MIGRATION_LOCK = 0x6C735F6D69
_WRITER_LOCK = 0x6C735F7772

_POSTGRESQL = {
    "connect_timeout": 10,
    "client_encoding": "utf8",
    # A server that vanished without a word is noticed within half a minute.
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": (
        f"-c lock_timeout={int(BUSY_S * 1000)} -c idle_in_transaction_session_timeout=60000"
        # What is acknowledged is on the disk, whatever the server's own settings say.
        " -c synchronous_commit=on -c timezone=UTC"
    ),
}

REFUSALS = (OperationalError, InterfaceError, InternalError)
"""The database itself refuses (away, full, read-only, locked for too long): not the fault of what is stored."""


class DatabaseError(RuntimeError):
    """The database cannot be opened or brought to this release's schema; the text names it and says why."""


class Database:
    """The hub's records. Threads and processes share it; each `with` block is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reads = engine.execution_options(langso_reads=True)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One writing transaction: commits when the block ends, rolls back when it raises.

        Writers take turns, so what was read inside stays true till commit: SQLite takes the write lock at once
        (BEGIN IMMEDIATE), on PostgreSQL an advisory lock does the same.
        """
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            yield db

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One reading transaction over one moment of the database; never waits for a writer. Do not write."""
        with Session(self._reads, expire_on_commit=False, autoflush=False) as db:
            yield db  # closing ends the transaction and leaves what was read readable

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


def insert_into(db: Session, table: Any) -> sqlite_dialect.Insert:
    """INSERT that knows ON CONFLICT, in the dialect of this database (both dialects write it alike)."""
    if db.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)  # type: ignore[return-value]
    return sqlite_dialect.insert(table)


def open_database(settings: Settings) -> Database:
    """Open by settings: `database.url`, or `<data>/hub.db` when it is empty. Raises DatabaseError."""
    return open_url(settings.database.url or f"sqlite:///{settings.data_dir / 'hub.db'}")


def open_url(url: str) -> Database:
    """Open one database by URL and bring its schema up to this release. Raises DatabaseError."""
    try:
        # Values stay out of error texts: they reach logs, and some are people's words.
        engine = create_engine(url, hide_parameters=True, **_arguments(url))
    except Exception as why:  # any driver's complaint about a URL is the operator's to read
        raise DatabaseError(f"database.url {_without_password(url)!r} cannot be used: {why}") from why
    if engine.dialect.name == "sqlite":
        if engine.url.database not in (None, "", ":memory:"):
            _keep_private(Path(str(engine.url.database)))
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    try:
        _bring_up(engine)
        if engine.dialect.name == "postgresql":
            _check_encoding(engine)
            event.listen(engine, "begin", _on_postgresql_begin)
            event.listen(engine, "handle_error", _on_postgresql_error)
    except (DBAPIError, OSError, sqlite3.Error) as why:
        engine.dispose()
        raise DatabaseError(f"database {_without_password(url)!r} cannot be opened: {why}") from why
    return Database(engine)


def _keep_private(file: Path) -> None:
    """Nobody else on this machine reads the records, whatever the umask of whoever types a command.

    SQLite gives the files beside the database (-wal, -shm) the database's own mode. A folder that is there stays.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):  # it will be said, with its reason, when the database itself is opened
        for each in (file, Path(f"{file}.migrating")):
            each.touch(mode=0o600, exist_ok=True)
            if each.stat().st_mode & 0o077:
                each.chmod(0o600)


def schema_head() -> str:
    """Revision of the newest migration: the first four digits of its file's name."""
    return max(f.name[:4] for f in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _arguments(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": BUSY_S, "check_same_thread": False}, "pool_size": 8}
    found: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 8}
    return {**found, "connect_args": _POSTGRESQL} if url.startswith("postgresql") else found


def _without_password(url: str) -> str:
    """What may stand in a log: neither the password before the `@` nor one among the options after the `?`."""
    scheme, found, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" if found else url


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event starts transactions, not the driver
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("langso_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _on_postgresql_begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("langso_reads")
    connection.exec_driver_sql(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
        if reads
        else f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})"
    )


def _on_postgresql_error(context: ExceptionContext) -> None:
    """The server's DETAIL quotes the row it refused, and some rows are people's words: it stays out of logs."""
    for why in (context.original_exception, context.sqlalchemy_exception):
        if why is not None and why.args:
            why.args = (str(why.args[0]).partition("\nDETAIL:")[0], *why.args[1:])


def _check_encoding(engine: Engine) -> None:
    with engine.connect() as connection:
        found = connection.scalar(text("SHOW server_encoding"))
    if found != "UTF8":
        raise DatabaseError(
            f"database {_without_password(str(engine.url))!r} has encoding {found}, UTF8 is needed: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        try:
            found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        except DBAPIError:
            return None  # a new database
        return found


def _bring_up(engine: Engine) -> None:
    """Migrate when needed; Alembic is imported only then, because it costs a start half a second."""
    head = schema_head()
    if _version(engine) == head:
        return
    with _one_at_a_time(engine):
        found = _version(engine)
        if found is not None and found > head:
            raise DatabaseError(
                f"database has schema {found}, this release knows up to {head}: install the newer one"
            )
        if found != head:
            from alembic import command
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["engine"] = engine
            command.upgrade(config, "head")


@contextmanager
def _one_at_a_time(engine: Engine) -> Iterator[None]:
    """Three services may start on a new database in the same second; one of them migrates."""
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET lock_timeout = 0"))  # a migration may take longer than a writer
            connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": _MIGRATION_LOCK})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": _MIGRATION_LOCK})
                connection.invalidate()  # its patience is not for ordinary work
