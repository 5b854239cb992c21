"""The boards on one serial line, asked in turn: who is due, who answered, what it said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from broker.contract.board import Reading
from broker.link.clock import Clock
from firmware_bridge.drivers.modbus import CoilWrite, Master, Refusal, Reply, Request
from firmware_bridge.mapping import Channel
from firmware_bridge.port import Line
from firmware_bridge.profile import Profile, requests

MISSES = 3
"""So many polls in a row without an answer, and a sensor's board counts as silent."""

RETRY_S = 1.0
"""A board that has just missed is asked again so soon, to tell a lost frame from a dead board; and not sooner,
so that a reply that comes late cannot answer the next request of the same shape."""

MOST_UNASKED = 64
"""Reads of unasked bytes before a request; a line that never falls silent must not hold up the others."""

SETTLE_S = 0.3
"""After a missed answer the line must be quiet for so long: a late reply must not answer the next request."""


@dataclass
class Board:
    """One board on the line and how it is doing."""

    name: str
    asks: list[tuple[Request, tuple[Channel, ...]]]
    poll_s: float
    timeout_s: float
    patience: int = MISSES
    """So many questions in a row without an answer, and it is silent."""
    due_s: float = 0.0
    polls: int = 0
    errors: int = 0
    missed: int = 0
    """Polls in a row without an answer."""
    state: Literal["live", "silent", "no-port"] = "no-port"
    detail: str = ""
    refused: Counter[str] = field(default_factory=Counter)

    def note(self, heard: bool, refusal: str = "") -> None:
        """It has just been asked. refusal: how it refused, empty when it did not."""
        if heard:
            self.missed = 0
            self.state = "live"
            refused = ", ".join(f"{why} {count}" for why, count in sorted(self.refused.items()))
            self.detail = refusal or (f"refused values: {refused}" if refused else "")
            return
        self.missed += 1
        if self.missed >= self.patience:
            self.state, self.detail = "silent", f"no answer to {self.missed} polls"


def board_of(name: str, unit: int, profile: Profile, datum_m: float) -> Board:
    """A board as the settings and its model's profile describe it."""
    asks = [
        (request, tuple(Channel(quantity, name, datum_m) for quantity in group))
        for request, group in requests(profile, unit)
    ]
    return Board(name, asks, profile.poll_s, profile.timeout_s)


def exchange(
    master: Master,
    line: Line,
    request: Request | CoilWrite,
    timeout_s: float,
    clock: Clock,
    settle_s: float = SETTLE_S,
) -> Reply | Refusal | None:
    """One request and its answer; None when none came in time. Raises PortGone."""
    for _ in range(MOST_UNASKED):
        if not line.read(0):
            break  # what came unasked answers nothing
    line.write(master.ask(request))
    deadline_s = clock.monotonic() + timeout_s
    while (left_s := deadline_s - clock.monotonic()) > 0:
        events = master.feed(line.read(left_s))
        if events:
            return events[0]
    master.give_up()
    until_s = clock.monotonic() + 2 * settle_s
    while clock.monotonic() < until_s and line.read(settle_s):
        pass
    return None


def said_of(refusal: Refusal) -> str:
    """A refusal in words for operators."""
    return f"exception {refusal.code} ({refusal.meaning}) to function {refusal.request.function}"


class Bus:
    """Asks the boards of one open line; half duplex, one request at a time."""

    def __init__(self, boards: list[Board], clock: Clock) -> None:
        self.boards = boards
        self.master = Master()
        self._clock = clock

    def wait_s(self) -> float:
        """Seconds until the next board is due; 0 when one is."""
        return max(0.0, min(board.due_s for board in self.boards) - self._clock.monotonic())

    def start(self) -> None:
        """The line has just been opened: everybody is due at once."""
        for board in self.boards:
            board.due_s, board.missed = self._clock.monotonic(), 0

    def poll(self, line: Line, beat: Callable[[], None]) -> list[Reading]:
        """Ask whoever is due. Raises PortGone."""
        readings: list[Reading] = []
        for board in self.boards:
            if board.due_s <= self._clock.monotonic():
                readings += self._ask(board, line)
                beat()
        return readings

    def _ask(self, board: Board, line: Line) -> list[Reading]:
        started_s = self._clock.monotonic()
        readings: list[Reading] = []
        heard, refusal = True, ""
        for request, channels in board.asks:
            board.polls += 1
            answer = exchange(self.master, line, request, board.timeout_s, self._clock)
            if isinstance(answer, Reply):
                readings += self._take(board, channels, answer)
                continue
            board.errors += 1
            if answer is None:
                heard = False
                break
            refusal = said_of(answer)
        board.note(heard, refusal)
        board.due_s = started_s + board.poll_s
        if board.missed:
            again_s = RETRY_S if board.missed < MISSES else max(RETRY_S, board.poll_s)
            board.due_s = self._clock.monotonic() + again_s
        return readings

    def _take(self, board: Board, channels: tuple[Channel, ...], answer: Reply) -> list[Reading]:
        at, now_s = self._clock.now(), self._clock.monotonic()
        readings, place = [], 0
        for channel in channels:
            words = answer.values[place : place + channel.quantity.width]
            place += channel.quantity.width
            reading = channel.take(words, at, now_s)
            if reading is not None:
                readings.append(reading)
            else:
                board.errors += 1
                board.refused = sum((c.refused for _, group in board.asks for c in group), Counter())
        return readings
