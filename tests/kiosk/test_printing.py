"""A slip of paper: all its letters, its code read back, and never a page that waits for a printer for ever."""

from __future__ import annotations

import os
import pty
import socket
import threading
import time
import tty
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.printing import (
    DOTS_PER_MM,
    GOES_ON,
    LONGEST_MM,
    PRINTED_DOTS,
    Paper,
    Printer,
    Slip,
    Unprinted,
    draw,
)

LETTERS = "aàáảãạăằắẳẵặâầấẩẫậbcdđeèéẻẽẹêềếểễệfghiìíỉĩịjklmnoòóỏõọôồốổỗộơờớởỡợpqrstuùúủũụưừứửữựvwxyỳýỷỹỵz"
LINK = "https://dichvucong.gov.vn/tim-kiem-thu-tuc-hanh-chinh?keyword=1.001193"

SLIP = Slip(
    title="Làm giấy khai sinh cho con",
    papers=[
        Paper("Giấy chứng sinh", "Không có thì giấy của người làm chứng.", ticked=True),
        Paper("Căn cước của bố hoặc mẹ"),
    ],
    doubts=[],
    blocks=[("Bao lâu", ["Trong ngày."]), ("Lệ phí", ["Trong 60 ngày: không mất tiền."])],
    link=LINK,
    link_words="dichvucong.gov.vn",
    foot="Đối chiếu ngày 21/11/2026, chưa được xã duyệt",
)


class Roll:
    """A network printer: takes ESC/POS, answers for its paper, and keeps the picture it was sent."""

    def __init__(self, paper: bytes = b"\x12", reads: bool = True) -> None:
        self._ear = socket.create_server(("127.0.0.1", 0))
        self._paper, self._reads = paper, reads
        self._taken = bytearray()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.address = f"tcp://127.0.0.1:{self._ear.getsockname()[1]}"

    def _serve(self) -> None:
        try:
            line, _ = self._ear.accept()
        except OSError:
            return
        with line:
            if line.recv(3) == b"\x10\x04\x04" and self._paper:
                line.sendall(self._paper)
            if not self._reads:
                self._done.wait(30)
                return
            while part := line.recv(65536):
                self._taken += part
                if self._paper and self._taken.endswith(b"\x10\x04\x04"):
                    line.sendall(self._paper)

    def picture(self) -> np.ndarray:
        """Black and white as it came out, rows of dots."""
        self._thread.join(10)
        return raster(bytes(self._taken))

    def close(self) -> None:
        self._done.set()
        self._ear.close()
        self._thread.join(10)


def raster(data: bytes) -> np.ndarray:
    """Rows of all `GS v 0` pictures in a stream."""
    rows, at = [], 0
    while (at := data.find(b"\x1dv0", at)) >= 0:
        across = data[at + 4] + 256 * data[at + 5]
        down = data[at + 6] + 256 * data[at + 7]
        bits = np.frombuffer(data, np.uint8, across * down, at + 8).reshape(down, across)
        rows.append(255 * (1 - np.unpackbits(bits, axis=1)))
        at += 8 + across * down
    return np.vstack(rows).astype(np.uint8)


@pytest.fixture
def roll() -> Iterator[Roll]:
    made = Roll()
    yield made
    made.close()


def code_in(picture: np.ndarray) -> str:
    bigger = cv2.copyMakeBorder(
        cv2.resize(picture, None, fx=2, fy=2), 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=255
    )
    return cv2.QRCodeDetector().detectAndDecode(bigger)[0]


def test_the_code_on_the_paper_is_read_back(roll: Roll) -> None:
    Printer(roll.address, 58)(SLIP)
    picture = roll.picture()
    assert picture.shape[1] == PRINTED_DOTS[58]
    assert code_in(picture) == LINK


def test_the_paper_is_cut_at_the_end(roll: Roll) -> None:
    Printer(roll.address, 80)(SLIP)
    roll.picture()
    assert b"\x1dV" in bytes(roll._taken)[-20:]


@pytest.mark.parametrize("paper_mm", [58, 80])
def test_every_vietnamese_letter_has_a_shape_of_its_own(paper_mm: int) -> None:
    shapes = {}
    for letter in LETTERS + LETTERS.upper():
        slip = Slip(title=letter, papers=[], doubts=[], blocks=[], link="", link_words="", foot="")
        shapes[letter] = np.asarray(draw(slip, paper_mm)).tobytes()
    assert len(set(shapes.values())) == len(shapes)


