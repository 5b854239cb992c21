"""What time it is, and how far that may be believed: trusted, estimated or unknown.

A machine without a battery clock starts in the past. A wrong hour makes a loudspeaker speak at night, so time
counts as unknown until NTP or a battery clock vouches for it, and never when it lies below the last time this
machine is known to have lived through.
"""

from __future__ import annotations

import ctypes
import math
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from broker.trust import bodies
from broker.trust.files import write_atomically

ClockState = Literal["trusted", "estimated", "unknown"]

LOCAL = bodies.LOCAL
"""Vietnam has one time zone and no summer time."""

BUILT_AT = datetime(2026, 11, 21, tzinfo=UTC) - timedelta(days=1)
"""No clock that shows less than this can be right."""

BELIEVABLE = timedelta(days=5 * 365)
"""A floor later than this after the build comes from a clock that was wrong once; it holds nothing up."""

_UNSYNCHRONISED = 0x0040
_CLOCK_ERROR = 5


class Clock(Protocol):
    """Time as a service sees it; tests bring their own."""

    def now(self) -> datetime:
        """Wall time, aware, UTC."""
        ...

    def state(self) -> ClockState:
        """How far `now` may be believed."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for durations."""
        ...

    def error_ms(self) -> int | None:
        """How wrong `now` may be, as far as the machine knows; None where nobody can say."""
        ...


def wall_time() -> datetime:
    """What the machine shows."""
    return datetime.now(UTC)


class MachineClock:
    """The clock of this machine."""

    def __init__(
        self,
        floor: Path,
        source: Literal["system", "host"],
        *,
        is_held: bool = False,
        wall: Callable[[], datetime] = wall_time,
    ) -> None:
        """floor: file with the last time known to be past. source: see `clock.source` in the settings.
        is_held: never show less than the floor. wall: what the machine shows."""
        self._floor_file = floor
        self._source = source
        self._is_held = is_held
        self._wall = wall
        self._floor = max(BUILT_AT, _read_floor(floor))
        self._floor_s = time.monotonic()

    def now(self) -> datetime:
        """Wall time, aware, UTC. Where it is held, time below the floor is the floor and what has passed since:
        otherwise a machine that wakes in the past would take what expired long ago for something new."""
        wall = self._wall()
        if not self._is_held or wall >= self._floor or self._floor > BUILT_AT + BELIEVABLE:
            return wall
        return self._floor + timedelta(seconds=time.monotonic() - self._floor_s)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def error_ms(self) -> int | None:
        """The kernel's bound (adjtimex(2), `maxerror`): what NTP left, and 0.5 ms for each second since. None
        without NTP, and while the time is not believed: a battery clock says nothing of how well it goes."""
        return error_of(_ask_kernel()) if self.state() == "trusted" else None

    def state(self) -> ClockState:
        """`unknown` below the floor or when nothing vouches for the time."""
        if self._wall() < self._floor:
            return "unknown"
        if self._source == "host" or error_of(_ask_kernel()) is not None or _has_battery_clock():
            return "trusted"
        return "unknown"

    def keep_floor(self) -> None:
        """Remember that this moment has passed. Call about once a minute; only a believed time is kept.

        Raises OSError when the disk is full.
        """
        if self.state() == "trusted":
            now = self.now()
            write_atomically(self._floor_file, now.isoformat().encode())
            self._floor, self._floor_s = now, time.monotonic()


def _read_floor(path: Path) -> datetime:
    try:
        found = datetime.fromisoformat(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return BUILT_AT
    return found if found.tzinfo else BUILT_AT


class Timex(ctypes.Structure):
    """Head of the kernel's struct timex (adjtimex(2)); the rest is padding we never read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror_us", ctypes.c_long),
        ("esterror_us", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def error_of(timex: Timex) -> int | None:
    """How wrong the kernel's clock may be, in milliseconds rounded up; None when nothing keeps it in step."""
    if timex.status & _UNSYNCHRONISED:
        return None
    bound_us: int = max(timex.maxerror_us, timex.esterror_us)
    return math.ceil(bound_us / 1000)


def _ask_kernel() -> Timex:
    timex = Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) in (-1, _CLOCK_ERROR):
        timex.status |= _UNSYNCHRONISED
    return timex


def _has_battery_clock() -> bool:
    """True when the kernel set the system time from an RTC at boot."""
    for mark in Path("/sys/class/rtc").glob("rtc*/hctosys"):
        try:
            if mark.read_text(encoding="ascii").strip() == "1":
                return True
        except OSError:
            continue
    return False


def boot_id() -> str:
    """Random name of this start of this process."""
    return os.urandom(6).hex()
