"""In ra giấy: the list of papers on a receipt roll, as one picture, because code pages of printers know no Vietnamese.

Nothing of it touches the disk, and no name of a person is on it.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw as Pen
    from PIL.ImageFont import FreeTypeFont

DOTS_PER_MM = 8
"""203 dpi, what receipt printers have."""
PRINTED_DOTS = {58: 384, 80: 576}
"""Width of the paper in mm → dots a printer reaches."""
LONGEST_MM = 400
"""A longer slip says where it stops: who checked it, and that more of it stands on the screen."""
END_DOTS = 200
"""Kept for the end of a slip: that it goes on, and who checked it."""
GOES_ON = "Còn nữa: xem tiếp ở máy trong nhà văn hoá."
MOST_LETTERS = 4000
"""Letters of one text that are laid out; a whole slip of the smallest letters has fewer."""
WAIT_S = 10.0
"""A slip is out in three; then the printer hangs."""
PATIENCE_S = 2.0
SAME_S = 15.0

_FONTS = Path(__file__).parent.parent / "broker" / "look" / "static" / "fonts"
_STATUS_OF_LP = 0x060B
"""ioctl LPGETSTATUS of Linux's usblp."""
_LP_PAPER_OUT = 0x20
_ASK_PAPER = b"\x10\x04\x04"
"""DLE EOT 4: the paper sensor."""
_NO_PAPER = 0x60


class Unprinted(Exception):
    """Nothing came out; the text is a Vietnamese sentence for whoever waits for it."""


@dataclass(frozen=True)
class Paper:
    """One paper of the list."""

    name: str
    detail: str = ""
    ticked: bool = False


@dataclass(frozen=True)
class Slip:
    """What stands on the paper, from top to bottom."""

    title: str
    papers: Sequence[Paper]
    doubts: Sequence[str]
    """What is not sure of the papers."""
    blocks: Sequence[tuple[str, Sequence[str]]]
    """Heading and its lines: how long, how much, where."""
    link: str
    """What the QR code says; empty: none."""
    link_words: str
    foot: str
    """Who checked it and when."""


def draw(slip: Slip, paper_mm: int) -> Image:
    """The slip in black (0) and white (255), as wide as the printer reaches."""
    from PIL import Image

    width = PRINTED_DOTS[paper_mm]
    page = _Page(Image.new("L", (width, LONGEST_MM * DOTS_PER_MM), 255), width)
    page.write(slip.title, 700, 36, after=14)
    page.rule()
    page.write("Mang gì đi", 700, 28, after=4)
    pieces: list[Callable[[], None]] = [partial(_paper, page, each) for each in slip.papers]
    pieces += [partial(page.write, line, 600, 25, after=2) for line in slip.doubts]
    pieces += [partial(_block, page, heading, lines) for heading, lines in slip.blocks]
    if slip.link:
        pieces.append(partial(_link, page, slip))
    whole = all(page.add(piece) for piece in pieces)
    page.rule()
    if not whole:
        page.write(GOES_ON, 700, 26, after=6)
    page.write(slip.foot, 400, 22, after=10)
    return page.cut()


def _paper(page: _Page, paper: Paper) -> None:
    page.box(paper.ticked)
    page.write(paper.name, 600, 26, left=42)
    if paper.detail:
        page.write(paper.detail, 400, 24, left=42)
    page.skip(8)


def _block(page: _Page, heading: str, lines: Sequence[str]) -> None:
    page.rule()
    page.write(heading, 700, 28, after=4)
    for line in lines:
        page.write(line, 400, 25, after=2)


def _link(page: _Page, slip: Slip) -> None:
    page.rule()
    page.code(slip.link)
    page.write(slip.link_words, 400, 24, after=4)


