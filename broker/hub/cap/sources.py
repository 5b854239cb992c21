"""Addresses that are asked for warnings: added and removed by people, asked in turn by the poller."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.hub.announcing.checks import visible
from broker.hub.cap.asking import refuse_address
from broker.hub.cap.drafts import WRITERS
from broker.hub.cap.rules import KEEPERS
from broker.hub.cap.signature import refuse_certificate
from broker.hub.declined import Declined
from broker.hub.records import Account, CapMessage, CapSource, note_change, write_audit
from broker.hub.roles import has_role, require_role

MOST_SOURCES: Final = 20
LONGEST_NAME: Final = 80
SHORTEST_S, LONGEST_S = 60, 86_400
"""How often an address may be asked."""
MOST_A_DAY: Final = 500
"""Messages of one source that are kept in a day; a source that sends more is broken or hostile."""


def add_source(
    db: Session,
    account: Account,
    name: str,
    address: str,
    every_s: int,
    certificate: str,
    writer: str,
    now: datetime,
) -> CapSource:
    """Put an address on the list.

    certificate: PEM of whom its messages must be signed by, or empty. writer: username of the editor in whose name
    its warnings become drafts, or empty. Raises Declined for what cannot be asked, or is on the list already.
    """
    require_role(db, account, now, *KEEPERS)
    name, address, certificate = " ".join(visible(name).split()), address.strip(), certificate.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Declined("cap-name", f"Xin đặt tên cho nguồn, nhiều nhất {LONGEST_NAME} chữ cái.")
    refuse_address(address)
    if not SHORTEST_S <= every_s <= LONGEST_S:
        raise Declined("cap-every", "Xin chọn hỏi lại sau từ 1 phút đến 24 giờ.")
    if certificate:
        refuse_certificate(certificate, now)
    every = all_sources(db)
    if any(one.address == address for one in every):
        raise Declined("cap-known", "Địa chỉ này đã có trong danh sách.")
    if len(every) >= MOST_SOURCES:
        raise Declined("cap-many", f"Đã có {MOST_SOURCES} nguồn, xin bỏ bớt nguồn không dùng.")
    made = CapSource(
        name=name,
        address=address,
        every_s=every_s,
        certificate=certificate,
        account_id=_writer(db, writer, now),
        created_at=now,
        problem="",
        etag="",
    )
    db.add(made)
    db.flush()
    write_audit(
        db, now, account.username, "cap.source-added", str(made.id), {"name": name, "address": address}
    )
    note_change(db, "warning", "source", now)
    return made


def remove_source(db: Session, account: Account, number: int, now: datetime) -> CapSource:
    """Ask an address no more; what it sent stays. Raises Declined when it is gone."""
    require_role(db, account, now, *KEEPERS)
    gone = one_source(db, number)
    gone.removed_at = now
    told = {"name": gone.name, "address": gone.address}
    write_audit(db, now, account.username, "cap.source-removed", str(gone.id), told)
    note_change(db, "warning", "source", now)
    return gone


def ask_soon(db: Session, account: Account, number: int, now: datetime) -> CapSource:
    """Let the poller ask an address at its next turn."""
    require_role(db, account, now, *WRITERS, *KEEPERS)
    source = one_source(db, number)
    source.asked_at = None
    return source


def one_source(db: Session, number: int) -> CapSource:
    """A source on the list. Raises Declined when it is not."""
    source = db.get(CapSource, number)
    if source is None or source.removed_at is not None:
        raise Declined("cap-no-source", "Nguồn này đã được bỏ rồi.")
    return source


def all_sources(db: Session) -> list[CapSource]:
    """The sources on the list, by name."""
    rows = db.scalars(select(CapSource).where(CapSource.removed_at.is_(None)))
    return sorted(rows, key=lambda one: (one.name.casefold(), one.id))


def certificates(db: Session) -> list[str]:
    """Of all sources on the list: what a message that was brought as a file may be signed by."""
    return [one.certificate for one in all_sources(db) if one.certificate]


def due(db: Session, now: datetime) -> list[CapSource]:
    """Sources whose turn it is, the one longest unasked first."""
    rows = [
        one
        for one in all_sources(db)
        if one.asked_at is None or one.asked_at + timedelta(seconds=one.every_s) <= now
    ]
    return sorted(rows, key=lambda one: (one.asked_at is not None, one.asked_at or now, one.id))


def has_room(db: Session, source: CapSource, now: datetime) -> bool:
    """Whether more of its messages may be kept today."""
    query = select(func.count()).where(
        CapMessage.source_id == source.id, CapMessage.received_at > now - timedelta(days=1)
    )
    return (db.scalar(query) or 0) < MOST_A_DAY


def _writer(db: Session, username: str, now: datetime) -> int | None:
    if not username:
        return None
    found = db.scalars(select(Account).where(Account.username == username)).first()
    if found is None or not has_role(db, found, now, *WRITERS):
        raise Declined("cap-writer", "Xin chọn người biên tập trong danh sách.")
    return found.id
