"""Who belongs to the commune's staff: asking people in, their roles, deputies, and who cannot be spared.

Every function works in the caller's transaction and raises Declined with one Vietnamese sentence. `by`: the
username of whoever does it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broker.hub import accounts, second_factor, trusted
from broker.hub.declined import Declined
from broker.hub.records import ROLES, Account, Deputy, Invitation, Village, note_change, write_audit
from broker.hub.roles import ALONE, roles_of
from broker.hub.trusted import Here

INVITED_FOR = timedelta(hours=72)
LONGEST_DEPUTY = timedelta(days=92)
DEPUTISED = tuple(role for role in ROLES if role not in ALONE)
"""Roles that somebody may hold for another; looking after the house and checking it are nobody's by proxy."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class Facts:
    """What an admin says about a person."""

    full_name: str
    roles: Sequence[str]
    title: str = ""
    villages: Sequence[str] = ()
    """Codes; for village people and helpers."""


def person(db: Session, username: str) -> Account:
    """The account of that name. Raises Declined when there is none."""
    found = db.scalars(select(Account).where(Account.username == username)).first()
    if found is None:
        raise Declined("no-account", "Không tìm thấy người dùng này.")
    return found


def invite(db: Session, account: Account, by: str, now: datetime) -> str:
    """Ask a person in; the token for the address to hand over, good once and for three days. Older ones end."""
    if account.disabled_at is not None:
        raise Declined("disabled", "Tài khoản này đang khoá; xin mở lại rồi mới mời.")
    db.execute(
        update(Invitation)
        .where(Invitation.account_id == account.id, Invitation.used_at.is_(None), Invitation.expires_at > now)
        .values(expires_at=now)
    )
    token = secrets.token_urlsafe(32)
    db.add(
        Invitation(
            hash=_hash(token), account_id=account.id, made_at=now, made_by=by, expires_at=now + INVITED_FOR
        )
    )
    write_audit(db, now, by, "account.invited", account.username)
    note_change(db, "account", account.username, now)
    return token


def invited(db: Session, token: str, now: datetime) -> Account:
    """Whose invitation this is. Raises Declined when it is unknown, used or too old."""
    return db.get_one(Account, _invitation(db, token, now).account_id)


def accept(db: Session, token: str, password: str, now: datetime) -> Account:
    """The invited person sets a password; the invitation is used up. Raises Declined, also for a weak password."""
    found = _invitation(db, token, now)
    account = db.get_one(Account, found.account_id)
    accounts.set_password(db, account, password, now, account.username)
    found.used_at = now
    write_audit(db, now, account.username, "account.invitation-used", account.username)
    return account


def waiting_invitation(db: Session, account: Account, now: datetime) -> Invitation | None:
    """The invitation this person has not used yet."""
    query = select(Invitation).where(
        Invitation.account_id == account.id, Invitation.used_at.is_(None), Invitation.expires_at > now
    )
    return db.scalars(query.order_by(Invitation.made_at.desc())).first()


def ask_in(db: Session, username: str, facts: Facts, by: str, now: datetime) -> tuple[Account, str]:
    """A new account and the token of its invitation."""
    refuse_places(db, facts.roles, facts.villages)
    account = accounts.create_account(
        db,
        username=username,
        full_name=facts.full_name,
        title=facts.title,
        roles=facts.roles,
        villages=sorted(set(facts.villages)),
        now=now,
        by=by,
    )
    return account, invite(db, account, by, now)


