"""Who lets an emergency speak: the right to, what a first signature is worth, and what a signature brings about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from broker.contract.hub import Signature, Signed
from broker.hub import trusted
from broker.hub.announcing import emergency_times as times
from broker.hub.announcing import workflow
from broker.hub.announcing.signing import Desk
from broker.hub.declined import Declined
from broker.hub.records import Account, ApproverKey, EmergencyTemplate, Occurrence, Revision
from broker.hub.roles import require_role
from broker.trust import reasons
from broker.trust.envelope import Envelope, Refused, occurrence_id, open_announcement, signers_of


@dataclass(frozen=True)
class First:
    """The first of the two signatures that free words need."""

    account: Account
    signature: Signature
    until: datetime
    """Until when the second may be made."""


def may_sign(db: Session, desk: Desk, account: Account, now: datetime) -> bool:
    """Whether this person's key may let an emergency speak now."""
    return account.id in trusted.signers(db, desk, now, "emergency")


def require_signer(db: Session, desk: Desk, account: Account, now: datetime) -> None:
    """Raise Declined unless this person's key may let an emergency speak now."""
    require_role(db, account, now, "approver")
    if not may_sign(db, desk, account, now):
        raise Declined(
            "no-emergency-key",
            "Khoá của anh/chị chưa được xã giao quyền phát khẩn cấp; xin nhờ người có quyền.",
        )


def template_people(db: Session, desk: Desk, row: EmergencyTemplate, now: datetime) -> frozenset[str]:
    """Holders whose signatures over a ready template stand now, as the trust list names them."""
    try:
        trust = trusted.in_force(db, desk)
    except Declined:
        return frozenset()
    return signers_of(template_signed(row), trust, "emergency", now, "template")


def template_signers(db: Session, desk: Desk, row: EmergencyTemplate, now: datetime) -> list[Account]:
    """Whose signatures over a ready template stand now, in the order they signed."""
    try:
        trust = trusted.in_force(db, desk)
    except Declined:
        return []
    whole = template_signed(row)
    found = []
    for one in whole.signatures:
        half, key = Signed(body=whole.body, signatures=[one]), db.get(ApproverKey, one.key)
        if key is not None and signers_of(half, trust, "emergency", now, "template"):
            found.append(db.get_one(Account, key.account_id))
    return found


def template_signed(row: EmergencyTemplate) -> Signed:
    """A ready template as it was signed."""
    return Signed(body=row.body or "", signatures=msgspec.convert(row.signatures, list[Signature]))


def needs_other(db: Session, desk: Desk, account: Account, row: EmergencyTemplate, now: datetime) -> bool:
    """Whether this person signed a template alone: then somebody else has to let it speak, or to sign it too."""
    people = template_people(db, desk, row, now)
    return len(people) == 1 and holders_of(db, desk, account, now) <= people


def holders_of(db: Session, desk: Desk, account: Account, now: datetime) -> frozenset[str]:
    """Under which names the trust list knows this person's keys for emergencies; one, unless they were renamed."""
    own = {row.id for row in trusted.usable_keys(db, desk, account, now, "emergency")}
    return (
        frozenset(one.holder for one in trusted.believed(db, desk) if one.key in own) if own else frozenset()
    )


def first_of(db: Session, desk: Desk, revision: Revision, now: datetime) -> First | None:
    """The first signature of free words while it stands: not too old, before their first repeat, still believed.

    The hub asks for more than the nodes: its signer still may sign, and that very key was not given back.
    """
    first = kept_first(db, revision)
    if first is None or revision.envelope is None or not now < first.until:
        return None
    key = db.get_one(ApproverKey, first.signature.key)
    if key.removed_at is not None or not may_sign(db, desk, first.account, now):
        return None
    half = Signed(body=revision.envelope, signatures=[first.signature])
    return first if signers_of(half, trusted.in_force(db, desk), "emergency", now) else None


def kept_first(db: Session, revision: Revision) -> First | None:
    """The first signature as it was kept, whether it still stands or not."""
    if revision.kind != "emergency" or revision.state != "submitted" or not revision.envelope:
        return None
    (signature,) = msgspec.convert(revision.signatures, list[Signature])
    key = db.get_one(ApproverKey, signature.key)
    envelope = msgspec.json.decode(revision.envelope, type=Envelope)
    until = times.first_holds_until(envelope.issued_at, envelope.starts)
    return First(db.get_one(Account, key.account_id), signature, until)


def signers(db: Session, desk: Desk, now: datetime, without: int | None = None) -> list[Account]:
    """Who may let an emergency speak now, by name. without: id of an account that is left out, and with it whoever
    the trust list knows under the same name: to loudspeakers their two signatures are one person's."""
    ids = trusted.signers(db, desk, now, "emergency") - {without}
    people = [db.get_one(Account, each) for each in ids]
    own = db.get(Account, without) if without is not None else None
    if own is not None:
        names = holders_of(db, desk, own, now)
        people = [each for each in people if not names or holders_of(db, desk, each, now) - names]
    return sorted(people, key=lambda each: each.full_name)


def believe(db: Session, desk: Desk, signed: Signed, now: datetime) -> Envelope:
    """What was signed, as the nodes will believe it. Raises Declined with the reason they would give."""
    try:
        return open_announcement(signed, trusted.in_force(db, desk), now)
    except Refused as why:
        raise Declined(why.code, reasons.sentence(why.code)) from why


def put_in_force(
    db: Session,
    account: Account,
    revision: Revision,
    envelope: Envelope,
    signed: Signed,
    clicked_ms: int,
    now: datetime,
) -> None:
    """It speaks from now on; when the button was pressed is kept with its first playing."""
    workflow.put_in_force(db, account, revision, envelope.starts, signed, now)
    name = occurrence_id(revision.announcement_id, revision.number, envelope.starts[0].at)
    db.get_one(Occurrence, name).clicked_at = times.clicked_at(clicked_ms, now)
