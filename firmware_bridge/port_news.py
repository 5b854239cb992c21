"""How a serial line and its boards are, told to the hub and in this service's own state when it changes."""

from __future__ import annotations

import logging

from broker.link.session import Session
from firmware_bridge.bus import Board
from firmware_bridge.port import PortGone, WhyGone
from firmware_bridge.roster import Roster

log = logging.getLogger(__name__)

SENTENCES: dict[WhyGone, str] = {
    "missing": "Không thấy cổng {port}. Kiểm tra dây nối bo mạch; cắm lại là máy tự nhận.",
    "unplugged": "Cổng {port} vừa bị rút. Cắm lại dây bo mạch là máy tự nhận.",
    "busy": "Cổng {port} đang bị chương trình khác giữ. Đóng chương trình đó, máy sẽ tự nối lại.",
    "denied": "Chưa có quyền mở cổng {port}. Thêm người dùng của dịch vụ vào nhóm dialout.",
}
SILENT = "Bo mạch {board} ở cổng {port} không trả lời. Kiểm tra nguồn điện và dây tín hiệu của bo mạch."


class PortNews:
    """What has been said of one line and its boards, so that only news is said."""

    def __init__(self, port: str, boards: list[Board], session: Session, roster: Roster) -> None:
        self._port = port
        self._boards = boards
        self._session = session
        self._roster = roster
        self._code = f"port-{port.rsplit('/', 1)[-1]}"
        self._silent: set[str] = set()
        self._gone: WhyGone | None = None

    def opened(self) -> None:
        """The line is open."""
        self._session.cleared(self._code)
        self._gone = None
        log.info("port open", extra={"event": "port-open", "source": self._port})

    def lost(self, gone: PortGone) -> None:
        """The line cannot be used."""
        for board in self._boards:
            board.state, board.detail = "no-port", gone.why
        for name in self._silent:
            self._session.cleared(f"silent-{name}")
        self._silent.clear()
        self._session.problem(self._code, SENTENCES[gone.why].format(port=self._port))
        self._roster.note(self._port, self._boards)
        if gone.why != self._gone:
            self._gone = gone.why
            extra = {"event": "port-gone", "reason": gone.why, "source": self._port}
            log.warning(str(gone), extra=extra)

    def tell(self) -> None:
        """Let the hub and this service's own state say how the boards are."""
        for board in self._boards:
            code = f"silent-{board.name}"
            if board.state == "silent" and board.name not in self._silent:
                self._silent.add(board.name)
                self._session.problem(code, SILENT.format(board=board.name, port=self._port))
            elif board.state == "live" and board.name in self._silent:
                self._silent.discard(board.name)
                self._session.cleared(code)
        self._roster.note(self._port, self._boards)
