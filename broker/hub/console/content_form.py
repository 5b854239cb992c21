"""The form in which a procedure is written: what stands in it, and what was sent back. Pure.

It works without script: rows of papers and fees are added, dropped and moved by sending the whole form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol

import msgspec

from broker.contract.content import Document, Fee, Procedure, Source
from broker.hub.console.typed import date_of
from broker.look.procedure_lint import Fault

TEXTS = (
    "title", "name", "field", "office", "processing_time", "fee_exempt", "deadline", "where", "who_online",
    "address", "result", "note", "decision",
)  # fmt: skip
"""Fields of Procedure that are one line of text."""
LISTS = ("aliases", "situations", "legal_basis")
"""One entry a line."""
TICKS = ("online", "sensitive")
DOUBTS = {
    "documents": "giấy tờ",
    "processing_time": "thời gian",
    "fees": "tiền phải nộp",
    "where": "nơi làm",
}
"""What may be marked as uncertain, in words: screens then say to ask."""
MORE_ROWS = 3
MOST_ROWS = 60
LABELS = {
    "title": "Tên gọi bình dân",
    "name": "Tên chính thức",
    "field": "Lĩnh vực",
    "office": "Ngành",
    "life_events": "Việc trong đời",
    "documents": "Mang gì đi",
    "processing_time": "Bao lâu",
    "deadline": "Hạn của bà con",
    "fees": "Lệ phí",
    "fee_exempt": "Ai được miễn",
    "where": "Làm ở đâu",
    "online": "Làm trên mạng",
    "who_online": "Ai làm được trên mạng",
    "address": "Địa chỉ nộp trên mạng",
    "trips": "Số lần phải đi",
    "result": "Nhận được gì",
    "note": "Dặn thêm",
    "aliases": "Bà con gọi là",
    "situations": "Bà con hay kể",
    "sensitive": "Chuyện riêng",
    "uncertain": "Chỗ chưa chắc",
    "source": "Lấy ở đâu",
    "decision": "Quyết định công bố",
    "legal_basis": "Căn cứ",
    "valid_from": "Dùng từ ngày",
    "valid_to": "Dùng hết ngày",
}
"""Fields in words, in the order of the form."""

_ROW_ACT = re.compile(r"(up|down|drop)-(document|fee)-([0-9]{1,3})", re.ASCII)


class Sent(Protocol):
    """A form as it came."""

    def get(self, key: str, default: str) -> str:
        """One value."""

    def getlist(self, key: str) -> list[str]:
        """All values of that name."""


Row = tuple[str, ...]


@dataclass(frozen=True)
class Filled:
    """What stands in the form, as typed."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """Single lines, lists as text, dates and numbers."""
    ticks: frozenset[str] = frozenset()
    uncertain: Sequence[str] = ()
    life_events: Sequence[str] = ()
    documents: Sequence[Row] = ()
    """Name, detail."""
    fees: Sequence[Row] = ()
    """Text, first day, last day."""

    def with_rows(self, act: str = "") -> Filled:
        """The same after a row was moved or dropped, with empty rows behind the written ones."""
        more = {"more-documents": "documents", "more-fees": "fees"}.get(act, "")
        found = _ROW_ACT.fullmatch(act)
        rows = {"documents": list(self.documents), "fees": list(self.fees)}
        if found:
            name = f"{found[2]}s"
            rows[name] = _moved(rows[name], found[1], int(found[3]))
        return replace(
            self,
            documents=_padded(rows["documents"], "documents", more),
            fees=_padded(rows["fees"], "fees", more),
        )


def filled_from(procedure: Procedure) -> Filled:
    """The form as a procedure fills it."""
    texts = {name: getattr(procedure, name) for name in TEXTS}
    texts |= {name: "\n".join(getattr(procedure, name)) for name in LISTS}
    texts |= {
        "trips_before": str(procedure.trips_before or ""),
        "trips_now": str(procedure.trips_now or ""),
        "source_url": procedure.source.url,
        "source_via": procedure.source.via,
        "source_on": _typed(procedure.source.on),
        "valid_from": _typed(procedure.valid_from),
        "valid_to": _typed(procedure.valid_to),
    }
    return Filled(
        texts,
        frozenset(name for name in TICKS if getattr(procedure, name)),
        list(procedure.uncertain),
        list(procedure.life_events),
        [(each.name, each.detail) for each in procedure.documents],
        [(each.text, _typed(each.since), _typed(each.until)) for each in procedure.fees],
    ).with_rows()


def filled_of(form: Sent) -> Filled:
    """The form as it was sent, every word as typed."""
    singles = ("trips_before", "trips_now", "source_url", "source_via", "source_on", "valid_from", "valid_to")
    names, details = form.getlist("document-name"), form.getlist("document-detail")
    fees = [form.getlist(f"fee-{part}") for part in ("text", "since", "until")]
    return Filled(
        {name: form.get(name, "") for name in (*TEXTS, *LISTS, *singles)},
        frozenset(name for name in TICKS if form.get(name, "")),
        form.getlist("uncertain"),
        form.getlist("life_events"),
        list(zip(names, details, strict=False)),
        list(zip(*fees, strict=False)),
    )


def procedure_from(filled: Filled, kept: Procedure, today: date) -> tuple[Procedure, list[Fault]]:
    """What the form says, and what of it is no date or number. kept: gives what the form does not ask for."""
    wrong: list[Fault] = []

    def day(text: str, name: str) -> date | None:
        found = date_of(text, today) if text.strip() else None
        if text.strip() and found is None:
            wrong.append(Fault(name, f"“{text.strip()[:20]}” không phải là ngày, xin ghi như 31/12/2027."))
        return found

    def number(name: str) -> int:
        text = filled.texts[name].strip()
        if text and not (text.isascii() and text.isdigit() and len(text) < 3):
            wrong.append(Fault("trips", "Số lần đi là một số, như 4."))
            return 0
        return int(text or 0)

    fees = [(text, day(since, "fees"), day(until, "fees")) for text, since, until in filled.fees]
    texts = filled.texts
    source = Source(
        url=_line(texts["source_url"]),
        via=_line(texts["source_via"]),
        on=day(texts["source_on"], "source") or kept.source.on,
    )
    doubts = [name for name in kept.uncertain if name not in DOUBTS or name in filled.uncertain]
    doubts += [name for name in DOUBTS if name in filled.uncertain and name not in doubts]
    procedure = msgspec.structs.replace(
        kept,
        **{name: _line(texts[name]) for name in TEXTS},
        **{name: _lines(texts[name]) for name in LISTS},
        **{name: name in filled.ticks for name in TICKS},
        life_events=list(dict.fromkeys(filled.life_events)),
        documents=[
            Document(name=_line(name), detail=_line(detail))
            for name, detail in filled.documents
            if _line(name) or _line(detail)
        ],
        fees=[
            Fee(text=_line(text), since=since, until=until)
            for text, since, until in fees
            if _line(text) or since or until
        ],
        trips_before=number("trips_before"),
        trips_now=number("trips_now"),
        uncertain=doubts,
        source=source,
        valid_from=day(texts["valid_from"], "valid_from"),
        valid_to=day(texts["valid_to"], "valid_to"),
    )
    return procedure, wrong


def blank(code: str, name: str, field_code: str, aliases: list[str], today: date) -> Procedure:
    """A procedure of which nothing is written yet but what is known of it."""
    return Procedure(
        code=code,
        title="",
        name=name,
        field=field_code,
        life_events=[],
        aliases=aliases,
        source=Source(url="", via="", on=today),
        checked_on=today,
        checked_by="",
    )


def _moved(rows: list[Row], act: str, place: int) -> list[Row]:
    if place >= len(rows):
        return rows
    row = rows.pop(place)
    if act != "drop":
        rows.insert(max(0, place - 1) if act == "up" else place + 1, row)
    return rows


def _padded(rows: Sequence[Row], name: str, more: str) -> list[Row]:
    written = [row for row in rows if any(cell.strip() for cell in row)]
    empty = len(rows) - len(written) if name == more else 0
    width = 2 if name == "documents" else 3
    return [*written[:MOST_ROWS], *[("",) * width] * min(empty + MORE_ROWS, MOST_ROWS)]


def _typed(day: date | None) -> str:
    """A date as people write it."""
    return f"{day:%d/%m/%Y}" if day else ""


def _line(text: str) -> str:
    """One line, the letters composed, as search and linter expect them."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line for each in text.splitlines() if (line := _line(each))))
