"""The loudspeaker as a service with a real sound card: placed by its clock, pulled out in the middle, and back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tests.fakes.sound_server import HORN, SoundServer, sound_server
from tests.speaker.house import House
from tests.speaker.signers import MORNING, Signers, play_now

pytestmark = pytest.mark.xdist_group("sound-card")


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, sound_server(Path(folder)) as one:
        yield one


@pytest.fixture
def house(tmp_path: Path, signers: Signers, server: SoundServer) -> Iterator[House]:
    """In real time: a card cannot be hurried."""
    made = House(tmp_path, signers, speed=1.0)
    speaker = msgspec.structs.replace(made.settings.speaker, sound="auto", card=HORN)
    made.settings = msgspec.structs.replace(made.settings, speaker=speaker)
    yield made
    made.end()


def test_a_planned_announcement_sounds_from_the_card_at_its_time(house: House, signers: Signers) -> None:
    signed = signers.announcement(MORNING + timedelta(seconds=2), audio=house.hub.add(0.4))
    house.start().hear(signers.trust_plan(), signers.plan(signed))
    played = house.receipt("played")
    assert (played.sound, played.proof_level, played.proof, played.reason) == ("card", 1, "consumed", "")
    assert played.played_ms == played.total_ms
    assert played.frames is not None
    assert played.rate_hz
    assert abs(1000 * played.frames / played.rate_hz - (played.total_ms or 0)) < 60
    assert played.late_ms is not None
    assert played.underruns or -30 < played.late_ms < 250
    assert not house.played(), "no file stands in for a card"


def test_a_card_pulled_out_in_an_emergency_is_reported_and_the_emergency_is_heard_when_it_is_back(
    house: House, signers: Signers, server: SoundServer
) -> None:
    signed = signers.announcement(kind="emergency", audio=house.hub.add(1.5))
    house.start().hear(signers.trust_plan(), play_now(signed))
    house.receipt("playing")
    server.unplug()
    try:
        cut = house.receipt("interrupted")
        assert cut.reason == "sound-failed"
    finally:
        server.plug_in()
    assert house.receipt("played").sound == "card"
    assert not house.played()
