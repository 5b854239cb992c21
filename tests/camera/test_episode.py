"""Episodes: begin, end, and short gaps joined."""

from edge.camera.episode import Episode, Step


def _run(*moments: tuple[float, float | None]) -> list[Step]:
    episode = Episode()
    steps = [step for now_s, since_s in moments for step in episode.see(now_s, since_s)]
    return steps + episode.close()


def test_a_movement_is_one_episode_dated_back_to_its_onset() -> None:
    steps = _run((4.0, None), (5.0, 4.4), (6.0, 4.4), (7.0, None), (9.5, None))
    assert steps == [Step("began", 4.4, 5.0), Step("ended", 4.4, 6.0)]


def test_movements_within_three_seconds_are_one_episode() -> None:
    steps = _run((5.0, 4.4), (6.0, 4.4), (7.0, None), (8.9, 8.5), (13.0, None))
    assert [step.what for step in steps] == ["began", "ended"]
    assert steps[1] == Step("ended", 4.4, 8.9)


def test_movements_further_apart_are_two() -> None:
    steps = _run((5.0, 4.4), (9.0, 8.6), (20.0, None))
    assert [(step.what, step.start_s) for step in steps] == [
        ("began", 4.4),
        ("ended", 4.4),
        ("began", 8.6),
        ("ended", 8.6),
    ]


def test_a_new_episode_never_reaches_back_into_the_one_before() -> None:
    steps = _run((5.0, 4.0), (8.4, None), (8.5, 4.5))
    assert steps[2] == Step("began", 5.0, 8.5)


def test_who_rests_and_goes_on_is_one_episode_that_ends_when_they_last_stirred() -> None:
    episode = Episode()
    steps = episode.see(5.0, 4.4, 5.0) + episode.see(9.0, 4.4, 5.0) + episode.see(9.6, 4.4, 9.6)
    steps += episode.see(13.0, 4.4, 10.0) + episode.see(14.0, None)
    assert steps == [Step("began", 4.4, 5.0), Step("ended", 4.4, 10.0)]


def test_what_begins_beside_something_left_standing_is_another_episode() -> None:
    episode = Episode()
    steps = episode.see(5.0, 4.4, 5.0) + episode.see(9.0, 4.4, 5.0) + episode.see(9.2, 8.6, 9.2)
    assert steps == [Step("began", 4.4, 5.0), Step("ended", 4.4, 5.0), Step("began", 8.6, 9.2)]


def test_an_open_episode_ends_with_its_source() -> None:
    assert _run((5.0, 4.4))[-1] == Step("ended", 4.4, 5.0)


def test_a_still_view_says_nothing() -> None:
    assert _run((1.0, None), (2.0, None), (30.0, None)) == []