def change(db: Session, here: Here, account: Account, facts: Facts, by: str, now: datetime) -> None:
    """Give a person another name, title, roles and villages. Declined where the commune could not do without."""
    accounts.refuse_roles(facts.roles)
    if not facts.full_name.strip():
        raise Declined("no-name", "Xin ghi họ và tên của người dùng tài khoản này.")
    refuse_places(db, facts.roles, facts.villages)
    before, after = list(account.roles), [role for role in ROLES if role in facts.roles]
    if before != after:
        _refuse_own(account, by, "Không tự đổi vai trò của mình được; xin nhờ người quản trị khác.")
        _refuse_loss(db, here, account, after, now)
        write_audit(
            db,
            now,
            by,
            "account.roles-changed",
            account.username,
            {"before": ",".join(before), "after": ",".join(after)},
        )
        account.roles = after
        note_change(db, "plan", "*", now)
    villages = sorted(set(facts.villages))
    said = {"name": facts.full_name.strip(), "title": facts.title.strip(), "villages": ",".join(villages)}
    if (account.full_name, account.title, sorted(account.villages)) != (
        said["name"],
        said["title"],
        villages,
    ):
        account.full_name, account.title, account.villages = said["name"], said["title"], villages
        write_audit(db, now, by, "account.changed", account.username, said)
    note_change(db, "account", account.username, now)


def disable(db: Session, here: Here, account: Account, by: str, now: datetime) -> None:
    """Nobody signs in with this account any more. Declined for the last who can approve or administrate."""
    if account.disabled_at is not None:
        return
    _refuse_own(account, by, "Không tự khoá tài khoản của mình được; xin nhờ người quản trị khác.")
    _refuse_loss(db, here, account, [], now)
    accounts.disable(db, account, now, by)


def enable(db: Session, account: Account, by: str, now: datetime) -> None:
    """The account may be used again; a new password is set through an invitation."""
    if account.disabled_at is None:
        return
    account.disabled_at = None
    write_audit(db, now, by, "account.enabled", account.username)
    accounts.take_password(db, account, now, by)


def reset_password(db: Session, account: Account, by: str, now: datetime, here: Here | None = None) -> str:
    """The old password opens nothing any more; the token of an invitation to set another.

    here: Declined for the last who can approve, whom another admin's click must not put out of office. None is
    for the command at the hub alone, the way back when that very person forgot the password. Who has not set a
    password yet is only asked in again.
    """
    if here is not None and account.password_hash != accounts.NO_PASSWORD and by != account.username:
        _refuse_loss(db, here, account, [], now)
    accounts.take_password(db, account, now, by)
    return invite(db, account, by, now)


def reset_second_factor(db: Session, account: Account, by: str, now: datetime) -> None:
    """Somebody lost the phone. Not for oneself: a stolen session must not take the second factor away."""
    _refuse_own(
        account, by, "Không tự gỡ mã xác nhận của mình; xin đổi điện thoại ở trang Tài khoản của tôi."
    )
    second_factor.take_away(db, account, now, by)


def appoint(
    db: Session,
    account: Account,
    holder: Account,
    role: str,
    until: datetime,
    by: str,
    now: datetime,
    since: datetime | None = None,
) -> Deputy:
    """`account` holds a role for `holder` until a known moment. Raises Declined."""
    since = max(since or now, now)
    if account.id == holder.id:
        raise Declined("same-person", "Người làm thay phải là người khác.")
    if role not in DEPUTISED or role not in holder.roles:
        raise Declined(
            "bad-role", f"{holder.full_name} không có vai trò ấy để giao, hoặc việc ấy không giao được."
        )
    if ALONE & set(account.roles):
        raise Declined(
            "role-alone", f"{account.full_name} làm quản trị hoặc kiểm tra nên không nhận việc thay ai."
        )
    if account.disabled_at is not None or holder.disabled_at is not None:
        raise Declined("disabled", "Một trong hai tài khoản đang khoá.")
    if not since < until <= now + LONGEST_DEPUTY:
        raise Declined("bad-days", f"Xin chọn ngày cuối từ hôm nay đến {LONGEST_DEPUTY.days} ngày nữa.")
    _refuse_own(account, by, "Không tự giao việc cho mình được; xin nhờ người quản trị khác.")
    row = Deputy(
        account_id=account.id, for_account_id=holder.id, role=role, since=since, until=until, made_by=by
    )
    db.add(row)
    db.flush()
    detail = {"for": holder.username, "role": role, "until": until.isoformat()}
    write_audit(db, now, by, "deputy.appointed", account.username, detail)
    note_change(db, "account", account.username, now)
    return row


