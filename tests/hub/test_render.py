"""The sound of announcements: made from what was sent, the urgent first, and told when it cannot be made."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from broker.contract.hub import Media
from broker.hub.announcing import service, workflow
from broker.hub.announcing.render import MOST_TRIES, Renderer, media_store, render_next
from broker.hub.recordings import TEXT, Track
from broker.hub.records import Revision
from broker.speech.sound import decode
from broker.speech.voice import EngineError, choose
from tests.hub.studio import Studio, later
from tests.hub.town import NOW
from tests.speech.voices import talk, write_sound


def engine_or_skip() -> None:
    try:
        choose()
    except EngineError as why:
        pytest.skip(f"no speech engine: {why}")


def test_a_submitted_announcement_gets_its_sound(studio: Studio) -> None:
    engine_or_skip()
    revision = studio.town.submitted(audio=False)
    renderer = Renderer(studio.settings)
    assert render_next(studio.town.database, renderer, studio.clock)
    assert not render_next(studio.town.database, renderer, studio.clock)
    row = studio.town.revision(revision)
    assert row.audio is not None
    assert row.audio["type"] == "audio/ogg"
    path = media_store(studio.settings).path_of(row.audio["sha256"])
    assert path is not None
    assert abs(decode(path).duration_ms - row.audio["duration_ms"]) < 100
    assert row.audio["duration_ms"] > 1000


def test_an_editor_hears_a_preview(studio: Studio) -> None:
    engine_or_skip()
    path = Renderer(studio.settings).preview("Mời bà con đi họp.", "vi")
    assert decode(path).duration_ms > 500
    assert media_store(studio.settings).path_of(path.name) is None, "trials stay out of what is sent"


def test_an_announcement_is_heard_as_its_tracks(studio: Studio, tmp_path: Path) -> None:
    engine_or_skip()
    store = media_store(studio.settings)
    tone = write_sound(tmp_path / "tay.ogg", talk(3))
    tay = Track("tyz", store.add(tone, "audio/ogg", 3000))
    spoken = studio.town.submitted(audio=False)
    both = studio.town.submitted(audio=False, tracks=[TEXT, tay], starts=[later(5)])
    renderer = Renderer(studio.settings)
    while render_next(studio.town.database, renderer, studio.clock):
        pass
    lengths = [studio.town.revision(one).audio["duration_ms"] for one in (spoken, both)]  # type: ignore[index]
    assert lengths[1] - lengths[0] == pytest.approx(3000 + 1000, abs=300)


def test_a_recording_that_is_lost_is_told_to_the_editor(studio: Studio) -> None:
    lost = Track("tyz", Media(sha256="ab" * 32, size=9, type="audio/ogg", duration_ms=3000))
    revision = studio.town.submitted(audio=False, tracks=[Track("vi", lost.recording)])
    render_next(studio.town.database, Renderer(studio.settings), studio.clock)
    assert "ghi lại" in studio.town.revision(revision).audio_problem


@dataclass
class Rings:
    """An online engine that nobody may ask."""

    id: str = "rings"
    version: str = "1"
    online: bool = True
    asked: int = 0

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Any:
        self.asked += 1
        raise EngineError("the network is dead")


def test_an_emergency_is_spoken_without_asking_outside_and_before_the_others(studio: Studio) -> None:
    engine_or_skip()
    outside, order = Rings(), []

    class Heard(Renderer):
        engines = (outside, *choose())

        def audio(self, spoken: str, *rest: Any, **how: Any) -> Any:
            order.append(how["is_emergency"])
            return super().audio(spoken, *rest, **how)

    studio.town.submitted(audio=False)
    revision = studio.town.submitted(audio=False, kind="emergency", play_now=True, starts=[])
    renderer = Heard(studio.settings)
    while render_next(studio.town.database, renderer, studio.clock):
        pass
    assert order == [True, False]
    assert studio.town.revision(revision).audio is not None
    assert outside.asked == 1  # for the other one


class Mute:
    """A renderer whose engine never speaks, or whose disk is full."""

    def __init__(self, why: Exception) -> None:
        self.why = why

    def audio(self, spoken: str, voice: str, tracks: Any, *, is_emergency: bool) -> Any:
        raise self.why


@pytest.mark.parametrize(
    "why",
    [EngineError("no voice"), OSError(28, "No space left on device"), MemoryError(), ValueError("0 Hz")],
)
def test_when_it_cannot_be_spoken_the_editor_reads_why(studio: Studio, why: Exception) -> None:
    revision = studio.town.submitted(audio=False)
    render_next(studio.town.database, Mute(why), studio.clock)  # type: ignore[arg-type]
    row = studio.town.revision(revision)
    assert row.audio is None
    assert row.audio_problem.endswith(".")


def test_an_emergency_that_comes_while_another_is_read_is_the_next(studio: Studio) -> None:
    for hours in (3, 4, 5):
        studio.town.submitted(audio=False, starts=[later(hours)])
    order: list[bool] = []

    class Busy:
        def audio(self, spoken: str, voice: str, tracks: Any, *, is_emergency: bool) -> Any:
            order.append(is_emergency)
            if len(order) == 1:
                studio.town.submitted(audio=False, kind="emergency", play_now=True, starts=[])
            raise EngineError("no voice")

    while render_next(studio.town.database, Busy(), studio.clock):  # type: ignore[arg-type]
        pass
    assert order == [False, True, False, False]


def test_an_emergency_is_read_beside_a_long_reading(studio: Studio) -> None:
    studio.town.submitted(audio=False)
    began, may_end, read = threading.Event(), threading.Event(), threading.Event()

    class Long:
        def audio(self, spoken: str, voice: str, tracks: Any, *, is_emergency: bool) -> Any:
            if is_emergency:
                read.set()
            else:
                began.set()
                may_end.wait(20)
            raise EngineError("no voice")

    stop = threading.Event()
    workers = service.rendering(studio.town.database, Long(), studio.clock)  # type: ignore[arg-type]
    threads = [threading.Thread(target=one.run, args=(stop, lambda: None)) for one in workers]
    for thread in threads:
        thread.start()
    try:
        assert began.wait(10)
        studio.town.submitted(audio=False, kind="emergency", play_now=True, starts=[])
        assert read.wait(10)
    finally:
        stop.set()
        may_end.set()
        for thread in threads:
            thread.join(10)


def test_a_revision_that_ends_the_process_is_not_begun_for_ever(studio: Studio) -> None:
    revision = studio.town.submitted(audio=False)
    other = studio.town.submitted(audio=False, starts=[later(5)])
    tried = []

    class Killed(BaseException):
        """As the end of the process: nothing after it runs."""

    class Deadly:
        def audio(self, spoken: str, voice: str, tracks: Any, *, is_emergency: bool) -> Any:
            tried.append(spoken)
            if len(tried) <= MOST_TRIES:
                raise Killed
            raise EngineError("no voice")

    for _ in range(MOST_TRIES):
        with pytest.raises(Killed):
            render_next(studio.town.database, Deadly(), studio.clock)  # type: ignore[arg-type]
    assert render_next(studio.town.database, Deadly(), studio.clock)  # type: ignore[arg-type]
    assert len(tried) == MOST_TRIES
    assert "dừng giữa chừng" in studio.town.revision(revision).audio_problem
    assert studio.town.revision(other).audio_problem == ""
    assert render_next(studio.town.database, Deadly(), studio.clock), "and the others are still read"  # type: ignore[arg-type]
    assert len(tried) == MOST_TRIES + 1


def test_sound_made_for_words_that_changed_meanwhile_is_dropped(studio: Studio) -> None:
    revision = studio.town.submitted(audio=False)

    class Slow:
        def audio(self, spoken: str, voice: str, tracks: Any, *, is_emergency: bool) -> Any:
            with studio.town.database.session() as db:
                row = db.get_one(Revision, revision)
                workflow.save_draft(db, studio.town.hoa, workflow.Draft(), NOW, row.announcement_id)
            raise EngineError("late")

    render_next(studio.town.database, Slow(), studio.clock)  # type: ignore[arg-type]
    assert studio.town.revision(revision).audio_problem == ""
    assert studio.town.revision(revision).state == "superseded"
