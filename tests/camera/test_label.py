"""Naming what moved: right boxes whatever the piece, one network for all cameras, and no failure that matters."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from broker.contract.camera import Label
from edge.camera.analysis import Analyst
from edge.camera.label import MOST_WAITING, WIDEST_PX, Labeller, LabelWorker, pieces
from edge.camera.model_child import MEMORY
from edge.camera.model_process import ModelFailed, ModelProcess
from edge.camera.motion import Verdict
from edge.camera.nanodet import Form, ModelRefused, Piece, Sighting, fill, form_of, merge, sightings
from edge.camera.picture import Colour, Grey
from tests.camera.network import CELLS, ROW, SIDE_PX, write_network, write_slow_network
from tests.until import until

FORM = Form(SIDE_PX, (8, 16, 32), 2)
WHITE, BLUE, GREEN = (255, 255, 255), (255, 0, 0), (0, 255, 0)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """White is a person, blue a vehicle, green an animal."""
    return write_network(tmp_path_factory.mktemp("network") / "colours.onnx")


@pytest.fixture(scope="module")
def labeller(network: Path) -> Iterator[Labeller]:
    """Its process serves all tests of this module."""
    made = Labeller(network)
    yield made
    made.rest()


def _street(*things: tuple[tuple[int, int, int], float, float, float, float], wide: int = 640) -> Colour:
    """Grey 16 : 9 picture with coloured rectangles (colour, x, y, w, h in fractions)."""
    high = wide * 9 // 16
    picture = np.full((high, wide, 3), 112, np.uint8)
    for colour, x, y, w, h in things:
        picture[round(y * high) : round((y + h) * high), round(x * wide) : round((x + w) * wide)] = colour
    return picture


class Heard:
    """What a worker said, and what it had to say about itself."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, list[Label]]] = []
        self.troubles: list[str] = []

    def say(self, episode: str, camera: str, labels: list[Label]) -> None:
        """Keep it."""
        self.said.append((episode, camera, labels))


@contextmanager
def _working(worker: LabelWorker) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, lambda: None))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(2.0)
        assert not thread.is_alive()


def _refused(labeller: Labeller) -> str:
    with pytest.raises(ModelFailed) as failed:
        labeller.look(_street(), [])
    return f"{failed.value.why}: {failed.value}"


def test_what_moved_is_named_with_its_box_in_fractions(labeller: Labeller) -> None:
    picture = _street((WHITE, 0.2, 0.3, 0.1, 0.4), (BLUE, 0.7, 0.5, 0.25, 0.25))
    (person, *_) = labeller.look(picture, [(0.2, 0.3, 0.1, 0.4)])
    assert person.what == "person"
    assert 0.6 < person.score < 1.0
    assert person.box.x >= 0.17
    assert person.box.x + person.box.w <= 0.33
    assert person.box.y >= 0.25
    assert person.box.y + person.box.h <= 0.75
    assert {each.what for each in labeller.look(picture, [(0.72, 0.55, 0.2, 0.15)])} == {"vehicle"}


def test_a_thing_too_small_in_the_whole_is_found_in_the_piece_round_the_motion(labeller: Labeller) -> None:
    picture = _street((GREEN, 0.5, 0.5, 0.05, 0.09))
    assert labeller.look(picture, []) == []
    assert {each.what for each in labeller.look(picture, [(0.5, 0.5, 0.05, 0.09)])} == {"animal"}


def test_what_stands_elsewhere_is_not_what_moved(labeller: Labeller) -> None:
    parked = _street((BLUE, 0.7, 0.5, 0.25, 0.25))
    assert labeller.look(parked, [(0.1, 0.1, 0.1, 0.2)]) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 900, 3), (900, 2, 3), (144, 256, 3)])
@pytest.mark.parametrize("box", [(0.0, 0.0, 1.0, 1.0), (0.99, 0.99, 0.01, 0.01), (0.5, 0.5, 0.0, 0.0)])
def test_any_picture_and_box_is_cut_inside_the_picture(
    shape: tuple[int, int, int], box: tuple[float, float, float, float]
) -> None:
    high, wide = shape[:2]
    for piece in pieces(wide, high, [box, box]):
        assert 0 <= piece.x <= piece.x + piece.w <= wide
        assert 0 <= piece.y <= piece.y + piece.h <= high
        assert fill(np.zeros(shape, np.uint8), piece, FORM).shape == (1, 3, SIDE_PX, SIDE_PX)


