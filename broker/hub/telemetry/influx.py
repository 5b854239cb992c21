"""A copy of all readings on an Influx server, for people who have one. Only importer of influxdb-client.

The hub's own database stays the record. What is new waits in `replica_due`, what was stored before the server was
named is walked through by series and time; a row leaves the queue, and the walk moves on, only after the server
has confirmed. So nothing is lost while it is away; a batch interrupted in between is sent twice, and the same
point twice is one point (VictoriaMetrics: with -dedup.minScrapeInterval=1ms).

Written in one synchronous call per batch with lines built here: the client's own batching loses data silently
(influxdb-client-python issues 80, 144, 198) and its Point objects cost seven times as much.

`water_level_m.song-van` of thon-01 becomes
`water_level_m,node=thon-01,service=board,sensor=song-van value=2.1,quality=0i 1795226400000`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import delete, select, tuple_
from sqlalchemy.exc import OperationalError

from broker.hub.records import Database
from broker.hub.records.reading import Measured, Replica, ReplicaDue, Series
from broker.link.config import Influx
from broker.link.service import Beat, Worker
from broker.link.session import Session

log = logging.getLogger(__name__)

BATCH_MESSAGES = 100
BATCH_PAST = 5000
IDLE_S = 1.0
BACKOFF_S = (1.0, 60.0)
TIMEOUT_MS = 5_000

AWAY = "Chưa chép được số đo sang máy chủ Influx. Số đo vẫn được giữ đủ ở đây và tự chép tiếp khi máy chủ trở lại."
DENIED = "Máy chủ Influx không nhận mã truy cập. Kiểm tra tệp ghi ở influx.token_file; số đo vẫn được giữ đủ ở đây."

Row = tuple[int, int, float, int]
"""Series id, at_ms, value, quality."""

_ROWS = msgspec.msgpack.Decoder(list[Row])


class Unsent(Exception):
    """The server did not take a batch; it is tried again later. `denied`: it refused the token."""

    def __init__(self, text: str, *, denied: bool = False) -> None:
        super().__init__(text)
        self.denied = denied


@dataclass(frozen=True)
class Batch:
    """Rows to send, and what to forget once the server has them."""

    rows: list[Row]
    ids: list[int]
    """Of the queue; empty for a part of the past."""


def register(database: Database, name: str) -> None:
    """From now on new readings are queued for the copy; what is already stored is walked through.

    name: the server and bucket. Under another name than before the walk begins anew.
    """
    with database.session() as db:
        db.execute(delete(Replica).where(Replica.name != name))
        if db.get(Replica, name) is None:
            db.add(Replica(name=name, past_series=0, past_ms=0, past_done=False))


def unregister(database: Database) -> None:
    """No server is named any more: stop queueing. Naming one again copies everything anew."""
    with database.session() as db:
        db.execute(delete(Replica))
        db.execute(delete(ReplicaDue))


def take(database: Database) -> Batch | None:
    """The next batch: what is new first, then the past. None when the copy is complete."""
    with database.reading() as db:
        due = db.scalars(select(ReplicaDue).order_by(ReplicaDue.id).limit(BATCH_MESSAGES)).all()
        if due:
            rows = [row for each in due for row in _ROWS.decode(each.points)]
            return Batch(rows, [each.id for each in due])
        replica = db.scalar(select(Replica))
        if replica is None or replica.past_done:
            return None
        place = tuple_(Measured.series, Measured.at_ms)
        past = db.execute(
            select(Measured.series, Measured.at_ms, Measured.value, Measured.quality)
            .where(place > tuple_(replica.past_series, replica.past_ms))
            .order_by(Measured.series, Measured.at_ms)
            .limit(BATCH_PAST)
        )
        return Batch(list(past), [])


def confirm(database: Database, batch: Batch) -> None:
    """The server has the batch: forget it, or move the walk through the past on."""
    with database.session() as db:
        if batch.ids:
            db.execute(delete(ReplicaDue).where(ReplicaDue.id.in_(batch.ids)))
            return
        replica = db.scalar(select(Replica))
        if replica is None:
            return
        if batch.rows:
            replica.past_series, replica.past_ms = batch.rows[-1][:2]
        replica.past_done = len(batch.rows) < BATCH_PAST


def lines_of(database: Database, rows: Sequence[Row]) -> list[str]:
    """Line protocol, one line a reading, times in milliseconds."""
    wanted = {row[0] for row in rows}
    with database.reading() as db:
        found = db.scalars(select(Series).where(Series.id.in_(wanted)))
        heads = {each.id: head_of(each.node, each.service, each.name) for each in found}
    return [
        f"{heads[series]} value={value!r},quality={quality}i {at_ms}"
        for series, at_ms, value, quality in rows
        if series in heads
    ]


def head_of(node: str, service: str, name: str) -> str:
    """Measurement and tags of a series. The contract's names hold no character that would need escaping."""
    measurement, _, sensor = name.partition(".")
    head = f"{measurement},node={node},service={service}"
    return f"{head},sensor={sensor}" if sensor else head


