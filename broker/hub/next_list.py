"""The next trust list: what waits, what must go, and the text that the commune's root key is to sign."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import Account, ApproverKey, SpeakerSeen, TrustList
from broker.hub.trusted import HUB_KEY_DAYS, Here, believed, commune_of, own_key, until_of
from broker.trust.approvers import KEY_DAYS
from broker.trust.envelope import Role, TrustBody, TrustedKey, canonical
from broker.trust.passkey import PasskeyUse

MOST_BELIEVED = 200
"""Keys in one list: it must fit a packet."""
_AHEAD = 1000
"""A node may say that it holds a list this much newer than the hub knows; more is nonsense."""


@dataclass(frozen=True)
class Dropped:
    """A key that nodes still believe and that is to leave the list."""

    key: TrustedKey
    why: str
    """removed (its owner took it back), no-role, disabled, expired, or unknown (no such key at this hub)"""


@dataclass(frozen=True)
class Pending:
    """What the next trust list would change."""

    add: tuple[ApproverKey, ...]
    drop: tuple[Dropped, ...]

    def __bool__(self) -> bool:
        return bool(self.add or self.drop)


def pending(db: Session, here: Here, now: datetime) -> Pending:
    """Keys that wait to be believed, and keys still believed that are to go."""
    trusted = {one.key: one for one in believed(db, here) if _is_person(one)}
    rows = {
        row.id: row for row in db.scalars(select(ApproverKey).order_by(ApproverKey.made_at, ApproverKey.id))
    }
    add = [
        row
        for row in rows.values()
        if row.id not in trusted and row.removed_at is None and until_of(db, row.account_id, now)
    ]
    drop = []
    for key in trusted.values():
        why = _why_gone(db, rows.get(key.key), key, now)
        if why:
            drop.append(Dropped(key, why))
    return Pending(tuple(add), tuple(drop))


def proposal(
    db: Session,
    here: Here,
    now: datetime,
    *,
    add: Collection[str] | None = None,
    remove: Collection[str] = (),
    emergency: Collection[str] | None = None,
) -> str:
    """The canonical text of the next list, for the root key to sign (domain `trust`).

    add: keys that wait and shall be believed; None for all of them. remove: keys in force that shall leave beside
    those that leave anyway. emergency: exactly these may sign emergencies; None leaves that as it is.
    Keys with less than half of their time left get a new full time: signing the list confirms them.
    """
    waits = pending(db, here, now)
    unknown = set(add or ()) - {one.id for one in waits.add}
    if unknown:
        raise Declined("no-key", "Có khoá không còn chờ xã ký nữa, xin mở lại trang danh sách tin cậy.")
    leaves = {one.key.key for one in waits.drop} | set(remove)
    own = own_key(here, now)
    keys = [_confirmed(db, one, now) for one in believed(db, here) if _is_person(one)]
    keys = [one for one in keys if one.key not in leaves]
    for one in waits.add:
        if add is None or one.id in add:
            keys.append(_trusted(db, one, now))
    keys = _named(db, keys)
    if emergency is not None:
        keys = [_with_emergency(one, one.key in emergency) for one in keys]
    if len(keys) >= MOST_BELIEVED:
        raise Declined("many-keys", f"Danh sách có {len(keys)} khoá, nhiều nhất {MOST_BELIEVED - 1}.")
    hub = next((one for one in believed(db, here) if one.public == own.public), own)
    body = TrustBody(
        generation=next_generation(db), commune=commune_of(here), keys=[_hub_again(hub, now), *keys]
    )
    return canonical(body)


def next_generation(db: Session) -> int:
    """One above every list the hub or a node knows: a restored database must not go back behind its nodes."""
    known = db.scalar(select(func.max(TrustList.generation))) or 0
    told = select(func.max(SpeakerSeen.trust_generation)).where(SpeakerSeen.trust_generation < known + _AHEAD)
    return max(known, db.scalar(told) or 0) + 1


def _why_gone(db: Session, row: ApproverKey | None, key: TrustedKey, now: datetime) -> str:
    if row is None:
        return "unknown"
    if row.removed_at is not None:
        return "removed"
    account = db.get_one(Account, row.account_id)
    if account.disabled_at is not None:
        return "disabled"
    if until_of(db, row.account_id, now) is None:
        return "no-role"
    return "expired" if key.until <= now and "approver" not in account.roles else ""


def _trusted(db: Session, row: ApproverKey, now: datetime) -> TrustedKey:
    account = db.get_one(Account, row.account_id)
    until = until_of(db, row.account_id, now)
    if until is None:
        raise Declined("no-right", f"{account.full_name} không có vai trò duyệt.")
    use = PasskeyUse(rp_id=row.rp_id, origin=row.origin) if row.kind == "passkey" else None
    return TrustedKey(
        key=row.id,
        public=row.public,
        holder=account.full_name,
        roles=["approver"],
        since=now.replace(microsecond=0),
        until=until.replace(microsecond=0),
        passkey=use,
    )


def _named(db: Session, keys: Sequence[TrustedKey]) -> list[TrustedKey]:
    """The same keys, one name for one person, and no two people under names that read alike.

    Two signatures are two people's by their holders: a new name must not make two people of one who had a key before,
    nor the same name one of two.
    """
    names: dict[int, str] = {}
    named = []
    for key in keys:
        row = db.get(ApproverKey, key.key)
        if row is None:
            named.append(key)
            continue
        if row.account_id not in names:
            taken = {_read(name) for name in names.values()}
            names[row.account_id] = _free_name(
                key.holder, db.get_one(Account, row.account_id).username, taken
            )
        named.append(msgspec.structs.replace(key, holder=names[row.account_id]))
    return named


def _free_name(name: str, username: str, taken: Collection[str]) -> str:
    while _read(name) in taken:
        name = f"{name} ({username})"
    return name


def _read(name: str) -> str:
    """A name as people read it: one spelling of accents, capitals and spaces alike."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _confirmed(db: Session, key: TrustedKey, now: datetime) -> TrustedKey:
    """A key that stays; with a full new time when half of it is over, or a shorter one when the right ends."""
    row = db.get(ApproverKey, key.key)
    until = None if row is None else until_of(db, row.account_id, now)
    if until is None:
        return key
    is_old = key.until - now < timedelta(days=KEY_DAYS) / 2
    if is_old or until < key.until:
        return msgspec.structs.replace(key, until=until.replace(microsecond=0))
    return key


def _with_emergency(key: TrustedKey, may: bool) -> TrustedKey:
    roles: list[Role] = [role for role in key.roles if role != "emergency"]
    return msgspec.structs.replace(key, roles=[*roles, "emergency"] if may else roles)


def _is_person(key: TrustedKey) -> bool:
    return "hub" not in key.roles


def _hub_again(key: TrustedKey, now: datetime) -> TrustedKey:
    if key.until - now > timedelta(days=HUB_KEY_DAYS) / 2:
        return key
    return msgspec.structs.replace(key, until=now.replace(microsecond=0) + timedelta(days=HUB_KEY_DAYS))
