"""Where a new node knocks: an HTTPS listener that gives out the root certificate and takes codes.

    GET  /root    the root certificate in PEM; the node compares its fingerprint with the pin before it says more
    POST /enrol   enrolment.Ask in JSON; 200 with enrolment.Welcome, else {"code", "text"}, one Vietnamese sentence

Codes are short, so each address may knock a few times a minute only, and each code counts its own wrong tries.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

import msgspec
from flask import Flask, Response, request

from broker.hub.bucket import Bucket
from broker.hub.declined import Declined
from broker.hub.keys.enrolment import Tries, admit, weigh
from broker.hub.keys.https import Listener
from broker.hub.keys.issuing import Issuer
from broker.hub.keys.knocking import network_of
from broker.hub.records import REFUSALS, Database
from broker.link.clock import Clock
from broker.link.config import Settings, SettingsError
from broker.link.service import Worker
from broker.trust.enrolment import Ask, Welcome
from broker.trust.keys import IdentityError, read_file

log = logging.getLogger(__name__)

LARGEST = 64 * 1024
THREADS = 8
MOST_OF_ONE = 2
"""Connections of one address at a time."""
KNOCKS = 30
"""How often an address may knock at once; then one knock each two seconds."""
KNOCKS_PER_S = 0.5
REMEMBERED = 4096
"""Addresses that are counted at a time; the one that was away longest is forgotten."""


def enrolment_worker(settings: Settings, database: Database, clock: Clock) -> Worker:
    """The listener as a worker of `web`. Raises SettingsError when it cannot listen or there is no issuing key."""
    return listening(settings, database, clock)[0]


def listening(
    settings: Settings, database: Database, clock: Clock, knocks: int = KNOCKS
) -> tuple[Worker, int]:
    """The worker and the port it listens on. Raises SettingsError."""
    try:
        Issuer(settings.keys_dir)
    except IdentityError as why:
        raise SettingsError([f"keys.dir: {why}"]) from why
    where = settings.enrolment
    listener = Listener(
        settings.keys_dir,
        (where.host, where.port),
        create_app(settings, database, clock, knocks),
        key="enrolment.port",
        ask_peer=False,
        threads=THREADS,
        most_body=LARGEST,
        most_knocking=MOST_OF_ONE,
    )
    return Worker("enrolment", listener.run), listener.port


def create_app(settings: Settings, database: Database, clock: Clock, knocks: int = KNOCKS) -> Flask:
    """The WSGI application. knocks: how often an address may knock at once."""
    app = Flask("langso-enrolment", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    pace = _Pace(clock, knocks)
    tries = Tries()

    @app.before_request
    def slow_down() -> Response | None:
        """Too many knocks from one address: not even looked at."""
        if pace.admits(request.remote_addr or ""):
            return None
        return _say(429, "too-often", "Máy này hỏi quá nhiều lần. Xin chờ một phút rồi thử lại.")

    @app.route("/root", methods=["GET"], provide_automatic_options=False)
    def root() -> Response:
        """The anchor, to be compared with the pin."""
        return Response(read_file(settings.keys_dir / "ca.pem"), mimetype="application/x-pem-file")

    @app.route("/enrol", methods=["POST"], provide_automatic_options=False)
    def enrol() -> Response:
        """A code and requests for certificates."""
        try:
            ask = msgspec.json.decode(request.get_data(), type=Ask)
        except (msgspec.DecodeError, RecursionError):
            return _say(
                400, "bad-request", "Trung tâm không hiểu yêu cầu; có thể máy chạy bản khác, xin cập nhật."
            )
        try:
            answer = _admit(settings, database, ask, clock, tries, network_of(request.remote_addr or ""))
        except (IdentityError, *REFUSALS) as why:
            log.error("enrolment: %s", why, extra={"event": "enrolment-failed"})
            return _say(503, "not-now", "Trung tâm đang bận hoặc gặp trục trặc. Xin thử lại sau một phút.")
        if isinstance(answer, Declined):
            log.warning(
                "not enrolled: %s", answer.code, extra={"event": "not-enrolled", "reason": answer.code}
            )
            return _say(403, answer.code, str(answer))
        log.info("%s enrolled", answer.node, extra={"event": "enrolled"})
        return Response(msgspec.json.encode(answer), mimetype="application/json")

    return app


def _admit(
    settings: Settings, database: Database, ask: Ask, clock: Clock, tries: Tries, address: str
) -> Welcome | Declined:
    issuer = Issuer(settings.keys_dir)  # read anew: a new issuing key counts from the next node on
    weighed = weigh(ask)  # before the transaction: it takes long, and nobody writes meanwhile
    with database.session() as db:
        try:
            return admit(
                db, settings, issuer, ask, clock.now(), weighed=weighed, tries=tries, address=address
            )
        except Declined as why:
            return why  # and commit: the wrong try was counted


def _say(status: int, code: str, text: str) -> Response:
    return Response(msgspec.json.encode({"code": code, "text": text}), status, mimetype="application/json")


class _Pace:
    """How often each address knocked of late. Threads share it."""

    def __init__(self, clock: Clock, knocks: int) -> None:
        self._clock = clock
        self._knocks = knocks
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def admits(self, address: str) -> bool:
        """Whether this address may knock now."""
        now_s = self._clock.monotonic()
        with self._lock:
            bucket = self._buckets.setdefault(
                network_of(address), Bucket(KNOCKS_PER_S, self._knocks, at_s=now_s)
            )
            self._buckets.move_to_end(network_of(address))
            while len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
            return bucket.take(now_s) == 1
