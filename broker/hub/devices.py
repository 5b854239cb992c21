"""The device port: media by hash over HTTPS, for services that show a certificate of this commune.

    GET  /media/<sha256>   the bytes, or a part of them (Range)
    HEAD /media/<sha256>   200 when it is here; else 404, and `X-Have` says how much of an upload is
    PUT  /media/<sha256>   the bytes, or the rest of them (Content-Range); 201 whole, 422 wrong hash, 409 elsewhere
    POST /live/<view>      one picture of a live view (X-Age-Ms: how old it is); 204 taken, 410 when it is over or
                           nobody looks. It goes to who looks and is kept nowhere
    POST /certificate      a request for the certificate that follows the one shown; 200 with the chain

Who may GET or PUT comes from the contract (`media=`). Pictures and clips of cameras are never given out here.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask, Response, abort, request, send_file
from sqlalchemy import or_, select

from broker.contract import HUB, MESSAGES, ContractError, Identity, identity_of, spec_of
from broker.contract.hub import LiveWanted
from broker.hub import alerts, live_view
from broker.hub.declined import Declined
from broker.hub.jpeg import is_jpeg
from broker.hub.keys.enrolment import is_revoked, renew
from broker.hub.keys.https import PEER, SERIAL, Listener
from broker.hub.keys.issuing import Issuer
from broker.hub.live_pictures import LARGEST as LARGEST_PICTURE
from broker.hub.live_pictures import MOST_SIDE_PX, LivePictures
from broker.hub.records import Alert, CameraLive, CameraStill, Database, NodeRecord
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.link.media import CHUNK, MediaError, MediaStore
from broker.link.service import Worker
from broker.trust.certificates import LARGEST_REQUEST

log = logging.getLogger(__name__)

LARGEST = 512 * 1024 * 1024
"""Bytes of one file, as contract Media allows."""
RESERVE = 200 * 1024 * 1024
"""Bytes of the hub's disk that uploads leave free."""
THREADS = 16
MOST_STRANGERS = 8
"""Connections of one address that have not shown their certificate yet."""

_SHOWING = frozenset(spec_of(LiveWanted).receivers)
_RANGE = re.compile(r"bytes (\d{1,15})-(-?\d{1,15})/(\d{1,15})", re.ASCII)


def rights() -> dict[str, frozenset[str]]:
    """Service → verbs, from the contract: receivers of `media="get"`, senders of `media="put"`."""
    found: dict[str, set[str]] = {}
    for spec in map(spec_of, MESSAGES):
        for service in spec.receivers if spec.media == "get" else spec.senders if spec.media == "put" else ():
            found.setdefault(service, set()).add(spec.media.upper())
    return {service: frozenset(verbs | {"HEAD"}) for service, verbs in found.items()}


def device_worker(settings: Settings, database: Database, clock: Clock, live: LivePictures) -> Worker:
    """The device port as a worker of `web`. Raises SettingsError when it cannot listen."""
    return listening(settings, database, clock, live)[0]


def listening(settings: Settings, database: Database, clock: Clock, live: LivePictures) -> tuple[Worker, int]:
    """The worker and the port it listens on. Raises SettingsError naming the key or the address."""
    where = settings.device_port
    listener = Listener(
        settings.keys_dir,
        (where.host, where.port),
        create_app(settings, database, MediaStore(settings.data_dir / "media"), clock, live),
        key="device_port.port",
        ask_peer=True,
        threads=THREADS,
        most_body=LARGEST + 1,
        most_knocking=MOST_STRANGERS,
    )
    return Worker("devices", listener.run), listener.port


