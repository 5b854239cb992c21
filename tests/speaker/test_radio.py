"""Programmes from elsewhere: they come in soon, cuts are mended, what is lost is known, and no child stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from broker.speech.loudness import loudness_lufs
from broker.trust.envelope import Relay
from edge.speaker.radio import LOST_S, READY_S, Radio, Reception
from edge.speaker.radio_child import AHEAD_S, MEMORY
from edge.speaker.sinks import Samples
from tests.fakes import station_server
from tests.fakes.snap import find_program, microphone
from tests.fakes.station_server import Station
from tests.until import until

RATE_HZ = 16_000
START_S = 20.0
"""For a child to start on a busy machine."""


@pytest.fixture
def station() -> Iterator[Station]:
    with station_server.serve() as running:
        yield running


def tuned(
    address: str, patience_s: float = LOST_S, snapclient: str = "", first_s: float = START_S
) -> Reception:
    """A reception of an address on this machine."""
    radio = Radio(snapclient, patience_s=patience_s, first_s=first_s, may_be_here=True)
    return radio.tune(Relay(address=address, station="Đài tỉnh", length_s=60), RATE_HZ)


def is_running(pid: int | None) -> bool:
    """Whether a process is there and has not ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


def heard(reception: Reception, seconds: float) -> Samples:
    """So much sound, as it comes."""
    parts: list[Samples] = []

    def is_enough() -> bool:
        piece = reception.pull(RATE_HZ)
        parts.append(np.zeros(0, dtype=np.int16) if piece is None else piece)
        return sum(map(len, parts)) >= seconds * RATE_HZ

    until(is_enough, START_S, lambda: reception.why)
    return np.concatenate(parts)


