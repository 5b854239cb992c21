"""What a play consists of, and where it pauses."""

from __future__ import annotations

import numpy as np

from broker.speech.sound import Pcm
from edge.speaker.score import KEPT_S, LiveScore, Pause, Score, chime_alone, score_of

RATE = 16_000


def tone(seconds: float, level: int = 8000) -> Pcm:
    t = np.arange(round(seconds * RATE)) / RATE
    return Pcm((np.sin(2 * np.pi * 440 * t) * level).astype(np.int16), RATE)


def quiet(seconds: float, level: int = 0) -> np.ndarray:
    return tone(seconds, level).samples


def test_chime_rest_repeats_and_gaps_stand_in_order() -> None:
    speech = tone(0.5)
    bell = len(chime_alone("notice", RATE).parts[0])
    score = score_of(speech, "notice", repeat=3, gap_s=0.25)
    whole = np.concatenate(score.parts)
    head = bell + RATE // 2
    assert len(whole) == score.frames == head + 3 * RATE // 2 + 2 * RATE // 4
    assert score.total_ms == round(len(whole) / 16)
    assert not whole[bell:head].any(), "a rest after the chime"
    assert np.array_equal(whole[head : head + RATE // 2], speech.samples)
    assert not whole[head + RATE // 2 : head + 3 * RATE // 4].any(), "a gap"
    assert score.repeat_ends == (head + 8000, head + 8000 + 12000, len(whole))
    assert score_of(speech, "emergency", 1, 0).parts[0].tobytes() != score.parts[0].tobytes()


def test_pauses_are_where_nothing_is_said_for_long_enough() -> None:
    one, short, long, noisy = tone(0.5).samples, quiet(0.1), quiet(0.4), quiet(0.3, level=30)
    speech = np.concatenate([one, short, one, long, one, noisy, one])
    score = Score((speech,), RATE, (len(speech),))
    assert len(score.pauses) == 2, "a tenth of a second is part of a word; a little noise is quiet too"
    for pause, (starts_s, lasts_s) in zip(score.pauses, ((1.1, 0.4), (2.0, 0.3)), strict=True):
        starts, ends = round(starts_s * RATE), round((starts_s + lasts_s) * RATE)
        assert starts <= pause.at
        assert pause.at + pause.room <= ends
        assert lasts_s - KEPT_S - 0.03 <= pause.room / RATE <= lasts_s - KEPT_S + 0.001
        assert np.abs(speech[pause.at : pause.at + pause.room].astype(int)).max() <= 30
    assert score.pauses is score.pauses, "found once"


def test_a_pause_goes_on_over_parts_and_every_repeat_has_its_own() -> None:
    bell, rest, gap = tone(0.2).samples, quiet(0.2), quiet(0.2)
    speech = np.concatenate([quiet(0.1), tone(1.0).samples, quiet(0.1)])
    score = Score((bell, rest, speech, gap, speech), RATE, ())
    at = [pause.at / RATE for pause in score.pauses]
    room = [pause.room / RATE for pause in score.pauses]
    assert np.allclose(at, [0.225, 1.525], atol=0.02)
    assert np.allclose(room, [0.25, 0.35], atol=0.03), "rest and the quiet start of the speech are one pause"


def test_sound_without_pauses_or_without_sound_has_none_that_hurt() -> None:
    assert Score((tone(1).samples,), RATE, ()).pauses == ()
    assert Score((), RATE, ()).pauses == ()
    assert Score((quiet(1.0),), RATE, ()).pauses == (Pause(400, RATE - 800),)


def test_a_cut_never_reaches_over_a_part() -> None:
    score = Score((np.arange(10, dtype=np.int16), np.arange(100, 105, dtype=np.int16)), RATE, ())
    assert score.cut(8, 12).tolist() == [8, 9]
    assert score.cut(10, 12).tolist() == [100, 101]
    assert score.cut(14, 99).tolist() == [104]
    assert not len(score.cut(15, 20))


def test_a_live_score_lasts_at_most_as_long_as_approved() -> None:
    assert LiveScore(quiet(1.0), RATE, 61.5, lambda _: None).total_ms == 61_500
