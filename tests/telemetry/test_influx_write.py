"""Other programs write to the real web server: influxdb-client itself, and requests as Telegraf and Node-RED send."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import subprocess
import sys
import threading
import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import influxdb_client
import pytest
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from sqlalchemy import event, func, select
from urllib3.exceptions import HTTPError

from broker.contract import Identity
from broker.contract.board import Reading
from broker.hub import influx_api
from broker.hub.console.app import create_app
from broker.hub.console.live import Broadcaster
from broker.hub.console.poison import say_reason
from broker.hub.console.service import serving
from broker.hub.console.sources import name_of
from broker.hub.declined import Declined
from broker.hub.records import AuditRow, Database, Measured, Quarantine, Series, Token, TokenSeries
from broker.hub.telemetry import guestbook, series
from broker.hub.telemetry.figures import to_ms
from broker.hub.telemetry.recorder import Recorder
from broker.hub.tokens import make_token, revoke_token
from deploy.stage import free_port
from tests.fakes.clock import FakeClock
from tests.hub.town import hub_settings
from tests.until import until

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC).replace(microsecond=0)
AT_MS = to_ms(NOW) - 3_600_000
Client: Any = influxdb_client.InfluxDBClient  # type: ignore[attr-defined]
Point: Any = influxdb_client.Point  # type: ignore[attr-defined]
PER_MS = {"ns": 1_000_000, "us": 1_000, "ms": 1}


@dataclass
class Hub:
    """The web service with one token."""

    database: Database
    clock: FakeClock
    port: int
    secret: str

    def post(
        self, body: bytes | str, path: str = "/api/v2/write?bucket=b&org=o&precision=ms", **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers of a raw request, with the token unless another is given."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Token {self.secret}", "Content-Type": "text/plain; charset=utf-8"} | given
        return self.ask("POST", path, body.encode() if isinstance(body, str) else body, given)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(raw) if is_json and raw else raw, dict(answer.getheaders())

    def client(self) -> Any:
        return Client(f"http://127.0.0.1:{self.port}", token=self.secret, org="o", timeout=60_000)

    def held(self) -> set[tuple[str, int, float]]:
        """Every reading under the writers' identity: series, ms, value."""
        return held(self.database)


def held(database: Database) -> set[tuple[str, int, float]]:
    """Every reading, all of them under the writers' identity: series, ms, value."""
    with database.reading() as db:
        rows = {row.id: row for row in db.scalars(select(Series))}
        found = series.walk(db, (0, -1), 1_000_000)
    assert {(row.node, row.service) for row in rows.values()} <= {("hub", "web")}
    return {(rows[row.series].name, row.at_ms, row.value) for row in found}


@pytest.fixture
def hub(store: Database, tmp_path: Path) -> Iterator[Hub]:
    """The real console on waitress, over each kind of database."""
    clock = FakeClock(NOW, running=True)
    with store.session() as db:
        secret = make_token(db, "tram-mua", NOW, "test")
    app = create_app(hub_settings(tmp_path / "data", tmp_path / "keys"), store, clock, Broadcaster(store))
    web = serving(app, "127.0.0.1", 0)
    stop = threading.Event()
    thread = threading.Thread(target=web.run, args=(stop, lambda: None), name="web")
    thread.start()
    yield Hub(store, clock, web.port, secret)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_influxdb_client_writes_points_and_finds_the_hub_well(hub: Hub) -> None:
    with hub.client() as client:
        assert client.ping()
        assert client.health().status == "pass"
        assert client.version()
        writing = client.write_api(write_options=SYNCHRONOUS)
        points = [
            Point("weather").tag("site", "cau-long").field("temp", 20 + n / 8).time((AT_MS + n) * 1_000_000)
            for n in range(50)
        ]
        writing.write("bucket", "o", points)
        writing.write("bucket", "o", points)  # an answer that got lost: sent again
    assert hub.held() == {("weather.tram-mua.temp.site.cau-long", AT_MS + n, 20 + n / 8) for n in range(50)}


