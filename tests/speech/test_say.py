"""From a written text to a clip in one call."""

from __future__ import annotations

from pathlib import Path

from broker.speech.lexicon import load
from broker.speech.master import HORN
from broker.speech.say import render
from broker.speech.sound import decode

WRITTEN = "UBND xã thông báo. Họp lúc 7h30 ngày 20/11. Gọi 113!"


def test_a_written_text_is_spoken_and_its_sentences_timed(tmp_path: Path) -> None:
    clip = render(WRITTEN, voice="vi", cache_dir=tmp_path / "cache", out=tmp_path / "a.opus", lexicon=load())
    assert [WRITTEN[one.start : one.end] for one in clip.timings] == [
        "UBND xã thông báo.",
        "Họp lúc 7h30 ngày 20/11.",
        "Gọi 113!",
    ]
    assert decode(clip.path).duration_ms > 4000


def test_a_spoken_text_is_spoken_exactly_as_approved(tmp_path: Path) -> None:
    spoken = "Ủy ban nhân dân xã thông báo. Gọi một một ba!"
    clip = render(spoken, voice="vi", cache_dir=tmp_path / "cache", out=tmp_path / "a.wav", profile=HORN)
    assert [spoken[one.start : one.end] for one in clip.timings] == [
        "Ủy ban nhân dân xã thông báo.",
        "Gọi một một ba!",
    ]
    assert decode(clip.path).rate_hz == HORN.rate_hz
