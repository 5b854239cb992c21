"""The list of revoked certificates that the broker reads: signed by the issuing key, daily and with each revocation.

A list past its end locks everybody out (Mosquitto lets nobody in), so it lives for weeks, is signed anew every day,
and an alarm is raised while there are still days left. `langso provision crl` makes one at once. Mosquitto reads it
again on SIGHUP, and forgets with it the TLS sessions that could be resumed without a look at the list.
"""

from __future__ import annotations

import hashlib
import logging
import os
import signal
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session as Db

from broker.hub.keys.issuing import Issuer
from broker.hub.records import Certificate, Database, put_setting, setting
from broker.link.config import Settings
from broker.trust.certificates import SERVICE_DAYS, crl_expires, crl_serials, make_crl
from broker.trust.keys import IdentityError, read_file, write_public

log = logging.getLogger(__name__)

SETTING = "broker.crl"
FILE = "crl.pem"
SIGN_AGAIN = timedelta(days=1)
ALARM = timedelta(hours=72)
PROGRAMS = ("mosquitto", "deploy.embedded")
"""Whom the signal may reach: to any other program SIGHUP would be the end."""

Serials = Sequence[tuple[str, datetime]]


class NotTold(Exception):
    """The broker could not be told to read its files again; the text says why."""


def revoked(db: Db, now: datetime) -> list[tuple[str, datetime]]:
    """Serials of certificates that count no more and have not ended by themselves, and since when."""
    query = select(Certificate.serial, Certificate.revoked_at).where(
        Certificate.revoked_at.is_not(None), Certificate.not_after > now - timedelta(days=1)
    )
    return [(serial, at) for serial, at in db.execute(query.order_by(Certificate.serial)) if at is not None]


def write(
    database: Database,
    keys: Path,
    issuer: Issuer,
    now: datetime,
    extra: Serials = (),
    days: int | None = None,
) -> datetime:
    """Sign the list and put it where the broker reads it; returns its end. The broker is not told yet.

    extra: throw-away serials to be in it this time. days: other than the usual life, for tests. What the present list
    of the same key names stays on it, whatever the records say: they may have been put back from a copy.
    Raises the database's errors, IdentityError, OSError.
    """
    with database.reading() as db:
        known = revoked(db, now)
        kept = {**dict(_of_before(db, keys, issuer, now)), **dict(known)}
    named = {**kept, **dict(extra)}
    pem = make_crl(issuer, sorted(named.items()), now, **({} if days is None else {"days": days}))
    write_public(keys / FILE, pem)
    until = crl_expires(pem)
    value = {
        "signed_at": now.isoformat(),
        "until": until.isoformat(),
        "holds": _digest(known),
        "passing": [serial for serial, _ in extra],
    }
    with database.session() as db:
        put_setting(db, SETTING, value, now)
    log.info("revocation list of %d certificates until %s", len(known), until, extra={"event": "crl-signed"})
    return until


def _of_before(db: Db, keys: Path, issuer: Issuer, now: datetime) -> list[tuple[str, datetime]]:
    """What the present list names and still counts: neither thrown away nor over by itself."""
    kept = setting(db, SETTING, None)
    passing = set(kept.get("passing", ())) if isinstance(kept, dict) else set()
    over = set(db.scalars(select(Certificate.serial).where(Certificate.not_after <= now - timedelta(days=1))))
    return [
        (serial, since)
        for serial, since in _present(keys, issuer)
        if serial not in passing | over and now - since < timedelta(days=SERVICE_DAYS)
    ]


def _present(keys: Path, issuer: Issuer) -> list[tuple[str, datetime]]:
    try:
        return crl_serials(read_file(keys / FILE), issuer)
    except IdentityError:
        return []


def forgotten(db: Db, keys: Path, issuer: Issuer) -> list[str]:
    """Nodes whose certificates the list names as revoked while the records, put back from a copy, believe them."""
    valid = db.execute(select(Certificate.serial, Certificate.node).where(Certificate.revoked_at.is_(None)))
    named = {serial for serial, _ in _present(keys, issuer)}
    return sorted({node for serial, node in valid if serial in named})


def is_due(db: Db, keys: Path, now: datetime) -> bool:
    """Whether the list must be signed again: it is a day old, lacks a certificate revoked since, or is gone."""
    kept = setting(db, SETTING, None)
    if not isinstance(kept, dict) or not (keys / FILE).exists():
        return True
    try:
        signed_at = datetime.fromisoformat(kept["signed_at"])
    except (KeyError, ValueError):
        return True
    is_stale = not timedelta() <= now - signed_at < SIGN_AGAIN
    return is_stale or kept.get("holds") != _digest(revoked(db, now))


def ends(keys: Path) -> datetime | None:
    """When the list in this folder ends; None when there is none that can be read."""
    try:
        return crl_expires(read_file(keys / FILE))
    except IdentityError:
        return None


def warning(until: datetime | None, now: datetime) -> str:
    """A Vietnamese sentence when the list is about to lock everybody out or has done so; empty while all is well."""
    todo = "Xin chạy lệnh: langso provision crl."
    if until is None:
        return f"Trung tâm xã thiếu danh sách chứng thư thu hồi; máy chuyển tin không cho ai vào. {todo}"
    if until <= now:
        return f"Danh sách chứng thư thu hồi đã hết hạn; máy chuyển tin không cho ai vào. {todo}"
    if until - now < ALARM:
        hours = int((until - now).total_seconds() // 3600)
        return f"Danh sách chứng thư thu hồi còn hạn {hours} giờ mà chưa ký lại được. {todo}"
    return ""


def tell_broker(settings: Settings) -> None:
    """Have the broker read its list again. Raises NotTold.

    The process named in the pid file is looked at first: after a power cut that number may be anyone's, and a broker
    that is still starting, which reads the list anyway, would be ended by the signal.
    """
    name = settings.broker.pid_file
    if not name:
        raise NotTold("broker.pid_file is not set, so the broker cannot be told of a new revocation list")
    try:
        pid = int(Path(name).read_text(encoding="ascii").strip())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as why:
        raise NotTold(f"{name}: the broker is not running: {why}") from why
    if not command:  # it is being made: its program has not begun
        raise NotTold(f"{name}: the broker, process {pid}, is still starting")
    if not any(program in command for program in PROGRAMS):
        raise NotTold(f"{name}: process {pid} is not the broker but {command[:60]!r}")
    if not _listens_to_hangup(status):
        raise NotTold(f"{name}: the broker, process {pid}, is still starting")
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as why:
        raise NotTold(f"{name}: process {pid} cannot be told: {why.strerror}") from why


def _listens_to_hangup(status: str) -> bool:
    """Whether a process has its own way with SIGHUP (proc(5), SigCgt); without one the signal ends it."""
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (signal.SIGHUP - 1) & 1)


def renew(settings: Settings, database: Database, now: datetime) -> datetime:
    """Sign the list and tell the broker at once: the way out when everybody is locked out. Returns its end.

    Raises NotTold, when the list is written but the broker has to be started again; IdentityError, OSError, the
    database's errors.
    """
    until = write(database, settings.keys_dir, Issuer(settings.keys_dir), now)
    tell_broker(settings)
    return until


def _digest(serials: Serials) -> str:
    return hashlib.sha256(",".join(serial for serial, _ in serials).encode()).hexdigest()[:32]
