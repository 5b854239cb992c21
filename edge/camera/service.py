"""The service `camera`: follows the commune's plan of cameras, runs one thread each, says what they see."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import cv2
import msgspec

from broker.contract import Lane, Message
from broker.contract.camera import CameraState, CameraStatus, Label
from broker.contract.hub import CameraPlan, LiveWanted, PictureWanted, TrustPlan
from broker.link.clock import boot_id
from broker.link.config import Settings
from broker.link.media import MediaClient, MediaStore
from broker.link.plans import KeptPlan, KeptTrust
from broker.link.service import Beat, Worker
from broker.trust.envelope import CameraAddress, CamerasBody, CameraSetup, Refused
from broker.trust.files import write_atomically
from broker.trust.identity import load_root
from broker.trust.reasons import sentence
from broker.trust.seal import SealError, make_seal_key, open_seal, public_of
from edge.camera.camera import Camera
from edge.camera.crew import Body, Crew, Watched
from edge.camera.findings import Desk
from edge.camera.finishing import Finishing
from edge.camera.label import Labeller, LabelWorker
from edge.camera.ledger import Ledger
from edge.camera.live import Door, LiveViews
from edge.camera.recording import Recorder
from edge.camera.reports import Reports, Voice
from edge.camera.searching import Searching
from edge.camera.troubles import Troubles
from edge.camera.uploads import Pusher, Uploads, sweep
from edge.camera.views import Views

log = logging.getLogger(__name__)

NO_CAMERA = "Điểm này không có camera ấy, hoặc chưa nhận được cài đặt của nó."
NO_PLAN = "Chưa nhận được danh sách camera từ trung tâm xã."
CLOSE_S = 0.6
"""The cameras' share of the second in which a service must end."""


class Line(Voice, Protocol):
    """The session as this service uses it."""

    def inbox(self, *types: type[Message], limit: int = 200) -> Any:
        """A queue of these messages."""
        ...

    def has_waiting(self, lane: Lane) -> bool:
        """Whether anything of a durable lane is not yet on the hub's disk."""
        ...


def build(
    settings: Settings, session: Line, client: Pusher | None = None, door: Callable[[], Door] | None = None
) -> list[Worker]:
    """The workers of this service. client, door: what moves clips and live pictures, the device port by default.

    Raises OSError, sqlite3.Error or IdentityError when the data folder or the root key cannot be used. A disk that is
    full is no such thing: alerts go, and what should survive is in memory until there is room.
    """
    cv2.setNumThreads(1)  # each camera has a thread of its own; more would only fight for the cores
    folder = settings.data_dir / "camera"
    ledger = _ledger(folder / "ledger.db")
    store = MediaStore(folder / "clips")
    troubles = Troubles(folder / "troubles.json", boot_id())
    recorder = Recorder(folder / "work")
    labels = _labels(settings, session, lambda *said: reports.labelled(*said))
    reports = Reports(session, ledger, troubles, labels.ask if labels else None)
    _tidy(ledger, store, reports)
    finishing = Finishing(reports, ledger, store, recorder)
    mover = client or MediaClient(settings, session.who, store)
    most_bytes, most_age = settings.camera.waiting_mb << 20, timedelta(days=settings.camera.waiting_days)
    uploads = Uploads(session, ledger, store, mover, finishing.news, most_bytes, most_age)
    desk = Desk(reports, recorder, finishing, Views(folder / "views"))
    watch = _Watch(settings, session, desk, door or (lambda: MediaClient(settings, session.who, store)))
    return [
        Worker("cameras", watch.run),
        Worker("recorder", recorder.run, patience_s=120.0),  # a worn card may sync for half a minute
        Worker("finishing", finishing.run, patience_s=900.0),
        Worker("clips", uploads.run, patience_s=900.0),
        Worker("search", Searching(session, own_seal(folder / "seal.key")).run, patience_s=60.0),
        *([Worker("labels", labels.run)] if labels else []),
    ]


def _ledger(file: Path) -> Ledger:
    try:
        return Ledger(file)
    except (sqlite3.Error, OSError) as why:
        log.error("ledger in memory: %s", why, extra={"event": "disk"})
        return Ledger(file, lasting=False)


def _tidy(ledger: Ledger, store: MediaStore, reports: Reports) -> None:
    """Delete clips that nobody waits for; a ledger in memory does not know which."""
    if not ledger.lasting:
        reports.disk_trouble()
        return
    try:
        swept = sweep(ledger, store)
    except (sqlite3.Error, OSError):
        reports.disk_trouble()
        return
    if swept:
        log.info("%d files nobody waits for", swept, extra={"event": "swept"})


def _labels(
    settings: Settings, session: Line, say: Callable[[str, str, list[Label]], None]
) -> LabelWorker | None:
    """What names what moved, where the settings name a network for it."""
    if not settings.camera.model:
        return None

    def trouble(sentence: str) -> None:
        if sentence:
            session.problem("labels", sentence)
        else:
            session.cleared("labels")

    model = Labeller(Path(settings.camera.model), settings.camera.model_threads)
    return LabelWorker(model, say, trouble)


