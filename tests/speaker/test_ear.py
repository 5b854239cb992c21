"""A real ear on a real sound server: it hears what is played, is open no longer than that, and keeps nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.speaker.card import CardSink
from edge.speaker.ear import Ear, joined
from edge.speaker.proof import Heard, Samples, Track, judge
from tests.fakes.sound_server import HORN, HORN_EAR, SoundServer, sound_server
from tests.speaker import rooms
from tests.until import until

HZ = rooms.RATE_HZ
BLOCK = HZ // 10


@pytest.fixture
def server() -> Iterator[SoundServer]:
    with tempfile.TemporaryDirectory(prefix="ear") as folder, sound_server(Path(folder)) as running:
        yield running


def listeners(server: SoundServer) -> int:
    """How many record from the card."""
    found = subprocess.run(
        ["pactl", "list", "short", "source-outputs"],
        env=server._env,
        check=True,
        timeout=10,
        capture_output=True,
    )
    return len(found.stdout.splitlines())


def steady(sink: CardSink) -> Callable[[], bool]:
    """Whether the card's clock has settled: a sound server counts wrong in its first second."""
    zeros: list[float] = []

    def check() -> bool:
        frame, at_s = sink.clock()
        zeros.append(at_s - frame / HZ)
        return len(zeros) > 50 and max(zeros[-50:]) - min(zeros[-50:]) < 0.005

    return check


# -- on a sound server


def performed(server: SoundServer, played: Samples) -> tuple[Heard, Track | None, float, int]:
    """Play it and listen three times over: what both inputs took, what a card of one rate took, when the first
    sample sounded, and how often card or play ran dry."""
    sink = CardSink(HORN, "horn")
    sink.open(HZ, "A1")
    until(steady(sink), 15)
    dry = sink.underruns
    assert listeners(server) == 0
    listening = Ear(HORN_EAR, HORN_EAR).listen()
    bare = Ear("", HORN_EAR, rates_hz=(44_100,)).listen()  # a card that can do nothing lower
    assert listening is not None
    assert bare is not None
    begins = sink.write(played)
    until(lambda: listeners(server) == 3, 10)
    until(lambda: sink.clock()[0] > begins + len(played) - HZ, 25)
    frame, at_s = sink.clock()
    dry = sink.underruns - dry
    sink.finish()
    heard, by_bare = listening.stop(), bare.stop().loop_back
    assert listeners(server) == 0
    assert listening.stop().microphone is None
    return heard, by_bare, at_s + (begins - frame) / HZ, dry


def test_a_play_is_heard_by_the_microphone_and_on_the_line_and_by_nobody_else(server: SoundServer) -> None:
    played = rooms.as_played(rooms.programme(np.random.default_rng(1), 13.6))
    other = rooms.as_played(rooms.programme(np.random.default_rng(2), 13.6))
    for _ in range(3):
        heard, by_bare, started_s, dry = performed(server, played)
        if not dry:  # on a machine too busy to feed its card, what sounded is not what was played
            break
    by_microphone = judge(played, HZ, started_s, heard, None, "card", True)
    assert (by_microphone.level, by_microphone.proof) == (3, "heard")
    assert by_microphone.lag_ms is not None
    assert abs(by_microphone.lag_ms) < 100
    line = judge(played, HZ, started_s, Heard(None, heard.loop_back), None, "card", True)
    assert (line.level, line.proof) == (2, "loop-back")
    assert by_bare is not None
    assert by_bare.rate_hz == 8820
    thinned = judge(played, HZ, started_s, Heard(None, by_bare), None, "card", True)
    assert (thinned.level, thinned.proof) == (2, "loop-back")
    assert judge(other, HZ, started_s, heard, None, "card", True).proof == "inconclusive"
    assert judge(played, HZ, started_s - 0.6, heard, None, "card", True).proof == "inconclusive"


def test_a_microphone_that_is_pulled_out_spoils_nothing(server: SoundServer) -> None:
    listening = Ear(HORN_EAR, "").listen()
    assert listening is not None
    server.unplug()
    until(lambda: not any(each.name == "ear" for each in threading.enumerate()), 10)
    heard = listening.stop()
    assert heard.loop_back is None


def test_an_ear_that_nobody_shuts_shuts_itself(server: SoundServer) -> None:
    late = Ear(HORN_EAR, "").listen(longest_s=0.3)
    assert late is not None
    until(lambda: listeners(server) == 0, 10)

    lost = []
    opener = threading.Thread(target=lambda: lost.append(Ear(HORN_EAR, "").listen()))
    opener.start()
    opener.join()
    until(lambda: listeners(server) == 0, 10)
    assert lost[0] is not None
    late.stop()
    lost[0].stop()


LISTENS = """
import json, sys, threading
import numpy as np
from edge.speaker.ear import Ear
from edge.speaker.proof import judge
opened = []
def watch(event, args):
    if event == "open" and args[2] & 3 and not str(args[0]).startswith("/dev/snd"):
        opened.append(str(args[0]))
    if event.startswith(("socket.connect", "subprocess", "os.system")):
        opened.append(event)
sys.addaudithook(watch)
listening = Ear(sys.argv[1], "").listen()
threading.Event().wait(1.0)
heard = listening.stop()
noise = np.random.default_rng(1).integers(-9000, 9000, 160000).astype(np.int16)
judge(noise, 8000, heard.microphone.started_s, heard, None, "card", True)
print(json.dumps([len(heard.microphone.samples), opened]))
"""


def test_no_sample_is_written_down_or_sent(server: SoundServer) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTENS, HORN_EAR], check=True, timeout=60, capture_output=True, text=True
    )
    samples, opened = json.loads(done.stdout)
    assert samples > 0
    assert opened == []


# -- without one


def test_without_a_microphone_there_is_no_ear() -> None:
    assert Ear("", "").listen() is None
    listening = Ear("no-such-card", "").listen()
    assert listening is not None
    assert listening.stop().microphone is None


def cut(count: int) -> list[Samples]:
    return [np.full(BLOCK, number, dtype=np.int16) for number in range(1, count + 1)]


def test_the_start_is_known_better_than_any_reading_of_it() -> None:
    chance = np.random.default_rng(3)
    begins = [5.0 + 0.1 * number + abs(float(chance.normal(0, 0.01))) for number in range(60)]
    track = joined(cut(60), begins, HZ)
    assert len(track.samples) == 60 * BLOCK
    assert abs(track.started_s - 5.0) < 0.012


def test_lost_samples_are_silence_of_their_length() -> None:
    begins = [5.0 + 0.1 * number + (0.7 if number >= 30 else 0.0) for number in range(60)]
    track = joined(cut(60), begins, HZ)
    assert abs(len(track.samples) - 67 * BLOCK) <= 1
    assert not track.samples[30 * BLOCK : 37 * BLOCK - 1].any()
    assert track.samples[37 * BLOCK] == 31
    assert abs(track.started_s - 5.0) < 0.001


def test_one_late_reading_is_no_loss() -> None:
    begins = [5.0 + 0.1 * number + (0.4 if number == 20 else 0.0) for number in range(60)]
    assert len(joined(cut(60), begins, HZ).samples) == 60 * BLOCK


def test_a_device_whose_crystal_is_off_loses_nothing() -> None:
    begins = [5.0 + 0.1 * number * 1.0003 for number in range(1800)]
    assert len(joined(cut(1800), begins, HZ).samples) == 1800 * BLOCK
