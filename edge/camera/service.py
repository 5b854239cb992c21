"""The service `camera`: follows the commune's plan of cameras, runs one thread each, says what they see."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import Any, Protocol

import cv2
import msgspec

from broker.contract import Message
from broker.contract.camera import CameraState, CameraStatus
from broker.contract.hub import CameraPlan, TrustPlan
from broker.link.config import Settings
from broker.link.media import MediaClient, MediaStore
from broker.link.plans import KeptPlan, KeptTrust
from broker.link.service import Beat, Worker
from broker.trust.envelope import CamerasBody, CameraSetup, Refused
from broker.trust.identity import load_root
from broker.trust.reasons import sentence
from edge.camera.camera import Camera
from edge.camera.crew import Crew, Run
from edge.camera.ledger import Ledger
from edge.camera.reports import DISK, Reports, Voice
from edge.camera.uploads import Pusher, Uploads, sweep

log = logging.getLogger(__name__)

NO_PLAN = "Chưa nhận được danh sách camera từ trung tâm xã."
CLOSE_S = 0.6
"""The cameras' share of the second in which a service must end."""


class Line(Voice, Protocol):
    """The session as this service uses it."""

    def inbox(self, *types: type[Message], limit: int = 200) -> Any:
        """A queue of these messages."""
        ...


def build(settings: Settings, session: Line, client: Pusher | None = None) -> list[Worker]:
    """The workers of this service: `cameras` and `clips`. client: what moves clips, the device port by default.

    Raises OSError, sqlite3.Error or IdentityError when the data folder or the root key cannot be used.
    """
    cv2.setNumThreads(1)  # each camera has a thread of its own; more would only fight for the cores
    folder = settings.data_dir / "camera"
    ledger = Ledger(folder / "ledger.db")
    store = MediaStore(folder / "clips")
    swept = sweep(ledger, store)
    if swept:
        log.info("%d files nobody waits for", swept, extra={"event": "swept"})
    reports = Reports(session, ledger, store, folder / "work")
    mover = client or MediaClient(settings, session.who, store)
    uploads = Uploads(session, ledger, store, mover, reports.news)
    watch = _Watch(settings, session, reports)
    return [Worker("cameras", watch.run), Worker("clips", uploads.run, patience_s=900.0)]


class _Watch:
    """The worker `cameras`: plans in, threads tended, states and ends of episodes out."""

    def __init__(self, settings: Settings, session: Line, reports: Reports) -> None:
        folder = settings.data_dir / "camera"
        self._session = session
        self._reports = reports
        self._node = settings.machine.name
        self._inbox = session.inbox(TrustPlan, CameraPlan)
        commune = f"{settings.where.province}/{settings.where.commune}"
        self._trust = KeptTrust(folder / "trust.json", load_root(settings.keys_dir), commune)
        self._plan: KeptPlan[CamerasBody] = KeptPlan(
            folder / "cameras.json", "cameras", CamerasBody, self._trust, self._now()
        )
        self._unheard: CameraPlan | None = None
        self._crew = Crew(self._make, session.clock)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Until stopped. A camera's thread that hangs ends this worker, and so the process. Raises Hung."""
        try:
            self._reports.resume()
            self._follow()
            while not stop.is_set():
                beat()
                received = self._inbox.get(0.25)
                if received is not None:
                    self._take(received.message)
                self._crew.tend()
                self._tell()
        finally:
            self._crew.close(CLOSE_S)

    def _make(self, setup: CameraSetup, say: Any) -> Run:
        return Camera(setup, self._reports, say).run

    def _tell(self) -> None:
        """Ends of episodes, and the states of all cameras when one changed."""
        try:
            self._reports.tell()
        except sqlite3.Error as why:
            log.error("ledger: %s", why, extra={"event": "disk"})
            self._session.problem("disk", DISK)
        states: list[CameraState] | None = self._crew.take_states()
        if states is not None:
            self._session.send(CameraStatus(cameras=states))

    def _take(self, plan: TrustPlan | CameraPlan) -> None:
        """Believe or refuse what came; a plan that came before its trust list is tried again after it."""
        try:
            if isinstance(plan, TrustPlan):
                self._trust.take(plan)
                unheard, self._unheard = self._unheard, None
                if unheard is None:
                    return
                plan = unheard
            if _node_of(plan) != self._node:
                raise Refused("wrong-node", _node_of(plan))
            if self._trust.body is None:
                self._unheard = plan
            elif self._plan.take(plan.signed, self._now()) is not None:
                self._follow()
            self._session.cleared("plan-refused")
        except Refused as why:
            log.warning("plan refused: %s", why, extra={"event": "plan-refused", "reason": why.code})
            self._session.problem("plan-refused", sentence(why.code))
        except OSError as why:
            log.error("plan not kept: %s", why.strerror, extra={"event": "disk"})
            self._session.problem("disk", DISK)

    def _follow(self) -> None:
        """Run the cameras of the plan."""
        body = self._plan.body
        if body is None:
            self._session.problem("no-plan", NO_PLAN)
            return
        self._session.cleared("no-plan")
        self._crew.apply(body.cameras)

    def _now(self) -> Any:
        """Time for judging keys; while it is unknown, at least when the newest key of the list was made."""
        clock, trust = self._session.clock, self._trust.body
        if clock.state() == "unknown" and trust is not None:
            return max([clock.now(), *(key.since for key in trust.keys)])
        return clock.now()


def _node_of(plan: CameraPlan) -> str:
    """The node a plan names, before it is believed: another node's plan must not displace ours. Raises Refused."""
    try:
        return msgspec.json.decode(plan.signed.body, type=CamerasBody).node
    except (msgspec.DecodeError, RecursionError) as why:
        raise Refused("malformed", str(why)) from why
