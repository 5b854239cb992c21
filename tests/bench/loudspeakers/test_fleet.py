"""The simulation that the bench measures with: its fleets begin together, and drift apart when nothing mends them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.loudspeakers.fleet import Machine, fleet_of, perform, skew_ms, speech_of

SLOW, FAST = Machine(1, -4.0, -50e-6, -50.0), Machine(2, 4.0, 50e-6, 50.0)
"""The two ends: eight seconds and two hundred millionths apart."""


def test_eight_loudspeakers_with_clocks_ten_seconds_apart_begin_within_twenty_milliseconds(
    tmp_path: Path,
) -> None:
    heard = [perform(each, speech_of(1), 100, tmp_path) for each in fleet_of(3)]
    assert skew_ms(heard, 0) <= 20
    assert all(abs(each.marks_s[0] - 100) < 0.02 for each in heard)


def test_without_the_hubs_time_they_begin_as_far_apart_as_their_clocks_are(tmp_path: Path) -> None:
    heard = [perform(each, speech_of(1), 100, tmp_path, asks=False) for each in (SLOW, FAST)]
    assert skew_ms(heard, 0) == pytest.approx(8000, abs=20)


def test_pauses_keep_them_together_and_without_mending_they_drift_apart(tmp_path: Path) -> None:
    mended, drifting = (
        [perform(each, speech_of(60), 300, tmp_path, resync=resync) for each in (SLOW, FAST)]
        for resync in (True, False)
    )
    assert len(mended[0].marks_s) == len(mended[1].marks_s) == 60
    assert skew_ms(drifting, -1) > 28, "three minutes of two hundred millionths are 36 ms"
    assert skew_ms(mended, -1) <= 15


def test_the_player_knows_by_the_cards_clock_when_it_began(tmp_path: Path) -> None:
    """True time and the machine's own pace differ by the drift alone."""
    heard = perform(SLOW, speech_of(1), 100, tmp_path)
    assert heard.outcome.started_s is not None
    assert heard.outcome.reason == ""
    assert heard.outcome.underruns == 0
