"""The public feed (Atom, RFC 4287) of what was approved for the loudspeakers, where the commune opened it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as Tree

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing.checks import for_xml
from broker.hub.records import Account, Revision, Village, put_setting, setting, write_audit
from broker.hub.roles import require_role

SETTING = "feed.open"
KEEPERS = ("admin",)
KEPT = 50
REACH = timedelta(days=30)
ATOM = "http://www.w3.org/2005/Atom"
STATES = ("approved", "expired", "superseded")
"""What was said or is to be; what was withdrawn is gone from the feed."""


def is_open(db: Session) -> bool:
    """Whether anybody may read it."""
    return bool(setting(db, SETTING, False))


def put_open(db: Session, account: Account, now: datetime, *, is_open: bool) -> None:
    """Open or shut it."""
    require_role(db, account, now, *KEEPERS)
    put_setting(db, SETTING, is_open, now)
    write_audit(db, now, account.username, "channel.feed-opened" if is_open else "channel.feed-shut", "feed")


def atom_of(db: Session, commune: str, address: str, now: datetime) -> bytes:
    """The feed as XML: the newest approved revision of each announcement, drills left out.

    address: of the console, as people open it; the same records give the same bytes.
    """
    rows = _newest(db, now)
    names = {village.code: village.name for village in db.scalars(select(Village))}
    base = address.rstrip("/")
    root = Tree.Element("feed", {"xmlns": ATOM, "xml:lang": "vi"})
    _add(root, "id", f"{base}/feed.atom")
    _add(root, "title", f"{commune}: bản tin trên loa")
    newest = max((row.decided_at for row in rows if row.decided_at), default=datetime(2026, 1, 1, tzinfo=UTC))
    _add(root, "updated", newest.astimezone(UTC).isoformat())
    Tree.SubElement(root, "link", {"rel": "self", "href": f"{base}/feed.atom"})
    for row in rows:
        root.append(_entry(row, commune, base, names))
    raw: bytes = Tree.tostring(root, encoding="utf-8", xml_declaration=True)
    return raw


def _newest(db: Session, now: datetime) -> list[Revision]:
    query = (
        select(Revision)
        .where(
            Revision.state.in_(STATES),
            Revision.decided_at > now - REACH,
            Revision.drill.is_(False),
            Revision.envelope.is_not(None),
        )
        .order_by(Revision.decided_at.desc(), Revision.id.desc())
    )
    found: dict[str, Revision] = {}
    for row in db.scalars(query):
        found.setdefault(row.announcement_id, row)
    return [row for row in found.values() if row.state != "superseded"][:KEPT]


def _entry(row: Revision, commune: str, base: str, names: dict[str, str]) -> Tree.Element:
    entry = Tree.Element("entry")
    at = (row.decided_at or row.created_at).astimezone(UTC).isoformat()
    _add(entry, "id", f"{base}/announcements/{row.announcement_id}#{row.number}")
    _add(entry, "title", row.title)
    _add(entry, "updated", at)
    _add(entry, "published", at)
    author = Tree.SubElement(entry, "author")
    _add(author, "name", commune)
    Tree.SubElement(entry, "category", {"term": row.kind})
    for code in row.villages:
        Tree.SubElement(
            entry, "category", {"term": f"thon:{code}", "label": for_xml(f"Thôn {names.get(code, code)}")}
        )
    _add(entry, "content", row.text or row.spoken).set("type", "text")
    return entry


def _add(parent: Tree.Element, name: str, text: str) -> Tree.Element:
    child = Tree.SubElement(parent, name)
    child.text = for_xml(text)
    return child
