"""Readings for other programs: JSON and CSV over HTTP, described by its own OpenAPI document.

Mount the blueprint behind a login; it only reads.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec
from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest

from broker.hub import openapi
from broker.hub.telemetry import series
from broker.hub.telemetry.figures import Bucket

OpenDb = Callable[[], AbstractContextManager[Session]]

MOST_IN_CSV = 999_999_999
PAGE = 5000
"""Rows of a CSV file that are in memory together, and read in one transaction."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins like this is a formula to a spreadsheet."""


def blueprint(open_db: OpenDb) -> Blueprint:
    """The API under /api/v1. open_db: `database.reading`."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")

    @api.get("/series")
    def all_series() -> Response:
        """Every series with its last value."""
        shape = _format()
        with open_db() as db:
            found = series.latest(db, node=request.args.get("node"), series=request.args.get("series"))
        if shape == "csv":
            return _csv(series.Latest, [found], "series.csv")
        return _json({"series": found})

    @api.get("/readings")
    def readings() -> Response:
        """One series over a stretch of time: stored readings, or figures per bucket."""
        asked = _asked()
        if asked["format"] == "json":
            with open_db() as db:
                rows = _buckets(db, asked) if asked["bucket_s"] else _points(db, asked)
            named = {name: asked[name] for name in ("node", "service", "series", "bucket_s")}
            return _json({**named, "readings": rows})
        name = f"{asked['node']}-{asked['series']}.csv"
        if not asked["bucket_s"]:
            return _csv(series.Point, _pages(open_db, asked), name)
        with open_db() as db:
            return _csv(Bucket, [_buckets(db, asked)], name)

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
    shape = _format()
    most = series.MOST_RAW if shape == "json" else MOST_IN_CSV
    return {
        "node": args["node"],
        "service": args.get("service", "board"),
        "series": args["series"],
        "since": since,
        "until": until,
        "bucket_s": _number("bucket_s", 0, 366 * 86_400, 0),
        "limit": _number("limit", 1, most, most),
        "format": shape,
    }


def _format() -> str:
    shape = request.args.get("format", "json")
    if shape not in ("json", "csv"):
        raise BadRequest("Tham số format chỉ nhận json hoặc csv.")
    return shape


def _buckets(db: Session, asked: dict[str, Any]) -> list[Bucket]:
    where = (asked["node"], asked["series"], asked["since"], asked["until"])
    try:
        return series.query(db, *where, bucket_s=asked["bucket_s"], service=asked["service"])
    except ValueError:
        raise BadRequest(
            f"Khoảng thời gian này cho quá {series.MOST_BUCKETS} nhóm. Hãy tăng bucket_s hoặc hỏi ngắn hơn."
        ) from None


def _points(db: Session, asked: dict[str, Any]) -> list[series.Point]:
    where = (asked["node"], asked["series"], asked["since"], asked["until"])
    return series.raw(db, *where, service=asked["service"], limit=asked["limit"])


def _pages(open_db: OpenDb, asked: dict[str, Any]) -> Iterator[list[series.Point]]:
    """Stored readings page by page, each in a transaction of its own: a slow reader holds nothing open."""
    left = asked["limit"]
    while left:
        with open_db() as db:
            page = _points(db, {**asked, "limit": min(left, PAGE)})
        yield page
        if len(page) < min(left, PAGE):
            return
        left -= len(page)
        asked = {**asked, "since": page[-1].at + timedelta(milliseconds=1)}


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


def _json(what: Any) -> Response:
    return Response(msgspec.json.encode(what), mimetype="application/json")


def _csv(columns: type[msgspec.Struct], pages: Iterable[Sequence[Any]], name: str) -> Response:
    """One line per record, sent page by page. columns: the fields of the records."""
    names = columns.__struct_fields__
    cells = attrgetter(*names)

    def lines() -> Iterator[str]:
        yield _lines([names])
        for page in pages:
            yield _lines([_cell(each) for each in cells(row)] for row in page)

    answer = Response(lines(), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _lines(rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cell(value: object) -> object:
    """Times as RFC 3339 in UTC; text never a formula, whoever named a unit. Numbers are no text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
