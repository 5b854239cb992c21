"""What the commune tells the public about its cameras, as the law asks of whoever records in public places.

Law on Personal Data Protection 91/2025/QH15, article 32: recording in public for order and security needs no consent,
but the public is told, and pictures are kept only as long as the purpose needs.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime

from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import Account, CameraNotice, write_audit
from broker.hub.roles import require_role

SETTERS = ("leader", "admin")
KEPT_DAYS = 30
"""While the commune has decided nothing; the law names no number of days (not found in the text read)."""
LONGEST_DAYS = 365
LONGEST_TEXT = 400


def notice_of(db: Session) -> CameraNotice | None:
    """The commune's notice, None until somebody has written it."""
    return db.get(CameraNotice, 1)


def kept_days(db: Session) -> int:
    """How many days pictures of closed alerts are kept."""
    notice = notice_of(db)
    return notice.kept_days if notice else KEPT_DAYS


def set_notice(
    db: Session, account: Account, purpose: str, keeper: str, contact: str, days: str, now: datetime
) -> CameraNotice:
    """Write it. Raises Declined with the sentence of the first thing that is missing."""
    require_role(db, account, now, *SETTERS)
    texts = {
        "Mục đích": _plain(purpose),
        "Đơn vị quản lý": _plain(keeper),
        "Nơi liên hệ": _plain(contact),
    }
    for name, text in texts.items():
        if len(text) < 5:
            raise Declined("no-text", f"{name}: xin ghi rõ, để bà con đọc là hiểu.")
        if len(text) > LONGEST_TEXT:
            raise Declined("long-text", f"{name}: xin viết gọn trong {LONGEST_TEXT} chữ cái.")
    if not (days.strip().isascii() and days.strip().isdigit() and 1 <= int(days) <= LONGEST_DAYS):
        raise Declined("bad-days", f"Số ngày giữ hình là số từ 1 đến {LONGEST_DAYS}.")
    notice = notice_of(db)
    if notice is None:
        notice = CameraNotice(id=1)
        db.add(notice)
    before = notice.kept_days
    notice.purpose, notice.keeper, notice.contact = texts.values()
    notice.kept_days, notice.edited_at, notice.edited_by = int(days), now, account.id
    detail = {"days": str(notice.kept_days)}
    if before is not None and before != notice.kept_days:
        detail["before"] = str(before)
    write_audit(db, now, account.username, "camera.notice-written", "cameras", detail)
    return notice


def _plain(text: str) -> str:
    """One line without control characters."""
    return " ".join(
        "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text)).split()
    )
