"""People's accounts: making them, their passwords and roles, and signing in."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import ROLES, Account, Database, write_audit
from broker.link.clock import Clock

SHORTEST_PASSWORD = 10
WRONG_LIMIT = 5
WRONG_WINDOW_S = 30.0
LOCKED_S = 300.0
"""Five wrong passwords in half a minute lock a name for five minutes."""

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}", re.ASCII)
_REMEMBERED = 10_000
_AT_ONCE = 2
"""Passwords checked at the same time: each check takes 19 MiB."""


def password_hasher() -> PasswordHasher:
    """Argon2id with the second recommended parameters of RFC 9106 as OWASP sizes them: 19 MiB, 2, 1."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def create_account(
    db: Session,
    *,
    username: str,
    full_name: str,
    password: str,
    roles: Sequence[str],
    now: datetime,
    title: str = "",
    villages: Sequence[str] = (),
    by: str = "hub",
) -> Account:
    """Make an account. Raises Declined for a bad or taken name, an unknown role or a short password."""
    if not _USERNAME.fullmatch(username):
        raise Declined(
            "bad-username", "Tên đăng nhập gồm 2 đến 32 chữ thường không dấu, chữ số, dấu . _ hoặc -."
        )
    if db.scalar(select(Account.id).where(Account.username == username)) is not None:
        raise Declined("username-taken", "Tên đăng nhập này đã có người dùng, xin chọn tên khác.")
    if not full_name.strip():
        raise Declined("no-name", "Xin ghi họ và tên của người dùng tài khoản này.")
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise Declined("bad-role", "Xin chọn ít nhất một vai trò có trong danh sách.")
    account = Account(
        username=username,
        full_name=full_name.strip(),
        title=title.strip(),
        roles=list(dict.fromkeys(roles)),
        password_hash=_hash(password),
        villages=list(villages),
        created_at=now,
    )
    db.add(account)
    db.flush()
    write_audit(db, now, by, "account.created", username, {"roles": ",".join(account.roles)})
    return account


def set_password(db: Session, account: Account, password: str, now: datetime, by: str) -> None:
    """Give an account a new password. Raises Declined when it is too short."""
    account.password_hash = _hash(password)
    account.failed_logins = 0
    write_audit(db, now, by, "account.password-set", account.username)


def bind_key(db: Session, account: Account, key: str | None, now: datetime, by: str) -> None:
    """Note which approver key is this person's; None takes it away. Raises Declined when another has it."""
    other = db.scalar(select(Account.username).where(Account.key == key, Account.id != account.id))
    if key is not None and other is not None:
        raise Declined("key-taken", "Khoá ký này đã gắn với người khác, xin kiểm tra lại tệp khoá.")
    account.key = key
    write_audit(db, now, by, "account.key-bound", account.username, {"key": key or ""})


def disable(db: Session, account: Account, now: datetime, by: str) -> None:
    """Nobody signs in with this account any more; its past stays."""
    account.disabled_at = now
    write_audit(db, now, by, "account.disabled", account.username)


def has_role(account: Account, *roles: str) -> bool:
    """Whether the person may act in one of these roles now."""
    return account.disabled_at is None and any(role in account.roles for role in roles)


def require_role(account: Account, *roles: str) -> None:
    """Raise Declined unless the person may act in one of these roles."""
    if not has_role(account, *roles):
        raise Declined("no-right", "Tài khoản này không có quyền làm việc đó; xin hỏi người quản trị của xã.")


class SignIn:
    """Checks passwords and slows down guessing. One per `web` process; counts by monotonic time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._hasher = password_hasher()
        self._dummy = self._hasher.hash("nobody has this password")
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._locked: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()
        self._at_once = threading.BoundedSemaphore(_AT_ONCE)

    def verify(self, username: str, password: str) -> Account:
        """The account, when name and password are right.

        Raises Declined with the same sentence for an unknown name, a wrong password and a disabled account, so
        that names cannot be guessed; `locked` after too many wrong ones.
        """
        name = username.strip().lower()[:64]
        self._refuse_locked(name)
        with self._database.reading() as db:
            account = db.scalars(select(Account).where(Account.username == name)).first()
        right = self._matches(account.password_hash if account else self._dummy, password)
        if account is None or not right or account.disabled_at is not None:
            self._note_wrong(name, account)
            raise Declined("wrong-password", "Tên đăng nhập hoặc mật khẩu chưa đúng, xin thử lại.")
        with self._lock:
            self._wrong.pop(name, None)
        return self._note_right(account.id, password)

    def _refuse_locked(self, name: str) -> None:
        with self._lock:
            left_s = self._locked.get(name, 0.0) - self._clock.monotonic()
        if left_s > 0:
            minutes = max(1, round(left_s / 60))
            raise Declined("locked", f"Đã nhập sai nhiều lần. Xin chờ khoảng {minutes} phút rồi thử lại.")

    def _matches(self, kept: str, password: str) -> bool:
        with self._at_once:
            try:
                return self._hasher.verify(kept, password[:1024])
            except (VerificationError, InvalidHashError):
                return False

    def _note_wrong(self, name: str, account: Account | None) -> None:
        now_s = self._clock.monotonic()
        with self._lock:
            times = self._wrong.setdefault(name, deque(maxlen=WRONG_LIMIT))
            self._wrong.move_to_end(name)
            times.append(now_s)
            if len(times) == WRONG_LIMIT and now_s - times[0] <= WRONG_WINDOW_S:
                self._locked[name] = now_s + LOCKED_S
                times.clear()
            for kept in (self._wrong, self._locked):
                while len(kept) > _REMEMBERED:
                    kept.popitem(last=False)
        if account is not None:
            with self._database.session() as db:
                db.get_one(Account, account.id).failed_logins += 1

    def _note_right(self, account_id: int, password: str) -> Account:
        with self._database.session() as db:
            account = db.get_one(Account, account_id)
            account.failed_logins = 0
            account.signed_in_at = self._clock.now()
            if self._hasher.check_needs_rehash(account.password_hash):
                account.password_hash = self._hasher.hash(password)
            return account


def _hash(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise Declined("short-password", f"Mật khẩu cần ít nhất {SHORTEST_PASSWORD} ký tự.")
    if len(password) > 1024:
        raise Declined("long-password", "Mật khẩu dài quá, xin dùng nhiều nhất 1024 ký tự.")
    return password_hasher().hash(password)
