"""Things through time, as blobs without pictures."""

from __future__ import annotations

import numpy as np

from edge.camera.blobs import Blob
from edge.camera.clutter import Clutter
from edge.camera.tracks import Tracks


def _blob(x: float, y: float, side: int = 8, strength: float = 3.0, fresh: float = 0.5) -> Blob:
    return Blob(round(x), round(y), side, side + 2, side * side // 2, strength, True, fresh)


def _first_s(tracks: Tracks, blobs_at: list[list[Blob]]) -> tuple[float | None, float | None]:
    """When a thing was first believed, and since when it is said to be there."""
    for number, blobs in enumerate(blobs_at):
        moving = tracks.follow(blobs, number * 0.2, 0.2, learning=False)
        if moving:
            return number * 0.2, moving[0].since_s
    return None, None


def test_what_walks_is_believed_within_a_second_and_dated_to_its_first_picture() -> None:
    said_s, since_s = _first_s(Tracks(), [[]] * 5 + [[_blob(20 + 2 * n, 60)] for n in range(10)])
    assert said_s is not None
    assert said_s <= 2.0
    assert since_s == 1.0


def test_what_trembles_in_place_is_not() -> None:
    tremble = [[_blob(50 + 3 * (-1) ** n, 60)] for n in range(60)]
    assert _first_s(Tracks(), tremble) == (None, None)


def test_rain_makes_no_thing_and_a_walker_in_rain_does() -> None:
    random = np.random.default_rng(4)

    def drops() -> list[Blob]:
        return [_blob(*random.uniform((0, 0), (240, 130)), side=5, strength=2.0) for _ in range(25)]

    assert _first_s(Tracks(), [drops() for _ in range(100)]) == (None, None)
    walk = [[*drops(), _blob(20 + 4 * max(0, n - 20), 60, side=22)] for n in range(60)]
    said_s, _ = _first_s(Tracks(), walk)
    assert said_s is not None


def test_an_insect_that_jumps_further_than_any_walker_could_is_none() -> None:
    random = np.random.default_rng(9)
    flight = [[_blob(*random.uniform((20, 20), (220, 120)), side=6)] for _ in range(100)]
    assert _first_s(Tracks(), flight) == (None, None)


def _glowing(x: float, y: float, side: int, glow: float = 1.0) -> Blob:
    return Blob(round(x), round(y), side + 2, side + 4, side * side, 6.0, True, 1.0, glow)


def test_an_insect_that_glows_in_the_lamp_and_winds_is_none_though_it_goes_far() -> None:
    ways = [(20 + 9 * n, 60 + 12 * np.sin(0.6 * n)) for n in range(22)]
    assert _first_s(Tracks(), [[_glowing(x, y, 14)] for x, y in ways]) == (None, None)
    said_s, _ = _first_s(Tracks(), [[_glowing(x, y, 14, glow=0.4)] for x, y in ways])
    assert said_s is not None  # the same way, darker in parts than what lies behind: a thing


def test_a_lamp_on_wheels_that_glows_and_goes_straight_is_believed_after_two_seconds() -> None:
    said_s, since_s = _first_s(Tracks(), [[_glowing(10 + 8 * n, 60 + n, 12)] for n in range(24)])
    assert said_s is not None
    assert said_s < 3.0
    assert since_s == 0.0


def test_a_warm_walker_that_glows_at_night_is_believed_as_fast_as_any() -> None:
    walker = [[Blob(20 + 2 * n, 60, 9, 24, 120, 6.0, True, 0.5, 1.0)] for n in range(12)]
    said_s, _ = _first_s(Tracks(), walker)
    assert said_s is not None
    assert said_s <= 1.2


def test_learning_says_nothing_but_dates_back() -> None:
    tracks = Tracks()
    for number in range(8):
        assert tracks.follow([_blob(20 + 5 * number, 60)], number * 0.2, 0.2, learning=True) == []
    moving = tracks.follow([_blob(60, 60)], 1.6, 0.2, learning=False)
    assert [track.since_s for track in moving] == [0.0]


def test_a_thing_that_stands_and_stirs_goes_on_and_a_chair_that_was_moved_does_not() -> None:
    def still_seen(fresh: float) -> bool:
        tracks = Tracks()
        for number in range(10):
            tracks.follow([_blob(20 + 5 * number, 60)], number * 0.2, 0.2, learning=False)
        seen = [
            tracks.follow([_blob(65, 60, fresh=fresh)], 2.0 + number * 0.2, 0.2, learning=False)
            for number in range(40)
        ]
        return bool(seen[-1])

    assert still_seen(0.2)
    assert not still_seen(0.0)


def test_evidence_is_less_where_clutter_of_that_size_is_common() -> None:
    clear, busy = Clutter(), Clutter()
    for _ in range(50):
        busy.learn([_blob(5 * n, 40) for n in range(20)], 0.2)
    small, large = _blob(100, 60), _blob(100, 60, side=60)
    assert busy.evidence(small, 6.0) < clear.evidence(small, 6.0)
    assert busy.evidence(large, 6.0) == clear.evidence(large, 6.0)
    assert busy.needed(large.area) > clear.needed(large.area)


def test_more_is_asked_of_what_is_as_small_as_the_clutter_than_of_what_is_larger() -> None:
    busy = Clutter()
    for _ in range(50):
        busy.learn([_blob(5 * n, 40) for n in range(6)], 0.2)
    small, large = _blob(100, 60), _blob(100, 60, side=60)
    assert busy.needed(small.area) > busy.needed(large.area) + 3.0


def test_a_shimmer_whose_outline_wanders_while_nothing_changes_is_none() -> None:
    def goes(fresh: float) -> float | None:
        return _first_s(Tracks(), [[_blob(20 + 4 * n, 60, fresh=fresh)] for n in range(20)])[0]

    assert goes(0.05) is None
    assert goes(0.5) is not None


def test_clutter_is_forgotten_when_the_weather_is_over() -> None:
    clutter = Clutter()
    for _ in range(50):
        clutter.learn([_blob(5 * n, 40) for n in range(20)], 0.2)
    for _ in range(500):
        clutter.learn([], 0.2)
    assert clutter.count < 1.0


def test_rest_follows_nothing() -> None:
    tracks = Tracks()
    tracks.follow([_blob(20, 60)], 0.0, 0.2, learning=False)
    tracks.follow([_blob(24, 60)], 0.2, 0.2, learning=False)
    assert tracks.busy
    tracks.rest([_blob(28, 60)], 2.0)
    assert not tracks.busy
    assert tracks.held() == []