class Sender:
    """One Influx server, by influxdb-client."""

    def __init__(self, setting: Influx) -> None:
        from influxdb_client.client.influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS

        token = Path(setting.token_file).read_text(encoding="utf-8").strip() if setting.token_file else ""
        self._setting = setting
        self._client: Any = InfluxDBClient(
            setting.url, token=token, org=setting.org, timeout=TIMEOUT_MS, enable_gzip=True
        )
        self._write: Any = self._client.write_api(write_options=SYNCHRONOUS)

    def send(self, lines: Sequence[str]) -> None:
        """Returns when the server has confirmed every line it can take. Raises Unsent.

        A line that the server refuses for itself (older than its retention, another type) is found by halving
        and left out with a log line: it must not hold up all the others for ever.
        """
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        if not lines:
            return
        try:
            self._write.write(self._setting.bucket, self._setting.org, "\n".join(lines), write_precision="ms")
        except ApiException as why:
            if why.status in (400, 413, 422):
                self._halve(lines, str(why.reason))
                return
            raise Unsent(f"status {why.status}: {why.reason}", denied=why.status in (401, 403)) from why
        except (HTTPError, OSError) as why:
            raise Unsent(str(why)) from why

    def _halve(self, lines: Sequence[str], reason: str) -> None:
        if len(lines) == 1:
            log.error(
                "the server refuses a reading: %s",
                lines[0],
                extra={"event": "influx-refused", "reason": reason},
            )
            return
        middle = len(lines) // 2
        self.send(lines[:middle])
        self.send(lines[middle:])

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class Copying:
    """Moves readings to the server until stopped, however often it goes away."""

    def __init__(self, database: Database, setting: Influx, session: Session) -> None:
        self._database = database
        self._setting = setting
        self._session = session
        self._sender: Sender | None = None

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Send batch after batch; wait when there is none, wait longer and longer while the server is away."""
        wait_s = 0.0
        backoff_s = BACKOFF_S[0]
        while not _waited(stop, beat, wait_s):
            try:
                wait_s = 0.0 if self._step() else IDLE_S
                backoff_s = BACKOFF_S[0]
                self._session.cleared("influx")
            except Unsent as why:
                self._session.problem("influx", DENIED if why.denied else AWAY)
                log.warning("readings not copied: %s", why, extra={"event": "influx-away"})
                wait_s, backoff_s = backoff_s, min(backoff_s * 2, BACKOFF_S[1])
            except OperationalError as why:
                # The hub's own database is busy or its disk full: the queue stays as it is.
                log.warning("readings not copied: %s", why.orig, extra={"event": "influx-database"})
                wait_s = BACKOFF_S[0]
        if self._sender is not None:
            self._sender.close()

    def _step(self) -> bool:
        """One batch; False when there is nothing to send. Raises Unsent."""
        batch = take(self._database)
        if batch is None:
            return False
        if self._sender is None:
            try:
                self._sender = Sender(self._setting)
            except OSError as why:
                raise Unsent(f"{self._setting.token_file}: {why.strerror}", denied=True) from why
        self._sender.send(lines_of(self._database, batch.rows))
        confirm(self._database, batch)
        return True


def _waited(stop: threading.Event, beat: Beat, seconds: float) -> bool:
    """Wait in short steps with a beat each; True when it is time to stop."""
    left_s = seconds
    while not stop.is_set() and left_s > 0:
        beat()
        stop.wait(min(left_s, 5.0))
        left_s -= 5.0
    beat()
    return stop.is_set()


def workers(database: Database, setting: Influx, session: Session) -> list[Worker]:
    """The copying worker, none when no server is named."""
    if not setting.url:
        unregister(database)
        return []
    register(database, f"{setting.url} {setting.bucket}")
    return [Worker("influx", Copying(database, setting, session).run, patience_s=60.0)]
