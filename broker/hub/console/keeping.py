"""Keeping what is being written, without writing over what was kept from another window meanwhile."""

from __future__ import annotations

from flask import request

from broker.hub.announcing import workflow
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.fields import Fields
from broker.hub.console.wording import hm
from broker.hub.declined import Declined
from broker.hub.records import Account, Revision


def save(fields: Fields, key: str, *, is_forced: bool) -> Revision:
    """Keep the form. Declined: other words were kept elsewhere since this page was opened, unless it is forced."""
    with desk().database.session() as db:
        if key and not is_forced:
            _refuse_other_words(workflow.newest_revision(db, key))
        me = db.get_one(Account, access.visitor().id)
        return workflow.save_draft(db, me, fields.draft, now(), key or None)


def seen_of(revision: Revision) -> str:
    """What a page says of the revision it was opened with."""
    return f"{revision.number}:{revision.edited_at.timestamp():.6f}"


def seen_as(revision: Revision | None) -> str:
    """The same for the page to be shown; one that comes back with a sentence says what it said before."""
    return request.form.get("seen", "") or (seen_of(revision) if revision is not None else "")


def _refuse_other_words(newest: Revision) -> None:
    seen = request.form.get("seen", "")
    if not seen or seen == seen_of(newest):
        return
    who = "anh/chị" if newest.author_id == access.visitor().id else newest.author.full_name
    raise Declined(
        "changed",
        f"Bản tin này vừa được {who} sửa ở cửa sổ khác, lúc {hm(newest.edited_at)}. "
        "Chữ ở đây còn nguyên, chưa cất đè lên.",
    )
