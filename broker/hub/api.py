"""Readings for other programs: JSON and CSV over HTTP, described by its own OpenAPI document.

Mount the blueprint behind a login; it only reads.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest

from broker.hub import openapi
from broker.hub.telemetry import series

OpenDb = Callable[[], AbstractContextManager[Session]]

BUCKET_COLUMNS = ("at", "low", "mean", "high", "count", "doubted")
POINT_COLUMNS = ("at", "value", "quality")


def blueprint(open_db: OpenDb) -> Blueprint:
    """The API under /api/v1. open_db: `database.reading`."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")

    @api.get("/series")
    def all_series() -> Response:
        """Every series with its last value."""
        with open_db() as db:
            found = series.latest(db, node=request.args.get("node"), series=request.args.get("series"))
        return jsonify(series=[_plain(asdict(each)) for each in found])

    @api.get("/readings")
    def readings() -> Response:
        """One series over a stretch of time: stored readings, or figures per bucket."""
        asked = _asked()
        with open_db() as db:
            rows = _rows(db, asked)
        columns = BUCKET_COLUMNS if asked["bucket_s"] else POINT_COLUMNS
        if asked["format"] == "csv":
            name = f"{asked['node']}-{asked['series']}.csv"
            return _csv(columns, rows, name)
        return jsonify(
            node=asked["node"],
            service=asked["service"],
            series=asked["series"],
            bucket_s=asked["bucket_s"],
            readings=rows,
        )

    @api.get("/openapi.json")
    def description() -> Response:
        """What this API takes and gives."""
        return jsonify(openapi.DOCUMENT)

    @api.errorhandler(BadRequest)
    def refused(why: BadRequest) -> tuple[Response, int]:
        """One sentence on what was wrong with the question."""
        return jsonify(error=why.description), 400

    return api


def _asked() -> dict[str, Any]:
    """The question of /readings, checked. Raises BadRequest with a sentence for people who write programs."""
    args = request.args
    for name in ("node", "series", "since", "until"):
        if not args.get(name):
            raise BadRequest(f"Thiếu tham số {name}.")
    since, until = _time("since", args["since"]), _time("until", args["until"])
    if until <= since:
        raise BadRequest("Tham số until phải sau since.")
    shape = args.get("format", "json")
    if shape not in ("json", "csv"):
        raise BadRequest("Tham số format chỉ nhận json hoặc csv.")
    return {
        "node": args["node"],
        "service": args.get("service", "board"),
        "series": args["series"],
        "since": since,
        "until": until,
        "bucket_s": _number("bucket_s", 0, 366 * 86_400, 0),
        "limit": _number("limit", 1, series.MOST_RAW, series.MOST_RAW),
        "format": shape,
    }


def _rows(db: Session, asked: dict[str, Any]) -> list[dict[str, Any]]:
    where = (asked["node"], asked["series"], asked["since"], asked["until"])
    if not asked["bucket_s"]:
        points = series.raw(db, *where, service=asked["service"], limit=asked["limit"])
        return [_plain(asdict(point)) for point in points]
    try:
        buckets = series.query(db, *where, bucket_s=asked["bucket_s"], service=asked["service"])
    except ValueError:
        raise BadRequest(
            f"Khoảng thời gian này cho quá {series.MOST_BUCKETS} nhóm. Hãy tăng bucket_s hoặc hỏi ngắn hơn."
        ) from None
    return [_plain(asdict(bucket)) for bucket in buckets]


def _time(name: str, text: str) -> datetime:
    """An RFC 3339 time with its zone. A '+' that a URL turned into a space is put back."""
    try:
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not 1970 <= at.year <= 9000:
        raise BadRequest(f"Tham số {name} phải là thời điểm kèm múi giờ, ví dụ 2026-11-21T06:00:00+07:00.")
    return at.astimezone(UTC)


def _number(name: str, least: int, most: int, otherwise: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise BadRequest(f"Tham số {name} phải là số nguyên từ {least} đến {most}.")
    return int(text)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Times as RFC 3339 in UTC."""
    return {
        key: value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if isinstance(value, datetime)
        else value
        for key, value in row.items()
    }


def _csv(columns: tuple[str, ...], rows: list[dict[str, Any]], name: str) -> Response:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    answer = Response(out.getvalue(), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer
