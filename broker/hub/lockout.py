"""Guessing slowed down: whoever is wrong too often waits. Counts by monotonic time, in memory, bounded."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from broker.hub.declined import Declined
from broker.link.clock import Clock

MOST_REMEMBERED = 10_000
_TURNS = 64
"""Locks that names, and addresses, share: enough that strangers seldom wait for each other."""


@dataclass(frozen=True)
class Limit:
    """So many wrong tries within a stretch of time lock for a while."""

    wrong: int
    within_s: float
    locked_s: float


OF_NAME = (Limit(5, 30.0, 300.0), Limit(30, 3600.0, 900.0), Limit(100, 86_400.0, 3600.0))
"""Five in half a minute, five minutes (Decision 724/QĐ-BTTTT); slow guessing, of codes too, ends as well."""
OF_ADDRESS = (Limit(20, 30.0, 300.0), Limit(120, 3600.0, 900.0))
"""An office shares one address, so it is given more."""


def _is_over(limit: Limit, times: deque[float], now_s: float) -> bool:
    return len(times) >= limit.wrong and now_s - times[-limit.wrong] <= limit.within_s


class Lockout:
    """Counts wrong tries by a key and says how long the key is locked. Threads share it."""

    def __init__(self, clock: Clock, limits: tuple[Limit, ...]) -> None:
        self._clock = clock
        self._limits = limits
        self._longest = max(limit.wrong for limit in limits)
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._locked: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def left_s(self, key: str) -> float:
        """Seconds until this key may try again; 0 when it may now."""
        with self._lock:
            return max(0.0, self._locked.get(key, 0.0) - self._clock.monotonic())

    def note_wrong(self, key: str) -> bool:
        """A wrong try. Returns whether it locked the key."""
        now_s = self._clock.monotonic()
        with self._lock:
            times = self._wrong.setdefault(key, deque(maxlen=self._longest))
            self._wrong.move_to_end(key)
            times.append(now_s)
            broken = [each for each in self._limits if _is_over(each, times, now_s)]
            if broken:
                until_s = now_s + max(each.locked_s for each in broken)
                self._locked[key] = max(self._locked.get(key, 0.0), until_s)
                self._locked.move_to_end(key)
            for kept in (self._wrong, self._locked):
                while len(kept) > MOST_REMEMBERED:
                    kept.popitem(last=False)
        return bool(broken)

    def note_right(self, key: str) -> None:
        """Past mistakes are forgiven, a lock stays."""
        with self._lock:
            self._wrong.pop(key, None)


class Doors:
    """Lock-out by name and by address together: what a sign-in asks before it looks at a secret.

    Whoever guesses many at once for one name or from one address is judged one after the other: the next guess
    is looked at when the one before it has been counted.
    """

    def __init__(self, clock: Clock) -> None:
        self._names = Lockout(clock, OF_NAME)
        self._addresses = Lockout(clock, OF_ADDRESS)
        self._names_turn = tuple(threading.Lock() for _ in range(_TURNS))
        self._addresses_turn = tuple(threading.Lock() for _ in range(_TURNS))

    @contextmanager
    def turn(self, name: str, address: str) -> Iterator[None]:
        """Alone with this name and this address: judge and count inside. Raises Declined `locked`."""
        with (  # always names first, so that two never wait for each other
            self._names_turn[hash(name) % _TURNS],
            self._addresses_turn[hash(network_of(address)) % _TURNS],
        ):
            self.refuse_locked(name, address)
            yield

    def refuse_locked(self, name: str, address: str) -> None:
        """Raise Declined `locked` with how long to wait."""
        left_s = max(self._names.left_s(name), self._addresses.left_s(network_of(address)))
        if left_s > 0:
            minutes = max(1, round(left_s / 60))
            raise Declined("locked", f"Đã nhập sai nhiều lần. Xin chờ khoảng {minutes} phút rồi thử lại.")

    def note_wrong(self, name: str, address: str) -> bool:
        """A wrong password or code for this name from this address. Returns whether it locked the name."""
        self._addresses.note_wrong(network_of(address))
        return self._names.note_wrong(name)

    def note_right(self, name: str) -> None:
        """This name has shown all it must; its address may still be guessing others."""
        self._names.note_right(name)


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer is given."""
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)
