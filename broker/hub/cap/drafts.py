"""Drafts of announcements made of warnings: begun, gone on with, taken back while nobody has approved them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from broker.hub.announcing import ending, workflow
from broker.hub.cap import message, said
from broker.hub.cap.message import Alert
from broker.hub.cap.shelf import name_of, one_message
from broker.hub.declined import Declined
from broker.hub.records import Account, CapMessage, Revision, note_change, write_audit
from broker.hub.roles import require_role

WRITERS: Final = ("editor", "approver")
"""Who may bring a warning and write a draft from it."""
_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")


def write_draft(db: Session, account: Account, number: int, now: datetime) -> Revision:
    """Make the draft of a message that waits for one, in this person's name. Raises Declined."""
    require_role(db, account, now, *WRITERS)
    row = one_message(db, number)
    if row.state not in ("new", "prepared") or row.msg_type == "Cancel" or not row.villages:
        raise Declined("cap-not-open", "Cảnh báo này không còn chờ soạn; xin mở lại danh sách.")
    alert = message.read(
        _DECLARATION.sub("", row.xml).encode()
    )  # kept as text: its bytes were of any encoding
    return begin(db, account, row, alert, now)


def begin(db: Session, writer: Account, row: CapMessage, alert: Alert, now: datetime) -> Revision:
    """A draft of a message, as a new revision of the announcement made of the one it changes, where there is one.

    Words an editor has changed by hand are left alone; then it is an announcement of its own.
    """
    info = alert.told
    if info is None:
        raise Declined("cap-not-open", "Tin này không nói điều gì để soạn thành bản tin.")
    earlier = str(row.info.get("follows", ""))
    going_on = earlier if earlier and _may_go_on(db, earlier, writer) else None
    revision = workflow.save_draft(db, writer, said.draft_of(info, row.villages), now, going_on)
    revision.source = {"cap": row.id}
    row.announcement, row.info = revision.announcement_id, {**row.info, "wrote": revision.text}
    row.state = "prepared" if row.state == "prepared" else "drafted"
    write_audit(db, now, writer.username, "cap.drafted", name_of(row), {"title": revision.title})
    return revision


def _may_go_on(db: Session, announcement: str, writer: Account) -> bool:
    """Whether a new wording may follow: not over a draft in the same name whose words were changed by hand."""
    revision = workflow.newest_revision(db, announcement)
    if revision.state != "draft" or revision.author_id != writer.id:
        return revision.state in ("draft", "submitted", "returned", "approved")
    made_of = db.get(CapMessage, int((revision.source or {}).get("cap", 0)))
    return made_of is not None and made_of.info.get("wrote") == revision.text


def take_back(db: Session, announcement: str, by: CapMessage, now: datetime) -> None:
    """Withdraw the draft that was made of a message, if nobody has approved it."""
    revision = workflow.newest_revision(db, announcement)
    if revision.state in ("draft", "submitted", "returned"):
        ending.end(db, revision, "withdrawn", now)
        write_audit(db, now, "hub", "announcement.withdrawn", ending.name_of(revision), {"cap": name_of(by)})


def set_aside(db: Session, account: Account, number: int, now: datetime) -> CapMessage:
    """Note that nothing is to be made of a message. Raises Declined when it is settled already."""
    require_role(db, account, now, *WRITERS)
    row = one_message(db, number)
    if row.state not in ("new", "prepared"):
        raise Declined("cap-not-open", "Cảnh báo này đã xong việc rồi.")
    row.state = "ignored"
    row.info = {**row.info, "reason": f"{account.full_name} đã xem và cho là không cần phát."}
    write_audit(db, now, account.username, "cap.ignored", name_of(row), {"title": str(row.info["title"])})
    note_change(db, "warning", str(row.id), now)
    return row
