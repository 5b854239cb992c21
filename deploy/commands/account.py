"""`langso provision account`: the first accounts of a hub, and the way back in for somebody who is locked out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Carefully = Callable[[Callable[[argparse.Namespace], None], argparse.Namespace], int]
"""Runs a command and turns every expected failure into its sentences."""


def add_to(parts: Any, carefully: Carefully) -> None:
    """Declare the command."""
    account = parts.add_parser(
        "account", help="an account; prints an invitation by which its owner sets a password"
    )
    account.add_argument("username", metavar="NAME")
    account.add_argument("--full-name", default="", metavar="NAME")
    account.add_argument("--title", default="", metavar="TEXT")
    account.add_argument("--role", action="append", default=[], metavar="ROLE", help="may be given again")
    account.add_argument(
        "--village",
        action="append",
        default=[],
        metavar="CODE",
        help="of a village person or helper; may be given again",
    )
    account.add_argument(
        "--reset",
        action="store_true",
        help="for one that exists: password and phone count no more, every machine is signed out, a new invitation",
    )
    account.set_defaults(act=lambda chosen: carefully(_reset if chosen.reset else _make, chosen))


def _make(chosen: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from broker.hub import people
    from deploy import enrol, provision

    layout = provision.Layout(chosen.dir)
    facts = people.Facts(chosen.full_name, chosen.role, chosen.title, chosen.village)
    with enrol.hub_records(layout) as database, database.session() as db:
        _, token = people.ask_in(db, chosen.username, facts, "provision", datetime.now(UTC))
    _say_invitation(layout, chosen.username, token)


def _reset(chosen: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from broker.hub import people
    from broker.hub.console.session_store import SESSIONS_FILE, SessionStore
    from broker.link.config import load
    from broker.trust.enrolment import SETTINGS_FILE
    from deploy import enrol, provision

    layout = provision.Layout(chosen.dir)
    now = datetime.now(UTC)
    with enrol.hub_records(layout) as database, database.session() as db:
        account = people.person(db, chosen.username)
        token = people.reset_password(db, account, "provision", now)
        people.reset_second_factor(db, account, "provision", now)
    store = SessionStore(load(layout.hub / SETTINGS_FILE).data_dir / SESSIONS_FILE)
    store.end_all(account.id)
    store.close()
    _say_invitation(layout, chosen.username, token)


def _say_invitation(layout: Any, username: str, token: str) -> None:
    from broker.link.config import load
    from broker.trust.enrolment import SETTINGS_FILE
    from deploy.terminal import put

    address = load(layout.hub / SETTINGS_FILE).console_address
    put(f"{username}: {address}/invitation/{token}")
    put("the address works once, for three days, and is shown only now: hand it to its owner alone")