def test_a_later_look_adds_and_takes_nothing_away(network: Path) -> None:
    heard = Heard()
    worker = LabelWorker(Labeller(network), heard.say, heard.troubles.append, look_s=0.0)
    white, blue = (WHITE, 0.1, 0.2, 0.3, 0.5), (BLUE, 0.6, 0.2, 0.3, 0.5)
    with _working(worker):
        for things in ([white], [], [white], [blue]):
            worker.ask("e1", "07", _street(*things), [])
        until(lambda: len(heard.said) == 2, 10.0)
    assert {each.what for each in heard.said[0][2]} == {"person"}
    assert {each.what for each in heard.said[1][2]} == {"person", "vehicle"}
    scores = [each.score for each in heard.said[1][2]]
    assert scores == sorted(scores, reverse=True)


class Walker:
    """A detector that sees one thing walk to the right, best in the middle of the picture."""

    sensitivity = 0.5
    busy = True

    def look(self, small: Grey, now_s: float) -> Verdict:
        """Where it is now."""
        where = (now_s / 10, 0.4, 0.1, 0.2)
        return Verdict(moving_since_s=0.0, boxes=[where], confidence=1.0 - abs(now_s - 5) / 10)

    def rest(self, small: Grey, now_s: float) -> None:
        """Nothing is learnt."""

    def resume(self, at_s: float) -> None:
        """Nothing is forgotten."""


def test_the_best_picture_is_named_where_the_thing_is_then() -> None:
    analyst = Analyst(detector=Walker())
    assert analyst.best_boxes == ()
    texture = np.random.default_rng(3).integers(60, 190, (144, 256), np.uint8)
    for tick in range(45):
        analyst.look(texture, tick / 5)
    assert analyst.best_s == 5.0
    assert analyst.best_boxes == [(0.5, 0.4, 0.1, 0.2)]


def test_a_thing_seen_in_both_pieces_is_one_and_two_kinds_in_one_place_are_two() -> None:
    twice = [Sighting("person", 0.6, (10, 10, 50, 90)), Sighting("person", 0.8, (12, 11, 52, 92))]
    rider = Sighting("vehicle", 0.5, (10, 40, 60, 95))
    assert merge([*twice, rider]) == [twice[1], rider]
    part = Sighting("person", 0.5, (15, 15, 45, 50))
    assert merge([*twice, part]) == [twice[1]]


def test_a_head_taken_for_an_animal_is_its_persons_and_a_buffalo_is_not_its_riders() -> None:
    person = Sighting("person", 0.5, (10, 10, 50, 90))
    head = Sighting("animal", 0.7, (20, 10, 40, 30))
    buffalo = Sighting("animal", 0.7, (0, 5, 150, 120))
    dog = Sighting("animal", 0.6, (45, 60, 90, 90))
    assert merge([head, person]) == [person]
    assert merge([person, buffalo]) == [buffalo, person]
    assert merge([person, dog]) == [dog, person]


def test_distances_are_the_mean_of_their_spread_in_strides() -> None:
    numbers = np.zeros((1, CELLS, ROW), np.float32)
    cell = 64 + 5  # second level, stride 16, second row, second column: its middle is (24, 24)
    numbers[0, cell, 0] = 0.75
    numbers[0, cell, 80:] = [50, 0, 0, 50, 0, 0, 50, 0]  # left 0, top 1, right half, bottom 0 strides
    (one,) = sightings(numbers, FORM, Piece(100, 200, 128, 128))
    assert one.score == 0.75
    assert one.box == (100 + 48, 200 + 16, 100 + 64, 200 + 48)


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        (([[1, 3, 416, 416]], [[1, 3549, 124]]), (8, 16, 32)),
        (([[1, 3, 416, 416]], [[1, 3598, 112]]), (8, 16, 32, 64)),
        (([[1, 3, 320, 320]], [[1, 2125, 112]]), (8, 16, 32, 64)),
    ],
)
def test_networks_as_nanodet_and_nanodet_plus_export_them_are_taken(
    shapes: tuple[list[list[int]], list[list[int]]], found: tuple[int, ...]
) -> None:
    assert form_of(*shapes).strides == found


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([], []),
        ([[1, 3, 416, 416]], []),
        ([["batch", 3, 416, 416]], [["batch", 3549, 124]]),
        ([[1, 3, 640, 640]], [[1, 84, 8400]]),
        ([[1, 3, 416, 400]], [[1, 3549, 124]]),
        ([[1, 3, 416, 416]], [[1, 3549, 85]]),
        ([[1, 3, 4160, 4160]], [[1, 354900, 124]]),
        ([[1, 3, None, None]], [[1, None, None]]),
        ([[1, 3, -32, -32]], [[1, 21, 124]]),
        ([[1]], [[1]]),
        ([[1, 3, 416, 416]], [[1, 3549, 80]]),
        ([[1, 3, 416, 416]] * 3, [[1, 3549, 124]]),
    ],
)
def test_other_networks_are_refused_with_what_was_found_and_what_is_needed(
    inputs: list[list[int | str | None]], outputs: list[list[int | str | None]]
) -> None:
    with pytest.raises(ModelRefused, match=r"found .* → .*; needed 1x3xSxS → 1xNx\(80\+4·B\)"):
        form_of(inputs, outputs)


