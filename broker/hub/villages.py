"""The commune's villages as people add them by name: codes for the wire, and a place on the map until it is drawn."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    Camera,
    NodeRecord,
    Revision,
    Village,
    note_change,
    put_setting,
    setting,
    write_audit,
)
from broker.speech.languages import LANGUAGES, SPOKEN

MOST_VILLAGES = 80
LONGEST_NAME = 40
SKETCHED = "map.sketched"
"""Setting: codes of villages whose outline is only a cell of a sketch, because nobody has drawn the map."""

_LEFT, _TOP, _WIDTH, _HEIGHT = 18.0, 18.0, 370.0, 268.0
"""The part of the map's view that a sketch fills; broker.look.villages says the view."""
_GAP = 6.0
_KINDS = re.compile(r"^(thôn|ấp|bản|khu phố|tổ dân phố|làng|xóm|khu)\s+", re.IGNORECASE)


def named(text: str) -> list[str]:
    """Village names out of what a person typed, one a line or by comma; "Thôn Đông" is "Đông". No name twice."""
    found: dict[str, str] = {}
    for line in re.split(r"[\n,;]", unicodedata.normalize("NFC", text)):
        name = _KINDS.sub("", " ".join(line.split()))
        if name:
            found.setdefault(name.casefold(), name[:1].upper() + name[1:])
    return list(found.values())


def add_villages(db: Session, names: Sequence[str], by: str, now: datetime) -> list[Village]:
    """Add villages by name; those the commune has already are left as they are. Returns the new ones.

    Raises Declined when there is no name, one is too long or has no letter, or there are too many.
    """
    if not names:
        raise Declined("no-name", "Xin ghi tên ít nhất một thôn, mỗi thôn một dòng.")
    known = _every(db)
    have = {village.name.casefold() for village in known}
    fresh = [name for name in names if name.casefold() not in have]
    if len(known) + len(fresh) > MOST_VILLAGES:
        raise Declined("many-villages", f"Một xã có nhiều nhất {MOST_VILLAGES} thôn; xin xem lại danh sách.")
    taken = {village.code for village in known}
    rank = max((village.rank for village in known), default=0)
    made = []
    for number, name in enumerate(fresh, 1):
        village = Village(code=_code(name, taken), name=name, rank=rank + number)
        taken.add(village.code)
        made.append(village)
        db.add(village)
        write_audit(db, now, by, "village.added", village.code, {"name": name})
        note_change(db, "village", village.code, now)
    db.flush()
    _sketch(db, made, now)
    return made


def remove_village(db: Session, code: str, by: str, now: datetime) -> None:
    """Take away a village that nothing refers to yet. Raises Declined when something does."""
    village = db.get(Village, code)
    if village is None:
        raise Declined("no-village", "Thôn này không còn trong danh sách.")
    if is_used(db, code):
        raise Declined(
            "village-used", f"Thôn {village.name} đã có điểm, người hoặc bản tin, nên không bỏ được nữa."
        )
    db.delete(village)
    write_audit(db, now, by, "village.removed", code, {"name": village.name})
    note_change(db, "village", code, now)
    db.flush()
    _sketch(db, [], now)


def speak_here(db: Session, language: str, codes: Collection[str], by: str, now: datetime) -> None:
    """Note in which villages a language is spoken, exactly those. Raises Declined for an unknown language."""
    if language == SPOKEN or language not in LANGUAGES:
        raise Declined("bad-language", "Xin chọn một tiếng trong danh sách.")
    changed = []
    for village in _every(db):
        if (language in village.languages) != (village.code in codes):
            others = {code for code in village.languages if code != language}
            spoken = others | {language} if village.code in codes else others
            village.languages = [code for code in LANGUAGES if code in spoken]
            note_change(db, "village", village.code, now)
            changed.append(village.name)
    if changed:
        names = ", ".join(v.name for v in _every(db) if language in v.languages)
        write_audit(db, now, by, "village.languages", language, {"villages": names})


def is_used(db: Session, code: str) -> bool:
    """Whether a node, a camera, a person or an announcement refers to the village."""
    for table in (NodeRecord, Camera):
        if db.scalar(select(table.village).where(table.village == code).limit(1)) is not None:
            return True
    lists: Iterable[Sequence[str]] = (
        *db.scalars(select(Account.villages)).all(),
        *db.scalars(select(Revision.villages)).all(),
    )
    return any(code in each for each in lists)


def _every(db: Session) -> list[Village]:
    return list(db.scalars(select(Village).order_by(Village.rank, Village.code)))


def _code(name: str, taken: Iterable[str]) -> str:
    """A short code for the wire: "Đông" → "dong", numbered when taken. Raises Declined."""
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    words = re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)))
    stem = "-".join(words)[:24].strip("-")
    if not stem or len(name) > LONGEST_NAME:
        raise Declined(
            "bad-name", f"Tên thôn “{name[:LONGEST_NAME]}” chưa dùng được; xin ghi ngắn gọn, có chữ."
        )
    taken = set(taken)
    return next(code for n in range(1, 1000) if (code := stem if n == 1 else f"{stem}-{n}") not in taken)


def _sketch(db: Session, added: Sequence[Village], now: datetime) -> None:
    """Give villages without an outline a cell each, so that the map can be read and pressed before it is drawn."""
    sketched = {*setting(db, SKETCHED, []), *(village.code for village in added)}
    every = _every(db)
    cells = [village for village in every if village.code in sketched]
    put_setting(db, SKETCHED, [village.code for village in cells], now)
    if len(cells) < len(every):  # part of the map is drawn: cells would lie on it, names stand below it
        for number, village in enumerate(cells):
            village.centre_x, village.centre_y = _LEFT + 30 + 64 * (number % 6), _TOP + _HEIGHT
        db.flush()
        return
    columns = max(1, round((len(cells) * _WIDTH / _HEIGHT / 1.6) ** 0.5))
    rows = -(-len(cells) // columns)
    for number, village in enumerate(cells):
        row, column = divmod(number, columns)
        in_row = min(columns, len(cells) - row * columns)
        width, height = _WIDTH / in_row, _HEIGHT / rows
        x, y = _LEFT + column * width, _TOP + row * height
        village.centre_x, village.centre_y = round(x + width / 2, 1), round(y + height / 2, 1)
        w, h = width - _GAP, height - _GAP
        village.path = f"M{x + _GAP / 2:.1f},{y + _GAP / 2:.1f}h{w:.1f}v{h:.1f}h-{w:.1f}z"
    db.flush()
