"""People's accounts: making them, their passwords, and signing in. What they may do is in roles.py."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract import HUB, HUB_SERVICES, NODE_SERVICES
from broker.hub import passwords
from broker.hub.declined import Declined
from broker.hub.lockout import Doors
from broker.hub.records import ROLES, Account, Database, note_change, write_audit
from broker.hub.roles import ALONE
from broker.link.clock import Clock

NO_PASSWORD = "!"  # noqa: S105  (no secret: it matches nothing)
"""Stands where the hash would: nobody signs in until an invitation was used."""

NOT_PEOPLE = frozenset({HUB, "provision", "demo", "new", "unknown", "langso", "root"})
"""Who the log calls so is the hub, a command or a stranger; `new` is an address among the people's pages."""
WRONG = frozenset({"wrong-code", "wrong-password"})

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}", re.ASCII)
_AT_ONCE = 2
"""Passwords checked at the same time: each check takes 19 MiB."""
_WAITING = 20
"""Who comes when so many wait already is asked to come again: a flood of sign-ins must not hold every thread."""


def password_hasher() -> PasswordHasher:
    """Argon2id with the second recommended parameters of RFC 9106 as OWASP sizes them: 19 MiB, 2, 1."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def create_account(
    db: Session,
    *,
    username: str,
    full_name: str,
    roles: Sequence[str],
    now: datetime,
    password: str | None = None,
    title: str = "",
    villages: Sequence[str] = (),
    by: str = "hub",
) -> Account:
    """Make an account; without a password its owner sets one through an invitation (people.invite).

    Raises Declined for a bad or taken name, roles that are unknown or do not go together, a weak password.
    """
    if not _USERNAME.fullmatch(username):
        raise Declined(
            "bad-username", "Tên đăng nhập gồm 2 đến 32 chữ thường không dấu, chữ số, dấu . _ hoặc -."
        )
    if is_reserved(username):
        raise Declined("reserved-username", "Hệ thống dùng riêng tên đăng nhập này, xin chọn tên khác.")
    if db.scalar(select(Account.id).where(Account.username == username)) is not None:
        raise Declined("username-taken", "Tên đăng nhập này đã có người dùng, xin chọn tên khác.")
    if not full_name.strip():
        raise Declined("no-name", "Xin ghi họ và tên của người dùng tài khoản này.")
    refuse_roles(roles)
    account = Account(
        username=username,
        full_name=full_name.strip(),
        title=title.strip(),
        roles=[role for role in ROLES if role in roles],
        password_hash=NO_PASSWORD if password is None else _hash(password, username, full_name),
        villages=list(villages),
        created_at=now,
    )
    db.add(account)
    db.flush()
    write_audit(db, now, by, "account.created", username, {"roles": ",".join(account.roles)})
    return account


def is_reserved(username: str) -> bool:
    """Whether a name stands for something else in the log or in an address: whoever had it could pass for that."""
    head, dot, tail = username.partition(".")
    return head in NOT_PEOPLE or (bool(dot) and tail in HUB_SERVICES + NODE_SERVICES)


def refuse_roles(roles: Sequence[str]) -> None:
    """Raise Declined unless these roles are known and may be one person's."""
    if not roles or not set(roles) <= set(ROLES):
        raise Declined("bad-role", "Xin chọn ít nhất một vai trò có trong danh sách.")
    if len(set(roles)) > 1 and ALONE & set(roles):
        raise Declined(
            "role-alone",
            "Quản trị và kiểm tra là việc riêng: không xem camera, không soạn hay duyệt bản tin. "
            "Xin lập tài khoản khác cho việc kia.",
        )


def set_password(db: Session, account: Account, password: str, now: datetime, by: str) -> None:
    """Give an account a new password. Raises Declined when it is weak."""
    account.password_hash = _hash(password, account.username, account.full_name)
    write_audit(db, now, by, "account.password-set", account.username)
    note_change(db, "account", account.username, now)


def take_password(db: Session, account: Account, now: datetime, by: str) -> None:
    """The present password opens nothing any more; an invitation lets its owner set another."""
    account.password_hash = NO_PASSWORD
    write_audit(db, now, by, "account.password-taken", account.username)
    note_change(db, "account", account.username, now)


