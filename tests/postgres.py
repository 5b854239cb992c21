"""A real PostgreSQL for tests: a cluster in a temporary folder, durable as in service, a new database per test."""

from __future__ import annotations

import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.stage import free_port
from tests.until import until

USER = "hub"
START_S = 60.0

_REMEMBER = """
CREATE SCHEMA seed;
CREATE TABLE seed.counters AS SELECT sequencename, coalesce(last_value, 1) AS value, last_value IS NOT NULL AS is_used
    FROM pg_sequences WHERE schemaname = 'public';
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE seed.%1$I AS TABLE public.%1$I', name);
    END LOOP;
END $$;
"""
_RESTORE = """
SET session_replication_role = replica;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DELETE FROM public.%1$I', name);
        EXECUTE format('INSERT INTO public.%1$I TABLE seed.%1$I', name);
    END LOOP;
    PERFORM setval(('public.' || quote_ident(sequencename))::regclass, value, is_used) FROM seed.counters;
END $$;
"""


def programs() -> Path | None:
    """The folder of the newest server installed; Debian keeps it out of PATH. None: there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if found:
        return found[-1].parent
    inside = shutil.which("initdb")
    return Path(inside).resolve().parent if inside else None


def need_postgres() -> Path:
    """The server's programs; skips where they are missing, fails in CI."""
    found = programs()
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("initdb is missing; CI installs the package postgresql")
    pytest.skip("PostgreSQL is not installed (package postgresql)")


class RunningPostgres:
    """A cluster on a free port of loopback that a test may kill and start again. fsync stays on."""

    def __init__(self) -> None:
        self._programs = need_postgres()
        # Not in pytest's own folder: the server refuses to be root, and no other user may look in there.
        self.folder = Path(tempfile.mkdtemp(prefix="langso-postgres-"))
        self._as: dict[str, Any] = {"cwd": self.folder}
        if os.geteuid() == 0:
            person = pwd.getpwnam("postgres")
            os.chown(self.folder, person.pw_uid, person.pw_gid)
            self._as |= {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._make()

    def _make(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        order = ["--pgdata", "data", "--username", USER, "--pwfile", "password"]
        order += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        subprocess.run(
            [self._programs / "initdb", *order], check=True, stdout=subprocess.DEVNULL, timeout=60, **self._as
        )
        secret.unlink()

    def start(self) -> None:
        """Start and wait until it answers."""
        facts = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "max_connections": 60,
            "fsync": "on",
            "timezone": "Asia/Ho_Chi_Minh",  # not UTC: what is stored must not depend on it
        }
        settings = [part for key, value in facts.items() for part in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data", *settings], stdout=log, stderr=log, **self._as
            )
        until(self._answers, START_S, self.log)

    def log(self) -> str:
        """The end of what it has said."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def url(self, database: str = "postgres") -> str:
        """What stands in `database.url`."""
        return f"postgresql+psycopg://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the administrator, each statement on its own."""
        address = self.url(database).replace("+psycopg", "")
        return psycopg.connect(address, autocommit=True, connect_timeout=5)

    def fresh(self) -> str:
        """Name of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return name

    def remember(self, database: str) -> None:
        """Keep the rows a database has now, for `restore`."""
        with self.connect(database) as connection:
            connection.execute(_REMEMBER)

    def restore(self, database: str) -> None:
        """Give a database the rows that were remembered and no others: ten times cheaper than a new one."""
        self.cut(database)
        with self.connect(database) as connection:
            connection.execute(_RESTORE)

    def drop(self, database: str) -> None:
        """Remove a database, whoever still uses it."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())

    def cut(self, database: str) -> int:
        """End every connection to a database from the server's side. Returns how many there were."""
        with self.connect() as connection:
            found = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,)
            )
            return len(found.fetchall())

    def kill(self) -> None:
        """Like a power cut: every process of it at once."""
        assert self._process is not None
        for pid in [self._process.pid, *self._children()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def close(self) -> None:
        """End it and remove its folder."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": connections end, nothing is recovered later
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _children(self) -> list[int]:
        assert self._process is not None
        file = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in file.read_text().split()]

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError), self.connect():
            return True
        return False
