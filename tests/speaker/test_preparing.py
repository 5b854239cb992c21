"""Making plays ready beside the stage: nothing that cannot sound, and nothing long, is in the way of what can."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from broker.contract.hub import Media
from broker.contract.speaker import PlayReceipt
from broker.link.session import Session
from broker.speech.sound import Pcm
from edge.speaker.align import HubTime
from edge.speaker.amplifier import Amplifier
from edge.speaker.desk import Desk
from edge.speaker.ear import Ear
from edge.speaker.firewall import SPOKEN_HERE
from edge.speaker.kit import Kit
from edge.speaker.preparing import Preparing
from edge.speaker.programme import Play
from edge.speaker.radio import Radio
from edge.speaker.readying import COMING_S, Readying
from edge.speaker.sinks import Sink, SinkError
from edge.speaker.stage import Stage
from edge.speaker.testing import Testing
from tests.speaker.house import House
from tests.speaker.office import Office
from tests.speaker.signers import AUDIO, MORNING, Signers, play_now
from tests.until import until

SOON = MORNING + timedelta(seconds=30)
WORDS = Pcm(np.full(8000, 3000, dtype=np.int16), 16_000)
GARBAGE = b"not sound at all" * 99
NO_SOUND = Media(
    sha256=hashlib.sha256(GARBAGE).hexdigest(), size=len(GARBAGE), type="audio/ogg", duration_ms=2000
)


@pytest.fixture
def house(tmp_path: Path, signers: Signers) -> Iterator[House]:
    made = House(tmp_path, signers, speed=2.0)
    yield made
    made.end()


class Throat:
    """A voice of which a test says which plays it can speak, and that can be held in the middle of a word."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.dumb: set[str] = set()
        self.slow: set[str] = set()
        self.go_on = threading.Event()

    def __call__(self, one: Play) -> Pcm | None:
        name = one.ask.announcement
        self.asked.append(name)
        if name in self.slow:
            self.go_on.wait(30)
        return None if name in self.dumb else WORDS


