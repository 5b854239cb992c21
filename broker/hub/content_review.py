"""Officials' work on procedures: write, send, approve, return, retire, check, bring an earlier version back.

Every function works in the caller's transaction and raises Declined with one Vietnamese sentence. Who wrote a
version never approves it. The version in force and the one being written stand beside each other: what screens
show changes only by an approver's decision.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.contract.content import Bundle, Procedure
from broker.hub.content_shown import NO_PROCEDURE, decided, procedure_of
from broker.hub.declined import Declined
from broker.hub.records import Account, ContentRevision, SearchWord, note_change, write_audit
from broker.hub.roles import require_role
from broker.link.clock import LOCAL
from broker.look.procedure_lint import faults, is_sendable

WRITERS = ("editor", "approver")
APPROVERS = ("approver",)
READERS = ("editor", "approver", "leader", "admin", "auditor")
OPEN = ("draft", "sent", "returned")
"""States of a version that is still being worked on; at most one a procedure."""
LONGEST_REASON = 500
LARGEST_BODY = 64 * 1024
CODE = re.compile(r"\d\.\d{6}(?:\.\d{3}\.\d{2}\.\d{2}\.\w\d{2})?", re.ASCII)


def being_written(db: Session, code: str, *, to_write: bool = False) -> ContentRevision | None:
    """The version that somebody writes or that waits; None when nobody touches it.

    to_write: keep it from others until this transaction ends; a reading one cannot.
    """
    query = select(ContentRevision).where(ContentRevision.code == code, ContentRevision.state.in_(OPEN))
    query = query.order_by(ContentRevision.number.desc()).limit(1)
    return db.scalars(query.with_for_update() if to_write else query).first()


def stamp(shown: Procedure | None, written: ContentRevision | None) -> str:
    """What somebody read before writing: another stamp at saving means that somebody else wrote meanwhile."""
    said: Any = [written.number, written.state, written.body] if written else msgspec.to_builtins(shown)
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:16]


def shown_now(db: Session, base: Bundle, code: str) -> Procedure | None:
    """What screens show of a procedure; None where they know its name at most."""
    own = decided(db).get(code)
    if own is not None:
        return None if own.is_retired else own.procedure
    return next((each for each in base.procedures if each.code == code), None)


def save(
    db: Session, account: Account, base: Bundle, procedure: Procedure, read: str, now: datetime
) -> ContentRevision:
    """Keep what was written. read: `stamp` of what the form was filled with.

    Raises Declined when somebody saved meanwhile, for a code that is none, for a text that is too large. Saving
    over what waits takes it back from the approver.
    """
    require_role(db, account, now, *WRITERS)
    if not CODE.fullmatch(procedure.code):
        raise Declined("bad-code", "Mã thủ tục gồm một số, dấu chấm và sáu số, như 1.001193.")
    body = msgspec.to_builtins(msgspec.structs.replace(procedure, approved=False))
    try:
        raw = msgspec.json.encode(body)
    except UnicodeEncodeError:  # half of a pair
        raw = b"\\u0000"
    if len(raw) > LARGEST_BODY:
        raise Declined("large", "Nội dung dài quá, xin bớt chữ rồi lưu lại.")
    if b"\\u0000" in raw:  # PostgreSQL keeps no NUL
        raise Declined("odd-letters", "Có ký tự lạ không lưu được, xin gõ lại.")
    latest = being_written(db, procedure.code, to_write=True)
    if read != stamp(shown_now(db, base, procedure.code), latest):
        raise Declined(
            "changed-meanwhile",
            "Có người vừa sửa thủ tục này. Chữ của anh/chị còn ở dưới; xin mở bản mới nhất ở trang khác để so.",
        )
    if latest is not None and latest.written_by == account.id and latest.state in ("draft", "returned"):
        latest.body, latest.written_at, latest.state = body, now, "draft"
        revision = latest
    else:
        if latest is not None:
            latest.state = "replaced"
        revision = _new(db, account, procedure.code, body, "draft", now)
    db.flush()
    note_change(db, "content", procedure.code, now)
    return revision


def send(db: Session, account: Account, number: int, now: datetime) -> ContentRevision:
    """Ask for approval of one's own draft. Raises Declined while the linter finds a fault."""
    require_role(db, account, now, *WRITERS)
    revision = _revision(db, number)
    if revision.state != "draft":
        raise Declined("not-draft", "Bản này không còn là bản nháp; xin mở bản mới nhất.")
    if revision.written_by != account.id:
        raise Declined("not-author", "Chỉ người viết mới gửi duyệt được; hãy lưu thành bản của mình trước.")
    _refuse_faults(revision, now)
    revision.state, revision.sent_at, revision.reason = "sent", now, ""
    _decided(db, account, revision, "content.sent", now)
    return revision


