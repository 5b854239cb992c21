"""All boards of this node as others see them: one retained message, told again when a state changes."""

from __future__ import annotations

import threading
from datetime import datetime

import msgspec

from broker.contract.board import BoardState, BoardStatus
from broker.link.session import Session
from firmware_bridge.bus import Board

AGAIN_S = 60.0
"""Counters alone are told no more often than this."""


class Roster:
    """Gathers what the lines' workers say of their boards. Any thread may call."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._boards: dict[str, BoardState] = {}
        self._lock = threading.Lock()
        self._told_s = -AGAIN_S

    def note(self, port: str, boards: list[Board]) -> None:
        """How the boards of one port are now; tells the hub when that is news."""
        now, now_s = self._session.clock.now(), self._session.clock.monotonic()
        with self._lock:
            before = dict(self._boards)
            for board in boards:
                self._boards[board.name] = _state(port, board, before.get(board.name), now)
            news = any(_differs(before.get(name), state) for name, state in self._boards.items())
            counted = self._boards != before and now_s - self._told_s >= AGAIN_S
            if news or counted:
                self._told_s = now_s
                self._session.send(BoardStatus(boards=sorted(self._boards.values(), key=lambda b: b.board)))


def _state(port: str, board: Board, before: BoardState | None, now: datetime) -> BoardState:
    same = before is not None and before.state == board.state
    return BoardState(
        board=board.name,
        port=port,
        state=board.state,
        since=before.since if same and before is not None else now,
        detail=board.detail,
        polls=board.polls,
        errors=board.errors,
    )


def _differs(before: BoardState | None, now: BoardState) -> bool:
    """Is there more to it than counters?"""
    return before is None or msgspec.structs.replace(before, polls=0, errors=0, detail="") != (
        msgspec.structs.replace(now, polls=0, errors=0, detail="")
    )
