"""Whom the loudspeakers believe: people's keys, and the commune's trust list that the root key signs.

A person makes a key (a passkey, or a key file); it waits until the holder of the root key signs a list that names
it. The hub keeps every list it was given; the highest generation is in force and goes to all nodes. The root key
never comes here. Every function works in the caller's transaction and raises Declined with one Vietnamese sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.contract import Place
from broker.contract.hub import Signature, Signed
from broker.hub.declined import Declined
from broker.hub.records import Account, ApproverKey, Deputy, TrustList, note_change, write_audit
from broker.trust import reasons
from broker.trust.approvers import KEY_DAYS, clean_public
from broker.trust.envelope import (
    ROOT_KEY_ID,
    Refused,
    Role,
    TrustBody,
    TrustedKey,
    open_trust,
)
from broker.trust.identity import load_hub_signer, load_root
from broker.trust.keys import IdentityError, key_id, public_pem
from broker.trust.passkey import PasskeyUse

MOST_KEYS = 6
"""Keys one person may have at a time."""
HUB_KEY_DAYS = 3650


class Here(Protocol):
    """Which commune this is and where its keys lie: Settings, or an approver's Desk."""

    @property
    def where(self) -> Place:
        """The commune's codes."""
        ...

    @property
    def keys_dir(self) -> Path:
        """The hub's folder of keys; `root.pub` and `hub-sign.key` are read."""
        ...


def in_force(db: Session, here: Here) -> TrustBody:
    """The trust list in force, checked against the root key. Raises Declined when the hub has none."""
    signed = signed_in_force(db)
    try:
        if signed is None:
            raise Declined("no-trust", "Xã chưa có danh sách tin cậy nên chưa ai ký duyệt được.")
        return open_trust(signed, load_root(here.keys_dir))
    except (IdentityError, Refused) as why:
        raise Declined("no-trust", "Danh sách tin cậy ở trung tâm bị hỏng, xin báo người quản trị.") from why


def signed_in_force(db: Session) -> Signed | None:
    """The newest list as its nodes get it; None before the first."""
    row = db.scalars(select(TrustList).order_by(TrustList.generation.desc()).limit(1)).first()
    return None if row is None else signed_of(row)


def signed_of(row: TrustList) -> Signed:
    """A list as the root key signed it."""
    return Signed(body=row.body, signatures=[Signature(key=ROOT_KEY_ID, value=row.signature)])


def take(db: Session, here: Here, signed: Signed, by: str, now: datetime) -> TrustBody:
    """Put a newly signed list in force: all nodes get it at once.

    Declined: not signed by this commune's root key, another commune, not newer than every list before, or a list
    by which nodes would no longer obey this hub's plans.
    """
    try:
        trust = open_trust(signed, load_root(here.keys_dir))
    except Refused as why:
        raise Declined(why.code, _refusal(why)) from why
    if len(signed.signatures) != 1:  # the one that is kept must be the one that was checked
        raise Declined("malformed", reasons.sentence("malformed"))
    if trust.commune != commune_of(here):
        raise Declined("wrong-commune", "Danh sách này của xã khác.")
    newest = db.scalar(select(func.max(TrustList.generation))) or 0
    if trust.generation <= newest:
        raise Declined(
            "old-generation",
            f"Danh sách số {trust.generation} không mới hơn danh sách số {newest} đang dùng; xin lập lại.",
        )
    _refuse_mute(here, trust, now)
    before = {one.key for one in believed(db, here)}
    (signature,) = signed.signatures
    db.add(
        TrustList(
            generation=trust.generation,
            body=signed.body,
            signature=signature.value,
            brought_at=now,
            brought_by=by,
        )
    )
    after = {one.key for one in trust.keys}
    detail = {"added": ",".join(sorted(after - before)), "removed": ",".join(sorted(before - after))}
    write_audit(db, now, by, "trust.taken", str(trust.generation), detail)
    note_change(db, "trust", str(trust.generation), now)
    return trust


def add_key(
    db: Session,
    here: Here,
    account: Account,
    *,
    kind: str,
    public: str,
    label: str,
    now: datetime,
    by: str,
    credential: bytes | None = None,
    use: PasskeyUse | None = None,
) -> ApproverKey:
    """Note a key that a person made. It waits until the commune signs it into the trust list.

    kind: file or passkey; a passkey brings its credential id and where it was made. The caller has seen proof that
    the person holds the key. Declined: not such a key, or already somebody's: a person's, the hub's, the root's.
    """
    try:
        public = clean_public(public)
    except IdentityError as why:
        raise Declined("bad-key", "Khoá gửi lên không đúng loại, xin tạo lại.") from why
    if len(keys_of(db, account)) >= MOST_KEYS:
        raise Declined("many-keys", f"Mỗi người giữ nhiều nhất {MOST_KEYS} khoá; xin bỏ bớt khoá không dùng.")
    name = key_id(public)
    if db.get(ApproverKey, name) is not None or public in _spoken_for(db, here, now):
        raise Declined("key-taken", "Khoá này đã được ghi nhận từ trước, xin tạo khoá mới.")
    row = ApproverKey(
        id=name,
        account_id=account.id,
        kind=kind,
        label=label.strip()[:60],
        public=public,
        credential=credential,
        rp_id=use.rp_id if use else "",
        origin=use.origin if use else "",
        made_at=now,
    )
    db.add(row)
    db.flush()
    write_audit(db, now, by, "key.made", account.username, {"key": name, "kind": kind})
    note_change(db, "key", account.username, now)
    return row


