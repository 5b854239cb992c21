"""What provisioning puts into the hub's records: villages, nodes, people, their keys, and the first content."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub import next_list, trusted
from broker.hub.accounts import create_account
from broker.hub.content import set_base
from broker.hub.keys.command import enrol_command, root_fingerprint
from broker.hub.keys.enrolment import admit, offer_code
from broker.hub.keys.issuing import Issuer
from broker.hub.records import (
    Account,
    Certificate,
    Database,
    Village,
    note_change,
    open_database,
    put_setting,
    write_audit,
)
from broker.link.config import load
from broker.trust.approvers import NewKey, new_key_file, sign_list
from broker.trust.enrolment import SETTINGS_FILE, Ask, fingerprint, prepare, settle
from broker.trust.files import write_atomically
from broker.trust.identity import Commune, renew_issuing
from broker.trust.keys import read_file
from deploy.provision import Layout, ProvisionError, random_password


@contextmanager
def hub_records(layout: Layout) -> Iterator[Database]:
    """The records of the hub on this machine. Raises SettingsError, DatabaseError."""
    database = open_database(load(layout.hub / SETTINGS_FILE))
    try:
        yield database
    finally:
        database.close()


def shipped_content() -> bytes:
    """What the screens say before the commune has said anything, as a bundle."""
    from kiosk.content import shipped

    return msgspec.json.encode(shipped().bundle)


def set_shipped_content(layout: Layout) -> None:
    """Give the hub the procedures that come with this release, for its nodes' screens. Raises OSError."""
    set_base(load(layout.hub / SETTINGS_FILE).data_dir, shipped_content())


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
            write_audit(db, now, "provision", "village.added", village.code, {"name": village.name})
    if river:
        put_setting(db, "map.river", river, now)
    db.flush()


def enrol_here(db: Session, layout: Layout, node: str, village: str, label: str, now: datetime) -> None:
    """Enrol a node whose folder stands in this one, by the same steps as `langso enrol` but without the network.

    Raises Declined, IdentityError, OSError.
    """
    settings = load(layout.hub / SETTINGS_FILE)
    folder = layout.node(node)
    offer = offer_code(db, node=node, village=village, label=label, by="provision", now=now, again=True)
    ask = Ask(node=node, code=offer.code, requests=prepare(folder / "keys", node))
    welcome = admit(db, settings, Issuer(settings.keys_dir), ask, now)
    settle(folder / "keys", folder, welcome, fingerprint(read_file(settings.keys_dir / "ca.pem")))


def make_code(
    db: Session, layout: Layout, node: str, village: str, label: str, now: datetime, *, again: bool = False
) -> tuple[str, datetime]:
    """A code for a node: the command to type there, and until when it counts. Raises Declined, IdentityError."""
    settings = load(layout.hub / SETTINGS_FILE)
    known = db.get(Village, village)
    shown = label or f"Nhà văn hoá {known.name if known else village}"
    offer = offer_code(db, node=node, village=village, label=shown, by="provision", now=now, again=again)
    return " ".join(enrol_command(settings, node, offer.code)), offer.expires_at


def pin_of(layout: Layout) -> str:
    """What a new node compares the hub with. Raises SettingsError, IdentityError."""
    return root_fingerprint(load(layout.hub / SETTINGS_FILE))


def sign_first_list(layout: Layout, commune: Commune, now: datetime) -> None:
    """The first trust list, which believes the hub's own key alone: nodes obey its plans, nobody can speak.

    Raises Declined, IdentityError.
    """
    settings = load(layout.hub / SETTINGS_FILE)
    with hub_records(layout) as database, database.session() as db:
        body = next_list.proposal(db, settings, now)
        trusted.take(db, settings, sign_list(body, commune.root), "provision", now)


def replace_issuing(layout: Layout, commune: Commune) -> None:
    """Give the hub a new issuing key; certificates that are out stay good, and revoked ones revoked."""
    keys = load(layout.hub / SETTINGS_FILE).keys_dir
    with hub_records(layout) as database, database.reading() as db:
        gone = select(Certificate).where(Certificate.revoked_at.is_not(None))
        revoked = [(row.serial, row.revoked_at) for row in db.scalars(gone) if row.revoked_at]
    renew_issuing(commune, keys, revoked)


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

    emergency: it may sign emergencies and their templates too, beside those that may already.

    Raises ProvisionError for an unknown account, IdentityError for a weak PIN, Declined.
    """
    account = db.scalars(select(Account).where(Account.username == username)).first()
    if account is None:
        raise ProvisionError(f"account {username!r} is not known at the hub; make it first")
    made = new_key_file(account.full_name, pin)
    write_atomically(file, made.file.encode())
    settings = load(layout.hub / SETTINGS_FILE)
    trusted.add_key(
        db, settings, account, kind="file", public=made.public, label=file.name, now=now, by="provision"
    )
    urgent = None
    if emergency:
        urgent = {made.key, *(one.key for one in trusted.believed(db, settings) if "emergency" in one.roles)}
    body = next_list.proposal(db, settings, now, emergency=urgent)
    trusted.take(db, settings, sign_list(body, commune.root), "provision", now)
    return made
