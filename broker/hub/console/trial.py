"""Reading words out on trial, in any way this machine knows: for pages on which people compare and choose."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from flask import current_app, url_for
from itsdangerous import BadSignature, URLSafeSerializer

from broker.hub.announcing.render import Renderer
from broker.hub.announcing.trials import keep_trial, refuse_without_room
from broker.hub.console.desk import desk
from broker.hub.console.linked import units_of
from broker.hub.console.wording import lasting, number
from broker.link.config import SpeechOf
from broker.speech.voice import VOICES, Engine, EngineError

if TYPE_CHECKING:
    from broker.speech.clip import Clip

log = logging.getLogger(__name__)

LONGEST_TRIAL = 2000
"""Characters that are read on trial."""
ProfileName = Literal["horn", "kiosk"]
PROFILES_SAID: dict[str, str] = {"horn": "Loa ngoài trời", "kiosk": "Loa màn hình"}
RATES: dict[str, tuple[float, str]] = {
    "slow": (0.85, "Chậm"),
    "calm": (1.0, "Vừa"),
    "quick": (1.15, "Nhanh"),
}
_MINUS = "\N{MINUS SIGN}"
_ENGINES_SAID = {
    "espeak": "máy đọc có sẵn",
    "piper": "giọng Piper của xã",
    "gtts": "Google trên mạng",
}
_CANNOT = "Chưa đọc được theo cách này; người quản trị chạy lệnh langso doctor để biết vì sao."
_FULL = "Máy chủ hết chỗ ghi âm thanh, xin báo người quản trị."


@dataclass(frozen=True)
class Way:
    """One voice of one engine, or of whichever engine the settings put first."""

    voice: str
    engine: str = ""
    """Id of the engine; empty: in the order of the settings, as announcements are read."""
    is_online: bool = False
    only: str = ""
    """Id of the one engine of this machine that has the voice."""

    @property
    def key(self) -> str:
        """For forms."""
        return f"{self.voice}:{self.engine}"

    @property
    def voice_said(self) -> str:
        """ "Giọng miền Bắc"."""
        name = VOICES[self.voice]
        return f"Giọng {name[0].lower()}{name[1:]}"

    @property
    def engine_said(self) -> str:
        """Which engine, in words."""
        if self.engine:
            return f"chỉ {engine_said(self.engine)}"
        return engine_said(self.only) if self.only else "như khi phát bản tin"


@dataclass(frozen=True)
class Heard:
    """What became of a trial: where to hear it and what was measured, or the sentence why not."""

    address: str = ""
    lasts: str = ""
    level: str = ""
    is_level_right: bool = False
    peak: str = ""
    engine: str = ""
    is_other_engine: bool = False
    """Not the engine that comes first: that one could not."""
    timings: Sequence[tuple[int, int, int, int]] = ()
    """Of each sentence: where it stands in the spoken text in UTF-16 units, and from when to when it is heard, ms."""
    trouble: str = ""


def engines() -> tuple[Engine, ...]:
    """The engines of this machine in the order of the settings; none when it cannot speak."""
    try:
        renderer: Renderer = current_app.extensions["renderer"]
        return renderer.engines
    except EngineError as why:
        log.warning("no engine: %s", why, extra={"event": "render-failed"})
        return ()


def ways_of(found: Sequence[Engine], speech: SpeechOf) -> list[Way]:
    """Every way these engines read aloud, by voice; the first of a voice is how announcements are read."""
    ways: list[Way] = []
    for voice in VOICES if found else ():
        able = [engine for engine in found if has_voice(engine, voice, speech)]
        only = able[0].id if len(able) == 1 else ""
        if able:
            ways.append(Way(voice, "", any(engine.online for engine in able), only))
        ways += [Way(voice, engine.id, engine.online) for engine in able if not only]
    return ways


def has_voice(engine: Engine, voice: str, speech: SpeechOf) -> bool:
    """Whether an engine speaks in a voice: Piper in that of its file, the one from outside in the Northern one."""
    if engine.id == "piper":
        return voice == speech.piper_speaks
    return not engine.online or voice == "vi"


def engine_said(engine: str) -> str:
    """An engine in words an official understands, with its name."""
    return f"{_ENGINES_SAID[engine]} ({engine})" if engine in _ENGINES_SAID else engine


def hear(spoken: str, way: Way, profile: str, rate: float) -> Heard:
    """Read words that are already in spoken form out on trial."""
    if not any(char.isalnum() for char in spoken):
        return Heard(trouble="Chưa có lời nào để đọc.")
    found = engines()
    chosen = [engine for engine in found if way.engine in ("", engine.id)]
    try:
        if not chosen:
            raise EngineError(f"no engine {way.engine!r} on this machine")
        refuse_without_room(desk().settings)
        with TemporaryDirectory(prefix="langso-") as folder:
            clip = _rendered(spoken, way.voice, chosen, profile, rate, Path(folder) / "speech.opus")
            media = keep_trial(desk().settings, clip)
    except EngineError as why:
        log.warning("trial reading failed: %s", why, extra={"event": "render-failed"})
        return Heard(trouble=_CANNOT)
    except OSError as why:
        log.error("trial reading failed: %s", why, extra={"event": "render-failed"})
        return Heard(trouble=_FULL)
    except (MemoryError, ValueError) as why:
        log.error("trial reading failed: %r", why, extra={"event": "render-failed"})
        return Heard(trouble=_CANNOT)
    return _heard(clip, media.sha256, spoken, profile, found[0])


def sha256_of(token: str) -> str | None:
    """The sound that a token stands for; None for a token that was not given out here."""
    try:
        return str(_seal().loads(token))
    except BadSignature:
        return None


def _rendered(
    spoken: str, voice: str, chosen: Sequence[Engine], profile: str, rate: float, out: Path
) -> Clip:
    from broker.speech import master, say  # numpy: not before somebody wants to hear something

    return say.render(
        spoken,
        voice=voice,
        cache_dir=desk().settings.data_dir / "speech",
        out=out,
        engines=chosen,
        profile=master.PROFILES[profile],
        rate=rate,
    )


def _heard(clip: Clip, sha256: str, spoken: str, profile: str, first: Engine) -> Heard:
    from broker.speech import master

    name, _, version = clip.engine.partition(" ")
    off_lu = clip.lufs - master.PROFILES[profile].lufs
    return Heard(
        address=url_for("voices.clip", token=_seal().dumps(sha256)),
        lasts=lasting(clip.duration_ms / 1000),
        level=f"{_signed(clip.lufs)} LUFS",
        is_level_right=abs(off_lu) <= 0.5 and clip.peak_dbtp <= -1.0,
        peak=f"{_signed(clip.peak_dbtp)} dBTP",
        engine=f"{engine_said(name)[:-1]} {version})" if name in _ENGINES_SAID else clip.engine,
        is_other_engine=name != first.id,
        timings=[
            (units_of(spoken[: one.start]), units_of(spoken[: one.end]), one.since_ms, one.until_ms)
            for one in clip.timings
        ],
    )


def _signed(value: float) -> str:
    return number(value, 1).replace("-", _MINUS)


def _seal() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="voices")
