"""A loopback HTTPS server that answers as Google Translate's voice does, well or badly, with its own certificate."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class TranslateServer:
    """What tests set and read: how to answer, and what was asked."""

    url: str
    ca_file: Path
    answer: Callable[[BaseHTTPRequestHandler, str], None]
    asked: list[str] = field(default_factory=list)


def answer_with(sound: bytes) -> Callable[[BaseHTTPRequestHandler, str], None]:
    """A good answer holding this sound."""
    line = '[["wrb.fr","jQ1olc","[\\"' + base64.b64encode(sound).decode() + '\\"]",null,null,null,"generic"]]'
    return answer_raw(200, (")]}'\n\n" + line + "\n").encode())


def answer_raw(
    status: int, body: bytes, length: int | None = None
) -> Callable[[BaseHTTPRequestHandler, str], None]:
    """Any answer; `length` may lie about the body."""

    def answer(request: BaseHTTPRequestHandler, _: str) -> None:
        request.send_response(status)
        if 300 <= status < 400:
            request.send_header("Location", "https://www.google.com/sorry/")
        request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        request.wfile.write(body)

    return answer


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


@contextmanager
def serve(folder: Path) -> Iterator[TranslateServer]:
    """Run the server on a free loopback port until the block ends."""
    certificate, private = _certificate(folder)

    class Request(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is the interface of http.server
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            text = urllib.parse.unquote(body.partition("f.req=")[2].rstrip("&"))
            fake.asked.append(text)
            fake.answer(self, text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    fake = TranslateServer(
        f"https://127.0.0.1:{server.server_address[1]}/tts", certificate, answer_raw(500, b"")
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
