"""Finding alerts of any age: by when they happened, camera, kind, officer and outcome; a page at a time.

Pages go on from the last row of the page before (time and number), so that the thousandth page costs what the first
does, and rows that arrive meanwhile move nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, selectinload

from broker.hub.alerts import CLOSE_REASONS, TRUE_REASON
from broker.hub.records import Alert
from broker.hub.row_numbers import number_of

ON_A_PAGE: Final = 50
KINDS: Final = MappingProxyType(
    {
        "motion": "Chuyển động",
        "tamper": "Camera bị che, loá, mờ, xoay, đứng hình",
        "outage": "Camera mất hình",
        "sos": "Nút SOS",
        "sensor": "Cảm biến vượt mức",
        "amplifier": "Tăng âm chạy sai",
    }
)
CAMERA_KINDS: Final = ("motion", "tamper", "outage")
OUTCOMES: Final = MappingProxyType(
    {
        "open": "Chưa đóng",
        "raised": "Chưa ai xem",
        "unseen": "Từng để quá lâu chưa ai xem",
        "in-hand": "Đang xử lý",
        "escalated": "Đã chuyển cấp trên",
        "closed": "Đã đóng",
        "true": "Đóng: có việc thật",
        "false": "Đóng: báo nhầm",
    }
)
_FALSE: Final = tuple(code for code in CLOSE_REASONS if code != TRUE_REASON)
_LONGEST: Final = 60


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for; what is empty is not asked for."""

    since: datetime | None = None
    until: datetime | None = None
    """Not included."""
    node: str = ""
    camera: str = ""
    kind: str = ""
    officer: int = 0
    outcome: str = ""


@dataclass(frozen=True)
class Found:
    """One page, newest first."""

    rows: Sequence[Alert]
    onward: str
    """Where the next page goes on; empty on the last."""


def find(db: Session, wanted: Wanted, after: str = "") -> Found:
    """The page after the row that `after` names; the first for an empty or a damaged name."""
    query = (
        select(Alert)
        .where(*_conditions(wanted), *_beyond(after))
        .order_by(Alert.started_at.desc(), Alert.id.desc())
        .options(selectinload(Alert.officer))
    )
    rows = db.scalars(query.limit(ON_A_PAGE + 1)).all()
    has_more = len(rows) > ON_A_PAGE
    return Found(rows[:ON_A_PAGE], _name(rows[ON_A_PAGE - 1]) if has_more else "")


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(Alert.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(Alert.started_at < wanted.until)
    if wanted.camera:
        found += [Alert.node == wanted.node, Alert.camera == wanted.camera]
        found.append(Alert.kind.in_(CAMERA_KINDS))  # of a board's alarm it is a button
    if wanted.kind:
        found.append(Alert.kind == wanted.kind)
    if wanted.officer:
        found.append(Alert.officer_id == wanted.officer)
    if wanted.outcome:
        found.append(_outcome(wanted.outcome))
    return found


def _outcome(code: str) -> ColumnElement[bool]:
    if code == "open":
        return Alert.state != "closed"
    if code == "unseen":
        return Alert.unseen_at.is_not(None)
    if code == "escalated":
        return Alert.escalated_at.is_not(None)
    if code in ("true", "false"):
        reasons = (TRUE_REASON,) if code == "true" else _FALSE
        return and_(Alert.state == "closed", Alert.close_reason.in_(reasons))
    return Alert.state == code


def _name(row: Alert) -> str:
    return (
        f"{row.started_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}_{row.id}"
    )


def _beyond(name: str) -> list[ColumnElement[bool]]:
    """Rows after the named one. The first of the two stands alone so that the index finds where to begin."""
    moment, _, key = name[:_LONGEST].partition("_")
    try:
        at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        number = number_of(key)
    except ValueError:
        return []
    if not number:
        return []
    return [Alert.started_at <= at, or_(Alert.started_at < at, Alert.id < number)]
