"""When the amplifier may be on, what its keys and its current mean, and what is wrong with it. Pure.

The relay closes only while a lease runs and the key does not stand on silence. Times are monotonic seconds, the
same clock throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

What = Literal["unexplained-current", "relay-stuck", "no-current"]
Contact = Literal["microphone", "mute"]

RELAY_FRESH_S: Final = 1.5
CURRENT_FRESH_S: Final = 2.0
"""A relay or a current that has not been read for so long is unknown."""

KEYS_FRESH_S: Final = 5.0
"""So long a key is taken to stand where it was last read. Then it counts as open: a broken wire must not keep
emergencies silent for ever."""

KEYS_KNOWN_S: Final = 0.5
"""A microphone key not read for so long may have been turned meanwhile: current is not called unexplained then."""

OPEN_READS: Final = 3
"""A key counts as opened after so many readings in a row; closed at the first, for silence must not wait."""

LOW_READS: Final = 3
"""Speech makes the current go up and down; it has stopped after so many readings below the minimum."""

PATIENCE_S: Final[dict[What, float]] = {"unexplained-current": 1.5, "relay-stuck": 1.5, "no-current": 3.0}
"""A trouble must last so long before it is one."""


class Shown(NamedTuple):
    """The amplifier as the board shows it: the fields of AmplifierState."""

    relay: Literal["on", "off", "unknown"]
    current: Literal["flowing", "none", "unknown"]
    current_a: float | None
    microphone: bool
    mute: bool


class Trouble(NamedTuple):
    """A trouble that stands (since when) or is over (None)."""

    what: What
    since_s: float | None


class _Key:
    """One contact, debounced."""

    def __init__(self) -> None:
        self._is_closed = False
        self._open_reads = 0
        self._read_s: float | None = None

    def take(self, is_closed: bool, now_s: float) -> None:
        self._read_s = now_s
        self._open_reads = 0 if is_closed else self._open_reads + 1
        if is_closed:
            self._is_closed = True
        elif self._open_reads >= OPEN_READS:
            self._is_closed = False

    def is_closed(self, now_s: float) -> bool:
        return self._is_closed and self._read_s is not None and now_s - self._read_s < KEYS_FRESH_S

    def is_known(self, now_s: float) -> bool:
        return self._read_s is not None and now_s - self._read_s < KEYS_KNOWN_S


class Interlock:
    """One amplifier. Is told what is asked and what is read; says what the relay shall do and what is wrong."""

    def __init__(self, *, has_relay: bool, has_microphone: bool, has_sensor: bool, minimum_a: float) -> None:
        """minimum_a: from this on current flows."""
        self._has_relay = has_relay
        self._has_microphone = has_microphone
        self._has_sensor = has_sensor
        self._minimum_a = minimum_a
        self._lease_until_s = 0.0
        self._is_playing = False
        self._keys: dict[Contact, _Key] = {"microphone": _Key(), "mute": _Key()}
        self._relay: tuple[bool, float] | None = None
        self._current_a: tuple[float, float] | None = None
        self._is_flowing = False
        self._low_reads = 0
        self._since_s: dict[What, float] = {}

    # -- what it is told

    def lease(self, lease_ms: int, is_playing: bool, now_s: float) -> None:
        """The loudspeaker asks for so long from now; 0 gives it back."""
        self._lease_until_s = now_s + lease_ms / 1000
        self._is_playing = is_playing and lease_ms > 0

    def forget_line(self) -> None:
        """The line is lost, or has just been opened: what was leased or read before counts no more."""
        self._lease_until_s, self._is_playing = 0.0, False
        self._relay = self._current_a = None

    def read_key(self, contact: Contact, is_closed: bool, now_s: float) -> None:
        """A key's contact as read."""
        self._keys[contact].take(is_closed, now_s)

    def read_relay(self, is_on: bool, now_s: float) -> None:
        """The coil as read back."""
        self._relay = (is_on, now_s)

    def read_current(self, current_a: float, now_s: float) -> None:
        """The current as read, amperes."""
        self._current_a = (current_a, now_s)
        self._low_reads = 0 if current_a >= self._minimum_a else self._low_reads + 1
        if current_a >= self._minimum_a:
            self._is_flowing = True
        elif self._low_reads >= LOW_READS:
            self._is_flowing = False

    # -- what it says

    def wants_on(self, now_s: float) -> bool:
        """Shall the relay be closed?"""
        return self._is_leased(now_s) and not self._keys["mute"].is_closed(now_s)

    def shown(self, now_s: float) -> Shown:
        """The amplifier as it is known now."""
        relay: Literal["on", "off", "unknown"] = "unknown"
        if self._relay is not None and now_s - self._relay[1] < RELAY_FRESH_S:
            relay = "on" if self._relay[0] else "off"
        current: Literal["flowing", "none", "unknown"] = "unknown"
        current_a = None
        if self._current_a is not None and now_s - self._current_a[1] < CURRENT_FRESH_S:
            current = "flowing" if self._is_flowing else "none"
            current_a = self._current_a[0]
        keys = (self._keys["microphone"].is_closed(now_s), self._keys["mute"].is_closed(now_s))
        return Shown(relay, current, current_a, *keys)

    def troubles(self, now_s: float) -> Iterator[Trouble]:
        """What has stood for long enough, and what is over; nothing of what cannot be told now."""
        for what, found in self._findings(now_s):
            if found is None:
                self._since_s.pop(what, None)  # it must be seen to last, from the beginning
            elif not found:
                self._since_s.pop(what, None)
                yield Trouble(what, None)
            elif now_s - self._since_s.setdefault(what, now_s) >= PATIENCE_S[what]:
                yield Trouble(what, self._since_s[what])

    def _is_leased(self, now_s: float) -> bool:
        return now_s < self._lease_until_s

    def _findings(self, now_s: float) -> Iterator[tuple[What, bool | None]]:
        """Each trouble: is it there, is it not (False), or can nobody tell (None)?"""
        shown = self.shown(now_s)
        flows = {"flowing": True, "none": False, "unknown": None}[shown.current]
        is_leased = self._is_leased(now_s)
        is_deaf = self._has_microphone and not self._keys["microphone"].is_known(now_s)
        if not self._has_sensor:
            yield from (("unexplained-current", False), ("no-current", False))
        else:
            yield (
                "unexplained-current",
                flows and (None if is_deaf else not is_leased and not shown.microphone),
            )
            is_tested = is_leased and self._is_playing and self.wants_on(now_s)
            # Over only when current flows again: that a play has ended mends no amplifier.
            yield "no-current", False if flows else (None if flows is None or not is_tested else True)
        if not self._has_relay:
            yield "relay-stuck", False
        else:
            yield (
                "relay-stuck",
                None if shown.relay == "unknown" else (shown.relay == "on") != self.wants_on(now_s),
            )
