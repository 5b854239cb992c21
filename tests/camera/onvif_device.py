"""A camera that speaks ONVIF: real UDP on loopback that answers probes, real HTTP that answers SOAP, and its moods."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USER, PASSWORD = "admin", "Đồng & <xanh>"
_HEAD = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
_TAIL = "</s:Body></s:Envelope>"
_REFUSED = (
    f"{_HEAD}<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value>"
    f"</s:Subcode></s:Code></s:Fault>{_TAIL}"
)
UNKNOWN = f"{_HEAD}<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code></s:Fault>{_TAIL}"


@dataclass
class Mood:
    """How this one behaves."""

    name: str = "Cam%201"
    xaddrs: str = ""
    """Instead of its own address."""
    clock_off: timedelta = timedelta()
    believes: bool = True
    """Judges logins by its own clock; else it refuses them all."""
    tells_time: bool = True
    auth: str = "wsse"
    """wsse, digest or basic."""
    stream_host: str = "127.0.0.1"
    stream_tail: str = ""
    media2: bool = False
    instead: Callable[[Any], bool] | None = None
    """Answers in its own way; True when it did."""
    probe_answer: Callable[[str], list[bytes]] | None = None
    """Of the probe's name: the packets it answers with."""
    asked: list[str] = field(default_factory=list)
    """Every question and header as it came."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class OnvifDevice:
    """One device on 127.0.0.1 until `close`."""

    def __init__(self, mood: Mood) -> None:
        self.mood = mood
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _answering(self))
        self.http.daemon_threads = True
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self._threads = [
            threading.Thread(target=self.http.serve_forever, args=(0.02,)),
            threading.Thread(target=self._hear),
        ]
        for each in self._threads:
            each.start()

    def __enter__(self) -> OnvifDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def group(self) -> tuple[str, int]:
        """Where it hears probes."""
        return self.udp.getsockname()

    @property
    def url(self) -> str:
        """Its device service."""
        return f"http://127.0.0.1:{self.http.server_port}/onvif/device_service"

    def close(self) -> None:
        """Switch it off."""
        self.http.shutdown()
        self.http.server_close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"", self.group)
        for each in self._threads:
            each.join(5.0)
        self.udp.close()

    def _hear(self) -> None:
        while True:
            said, who = self.udp.recvfrom(65535)
            if not said:
                return
            asked = re.search(rb"MessageID>urn:uuid:([0-9a-f-]+)<", said)
            assert asked is not None
            if b"NetworkVideoTransmitter" in said:
                name = asked[1].decode()
                for packet in (self.mood.probe_answer or self._match)(name):
                    self.udp.sendto(packet, who)

    def _match(self, name: str) -> list[bytes]:
        return [probe_match(name, self.mood.xaddrs or self.url, self.mood.name)]

    def answer(self, question: str) -> tuple[int, str]:
        """Status and body for a question whose login was judged."""
        mood = self.mood
        port = self.http.server_port
        if "GetServices" in question and mood.media2:
            services = "".join(
                f"<t:Service><t:Namespace>http://www.onvif.org/{version}/media/wsdl</t:Namespace>"
                f"<t:XAddr>http://10.99.99.99:{port}/{version}</t:XAddr></t:Service>"
                for version in ("ver10", "ver20")
            )
            return 200, f'{_HEAD}<t:R xmlns:t="x">{services}</t:R>{_TAIL}'
        if "GetCapabilities" in question:
            address = f"http://127.0.0.1:{port}/onvif/media"
            return (
                200,
                f'{_HEAD}<R xmlns:tt="y"><tt:Media><tt:XAddr>{address}</tt:XAddr></tt:Media></R>{_TAIL}',
            )
        if "GetProfiles" in question:
            tag = "VideoEncoder" if "ver20" in question else "VideoEncoderConfiguration"
            return 200, _HEAD + f"<R>{_profiles(tag, 'H265' if 'ver20' in question else 'H264')}</R>" + _TAIL
        token = re.search("ProfileToken>([^<]*)<", question)
        if "GetStreamUri" in question and token:
            uri = f"rtsp://admin:lo@{mood.stream_host}:554/{token[1].replace('&amp;', '-')}{mood.stream_tail}"
            return 200, f"{_HEAD}<R><M><Uri>{uri}</Uri></M></R>{_TAIL}"
        return 400, UNKNOWN

    def time(self) -> str:
        """What it takes for the time."""
        at = self.mood.now() + self.mood.clock_off
        return (
            f"{_HEAD}<R><UTCDateTime><Time><Hour>{at.hour}</Hour><Minute>{at.minute}</Minute><Second>{at.second}"
            f"</Second></Time><Date><Year>{at.year}</Year><Month>{at.month}</Month><Day>{at.day}</Day></Date>"
            f"</UTCDateTime></R>{_TAIL}"
        )

    def believes(self, question: str) -> bool:
        """Whether the login in a question is right, and of now by its own clock (WS-Security)."""
        found = {
            name: re.search(rf"{name}\b[^>]*>([^<]*)<", question)
            for name in ("Username", "Password", "Nonce", "Created")
        }
        if not all(found.values()) or not self.mood.believes:
            return False
        user, proof, nonce, created = (each[1] for each in found.values() if each)
        apart = abs(datetime.fromisoformat(created) - self.mood.now() - self.mood.clock_off)
        wanted = hashlib.sha1(base64.b64decode(nonce) + created.encode() + PASSWORD.encode()).digest()
        return user == USER and base64.b64encode(wanted).decode() == proof and apart < timedelta(seconds=5)


def probe_match(name: str, xaddrs: str, called: str = "Cam") -> bytes:
    """A packet that answers a probe."""
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="w" '
        f'xmlns:d="d"><s:Header><a:RelatesTo>urn:uuid:{name}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches>'
        f"<d:ProbeMatch><d:Scopes>onvif://www.onvif.org/name/{called} onvif://www.onvif.org/hardware/IPC-2"
        f"</d:Scopes><d:XAddrs>{xaddrs}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
    ).encode()


def _profiles(tag: str, coding: str) -> str:
    sizes = (("sub&amp;1", 640, 360), ("main", 2560, 1440))
    return (
        "".join(
            f'<Profiles token="{token}"><{tag}><Encoding>{coding}</Encoding><Resolution><Width>{wide}</Width>'
            f"<Height>{high}</Height></Resolution></{tag}></Profiles>"
            for token, wide, high in sizes
        )
        + '<Profiles token="sound"/>'
    )


def _answering(device: OnvifDevice) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        """One question."""

        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"])).decode()
            mood = device.mood
            mood.asked.append(f"{self.headers}{question}")
            if mood.instead is not None and mood.instead(self):
                return
            if "GetSystemDateAndTime" in question:
                self.reply(*((200, device.time()) if mood.tells_time else (400, UNKNOWN)))
            elif mood.auth == "wsse":
                self.reply(*(device.answer(question) if device.believes(question) else (400, _REFUSED)))
            elif self.headers["Authorization"] is None or not self._is_proven():
                kind = (
                    'Digest realm="cam", nonce="n1", qop="auth"'
                    if mood.auth == "digest"
                    else 'Basic realm="x"'
                )
                self.reply(401, "", {"WWW-Authenticate": kind})
            else:
                self.reply(*device.answer(question))

        def _is_proven(self) -> bool:
            """RFC 2617, qop=auth."""
            told = dict(re.findall(r'(\w+)="?([^",]*)"?', self.headers["Authorization"]))
            one, two = (
                hashlib.md5(each.encode()).hexdigest()
                for each in (f"{USER}:cam:{PASSWORD}", f"POST:{told['uri']}")
            )
            whole = ":".join((one, "n1", told["nc"], told["cnonce"], "auth", two))
            return told["response"] == hashlib.md5(whole.encode()).hexdigest()

        def reply(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
            """Answer with this."""
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Answering
