"""How any service lives: workers that beat, a watchdog fed by their beats, a stop within a second."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

log = logging.getLogger(__name__)

STOP_S = 0.9
"""From SIGTERM to exit."""

UNREADY_US = 60_000_000
"""So long the supervisor goes on waiting for a service that has its reason not to be ready."""

Beat = Callable[[], None]


@dataclass(frozen=True)
class Worker:
    """One named thread of a service.

    run(stop, beat) loops until `stop` is set and calls `beat` at least every `patience_s` seconds. An
    exception out of it ends the process, which is then started again from outside.
    """

    name: str
    run: Callable[[threading.Event, Beat], None]
    patience_s: float = 20.0
    is_ready: Callable[[], bool] = lambda: True
    """The service calls itself ready only when all its workers are."""


class Lifeline(Protocol):
    """What `run` needs of a session: to begin, to bring its own workers, and to say goodbye."""

    def workers(self) -> list[Worker]:
        """Threads of the connection itself."""
        ...

    def open(self) -> None:
        """Start to connect; returns at once."""
        ...

    def ready(self) -> None:
        """Say that the service works."""
        ...

    def close(self) -> None:
        """Say goodbye and disconnect; returns within 0.4 s."""
        ...


class _Running:
    """A worker's thread and the last sign of its life."""

    def __init__(self, worker: Worker, stop: threading.Event) -> None:
        self.worker = worker
        self.last = time.monotonic()
        self.failed: BaseException | None = None
        self._stop = stop
        self.thread = threading.Thread(target=self._live, name=worker.name, daemon=False)

    def beat(self) -> None:
        self.last = time.monotonic()

    def _live(self) -> None:
        try:
            self.worker.run(self._stop, self.beat)
        except BaseException as why:  # noqa: BLE001  (any failure of a worker ends the process, with its trace)
            self.failed = why

    def trouble(self) -> str:
        """Why the service cannot go on, empty when all is well."""
        if self.failed is not None:
            return f"worker {self.worker.name} failed: {self.failed!r}"
        if not self.thread.is_alive() and not self._stop.is_set():
            return f"worker {self.worker.name} ended"
        if time.monotonic() - self.last > self.worker.patience_s:
            return f"worker {self.worker.name} has not beaten for {self.worker.patience_s:.0f} s"
        return ""


def run(workers: Sequence[Worker], session: Lifeline) -> int:
    """Run a service until SIGTERM, SIGINT or the failure of a worker. Returns the exit status.

    0: stopped as asked. 1: a worker failed or fell silent. 2: a worker did not stop in time.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # What was imported lives as long as the process: looking through it for garbage is a tenth of ingest's time.
    # And a batch of messages is thousands of objects that all go together: no use in looking after each 700.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    running = [_Running(worker, stop) for worker in [*session.workers(), *workers]]
    session.open()
    for each in running:
        each.thread.start()
    is_ready = False
    trouble = ""
    while True:
        if not is_ready and all(each.worker.is_ready() for each in running):
            is_ready = True
            session.ready()
            _notify("READY=1")
        if stop.wait(0.25):
            break
        trouble = next(filter(None, (each.trouble() for each in running)), "")
        if trouble:
            failed = next((each.failed for each in running if each.failed), None)
            log.critical(trouble, extra={"event": "worker-failed"}, exc_info=failed)
            break
        # Who waits for something that makes it ready is alive: the supervisor must not end it for that.
        _notify("WATCHDOG=1" if is_ready else f"EXTEND_TIMEOUT_USEC={UNREADY_US}\nSTATUS=not ready yet")
    stop.set()
    _notify("STOPPING=1")
    status = _leave(running, session)
    return 1 if trouble else status


def _leave(running: list[_Running], session: Lifeline) -> int:
    """Say goodbye and wait for the workers; with a thread that hangs the process ends hard."""
    deadline = time.monotonic() + STOP_S
    session.close()
    for each in running:
        each.thread.join(max(0.0, deadline - time.monotonic()))
    late = [each.worker.name for each in running if each.thread.is_alive()]
    if late:
        log.error("did not stop in time: %s", ", ".join(late), extra={"event": "stop-late"})
        logging.shutdown()
        os._exit(2)
    return 0


def _notify(text: str) -> None:
    """Tell the supervisor (sd_notify(3)); nothing happens where there is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        out.sendto(text.encode(), address)


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, event, node, text, and what `extra` adds. No personal data."""

    KEPT = ("event", "corr_id", "topic", "reason", "count", "source", "occurrence", "camera", "board")

    def __init__(self, identity: str) -> None:
        super().__init__()
        self._identity = identity

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "node": self._identity,
            "where": record.name,
            "text": record.getMessage(),
        }
        line |= {key: getattr(record, key) for key in self.KEPT if hasattr(record, key)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as(identity: str, level: str) -> None:
    """Send all logs of this process to stderr as JSON lines."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines(identity))
    logging.basicConfig(level=level, handlers=[out], force=True)
    for noisy in ("werkzeug", "waitress", "amqtt", "transitions", "urllib3", "libav"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
