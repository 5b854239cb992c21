"""The hub's own HTTPS listeners: TLS 1.2 or newer, certificates that may change while they run, a quiet log."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection
from cheroot.ssl import Adapter
from cheroot.wsgi import Gateway_10
from cheroot.wsgi import Server as WsgiServer

from broker.hub.keys.knocking import Knocking
from broker.link.config import SettingsError
from broker.link.service import Beat

log = logging.getLogger(__name__)

SILENT_S = 10
PATIENCE_S = 15.0
"""From the connection to the end of the headers, or of the answer where strangers come."""
MOST_HEADERS = 16 * 1024
"""Bytes; cheroot's own limit is none."""
PEER = "langso.peer"
"""In the environment of a request: the common name of the peer's certificate, empty without one."""
SERIAL = "langso.serial"
"""Its serial number in hexadecimal."""


class Listener:
    """One listener with the certificate `device` of the hub's folder of keys."""

    def __init__(
        self,
        keys: Path,
        where: tuple[str, int],
        app: Callable[..., Any],
        *,
        key: str,
        ask_peer: bool,
        threads: int,
        most_body: int,
        most_knocking: int,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Listens at once. key: the setting that names the port. ask_peer: only for certificates of this commune.

        most_knocking: connections of one address that have not shown a certificate and whole headers yet; where
        nobody shows a certificate, all of its connections, one request each.
        Raises SettingsError naming the missing file or the address that cannot be used.
        """
        names = ("ca.pem", "device.pem", "device.key")
        missing = [keys / name for name in names if not (keys / name).is_file()]
        if missing:
            raise SettingsError(
                [f"keys.dir: {each} is missing; `langso provision` makes it" for each in missing]
            )
        self._name = key
        self._server = _Server(where, app, numthreads=threads, max=threads, timeout=SILENT_S)
        self._server.gateway = _PeerGateway
        self._server.shutdown_timeout = 0.3
        self._server.max_request_body_size = most_body
        self._server.max_request_header_size = MOST_HEADERS
        self._server.ConnectionClass = _Connection
        self._server.admit(Knocking(most_knocking, patience_s), until_answered=not ask_peer)
        try:
            self._tls = _Tls(keys, ask_peer=ask_peer)
            self._server.ssl_adapter = self._tls
            self._server.prepare()
        except (OSError, ssl.SSLError) as why:
            raise SettingsError([f"{key}: {where[1]} on {where[0]} cannot be used: {why}"]) from why

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.bind_addr[1])

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Serve until `stop`; a renewed certificate is shown to whoever comes next."""
        serving = threading.Thread(target=self._server.serve, name=self._name)
        serving.start()
        try:
            while not stop.wait(0.5):
                if not serving.is_alive():
                    raise RuntimeError(f"{self._name} stopped serving")
                self._tls.follow()
                self._server.end_overdue()
                beat()
        finally:
            self._server.stop()
            serving.join(0.5)


class _Tls(Adapter):
    """TLS with the hub's certificate; `ask_peer`: only for those who show one of this commune's.

    The handshake happens with the first read, in a worker thread: a peer that connects and says nothing must
    not keep the others from being accepted.
    """

    def __init__(self, keys: Path, *, ask_peer: bool) -> None:
        super().__init__(str(keys / "device.pem"), str(keys / "device.key"))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.pem"))
        self.context.verify_mode = ssl.CERT_REQUIRED if ask_peer else ssl.CERT_NONE
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._loaded = -1
        self.follow()

    def follow(self) -> None:
        """Load the certificate if its file has changed. Raises OSError at the first time only."""
        is_first = self._loaded == -1
        try:
            changed = Path(self.certificate).stat().st_mtime_ns
            if changed != self._loaded:
                self.context.load_cert_chain(self.certificate, self.private_key)
                self._loaded = changed
        except OSError as why:  # in the middle of a swap key and certificate may differ for a moment
            if is_first:
                raise
            log.warning("certificate: %s", why, extra={"event": "certificate-unread"})

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
    """Adds the common name and the serial number of the peer's verified certificate."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot's stub says None
        self.req.server.headers_read(self.req.conn)
        env: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        shown = self.req.conn.socket.getpeercert() or {}
        names = [value for part in shown.get("subject", ()) for key, value in part if key == "commonName"]
        env[PEER] = names[0] if len(names) == 1 else ""
        env[SERIAL] = f"{int(shown.get('serialNumber', '0'), 16):x}"
        return env


class _Connection(HTTPConnection):
    """Tells the server of its end."""

    has_begun = False

    def close(self) -> None:
        """The end, also in the count of those who knock."""
        self.server.knocking.ends(self)
        super().close()


class _Server(WsgiServer):
    """cheroot's server with this house's log, and few strangers at a time."""

    def admit(self, knocking: Knocking[HTTPConnection], *, until_answered: bool) -> None:
        """How many connections of strangers. until_answered: a connection counts to its end, after one answer."""
        self.knocking = knocking
        self._until_answered = until_answered
        self.process_conn = self._knock  # type: ignore[method-assign]  # cheroot's name for it
        if until_answered:
            self.keep_alive_conn_limit = 0

    def _knock(self, conn: Any) -> None:
        """A connection has something to say, for the first time or again: before a thread is given to it."""
        if not conn.has_begun:
            conn.has_begun = True
            if not self.knocking.begins(conn, conn.remote_addr or "", time.monotonic()):
                conn.close()
                return
        WsgiServer.process_conn(self, conn)

    def headers_read(self, conn: Any) -> None:
        """Its certificate was checked and its headers are here."""
        if not self._until_answered:
            self.knocking.ends(conn)

    def end_overdue(self) -> None:
        """Hang up on those who take too long, in the middle of whatever a thread waits for."""
        for conn in self.knocking.overdue(time.monotonic()):
            with suppress(OSError):  # the plain socket's way: the TLS layer belongs to the thread that reads
                socket.socket.shutdown(conn.socket, socket.SHUT_RDWR)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Handshakes that fail and peers that leave are no trouble of ours: never more than a warning."""
        log.log(
            min(level, logging.WARNING), "listener: %s", msg, extra={"event": "listener"}, exc_info=traceback
        )