def test_influxdb_client_batching_and_gzip(hub: Hub) -> None:
    with (
        Client(
            f"http://127.0.0.1:{hub.port}", token=hub.secret, org="o", timeout=60_000, enable_gzip=True
        ) as client,
        client.write_api() as writing,
    ):
        for n in range(2500):
            writing.write("bucket", "o", f"cpu,host=may-1 used={n} {(AT_MS + n) * 1_000_000}")
    assert len(hub.held()) == 2500


def test_the_clients_own_errors_say_the_line(hub: Hub) -> None:
    with hub.client() as client:
        writing = client.write_api(write_options=SYNCHRONOUS)
        with pytest.raises(ApiException) as why:
            writing.write("b", "o", f"a b=1 {AT_MS}\nkhông phải\na b=2 {AT_MS + 1}", write_precision="ms")
    assert why.value.status == 400
    told = json.loads(str(why.value.body))
    assert (told["code"], told["line"]) == ("invalid", 2)
    assert "missing field value" in told["message"]
    assert hub.held() == {("a.tram-mua.b", AT_MS, 1.0), ("a.tram-mua.b", AT_MS + 1, 2.0)}
    with hub.database.reading() as db:
        row = db.scalars(select(Quarantine)).one()
    assert (row.source, row.count, row.sample) == ("token.tram-mua", 1, "không phải".encode())


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
def test_every_precision(hub: Hub, unit: str) -> None:
    stamp = AT_MS // 1000 if unit == "s" else AT_MS * PER_MS[unit]
    assert hub.post(f"a b=1.5 {stamp}", f"/api/v2/write?bucket=b&precision={unit}")[0] == 204
    assert hub.held() == {("a.tram-mua.b", AT_MS, 1.5)}


def test_telegraf_sends_gzip_in_chunks(hub: Hub) -> None:
    lines = "".join(
        f'cpu,cpu=cpu{n},host=May\\ Chủ usage_idle={n}.5,usage_user={n}i,name="x" {AT_MS * 1_000_000}\n'
        for n in range(4)
    )
    packed = gzip.compress(lines.encode())
    body = (packed[n : n + 50] for n in range(0, len(packed), 50))
    headers = {
        "Authorization": f"Token {hub.secret}",
        "Content-Encoding": "gzip",
        "Content-Type": "text/plain; charset=utf-8",
        "User-Agent": "Telegraf/1.30.0 Go/1.22.1",
    }
    status, _, answered = hub.ask("POST", "/api/v2/write?bucket=telegraf&org=xa", body, headers)
    assert status == 204
    assert "Set-Cookie" not in answered
    assert sorted(value for _, _, value in hub.held()) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


def test_node_red_sends_one_point_without_time(hub: Hub) -> None:
    status, _, _ = hub.post("mua mm=0.2", "/api/v2/write?org=xa&bucket=mua&precision=ms", Accept="*/*")
    assert status == 204
    ((name, at_ms, value),) = hub.held()
    assert (name, value) == ("mua.tram-mua.mm", 0.2)
    assert abs(at_ms - to_ms(hub.clock.now())) < 60_000


def test_old_programs_write_by_v1(hub: Hub) -> None:
    basic = b64encode(f"ai:{hub.secret}".encode()).decode()
    path = "/write?db=telegraf&precision=s&rp="
    assert hub.post(f"a b=1 {AT_MS // 1000}", path, Authorization=f"Basic {basic}")[0] == 204
    assert hub.held() == {("a.tram-mua.b", AT_MS, 1.0)}
    status, told, headers = hub.post("a b=", path)
    assert status == 400
    assert "missing field value" in told["error"]
    assert "missing field value" in headers["X-Influxdb-Error"]


