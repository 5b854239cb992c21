"""The audit log as the hub looks at it: where it ends, what nodes keep of it, and whether it is what it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from broker.hub.records import AuditRow, NodeRecord, NodeSeen, ServiceSeen, audit_rows, put_setting, setting
from broker.hub.records.guards import Guards, guards_of
from broker.hub.signed_heads import House, HubKeys, SignedHead, head_of_plan, read_signed
from broker.trust.audit import START, Fault, Head, Row, Verdict, entry_hash, verify

LOOKED = "audit.looked"
"""Setting: what the last look through the whole log found."""
COMPLAINT = "audit-changed"
"""Problem of a node that was told heads which contradict each other (edge/node/heads.py)."""

REFUSED = "audit-head"
"""Problem of `announce` when the log does not contain the head that it signed last (announcing/heads.py)."""


@dataclass(frozen=True)
class NodeHead:
    """The newest head that a node says it keeps."""

    node: str
    label: str
    head: Head
    """START while it keeps none."""
    seen_at: datetime | None
    agrees: bool
    """Whether this log contains it; True while there is none."""
    complains: bool = False
    """The node says that it was told two heads that contradict each other."""
    is_signed: bool = True
    """This hub signed what the node says it keeps; if not, `head` speaks against the node and not against the log."""

    @property
    def is_well(self) -> bool:
        """Nothing at this node speaks against the log."""
        return not self.is_signed or (self.agrees and not self.complains)


@dataclass(frozen=True)
class Finding:
    """What a look through the whole log found."""

    verdict: Verdict
    nodes: Sequence[NodeHead]
    guards: Guards
    written: Head = START
    """What this hub signed last, by its own file beside the database."""
    planned: Head = START
    """What goes out to the nodes, by the signature in the database."""
    has_true_plan: bool = True
    """What goes out to the nodes is what this hub signed."""

    @property
    def has_triggers(self) -> bool:
        """The database still refuses to let anything be changed, and does nothing else by itself."""
        return self.guards.is_whole and not self.guards.foreign

    @property
    def is_well(self) -> bool:
        """Nothing was touched, and the database still refuses to let anything be."""
        return self.verdict.is_whole and self.has_triggers and self.has_true_plan


class Look(msgspec.Struct, kw_only=True, frozen=True):
    """A look through the whole log, as it is remembered."""

    at: datetime
    rows: int
    fault: Fault | None
    has_triggers: bool
    foreign: tuple[str, ...] = ()
    """Triggers, rules and views that do not belong."""
    has_true_plan: bool = True

    @property
    def is_well(self) -> bool:
        """Nothing was touched, and the database still refused to let anything be."""
        return self.fault is None and self.has_triggers and self.has_true_plan


def newest(db: Session) -> Head:
    """Where the log ends now; START while it is empty."""
    row = db.execute(select(AuditRow.id, AuditRow.hash).order_by(AuditRow.id.desc()).limit(1)).first()
    return START if row is None else Head(row.id, row.hash)


def contains(db: Session, head: Head) -> bool:
    """Whether the row of that index has that hash: nothing is said of the rows before it."""
    return head == START or db.scalar(select(AuditRow.hash).where(AuditRow.id == head.index)) == head.hash


def node_heads(db: Session, keys: HubKeys) -> list[NodeHead]:
    """What every node of the commune says it keeps, whether this hub signed that, and whether the log contains it."""
    query = (
        select(NodeRecord, NodeSeen, ServiceSeen)
        .outerjoin(NodeSeen, NodeSeen.node == NodeRecord.name)
        .outerjoin(ServiceSeen, ServiceSeen.identity == NodeRecord.name + ".node")
        .where(NodeRecord.retired_at.is_(None))
        .order_by(NodeRecord.name)
    )
    found = []
    for record, seen, service in db.execute(query):
        head = Head(seen.audit_index, seen.audit_hash) if seen is not None and seen.audit_index else START
        complains = any(each.get("code") == COMPLAINT for each in (service.problems if service else ()))
        seen_at = seen.seen_at if seen else None
        signed = keys.head_of(read_signed(seen.audit_signed)) if head != START else START
        is_signed = signed != START or head == START
        head = signed if is_signed else head  # whoever changes the columns has not changed what was signed
        agrees = not is_signed or contains(db, head)
        found.append(NodeHead(record.name, record.label, head, seen_at, agrees, complains, is_signed))
    return found


def is_refused(db: Session) -> bool:
    """Whether `announce` says that the log does not contain what it signed, and sends no heads any more."""
    seen = db.get(ServiceSeen, "hub.announce")
    return seen is not None and any(each.get("code") == REFUSED for each in seen.problems)


def inspect(db: Session, house: House, kept: Sequence[Head] = ()) -> Finding:
    """Look through the whole log.

    It is compared with what this hub signed (its own file, and what it sends), with what the nodes keep, and with
    `kept`, from paper or a file. About a second for 100,000 rows. Raises database errors only when the database
    itself refuses.
    """
    written = SignedHead(
        house.data_dir
    ).read()  # before anything of the database: a later one may not be in it yet
    keys = HubKeys(db, house)
    planned, has_true_plan = head_of_plan(db, keys)
    nodes = node_heads(db, keys)
    told = (node.head for node in nodes if node.is_signed)
    heads = [each for each in (written, planned, *told) if each != START]
    verdict = _verified(db, [*heads, *kept])
    return Finding(verdict, nodes, guards_of(db), written, planned, has_true_plan)


def _verified(db: Session, heads: Sequence[Head]) -> Verdict:
    try:
        return verify(audit_rows(db), heads)
    except OperationalError as why:
        if "decode" not in str(why):
            raise
        return verify(audit_rows(db, as_bytes=True), heads)  # somebody wrote bytes that are no text


def note_look(db: Session, finding: Finding, now: datetime) -> None:
    """Keep when the log was looked through last, and what was found."""
    look = Look(
        at=now,
        rows=finding.verdict.head.index,
        fault=finding.verdict.fault,
        has_triggers=finding.has_triggers,
        foreign=finding.guards.foreign,
        has_true_plan=finding.has_true_plan,
    )
    put_setting(db, LOOKED, msgspec.to_builtins(look), now)


def last_look(db: Session) -> Look | None:
    """The last look through the whole log; None before the first."""
    try:
        return msgspec.convert(setting(db, LOOKED, None), Look)
    except msgspec.ValidationError:
        return None


def is_intact(row: Row) -> bool:
    """Whether a row says what it said when it was written; its place in the chain is not looked at."""
    return row.hash == entry_hash(row.prev, row.entry)
