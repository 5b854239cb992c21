"""Nhật ký phát sóng: what was said on which loudspeaker, by day and by month, with its files and its paper."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import IO, Any, Final

from flask import Blueprint, abort, current_app, redirect, render_template, request, send_file, url_for
from flask.blueprints import BlueprintSetupState
from sqlalchemy import select
from werkzeug.wrappers import Response

from broker.hub import gov_map
from broker.hub.broadcast_files import write_csv, write_xlsx
from broker.hub.broadcast_log import FIELDS, entries
from broker.hub.broadcast_totals import Period, sums_of
from broker.hub.broadcast_words import say_field
from broker.hub.console import access
from broker.hub.console.aired import bulletins_of, day_view, month_view
from broker.hub.console.day import today_of
from broker.hub.console.desk import desk, now
from broker.hub.console.pager import page_of, turn
from broker.hub.declined import Declined
from broker.hub.records import Announcement, NodeRecord, write_audit

pages = Blueprint("broadcasts", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor", "village")
TAKERS = ("editor", "approver", "leader", "admin", "auditor")
"""Who may carry the log away as a file."""
SORTERS = ("editor", "approver")
ON_A_PAGE: Final = 25
"""Bulletins of a month."""
SHAPES: Final = MappingProxyType(
    {
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "csv": "text/csv; charset=utf-8",
        "json": "application/json",
    }
)
WAIT_S: Final = 20.0
"""So long a file waits for the one that is being made: two at once would only slow the pages down."""


@pages.get("/broadcasts")
@access.allow(*READERS)
def log() -> str:
    """A day, or with `ky=2026-11` a month; anything else is today."""
    return _shown("broadcasts-day.html", "broadcasts-month.html")


@pages.get("/broadcasts/print")
@access.allow(*READERS)
def paper() -> str:
    """The same for paper."""
    return _shown("broadcasts-print.html", "broadcasts-print.html")


@pages.get("/broadcasts/file/<shape>")
@access.allow(*TAKERS)
def export(shape: str) -> Response:
    """The rows of a day, month or year as a file. Written in the audit log before a byte leaves."""
    if shape not in SHAPES:
        abort(404)
    at = now()
    period = Period.of(request.args.get("ky", "")) or _today(at)
    out = tempfile.TemporaryFile()  # noqa: SIM115  (the answer closes it when it has been read)
    try:
        with _one_at_a_time():
            _write(out, shape, period, at)
    except OSError as why:
        out.close()
        raise Declined(
            "disk-full", "Trung tâm hết chỗ ghi nên chưa làm được tệp, xin báo người quản trị."
        ) from why
    except BaseException:
        out.close()
        raise
    with desk().database.session() as db:
        write_audit(db, at, access.visitor().username, "broadcasts.exported", f"{period.name}.{shape}")
    out.seek(0)
    name = f"nhat-ky-phat-song-{period.name}.{shape}"
    return send_file(out, mimetype=SHAPES[shape], as_attachment=True, download_name=name, etag=False)


@pages.post("/broadcasts/field")
@access.allow(*SORTERS)
def sort() -> Response:
    """Say what a bulletin is about. Form: announcement, field, and `ky` and `trang` to come back to."""
    code = request.form.get("field", "")
    if code and code not in FIELDS:
        raise Declined("unknown-field", "Lĩnh vực này không có trong danh sách, xin chọn lại.")
    with desk().database.session() as db:
        row = db.get(Announcement, request.form.get("announcement", "")[:200])
        if row is None:
            raise Declined("no-announcement", "Không tìm thấy bản tin này, có thể nó đã được gỡ.")
        if row.field != code:
            row.field = code
            detail = {"field": say_field(code)}
            write_audit(db, now(), access.visitor().username, "announcement.sorted", row.id, detail)
    period = Period.of(request.form.get("ky", "")) or _today(now())
    page = request.form.get("trang", "1")
    return redirect(url_for("broadcasts.log", ky=period.name, trang=page[:8]) + "#tin")


def _shown(for_day: str, for_month: str) -> str:
    at = now()
    period = Period.of(request.args.get("ky", "")) or _today(at)
    if period.parts == 1:  # a year is a file, no page
        period = _today(at)
    with desk().database.reading() as db:
        found: dict[str, Any]
        if period.parts == 3:
            template, found = for_day, {"day": day_view(db, period, at)}
        else:
            template = for_month
            sums = sums_of(entries(db, period.since, period.until, at))
            asked = request.args.get("trang", "")
            bulletins = page_of(bulletins_of(db, sums), asked, ON_A_PAGE)
            found = {"month": month_view(db, sums, period), "bulletins": bulletins}
    return render_template(
        template,
        here="aired",
        period=period,
        month_name=period.name[:7],
        year_name=period.name[:4],
        is_now=period.first <= today_of(at) <= period.last,
        may_take=access.visitor().is_any(*TAKERS),
        may_sort=access.visitor().is_any(*SORTERS),
        fields=list(FIELDS.items()),
        standing=_standing(),
        turn=turn,
        **found,
    )


def _today(at: datetime) -> Period:
    day = today_of(at)
    return Period(day, day)


def _write(out: IO[bytes], shape: str, period: Period, at: datetime) -> None:
    """Make the file from one moment of the records. Raises OSError, Declined for a mapping that cannot be used."""
    here = desk()
    with here.database.reading() as db:
        rows = entries(db, period.since, period.until, at)
        if shape == "csv":
            write_csv(out, rows)
        elif shape == "xlsx":
            places = {row.name: row.label for row in db.execute(select(NodeRecord.name, NodeRecord.label))}
            write_xlsx(out, rows, period, here.commune_name, places)
        else:
            try:
                mapping = gov_map.load(here.settings.data_dir)
            except gov_map.MapError as why:
                raise Declined("bad-map", str(why)) from why
            out.writelines(gov_map.lines(mapping, rows, period, here.settings.place.commune))


def _standing() -> str:
    """What is to be known of the file for the province, or why there is none."""
    try:
        mapping = gov_map.load(desk().settings.data_dir)
    except gov_map.MapError as why:
        return str(why)
    if not mapping.unverified:
        return f"Tên các trường đã đối chiếu theo {mapping.guide}."
    return (
        f"Chưa đối chiếu: {len(mapping.unverified)} trên {len(mapping.field)} tên trường là tên tạm, "
        "chưa có hướng dẫn của hệ thống tỉnh để so. Chỉ dùng để xem trước."
    )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait for the file that is being made. Raises Declined when that takes too long."""
    lock: threading.Lock = current_app.extensions["broadcast-files"]
    if not lock.acquire(timeout=WAIT_S):
        raise Declined("busy", "Trung tâm đang làm một tệp khác, xin thử lại sau một phút.")
    try:
        yield
    finally:
        lock.release()


@pages.record
def _keep_lock(state: BlueprintSetupState) -> None:
    state.app.extensions["broadcast-files"] = threading.Lock()
