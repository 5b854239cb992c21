"""Recordings that came in and stand nowhere: counted for each person, and put away after a week.

The setting "recordings.unused" names them: {SHA-256: {"by": account, "size": bytes, "at": seconds since 1970}}. Only
what is named there is ever deleted, and only when no revision, no sound of one and no phrase has it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Media
from broker.hub.declined import Declined
from broker.hub.records import Account, Phrase, Revision, put_setting, setting
from broker.link.media import MediaStore

log = logging.getLogger(__name__)

SETTING = "recordings.unused"
LASTS = timedelta(days=7)
MOST_A_DAY = 200 * 1024 * 1024
"""Bytes that one person brings in a day without using them."""


def refuse_many(db: Session, account: Account, size: int, now: datetime) -> None:
    """Not more than MOST_A_DAY bytes of one person that stand nowhere. Raises Declined."""
    since_s = (now - timedelta(days=1)).timestamp()
    mine = {
        sha256: one["size"]
        for sha256, one in brought_in(db).items()
        if one["by"] == account.id and one["at"] > since_s
    }
    if size + sum(mine.values()) <= MOST_A_DAY:
        return
    used = heard_as(db)
    if size + sum(each for sha256, each in mine.items() if sha256 not in used) > MOST_A_DAY:
        raise Declined(
            "many-recordings",
            "Hôm nay anh/chị đã gửi nhiều bản ghi mà chưa dùng. Xin dùng những bản đã gửi, hoặc mai gửi tiếp.",
        )


def note_brought(db: Session, account: Account, recording: Media, now: datetime) -> None:
    """A recording came in that the store did not have."""
    one = {"by": account.id, "size": recording.size, "at": now.timestamp()}
    put_setting(db, SETTING, {**brought_in(db), recording.sha256: one}, now)


def put_away(db: Session, store: MediaStore, now: datetime) -> int:
    """Delete what came in more than a week ago and stands nowhere; how many. Raises OSError."""
    named = brought_in(db)
    old = [sha256 for sha256, one in named.items() if one["at"] < (now - LASTS).timestamp()]
    if not old:
        return 0
    used = heard_as(db)
    gone = [sha256 for sha256 in old if sha256 not in used]
    for sha256 in gone:
        store.forget(sha256)
    put_setting(db, SETTING, {sha256: one for sha256, one in named.items() if sha256 not in old}, now)
    log.info("%d unused recordings put away", len(gone), extra={"event": "recordings-put-away"})
    return len(gone)


def brought_in(db: Session) -> dict[str, Any]:
    """What people brought in and nobody has looked through yet, by hash."""
    return dict(setting(db, SETTING, {}))


def heard_as(db: Session) -> set[str]:
    """Hashes of everything that announcements and phrases are heard as."""
    found: set[str] = set()
    for tracks, audio in db.execute(select(Revision.tracks, Revision.audio)):
        found |= {each["recording"]["sha256"] for each in tracks if each.get("recording")}
        found |= {audio["sha256"]} if audio else set()
    return found | {one["sha256"] for one in db.scalars(select(Phrase.recording))}
