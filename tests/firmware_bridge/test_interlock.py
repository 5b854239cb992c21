"""When the amplifier may be on, what its keys mean, and what is told as wrong: rule by rule, without a board."""

from __future__ import annotations

import pytest

from firmware_bridge.interlock import KEYS_FRESH_S, OPEN_READS, Interlock


class Bench:
    """An interlock on a clock moved by hand: reads everything every 0.1 s as the line would."""

    def __init__(self, *, has_relay: bool = True, has_sensor: bool = True) -> None:
        self.interlock = Interlock(
            has_relay=has_relay, has_microphone=True, has_sensor=has_sensor, minimum_a=0.1
        )
        self.now_s = 100.0
        self.microphone = self.mute = False
        self.current_a = 0.0
        self.relay: bool | None = None
        """What the coil says; None: it follows."""
        self.since_s: dict[str, float] = {}

    def pass_s(self, seconds: float, *, reads_keys: bool = True, reads_current: bool = True) -> None:
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            if reads_keys:
                self.interlock.read_key("microphone", self.microphone, self.now_s)
                self.interlock.read_key("mute", self.mute, self.now_s)
            wants = self.interlock.wants_on(self.now_s)
            self.interlock.read_relay(wants if self.relay is None else self.relay, self.now_s)
            if reads_current:
                self.interlock.read_current(self.current_a, self.now_s)
            for trouble in self.interlock.troubles(self.now_s):
                if trouble.since_s is None:
                    self.since_s.pop(trouble.what, None)
                else:
                    self.since_s[trouble.what] = trouble.since_s

    def lease(self, lease_ms: int = 3000, is_playing: bool = False) -> None:
        self.interlock.lease(lease_ms, is_playing, self.now_s)

    def play(self, seconds: float) -> None:
        """A loudspeaker that renews every second."""
        for _ in range(round(seconds)):
            self.lease(is_playing=True)
            self.pass_s(1.0)


def test_the_relay_is_on_only_while_a_lease_runs() -> None:
    bench = Bench()
    assert not bench.interlock.wants_on(bench.now_s)
    bench.lease()
    bench.pass_s(2.9)
    assert bench.interlock.wants_on(bench.now_s)
    bench.pass_s(0.2)
    assert not bench.interlock.wants_on(bench.now_s)


def test_a_lease_given_back_ends_at_once() -> None:
    bench = Bench()
    bench.lease()
    bench.lease(0)
    assert not bench.interlock.wants_on(bench.now_s)


def test_a_line_that_comes_back_starts_without_a_lease() -> None:
    bench = Bench()
    bench.lease()
    bench.interlock.forget_line()
    assert not bench.interlock.wants_on(bench.now_s)
    assert bench.interlock.shown(bench.now_s).relay == "unknown"


def test_the_mute_key_beats_every_lease_at_its_first_reading() -> None:
    bench = Bench()
    bench.lease(10_000)
    bench.pass_s(0.5)
    bench.mute = True
    bench.pass_s(0.1)
    assert not bench.interlock.wants_on(bench.now_s)
    assert bench.interlock.shown(bench.now_s).mute
    bench.mute = False
    bench.pass_s(0.1 * (OPEN_READS - 1))
    assert not bench.interlock.wants_on(bench.now_s), "a contact that bounces opens nothing"
    bench.pass_s(0.1)
    assert bench.interlock.wants_on(bench.now_s)


def test_a_key_that_cannot_be_read_any_more_counts_as_open_after_five_seconds() -> None:
    bench = Bench()
    bench.mute = True
    bench.pass_s(0.1)
    bench.pass_s(KEYS_FRESH_S - 0.2, reads_keys=False)
    assert bench.interlock.shown(bench.now_s).mute
    bench.pass_s(0.3, reads_keys=False)
    assert not bench.interlock.shown(bench.now_s).mute


def test_current_that_nobody_asked_for_is_an_alarm_within_three_seconds_and_ends() -> None:
    bench = Bench()
    bench.pass_s(1)
    bench.current_a = 0.4
    began_s = bench.now_s
    bench.pass_s(1.4)
    assert bench.since_s == {}
    bench.pass_s(0.3)
    assert bench.since_s["unexplained-current"] == pytest.approx(began_s + 0.1)
    bench.current_a = 0.0
    bench.pass_s(0.5)
    assert bench.since_s == {}


@pytest.mark.parametrize("why", ["lease", "microphone"])
def test_current_with_a_lease_or_the_microphone_is_no_alarm(why: str) -> None:
    bench = Bench()
    bench.current_a = 0.4
    bench.microphone = why == "microphone"
    for _ in range(10):
        if why == "lease":
            bench.lease()
        bench.pass_s(1)
    assert bench.since_s == {}


def test_current_that_goes_on_after_the_lease_is_an_alarm() -> None:
    bench = Bench()
    bench.current_a = 0.4
    bench.play(4)
    bench.lease(0)
    bench.pass_s(2)
    assert set(bench.since_s) == {"unexplained-current"}


def test_with_keys_that_cannot_be_read_current_is_not_called_unexplained() -> None:
    bench = Bench()
    bench.pass_s(0.5)
    bench.current_a = 0.4
    bench.pass_s(10, reads_keys=False)
    assert bench.since_s == {}


def test_a_relay_that_does_not_follow_is_an_alarm_until_it_does() -> None:
    bench = Bench()
    bench.relay = False
    bench.play(3)
    assert set(bench.since_s) == {"relay-stuck"}
    bench.relay = None
    bench.play(1)
    assert "relay-stuck" not in bench.since_s
    bench.relay = True
    bench.lease(0)
    bench.pass_s(2)
    assert "relay-stuck" in bench.since_s


def test_no_current_in_a_play_is_an_alarm_until_current_flows_again() -> None:
    bench = Bench()
    bench.play(2)
    assert bench.since_s == {}
    bench.play(2)
    assert set(bench.since_s) == {"no-current"}
    bench.lease(0)
    bench.pass_s(60)
    assert set(bench.since_s) == {"no-current"}, "the end of a play mends no amplifier"
    bench.current_a = 0.4
    bench.play(1)
    assert bench.since_s == {}


def test_no_current_before_the_first_sample_is_no_alarm() -> None:
    bench = Bench()
    for _ in range(6):
        bench.lease(is_playing=False)
        bench.pass_s(1)
    assert bench.since_s == {}


def test_pauses_of_speech_are_not_the_end_of_the_current() -> None:
    bench = Bench()
    bench.current_a = 0.4
    bench.play(1)
    bench.current_a = 0.02
    bench.pass_s(0.2)
    assert bench.interlock.shown(bench.now_s).current == "flowing"
    bench.pass_s(0.2)
    assert bench.interlock.shown(bench.now_s).current == "none"


def test_a_sensor_that_falls_silent_neither_alarms_nor_ends_an_alarm() -> None:
    bench = Bench()
    bench.current_a = 0.4
    bench.pass_s(2)
    assert set(bench.since_s) == {"unexplained-current"}
    bench.pass_s(20, reads_current=False)
    assert bench.interlock.shown(bench.now_s).current == "unknown"
    assert set(bench.since_s) == {"unexplained-current"}


def test_without_a_sensor_nothing_is_said_of_current() -> None:
    bench = Bench(has_sensor=False)
    for _ in range(5):
        bench.lease(is_playing=True)
        bench.pass_s(1, reads_current=False)
    assert bench.since_s == {}
    assert bench.interlock.shown(bench.now_s).current == "unknown"
