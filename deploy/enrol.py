"""What provisioning puts into the hub's records: villages, nodes, people, their keys, and the first content."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub import trusted
from broker.hub.accounts import create_account
from broker.hub.content import set_base
from broker.hub.records import Account, Database, NodeRecord, Village, note_change, open_database, put_setting
from broker.link.config import load
from broker.trust.approvers import NewKey, new_key_file, sign_list
from broker.trust.files import write_atomically
from broker.trust.identity import Commune
from deploy.provision import SETTINGS_FILE, SHIPPED_CONTENT, Layout, ProvisionError, random_password


@contextmanager
def hub_records(layout: Layout) -> Iterator[Database]:
    """The records of the hub on this machine. Raises SettingsError, DatabaseError."""
    database = open_database(load(layout.hub / SETTINGS_FILE))
    try:
        yield database
    finally:
        database.close()


def set_shipped_content(layout: Layout) -> None:
    """Give the hub the procedures that come with this release, for its nodes' screens. Raises OSError."""
    set_base(load(layout.hub / SETTINGS_FILE).data_dir, SHIPPED_CONTENT.read_bytes())


def read_villages(file: Path) -> tuple[list[Village], str]:
    """Villages and river of a commune's map, as drawn in a TOML file (deploy/van_khe.toml is one).

    Raises ProvisionError naming what is wrong.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        villages = [_village(each, number) for number, each in enumerate(table["village"], 1)]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise ProvisionError(f"{file}: not valid TOML: {why}") from why
    except (KeyError, TypeError, ValueError) as why:
        raise ProvisionError(
            f"{file}: found {why!r}; each [[village]] needs code, name, centre = [x, y], path"
        ) from why
    return villages, str(table.get("river", ""))


def _village(table: Mapping[str, Any], number: int) -> Village:
    x, y = table.get("centre", (0, 0))
    return Village(
        code=str(table["code"]),
        name=str(table["name"]),
        rank=int(table.get("rank", number)),
        centre_x=float(x),
        centre_y=float(y),
        path=str(table.get("path", "")),
    )


def put_villages(db: Session, villages: Sequence[Village], now: datetime, river: str = "") -> None:
    """Add villages that the hub does not know yet; those it knows stay as people edited them."""
    for village in villages:
        if db.get(Village, village.code) is None:
            db.add(village)
            note_change(db, "village", village.code, now)
    if river:
        put_setting(db, "map.river", river, now)
    db.flush()


def register_node(db: Session, name: str, village: str, label: str, now: datetime) -> None:
    """Tell the hub of a node; nothing changes when it is known. Raises ProvisionError for an unknown village."""
    if db.get(Village, village) is None:
        known = ", ".join(db.scalars(select(Village.code).order_by(Village.rank))) or "none yet"
        raise ProvisionError(f"village {village!r} is not known at the hub; known: {known}")
    if db.get(NodeRecord, name) is None:
        db.add(NodeRecord(name=name, village=village, label=label, registered_at=now))
        note_change(db, "node", name, now)
        db.flush()


def add_account(
    db: Session, username: str, full_name: str, roles: Sequence[str], now: datetime, title: str = ""
) -> str:
    """Make an account with a fresh random password and return that. Raises Declined."""
    password = random_password()
    create_account(
        db,
        username=username,
        full_name=full_name,
        title=title,
        password=password,
        roles=roles,
        now=now,
        by="provision",
    )
    return password


def add_approver(
    layout: Layout,
    commune: Commune,
    db: Session,
    username: str,
    pin: str,
    file: Path,
    now: datetime,
    *,
    emergency: bool = False,
) -> NewKey:
    """Make a key for an account that may approve: the key file for its owner, the key's name in the trust list.

    Raises ProvisionError for an unknown account, IdentityError for a weak PIN, Declined.
    """
    account = db.scalars(select(Account).where(Account.username == username)).first()
    if account is None:
        raise ProvisionError(f"account {username!r} is not known at the hub; make it first")
    made = new_key_file(account.full_name, pin)
    write_atomically(file, made.file.encode())
    trusted.add_key(db, account, kind="file", public=made.public, label=file.name, now=now, by="provision")
    settings = load(layout.hub / SETTINGS_FILE)
    urgent = {made.key} if emergency else None
    body = trusted.proposal(db, settings, now, emergency=urgent)
    trusted.take(db, settings, sign_list(body, commune.root), "provision", now)
    return made
