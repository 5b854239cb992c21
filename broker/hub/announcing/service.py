"""The hub's `announce` service: makes the sound of what is submitted and tells the nodes what to play."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection

from broker.hub import retention, shifts, unused
from broker.hub.announcing.heads import Watch
from broker.hub.announcing.plans import Signer
from broker.hub.announcing.render import Renderer, media_store, render_next, render_template_next
from broker.hub.announcing.send import Sender
from broker.hub.announcing.time_told import Telling
from broker.hub.calling import Calling
from broker.hub.cap.poller import Poller
from broker.hub.keys import keeper as keeping
from broker.hub.keys.keeper import Keeper
from broker.hub.posting import Posting
from broker.hub.records import REFUSALS, Database, open_database
from broker.link.clock import Clock
from broker.link.config import Settings, SettingsError
from broker.link.media import MediaStore
from broker.link.service import Beat, Worker
from broker.link.session import Session
from broker.trust.identity import load_hub_signer
from broker.trust.keys import IdentityError

log = logging.getLogger(__name__)

RENDER_POLL_S = 0.5
PUT_AWAY_EVERY_S = 24 * 3600.0
RENDER_PATIENCE_S = 300.0
"""An online engine may be slow with a long text."""
AUDIT_PATIENCE_S = 300.0
"""Looking through years of the audit log takes a while on a small computer."""


def build(settings: Settings, session: Session) -> list[Worker]:
    """The workers of `announce`. Raises SettingsError without the hub's signing key, DatabaseError.

    They work from the start, so that an emergency is spoken whatever the broker is like: all of it is signed. But
    announce calls itself ready only when the canary came back from the broker.
    """
    try:
        signer = Signer(*load_hub_signer(settings.keys_dir))
    except IdentityError as why:
        raise SettingsError([f"keys.dir: {why}"]) from why
    database = open_database(settings)
    sender = Sender(database, session, signer, media_store(settings))
    keeper = Keeper(settings, database, session)
    return [
        Worker("plans", sender.run, patience_s=60.0),
        Telling(session).worker(),
        *rendering(database, Renderer(settings), session.clock),
        putting_away(database, media_store(settings), session.clock),
        retention.worker(database, media_store(settings), session.clock, settings.camera.clips_gb),
        shifts.worker(database, session.clock),
        Worker("broker", keeper.run, patience_s=keeping.PATIENCE_S, is_ready=lambda: keeper.is_clear),
        Posting(database, session.clock, settings.place.commune_name).worker(),
        Calling(database, session.clock, settings.place.commune_name, settings.console_address).worker(),
        Poller(database, settings.place, session.clock).worker(),
        Worker("audit", Watch(database, session).run, patience_s=AUDIT_PATIENCE_S),
    ]


def putting_away(database: Database, store: MediaStore, clock: Clock) -> Worker:
    """The worker that deletes recordings nobody used, once a day."""

    def run(stop: threading.Event, beat: Beat) -> None:
        next_s = 0.0
        while not stop.is_set():
            beat()
            if clock.monotonic() >= next_s:
                next_s = clock.monotonic() + PUT_AWAY_EVERY_S
                try:
                    with database.session() as db:
                        unused.put_away(db, store, clock.now())
                except (*REFUSALS, OSError) as why:
                    log.error("unused recordings: %s", why, extra={"event": "put-away-failed"})
            stop.wait(1.0)

    return Worker("unused", run, patience_s=60.0)


def rendering(database: Database, renderer: Renderer, clock: Clock) -> list[Worker]:
    """The workers that give announcements and templates their sound: no long reading stands before an emergency."""

    def renders(name: str, kinds: Collection[str]) -> Worker:
        def run(stop: threading.Event, beat: Beat) -> None:
            while not stop.is_set():
                beat()
                try:
                    is_done = render_next(database, renderer, clock, kinds)
                    if not is_done and "emergency" not in kinds:
                        is_done = render_template_next(database, renderer, clock)
                except REFUSALS as why:
                    log.error("rendering: %s", why, extra={"event": "render-failed"})
                    is_done = False
                if not is_done:
                    stop.wait(RENDER_POLL_S)

        return Worker(name, run, patience_s=RENDER_PATIENCE_S)

    return [renders("render", ("routine", "priority")), renders("render-emergency", ("emergency",))]