class _Watch:
    """The worker `cameras`: plans and requests in, threads tended, states and ends of episodes out."""

    def __init__(self, settings: Settings, session: Line, desk: Desk, door: Callable[[], Door]) -> None:
        folder = settings.data_dir / "camera"
        self._session = session
        self._desk, self._reports = desk, desk.reports
        self._node = settings.machine.name
        self._inbox = session.inbox(TrustPlan, CameraPlan, PictureWanted, LiveWanted)
        commune = f"{settings.where.province}/{settings.where.commune}"
        self._trust = KeptTrust(folder / "trust.json", load_root(settings.keys_dir), commune)
        self._plan: KeptPlan[CamerasBody] = KeptPlan(
            folder / "cameras.json", "cameras", CamerasBody, self._trust, self._now()
        )
        self._unheard: CameraPlan | None = None
        self._told = 0
        """Generation of the plan that was last said to be followed."""
        self._secret = own_seal(folder / "seal.key")
        self._seal = public_of(self._secret).decode("ascii")
        self._crew = Crew(self._make, session.clock)
        self._live = LiveViews(session.clock, door, self._crew.show, lambda: session.has_waiting(Lane.ALARM))

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Until stopped. A camera's thread that hangs ends this worker, and so the process. Raises Hung."""
        try:
            self._follow()
            while not stop.is_set():
                beat()
                received = self._inbox.get(0.25)
                if received is not None:
                    self._take(received.message)
                self._crew.tend()
                self._live.tend()
                self._tell()
        finally:
            self._live.close()
            self._crew.close(CLOSE_S)

    def _make(self, watched: Watched, say: Any) -> Body:
        camera = Camera(watched.setup, watched.address, self._desk, say)
        return Body(camera.run, camera.ask, camera.show, camera.hush)

    def _tell(self) -> None:
        """Ends of episodes, and the states of all cameras when one changed."""
        self._reports.standing.retry()
        try:
            self._reports.tell()
        except sqlite3.Error as why:
            log.error("ledger: %s", why, extra={"event": "disk"})
            self._reports.disk_trouble()
        generation = self._plan.generation
        states: list[CameraState] | None = self._crew.take_states(always=generation != self._told)
        if states is not None:
            self._session.send(CameraStatus(cameras=states, seal=self._seal, generation=generation))
            self._told = generation

    def _take(self, plan: TrustPlan | CameraPlan | PictureWanted | LiveWanted) -> None:
        """Believe or refuse what came; a plan that came before its trust list is tried again after it."""
        if isinstance(plan, LiveWanted):
            self._live.want(plan)
            return
        if isinstance(plan, PictureWanted):
            if not self._crew.ask(plan.camera, plan.request):
                taken = self._reports.moment(self._session.clock.monotonic())
                self._reports.picture(plan.request, plan.camera, taken, None, NO_CAMERA)
            return
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
            self._reports.disk_trouble()

    def _follow(self) -> None:
        """Run the cameras of the plan."""
        body = self._plan.body
        if body is None:
            self._session.problem("no-plan", NO_PLAN)
            return
        self._session.cleared("no-plan")
        moment = self._reports.moment(self._session.clock.monotonic())
        self._reports.standing.keep_only({each.camera for each in body.cameras}, moment)
        self._crew.apply(
            [
                Watched(msgspec.structs.replace(each, sealed=b""), address_of(each, self._secret))
                for each in body.cameras
            ]
        )

    def _now(self) -> Any:
        """Time for judging keys; while it is unknown, at least when the newest key of the list was made."""
        clock, trust = self._session.clock, self._trust.body
        if clock.state() == "unknown" and trust is not None:
            return max([clock.now(), *(key.since for key in trust.keys)])
        return clock.now()


def own_seal(file: Path) -> bytes:
    """This service's own sealing key, made at its first start. A file that is no key is replaced: the hub seals anew.

    Raises OSError when it can neither be read nor written.
    """
    try:
        secret = file.read_bytes()
        public_of(secret)
    except (FileNotFoundError, SealError):
        secret, _ = make_seal_key()
        write_atomically(file, secret)
    return secret


def address_of(setup: CameraSetup, secret: bytes) -> CameraAddress:
    """Where a camera's pictures come from. What cannot be opened is an address that nothing answers to."""
    try:
        return msgspec.json.decode(open_seal(secret, setup.sealed), type=CameraAddress)
    except (SealError, msgspec.DecodeError):
        log.warning("address sealed to another key", extra={"event": "seal", "camera": setup.camera})
        return CameraAddress(source="")


def _node_of(plan: CameraPlan) -> str:
    """The node a plan names, before it is believed: another node's plan must not displace ours. Raises Refused."""
    try:
        return msgspec.json.decode(plan.signed.body, type=CamerasBody).node
    except (msgspec.DecodeError, RecursionError) as why:
        raise Refused("malformed", str(why)) from why
