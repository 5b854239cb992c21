"""A procedure in words, field by field, and what one version changed in another. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from broker.contract.content import Fee, Procedure
from broker.hub.announcing.difference import Piece, compare_words, is_same
from broker.hub.console.content_form import DOUBTS, LABELS


@dataclass(frozen=True)
class Change:
    """One field that says something else now."""

    label: str
    pieces: Sequence[Piece]


def told(procedure: Procedure, fields: Mapping[str, str], events: Mapping[str, str]) -> dict[str, str]:
    """Every field that says something, as text by its name. fields, events: titles by code."""
    one = procedure
    trips = f"Trước: {one.trips_before} lần. Nay: {one.trips_now} lần." if one.trips_now else ""
    said = {name: getattr(one, name) for name in LABELS if isinstance(getattr(one, name, None), str)}
    said |= {
        "field": fields.get(one.field, one.field),
        "life_events": "\n".join(events.get(code, code) for code in one.life_events),
        "documents": "\n".join(f"{each.name}. {each.detail}".strip() for each in one.documents),
        "fees": "\n".join(_fee(fee) for fee in one.fees),
        "online": "Làm được trên mạng" if one.online else "",
        "trips": trips,
        "aliases": "; ".join(one.aliases),
        "situations": "\n".join(one.situations),
        "sensitive": "Hỏi bà con trước khi đọc to" if one.sensitive else "",
        "uncertain": "; ".join(DOUBTS.get(name, name) for name in one.uncertain),
        "source": "\n".join(
            part for part in (one.source.url, one.source.via, f"lấy ngày {_day(one.source.on)}") if part
        ),
        "legal_basis": "; ".join(one.legal_basis),
        "valid_from": _day(one.valid_from),
        "valid_to": _day(one.valid_to),
    }
    return {name: said[name] for name in LABELS if said.get(name)}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What `after` says otherwise, word by word, in the order of the form. Both: `told`."""
    found = []
    for name, label in LABELS.items():
        pieces = compare_words(before.get(name, ""), after.get(name, ""))
        if not is_same(pieces):
            found.append(Change(label, pieces))
    return found


def _fee(fee: Fee) -> str:
    days = [
        *([f"từ {_day(fee.since)}"] if fee.since else []),
        *([f"hết {_day(fee.until)}"] if fee.until else []),
    ]
    return f"{fee.text} ({', '.join(days)})" if days else fee.text


def _day(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""
