"""Services of one node talk with the network cut: one Unix socket each, the peer's user checked."""

from __future__ import annotations

import errno
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from broker.contract import ContractError, Place, Received, read
from broker.contract.message import LARGE
from broker.link.service import Beat

log = logging.getLogger(__name__)

_CREDENTIALS = struct.Struct("3i")
_WAIT_S = 0.25


def meeting_place(run_dir: Path, spool: Path | None) -> Path:
    """The run folder; where that takes nothing, the spool of a service that must run all the same: it meets nobody."""
    return run_dir if spool is None or os.access(run_dir, os.W_OK) else spool


class Nearby:
    """The socket of one service and the way to its neighbours' sockets."""

    def __init__(self, folder: Path, service: str, place: Place, node: str) -> None:
        """folder: run folder of the machine, shared by its services."""
        self._folder = folder
        self._own = folder / f"{service}.sock"
        self._place = place
        self._node = node
        self._door: socket.socket | None = None

    def open(self) -> None:
        """Start to listen. Raises OSError when the folder cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own.unlink(missing_ok=True)
        door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        door.bind(str(self._own))
        self._own.chmod(0o660)
        door.listen(16)
        door.settimeout(_WAIT_S)
        self._door = door

    def send(self, service: str, topic: str, frame: bytes) -> bool:
        """Hand a frame to a neighbour; False when it is not there, which is no error."""
        out = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with out, suppress(OSError):
            out.settimeout(_WAIT_S)
            out.connect(str(self._folder / f"{service}.sock"))
            out.send(topic.encode() + b"\0" + frame)
            return True
        return False

    def tell(self, services: Iterable[str], topic: str, frame: bytes) -> None:
        """Hand a frame to each neighbour that is there."""
        for service in services:
            self.send(service, topic, frame)

    def listen(self, hear: Callable[[Received], None], stop: threading.Event, beat: Beat) -> None:
        """Receive until `stop`. What is malformed or from another user is counted in the log and dropped."""
        if self._door is None:
            raise RuntimeError("open() comes before listen()")
        try:
            while not stop.is_set():
                beat()
                try:
                    peer, _ = self._door.accept()
                except TimeoutError:
                    continue
                with peer:
                    self._take(peer, hear)
        finally:
            self._door.close()
            self._own.unlink(missing_ok=True)

    def _take(self, peer: socket.socket, hear: Callable[[Received], None]) -> None:
        peer.settimeout(_WAIT_S)
        try:
            _, user, _ = _CREDENTIALS.unpack(
                peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            )
            if user not in (os.getuid(), 0):
                raise ContractError(f"user {user} is not one of this node's services")
            packet = peer.recv(LARGE + 256)
            topic, _, frame = packet.partition(b"\0")
            received = read(self._place, topic.decode("ascii", "replace"), frame, nearby=True)
            if received.who.node != self._node or not received.spec.nearby:
                raise ContractError(f"{topic!r} does not travel nearby")
        except (ContractError, OSError) as why:
            if isinstance(why, OSError) and why.errno == errno.EBADF:
                raise
            log.warning("nearby packet refused: %s", why, extra={"event": "nearby-refused"})
            return
        hear(received)