def _spoken_for(db: Session, here: Here, now: datetime) -> set[str]:
    """Public keys that are nobody's to register: all of the list in force, the hub's own, and the root's."""
    try:
        ours = {own_key(here, now).public, clean_public(load_root(here.keys_dir))}
    except IdentityError as why:
        raise Declined("no-trust", "Trung tâm thiếu khoá của mình, xin báo người quản trị.") from why
    return ours | {clean_public(one.public) for one in believed(db, here)}


def remove_key(db: Session, key: str, by: str, now: datetime) -> ApproverKey:
    """Take a key back: the hub takes no signature of it any more; nodes forget it with the next list."""
    row = db.get(ApproverKey, key)
    if row is None or row.removed_at is not None:
        raise Declined("no-key", "Không tìm thấy khoá này, có thể nó đã được bỏ.")
    row.removed_at = now
    account = db.get_one(Account, row.account_id)
    write_audit(db, now, by, "key.removed", account.username, {"key": key})
    note_change(db, "key", account.username, now)
    return row


def keys_of(db: Session, account: Account) -> list[ApproverKey]:
    """A person's keys, oldest first, without those taken back."""
    query = select(ApproverKey).where(ApproverKey.account_id == account.id, ApproverKey.removed_at.is_(None))
    return list(db.scalars(query.order_by(ApproverKey.made_at, ApproverKey.id)))


def usable_keys(
    db: Session, here: Here, account: Account, now: datetime, role: Role = "approver"
) -> list[ApproverKey]:
    """A person's keys that sign announcements now: in the list in force, for that role, within their time."""
    try:
        trust = in_force(db, here)
    except Declined:
        return []
    good = {one.key for one in trust.keys if role in one.roles and one.since <= now <= one.until}
    return [row for row in keys_of(db, account) if row.id in good]


def signers(db: Session, here: Here, now: datetime, role: Role = "approver") -> set[int]:
    """Accounts whose signature the nodes would believe now: a key in force for that role, the right to approve."""
    try:
        trust = in_force(db, here)
    except Declined:
        return set()
    good = {one.key for one in trust.keys if role in one.roles and one.since <= now <= one.until}
    query = select(ApproverKey).where(ApproverKey.id.in_(good), ApproverKey.removed_at.is_(None))
    return {row.account_id for row in db.scalars(query) if until_of(db, row.account_id, now)}


def until_of(db: Session, account_id: int, now: datetime) -> datetime | None:
    """Until when a key of this person may be believed; None for somebody who may not approve.

    A deputy's key ends with the last day of standing in.
    """
    account = db.get(Account, account_id)
    if account is None or account.disabled_at is not None:
        return None
    if "approver" in account.roles:
        return now + timedelta(days=KEY_DAYS)
    grants = select(Deputy).where(
        Deputy.account_id == account_id,
        Deputy.role == "approver",
        Deputy.until > now,
        Deputy.ended_at.is_(None),
    )
    last: datetime | None = None
    for grant in db.scalars(grants):
        holder = db.get(Account, grant.for_account_id)
        if holder is not None and holder.disabled_at is None and "approver" in holder.roles:
            last = max(last or grant.until, grant.until)
    return last and min(last, now + timedelta(days=KEY_DAYS))


def believed(db: Session, here: Here) -> Sequence[TrustedKey]:
    """Keys of the list in force; none before the first list."""
    if signed_in_force(db) is None:
        return ()
    return in_force(db, here).keys


def own_key(here: Here, now: datetime) -> TrustedKey:
    """The hub's own signing key, which signs plans and can never speak. Raises IdentityError."""
    name, private = load_hub_signer(here.keys_dir)
    since = now.replace(microsecond=0)
    return TrustedKey(
        key=name,
        public=public_pem(private),
        holder="Trung tâm xã",
        roles=["hub"],
        since=since,
        until=since + timedelta(days=HUB_KEY_DAYS),
    )


def _refuse_mute(here: Here, trust: TrustBody, now: datetime) -> None:
    """A list without the hub's own key would leave every node deaf to its plans."""
    own = own_key(here, now)
    if not any(
        one.public == own.public
        and one.key == own.key
        and "hub" in one.roles
        and one.since <= now <= one.until
        for one in trust.keys
    ):
        raise Declined(
            "hub-missing",
            "Danh sách này thiếu khoá của trung tâm xã, các điểm sẽ không nhận lịch phát nữa; xin lập lại.",
        )


def _refusal(why: Refused) -> str:
    if why.code in ("bad-signature", "unsigned"):
        return "Chữ ký không phải của khoá gốc xã này, hoặc danh sách đã bị sửa sau khi ký."
    return reasons.sentence(why.code)


def commune_of(here: Here) -> str:
    """`province/commune` codes, as signed texts spell them."""
    return f"{here.where.province}/{here.where.commune}"
