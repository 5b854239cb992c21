"""Where an announcement stands now, in the one line above its title. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from broker.hub.console.countdown import countdown
from broker.hub.console.day import start_of
from broker.hub.console.stages import Progress
from broker.hub.console.wording import when
from broker.hub.records import Occurrence, Revision

PLAYED = 4
"""Stages behind a play that came to its end."""
STATES_SAID = {
    "draft": "Bản nháp",
    "submitted": "Chờ duyệt",
    "returned": "Được trả lại để sửa",
    "superseded": "Đã thay bằng bản sửa mới",
    "withdrawn": "Đã gỡ",
    "expired": "Hết hiệu lực",
    "approved": "Đã duyệt",
}
"""What a revision in each state is called."""


def status_of(
    revision: Revision,
    occurrence: Occurrence | None,
    rows: Sequence[Progress],
    at: datetime,
    stopped_by: str = "",
) -> Markup:
    """The line above the title: where this announcement stands now. stopped_by: full name of who ordered it to stop."""
    if occurrence is not None and occurrence.cancelled_at is None:
        name = f"Lượt phát {when(occurrence.start, at)}"
        if any(row.state == "playing" for row in rows) and ends_of(occurrence, at) > at:
            return Markup("{}, đang phát · {}").format(
                name, countdown(ends_of(occurrence, at), at, over="sắp xong")
            )
        if occurrence.start > at and not any(row.done >= PLAYED or row.is_filed for row in rows):
            return Markup("{}, {}").format(name, countdown(occurrence.start, at, over="đến giờ"))
    return escape(_stands(revision, occurrence, rows, at, stopped_by))


def ends_of(occurrence: Occurrence, at: datetime) -> datetime:
    """When the last loudspeaker that speaks now will be through; as planned where none has said when it began."""
    begun = [
        min(play.started_at, at)  # a node whose clock runs ahead must not promise hours
        for play in occurrence.plays
        if play.state == "playing" and play.started_at is not None
    ]
    return max(begun, default=occurrence.start) + timedelta(seconds=occurrence.duration_s)


def _stands(
    revision: Revision, occurrence: Occurrence | None, rows: Sequence[Progress], at: datetime, stopped_by: str
) -> str:
    if occurrence is None:
        said = STATES_SAID.get(revision.state, revision.state)
        if revision.state != "submitted":
            return said
        if revision.play_now:
            return f"{said}, phát ngay khi duyệt"
        starts = [start_of(item) for item in revision.starts]
        return f"{said}, phát {when(min(starts), at)}" if starts else said
    name = f"Lượt phát {when(occurrence.start, at)}"
    if occurrence.cancelled_at is not None and (not rows or any(row.done < PLAYED for row in rows)):
        stopped = f"{when(occurrence.cancelled_at, at)}{f' theo lệnh của {stopped_by}' if stopped_by else ''}"
        if any(row.is_unconfirmed for row in rows):
            return f"{name}, {stopped_by or 'đã'} ra lệnh dừng lúc {when(occurrence.cancelled_at, at)}, chờ loa báo"
        return f"{name}, đã dừng lúc {stopped}"
    if any(row.state == "playing" for row in rows):
        return f"{name}, đang phát"
    if any(row.done >= PLAYED for row in rows):
        return f"{name}, đã phát"
    if any(row.is_filed for row in rows):
        return f"{name}, đã ghi vào tệp, không ra loa nào"
    return f"{name}, chờ tin từ các điểm"
