"""What the screens show of procedures: the release's records, with what the commune approved laid over them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.content import Bundle, NamedProcedure, Procedure
from broker.hub.records import Account, ContentRevision, SearchWord

log = logging.getLogger(__name__)

BASE = "content/base.json"
NO_PROCEDURE = "-"
"""SearchWord.code of words that mean no procedure."""


class ContentMissing(Exception):
    """The hub has no content to send; the text says what to do."""


@dataclass(frozen=True)
class InForce:
    """What the commune decided last about one procedure, and what it says."""

    revision: ContentRevision
    procedure: Procedure
    """With who vouches for it and since when filled in."""

    @property
    def is_retired(self) -> bool:
        """Whether screens know its name only."""
        return self.revision.state == "retired"


def released(data: Path) -> Bundle:
    """What this release brought. Raises ContentMissing, OSError."""
    again = "run `langso provision content` at the hub"
    try:
        return msgspec.json.decode((data / BASE).read_bytes(), type=Bundle)
    except FileNotFoundError as why:
        raise ContentMissing(f"{data / BASE} is missing: {again}") from why
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise ContentMissing(f"{data / BASE} was written by another release ({why}): {again}") from why


def decided(db: Session) -> dict[str, InForce]:
    """By code: what is approved or retired now. A body that this release cannot read is left out and told."""
    query = (
        select(ContentRevision, Account.full_name)
        .join(Account, Account.id == ContentRevision.decided_by)
        .where(ContentRevision.state.in_(("approved", "retired")))
        .order_by(ContentRevision.code, ContentRevision.number)
    )
    found = {}
    for revision, name in db.execute(query):
        read = procedure_of(revision)
        if read is None:
            continue
        if revision.checked_on is not None and revision.state == "approved":
            read = msgspec.structs.replace(
                read, approved=True, checked_on=revision.checked_on, checked_by=name
            )
        found[revision.code] = InForce(revision, read)
    return found


def procedure_of(revision: ContentRevision) -> Procedure | None:
    """What a revision says; None when it was written by a release with other fields."""
    try:
        return msgspec.convert(revision.body, Procedure)
    except msgspec.ValidationError as why:
        log.warning(
            "revision %s of %s cannot be read: %s",
            revision.number,
            revision.code,
            why,
            extra={"event": "content-unreadable"},
        )
        return None


def overlaid(db: Session, base: Bundle) -> Bundle:
    """The release's records as the commune wrote, checked or retired them, with the words people used.

    What is retired stays by its name, so that a search still finds it and says whom to ask.
    """
    own = decided(db)
    words = _words(db)
    shown = {each.code: each for each in base.procedures}
    named = {each.code: each for each in base.named}
    for code, one in own.items():
        shown.pop(code, None)
        named.pop(code, None)
        if one.is_retired:
            said = one.procedure
            named[code] = NamedProcedure(code=code, name=said.name, field=said.field, aliases=said.aliases)
        else:
            shown[code] = one.procedure
    return msgspec.structs.replace(
        base,
        procedures=[
            msgspec.structs.replace(each, aliases=_more_words(each.code, each.aliases, words))
            for each in shown.values()
        ],
        named=[
            msgspec.structs.replace(each, aliases=_more_words(each.code, each.aliases, words))
            for each in named.values()
        ],
        redirects={old: new for old, new in base.redirects.items() if old not in shown},
        made_at=max([base.made_at, *_changes(db, own)]),
    )


def _more_words(code: str, aliases: list[str], words: Mapping[str, list[str]]) -> list[str]:
    return [*aliases, *(word for word in words.get(code, []) if word not in aliases)]


def _words(db: Session) -> dict[str, list[str]]:
    query = select(SearchWord).where(SearchWord.code.not_in(("", NO_PROCEDURE))).order_by(SearchWord.text)
    found: dict[str, list[str]] = {}
    for row in db.scalars(query):
        found.setdefault(row.code, []).append(row.text)
    return found


def _changes(db: Session, own: Mapping[str, InForce]) -> list[datetime]:
    decisions = [one.revision.decided_at for one in own.values() if one.revision.decided_at]
    settled = db.scalars(select(SearchWord.settled_at).where(SearchWord.settled_at.is_not(None)))
    return [*decisions, *(at for at in settled if at)]
