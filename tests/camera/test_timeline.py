"""Time stamps of cameras: missing, jumping, starting over."""

import pytest

from edge.camera.timeline import Timeline


def _orders(*stamps: float | None) -> list[float]:
    timeline = Timeline()
    return [timeline.map(stamp, stamp)[1] for stamp in stamps]


def test_time_counts_from_the_first_packet() -> None:
    assert _orders(100.0, 100.1, 100.3) == pytest.approx([0.0, 0.1, 0.3])


@pytest.mark.parametrize("jump_to", [5.0, 100000.0, -3.0, 100.2])
def test_a_clock_that_jumps_is_no_time_passing(jump_to: float) -> None:
    found = _orders(100.0, 100.1, 100.2, jump_to, jump_to + 0.1)
    assert found[3] - found[2] == pytest.approx(1 / 15, abs=0.05)
    assert found[4] - found[3] == pytest.approx(0.1)


def test_packets_without_stamps_still_move_on() -> None:
    found = _orders(None, None, None)
    assert found[0] == 0.0
    assert found[0] < found[1] < found[2]


def test_reordered_pictures_keep_their_distance_to_decoding() -> None:
    timeline = Timeline()
    timeline.map(0.2, 0.0)
    shown, order = timeline.map(0.4, 0.1)
    assert (shown, order) == pytest.approx((0.4, 0.1))


def test_order_never_falls() -> None:
    found = _orders(10.0, 9.0, 10.0, 10.0, 500.0, 499.0, 499.5)
    assert found == sorted(found)
    assert len(set(found)) == len(found)
