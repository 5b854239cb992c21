"""Programmes from elsewhere (tiếp sóng): a station on the web, or a live microphone on this network.

Each is taken by a child process of its own (radio_child), which decodes, levels and writes samples. Nothing that
comes from outside is looked at in this process.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from broker.trust.envelope import Relay
from edge.speaker.radio_child import Order
from edge.speaker.sinks import Samples

log = logging.getLogger(__name__)

READY_S: Final = 2.0
"""So much sound must be here before a programme can begin."""
LOST_S: Final = 9.0
"""So long without any sound, and the programme is lost; a shorter cut is mended by the child."""
FIRST_S: Final = 15.0
"""The same before the first sound: a small computer starts the child in some seconds, and a station may be far."""

REST_S: Final = 5.0
"""Between two tries to receive the same address."""

_KEPT_S: Final = 5.0
"""Of what came before anybody pulled, the newest is kept: a programme is joined, not played from where it was."""
READY_LIVE_S: Final = 0.4
_KEPT_LIVE_S: Final = 0.6
"""The same of a live microphone: snapclient writes evenly, and who speaks must not wait for their own echo."""
_MOST_S: Final = 15.0
"""When so much is here the child has to wait."""
_SPARE_S: Final = 300.0
"""A reception ends by itself so long after its programme should, whoever forgot it."""

_LOOK_MS: Final = 200
_SILENT_LIVE: Final = 7
"""A live microphone may be silent so many times longer than a station: people stop to think."""
_NOT_HERE: Final = "the programme cannot be received here: {}"
_UNHEARD: Final = "nothing was heard for {:.0f} seconds"

_CHILD: Final = (sys.executable, "-B", "-m", "edge.speaker.radio_child")
_ROOT: Final = Path(__file__).resolve().parents[2]


class Radio:
    """Tunes in to what an approver signed. Nothing it does raises."""

    def __init__(
        self,
        snapclient: str = "",
        *,
        patience_s: float = LOST_S,
        first_s: float = FIRST_S,
        rest_s: float = REST_S,
        may_be_here: bool = False,
        command: Sequence[str] = _CHILD,
    ) -> None:
        """snapclient: program for a live microphone, empty: none is taken. may_be_here: stations on this machine
        itself are let in, which only tests want. command: the child, which is given an Order as JSON."""
        self._snapclient = snapclient
        self._patience_s = patience_s
        self._first_s = first_s
        self._rest_s = rest_s
        self._may_be_here = may_be_here
        self._command = command
        self._numbers = itertools.count(1)
        self._next_s: dict[str, float] = {}

    def tune(self, relay: Relay, rate_hz: int) -> Reception:
        """Begin to receive, as mono samples at `rate_hz`. Returns at once; what goes wrong, the reception tells.

        The same address asked for again and again is tried every few seconds.
        """
        order = Order(
            address=relay.address,
            rate_hz=rate_hz,
            longest_s=relay.length_s + _SPARE_S,
            patience_s=self._patience_s,
            first_s=self._first_s,
            snapclient=self._snapclient,
            may_be_here=self._may_be_here,
        )
        now_s = time.monotonic()
        self._next_s = {name: at_s for name, at_s in self._next_s.items() if at_s > now_s}
        rest_s = self._next_s.get(relay.address, now_s) - now_s
        self._next_s[relay.address] = now_s + rest_s + self._rest_s
        return Reception(order, self._command, next(self._numbers), rest_s)


class Reception:
    """One programme as it comes in. Safe for several threads; to be closed."""

    def __init__(self, order: Order, command: Sequence[str], number: int, rest_s: float = 0.0) -> None:
        """number: tells receptions apart in the names of their threads. rest_s: wait so long with the child."""
        self._order = order
        self._is_live = order.address.startswith("snap:")
        self._command = command
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._here = bytearray()
        self._is_pulled = self._has_come = False
        self._is_over = threading.Event()
        self._room = threading.Event()
        self._since_s = self._came_s = self._heard_s = time.monotonic()
        self._why = ""
        self._child: subprocess.Popen[bytes] | None = None
        try:
            threading.Thread(target=self._receive, name=f"radio-{number}").start()
        except RuntimeError as why:
            self._end(_NOT_HERE.format(why))

    @property
    def is_ready(self) -> bool:
        """Whether the programme can begin: two seconds of it are here (of a live microphone 0.4 s), and it is not
        lost."""
        needed_s = READY_LIVE_S if self._is_live else READY_S
        with self._lock:
            return len(self._here) >= 2 * needed_s * self._order.rate_hz and not self.is_lost

    @property
    def is_lost(self) -> bool:
        """Whether no more will come: the child has ended, or nothing was heard for nine seconds (15 before the
        first sound). It stays so.

        What is still here can be pulled all the same. A station that sends nothing but zeros is not heard, a live
        microphone may be silent for a minute.
        """
        return self._is_over.is_set()

    @property
    def why(self) -> str:
        """Why it is lost, for the log and the operator; empty while it is not."""
        return self._why if self.is_lost else ""

    @property
    def pid(self) -> int | None:
        """Process id of the child; None as long as it was not started."""
        return None if self._child is None else self._child.pid

    def pull(self, frames: int) -> Samples | None:
        """At most so many samples of what is here, maybe none; None when it is lost and nothing is left."""
        with self._lock:
            self._is_pulled = True
            data = bytes(self._here[: 2 * frames])
            del self._here[: 2 * frames]
        self._room.set()
        if not data and self.is_lost:
            return None
        return np.frombuffer(data, dtype="<i2").astype(np.int16)

    def close(self) -> None:
        """Forget what is here. Returns at once; the child is gone a quarter of a second later."""
        self._end("closed")
        with self._lock:
            self._here.clear()

    # -- the thread that receives

    def _receive(self) -> None:
        """Run the child, and take what it writes until it ends or is ended."""
        if self._is_over.wait(self._rest_s):
            return
        try:
            child = self._child = subprocess.Popen(
                [*self._command, msgspec.json.encode(self._order).decode()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=_ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"},
                start_new_session=True,  # what it starts in turn ends with it
            )
        except (OSError, ValueError) as why:
            self._end(_NOT_HERE.format(why))
            return
        self._since_s = self._came_s = self._heard_s = time.monotonic()
        ended = self._read(child)
        with contextlib.suppress(OSError):  # nobody else waits for it, so its number is still its own
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(2.0)
        self._end(self._reason(ended, child))
        for one in (child.stdout, child.stderr):
            if one is not None:
                one.close()

    def _read(self, child: subprocess.Popen[bytes]) -> str:
        """Take samples until there are no more; why there are none, empty when the child has ended by itself."""
        if child.stdout is None:
            return ""
        pipe = child.stdout.fileno()
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        rest = b""
        while not self._is_over.is_set():
            if waiting.poll(_LOOK_MS):
                data = os.read(pipe, 65536)
                if not data:
                    return ""
                data = rest + data
                whole = len(data) // 2 * 2
                rest = data[whole:]
                self._take(data[:whole])
                self._wait_for_room()
            if why := self._too_long():
                return why
        return "closed"

    def _too_long(self) -> str:
        now_s, order = time.monotonic(), self._order
        came_s = order.patience_s if self._has_come else order.first_s
        heard_s = came_s * (_SILENT_LIVE if self._is_live else 1)
        if now_s - self._came_s >= came_s or now_s - self._heard_s >= heard_s:
            return _UNHEARD.format(now_s - self._heard_s)
        return "its time is over" if now_s - self._since_s >= order.longest_s else ""

    def _reason(self, why: str, child: subprocess.Popen[bytes]) -> str:
        """Why it is over, in the parent's words and the child's."""
        said = _last_words(child)
        if not why and child.returncode == -signal.SIGALRM:
            why = _UNHEARD.format(time.monotonic() - self._heard_s)
        return f"{why}; before that: {said}" if why and said else why or said or "the receiver has ended"

    def _take(self, data: bytes) -> None:
        self._came_s, self._has_come = time.monotonic(), True
        if data.count(0) < len(data):
            self._heard_s = self._came_s
        kept_s = _KEPT_LIVE_S if self._is_live else _KEPT_S
        with self._lock:
            if self._is_over.is_set():
                return
            self._here += data
            if not self._is_pulled:
                kept = 2 * round(kept_s * self._order.rate_hz)
                del self._here[: max(0, len(self._here) - kept)]

    def _wait_for_room(self) -> None:
        """Read no further while enough is here; the child then waits too."""
        most = 2 * _MOST_S * self._order.rate_hz
        while len(self._here) >= most and not self._is_over.is_set() and not self._too_long():
            self._came_s = self._heard_s = time.monotonic()
            self._room.wait(_LOOK_MS / 1000)
            self._room.clear()

    def _end(self, why: str) -> None:
        """It is over; the first reason stands."""
        with self._lock:
            if self._is_over.is_set():
                return
            self._why = why
            self._is_over.set()
        self._room.set()
        log.info("%s", why, extra={"event": "radio-ended"})


def _last_words(child: subprocess.Popen[bytes]) -> str:
    """What a child that has ended said last; empty when it said nothing."""
    if child.stderr is None:
        return ""
    with contextlib.suppress(OSError):
        os.set_blocking(child.stderr.fileno(), False)
        said = (child.stderr.read(65536) or b"").decode(errors="replace").strip().splitlines()
        return said[-1][:300] if said else ""
    return ""