def approve(
    db: Session, account: Account, base: Bundle, number: int, read: str, now: datetime
) -> ContentRevision:
    """Let screens show what was sent. read: `stamp` of what screens showed when the two were compared.

    Raises Declined for the writer, for what no longer waits, and when screens show something else by now: a newer
    release or a text somebody just checked would be covered unseen.
    """
    require_role(db, account, now, *APPROVERS)
    revision = _waiting(db, number)
    if revision.written_by == account.id:
        raise Declined("author-approves", "Người viết không tự duyệt được; xin nhờ người duyệt khác.")
    if read != stamp(shown_now(db, base, revision.code), None):
        raise Declined(
            "changed-meanwhile",
            "Màn hình vừa đổi từ lúc anh/chị mở trang. Xin so lại ở đây rồi duyệt lần nữa.",
        )
    _refuse_faults(revision, now)
    _put_in_force(db, account, revision, "approved", now)
    _decided(db, account, revision, "content.approved", now)
    return revision


def give_back(db: Session, account: Account, number: int, reason: str, now: datetime) -> ContentRevision:
    """Return what was sent to its writer with a word why."""
    require_role(db, account, now, *APPROVERS)
    revision = _waiting(db, number)
    revision.reason = _reason(reason, "Xin ghi vài chữ để người viết biết cần sửa gì.")
    revision.state, revision.decided_by, revision.decided_at = "returned", account.id, now
    _decided(db, account, revision, "content.returned", now, {"reason": revision.reason})
    return revision


def retire(db: Session, account: Account, base: Bundle, code: str, reason: str, now: datetime) -> None:
    """Show no more than its name from now on. What waits goes back to its writer: what it was to replace is gone."""
    require_role(db, account, now, *APPROVERS)
    said = _reason(reason, "Xin ghi vì sao thôi hướng dẫn thủ tục này.")
    shown = _shown(db, base, code)
    waiting = being_written(db, code, to_write=True)
    if waiting is not None and waiting.state == "sent":
        waiting.reason = f"Thủ tục đã rút: {said}"[:LONGEST_REASON]
        waiting.state, waiting.decided_by, waiting.decided_at = "returned", account.id, now
        _decided(db, account, waiting, "content.returned", now, {"reason": waiting.reason})
    revision = _new(db, account, code, msgspec.to_builtins(shown), "draft", now)
    revision.reason = said
    db.flush()
    _put_in_force(db, account, revision, "retired", now)
    _decided(db, account, revision, "content.retired", now, {"reason": said})


def confirm(db: Session, account: Account, base: Bundle, code: str, read: str, now: datetime) -> None:
    """ "Đã soát, vẫn đúng": what is shown now holds, somebody compared it with its source today.

    read: `stamp` of what was looked at. Raises Declined when screens show something else by now.
    """
    require_role(db, account, now, *APPROVERS)
    shown = _shown(db, base, code)
    if read != stamp(shown, None):
        raise Declined("changed-meanwhile", "Nội dung vừa được thay, xin đọc lại rồi hãy xác nhận.")
    if not is_sendable(faults(shown, now.astimezone(LOCAL).date())):
        raise Declined("faults", "Nội dung này còn chỗ phải sửa, xin sửa rồi gửi duyệt.")
    body = msgspec.to_builtins(msgspec.structs.replace(shown, approved=False))
    revision = _new(db, account, code, body, "draft", now)
    db.flush()
    _put_in_force(db, account, revision, "approved", now)
    _decided(db, account, revision, "content.checked", now)


