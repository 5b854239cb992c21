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


def test_a_counter_of_33_bits_that_begins_again_is_no_time_passing() -> None:
    wrap_s = 2**33 / 90_000
    found = _orders(wrap_s - 0.2, wrap_s - 0.1, 0.0, 0.1, 0.2)
    assert found[2] - found[1] == pytest.approx(1 / 15, abs=0.05)
    assert found[4] - found[3] == pytest.approx(0.1)


@pytest.mark.parametrize("step_s", [1.0, 1 / 60, 4.0])
def test_any_rate_keeps_its_spacing(step_s: float) -> None:
    found = _orders(*(50.0 + step_s * number for number in range(5)))
    assert found == pytest.approx([step_s * number for number in range(5)])


def test_a_rate_that_varies_keeps_its_spacing() -> None:
    assert _orders(7.0, 7.04, 7.5, 7.52, 9.0) == pytest.approx([0.0, 0.04, 0.5, 0.52, 2.0])


def test_pictures_that_refer_forward_without_a_time_of_decoding_keep_their_times() -> None:
    timeline = Timeline()
    times = [0.0, 0.12, 0.04, 0.08, 0.24, 0.16, 0.2, 0.36, 0.28, 0.32]
    found = [timeline.map(100.0 + shown, None) for shown in times]
    # The first fall shows that this camera reorders.
    assert [shown for shown, _ in found[4:]] == pytest.approx(times[4:], abs=0.003)
    orders = [order for _, order in found]
    assert orders == sorted(set(orders))
    assert all(shown >= order for shown, order in found)


def test_a_leap_without_a_time_of_decoding_is_no_time_passing() -> None:
    timeline = Timeline()
    found = [timeline.map(shown, None)[0] for shown in (5.0, 5.1, 9000.0, 9000.1, 3.0, 3.1)]
    assert found == sorted(found)
    assert found[-1] < 1.0


def test_a_first_packet_without_a_time_moves_no_later_one() -> None:
    timeline = Timeline()
    found = [timeline.map(shown, None)[1] for shown in (None, -0.04, 0.96, 1.96)]
    assert found[2] - found[1] == pytest.approx(1.0)
    assert found[3] - found[2] == pytest.approx(1.0)


@pytest.mark.parametrize("stamp", [None, 7.0])
def test_without_usable_times_the_distance_of_arrivals_counts(stamp: float | None) -> None:
    timeline = Timeline()
    orders = [timeline.map(stamp, stamp, 50.0 + n / 5)[1] for n in range(1000)]
    assert orders[-1] - orders[0] == pytest.approx(999 / 5, abs=0.1)