def strongest_hz(samples: Samples) -> float:
    """Frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE_HZ / len(samples))


def _aac(station: Station) -> None:
    sound = station_server.usual("adts", "aac")
    station.answers["/a"] = station_server.stream(station, sound, "audio/aac")


def _opus(station: Station) -> None:
    sound = station_server.usual("ogg", "libopus")
    station.answers["/a"] = station_server.stream(station, sound, "application/ogg")


def _old(station: Station) -> None:
    head = b"ICY 200 OK\r\nicy-name:Dai xa\r\ncontent-type:audio/mpeg\r\n\r\n"
    station.answers["/a"] = station_server.stream(station, head=head)


def _moved(station: Station) -> None:
    station.answers["/a"] = station_server.move("/b")
    station.answers["/b"] = station_server.stream(station)


def _listed(station: Station) -> None:
    text = f"[playlist]\nNumberOfEntries=1\nFile1={station.url}/b\n"
    station.answers["/a"] = station_server.say(text.encode(), "audio/x-scpls")
    station.answers["/b"] = station_server.stream(station)


def _segments(station: Station) -> None:
    station_server.segments(station)
    station.answers["/a"] = station_server.move("/live.m3u8")


@pytest.mark.parametrize("set_up", [_aac, _opus, _old, _moved, _listed, _segments])
def test_stations_of_every_kind_are_heard(station: Station, set_up: Callable[[Station], None]) -> None:
    set_up(station)
    with closing(tuned(station.url + "/a")) as reception:
        until(lambda: reception.is_ready, START_S, lambda: reception.why)
        samples = heard(reception, 3.0)
        assert abs(strongest_hz(samples) - 150) < 5
        assert reception.why == ""
        assert not reception.is_lost


def test_an_mp3_station_is_ready_soon_and_as_loud_as_speech(station: Station) -> None:
    station.answers["/a"] = station_server.stream(
        station, station_server.coded(station_server.voice(peak=0.9))
    )
    with closing(tuned(station.url + "/a")) as reception:
        until(lambda: reception.is_ready, START_S, lambda: reception.why)
        loudness = loudness_lufs(heard(reception, 6.0).astype(np.float32) / np.float32(32768), RATE_HZ)
        assert -19 < loudness <= -16


def test_a_programme_is_joined_where_it_is_now(station: Station) -> None:
    """Tuned in two minutes before: of what came before the start only the newest few seconds are kept."""
    station.answers["/a"] = station_server.stream(station)
    with closing(tuned(station.url + "/a")) as reception:
        until(lambda: reception.is_ready, START_S, lambda: reception.why)
        threading.Event().wait(1.5)
        first = reception.pull(60 * RATE_HZ)
        assert first is not None
        assert READY_S <= len(first) / RATE_HZ <= 5.0


def test_a_recording_is_not_rushed_through_and_then_over(station: Station) -> None:
    """A server that sends all at once is read as time passes; its end is an end, not a cut."""
    long = station_server.coded(np.tile(station_server.voice(), 3))
    station.answers["/a"] = station_server.say(long, "audio/mpeg")
    began_s = monotonic()
    with closing(tuned(station.url + "/a")) as reception:
        until(lambda: reception.is_ready, START_S, lambda: reception.why)
        samples = heard(reception, AHEAD_S + 0.5)
        assert len(samples) / RATE_HZ <= monotonic() - began_s + AHEAD_S + 0.2
    station.answers["/b"] = station_server.say(station_server.usual(), "audio/mpeg")
    with closing(tuned(station.url + "/b")) as reception:
        until(lambda: reception.is_lost, START_S)
        assert reception.why == "the programme has ended"
        assert len(heard(reception, 3.5)) / RATE_HZ <= 4.1
        assert reception.pull(1000) is None
        assert station.asked.count("/b") == 1


def test_a_short_cut_is_mended(station: Station) -> None:
    """The station breaks off, answers badly once, and is there again: the reception goes on."""
    answers = iter(
        [
            station_server.stream(station, cut_after_s=3.0),
            station_server.say(b"", "text/plain", 503),
            station_server.stream(station),
        ]
    )
    station.answers["/a"] = lambda request: next(answers)(request)
    with closing(tuned(station.url + "/a")) as reception:
        samples = heard(reception, 6.0)
        assert abs(strongest_hz(samples[-2 * RATE_HZ :]) - 150) < 5
        assert not reception.is_lost
        assert station.asked == ["/a"] * 3


def test_a_station_that_falls_silent_is_lost_in_time(station: Station) -> None:
    """Each time it is asked again it sends the same three seconds, as servers do whose source is gone."""
    assert LOST_S + 0.5 <= 10
    station.answers["/a"] = station_server.stream(station, stall_after_s=3.0)
    with closing(tuned(station.url + "/a", patience_s=2.0)) as reception:
        heard(reception, 1.0)
        until(lambda: reception.is_lost, START_S)
        assert reception.why
        until(lambda: not is_running(reception.pid), START_S)


def test_a_station_that_is_gone_for_good_is_lost_in_time(station: Station) -> None:
    answers = iter([station_server.stream(station, cut_after_s=3.0)])
    gone = station_server.say(b"", "text/plain", 404)
    station.answers["/a"] = lambda request: next(answers, gone)(request)
    with closing(tuned(station.url + "/a", patience_s=2.0)) as reception:
        heard(reception, 2.0)
        until(lambda: reception.is_lost, START_S)
        assert reception.why.endswith("the station answers 404")


def test_a_station_that_sends_only_zeros_is_not_heard(station: Station) -> None:
    silence = station_server.coded(np.zeros(4 * station_server.RATE_HZ), "adts", "aac")
    station.answers["/a"] = station_server.stream(station, silence, "audio/aac")
    with closing(tuned(station.url + "/a", patience_s=2.0)) as reception:
        until(lambda: reception.is_lost, START_S)
        assert reception.why.startswith("nothing was heard")


def test_what_is_no_station_is_told_in_words(station: Station) -> None:
    station.answers["/page"] = station_server.say(b"<html>", "text/html; charset=utf-8")
    station.answers["/away"] = station_server.move("file:///etc/passwd")
    said = {
        "/page": "the address answers with a page, not with sound",
        "/away": "only addresses of http and https are followed",
        "/none": "the station answers 404",
    }
    for path, words in said.items():
        with closing(tuned(station.url + path)) as reception:
            until(lambda one=reception: one.is_lost, START_S)  # type: ignore[misc]
            assert reception.why == words
            assert reception.pull(100) is None
            assert not reception.is_ready


@pytest.mark.parametrize("answer", [station_server.garbage, station_server.endless_headers])
def test_noise_and_headers_without_end_are_given_up(
    station: Station, answer: Callable[[Station], station_server.Answer]
) -> None:
    station.answers["/a"] = answer(station)
    with closing(tuned(station.url + "/a", first_s=1.5)) as reception:
        until(lambda: reception.is_lost, START_S)
        assert not is_running(reception.pid)


def test_this_machine_itself_is_no_station(station: Station) -> None:
    relay = Relay(address=station.url + "/a", station="Đài", length_s=60)
    with closing(Radio().tune(relay, RATE_HZ)) as reception:
        until(lambda: reception.is_lost, START_S)
        assert "no station is looked for" in reception.why
    assert station.asked == []


def test_a_killed_child_is_a_lost_programme_and_what_is_here_still_sounds(station: Station) -> None:
    station.answers["/a"] = station_server.stream(station)
    with closing(tuned(station.url + "/a")) as reception:
        until(lambda: reception.is_ready, START_S, lambda: reception.why)
        assert reception.pid
        os.kill(reception.pid, 9)
        until(lambda: reception.is_lost, 3)
        assert not reception.is_ready
        assert len(heard(reception, 2.0)) >= 2 * RATE_HZ
        assert reception.why == "the receiver has ended"
        until(lambda: reception.pull(RATE_HZ) is None, 3)


def test_closing_ends_the_child_whatever_it_does(tmp_path: Path) -> None:
    """A child that ignores everything, and one it started itself."""
    program = tmp_path / "stubborn.py"
    program.write_text(
        "import os, signal\n"
        "[signal.signal(n, signal.SIG_IGN) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE)]\n"
        "pid = os.fork()\n"
        "if pid: os.write(1, pid.to_bytes(8, 'little') + b'x')\n"
        "while True: signal.pause()\n"
    )
    relay = Relay(address="http://dai.example/", station="Đài", length_s=60)
    with closing(Radio(command=[sys.executable, str(program)]).tune(relay, RATE_HZ)) as reception:
        grandchild = int.from_bytes(heard(reception, 8 / 2 / RATE_HZ)[:4].tobytes(), "little")
        pid = reception.pid
        assert is_running(pid)
        assert is_running(grandchild)
    until(lambda: not is_running(pid) and not is_running(grandchild), 5)
    assert reception.pull(10) is None
    reception.close()  # a second time does nothing


def test_a_child_that_cannot_start_is_a_lost_programme() -> None:
    relay = Relay(address="http://dai.example/", station="Đài", length_s=60)
    reception = Radio(command=["/no/such/program"]).tune(relay, RATE_HZ)
    until(lambda: reception.is_lost, START_S)
    assert reception.pull(10) is None
    assert reception.pid is None
    assert "cannot be received here" in reception.why
    reception.close()


def test_a_station_that_cannot_be_had_is_not_asked_all_the_time(station: Station) -> None:
    """Whoever tunes in again whenever it is lost starts no child every moment."""
    radio = Radio(rest_s=1.0, may_be_here=True)
    relay = Relay(address=station.url + "/none", station="Đài", length_s=60)
    began_s = monotonic()
    for _ in range(3):
        with closing(radio.tune(relay, RATE_HZ)) as reception:
            until(lambda one=reception: one.is_lost, START_S)  # type: ignore[misc]
    assert monotonic() - began_s >= 2.0
    assert station.asked == ["/none"] * 3
    with closing(radio.tune(relay, RATE_HZ)) as waiting:
        assert waiting.pid is None
        assert not waiting.is_ready


def test_the_child_ends_with_the_loudspeaker_that_was_killed(station: Station) -> None:
    station.answers["/a"] = station_server.stream(station)
    source = (
        "import sys\nfrom broker.trust.envelope import Relay\nfrom edge.speaker.radio import Radio\n"
        "from tests.until import until\n"
        f"relay = Relay(address={station.url + '/a'!r}, station='x', length_s=60)\n"
        "reception = Radio(may_be_here=True, patience_s=2.0, first_s=20.0).tune(relay, 16000)\n"
        "until(lambda: reception.is_ready, 30)\nprint(reception.pid, flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as speaker:
        child = int((speaker.stdout.readline() if speaker.stdout else "") or 0)
        assert is_running(child)
        speaker.kill()
    until(lambda: not is_running(child), START_S)


def test_the_child_may_use_little(station: Station) -> None:
    station.answers["/a"] = station_server.stream(station)
    with closing(tuned(station.url + "/a")) as reception:
        until(lambda: reception.is_ready, START_S, lambda: reception.why)
        limits = Path(f"/proc/{reception.pid}/limits").read_text(encoding="utf-8")
        spans = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
        assert spans["Max address space"] == str(MEMORY)
        assert spans["Max file size"] == "0"
        assert int(spans["Max cpu time"]) < 200


# -- a live microphone


@pytest.mark.parametrize("channels", [1, 2])
def test_a_live_microphone_is_heard(tmp_path: Path, channels: int) -> None:
    snapclient = find_program("snapclient")
    with (
        microphone(tmp_path, hz=440.0, channels=channels) as mic,
        closing(tuned(mic.address, snapclient=snapclient)) as reception,
    ):
        until(lambda: reception.is_ready, START_S, lambda: reception.why)
        assert abs(strongest_hz(heard(reception, 2.0)) - 440) < 5


def test_who_stops_to_think_is_waited_for_and_a_microphone_that_is_gone_is_lost(tmp_path: Path) -> None:
    snapclient = find_program("snapclient")
    patience_s = 2.0
    with (
        microphone(tmp_path) as mic,
        closing(tuned(mic.address, patience_s, snapclient)) as reception,
    ):
        until(lambda: reception.is_ready, START_S, lambda: reception.why)
        started = _children(reception.pid)
        assert len(started) == 1
        mic.is_on.clear()
        threading.Event().wait(1.25 * patience_s)
        assert not reception.is_lost
        mic.stop()
        until(lambda: reception.is_lost, START_S)
        until(lambda: not any(map(is_running, started)), 5)


def test_no_live_microphone_is_taken_unless_the_house_wants_it() -> None:
    with closing(tuned("snap://127.0.0.1:1704")) as reception:
        until(lambda: reception.is_lost, START_S)
        assert "snapclient is not set" in reception.why


def test_a_live_microphone_is_never_taken_from_the_world() -> None:
    """What snapserver sends is neither signed nor hidden; it stays in the network of the house."""
    with closing(tuned("snap://113.160.10.20", snapclient="/bin/true")) as reception:
        until(lambda: reception.is_lost, START_S)
        assert "is not on this network" in reception.why


def _children(pid: int | None) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