def restore(
    db: Session, account: Account, base: Bundle, number: int, read: str, now: datetime
) -> ContentRevision:
    """Write an earlier version anew, as a draft: it is sent and approved like any other."""
    procedure = procedure_of(_revision(db, number))
    if procedure is None:
        raise Declined("unreadable", "Bản cũ này không đọc được nữa, xin viết lại.")
    return save(db, account, base, procedure, read, now)


def settle_word(db: Session, account: Account, base: Bundle, text: str, code: str, now: datetime) -> None:
    """Put a word that found nothing to a procedure; `-`: it means none."""
    require_role(db, account, now, *WRITERS)
    row = db.get(SearchWord, text)
    if row is None:
        raise Declined("no-word", "Từ này không còn trong danh sách.")
    known = {each.code for each in base.procedures} | {each.code for each in base.named} | set(decided(db))
    if code != NO_PROCEDURE and code not in known:
        raise Declined("no-procedure", "Không có thủ tục mang mã này, xin chọn lại.")
    row.code, row.settled_by, row.settled_at = code, account.id, now
    write_audit(db, now, account.username, "content.word", text, {"code": code})
    note_change(db, "plan", "*", now)


def _new(
    db: Session, account: Account, code: str, body: dict[str, Any], state: str, now: datetime
) -> ContentRevision:
    newest = db.scalar(select(func.max(ContentRevision.number)).where(ContentRevision.code == code)) or 0
    revision = ContentRevision(
        code=code, number=newest + 1, state=state, body=body, written_by=account.id, written_at=now, reason=""
    )
    db.add(revision)
    return revision


def _put_in_force(
    db: Session, account: Account, revision: ContentRevision, state: str, now: datetime
) -> None:
    older = select(ContentRevision).where(
        ContentRevision.code == revision.code,
        ContentRevision.state.in_(("approved", "retired")),
        ContentRevision.id != revision.id,
    )
    for one in db.scalars(older):
        one.state = "replaced"
    revision.state, revision.decided_by, revision.decided_at = state, account.id, now
    revision.checked_on = now.astimezone(LOCAL).date()
    db.flush()
    note_change(db, "plan", "*", now)


def _decided(
    db: Session,
    account: Account,
    revision: ContentRevision,
    action: str,
    now: datetime,
    detail: dict[str, str] | None = None,
) -> None:
    title = str(revision.body.get("title") or revision.body.get("name", ""))[:160]
    write_audit(db, now, account.username, action, revision.code, {"title": title, **(detail or {})})
    note_change(db, "content", revision.code, now)


def _revision(db: Session, number: int) -> ContentRevision:
    revision = db.get(ContentRevision, number, with_for_update=True)
    if revision is None:
        raise Declined("no-revision", "Không tìm thấy bản này, có thể nó đã được thay.")
    return revision


def _waiting(db: Session, number: int) -> ContentRevision:
    revision = _revision(db, number)
    if revision.state != "sent":
        raise Declined("not-waiting", "Bản này không còn chờ duyệt; xin mở bản mới nhất.")
    return revision


def _shown(db: Session, base: Bundle, code: str) -> Procedure:
    shown = shown_now(db, base, code)
    if shown is None:
        raise Declined("no-procedure", "Màn hình không hướng dẫn thủ tục này, nên không có gì để làm.")
    return shown


def _reason(text: str, ask: str) -> str:
    said = " ".join(text.replace("\x00", "").split())
    if not said:
        raise Declined("no-reason", ask)
    return said[:LONGEST_REASON]


def _refuse_faults(revision: ContentRevision, now: datetime) -> None:
    procedure = procedure_of(revision)
    if procedure is None or not is_sendable(faults(procedure, now.astimezone(LOCAL).date())):
        raise Declined("faults", "Còn chỗ phải sửa, ghi ngay cạnh từng ô; xin sửa rồi gửi lại.")
