"""What a person may do now: their own roles, and those they hold for somebody else until a known day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from broker.hub.declined import Declined
from broker.hub.records import Account, Deputy

ALONE = frozenset({"admin", "auditor"})
"""Who looks after the house, and who checks it, do nothing else: an admin sees no camera and no citizen's words,
an auditor changes nothing."""
NEEDS_SECOND = frozenset({"approver", "police", "admin"})
"""Roles that are not used without the second factor."""
EVERYWHERE = frozenset({"editor", "approver", "leader", "admin", "auditor"})
"""Roles of the whole commune; the others belong to the villages of the account."""


def roles_of(db: Session, account: Account, now: datetime) -> frozenset[str]:
    """Roles in force: own and held for others; none for a disabled account.

    What is held for somebody ends with that person's own role or account.
    """
    return roles_with(account, grants_of(db, account, now))


def roles_with(account: Account, grants: Sequence[tuple[Deputy, Account]]) -> frozenset[str]:
    """Roles in force of somebody whose grants (`grants_of`) were read already."""
    if account.disabled_at is not None:
        return frozenset()
    own = frozenset(account.roles)
    return own if own & ALONE else own | {grant.role for grant, _ in grants}


def grants_of(db: Session, account: Account, now: datetime) -> list[tuple[Deputy, Account]]:
    """For whom this person acts now, in which role."""
    holder = aliased(Account)
    query = (
        select(Deputy, holder)
        .join(holder, holder.id == Deputy.for_account_id)
        .where(
            Deputy.account_id == account.id,
            Deputy.since <= now,
            Deputy.until > now,
            Deputy.ended_at.is_(None),
            holder.disabled_at.is_(None),
        )
        .order_by(Deputy.until)
    )
    return [(grant, person) for grant, person in db.execute(query) if grant.role in person.roles]


def has_role(db: Session, account: Account, now: datetime, *roles: str) -> bool:
    """Whether the person may act in one of these roles now."""
    return not roles_of(db, account, now).isdisjoint(roles)


def require_role(db: Session, account: Account, now: datetime, *roles: str) -> None:
    """Raise Declined unless the person may act in one of these roles now."""
    if not has_role(db, account, now, *roles):
        raise Declined("no-right", "Tài khoản này không có quyền làm việc đó; xin hỏi người quản trị của xã.")


def villages_of(db: Session, account: Account, now: datetime, *roles: str) -> frozenset[str] | None:
    """Villages in which the person holds one of these roles now; None means the whole commune.

    A helper without villages belongs to all of them, a village person without villages to none.
    """
    return villages_with(account, grants_of(db, account, now), *roles)


def villages_with(
    account: Account, grants: Sequence[tuple[Deputy, Account]], *roles: str
) -> frozenset[str] | None:
    """The same for somebody whose grants (`grants_of`) were read already."""
    found: set[str] = set()
    held = [(role, account.villages) for role in account.roles if account.disabled_at is None]
    if not ALONE & set(account.roles):
        held += [(grant.role, person.villages) for grant, person in grants]
    for role, villages in held:
        if role not in roles:
            continue
        if role in EVERYWHERE or role == "police" or (role == "helper" and not villages):
            return None
        found.update(villages)
    return frozenset(found)


def require_villages(db: Session, account: Account, now: datetime, villages: list[str], *roles: str) -> None:
    """Raise Declined unless the person holds one of these roles in every one of the villages."""
    may = villages_of(db, account, now, *roles)
    if may is not None and not may.issuperset(villages):
        raise Declined("other-village", "Anh/chị chỉ làm việc này cho thôn của mình; xin bỏ chọn thôn khác.")
