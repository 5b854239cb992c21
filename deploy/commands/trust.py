"""`langso provision trust`: shows whom the loudspeakers will believe, and signs that with the commune's root key."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Carefully = Callable[[Callable[[argparse.Namespace], None], argparse.Namespace], int]
"""Runs a command and turns every expected failure into its sentences."""


def add_to(parts: Any, carefully: Carefully) -> None:
    """Declare the command."""
    trust = parts.add_parser(
        "trust", help="sign the trust list: keys that people made and that wait, without those that must go"
    )
    trust.add_argument(
        "--only", action="append", metavar="KEY", help="of those that wait, add this one; may be given again"
    )
    trust.add_argument(
        "--remove", action="append", default=[], metavar="KEY", help="believe this one no longer"
    )
    trust.add_argument(
        "--emergency",
        action="append",
        metavar="KEY",
        help="exactly the keys so named may sign emergencies; else that stays as it is",
    )
    trust.add_argument("--show", action="store_true", help="only show; sign nothing")
    trust.add_argument("--root", type=Path, metavar="DIR", help="where root.key lies, default DIR/commune")
    trust.add_argument("--passphrase-file", type=Path, metavar="FILE", help="else it is asked for")
    trust.set_defaults(act=lambda chosen: carefully(_sign, chosen))


def _sign(chosen: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    import msgspec

    from broker.hub import next_list, trusted
    from broker.link.config import load
    from broker.trust.approvers import sign_list
    from broker.trust.enrolment import SETTINGS_FILE
    from broker.trust.envelope import TrustBody
    from broker.trust.keyfile import unlock
    from broker.trust.keys import read_file
    from deploy import enrol, provision
    from deploy.terminal import put

    layout = provision.Layout(chosen.dir)
    settings = load(layout.hub / SETTINGS_FILE)
    now = datetime.now(UTC)
    with enrol.hub_records(layout) as database:
        with database.reading() as db:
            before = trusted.believed(db, settings)
            body = next_list.proposal(
                db, settings, now, add=chosen.only, remove=chosen.remove, emergency=chosen.emergency
            )
        after = msgspec.json.decode(body, type=TrustBody)
        for line in lines_of(before, after):
            put(line)
        if list(before) == after.keys:
            put("nothing changes; no list was signed")
            return
        if chosen.show:
            put("nothing was signed")
            return
        secret = _passphrase(chosen)
        _, root = unlock(read_file((chosen.root or layout.commune) / "root.key"), secret)
        with database.session() as db:
            trusted.take(db, settings, sign_list(body, root), "provision", now)
    put(f"list {after.generation} is signed and in force; the hub sends it to every node")


def lines_of(before: Any, after: Any) -> list[str]:
    """What the next list says, key by key, with the numbers to compare by telephone.

    before: keys in force (TrustedKey). after: the list to be signed (TrustBody).
    """
    from broker.trust.approvers import comparison_code

    known = {one.key for one in before}
    left = {one.key for one in after.keys}
    lines = [f"trust list {after.generation} will believe:"]
    for one in after.keys:
        mark = " " if one.key in known else "+"
        kind = "hub" if "hub" in one.roles else "passkey" if one.passkey else "key file"
        lines.append(
            f"{mark} {one.key}  {one.holder}: {', '.join(one.roles)}; {kind}; until {one.until:%Y-%m-%d}; "
            f"number {comparison_code(one.public)}"
        )
    lines += [f"- {one.key}  {one.holder}: believed no longer" for one in before if one.key not in left]
    return lines


def _passphrase(chosen: argparse.Namespace) -> str:
    from getpass import getpass

    if chosen.passphrase_file is not None:
        return str(chosen.passphrase_file.read_text(encoding="utf-8")).strip()
    return getpass("Compare the numbers with their owners. Passphrase of the commune's root key: ")