def test_broken_files_are_refused_with_the_reason(tmp_path: Path) -> None:
    garbage, empty, large = tmp_path / "garbage.onnx", tmp_path / "empty.onnx", tmp_path / "large.onnx"
    garbage.write_bytes(b"no network" * 100)
    empty.touch()
    with large.open("wb") as file:
        file.truncate(2**40)
    os.mkfifo(tmp_path / "pipe.onnx")
    assert _refused(Labeller(tmp_path / "none.onnx")).startswith("missing: ")
    assert _refused(Labeller(tmp_path)).startswith("missing: ")
    assert _refused(Labeller(tmp_path / "pipe.onnx")).startswith("missing: ")
    assert "0 bytes; needed 1 to" in _refused(Labeller(empty))
    assert "bytes; needed 1 to" in _refused(Labeller(large))
    assert "refused: " in _refused(Labeller(garbage))


@pytest.mark.parametrize(
    ("value", "said"),
    [(float("nan"), "NaN"), (float("inf"), "NaN"), (3.0, "needed 0 to 1"), (-1.0, "needed")],
)
def test_numbers_no_network_gives_are_refused(value: float, said: str) -> None:
    numbers = np.zeros((1, CELLS, ROW), np.float32)
    numbers[0, 3, 7] = value
    with pytest.raises(ModelRefused, match=said):
        sightings(numbers, FORM, Piece(0, 0, 64, 64))


def test_a_network_that_gives_no_numbers_is_a_reason_and_no_more(tmp_path: Path) -> None:
    assert "NaN" in _refused(Labeller(write_network(tmp_path / "wild.onnx", scale=float("nan"))))


@pytest.mark.parametrize(
    ("child", "why"),
    [
        ("import os; os.kill(os.getpid(), 11)", "ended"),
        ("import os; os.close(0)", "ended"),
        ("import os; os.write(0, b'R' + bytes([5, 0, 0, 0]) + b'never')", "refused"),
        ("import os; os.write(0, b'N' + bytes([0, 0, 0, 0]))", "refused"),
        ("import os; os.write(0, b'S' + bytes([255, 255, 255, 127]))", "refused"),
        ("import os; os.write(0, b'S' + bytes([4, 0, 0, 0]) + b'null')", "refused"),
        ("import os; os.write(0, b'R' + bytes([20, 0, 0, 0]) + b'ModuleNotFoundError:')", "runtime"),
        ("input()", "late"),
    ],
)
def test_a_process_that_crashes_lies_or_is_silent_is_a_reason_and_no_more(
    network: Path, child: str, why: str
) -> None:
    with pytest.raises(ModelFailed) as failed:
        ModelProcess(network, 1, lambda: True, (sys.executable, "-S", "-c", child), load_s=0.3)
    assert failed.value.why == why


def test_one_network_serves_all_cameras_and_gives_its_memory_back_when_nobody_asks(network: Path) -> None:
    labeller, heard = Labeller(network), Heard()
    worker = LabelWorker(labeller, heard.say, heard.troubles.append, look_s=0.0, idle_s=0.3)
    with _working(worker):
        worker.ask("e1", "07", _street((WHITE, 0.2, 0.2, 0.3, 0.5), wide=3840), [(0.2, 0.2, 0.3, 0.5)])
        worker.ask("e2", "08", _street(), [(0.2, 0.2, 0.3, 0.5)])
        worker.ask("e3", "09", _street((BLUE, 0.2, 0.2, 0.3, 0.5)), [])
        until(lambda: len(heard.said) == 2, 10.0)
        until(lambda: labeller._process is None, 5.0)
    assert [(episode, camera, labels[0].what) for episode, camera, labels in heard.said] == [
        ("e1", "07", "person"),
        ("e3", "09", "vehicle"),
    ]
    assert heard.troubles == []


