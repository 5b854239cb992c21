"""Places that messages are sent to: a web server and a mail server, real sockets on this machine."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field


@dataclass
class LetterBox:
    """What came, and what is answered. `address` is host:port."""

    address: str = ""
    status: int = 200
    answer: bytes = b"ok"
    came: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Path, headers, body; of mail the recipients, nothing, the message."""


@contextmanager
def web_box() -> Iterator[LetterBox]:
    """A web server that takes every POST."""
    box = LetterBox()

    class Taking(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            box.came.append((self.path, dict(self.headers.items()), body))
            self.send_response(box.status)
            self.send_header("Content-Length", str(len(box.answer)))
            if 300 <= box.status < 400:
                self.send_header("Location", f"http://{box.address}/elsewhere")
            self.end_headers()
            self.wfile.write(box.answer)

        def log_message(self, format: str, *args: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        yield from _serving(server, box)


@contextmanager
def dripping_box() -> Iterator[LetterBox]:
    """A web server that answers a byte at a time, for ever or until it is closed."""
    box, closed = LetterBox(), threading.Event()

    class Dripping(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            box.came.append(("", {}, self.rfile.readline()))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not closed.wait(0.2):
                self.wfile.write(b"x")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        try:
            yield from _serving(server, box)
        finally:
            closed.set()


@contextmanager
def deaf_boxes(count: int) -> Iterator[list[str]]:
    """So many addresses (host:port) where a call is accepted and nothing is ever said."""
    with ExitStack() as open_ones:
        doors = [open_ones.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        yield [f"127.0.0.1:{door.getsockname()[1]}" for door in doors]


@contextmanager
def mail_box() -> Iterator[LetterBox]:
    """A mail server that takes every letter (RFC 5321 as far as a client that sends needs it)."""
    box = LetterBox()

    class Taking(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 box\r\n")
            to: list[str] = []
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    letter = b"".join(iter(self.rfile.readline, b".\r\n"))
                    box.came.append((",".join(to), {}, letter))
                if word == b"RCPT":
                    to.append(line.decode().strip())
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Taking) as server:
        yield from _serving(server, box)


def _serving(server: socketserver.TCPServer, box: LetterBox) -> Iterator[LetterBox]:
    host, port = server.server_address[:2]
    box.address = f"{host!s}:{port}"
    thread = threading.Thread(target=server.serve_forever, name="letter-box")
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        thread.join()
