"""A stream's pictures on the node's own clock, whatever the camera and the network do."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from broker.link.clock import Clock
from edge.camera.capture import CaptureError, Reader
from edge.camera.chunk import Chunk
from edge.camera.stream import ALIVE_S, Stream
from tests.camera.town import NOW
from tests.fakes.clock import FakeClock


class Cable:
    """What comes from a camera, as a test puts it there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.arrived_s = self.heard_s = float("-inf")
        self.coming: deque[Chunk | CaptureError] = deque()

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> None:
        """Nothing to end."""

    def get(self, timeout_s: float) -> Chunk | CaptureError | None:
        """The next one."""
        del timeout_s
        self.arrived_s = self.heard_s = self._clock.monotonic()
        return self.coming.popleft() if self.coming else None


def chunk(at_s: float, *, key: bool = False) -> Chunk:
    """A coded picture of no content."""
    return Chunk(b"x" * 10, key, at_s, at_s, 64, 36, "h264")


def taken(stream: Stream, cable: Cable, one: Chunk) -> Chunk:
    """The same chunk as the stream hands it on."""
    cable.coming.append(one)
    came = stream.take(0.0)
    assert isinstance(came, Chunk)
    return came


def _stream() -> tuple[Stream, Cable, FakeClock]:
    clock = FakeClock(NOW)
    cable = Cable(clock)
    return Stream(cable), cable, clock


def test_a_jam_on_the_network_moves_no_picture_in_time() -> None:
    stream, cable, clock = _stream()
    first = taken(stream, cable, chunk(100.0, key=True))
    assert first.at_s == clock.monotonic()
    clock.advance(3.0)  # the next one was held up for two seconds
    late = taken(stream, cable, chunk(101.0))
    assert abs(late.at_s - first.at_s - 1.0) < 0.02
    clock.advance(0.01)
    burst = taken(stream, cable, chunk(103.0))
    assert abs(burst.at_s - first.at_s - 3.0) < 0.05


def test_what_comes_in_one_burst_after_the_connection_keeps_its_order_and_lies_in_the_past() -> None:
    stream, cable, clock = _stream()
    burst = [taken(stream, cable, chunk(50.0 + n / 10, key=n == 0)) for n in range(20)]
    assert all(a.order_s < b.order_s for a, b in pairwise(burst))
    assert burst[-1].order_s <= clock.monotonic() + 0.05


def test_a_camera_whose_clock_runs_off_is_followed() -> None:
    stream, cable, clock = _stream()
    for n in range(2000):  # its seconds are a thousandth too short
        came = taken(stream, cable, chunk(n * 0.999, key=n % 2 == 0))
        assert abs(came.at_s - clock.monotonic()) < 0.1
        clock.advance(1.0)


def test_a_break_is_told_empties_the_ring_and_the_next_connection_goes_on_in_time() -> None:
    stream, cable, clock = _stream()
    before = taken(stream, cable, chunk(5.0, key=True))
    assert stream.is_alive(clock.monotonic())
    cable.coming.append(CaptureError("silent"))
    assert isinstance(stream.take(0.0), CaptureError)
    assert stream.error is not None
    assert not stream.is_alive(clock.monotonic())
    assert stream.ring.since(0.0) == []
    clock.advance(60.0)
    after = taken(stream, cable, chunk(0.0, key=True))
    assert after.at_s - before.at_s == 60.0
    assert stream.error is None
    clock.advance(ALIVE_S + 0.1)
    assert not stream.is_alive(clock.monotonic())


def test_what_is_taken_late_is_dated_by_its_arrival_and_the_newest_arrival_counts_as_life() -> None:
    clock = FakeClock(NOW)
    reader = Reader("san", "scene:", clock.monotonic)
    stream, came_s = Stream(reader), clock.monotonic()
    for n in range(450):  # the last fifty find no room
        reader._put(chunk(n / 10, key=n % 20 == 0))
        clock.advance(0.1)
    clock.advance(40.0)
    first = stream.take(0.0)
    assert isinstance(first, Chunk)
    assert abs(first.at_s - came_s) < 0.01
    assert abs(stream.heard_s - came_s - 44.9) < 0.01


def test_time_stamps_that_say_too_little_do_not_date_pictures_into_the_past() -> None:
    stream, cable, clock = _stream()
    for n in range(3000):  # ten minutes of five pictures a second that claim to be fifteen
        came = taken(stream, cable, chunk(n / 15, key=n % 10 == 0))
        assert clock.monotonic() - came.at_s < 8.0
        clock.advance(0.2)


def test_a_long_jam_that_drains_slowly_is_no_lie() -> None:
    stream, cable, clock = _stream()
    first = taken(stream, cable, chunk(0.0, key=True))
    clock.advance(20.0)
    for n in range(1, 401):  # twenty seconds of pictures in ten
        came = taken(stream, cable, chunk(n / 10))
        clock.advance(0.05)
        assert abs(came.at_s - first.at_s - n / 10) < 0.2
