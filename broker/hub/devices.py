"""The device port: media by hash over HTTPS, for services that show a certificate of this commune.

    GET  /media/<sha256>   the bytes, or a part of them (Range)
    HEAD /media/<sha256>   200 when it is here; else 404, and `X-Have` says how much of an upload is
    PUT  /media/<sha256>   the bytes, or the rest of them (Content-Range); 201 whole, 422 wrong hash, 409 elsewhere

Who may GET or PUT comes from the contract (`media=`). Pictures and clips of cameras are never given out here.
"""

from __future__ import annotations

import logging
import re
import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cheroot.makefile import MakeFile
from cheroot.ssl import Adapter
from cheroot.wsgi import Gateway_10
from cheroot.wsgi import Server as WsgiServer
from flask import Flask, Response, abort, request, send_file
from sqlalchemy import select

from broker.contract import HUB, MESSAGES, ContractError, Identity, identity_of, spec_of
from broker.hub import alerts
from broker.hub.records import Alert, Database, NodeRecord
from broker.link.clock import Clock
from broker.link.config import Settings, SettingsError
from broker.link.media import CHUNK, MediaError, MediaStore
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

LARGEST = 512 * 1024 * 1024
"""Bytes of one file, as contract Media allows."""
RESERVE = 200 * 1024 * 1024
"""Bytes of the hub's disk that uploads leave free."""
SILENT_S = 10
THREADS = 8
PEER = "langso.peer"

_RANGE = re.compile(r"bytes (\d+)-(-?\d+)/(\d+)", re.ASCII)


def rights() -> dict[str, frozenset[str]]:
    """Service → verbs, from the contract: receivers of `media="get"`, senders of `media="put"`."""
    found: dict[str, set[str]] = {}
    for spec in map(spec_of, MESSAGES):
        for service in spec.receivers if spec.media == "get" else spec.senders if spec.media == "put" else ():
            found.setdefault(service, set()).add(spec.media.upper())
    return {service: frozenset(verbs | {"HEAD"}) for service, verbs in found.items()}


def device_worker(settings: Settings, database: Database, clock: Clock) -> Worker:
    """The device port as a worker of `web`. Raises SettingsError when it cannot listen."""
    return listening(settings, database, clock)[0]


def listening(settings: Settings, database: Database, clock: Clock) -> tuple[Worker, int]:
    """The worker and the port it listens on. Raises SettingsError naming the key or the address."""
    where, keys = settings.device_port, settings.keys_dir
    missing = [keys / n for n in ("ca.pem", "device.pem", "device.key") if not (keys / n).is_file()]
    if missing:
        raise SettingsError([f"keys.dir: {each} is missing; `langso provision` makes it" for each in missing])
    app = create_app(database, MediaStore(settings.data_dir / "media"), clock)
    server = _Server((where.host, where.port), app, numthreads=THREADS, max=THREADS, timeout=SILENT_S)
    server.gateway = _PeerGateway
    server.shutdown_timeout = 0.3
    server.max_request_body_size = LARGEST + 1
    try:
        server.ssl_adapter = _Tls(settings.keys_dir)
        server.prepare()
    except (OSError, ssl.SSLError) as why:
        raise SettingsError(
            [f"device_port.port: {where.port} on {where.host} cannot be used: {why}"]
        ) from why

    def run(stop: threading.Event, beat: Beat) -> None:
        serving = threading.Thread(target=server.serve, name="device-port")
        serving.start()
        try:
            while not stop.wait(0.5):
                if not serving.is_alive():
                    raise RuntimeError("the device port stopped serving")
                beat()
        finally:
            server.stop()
            serving.join(0.5)

    return Worker("devices", run), int(server.bind_addr[1])


def create_app(database: Database, store: MediaStore, clock: Clock) -> Flask:
    """The WSGI application; the peer's identity stands in the environment under PEER."""
    app = Flask("langso-devices", static_folder=None)
    allowed = rights()
    busy = _Busy()

    def admit() -> Identity:
        who = _peer()
        if who is None or request.method not in allowed.get(who.service, frozenset()):
            abort(403)
        with database.reading() as db:
            node = db.get(NodeRecord, who.node)
        if node is None or node.retired_at is not None:
            abort(403)
        return who

    @app.route("/media/<sha256>", methods=["GET"], provide_automatic_options=False)
    def fetch(sha256: str) -> Response:
        """The bytes, or the range that was asked for; HEAD comes here too."""
        who = admit()
        path = _path_of(store, sha256)
        if request.method == "HEAD" and "PUT" in allowed[who.service]:
            return _have(store, sha256, path)
        if path is None or _is_camera_s(database, sha256):
            abort(404)
        return send_file(path, mimetype="application/octet-stream", conditional=True, etag=sha256)

    @app.route("/media/<sha256>", methods=["PUT"], provide_automatic_options=False)
    def bring(sha256: str) -> tuple[str, int]:
        """Bytes of an upload, from where the last one was cut."""
        admit()
        if _path_of(store, sha256) is not None:
            return "", 200
        with busy.alone(sha256):
            if not _receive(store, sha256):
                return "", 202
            try:
                store.finish(sha256)
            except MediaError:
                abort(422)
        with database.session() as db:
            alerts.clip_arrived(db, sha256, clock.now())
        return "", 201

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


def _is_camera_s(database: Database, sha256: str) -> bool:
    """Pictures and clips go to the console only, where each view is recorded."""
    with database.reading() as db:
        query = select(Alert.id).where((Alert.clip_sha256 == sha256) | (Alert.snapshot == sha256)).limit(1)
        return db.scalar(query) is not None


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


class _Tls(Adapter):
    """TLS that asks for a certificate of the commune's device CA.

    The handshake happens with the first read, in a worker thread: a peer that connects and says nothing must
    not keep the others from being accepted.
    """

    def __init__(self, keys: Path) -> None:
        super().__init__(str(keys / "device.pem"), str(keys / "device.key"))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.pem"))
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(self.certificate, self.private_key)

    def bind(self, sock: Any) -> Any:
        return sock

    def wrap(self, sock: Any) -> tuple[Any, dict[str, str]]:
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: Any, mode: str = "r", bufsize: int = -1) -> Any:
        return MakeFile(sock, mode, bufsize)


class _PeerGateway(Gateway_10):
    """Adds the common name of the peer's verified certificate."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot's stub says None
        env: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        subject = (self.req.conn.socket.getpeercert() or {}).get("subject", ())
        names = [value for part in subject for key, value in part if key == "commonName"]
        env[PEER] = names[0] if len(names) == 1 else ""
        return env


class _Server(WsgiServer):
    """cheroot's server with this house's log."""

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Handshakes that fail and peers that leave are no trouble of ours: never more than a warning."""
        log.log(
            min(level, logging.WARNING),
            "device port: %s",
            msg,
            extra={"event": "device-port"},
            exc_info=traceback,
        )
