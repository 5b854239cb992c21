"""The form of one camera: what was typed, judged field by field; what a record shows in it. Passwords stay masked."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from broker.hub import camera_areas, camera_hours
from broker.hub.camera_address import meant, shown
from broker.hub.camera_areas import Areas, Row
from broker.hub.camera_hours import MOST_SPANS, SpanRow
from broker.hub.cameras import Wanted, fingerprint
from broker.hub.declined import Declined
from broker.hub.records import Camera
from broker.trust.envelope import CameraAddress

SENSITIVITIES = ((0.3, "Ít báo"), (0.5, "Vừa"), (0.7, "Báo nhiều"))
LONGEST_NAME = 60
MOST_SHOWN = 20_000
"""Characters of a field that are shown again; more is no slip."""
BLANK_AREAS, LEAST_SPANS = 2, 2
"""Empty rows for who has no script."""
MOST_ROWS = 3 * camera_areas.MOST_AREAS + BLANK_AREAS
Form = MultiDict[str, str]


@dataclass(frozen=True)
class Filled:
    """The form as the page shows it."""

    name: str
    source: str
    sub_source: str
    day: str
    night: str
    areas: list[Row]
    is_always: bool
    spans: list[SpanRow]
    label: bool
    made_of: str = ""
    """Fingerprint of the settings it was made from (cameras.py)."""


def of_record(row: Camera) -> Filled:
    """The form of a camera as it is set."""
    night = row.night_sensitivity
    return Filled(
        name=row.name,
        source=shown(row.source),
        sub_source=shown(row.sub_source),
        day=f"{row.sensitivity:g}",
        night="" if night is None else f"{night:g}",
        areas=camera_areas.rows_of(Areas(row.zones, row.ignored, row.masks)),
        is_always=not row.schedule,
        spans=_padded(camera_hours.rows_of(row.schedule)),
        label=row.label,
        made_of=fingerprint(row),
    )


def of_form(form: Form) -> Filled:
    """The form as it was sent, to be shown again beside what was wrong with it; passwords typed are not shown back."""
    return Filled(
        name=form.get("name", "")[:MOST_SHOWN],
        source=shown(form.get("source", ""))[:MOST_SHOWN],
        sub_source=shown(form.get("sub_source", ""))[:MOST_SHOWN],
        day=form.get("day", ""),
        night=form.get("night", ""),
        areas=[each for each in _rows(form) if each.corners.strip()],
        is_always=form.get("hours") != "spans",
        spans=_padded(_spans(form)),
        label="label" in form,
        made_of=form.get("made_of", "")[:MOST_SHOWN],
    )


def of_outdated(form: Form, row: Camera) -> Filled:
    """The form as it was sent, now against the settings somebody else made meanwhile. Their masks are added: what
    nobody may see is not uncovered by who never saw it covered."""
    typed = of_form(form)
    drawn = {each.corners for each in typed.areas if each.kind == "mask"}
    masks = camera_areas.rows_of(Areas([], [], row.masks))
    added = [each for each in masks if each.corners not in drawn]
    return replace(typed, areas=[*typed.areas, *added], made_of=fingerprint(row))


def has_password(form: Form) -> bool:
    """Whether a password was typed, which a form shown again does not hold."""
    return any(form.get(each, "") != shown(form.get(each, "")) for each in ("source", "sub_source"))


def wanted_of(form: Form, old: CameraAddress) -> Wanted:
    """What the form asks for. Raises Declined with the sentence of the first field that cannot be."""
    main = meant(form.get("source", ""), [old.source])
    sub = form.get("sub_source", "").strip()
    sub = meant(sub, [old.sub_source, main, old.source]) if sub else ""
    if sub == main:
        raise Declined(
            "same-stream", "Luồng phụ trùng với luồng chính; camera có một luồng thì để trống luồng phụ."
        )
    return Wanted(
        name=name_of(form),
        address=CameraAddress(source=main, sub_source=sub),
        sensitivity=sensitivity_of(form.get("day", "")),
        night_sensitivity=sensitivity_of(form["night"]) if form.get("night") else None,
        areas=camera_areas.read(_rows(form)),
        schedule=camera_hours.read(_spans(form)) if form.get("hours") == "spans" else [],
        label="label" in form,
    )


def name_of(form: Form) -> str:
    """The camera's name. Raises Declined."""
    name = unicodedata.normalize("NFC", " ".join(form.get("name", "").split()))
    if not name:
        raise Declined("no-name", f"Xin đặt tên camera, nhiều nhất {LONGEST_NAME} chữ cái.")
    if len(name) > LONGEST_NAME:
        said = f"Tên camera đang dài {len(name)} chữ, nhiều nhất {LONGEST_NAME}; xin rút ngắn."
        raise Declined("long-name", said)
    if not name.isprintable():
        raise Declined("odd-name", "Tên camera có ký tự không hiện được, xin gõ lại tên.")
    return name


def sensitivity_of(text: str) -> float:
    """How easily movement counts, 0 to 1. Raises Declined."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # also for NaN
        raise Declined("bad-sensitivity", "Xin chọn mức báo: ít, vừa hoặc nhiều.")
    return value


def _rows(form: Form) -> list[Row]:
    kinds, names, corners = (form.getlist(each) for each in ("kind", "area", "corners"))
    if not len(kinds) == len(names) == len(corners):
        raise Declined("bad-areas", "Các vùng gửi lên bị thiếu mục, xin tải lại trang rồi vẽ lại.")
    rows = [Row(kind, name, text) for kind, name, text in zip(kinds, names, corners, strict=True)]
    if sum(bool(row.corners.strip()) for row in rows) > MOST_ROWS:
        raise Declined("many-areas", f"Mỗi loại vùng có nhiều nhất {camera_areas.MOST_AREAS} vùng, xin bớt.")
    return rows


def _spans(form: Form) -> list[SpanRow]:
    return [
        SpanRow(
            tuple(form.getlist(f"days{n}")), form.get(f"since{n}", "")[:20], form.get(f"until{n}", "")[:20]
        )
        for n in range(MOST_SPANS)
    ]


def _padded(spans: Sequence[SpanRow]) -> list[SpanRow]:
    """The spans that say something, and empty rows to add one."""
    filled = [each for each in spans if each != SpanRow()]
    empty = max(1, LEAST_SPANS - len(filled))
    return [*filled, *[SpanRow()] * empty][:MOST_SPANS]
