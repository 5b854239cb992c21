"""Emergencies in a commune that is set up here: keys for them, and templates made ready by the steps people take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Signed
from broker.hub import trusted
from broker.hub.announcing import emergency_templates as templates
from broker.hub.announcing.emergency import trouble_of
from broker.hub.announcing.emergency_templates import Wording
from broker.hub.announcing.render import Renderer, render_template_next
from broker.hub.announcing.signing import Desk
from broker.hub.declined import Declined
from broker.hub.records import Account, Database, EmergencyTemplate
from broker.link.clock import MachineClock
from broker.link.config import Settings
from broker.link.config import load as load_settings
from broker.speech.lexicon import load
from broker.trust.enrolment import SETTINGS_FILE
from broker.trust.envelope import PrivateKey, sign
from broker.trust.identity import Commune
from broker.trust.keyfile import unlock
from deploy import van_khe
from deploy.enrol import add_approver, hub_records
from deploy.provision import Layout

MONTHS = 12


def new_key(
    layout: Layout, commune: Commune, db: Session, username: str, pin: str, file: Path, now: datetime
) -> None:
    """A new key for somebody who approves, good for emergencies too; keys they had are taken back.

    Raises as enrol.add_approver does.
    """
    account = db.scalars(select(Account).where(Account.username == username)).one()
    for key in trusted.keys_of(db, account):
        trusted.remove_key(db, key.id, "demo", now)
    add_approver(layout, commune, db, username, pin, file, now, emergency=True)


def make_demo_templates(
    layout: Layout, files: Mapping[str, Path], pin: str, now: datetime, tell: Callable[[str], None]
) -> None:
    """The demo's templates. A machine that cannot speak still runs everything else: that is told, and no more.

    files: the signers' key files by account name, all with the same PIN.
    """
    settings = load_settings(layout.hub / SETTINGS_FILE)
    keys = {username: unlock(file.read_bytes(), pin) for username, file in files.items()}
    try:
        with hub_records(layout) as database:
            make_ready(database, settings, van_khe.templates(), van_khe.TEMPLATE_AUTHOR, keys, now)
    except Declined as why:
        tell(f"no emergency templates: {why}")


def make_ready(
    database: Database,
    settings: Settings,
    wanted: Sequence[Mapping[str, Any]],
    author: str,
    keys: Mapping[str, tuple[str, PrivateKey]],
    now: datetime,
) -> int:
    """Make these templates ready, as far as they are not; how many were signed.

    wanted: fields of Wording, told apart by their titles. author: an account name. keys: the signers', opened, by
    account name: the first makes a template ready, with the second either of them may let it speak alone.
    Raises Declined, also where no engine can speak.
    """
    desk = Desk.of(settings)
    with database.session() as db:
        people = {row.username: row for row in db.scalars(select(Account))}
        for each in wanted:
            _hand_in(db, desk, people[author], each, now)
    renderer, clock = Renderer(settings), MachineClock(settings.data_dir / "clock", settings.clock.source)
    while render_template_next(database, renderer, clock):
        pass
    with database.session() as db:
        waiting = list(db.scalars(select(EmergencyTemplate).where(EmergencyTemplate.state == "submitted")))
        for row in waiting:
            for username, key in keys.items():
                body = templates.body_of(db, desk, row.id, MONTHS, now)
                signed = Signed(body=body, signatures=[sign(body, "template", *key)])
                templates.sign(db, desk, people[username], row.id, signed, now)
    return len(waiting)


def _hand_in(db: Session, desk: Desk, author: Account, fields: Mapping[str, Any], now: datetime) -> None:
    """Hand one in, new or once more where its signer is not believed any more; one that is good stays."""
    same = (row for row in templates.in_use(db) if row.title == fields["title"])
    row = next(same, None)
    if row is None:
        row = templates.save(db, author, Wording(**fields), now)
        templates.submit(db, author, row.id, load(), now)
    elif row.state == "ready" and trouble_of(db, desk, row, now):
        templates.renew(db, author, row.id, load(), now)