class _Page:
    """A strip of paper that is written from the top."""

    def __init__(self, image: Image, width: int) -> None:
        from PIL import ImageDraw

        self._image = image
        self._pen: Pen = ImageDraw.Draw(image)
        self._width = width
        self._y = 8

    def add(self, piece: Callable[[], None]) -> bool:
        """Draw a piece where it fits whole above the room kept for the end; False, and nothing drawn, where not."""
        from PIL import ImageDraw

        before, y = self._image.copy(), self._y
        piece()
        if self._y + END_DOTS <= self._image.height:
            return True
        self._image.paste(before)
        self._pen, self._y = ImageDraw.Draw(self._image), y
        return False

    def skip(self, dots: int) -> None:
        self._y += dots

    def rule(self) -> None:
        self._y += 6
        self._pen.line((0, self._y, self._width, self._y), fill=0, width=2)
        self._y += 8

    def box(self, ticked: bool) -> None:
        top = self._y + 5
        self._pen.rectangle((2, top, 28, top + 26), outline=0, width=3)
        if ticked:
            self._pen.line((8, top + 13, 13, top + 20, 23, top + 6), fill=0, width=4)

    def write(self, text: str, weight: int, size: int, left: int = 0, after: int = 0) -> None:
        font = _font(weight, size)
        for line in _lines(text[:MOST_LETTERS], font, self._width - left):
            if self._y + size * 2 > self._image.height:
                return
            self._pen.text((left, self._y), line, font=font, fill=0)
            self._y += round(size * 1.3)
        self._y += after

    def code(self, text: str) -> None:
        from broker.look.qr import dots

        modules = dots(text)
        side = min(6, (self._width - 32) // (len(modules) + 8))
        size = side * len(modules)
        left = (self._width - size) // 2
        if side < 3:
            return
        self._y += 4 * side
        for row, line in enumerate(modules):
            for column, dark in enumerate(line):
                if dark:
                    x, y = left + column * side, self._y + row * side
                    self._pen.rectangle((x, y, x + side - 1, y + side - 1), fill=0)
        self._y += size + 4 * side

    def cut(self) -> Image:
        return self._image.crop((0, 0, self._width, min(self._y + 8, self._image.height)))


def _font(weight: int, size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(str(_FONTS / f"be-vietnam-{weight}.woff2"), size)


def _lines(text: str, font: FreeTypeFont, width: int) -> Iterator[str]:
    line = ""
    for word in (piece for whole in text.split() for piece in _pieces(whole, font, width)):
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
    if line:
        yield line


def _pieces(word: str, font: FreeTypeFont, width: int) -> Iterator[str]:
    """The word, cut where the paper ends."""
    rest = word
    while rest:
        fits = min(len(rest), width)  # no letter is narrower than a dot
        while fits > 1 and font.getlength(rest[:fits]) > width:
            fits = max(1, min(fits - 1, int(fits * width / font.getlength(rest[:fits])) + 1))
        yield rest[:fits]
        rest = rest[fits:]


class Printer:
    """One receipt printer. Pages of two visitors never mix: the second waits. The same slip again within SAME_S is the
    same press: paper takes seconds to come, and a hand that sees none presses again."""

    def __init__(self, address: str, paper_mm: int, wait_s: float = WAIT_S) -> None:
        """address: `/dev/…` or `tcp://HOST:PORT`."""
        self._address = address
        self._paper_mm = paper_mm
        self._wait_s = wait_s
        self._turn = threading.Lock()
        self._last: tuple[bytes, float] = b"", 0.0
        """What came out last, and when (monotonic)."""

    def __call__(self, slip: Slip) -> None:
        """Print it and cut. Raises Unprinted when there is no paper, no printer, or it hangs."""
        data = self._bytes_of(slip)
        with self._turn:
            if data == self._last[0] and time.monotonic() - self._last[1] < SAME_S:
                return
            self._put_out(data)
            self._last = data, time.monotonic()

    def _put_out(self, data: bytes) -> None:
        try:
            if self._address.startswith("tcp://"):
                host, _, port = self._address.removeprefix("tcp://").rpartition(":")
                with socket.create_connection((host, int(port)), PATIENCE_S) as line:
                    _over_network(line, data, self._wait_s)
            else:
                _over_device(self._address, data, self._wait_s)
        except OSError as why:
            raise Unprinted("Máy in chưa bật hoặc tuột dây. Bác chụp mã bên cạnh nhé.") from why

    def _bytes_of(self, slip: Slip) -> bytes:
        from escpos.printer import Dummy

        roll = Dummy()
        roll.hw("INIT")
        roll.image(draw(slip, self._paper_mm), impl="bitImageRaster")
        roll.cut()
        return bytes(roll.output)


def _over_network(line: socket.socket, data: bytes, wait_s: float) -> None:
    line.settimeout(PATIENCE_S)
    line.sendall(_ASK_PAPER)
    try:
        answer = line.recv(1)
    except TimeoutError:
        answer = b""  # many cheap printers say nothing: then only the paper tells
    if answer and answer[0] & _NO_PAPER:
        raise _no_paper()
    until = time.monotonic() + wait_s
    _send(line.fileno(), data, lambda part: line.send(part), wait_s)
    if answer:
        _wait_for_the_end(line, until)


def _wait_for_the_end(line: socket.socket, until: float) -> None:
    """A printer that answers for its paper is asked once more behind the slip: then it has read the slip too."""
    line.sendall(_ASK_PAPER)
    line.settimeout(max(0.01, until - time.monotonic()))
    try:
        answer = line.recv(1)
    except TimeoutError:
        raise _stuck() from None
    if not answer:
        raise _stuck()
    if answer[0] & _NO_PAPER:
        raise _no_paper()


def _over_device(path: str, data: bytes, wait_s: float) -> None:
    device = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if _is_out_of_paper(device):
            raise _no_paper()
        _send(device, data, lambda part: os.write(device, part), wait_s)
    finally:
        os.close(device)


def _is_out_of_paper(device: int) -> bool:
    try:
        state = fcntl.ioctl(device, _STATUS_OF_LP, b"\0\0\0\0")
    except OSError:
        return False  # not a printer port that knows its paper
    return bool(state[0] & _LP_PAPER_OUT)


def _send(line: int, data: bytes, write: Callable[[bytes], int], wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while data:
        _, ready, _ = select.select([], [line], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise _stuck()
        try:
            data = data[write(data[:4096]) :]
        except BlockingIOError:
            continue


def _stuck() -> Unprinted:
    return Unprinted("Máy in đang kẹt. Bác chụp mã bên cạnh, hoặc gọi người giúp.")


def _no_paper() -> Unprinted:
    return Unprinted("Máy in hết giấy. Bác chụp mã bên cạnh nhé.")
