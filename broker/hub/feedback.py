"""The commune's inbox of citizens' words: opened one at a time, for those who may read, and recorded.

Also the calls for a helper that were made at a screen.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import Account, Feedback, HelperCall, NodeRecord, note_change, write_audit
from broker.hub.roles import require_role, require_villages
from broker.link.config import Settings
from broker.trust.seal import SealError, open_seal

MAY_READ = ("editor", "leader")
MAY_GO = ("editor", "approver", "leader", "village", "helper")
"""Who goes to somebody that called from a kiosk; village people and helpers within their villages."""


class Words(msgspec.Struct, kw_only=True):
    """What a citizen chose and wrote at the kiosk; no name, no number."""

    code: str
    text: str
    at: datetime
    topic: str = "other"
    """light, road, water, safety, paper or other"""
    spot: str = "nowhere"
    """village (the kiosk's own), elsewhere or nowhere"""
    village: str = ""
    language: str = "vi"


def read(db: Session, settings: Settings, account: Account, code: str, now: datetime) -> Words:
    """Open one for this person; the audit log keeps who read which. Raises Declined.

    The words are opened with the hub's key each time and never stored in the open.
    """
    require_role(db, account, now, *MAY_READ)
    row = _feedback(db, code)
    try:
        private = (settings.keys_dir / "hub-seal.key").read_bytes()
    except OSError as why:
        raise Declined("no-seal-key", "Máy chủ thiếu khoá mở thư góp ý, xin báo người quản trị.") from why
    try:
        words = msgspec.json.decode(open_seal(private, row.sealed), type=Words)
    except (SealError, msgspec.DecodeError, RecursionError) as why:
        raise Declined(
            "unreadable", "Góp ý này không mở được; xin báo người quản trị kiểm tra khoá."
        ) from why
    if words.code != code:
        raise Declined("unreadable", "Góp ý này không khớp với mã của nó; xin báo người quản trị.")
    write_audit(db, now, account.username, "feedback.read", code)
    return words


def take(db: Session, account: Account, code: str, now: datetime) -> Feedback:
    """This person looks after it. Declined when somebody already does."""
    require_role(db, account, now, *MAY_READ)
    row = _feedback(db, code)
    if row.taken_by not in (None, account.id):
        other = db.get_one(Account, row.taken_by)
        raise Declined("taken", f"{other.full_name} đang xử lý góp ý này rồi.")
    if row.state == "new":
        row.state, row.taken_by, row.taken_at = "taken", account.id, now
        write_audit(db, now, account.username, "feedback.taken", code)
        note_change(db, "feedback", code, now)
    return row


def answer(db: Session, account: Account, code: str, text: str, now: datetime) -> Feedback:
    """What the commune says to it; whoever answers also has it in hand. Declined without words."""
    row = take(db, account, code, now)
    if not text.strip():
        raise Declined("no-answer", "Xin viết câu trả lời.")
    row.state, row.answer, row.answered_at = "answered", text.strip()[:4000], now
    write_audit(db, now, account.username, "feedback.answered", code)
    note_change(db, "feedback", code, now)
    return row


def take_call(db: Session, account: Account, call: str, now: datetime) -> HelperCall:
    """Somebody is going to the one who called. The first stays.

    Raises Declined for an unknown call, and for a call from a village that is not this person's.
    """
    require_role(db, account, now, *MAY_GO)
    row = db.get(HelperCall, call)
    if row is None:
        raise Declined("no-call", "Không tìm thấy lượt gọi này.")
    node = db.get(NodeRecord, row.node)
    require_villages(db, account, now, [node.village if node else ""], *MAY_GO)
    if row.taken_at is None:
        row.taken_at, row.taken_by = now, account.id
        note_change(db, "helper", call, now)
    return row


def _feedback(db: Session, code: str) -> Feedback:
    row = db.get(Feedback, code)
    if row is None:
        raise Declined("no-feedback", "Không tìm thấy góp ý có mã này.")
    return row