def create_app(
    settings: Settings, database: Database, store: MediaStore, clock: Clock, live: LivePictures
) -> Flask:
    """The WSGI application; the peer's identity stands in the environment under PEER."""
    app = Flask("langso-devices", static_folder=None)
    allowed = rights()
    busy = _Busy()

    def admit(services: frozenset[str] | None = None) -> Identity:
        """Who asks; with `services` one of these, else by the verbs of the contract."""
        who = _peer()
        if who is None:
            abort(403)
        may = (
            request.method in allowed.get(who.service, frozenset())
            if services is None
            else who.service in services
        )
        if not may:
            abort(403)
        with database.reading() as db:
            node = db.get(NodeRecord, who.node)
            gone = is_revoked(db, request.environ[SERIAL])
        if node is None or node.retired_at is not None or gone:
            abort(403)
        return who

    @app.route("/media/<sha256>", methods=["GET"], provide_automatic_options=False)
    def fetch(sha256: str) -> Response:
        """The bytes, or the range that was asked for; HEAD comes here too."""
        who = admit()
        path = _path_of(store, sha256)
        if request.method == "HEAD" and "PUT" in allowed[who.service]:
            if path is not None:
                _tell(database, clock, sha256)
            return _have(store, sha256, path)
        if path is None or _is_camera_s(database, sha256):
            abort(404)
        return send_file(path, mimetype="application/octet-stream", conditional=True, etag=sha256)

    @app.route("/media/<sha256>", methods=["PUT"], provide_automatic_options=False)
    def bring(sha256: str) -> tuple[str, int]:
        """Bytes of an upload, from where the last one was cut."""
        admit()
        if _path_of(store, sha256) is not None:
            _tell(database, clock, sha256)
            return "", 200
        with busy.alone(sha256):
            if not _receive(store, sha256):
                return "", 202
            try:
                store.finish(sha256)
            except MediaError:
                abort(422)
        _tell(database, clock, sha256)
        return "", 201

    @app.route("/live/<view>", methods=["POST"], provide_automatic_options=False)
    def show(view: str) -> tuple[str, int]:
        """What a camera sees now, for who looks at it."""
        who = admit(_SHOWING)
        jpeg = _picture()
        with database.reading() as db:
            row = db.get(CameraLive, view)
            is_theirs = row is not None and row.node == who.node
            is_over = row is None or not live_view.is_running(row, clock.now())
        if row is not None and not is_theirs:
            abort(403)
        if not is_over and live.put(view, jpeg, request.headers.get("X-Age-Ms", 0, type=int)):
            return "", 204
        live.forget(view)
        if not is_over:
            with database.session() as db:
                live_view.end(db, view, clock.now())
        return "", 410

    @app.route("/certificate", methods=["POST"], provide_automatic_options=False)
    def certificate() -> tuple[str, int]:
        """The certificate that follows the one shown here; the new key's request is the body."""
        who = _peer()
        if who is None:
            abort(403)
        if (request.content_length or 0) > LARGEST_REQUEST:
            abort(413)
        wish = request.get_data().decode("ascii", "replace")
        issuer = Issuer(settings.keys_dir)
        with database.session() as db:
            try:
                return renew(db, issuer, who, request.environ[SERIAL], wish, clock.now()), 200
            except Declined as why:  # and commit: the refusal may stand in the audit log
                log.warning("%s: not renewed: %s", who, why.code, extra={"event": "not-renewed"})
                return str(why), 409 if why.code == "too-early" else 403

    return app


class _Busy:
    """Uploads under way: a second one of the same hash waits for its next try."""

    def __init__(self) -> None:
        self._hashes: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def alone(self, sha256: str) -> Iterator[None]:
        with self._lock:
            if sha256 in self._hashes:
                abort(409)
            self._hashes.add(sha256)
        try:
            yield
        finally:
            with self._lock:
                self._hashes.discard(sha256)


def _peer() -> Identity | None:
    try:
        who = identity_of(request.environ.get(PEER, ""))
    except ContractError:
        return None
    return None if who.node == HUB else who


def _picture() -> bytes:
    """The body, when it is a picture small enough to be one of a live view."""
    if not 0 < (request.content_length or 0) <= LARGEST_PICTURE:
        abort(413)
    jpeg = request.get_data()
    if not is_jpeg(jpeg, MOST_SIDE_PX):
        abort(422)
    return jpeg


def _path_of(store: MediaStore, sha256: str) -> Path | None:
    try:
        return store.path_of(sha256)
    except MediaError:
        abort(404)


def _have(store: MediaStore, sha256: str, path: Path | None) -> Response:
    """What is here of an upload: senders learn where to go on."""
    part = store.part_of(sha256)
    size = path.stat().st_size if path else part.stat().st_size if part.exists() else 0
    return Response(status=200 if path else 404, headers={"X-Have": str(size)})


def _tell(database: Database, clock: Clock, sha256: str) -> None:
    """Let alerts know that their clip is here: also when it came before and the hub was stopped between the two."""
    with database.reading() as db:
        query = select(Alert.id).where(Alert.clip_sha256 == sha256, Alert.has_clip.is_(False))
        waits = db.scalar(query.limit(1)) is not None
    if waits:
        with database.session() as db:
            alerts.clip_arrived(db, sha256, clock.now())


def _is_camera_s(database: Database, sha256: str) -> bool:
    """Pictures and clips go to the console only, where each view is recorded."""
    with database.reading() as db:
        held = (Alert.clip_sha256, Alert.snapshot, Alert.before, Alert.best)
        query = select(Alert.id).where(or_(*(each == sha256 for each in held))).limit(1)
        still = select(CameraStill.request).where(CameraStill.picture == sha256).limit(1)
        return db.scalar(query) is not None or db.scalar(still) is not None


def _receive(store: MediaStore, sha256: str) -> bool:
    """Write the body where it belongs in the part file. True when the file is as long as it is to be."""
    start, total = _wanted_range()
    part = store.part_of(sha256)
    have = part.stat().st_size if part.exists() else 0
    if start > have:
        abort(Response(status=409, headers={"X-Have": str(have)}))
    if shutil.disk_usage(store.root).free - (total - have) < RESERVE:
        abort(507)
    with part.open("r+b" if part.exists() else "wb") as out:
        out.seek(start)
        out.truncate()
        left = total - start
        while left > 0:
            chunk = request.stream.read(min(CHUNK, left))
            if not chunk:
                break
            out.write(chunk)
            left -= len(chunk)
    return left == 0


def _wanted_range() -> tuple[int, int]:
    """Where the body begins in the file, and the length of the whole file."""
    length = request.content_length
    if length is None:
        abort(411)
    header = request.headers.get("Content-Range")
    if header is None:
        start, total = 0, length
    else:
        found = _RANGE.fullmatch(header)
        if found is None:
            abort(400)
        start, last, total = (int(group) for group in found.groups())
        if last + 1 - start != length or last + 1 != total:
            abort(400)
    if total > LARGEST:
        abort(413)
    return start, total
