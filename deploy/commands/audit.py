"""`langso audit`: whether the hub's audit log is what it was, where it ends, and what a node keeps of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from broker.hub.audit import Finding
    from broker.link.config import Settings
    from broker.trust.audit import Fault, Head
    from edge.node.heads import KeptHead

FOLDER = Path("/etc/langso")
TOUCHED, NOT_LOOKED, BAD_SETTINGS = 1, 2, 78
"""Exit status: the log was touched; it could not be looked at; the settings are wrong."""


def add(commands: Any) -> None:
    """Declare the commands."""
    audit = commands.add_parser("audit", help="is the audit log whole; its head; the heads a node keeps")
    parts = audit.add_subparsers(metavar="WHAT", required=True)
    check = parts.add_parser(
        "verify", help="look through the hub's whole log; exit 1 when anything was touched"
    )
    check.add_argument(
        "--head",
        action="append",
        default=[],
        metavar="INDEX:HASH",
        help="a head from paper: the whole hash, or its code of 16 signs; may be given again",
    )
    check.add_argument(
        "--heads",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="what `langso audit heads` wrote on a node; may be given again",
    )
    check.set_defaults(act=_verify)
    head = parts.add_parser("head", help="where the hub's log ends: index, hash and comparison code")
    head.set_defaults(act=_head)
    heads = parts.add_parser("heads", help="on a node: every head it keeps, one JSON line each")
    heads.add_argument(
        "--start-again",
        action="store_true",
        help="put the kept heads aside and begin anew, after the hub's log was rightly restored from a copy",
    )
    heads.set_defaults(act=_heads)
    restored = parts.add_parser(
        "restored", help="note that the hub's database was restored from a copy, so that heads go out again"
    )
    restored.add_argument("--reason", required=True, metavar="TEXT")
    restored.set_defaults(act=_restored)
    for each in parts.choices.values():
        each.add_argument("--dir", type=Path, default=FOLDER, metavar="DIR", help=f"default {FOLDER}")


def _verify(chosen: argparse.Namespace) -> int:
    return _carefully(_look, chosen)


def _head(chosen: argparse.Namespace) -> int:
    return _carefully(_say_head, chosen)


def _heads(chosen: argparse.Namespace) -> int:
    return _carefully(_say_heads, chosen)


def _restored(chosen: argparse.Namespace) -> int:
    return _carefully(_begin_anew, chosen)


def _carefully(act: Any, chosen: argparse.Namespace) -> int:
    """Run one command; every expected failure becomes its sentences."""
    from broker.hub.records import REFUSALS, DatabaseError
    from broker.link.config import SettingsError
    from deploy.terminal import say_error

    try:
        return int(act(chosen))
    except SettingsError as why:
        for line in why.lines:
            say_error(line)
        return BAD_SETTINGS
    except (DatabaseError, OSError, ValueError, *REFUSALS) as why:
        say_error(str(why))
        return NOT_LOOKED


def _settings(folder: Path, role: str) -> Settings:
    """Settings of this machine: `langso.toml` in the folder, or in `hub` under the administrator's."""
    from broker.link.config import load

    file = next(
        (each for each in (folder / "hub" / "langso.toml", folder / "langso.toml") if each.is_file()), None
    )
    if file is None:
        raise ValueError(f"{folder} has no langso.toml; give the folder with --dir")
    settings = load(file)
    if settings.machine.role != role:
        raise ValueError(f"{file} is a {settings.machine.role}'s; this command is for a {role}")
    return settings


def _look(chosen: argparse.Namespace) -> int:
    from broker.hub import audit
    from broker.hub.records import open_database
    from broker.trust.audit import Head, read_head
    from deploy.terminal import put

    typed = [read_head(text) for text in chosen.head]
    files = {file: read_exported(file) for file in chosen.heads}
    kept = [*typed, *(Head(each.index, each.hash) for heads in files.values() for each in heads)]
    settings = _settings(chosen.dir, "hub")
    database = open_database(settings)
    try:
        with database.reading() as db:
            finding = audit.inspect(db, settings, kept)
            put(f"{finding.verdict.head.index} rows, head {_said(finding.verdict.head)}")
            _say_kept(finding, typed, files)
            _say_proof(db, finding, files, settings)
    finally:
        database.close()
    if finding.verdict.fault is not None:
        put(f"NOT WHOLE: {explain(finding.verdict.fault)}")
    for trouble in around(finding):
        put(f"NOT GUARDED: {trouble}")
    if finding.is_well:
        put("whole")
    return 0 if finding.is_well else TOUCHED


def _say_kept(finding: Finding, typed: Sequence[Head], files: dict[Path, list[KeptHead]]) -> None:
    """One line for whatever the log was compared with."""
    from broker.trust.audit import START
    from broker.trust.audit import Head as HeadOf
    from deploy.terminal import put

    untrue = finding.verdict.untrue
    for name, head in (
        ("audit-head.json", finding.written),
        ("the signed head in the database", finding.planned),
    ):
        if head != START:
            put(f"{name} says {_said(head)}: {'DIFFERS' if head in untrue else 'agrees'}")
    for node in finding.nodes:
        if node.head == START:
            put(f"{node.node} keeps no head yet")
        elif not node.is_signed:
            put(f"{node.node} says {_said(node.head)}: NOT SIGNED by this hub, so it says nothing of the log")
        else:
            put(f"{node.node} keeps {_said(node.head)}: {'DIFFERS' if node.head in untrue else 'agrees'}")
    for head in typed:
        put(f"given {head.index}:{head.hash}: {'DIFFERS' if head in untrue else 'agrees'}")
    for file, heads in files.items():
        wrong = sum(HeadOf(each.index, each.hash) in untrue for each in heads)
        put(f"{file}: {len(heads)} heads, " + (f"{wrong} DIFFER" if wrong else "all agree"))
    if not (
        files
        or typed
        or finding.written != START
        or any(node.head != START and node.is_signed for node in finding.nodes)
    ):
        put("compared with no head kept elsewhere: a log that was cut or computed anew would not be noticed")


