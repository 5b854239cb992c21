"""The API against its own description: every answer has the declared shape, every wrong question a sentence."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient

from broker.contract import Identity
from broker.contract.board import Reading
from broker.hub import api
from broker.hub.openapi import DOCUMENT
from broker.hub.records import Database
from broker.hub.telemetry.recorder import Recorder

START = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
RIVER = "water_level_m.song-van"
SPAN = {
    "node": "thon-01",
    "series": RIVER,
    "since": "2026-11-21T07:00:00+07:00",
    "until": "2026-11-21T01:00:00Z",
}


@pytest.fixture
def client(database: Database) -> FlaskClient:
    """The API over an hour of readings, one a minute."""
    readings = [
        Reading(series=RIVER, at=START + timedelta(minutes=n), value=2 + n / 100, unit="m") for n in range(60)
    ]
    readings[30].quality = "suspect"
    with database.session() as db:
        Recorder().write(db, {Identity("thon-01", "board"): readings}, START + timedelta(hours=1))
    app = Flask(__name__)
    app.register_blueprint(api.blueprint(database.reading))
    return app.test_client()


def as_declared(client: FlaskClient, path: str, query: dict[str, Any], status: int = 200) -> Any:
    """The answer, after its shape was checked against the document."""
    answer = client.get(path, query_string=query)
    assert answer.status_code == status, answer.get_data(as_text=True)
    declared = DOCUMENT["paths"][path]["get"]["responses"][str(status)]["content"]["application/json"][
        "schema"
    ]
    schema = {**declared, "components": DOCUMENT["components"]}
    jsonschema.validate(answer.json, schema, format_checker=jsonschema.FormatChecker())
    return answer.json


def test_every_route_is_described_and_every_described_route_exists(client: FlaskClient) -> None:
    routes = {rule.rule for rule in client.application.url_map.iter_rules() if rule.rule.startswith("/api/")}
    assert routes == set(DOCUMENT["paths"])
    assert client.get("/api/v1/openapi.json").json == DOCUMENT


def test_series_come_with_their_last_value(client: FlaskClient) -> None:
    (found,) = as_declared(client, "/api/v1/series", {"node": "thon-01"})["series"]
    assert (found["series"], found["unit"], found["value"], found["at"]) == (
        RIVER,
        "m",
        2.59,
        "2026-11-21T00:59:00Z",
    )
    assert as_declared(client, "/api/v1/series", {"node": "thon-99"}) == {"series": []}


def test_stored_readings_are_given_with_quality(client: FlaskClient) -> None:
    found = as_declared(client, "/api/v1/readings", SPAN)["readings"]
    assert len(found) == 60
    assert found[30] == {"at": "2026-11-21T00:30:00Z", "value": 2.3, "quality": "suspect"}
    assert len(as_declared(client, "/api/v1/readings", {**SPAN, "limit": 7})["readings"]) == 7


def test_buckets_are_given_with_their_figures(client: FlaskClient) -> None:
    found = as_declared(client, "/api/v1/readings", {**SPAN, "bucket_s": 1800})["readings"]
    assert [(each["count"], each["doubted"], each["low"], each["high"]) for each in found] == [
        (30, 0, 2.0, 2.29),
        (29, 1, 2.31, 2.59),
    ]


@pytest.mark.parametrize(
    ("bucket_s", "rows", "head"), [(0, 60, "at,value,quality"), (600, 6, "at,low,mean,high,count,doubted")]
)
def test_csv_has_the_same_rows(client: FlaskClient, bucket_s: int, rows: int, head: str) -> None:
    answer = client.get("/api/v1/readings", query_string={**SPAN, "bucket_s": bucket_s, "format": "csv"})
    text = answer.get_data(as_text=True)
    assert answer.mimetype == "text/csv"
    assert text.splitlines()[0] == head
    as_json = client.get("/api/v1/readings", query_string={**SPAN, "bucket_s": bucket_s}).json["readings"]
    found = list(csv.DictReader(io.StringIO(text)))
    assert len(found) == rows
    assert found == [{key: str(value) for key, value in row.items()} for row in as_json]


def test_a_long_csv_comes_in_parts_and_whole(database: Database) -> None:
    count = 2 * api.PAGE + 1
    readings = [
        Reading(series=RIVER, at=START + timedelta(milliseconds=n), value=n / 8, unit="m")
        for n in range(count)
    ]
    with database.session() as db:
        Recorder().write(db, {Identity("thon-01", "board"): readings}, START)
    app = Flask(__name__)
    app.register_blueprint(api.blueprint(database.reading))
    answer = app.test_client().get("/api/v1/readings", query_string={**SPAN, "format": "csv"})
    parts = [part.decode() for part in answer.response]
    assert [part.count("\r\n") for part in parts] == [1, api.PAGE, api.PAGE, 1]
    rows = list(csv.DictReader(io.StringIO("".join(parts))))
    assert [float(row["value"]) for row in rows] == [n / 8 for n in range(count)]
    short = app.test_client().get(
        "/api/v1/readings", query_string={**SPAN, "format": "csv", "limit": api.PAGE + 3}
    )
    assert len(short.get_data(as_text=True).splitlines()) == 1 + api.PAGE + 3


def test_text_in_csv_is_no_formula_and_numbers_stay_numbers(database: Database) -> None:
    units = {"a.x": "=cmd()", "b.x": "+1", "c.x": "-1", "d.x": "@SUM", "e.x": "m/s"}
    readings = [Reading(series=name, at=START, value=-2.5, unit=unit) for name, unit in units.items()]
    with database.session() as db:
        Recorder().write(db, {Identity("thon-01", "board"): readings}, START)
    app = Flask(__name__)
    app.register_blueprint(api.blueprint(database.reading))
    text = app.test_client().get("/api/v1/series?format=csv").get_data(as_text=True)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["unit"] for row in rows] == ["'=cmd()", "'+1", "'-1", "'@SUM", "m/s"]
    assert {row["value"] for row in rows} == {"-2.5"}
    assert rows[0]["at"] == "2026-11-21T00:00:00Z"


@pytest.mark.parametrize(
    "wrong",
    [
        {"node": ""},
        {"since": "yesterday"},
        {"since": "2026-11-21T00:00:00"},
        {"since": "99999-01-01T00:00:00Z"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"until": "2026-11-20T00:00:00Z"},
        {"bucket_s": "-1"},
        {"bucket_s": "1.5"},
        {"bucket_s": "٣"},
        {"bucket_s": "1", "since": "2025-11-21T00:00:00Z"},
        {"limit": "0"},
        {"limit": "10001"},
        {"format": "xml"},
    ],
)
def test_a_wrong_question_is_answered_by_one_sentence(client: FlaskClient, wrong: dict[str, str]) -> None:
    answer = as_declared(client, "/api/v1/readings", {**SPAN, **wrong}, 400)
    assert answer["error"].endswith(".")
