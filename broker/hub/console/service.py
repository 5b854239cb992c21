"""The hub's `web` service: the console on waitress, its live feed, and the device port."""

from __future__ import annotations

from flask import Flask

from broker.hub.console.app import create_app
from broker.hub.console.desk import Desk
from broker.hub.console.live import Broadcaster
from broker.hub.devices import device_worker
from broker.hub.keys.listener import enrolment_worker
from broker.hub.keys.own import own_worker
from broker.hub.records import open_database
from broker.link.config import Settings
from broker.link.service import Worker
from broker.link.session import Session
from broker.look.serving import Web

THREADS = 256
"""A live page holds a thread; live.MOST_LISTENERS leaves the rest to ordinary requests."""
CONNECTIONS = 1000


def build(settings: Settings, session: Session) -> list[Worker]:
    """The workers of `web`. Raises SettingsError when the port is taken."""
    database = open_database(settings)
    broadcaster = Broadcaster(database)
    app = create_app(settings, database, session.clock, broadcaster)
    web = serving(app, settings.console.host, settings.console.port, is_proxied=settings.console.secure)
    return [
        Worker("live", broadcaster.run),
        Worker("console", web.run),
        device_worker(settings, database, session.clock, app.extensions["live-pictures"]),
        enrolment_worker(settings, database, session.clock),
        own_worker(settings, session.clock),
    ]


def serving(app: Flask, host: str, port: int, *, is_proxied: bool = False) -> Web:
    """The console's web server, listening. Raises SettingsError when the address cannot be had."""
    here: Desk = app.extensions["desk"]
    return Web(
        app,
        host,
        port,
        key="console.port",
        threads=THREADS,
        connections=CONNECTIONS,
        is_proxied=is_proxied,
        may_send=here.sessions.is_inside,
    )