@contextmanager
def preparing(desk: Desk, throat: Throat) -> Iterator[Readying]:
    """Both workers run while the block lasts."""
    readying = Readying(desk, Radio(""))
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=Preparing(desk, throat, readying, is_urgent=is_urgent).run, args=(stop, lambda: None)
        )
        for is_urgent in (False, True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield readying
    finally:
        stop.set()
        throat.go_on.set()
        for thread in threads:
            thread.join(5)
        assert not [thread for thread in threads if thread.is_alive()]


def held(office: Office, readying: Readying) -> set[str]:
    """Announcements whose play is ready."""
    return {one.ask.announcement for one in office.desk.programme.all() if readying.get(one) is not None}


def test_an_emergency_is_ready_while_the_words_of_another_play_are_still_being_spoken(
    office: Office, signers: Signers
) -> None:
    throat = Throat()
    throat.slow = {"R"}
    with preparing(office.desk, throat) as readying:
        office.hear(signers.plan(signers.announcement(SOON, announcement="R")))
        office.desk.fetch_failures["a" * 64] = 1
        until(lambda: "R" in throat.asked, 10)
        office.hear(play_now(signers.announcement(announcement="E", kind="emergency")))
        office.desk.fetch_failures["a" * 64] = 1
        until(lambda: held(office, readying) == {"E"}, 10)
        assert office.told("E")[-1] == ("armed", SPOKEN_HERE)
        throat.go_on.set()
        until(lambda: held(office, readying) == {"E", "R"}, 10)


def test_plays_that_cannot_be_spoken_keep_no_other_waiting_and_are_not_asked_for_without_rest(
    office: Office, signers: Signers
) -> None:
    throat = Throat()
    throat.dumb = {f"E{number}" for number in range(5)}
    office.hear(
        signers.plan(
            *(signers.announcement(announcement=f"E{number}", kind="emergency") for number in range(6))
        )
    )
    office.desk.fetch_failures["a" * 64] = 1
    with preparing(office.desk, throat) as readying:
        until(lambda: held(office, readying) == {"E5"}, 10)
        assert sorted(throat.asked) == [f"E{number}" for number in range(6)], "each once: time stands still"
        throat.dumb.clear()
        office.clock.advance(2)
        until(lambda: len(held(office, readying)) == 6, 10)


def test_what_plays_is_not_made_ready_again(office: Office, signers: Signers) -> None:
    office.hear(signers.plan(signers.announcement(SOON)))
    office.desk.fetch_failures["a" * 64] = 1
    one = office.desk.agenda().near[0]
    office.desk.playing = one
    throat = Throat()
    with preparing(office.desk, throat) as readying:
        office.hear(
            signers.plan(
                signers.announcement(SOON), signers.announcement(SOON, announcement="B"), generation=2
            )
        )
        office.desk.fetch_failures["a" * 64] = 1
        until(lambda: held(office, readying) == {"B"}, 10)
    assert throat.asked == ["B"]
    assert ("armed", SPOKEN_HERE) not in office.told("A1")


def test_a_lower_play_waits_a_moment_for_a_higher_one_that_is_being_made_ready_and_no_longer(
    office: Office, signers: Signers
) -> None:
    office.hear(play_now(signers.announcement(announcement="E", kind="emergency")))
    one = office.desk.agenda().near[0]
    readying = Readying(office.desk, Radio(""))
    assert readying.is_coming(one)
    office.clock.advance(COMING_S)
    assert not readying.is_coming(one)
    other = Readying(office.desk, Radio(""))
    other.cannot(one, is_here=False, is_dumb=False)
    assert not other.is_coming(one), "it was tried in vain"
    office.store.place_of(AUDIO.sha256).parent.mkdir()
    office.store.place_of(AUDIO.sha256).write_bytes(b"its own sound")
    assert other.is_coming(one), "its own sound has come meanwhile"


# -- the whole service


def test_an_emergency_without_sound_or_words_bars_no_other_play(house: House, signers: Signers) -> None:
    """Its siren gives way to an emergency that has words, and ends while others wait."""
    media = house.hub.add(0.3)
    house.store.add(house.hub.files[media.sha256], media.type)
    house.start()
    house.hear(
        signers.trust_plan(),
        signers.plan(
            signers.announcement(announcement="E1", kind="emergency", spoken="", audio=NO_SOUND),
            signers.announcement(announcement="E2", kind="emergency", audio=media),
            signers.announcement(announcement="R", audio=media),
        ),
    )
    for name in ("E2", "R"):
        assert house.receipt("played", name).reason == ""
    sirens = [one for one in house.session.messages(PlayReceipt) if one.announcement == "E1"]
    assert [(one.state, one.reason) for one in sirens][-1] == ("interrupted", "no-audio")
    assert 9_000 < (sirens[-1].played_ms or 0) < 50_000, "the siren alone is heard for ten seconds and more"
    assert sirens[-1].repeat == 0


def test_bytes_that_are_no_sound_are_fetched_with_rests_and_then_the_words_are_spoken(
    house: House, signers: Signers
) -> None:
    house.hub.files[NO_SOUND.sha256] = GARBAGE
    house.start()
    start = MORNING + timedelta(seconds=10)
    house.hear(
        signers.trust_plan(),
        signers.plan(signers.announcement(start, audio=NO_SOUND, spoken="Xin chào bà con.")),
    )
    assert house.receipt("armed").reason == "spoken-here"
    assert house.receipt("played").reason == "spoken-here"
    assert 1 <= len(house.hub.asked) <= 7, "one, two, four… seconds of rest"
    assert house.waits(lambda: "wrong-audio" in house.session.problems)


def test_a_silenced_stage_rests_though_a_play_is_near(office: Office, signers: Signers) -> None:
    desk, session = office.desk, cast(Session, office.session)
    asked: list[float] = []

    def mute() -> bool:
        asked.append(time.monotonic())
        return True

    def no_card() -> Sink:
        raise SinkError("no card")

    desk.amplifier_mute = mute
    office.hear(signers.plan(signers.announcement(MORNING + timedelta(seconds=4))))
    amplifier = Amplifier(
        session, desk.clock, office.folder, changed=desk.keys_turned, monotonic=desk.clock.monotonic
    )
    kit = Kit(no_card, amplifier, Ear("", "", desk.clock.monotonic), HubTime(session))
    stage = Stage(desk, kit, Readying(desk, Radio("")), Testing(desk, kit, office.folder))
    stop = threading.Event()
    thread = threading.Thread(target=stage.run, args=(stop, lambda: None))
    thread.start()
    try:
        until(lambda: len(asked) >= 40, 20)
    finally:
        stop.set()
        thread.join(5)
    assert asked[39] - asked[0] > 0.3, "not every two milliseconds"