def disable(db: Session, account: Account, now: datetime, by: str) -> None:
    """Nobody signs in with this account any more; its past stays. people.disable asks first whether it may go."""
    account.disabled_at = now
    write_audit(db, now, by, "account.disabled", account.username)
    note_change(db, "account", account.username, now)


class SignIn:
    """Checks passwords and slows down guessing. One per `web` process; counts by monotonic time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._hasher = password_hasher()
        self._dummy = self._hasher.hash("nobody has this password")
        self._at_once = threading.BoundedSemaphore(_AT_ONCE)
        self._queue = threading.BoundedSemaphore(_AT_ONCE + _WAITING)
        self._doors = Doors(clock)

    def verify(self, username: str, password: str, address: str = "") -> Account:
        """The account, when name and password are right; its second factor is the caller's next question.

        Raises Declined with the same sentence for an unknown name, a wrong password and a disabled account, so
        that names cannot be guessed; `locked` after too many wrong ones for this name or from this address; `busy`
        when too many sign in at once.
        """
        name = username.strip().lower()[:64]
        name = name if _USERNAME.fullmatch(name) else "?"  # nobody's: odd characters go no further
        with self._turn(name, address):
            with self._database.reading() as db:
                account = db.scalars(select(Account).where(Account.username == name)).first()
            is_usable = account is not None and account.password_hash != NO_PASSWORD
            right = self._matches(account.password_hash if account and is_usable else self._dummy, password)
            if account is None or not right or not is_usable or account.disabled_at is not None:
                self._note_wrong(name, address)
                raise Declined("wrong-password", "Tên đăng nhập hoặc mật khẩu chưa đúng, xin thử lại.")
        return self._note_right(account.id, password)

    @contextmanager
    def guarded(self, account: Account, address: str) -> Iterator[None]:
        """A code, or the password again, is judged inside; Declined `wrong-…` there counts towards the lock, because
        whoever knows the password must not guess codes. Raises Declined `locked` or `busy` before.
        """
        with self._turn(account.username, address):
            try:
                yield
            except Declined as why:
                if why.code in WRONG:
                    self._note_wrong(account.username, address)
                raise

    def note_in(self, account: Account) -> None:
        """Everything was shown: this person's past mistakes are forgiven."""
        self._doors.note_right(account.username)

    def is_password(self, account: Account, password: str) -> bool:
        """Whether this is the account's password: asked again before it is changed."""
        return account.password_hash != NO_PASSWORD and self._matches(account.password_hash, password)

    @contextmanager
    def _turn(self, name: str, address: str) -> Iterator[None]:
        """The turn of this name and this address; too many who wait are sent away."""
        self._doors.refuse_locked(name, address)  # costs nothing: a locked door holds no place in the queue
        if not self._queue.acquire(blocking=False):
            raise Declined("busy", "Nhiều người đang đăng nhập cùng lúc. Xin thử lại sau ít giây.")
        try:
            with self._doors.turn(name, address):
                yield
        finally:
            self._queue.release()

    def _matches(self, kept: str, password: str) -> bool:
        try:
            with self._at_once:
                return self._hasher.verify(kept, password[: passwords.LONGEST])
        except (VerificationError, InvalidHashError):
            return False

    def _note_wrong(self, name: str, address: str) -> None:
        """Count in memory, and write a lock down, for names that exist and for others alike: neither the answer nor
        the time it takes may say which are whose."""
        if not self._doors.note_wrong(name, address):
            return
        with self._database.session() as db:
            write_audit(db, self._clock.now(), "hub", "account.locked", name)

    def _note_right(self, account_id: int, password: str) -> Account:
        with self._database.session() as db:
            account = db.get_one(Account, account_id)
            account.signed_in_at = self._clock.now()
            if self._hasher.check_needs_rehash(account.password_hash):
                account.password_hash = self._hasher.hash(password)
            return account


def _hash(password: str, username: str, full_name: str) -> str:
    passwords.refuse_weak(password, username, full_name)
    return password_hasher().hash(password)
