"""Tokens with which other programs write readings to the hub: named, shown once, revocable, audited."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import Token, note_change, write_audit

LONGEST_NAME = 24
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?", re.ASCII)


def make_token(db: Session, name: str, now: datetime, by: str) -> str:
    """A new token; returns the secret, which is not kept. A revoked name may be used again: its new token goes
    on with the same series. Raises Declined for a bad name and for one that is in use.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise Declined(
            "bad-token-name",
            f"Tên mã truy cập gồm 1 đến {LONGEST_NAME} chữ thường không dấu, chữ số hoặc dấu -, bắt đầu bằng chữ.",
        )
    secret = secrets.token_urlsafe(32)
    found = db.scalars(select(Token).where(Token.name == name)).first()
    if found is None:
        db.add(Token(name=name, hash=_hash(secret), made_at=now, made_by=by))
    elif found.revoked_at is None:
        raise Declined("token-in-use", f"Mã truy cập {name} đang dùng; thu hồi nó trước khi cấp lại.")
    else:
        found.hash, found.made_at, found.made_by, found.revoked_at = _hash(secret), now, by, None
    write_audit(db, now, by, "token.made", name)
    note_change(db, "token", name, now)
    db.flush()
    return secret


def revoke_token(db: Session, name: str, now: datetime, by: str) -> None:
    """From now on nobody writes with it. Raises Declined when there is none."""
    found = db.scalars(select(Token).where(Token.name == name, Token.revoked_at.is_(None))).first()
    if found is None:
        raise Declined("no-token", f"Không có mã truy cập {name} đang dùng.")
    found.revoked_at = now
    write_audit(db, now, by, "token.revoked", name)
    note_change(db, "token", name, now)
    db.flush()


def all_tokens(db: Session) -> Sequence[Token]:
    """Every token by name, revoked ones too."""
    return db.scalars(select(Token).order_by(Token.name)).all()


def token_of(db: Session, secret: str) -> Token | None:
    """The token with this secret; None when there is none or it was revoked."""
    return db.scalars(select(Token).where(Token.hash == _hash(secret), Token.revoked_at.is_(None))).first()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