@pytest.mark.parametrize(
    "header",
    ["", "Token", "Token x", "Bearer x", "Basic x", "Basic =", "Token ", "Digest {secret}", "{secret}"],
)
def test_without_a_token_nothing_is_written(hub: Hub, header: str) -> None:
    status, told, headers = hub.post("a b=1", Authorization=header.format(secret=hub.secret))
    assert (status, told) == (401, {"code": "unauthorized", "message": "unauthorized access"})
    assert "Set-Cookie" not in headers
    assert hub.held() == set()


def test_bearer_is_taken_too_and_a_revoked_token_is_not(hub: Hub) -> None:
    assert hub.post(f"a b=1 {AT_MS}", Authorization=f"Bearer {hub.secret}")[0] == 204
    with hub.database.session() as db:
        revoke_token(db, "tram-mua", NOW, "test")
    assert hub.post(f"a b=2 {AT_MS + 1}")[0] == 401
    with hub.database.session() as db:
        hub.secret, old = make_token(db, "tram-mua", NOW, "test"), hub.secret
    assert hub.post(f"a b=3 {AT_MS + 2}")[0] == 204
    assert hub.post(f"a b=4 {AT_MS + 3}", Authorization=f"Token {old}")[0] == 401
    assert hub.held() == {("a.tram-mua.b", AT_MS, 1.0), ("a.tram-mua.b", AT_MS + 2, 3.0)}


def test_tokens_are_kept_as_hashes_and_every_change_is_audited(store: Database) -> None:
    with store.session() as db:
        secret = make_token(db, "tram-mua", NOW, "quan")
        with pytest.raises(Declined, match="đang dùng"):
            make_token(db, "tram-mua", NOW, "quan")
        for bad in ("", "A", "1a", "a-", "a.b", "a" * 25, "đo"):
            with pytest.raises(Declined, match="chữ thường"):
                make_token(db, bad, NOW, "quan")
        revoke_token(db, "tram-mua", NOW, "lanh")
        with pytest.raises(Declined, match="Không có"):
            revoke_token(db, "tram-mua", NOW, "lanh")
    assert len(secret) >= 43
    with store.reading() as db:
        row = db.scalars(select(Token)).one()
        assert secret not in (row.hash, row.name)
        said = [(each.actor, each.action, each.subject) for each in db.scalars(select(AuditRow))]
    assert said == [("quan", "token.made", "tram-mua"), ("lanh", "token.revoked", "tram-mua")]


def test_one_program_never_writes_into_a_boards_or_anothers_series(hub: Hub) -> None:
    name = "water_level_m.song-van"
    with hub.database.session() as db:
        board = Identity("tram-mua", "board")
        Recorder().write(db, {board: [Reading(series=name, at=NOW, value=2.0, unit="m")]}, NOW)
        other = make_token(db, "tram-khac", NOW, "test")
    line = f"water_level_m,node=tram-mua,service=board,sensor=song-van value=9 {AT_MS}"
    assert hub.post(line)[0] == 204
    assert hub.post(line.replace("9 ", "8 "), Authorization=f"Token {other}")[0] == 204
    with hub.database.reading() as db:
        found = {(row.node, row.service, row.name.split(".")[1]): row.value for row in series_rows(db)}
    assert found == {
        ("tram-mua", "board", "song-van"): 2.0,
        ("hub", "web", "tram-mua"): 9.0,
        ("hub", "web", "tram-khac"): 8.0,
    }


def series_rows(db: Any) -> list[Any]:
    """Every series with its last value."""
    return list(
        db.execute(select(Series.node, Series.service, Series.name, Series.latest_value.label("value")))
    )


def test_a_program_makes_no_more_series_than_it_may(hub: Hub) -> None:
    most = guestbook.MOST_SERIES
    lines = "\n".join(f"a,id={n} b=1 {AT_MS}" for n in range(most - 1))
    assert hub.post(lines)[0] == 204
    status, told, _ = hub.post(f"a,id=x b=1 {AT_MS}\na,id=y b=1 {AT_MS}\na,id=0 b=2 {AT_MS + 1}")
    assert status == 400
    assert told["line"] == 2
    assert "max-series-per-token" in told["message"]
    assert "dropped=1" in told["message"]
    with hub.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(TokenSeries)) == most
        assert db.scalar(select(func.count()).select_from(Series)) == most
        assert db.scalar(select(func.count()).select_from(Measured)) == most + 1  # and an old one's new point


