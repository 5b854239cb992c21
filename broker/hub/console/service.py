"""The hub's `web` service: the console on waitress, its live feed, and the device port."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from broker.hub.console.app import create_app
from broker.hub.console.live import Broadcaster
from broker.hub.devices import device_worker
from broker.hub.records import open_database
from broker.link.config import Settings, SettingsError
from broker.link.service import Worker
from broker.link.session import Session

THREADS = 256
"""A live page holds a thread; live.MOST_LISTENERS leaves the rest to ordinary requests."""
CONNECTIONS = 1000


def build(settings: Settings, session: Session) -> list[Worker]:
    """The workers of `web`. Raises SettingsError when the port is taken."""
    database = open_database(settings)
    broadcaster = Broadcaster(database)
    app = create_app(settings, database, session.clock, broadcaster)
    return [
        Worker("live", broadcaster.run),
        serving(app, settings.console.host, settings.console.port)[0],
        device_worker(settings, database, session.clock),
    ]


def serving(app: Flask, host: str, port: int) -> tuple[Worker, int]:
    """A worker that serves `app`, and the port it listens on (useful when `port` was 0).

    Raises SettingsError when the address cannot be had.
    """
    sockets: dict[int, object] = {}
    try:
        server = create_server(
            app,
            map=sockets,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=75,
            cleanup_interval=15,
            max_request_body_size=2 * 1024 * 1024,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
    except OSError as why:
        line = f"console.port: {port} on {host} cannot be used: {why.strerror}; choose a free port"
        raise SettingsError([line]) from why

    def run(stop: threading.Event, beat: Callable[[], None]) -> None:
        try:
            while not stop.is_set():
                wasyncore.loop(timeout=0.2, use_poll=True, map=sockets, count=1)
                beat()
        finally:
            server.task_dispatcher.shutdown(cancel_pending=True, timeout=0.1)
            server.close()

    return Worker("console", run), int(server.effective_port)
