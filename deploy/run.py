"""`langso run SERVICE`: settings → logging → session → the service's workers, until SIGTERM."""

from __future__ import annotations

import errno
import importlib
import os
import sqlite3
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from broker.contract import HUB_SERVICES
from broker.link.clock import MachineClock
from broker.link.config import Settings, SettingsError, load
from broker.link.service import log_as, run
from broker.link.session import Session
from deploy.services import SERVICES

BAD_SETTINGS = 78
NOT_NOW = 75
"""EX_TEMPFAIL: a port is busy, a disk is full. The settings are right, so starting again may help."""
_PASSING = (
    errno.EADDRINUSE,
    errno.EADDRNOTAVAIL,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.EROFS,
    errno.ENOTCONN,
)


def run_service(service: str, config: Path) -> int:
    """Run one service in this process; what keeps it from starting stands on stderr, a line each.

    78: the settings or files it needs are wrong, and only a person can mend them. 75: it may work later.
    """
    from broker.trust.keys import IdentityError
    from broker.trust.swap import finish_swap

    try:
        settings = load(config)
        _agree(settings, service, config)
        log_as(f"{settings.machine.name}.{service}", settings.machine.log_level)
        with suppress(OSError):  # who may not write there leaves it to a service that may
            finish_swap(settings.keys_dir)
        floor, is_node = settings.data_dir / "clock-floor", settings.machine.role == "node"
        clock = MachineClock(floor, settings.clock.source, is_held=is_node)
        session = _session(settings, service, clock)
        workers = importlib.import_module(SERVICES[service]).build(settings, session)
    except SettingsError as why:
        return _refuse(config, why.lines, why.__cause__)
    except OSError as why:
        return _refuse(config, [f"{why.filename or 'a file it names'}: {why.strerror or why}"], why)
    except IdentityError as why:
        return _refuse(config, [f"keys.dir: {why}"], why)
    except sqlite3.Error as why:
        return _refuse(config, [f"machine.data: {why}"], why)
    except RuntimeError as why:  # DatabaseError, which a node does not have
        return _refuse(config, [str(why)], why.__cause__)
    return run(workers, session)


def _session(settings: Settings, service: str, clock: MachineClock) -> Session:
    """The session; a screen whose disk takes nothing any more still shows what to bring.

    Raises OSError, sqlite3.Error.
    """
    try:
        return Session(settings, service, clock)
    except (OSError, sqlite3.Error) as why:
        if service != "kiosk" or not _is_disk(why):
            raise
        session = Session(settings, service, clock, Path(tempfile.mkdtemp(prefix="langso-", dir="/dev/shm")))
        session.problem("disk", f"Đĩa của máy không ghi được, cần người xem: {why}")
        return session


def _is_disk(why: Exception) -> bool:
    if isinstance(why, OSError):
        return why.errno in (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO)
    return type(why).__name__ == "OperationalError"


def _agree(settings: Settings, service: str, config: Path) -> None:
    role = "hub" if service in HUB_SERVICES else "node"
    if settings.machine.role != role:
        line = f"{config}: machine.role: found {settings.machine.role!r}; {service} runs on a {role}"
        raise SettingsError([line])


def _refuse(config: Path, lines: list[str], cause: BaseException | None) -> int:
    for line in lines:
        sys.stderr.write(f"langso: {line}\n" if str(config) in line else f"langso: {config}: {line}\n")
    return NOT_NOW if _is_passing(cause) else BAD_SETTINGS


def _is_passing(cause: BaseException | None) -> bool:
    """Whether the same settings may work in a moment. The device port's server hides errno in its text."""
    if isinstance(cause, OSError):
        return cause.errno in _PASSING or os.strerror(errno.EADDRINUSE) in str(cause)
    return type(cause).__name__ == "OperationalError"  # of sqlite3 or SQLAlchemy: full, locked or away
