"""Mẫu bản tin: what the commune says again and again in nearly the same words, kept to begin from."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing import checks
from broker.hub.announcing.workflow import Draft
from broker.hub.declined import Declined
from broker.hub.records import Account, Pattern, Village, write_audit
from broker.hub.roles import require_role

KEEPERS = ("editor", "approver")
"""Who keeps and removes them; whoever may write may begin from one."""
MOST = 200
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True)
class Wording:
    """What a pattern says, as somebody filled it in."""

    title: str
    text: str
    kind: str = "routine"
    villages: tuple[str, ...] = ()
    repeat: int = 1
    voice: str = "vi"


def all_patterns(db: Session) -> list[Pattern]:
    """Those that are offered, by title."""
    return list(db.scalars(select(Pattern).where(Pattern.removed_at.is_(None)).order_by(Pattern.title)))


def pattern(db: Session, number: int) -> Pattern:
    """One that is offered. Raises Declined when there is none."""
    found = db.get(Pattern, number)
    if found is None or found.removed_at is not None:
        raise Declined("no-pattern", "Mẫu này không còn nữa, có thể có người đã bỏ.")
    return found


def keep(
    db: Session, account: Account, wording: Wording, now: datetime, number: int | None = None
) -> Pattern:
    """Keep a new pattern, or change one. Declined: no right, no title, no words, too long, a village that is gone."""
    require_role(db, account, now, *KEEPERS)
    title, text = checks.visible(wording.title).strip(), checks.visible(wording.text).strip()
    if not title:
        raise Declined("no-title", "Xin đặt tên cho mẫu.")
    if not any(char.isalnum() for char in text):
        raise Declined("empty", "Mẫu chưa có lời nào, xin viết nội dung.")
    checks.refuse_unstorable(title, text, wording.kind, wording.repeat, 0)
    if wording.kind == "emergency":
        raise Declined("bad-kind", "Mẫu khẩn cấp ký trước thì soạn ở trang riêng, không cất ở đây.")
    known = set(db.scalars(select(Village.code)))
    if any(code not in known for code in wording.villages):
        raise Declined("unknown-village", "Có thôn không còn trong danh sách của xã, xin chọn lại.")
    same = db.scalars(select(Pattern).where(Pattern.title == title, Pattern.removed_at.is_(None))).first()
    if same is not None and same.id != number:
        raise Declined("same-title", f"Đã có mẫu tên “{title}”, xin đặt tên khác hoặc sửa mẫu đó.")
    if number is None and len(all_patterns(db)) >= MOST:
        raise Declined("too-many", f"Đã có {MOST} mẫu, xin bỏ bớt mẫu không dùng.")
    row = Pattern(author_id=account.id) if number is None else pattern(db, number)
    row.title, row.text, row.kind = title, text, wording.kind
    row.villages, row.repeat, row.voice = sorted(set(wording.villages)), wording.repeat, wording.voice
    row.author_id, row.edited_at = account.id, now
    db.add(row)
    db.flush()
    write_audit(db, now, account.username, "pattern.kept", str(row.id), {"label": title})
    return row


def remove(db: Session, account: Account, number: int, now: datetime) -> None:
    """Offer one no more; announcements begun from it stay as they are."""
    require_role(db, account, now, *KEEPERS)
    row = pattern(db, number)
    row.removed_at = now
    write_audit(db, now, account.username, "pattern.removed", str(row.id), {"label": row.title})


def draft_of(db: Session, number: str, may: Collection[str] | None) -> Draft:
    """What to begin from; an empty draft for no pattern. may: villages the person writes for, None for all."""
    if not number:
        return Draft()
    if _NUMBER.fullmatch(number) is None:
        raise Declined("no-pattern", "Không có mẫu bản tin này.")
    row = pattern(db, int(number))
    villages = [code for code in row.villages if may is None or code in may]
    return Draft(
        title=row.title, text=row.text, kind=row.kind, villages=villages, repeat=row.repeat, voice=row.voice
    )
