"""Questions that are asked again and again on one line: whose turn it is, and what is done with an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from broker.link.clock import Clock
from firmware_bridge.asks import KEYS_S, Ask
from firmware_bridge.bus import RETRY_S, Board, exchange, said_of
from firmware_bridge.drivers.modbus import CoilWrite, Master, Refusal, Reply, Request
from firmware_bridge.port import Line

SETTLE_S: Final = 0.03
"""A late answer here is a reading a moment old, and the next one follows at once: no long silence is needed."""

PATIENCE: Final = 10
"""Questions in a row without an answer before a board counts as silent: asked so often, on a noisy line, it may miss
a few."""


def put(
    master: Master, line: Line, request: Request | CoilWrite, timeout_s: float, clock: Clock
) -> Reply | Refusal | None:
    """One question on a line that asks often. Raises PortGone."""
    return exchange(master, line, request, timeout_s, clock, SETTLE_S)


def ask_now(ask: Ask, master: Master, line: Line, clock: Clock) -> None:
    """Ask, and give the answer to who waits for it. Raises PortGone."""
    ask.board.polls += 1
    answer = put(master, line, ask.request, ask.timeout_s, clock)
    now_s = clock.monotonic()
    note(ask.board, answer)
    if isinstance(answer, Reply):
        ask.is_answered = True
        ask.take(answer.values, now_s)
    wait_s = again_s(ask.board, ask.every_s)
    ask.due_s = now_s if ask.is_doubtful and answer is not None else now_s + wait_s


def note(board: Board, answer: Reply | Refusal | None) -> None:
    """How the board took a question."""
    board.errors += not isinstance(answer, Reply)
    board.note(answer is not None, said_of(answer) if isinstance(answer, Refusal) else "")


def again_s(board: Board, every_s: float) -> float:
    """A board that does not answer is asked less often: each question costs the others its time-out."""
    return max(every_s, RETRY_S) if board.missed >= board.patience else every_s


def next_of(groups: Iterable[Sequence[Ask]], now_s: float) -> Ask | None:
    """What is due, the first group first."""
    for asks in groups:
        due = min(asks, key=lambda ask: ask.due_s, default=None)
        if due is not None and due.due_s <= now_s:
            return due
    return None


def wait_s(asks: Iterable[Ask], now_s: float) -> float:
    """Seconds until the next is due."""
    due_s = min((ask.due_s for ask in asks), default=now_s + KEYS_S)
    return max(0.0, due_s - now_s)