def test_a_ticked_paper_looks_ticked() -> None:
    bare = Slip(title="x", papers=[Paper("Giấy")], doubts=[], blocks=[], link="", link_words="", foot="")
    ticked = Slip(
        title="x", papers=[Paper("Giấy", ticked=True)], doubts=[], blocks=[], link="", link_words="", foot=""
    )
    assert np.asarray(draw(bare, 58)).tobytes() != np.asarray(draw(ticked, 58)).tobytes()


def test_no_slip_is_longer_than_a_folded_page() -> None:
    endless = Slip(
        title="Dài " * 50,
        papers=[Paper("Giấy chứng nhận " * 6, "Một câu dài. " * 8)] * 80,
        doubts=[],
        blocks=[("Bao lâu", ["lâu " * 400])],
        link=LINK,
        link_words="",
        foot="cuối",
    )
    assert draw(endless, 58).height <= LONGEST_MM * DOTS_PER_MM


def test_a_slip_that_does_not_fit_says_so_and_keeps_its_foot() -> None:
    many = replace(SLIP, papers=[Paper(f"Giấy thứ {n}", "Một câu dài. " * 12) for n in range(60)])
    drawn = np.asarray(draw(many, 58))
    end = np.asarray(draw(replace(many, papers=[], doubts=[GOES_ON], blocks=[], link=""), 58))
    assert drawn.shape[0] <= LONGEST_MM * DOTS_PER_MM
    foot = end[-40:]
    assert (drawn[-40:] == foot).all(), "who checked it stands at the end"
    assert drawn.shape[0] > LONGEST_MM * DOTS_PER_MM * 0.8


def test_fifteen_papers_with_their_details_are_all_on_the_slip() -> None:
    papers = [Paper(f"Giấy thứ {n}", "Một câu nói thêm vừa phải.") for n in range(15)]
    without = draw(replace(SLIP, papers=papers[:14]), 58).height
    assert draw(replace(SLIP, papers=papers), 58).height > without


def test_a_printer_without_paper_says_so() -> None:
    roll = Roll(paper=b"\x72")
    try:
        with pytest.raises(Unprinted, match="hết giấy"):
            Printer(roll.address, 58)(SLIP)
    finally:
        roll.close()


def test_a_printer_that_is_off_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        port = ear.getsockname()[1]
    with pytest.raises(Unprinted, match="chưa bật"):
        Printer(f"tcp://127.0.0.1:{port}", 58)(SLIP)
    with pytest.raises(Unprinted, match="chưa bật"):
        Printer("/dev/khong-co-may-in", 58)(SLIP)


def test_a_device_that_takes_bytes_prints(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    taken = bytearray()

    def read() -> None:
        while len(taken) < 4 or b"\x1dV" not in taken[-20:]:
            taken.extend(os.read(ours, 65536))

    reader = threading.Thread(target=read)
    reader.start()
    Printer(os.ttyname(theirs), 58)(SLIP)
    reader.join(20)
    os.close(theirs)
    os.close(ours)
    assert code_in(raster(bytes(taken))) == LINK


def test_pressing_again_while_it_comes_out_prints_no_second_slip(tmp_path: Path) -> None:
    device = tmp_path / "lp0"
    device.touch()
    printer = Printer(str(device), 58)
    printer(SLIP)
    assert device.stat().st_size > 1000
    device.write_bytes(b"")
    printer(SLIP)
    assert device.stat().st_size == 0
    printer(replace(SLIP, title="Việc khác"))
    assert device.stat().st_size > 1000


def test_a_printer_that_hangs_is_given_up() -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    try:
        with pytest.raises(Unprinted, match="kẹt"):
            Printer(os.ttyname(theirs), 58, wait_s=0.3)(SLIP)
    finally:
        os.close(theirs)
        os.close(ours)


def test_a_printer_that_answers_and_then_reads_nothing_is_given_up() -> None:
    roll = Roll(reads=False)
    try:
        with pytest.raises(Unprinted, match="kẹt"):
            Printer(roll.address, 58, wait_s=0.3)(SLIP)
    finally:
        roll.close()


@pytest.mark.timeout(30)
def test_a_word_without_end_is_broken_where_the_paper_ends() -> None:
    def slip(word: str) -> Slip:
        return Slip(title=word, papers=[], doubts=[], blocks=[], link="", link_words="", foot="")

    began = time.process_time()
    endless = draw(slip("ă" * 100_000), 58)
    assert time.process_time() - began < 3.0
    assert endless.height > LONGEST_MM * DOTS_PER_MM * 0.9
    assert draw(slip("ă" * 60), 58).height > draw(slip("ă" * 10), 58).height + 30
