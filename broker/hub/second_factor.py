"""The second factor: a code of six digits from a person's phone (TOTP, RFC 6238: SHA-1, 30 s, as every app has it).

The secret is kept sealed to the hub's sealing key, so that a copy of the database alone makes no codes. A code is
good for its own half minute and the one beside it, and never twice.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime

import pyotp
from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import Account, note_change, write_audit
from broker.hub.roles import NEEDS_SECOND, roles_of
from broker.link.config import Settings
from broker.trust.seal import SealError, open_seal, seal

STEP_S = 30
BESIDE = 1
"""Steps a phone's clock may be off, either way."""
DIGITS = 6
_WRONG = "Mã chưa đúng hoặc đã dùng rồi. Xin chờ mã mới hiện trên điện thoại rồi nhập lại."


def is_needed(db: Session, settings: Settings, account: Account, now: datetime) -> bool:
    """Whether this person's roles ask for a second factor here."""
    return settings.console.second_factor and not NEEDS_SECOND.isdisjoint(roles_of(db, account, now))


def is_set(account: Account) -> bool:
    """Whether this person is asked for a code."""
    return account.totp_sealed is not None


def propose(settings: Settings) -> bytes:
    """A fresh secret, sealed: it counts once a code made with it was shown (`set_up`). Raises Declined."""
    try:
        public = (settings.keys_dir / "hub-seal.pub").read_bytes()
        return seal(public, pyotp.random_base32().encode("ascii"))
    except (OSError, ValueError) as why:
        raise Declined(
            "no-seal-key", "Máy chủ thiếu khoá niêm phong, chưa bật được mã; xin báo người quản trị."
        ) from why


def secret_of(settings: Settings, sealed: bytes) -> str:
    """The secret as a person types it into a phone that cannot read the QR code (base 32). Raises Declined."""
    try:
        return open_seal((settings.keys_dir / "hub-seal.key").read_bytes(), sealed).decode("ascii")
    except (OSError, SealError, ValueError) as why:
        raise Declined(
            "no-seal-key", "Máy chủ không mở được bí mật của mã xác nhận; xin báo người quản trị."
        ) from why


def address_of(secret: str, username: str, commune_name: str) -> str:
    """What the QR code says: `otpauth://totp/…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=f"Làng Số {commune_name}")


def set_up(
    db: Session,
    settings: Settings,
    account: Account,
    sealed: bytes,
    code: str,
    now: datetime,
    *,
    may_replace: bool = False,
) -> None:
    """From now on this secret is the person's, because the phone has just shown a right code. Raises Declined.

    may_replace: whoever asks has shown a code of the present phone. Without, a phone that was set up meanwhile
    stays: the account's row is read again under the writer's lock.
    """
    db.refresh(account)
    if is_set(account) and not may_replace:
        raise Declined("set-meanwhile", "Tài khoản này vừa bật mã ở máy khác. Xin đăng nhập lại bằng mã ấy.")
    step = _step_of(secret_of(settings, sealed), code, now, after=0)
    account.totp_sealed, account.totp_since, account.totp_step = sealed, now, step
    write_audit(db, now, account.username, "account.second-factor-set", account.username)
    note_change(db, "account", account.username, now)


def check(db: Session, settings: Settings, account: Account, code: str, now: datetime) -> None:
    """Take a code of this person. Raises Declined `wrong-code` when it is wrong, too old, or was used.

    The account's row is read again under the writer's lock: of two requests with one code only one is let in.
    """
    db.refresh(account)
    if account.totp_sealed is None:
        raise Declined("no-second-factor", "Tài khoản này chưa bật mã xác nhận.")
    account.totp_step = _step_of(secret_of(settings, account.totp_sealed), code, now, after=account.totp_step)
    db.flush()


def take_away(db: Session, account: Account, now: datetime, by: str) -> None:
    """The phone is lost: the person sets up another at the next sign-in."""
    account.totp_sealed, account.totp_since, account.totp_step = None, None, 0
    write_audit(db, now, by, "account.second-factor-taken", account.username)
    note_change(db, "account", account.username, now)


def codes_of(secret: str, now: datetime) -> Mapping[int, str]:
    """The codes that are good at `now` by their time step, the present one first."""
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    steps = [present, *(present + n * side for n in range(1, BESIDE + 1) for side in (-1, 1))]
    return {step: totp.generate_otp(step) for step in steps}


def _step_of(secret: str, code: str, now: datetime, *, after: int) -> int:
    """The time step this code belongs to. Every candidate is compared, whichever fits."""
    given = "".join(char for char in code if not char.isspace())
    found = 0
    for step, right in codes_of(secret, now).items():
        is_same = hmac.compare_digest(right.encode(), given.encode("utf-8", "replace")[:64])
        found = step if is_same and step > after and not found else found
    if not found:
        raise Declined("wrong-code", _WRONG)
    return found
