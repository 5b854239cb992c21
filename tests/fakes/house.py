"""A house for the screen: real content, real search, a clock moved by hand, a post that keeps what is sent."""

from __future__ import annotations

import io
import threading
import wave
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from broker.contract.board import Reading
from broker.contract.content import Heard, Notice
from broker.contract.hub import Media
from broker.contract.message import Message, payload
from kiosk.content import Content, shipped
from kiosk.house import House
from kiosk.missed import Missed
from kiosk.panel import Panel
from kiosk.search import Search
from tests.fakes.clock import FakeClock

PANELS = {
    "15.6": Panel(15.6, 1920, 1080),
    "10.1": Panel(10.1, 1280, 800),
    "7": Panel(7.0, 800, 480),
    "21.5-tall": Panel(21.5, 1080, 1920),
}


def a_silence(seconds: float) -> bytes:
    """A silent clip that a browser can decode."""
    out = io.BytesIO()
    with wave.open(out, "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(8000)
        clip.writeframes(bytes(2 * round(8000 * seconds)))
    return out.getvalue()


def a_second_of_nothing() -> bytes:
    """A short silent clip."""
    return a_silence(0.25)


@dataclass
class FakePost:
    """The way out: keeps messages, and forgets those that the hub took over."""

    connected: bool = False
    refuse: Exception | None = None
    sent: list[Message] = field(default_factory=list)
    there: set[str] = field(default_factory=set)

    def send(self, msg: Message) -> None:
        """Keep `msg`, after the contract has checked its size."""
        if self.refuse is not None:
            raise self.refuse
        payload(msg)
        self.sent.append(msg)

    def is_waiting(self, code: str) -> bool:
        """True for what was sent, until a test puts its code into `there`."""
        return any(code.encode() in payload(msg) for msg in self.sent) and code not in self.there


class FakeVoice:
    """Answers every sentence with a short silence and remembers what it was asked to say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.refuse: Exception | None = None
        self.seconds = 0.25
        self._lock = threading.Lock()

    def __call__(self, text: str, language: str) -> bytes:
        with self._lock:
            self.said.append((text, language))
        if self.refuse is not None:
            raise self.refuse
        return a_silence(self.seconds)


@dataclass
class Stage:
    """A house and the hands that move it."""

    house: House
    post: FakePost
    voice: FakeVoice
    clock: FakeClock
    private: bytes
    """Key (PEM) that opens what was sealed."""


NOW = datetime(2026, 11, 21, 9, 42, tzinfo=UTC)


def lively(content: Content) -> Content:
    """The shipped content with a notice board and two announcements of a village."""
    bundle = content.bundle
    bundle.notices = [
        Notice(when="Nhà văn hoá thôn Đông, tối nay", text="Hát chèo, 19 giờ 30"),
        Notice(when="Sáng mai", text="Cắt điện từ 8 giờ đến 11 giờ."),
        Notice(when="Thứ Hai", text="Tiêm phòng cho trẻ ở trạm y tế."),
        Notice(when="Đến 30/11", text="Đăng ký giống lúa vụ xuân."),
    ]
    audio = Media(sha256="0" * 64, size=1, type="audio/ogg", duration_ms=1000)
    bundle.heard = [
        Heard(
            announcement="a1",
            title="Cắt điện sáng mai",
            text="Kính thưa bà con. Sáng mai, điện lực cắt điện từ tám giờ đến mười một giờ. "
            "Bà con chủ động bơm nước từ tối nay. Xin cảm ơn bà con.",
            at=NOW - timedelta(hours=4),
            kind="routine",
            villages=["dong"],
            audio=audio,
        ),
        Heard(
            announcement="a2",
            title="Họp thôn tối thứ Năm",
            text="Kính mời mỗi nhà một người. Họp ở nhà văn hoá lúc bảy giờ rưỡi tối.",
            at=NOW - timedelta(days=1),
            kind="routine",
            villages=["dong"],
            audio=audio,
        ),
    ]
    return Content(1, bundle)


def set_stage(
    panel: Panel = PANELS["15.6"], content: Content | None = None, sound: Path | None = None
) -> Stage:
    """A house on a panel. The clock stands at 16:42 local time on 21 November 2026."""
    key = X25519PrivateKey.generate()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    clock, post, voice = FakeClock(NOW), FakePost(), FakeVoice()
    shown = content or lively(shipped())
    search = Search(shown.entries())
    missed = Missed(post.send, lambda: clock.now().date())
    readings = [
        Reading(series="song-van.water_level_m", at=NOW - timedelta(minutes=2), value=2.1, unit="m"),
        Reading(series="nha.air_celsius", at=NOW - timedelta(minutes=2), value=23.6, unit="°C"),
        Reading(series="nha.humidity_percent", at=NOW - timedelta(minutes=2), value=81, unit="%"),
    ]
    house = House(
        panel=panel,
        theme="light",
        commune="xã Vân Khê",
        village="thôn Đông",
        village_code="dong",
        clock=clock,
        content=lambda: shown,
        find=search.find,
        measured=lambda: readings,
        post=post,
        sound_of=lambda _sha256: sound,
        seal_key=lambda: public,
        read_aloud=voice,
        missed=missed.note,
        visit_over=missed.next_visit,
    )
    return Stage(house, post, voice, clock, private)


def changed(stage: Stage, **parts: object) -> Stage:
    """The same stage with some parts of its house exchanged."""
    return replace(stage, house=replace(stage.house, **parts))