def end_deputy(db: Session, deputy_id: int, by: str, now: datetime) -> Deputy:
    """Standing in ends now. Raises Declined for an unknown one."""
    row = db.get(Deputy, deputy_id)
    if row is None:
        raise Declined("no-deputy", "Không tìm thấy việc làm thay này.")
    if row.ended_at is None and row.until > now:
        row.ended_at = now
        account = db.get_one(Account, row.account_id)
        write_audit(db, now, by, "deputy.ended", account.username, {"role": row.role})
        note_change(db, "account", account.username, now)
        note_change(db, "plan", "*", now)
    return row


def deputies(db: Session, now: datetime) -> list[Deputy]:
    """Who stands in for whom, now or soon; the one that ends first is first."""
    query = select(Deputy).where(Deputy.until > now, Deputy.ended_at.is_(None))
    return list(db.scalars(query.order_by(Deputy.until)))


def refuse_places(db: Session, roles: Sequence[str], villages: Sequence[str]) -> None:
    """Raise Declined for villages the hub does not know, and for a village person without one."""
    if set(villages) - set(db.scalars(select(Village.code))):
        raise Declined("no-village", "Có thôn không còn trong danh sách; xin chọn lại.")
    if "village" in roles and not villages:
        raise Declined("village-missing", "Trưởng thôn cần được gắn với thôn của mình; xin chọn thôn.")


def is_last(db: Session, here: Here, account: Account, role: str, now: datetime) -> bool:
    """Whether nobody else could do this: approve with a key the nodes believe, or administrate.

    While no approver has such a key, the last one who has the role counts.
    """
    if role == "approver":
        query = select(Account).where(Account.disabled_at.is_(None))
        all_of_them = {each.id for each in db.scalars(query) if "approver" in each.roles}
        who = all_of_them & trusted.signers(db, here, now) or all_of_them
    else:
        who = {each.id for each in db.scalars(select(Account)) if role in roles_of(db, each, now)}
    return who == {account.id}


def is_last_key(db: Session, here: Here, account: Account, key: str, now: datetime) -> bool:
    """Whether nobody could approve any more once this person took this key back."""
    if {row.id for row in trusted.usable_keys(db, here, account, now)} != {key}:
        return False
    return is_last(db, here, account, "approver", now) or trusted.signers(db, here, now) == {account.id}


def _refuse_loss(db: Session, here: Here, account: Account, roles_left: Sequence[str], now: datetime) -> None:
    gone = set(account.roles) - set(roles_left)
    if "approver" in gone and is_last(db, here, account, "approver", now):
        raise Declined(
            "last-approver",
            f"{account.full_name} là người duyệt cuối cùng của xã; "
            "xin thêm người duyệt khác, có khoá được tin cậy, rồi hãy làm việc này.",
        )
    if "admin" in gone and is_last(db, here, account, "admin", now):
        raise Declined(
            "last-admin",
            f"{account.full_name} là người quản trị cuối cùng; xin thêm người quản trị khác trước.",
        )


def _refuse_own(account: Account, by: str, sentence: str) -> None:
    if account.username == by:
        raise Declined("own-account", sentence)


def _invitation(db: Session, token: str, now: datetime) -> Invitation:
    found = db.get(Invitation, _hash(token)) if _TOKEN.fullmatch(token) else None
    account = None if found is None else db.get(Account, found.account_id)
    if found is None or account is None or found.used_at is not None or found.expires_at <= now:
        raise Declined(
            "no-invitation", "Lời mời này đã dùng hoặc đã hết hạn; xin người quản trị của xã gửi lời mời mới."
        )
    if account.disabled_at is not None:
        raise Declined("disabled", "Tài khoản này đang khoá; xin hỏi người quản trị của xã.")
    return found


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