def _say_proof(db: Session, finding: Finding, files: dict[Path, list[KeptHead]], settings: Settings) -> None:
    """Of heads that contradict the log: whether this hub itself had signed them."""
    from broker.trust.audit import Head
    from deploy.terminal import put

    for heads in files.values():
        for each in heads:
            if Head(each.index, each.hash) in finding.verdict.untrue:
                whose = (
                    "signed by this hub"
                    if _is_ours(db, each, settings)
                    else "its signature is NOT this hub's"
                )
                put(f"  {each.index}:{each.hash[:16]}… of {each.at:%Y-%m-%d %H:%M} UTC, {whose}")


def _is_ours(db: Session, head: KeptHead, settings: Settings) -> bool:
    """Whether a key that the commune's root ever gave to its hub signed this head."""
    from sqlalchemy import select

    from broker.hub.records import TrustList
    from broker.hub.trusted import signed_of
    from broker.trust.envelope import AuditBody, Refused, open_signed, open_trust
    from broker.trust.identity import load_root

    root = load_root(settings.keys_dir)
    for row in db.scalars(select(TrustList).order_by(TrustList.generation.desc())):
        try:
            trust = open_trust(signed_of(row), root)
            body = open_signed(head.signed, "audit", trust, "hub", head.at, AuditBody)
        except Refused:
            continue
        return (body.generation, body.hash) == (head.index, head.hash)
    return False


def around(finding: Finding) -> list[str]:
    """What is wrong beside the rows, for the person at the terminal."""
    said = []
    if not finding.guards.is_whole:
        said.append("the triggers that keep the log append-only were taken off the database, or changed")
    if finding.guards.foreign:
        said.append(f"the database does things that are not Làng Số's: {', '.join(finding.guards.foreign)}")
    if not finding.has_true_plan:
        said.append("the head that goes out to the nodes is not one that this hub signed")
    return said


def explain(fault: Fault) -> str:
    """What is wrong, for the person at the terminal."""
    if fault.flaw == "missing":
        return f"row {fault.index} is missing, later ones are there"
    if fault.flaw == "edited":
        return f"row {fault.index} does not say what it said when it was written"
    if fault.flaw == "moved":
        return (
            f"row {fault.index} does not follow row {fault.index - 1}: something was inserted, moved, changed or "
            "taken out there"
        )
    if fault.flaw == "cut":
        return f"rows {fault.since} to {fault.index} are gone: a head kept elsewhere says they were there"
    return (
        f"a head kept elsewhere says otherwise of row {fault.index}: the log was computed anew from a row between "
        f"{fault.since} and {fault.index}"
    )


def read_exported(file: Path) -> list[KeptHead]:
    """Heads as `langso audit heads` wrote them. Raises ValueError naming the line, OSError."""
    import msgspec

    from edge.node.heads import KeptHead

    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=KeptHead))
            except msgspec.DecodeError as why:
                raise ValueError(
                    f"{file}:{number} is no head as `langso audit heads` writes it: {why}"
                ) from why
    return found


def _said(head: Head) -> str:
    from broker.trust.audit import code_of

    return f"{head.index}:{head.hash}  {code_of(head.hash)}"


def _say_head(chosen: argparse.Namespace) -> int:
    from broker.hub import audit
    from broker.hub.records import open_database
    from deploy.terminal import put

    database = open_database(_settings(chosen.dir, "hub"))
    try:
        with database.reading() as db:
            put(_said(audit.newest(db)))
    finally:
        database.close()
    return 0


def _say_heads(chosen: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    import msgspec

    from deploy.terminal import put, say_error
    from edge.node.heads import HeadBook, file_of, start_again

    file = file_of(_settings(chosen.dir, "node"))
    if chosen.start_again:
        aside = start_again(file, datetime.now(UTC))
        put(f"{aside}: the old heads; restart langso@node" if aside else "no heads are kept here yet")
        return 0
    book = HeadBook(file)
    for head in book.heads:
        put(msgspec.json.encode(head).decode())
    if book.conflict is not None:
        put(msgspec.json.encode(book.conflict).decode())
        say_error(
            f"the last line contradicts the others: the hub's log was changed at row {book.conflict.index}"
        )
        return TOUCHED
    return 0


def _begin_anew(chosen: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from broker.hub.announcing.heads import forget
    from broker.hub.records import note_change, open_database, write_audit
    from broker.hub.signed_heads import SignedHead
    from deploy.terminal import put

    settings, now = _settings(chosen.dir, "hub"), datetime.now(UTC)
    database = open_database(settings)
    try:
        with database.session() as db:
            forget(db, SignedHead(settings.data_dir))
            write_audit(db, now, "provision", "audit.restored", "log", {"reason": chosen.reason})
            note_change(db, "plan", "*", now)
    finally:
        database.close()
    put("noted; heads go out again. On each node: langso audit heads --start-again, then restart langso@node")
    return 0