def test_times_far_off_are_refused_by_line(hub: Hub) -> None:
    ahead = to_ms(NOW + timedelta(days=3))
    old = to_ms(NOW - timedelta(days=500))
    status, told, _ = hub.post(f"a b=1 {AT_MS}\na b=2 {ahead}\na b=3 {old}")
    assert (status, told["line"]) == (400, 2)
    assert "dropped=2" in told["message"]
    assert hub.held() == {("a.tram-mua.b", AT_MS, 1.0)}


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"#" * (influx_api.LARGEST + 1)), "gzip", 413),
        (gzip.compress(b"a b=1") + gzip.compress(b"#" * influx_api.LARGEST), "gzip", 413),
        (gzip.compress(bytes(200_000_000), 9), "gzip", 413),
        (gzip.compress(b"a b=1")[:-9], "gzip", 400),
        (b"a b=1", "gzip", 400),
        (zlib.compress(b"a b=1"), "deflate", 415),
        (b"a b=\xff", "identity", 400),
        (b"a b=1 # x", "identity", 400),
    ],
    ids=["large", "two members", "bomb", "cut", "no gzip", "deflate", "no UTF-8", "bad line"],
)
def test_a_body_that_cannot_be_read_is_answered(hub: Hub, body: bytes, encoding: str, status: int) -> None:
    found, told, _ = hub.post(body, Content_Encoding=encoding)
    assert found == status
    assert told["code"] in ("invalid", "request too large")
    assert hub.held() == set()


def test_a_large_batch_arrives_whole(hub: Hub) -> None:
    draw = random.Random(3)
    count = guestbook.CHUNK * 2 + 10
    values = [draw.randint(-1000, 1000) / 16 for _ in range(count)]
    lines = "\n".join(f"a,s={n % 7} b={value} {AT_MS + n}" for n, value in enumerate(values))
    assert hub.post(gzip.compress(lines.encode()), Content_Encoding="gzip")[0] == 204
    assert hub.held() == {(f"a.tram-mua.b.s.{n % 7}", AT_MS + n, value) for n, value in enumerate(values)}


def test_who_writes_too_much_waits(hub: Hub) -> None:
    bad = gzip.compress(b"x\n" * (int(influx_api.BURST) + 10_000), 1)  # refused lines weigh as much as points
    assert hub.post(bad, Content_Encoding="gzip")[0] == 400
    status, told, headers = hub.post(f"a b=1 {AT_MS}")
    assert (status, told["code"]) == (429, "too many requests")
    assert hub.held() == set()
    hub.clock.advance(int(headers["Retry-After"]))
    assert hub.post(f"a b=1 {AT_MS}")[0] == 204


def test_a_database_that_refuses_is_told_and_nothing_is_doubled(database: Database, tmp_path: Path) -> None:
    """503 with Retry-After while the disk is full; the same request later is stored once."""
    clock = FakeClock(NOW, running=True)
    with database.session() as db:
        secret = make_token(db, "tram-mua", NOW, "test")
    settings = hub_settings(tmp_path / "data", tmp_path / "keys")
    app = create_app(settings, database, clock, Broadcaster(database))
    client = app.test_client()
    body = "\n".join(f"a,s={n % 50} b=1 {AT_MS + n}" for n in range(4000))

    def post() -> Any:
        return client.post(
            "/api/v2/write?precision=ms", data=body, headers={"Authorization": f"Token {secret}"}
        )

    def bound(pages: int) -> None:
        database.engine.dispose()
        limit.append(pages)

    limit = [0]

    @event.listens_for(database.engine, "connect")
    def _(connection: Any, _record: object) -> None:
        if limit[-1]:
            connection.execute(f"PRAGMA max_page_count={limit[-1]}")

    with database.reading() as db:
        pages = db.connection().exec_driver_sql("PRAGMA page_count").scalar()
    bound(int(pages or 0))
    answer = post()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["code"] == "unavailable"
    bound(1_000_000)
    assert post().status_code == 204
    assert post().status_code == 204
    with database.reading() as db:
        assert len(series.walk(db, (0, -1), 10_000)) == 4000


