"""The worker that copies readings to an Influx server, however often one of the two goes away."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Sequence

from broker.hub.quarantine import quarantine
from broker.hub.records import REFUSALS, Database
from broker.hub.telemetry.influx import Refused, Server, Trouble, Unsent
from broker.hub.telemetry.replica import Trail, lines_of, register, unregister
from broker.link.config import Influx
from broker.link.service import Beat, Worker
from broker.link.session import Session

log = logging.getLogger(__name__)

IDLE_S = 1.0
HELD_S = 30.0
"""What was sent is kept this long: VictoriaMetrics 1.79 killed 8 s after its word had lost points, after 12 s none;
InfluxDB writes them first."""
BACKOFF_S = (1.0, 60.0)

SOURCE = "influx"
"""Under this name lines that the server refused stand in the quarantine."""

SENTENCES: dict[Trouble, str] = {
    "away": "Chưa chép được số đo sang máy chủ Influx. Số đo vẫn được giữ đủ ở đây và tự chép tiếp khi máy chủ "
    "trở lại.",
    "denied": "Máy chủ Influx không nhận mã truy cập. Kiểm tra tệp ghi ở influx.token_file; số đo vẫn được giữ "
    "đủ ở đây.",
    "no-bucket": "Máy chủ Influx không có nơi chứa ghi ở influx.bucket. Tạo nơi chứa ấy; số đo vẫn được giữ đủ "
    "ở đây.",
}


class Copying:
    """Moves readings to the server until stopped."""

    def __init__(
        self, database: Database, setting: Influx, session: Session, *, held_s: float = HELD_S
    ) -> None:
        self._database = database
        self._setting = setting
        self._session = session
        self._clock = session.clock
        self._trail = Trail(database, held_s)
        self._settle_every_s = held_s / 4
        self._settled_s = self._clock.monotonic()
        self._server: Server | None = None

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Send batch after batch; wait when there is none, wait longer and longer while the server is away."""
        wait_s = 0.0
        backoff_s = BACKOFF_S[0]
        while not _waited(stop, beat, wait_s):
            try:
                wait_s = 0.0 if self._step(beat) else IDLE_S
                backoff_s = BACKOFF_S[0]
                self._session.cleared("influx")
            except Unsent as why:
                self._session.problem("influx", SENTENCES[why.trouble])
                log.warning("readings not copied: %s", why, extra={"event": "influx-away"})
                self._forget_server()
                wait_s = backoff_s * random.uniform(0.5, 1.0)  # noqa: S311  (spreads retries, guards nothing)
                backoff_s = min(backoff_s * 2, BACKOFF_S[1])
            except REFUSALS as why:
                # The hub's own database is busy or its disk full: the queue stays as it is.
                log.warning("readings not copied: %s", why.orig, extra={"event": "influx-database"})
                wait_s = BACKOFF_S[0]
        self._forget_server()

    def _step(self, beat: Beat) -> bool:
        """One batch; False when there is nothing to send. Raises Unsent."""
        server = self._met()
        if self._clock.monotonic() - self._settled_s >= self._settle_every_s:
            self._settled_s = self._clock.monotonic()
            if server.may_have_restarted():
                self._trail.rewind()
            else:
                self._trail.settle(self._clock.monotonic())
        batch = self._trail.take()
        if batch is None:
            return False
        refused = self._send(server, lines_of(self._database, batch.rows), beat)
        if refused:
            self._keep(refused)
        self._trail.sent(batch, self._clock.monotonic())
        return True

    def _met(self) -> Server:
        if self._server is None:
            try:
                self._server = Server(self._setting)
            except OSError as why:
                raise Unsent(f"{self._setting.token_file}: {why.strerror}", "denied") from why
        return self._server

    def _forget_server(self) -> None:
        """After an outage it may be another one, or may have lost the last seconds."""
        if self._server is not None:
            self._server.close()
        self._server = None
        self._trail.rewind()

    def _send(self, server: Server, lines: Sequence[str], beat: Beat) -> list[tuple[str, str]]:
        """Send every line the server can take; the others with its reason. Raises Unsent.

        A line that it refuses for itself (older than its retention, another type) is found by halving and left
        out: it must not hold up all the others for ever.
        """
        beat()
        try:
            server.write(lines)
        except Refused as why:
            if why.every:
                return [(line, str(why)) for line in lines]
            middle = len(lines) // 2
            return [*self._send(server, lines[:middle], beat), *self._send(server, lines[middle:], beat)]
        return []

    def _keep(self, refused: Sequence[tuple[str, str]]) -> None:
        """Count refused lines by reason, where people see them."""
        newest = {reason: line for line, reason in refused}
        with self._database.session() as db:
            for reason, count in Counter(reason for _, reason in refused).items():
                sample = newest[reason].encode()
                quarantine(db, SOURCE, reason, SOURCE, sample, self._clock.now(), count)
        for reason in newest:
            extra = {"event": "influx-refused", "reason": reason, "count": len(refused)}
            log.error("the server refuses readings: %s", reason, extra=extra)


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
