"""The broadcast log for the provincial system, by the names of gov_map.toml; it says itself how much is verified.

Nobody here has seen the guide with that system's field names (research: circular 39/2020, letters 2455, 5616), so the
shipped names are this project's own and marked so. A commune that has the guide puts its own gov_map.toml into the
data folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from broker.hub.broadcast_log import Entry
from broker.hub.broadcast_totals import Period
from broker.link.clock import LOCAL

SHIPPED: Final = Path(__file__).with_name("gov_map.toml")
OWN_NAME: Final = "gov_map.toml"
"""In the hub's data folder; read instead of the shipped one where it is there."""
OURS: Final = ("commune_code", *Entry.__slots__)
"""What can be given a name outside."""
LARGEST: Final = 256 * 1024
_UNVERIFIED: Final = "chưa đối chiếu"
_VERIFIED: Final = "đã đối chiếu"


class MapError(ValueError):
    """The mapping cannot be used; one Vietnamese sentence for whoever edits it."""


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one of our fields is called outside, who says so, and whether anybody has checked it."""

    ours: str
    theirs: str
    verified: bool
    source: str
    values: dict[str, str] = {}
    """What our codes are called there; a code that is not named stays as it is."""


class GovMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping, checked."""

    system: str
    guide: str
    field: tuple[Field, ...]

    @property
    def unverified(self) -> list[str]:
        """Names outside that nobody has checked against the guide."""
        return [each.theirs for each in self.field if not each.verified]

    @property
    def standing(self) -> str:
        """ "chưa đối chiếu" until every name is verified."""
        return _UNVERIFIED if self.unverified else _VERIFIED


def load(folder: Path) -> GovMap:
    """The mapping in force. folder: the hub's data folder. Raises MapError."""
    own = folder / OWN_NAME
    path = own if own.is_file() else SHIPPED
    try:
        if path.stat().st_size > LARGEST:
            raise MapError(f"Tệp {path.name} quá lớn.")
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as why:
        raise MapError(f"Không đọc được tệp {path.name}.") from why


def parse(text: str) -> GovMap:
    """Check a mapping. Raises MapError."""
    try:
        found = msgspec.convert(tomllib.loads(text), GovMap)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as why:
        raise MapError(f"Tệp {OWN_NAME} viết chưa đúng: {why}.") from why
    if not found.field:
        raise MapError(f"Tệp {OWN_NAME} chưa có trường nào.")
    for each in found.field:
        if each.ours not in OURS:
            raise MapError(f"Tệp {OWN_NAME}: nhật ký không có “{each.ours}”; có {', '.join(OURS)}.")
        if not each.theirs.strip() or not each.source.strip():
            raise MapError(f"Tệp {OWN_NAME}: “{each.ours}” còn thiếu tên bên ngoài hoặc nguồn của tên đó.")
    for side in ("ours", "theirs"):
        names = [getattr(each, side) for each in found.field]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise MapError(f"Tệp {OWN_NAME}: “{twice}” có hai lần.")
    return found


def lines(mapping: GovMap, entries: Iterable[Entry], period: Period, commune: str) -> Iterator[bytes]:
    """The export as JSON (UTF-8), one record a line, the same bytes from the same records. commune: its code."""
    head = {
        "doi_chieu": mapping.standing,
        "truong_chua_doi_chieu": mapping.unverified,
        "he_thong": mapping.system,
        "huong_dan": mapping.guide,
        "tu_ngay": period.first.isoformat(),
        "den_ngay": period.last.isoformat(),
    }
    yield msgspec.json.encode(head)[:-1] + b',"ban_ghi":[\n'
    before = b""
    for entry in entries:
        yield before + msgspec.json.encode(
            {each.theirs: _value(each, entry, commune) for each in mapping.field}
        )
        before = b",\n"
    yield b"\n]}\n"


def _value(field: Field, entry: Entry, commune: str) -> Any:
    """One value, local times as ISO 8601 with their offset."""
    if field.ours == "commune_code":
        return commune
    value = getattr(entry, field.ours)
    if isinstance(value, datetime):
        return value.astimezone(LOCAL).isoformat()
    return field.values.get(value, value) if isinstance(value, str) else value