def test_ping_and_health_need_nothing_and_set_nothing(hub: Hub) -> None:
    for method, path, status in (("GET", "/ping", 204), ("HEAD", "/ping", 204), ("GET", "/health", 200)):
        found, _, headers = hub.ask(method, path)
        assert found == status
        assert "Set-Cookie" not in headers
    assert hub.ask("GET", "/health")[1]["status"] == "pass"
    assert hub.ask("GET", "/ping")[2]["X-Influxdb-Version"]


def test_a_browsers_session_writes_nothing(hub: Hub) -> None:
    """A cookie is worth nothing here, so a foreign page cannot use one."""
    status, _, _ = hub.post("a b=1", Authorization="", Cookie="langso=" + "x" * 43)
    assert status == 401


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("line protocol: missing field value", "Một dòng viết sai dạng."),
        (f"line protocol: {guestbook.TOO_MANY}", "Chương trình này tạo quá nhiều loại số đo."),
        ("line protocol: points beyond retention policy: older than what is kept", "Giờ đo đã quá 13 tháng."),
        ("400: partial write: points beyond retention policy",
         "Số đo cũ hơn thời hạn mà máy chủ Influx giữ."),
        ('400: partial write: field type conflict: input field "value"',
         "Máy chủ Influx đã giữ số đo này theo kiểu khác."),
    ],
)  # fmt: skip
def test_refusals_have_a_sentence_on_the_page(reason: str, said: str) -> None:
    assert say_reason(reason).what == said
    assert name_of("token.tram-mua", {}) == "Chương trình tram-mua"
    assert name_of("influx", {}) == "Máy chủ Influx"


@pytest.mark.timeout(300)
def test_what_was_answered_204_survives_kill_9_and_nothing_is_doubled(
    database: Database, tmp_path: Path
) -> None:
    with database.session() as db:
        secret = make_token(db, "tram-mua", NOW, "test")
    port = free_port()
    order = [sys.executable, "-m", "tests.telemetry.write_child", str(database.engine.url), str(tmp_path)]
    confirmed: list[int] = []
    stop = threading.Event()

    def write() -> None:
        """Twenty points a request, each sent until it is confirmed."""
        number = 0
        with Client(f"http://127.0.0.1:{port}", token=secret, org="o", timeout=10_000) as client:
            writing = client.write_api(write_options=SYNCHRONOUS)
            while not stop.is_set():
                lines = [f"a,s={n % 3} b={n} {AT_MS + n}" for n in range(number, number + 20)]
                try:
                    writing.write("b", "o", lines, write_precision="ms")
                except (ApiException, HTTPError):
                    stop.wait(0.05)
                    continue
                confirmed.append(number)
                number += 20

    writer = threading.Thread(target=write, name="writer")
    process = subprocess.Popen([*order, str(port)], cwd=ROOT)
    writer.start()
    try:
        for turn in range(4):
            until(lambda: len(confirmed) >= 15 * (turn + 1), 90)  # noqa: B023
            process.kill()
            process.wait(30)
            kept = {value for _, _, value in held(database)}
            assert kept >= {float(n) for first in list(confirmed) for n in range(first, first + 20)}
            process = subprocess.Popen([*order, str(port)], cwd=ROOT)
        until(lambda: len(confirmed) >= 75, 90)
    finally:
        stop.set()
        writer.join(60)
        process.kill()
        process.wait(30)
    found = held(database)
    assert len({value for _, _, value in found}) == len(found)
    assert {value for _, _, value in found} >= {float(n) for n in range(confirmed[-1] + 20)}