def test_what_the_service_itself_holds_is_not_counted_against_the_network(network: Path) -> None:
    held = np.ones(MEMORY // 8 + 1)
    labeller = Labeller(network)
    found = {each.what for each in labeller.look(_street((BLUE, 0.2, 0.2, 0.3, 0.5)), [])}
    labeller.rest()
    assert (found, held.nbytes > MEMORY) == ({"vehicle"}, True)


def test_asking_never_waits_and_forgets_the_oldest(network: Path) -> None:
    worker = LabelWorker(Labeller(network), Heard().say, lambda _: None)
    for number in range(MOST_WAITING + 3):
        worker.ask(f"e{number}", "07", _street(wide=1920), [])
    assert [each.episode for each in worker._waiting] == ["e3", "e4", "e5", "e6"]
    assert {each.colour.shape for each in worker._waiting} == {(WIDEST_PX * 9 // 16, WIDEST_PX, 3)}


def test_a_failure_is_told_once_and_so_is_its_end(tmp_path: Path, network: Path) -> None:
    heard = Heard()
    file = tmp_path / "model.onnx"
    worker = LabelWorker(Labeller(file), heard.say, heard.troubles.append, look_s=0.0, rest_s=0.01)
    white = _street((WHITE, 0.2, 0.2, 0.3, 0.5))
    with _working(worker) as thread:
        for _ in range(2):
            worker.ask("e1", "07", white, [])
            until(lambda: not worker._waiting, 3.0)
        until(lambda: len(heard.troubles) == 1, 3.0)
        file.write_bytes(network.read_bytes())

        def asked_again() -> bool:
            worker.ask("e2", "07", white, [])
            return bool(heard.said)

        until(asked_again, 10.0)
        assert thread.is_alive()
    assert heard.troubles[0].startswith("Không đọc được tệp mô hình")
    assert "Cảnh báo chuyển động vẫn gửi" in heard.troubles[0]
    assert heard.troubles[1:] == [""]


def test_a_network_that_dies_at_work_or_takes_for_ever_stops_neither_worker_nor_shutdown(
    tmp_path: Path,
) -> None:
    heard = Heard()
    labeller = Labeller(write_slow_network(tmp_path / "slow.onnx"))
    worker = LabelWorker(labeller, heard.say, heard.troubles.append, look_s=0.0, rest_s=0.01)

    def is_computing() -> bool:
        process = labeller._process
        return process is not None and process._told_size

    with _working(worker):  # its end asserts that a look that goes on is left within 2 s
        worker.ask("e1", "07", _street(), [])
        until(is_computing, 8.0)
        first = labeller._process
        assert first is not None
        os.kill(first._process.pid, signal.SIGSEGV)
        until(lambda: heard.troubles != [], 10.0)

        def is_computing_again() -> bool:
            if not worker._waiting:
                worker.ask("e2", "07", _street(), [])  # what is asked during the rest is forgotten
            return labeller._process is not first and is_computing()

        until(is_computing_again, 8.0)
        second = labeller._process
    assert heard.troubles[0].startswith("Phần nhận dạng của điểm này bị lỗi")
    assert second is not None
    assert second._process.returncode == -signal.SIGKILL


def test_a_picture_that_cannot_be_looked_at_ends_nothing(network: Path) -> None:
    heard = Heard()
    worker = LabelWorker(Labeller(network), heard.say, heard.troubles.append, look_s=0.0, rest_s=0.01)
    with _working(worker):
        worker.ask("e1", "07", np.zeros((0, 0, 3), np.uint8), [])
        until(lambda: heard.troubles != [], 10.0)

        def asked_again() -> bool:
            worker.ask("e2", "07", _street((WHITE, 0.2, 0.2, 0.3, 0.5)), [])
            return bool(heard.said)

        until(asked_again, 10.0)
    assert heard.troubles[-1] == ""
