"""The whole loudspeaker service and the whole board service on one node: keys turned while something plays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest

from broker.contract import Identity
from broker.contract.board import AmplifierAlarm, AmplifierState
from broker.contract.speaker import LocalUse, PlayReceipt
from firmware_bridge.service import build
from firmware_bridge.simulator import SimulatedAmplifier, SimulatedBoard
from tests.fakes.session import FakeSession
from tests.firmware_bridge.test_amplifier import settings_at
from tests.speaker.house import House
from tests.speaker.neighbours import NearSession
from tests.speaker.signers import MORNING, Signers, play_now
from tests.until import until


class WiredHouse(House):
    """A house whose amplifier hangs on a simulated relay board; its clock runs as ours."""

    def __init__(self, folder: Path, signers: Signers, sockets: Path) -> None:
        self._sockets = sockets
        super().__init__(folder, signers, speed=1.0)
        self.amplifier = SimulatedAmplifier()
        self.board: NearSession | None = None
        self._open = ExitStack()

    def _session(self) -> FakeSession:
        return NearSession(Identity("thon-01", "speaker"), self._sockets, None, self.clock)

    def start(self) -> House:
        """Both services; returns when the amplifier is known to both."""
        port = self._open.enter_context(
            SimulatedBoard(self.amplifier.devices, values=self.amplifier.values)
        ).path
        settings = settings_at(self.folder, port)
        self.board = NearSession(Identity("thon-01", "board"), self._sockets, settings, self.clock)
        (worker,) = build(settings, cast(Any, self.board))
        stop = threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop, lambda: None))
        super().start()
        self._open.enter_context(cast(NearSession, self.session).listening())
        self._open.enter_context(self.board.listening())
        thread.start()
        self._open.callback(thread.join, 5)
        self._open.callback(stop.set)
        return self

    def switched_on_at(self) -> datetime:
        """When the board first read the relay as closed."""
        assert self.board is not None
        told: AmplifierState = self.board.wait_for(AmplifierState, lambda one: one.relay == "on")
        return told.at

    def end(self) -> None:
        """The loudspeaker first, then the board."""
        super().end()
        self._open.close()


@pytest.fixture
def house(tmp_path: Path, signers: Signers) -> Iterator[WiredHouse]:
    with TemporaryDirectory(prefix="ls-") as short:
        made = WiredHouse(tmp_path, signers, Path(short))
        made.start()
        made.hear(signers.trust_plan())
        yield made
        made.end()


@pytest.mark.parametrize("kind", ["routine", "emergency"])
def test_the_mute_key_silences_what_plays_within_half_a_second(
    house: WiredHouse, signers: Signers, kind: str
) -> None:
    house.hear(play_now(signers.announcement(MORNING, audio=house.hub.add(20), kind=kind)))
    playing = house.receipt("playing")
    assert playing.started_at is not None
    assert house.amplifier.is_on
    if kind == "routine":
        assert house.switched_on_at() + timedelta(seconds=2.8) <= playing.started_at, (
            "a cold amplifier swallows words"
        )
    turned_at = house.clock.now()
    house.amplifier.turn(house.amplifier.MUTE, True)
    assert house.waits(lambda: house.states()[-1] not in ("playing", "armed"), 10)
    ended = house.session.messages(PlayReceipt)[-1]
    assert ended.reason == "muted-here"
    assert ended.started_at is not None
    silent_at = ended.started_at + timedelta(milliseconds=ended.played_ms or 0)
    assert silent_at - turned_at < timedelta(seconds=0.5)
    until(lambda: not house.amplifier.is_on, 5)
    use = house.session.wait_for(LocalUse)
    assert (use.what, use.ended_at) == ("mute", None)
    assert house.board is not None
    assert house.board.messages(AmplifierAlarm) == []
