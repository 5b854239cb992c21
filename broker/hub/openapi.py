"""What the API takes and gives: an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from typing import Any, get_args

from broker.contract.board import Quality
from broker.hub.telemetry.series import MOST_BUCKETS, MOST_RAW


def _query(name: str, what: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "description": what, "schema": schema}


def _record(**fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _list(of: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{of}"}}


def _json(what: str, schema: str) -> dict[str, Any]:
    return {
        "description": what,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


_TEXT: dict[str, Any] = {"type": "string"}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_NUMBER: dict[str, Any] = {"type": "number"}
_NUMBER_OR_NONE: dict[str, Any] = {"type": ["number", "null"]}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_QUALITY: dict[str, Any] = {"type": "string", "enum": list(get_args(Quality))}

_SCHEMAS: dict[str, Any] = {
    "Series": _record(
        node=_TEXT,
        service=_TEXT,
        series=_TEXT,
        unit=_TEXT,
        at=_TIME,
        value=_NUMBER,
        quality=_QUALITY,
        received_at=_TIME,
    ),
    "Point": _record(at=_TIME, value=_NUMBER, quality=_QUALITY),
    "Bucket": _record(
        at=_TIME,
        low=_NUMBER_OR_NONE,
        mean=_NUMBER_OR_NONE,
        high=_NUMBER_OR_NONE,
        count=_COUNT,
        doubted=_COUNT,
    ),
    "AllSeries": _record(series=_list("Series")),
    "Readings": _record(
        node=_TEXT,
        service=_TEXT,
        series=_TEXT,
        bucket_s=_COUNT,
        readings={"anyOf": [_list("Point"), _list("Bucket")]},
    ),
    "Refused": _record(error=_TEXT),
}

_FORMAT = _query(
    "format",
    "Shape of the answer. CSV is sent while it is read, and text in it that a spreadsheet would take for a "
    "formula begins with an apostrophe.",
    {"type": "string", "enum": ["json", "csv"], "default": "json"},
)
_READINGS_PARAMETERS = [
    _query("node", "Node that measures, `thon-01`.", _TEXT, required=True),
    _query("series", "Series, `water_level_m.song-van`.", _TEXT, required=True),
    _query("since", "From this time on.", _TIME, required=True),
    _query("until", "Up to but without this time.", _TIME, required=True),
    _query("service", "Service that measures.", {"type": "string", "default": "board"}),
    _query(
        "bucket_s",
        "0: the stored readings. Else figures of believed readings per so many seconds, at most "
        f"{MOST_BUCKETS} of them, aligned to local time (UTC+7).",
        {"type": "integer", "minimum": 0, "default": 0},
    ),
    _query(
        "limit",
        f"Most stored readings to give; ask on from the last time. In JSON at most {MOST_RAW}, in CSV all.",
        {"type": "integer", "minimum": 1},
    ),
    _FORMAT,
]

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Làng Số: readings",
        "version": "1",
        "description": "Readings of the commune's boards. Needs a signed-in account; only reads.",
    },
    "paths": {
        "/api/v1/series": {
            "get": {
                "summary": "Every series with its last value",
                "parameters": [
                    _query("node", "Only series of this node.", _TEXT),
                    _query("series", "Only series of this name.", _TEXT),
                    _FORMAT,
                ],
                "responses": {
                    "200": {
                        "description": "Series by node and name",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/AllSeries"}},
                            "text/csv": {"schema": _TEXT},
                        },
                    },
                    "400": _json("The question is wrong; one sentence says how", "Refused"),
                },
            }
        },
        "/api/v1/readings": {
            "get": {
                "summary": "One series over a stretch of time",
                "parameters": _READINGS_PARAMETERS,
                "responses": {
                    "200": {
                        "description": "Oldest first; empty buckets are left out",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Readings"}},
                            "text/csv": {"schema": _TEXT},
                        },
                    },
                    "400": _json("The question is wrong; one sentence says how", "Refused"),
                },
            }
        },
        "/api/v1/openapi.json": {
            "get": {
                "summary": "This document",
                "responses": {
                    "200": {
                        "description": "OpenAPI 3.1",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
            }
        },
    },
    "components": {"schemas": _SCHEMAS},
}
