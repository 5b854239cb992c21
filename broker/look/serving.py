"""The web server of a screen: waitress on the caller's thread, and a stop that cannot hurt other files."""

from __future__ import annotations

import copy
import fcntl
import logging
import sys
import termios
import threading
from collections.abc import Callable, Mapping
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer, create_server
from waitress.task import WSGITask

from broker.link.config import SettingsError
from broker.link.service import Beat

log = logging.getLogger(__name__)

LOOP_S = 0.2
LEAVE_S = 0.3
"""What is being answered gets this long to end."""
LARGEST_BODY = 2 * 1024 * 1024
"""Bytes anybody may send; only those of `Web(may_send=…)` reach the disk of this machine with more."""
LARGEST_OF_ALL = 64 * 1024 * 1024
UNSENT = "langso.unsent"
"""In the environment of a request: how many bytes of the answer the visitor's line has not taken yet. A function."""


_BEHIND: Mapping[str, Any] = {
    "trusted_proxy": "*",  # whoever reaches loopback is on this machine
    "trusted_proxy_count": 1,
    "trusted_proxy_headers": {"x-forwarded-for"},
}


class Web:
    """One listening server. `run` is a worker's."""

    def __init__(
        self,
        app: Any,
        host: str,
        port: int,
        *,
        key: str,
        threads: int,
        connections: int = 100,
        is_proxied: bool = False,
        may_send: Callable[[str], bool] | None = None,
    ) -> None:
        """Listens at once; `port` 0 takes a free one. key: the setting that names the port, for the error.

        may_send: looks at a request's Cookie header; whether it may have up to LARGEST_OF_ALL bytes. Asked before
        the first byte of a body over LARGEST_BODY is taken, so that strangers fill no disk.

        is_proxied: a TLS proxy of this machine stands before it, and the last address it noted in
        X-Forwarded-For is the visitor's. Otherwise such headers are thrown away, because anybody can write them.

        Raises SettingsError when the address cannot be had.
        """
        self._sockets: dict[int, Any] = {}
        try:
            self._server = create_server(
                app,
                map=self._sockets,
                host=host,
                port=port,
                threads=threads,
                connection_limit=connections,
                channel_timeout=75,
                cleanup_interval=15,
                max_request_body_size=LARGEST_BODY,
                ident=None,
                clear_untrusted_proxy_headers=True,
                **(_BEHIND if is_proxied else {}),
            )
        except OSError as why:
            line = f"{key}: {port} on {host} cannot be used: {why.strerror}; choose a free port"
            raise SettingsError([line]) from why
        if may_send is not None:
            for each in self._sockets.values():  # one server for every address the host's name has
                if isinstance(each, BaseWSGIServer):
                    each.channel_class = _channel_for(may_send)
        self.port = int(self._server.effective_port)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Answer until `stop`."""
        log.info("listening on port %d", self.port, extra={"event": "listening"})
        try:
            while not stop.is_set():
                beat()
                wasyncore.loop(timeout=LOOP_S, use_poll=True, map=self._sockets, count=1)
        finally:
            self._leave()

    def _leave(self) -> None:
        """Close what visitors hold. The wake-up pipe stays open until the process ends: a request that is still
        being answered writes a byte into it, and were it closed, its number could by then be a database's."""
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=LEAVE_S)
        wasyncore.dispatcher.close(self._server)
        for each in list(self._sockets.values()):
            if each is not self._server.trigger:
                each.close()


class _Task(WSGITask):  # type: ignore[misc]
    """Tells the app how far the visitor is behind: what streams pictures leaves out those that would come late."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        channel = self.channel
        environ[UNSENT] = lambda: channel.total_outbufs_len + _queued(channel.socket)
        return environ


def _queued(sock: Any) -> int:
    """Bytes that the system has taken and the other end has not acknowledged: on a slow line these are many seconds."""
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:  # closed meanwhile
        return 0


def _channel_for(may_send: Callable[[str], bool]) -> type[HTTPChannel]:
    """A channel whose parser lets larger bodies in from whom `may_send` says."""

    class Parser(HTTPRequestParser):  # type: ignore[misc]
        adj: Any

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            if self.content_length >= LARGEST_BODY and may_send(self.headers.get("COOKIE", "")):
                self.adj = copy.copy(self.adj)
                self.adj.max_request_body_size = LARGEST_OF_ALL

    class Channel(HTTPChannel):  # type: ignore[misc]
        parser_class = Parser
        task_class = _Task

    return Channel
