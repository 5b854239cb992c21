"""Looks for cameras on the node's network, and asks one for its streams, when the commune wishes it; one at a time."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final, Protocol

import msgspec

from broker.contract import Message
from broker.contract.camera import CamerasFound
from broker.contract.hub import SearchCameras
from broker.link.clock import Clock
from broker.link.outbox import OutboxFull
from broker.link.service import Beat
from broker.trust.envelope import CameraLogin
from broker.trust.seal import SealError, open_seal
from edge.camera import probing
from edge.camera.onvif import streams_of
from edge.camera.soap import SENTENCES, Address, Patience, Unanswered

log = logging.getLogger(__name__)

ASK_S: Final = 15.0
"""All questions to one device together."""
KNOWN_S: Final = 1800.0
"""So long a device that answered may be asked; nothing else ever is."""
NOBODY: Final = (
    "Không có camera nào trả lời. Camera phải bật ONVIF, cắm điện và ở cùng mạng với máy ở điểm; mạng có tường lửa "
    "hoặc VLAN riêng thì gõ địa chỉ bằng tay."
)
FORGOTTEN: Final = "Máy ở điểm không còn nhớ thiết bị này; xin tìm lại."
NO_LOGIN: Final = "Máy ở điểm không mở được tên và mật khẩu vừa gửi; xin thử lại sau một phút."


class Line(Protocol):
    """The session as this worker uses it."""

    @property
    def clock(self) -> Clock:
        """Time as this service sees it."""
        ...

    def inbox(self, *types: type[Message], limit: int = 200) -> Any:
        """A queue of these messages."""
        ...

    def send(self, msg: Any) -> None:
        """Send by the lane of the message."""
        ...


class Searching:
    """The worker `search`: no camera waits for it."""

    def __init__(
        self,
        session: Line,
        secret: bytes,
        group: tuple[str, int] = probing.GROUP,
        listen_s: float = probing.LISTEN_S,
        ask_s: float = ASK_S,
    ) -> None:
        """secret: the service's own sealing key (PEM), to which logins are sealed. group: where devices listen."""
        self._session, self._secret = session, secret
        self._group, self._listen_s, self._ask_s = group, listen_s, ask_s
        self._inbox = session.inbox(SearchCameras, limit=8)
        self._known: dict[str, tuple[Address, float]] = {}
        """Devices that answered, by what the hub calls them, and when."""

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Until stopped."""
        while not stop.is_set():
            beat()
            received = self._inbox.get(0.25)
            if received is None:
                continue
            said = self._answer(received.message, stop)
            if stop.is_set():
                return
            try:
                self._session.send(said)
            except OutboxFull as why:
                log.error("found, and not sent: %s", why, extra={"event": "search-lost"})

    def _answer(self, asked: SearchCameras, stop: threading.Event) -> CamerasFound:
        try:
            if asked.device:
                return self._streams(asked, stop)
            found = probing.search(self._group, self._listen_s, self._session.clock.monotonic, stop)
        except Unanswered as why:
            log.info("search: %s", why.code, extra={"event": "search", "reason": why.code})
            return CamerasFound(request=asked.request, reason=str(why))
        except Exception:  # what a stranger's device sends must not end the process that watches cameras
            log.exception("search failed", extra={"event": "search-failed"})
            return CamerasFound(request=asked.request, reason=SENTENCES["odd"])
        at_s = self._session.clock.monotonic()
        self._known = {name: known for name, known in self._known.items() if at_s - known[1] <= KNOWN_S}
        for each in found:
            address = probing.read_address(each.device, each.address)
            if address is not None:
                self._known[each.device] = address, at_s
        return CamerasFound(request=asked.request, devices=found, reason="" if found else NOBODY)

    def _streams(self, asked: SearchCameras, stop: threading.Event) -> CamerasFound:
        """Raises Unanswered."""
        clock = self._session.clock
        device, at_s = self._known.get(asked.device, (None, 0.0))
        if device is None or clock.monotonic() - at_s > KNOWN_S:
            return CamerasFound(request=asked.request, reason=FORGOTTEN)
        try:
            login = msgspec.json.decode(open_seal(self._secret, asked.sealed or b""), type=CameraLogin)
        except (SealError, msgspec.DecodeError):
            return CamerasFound(request=asked.request, reason=NO_LOGIN)
        patience = Patience(clock.monotonic() + self._ask_s, clock.monotonic, stop)
        found = streams_of(device, login, clock.now(), patience)
        return CamerasFound(request=asked.request, streams=found)
