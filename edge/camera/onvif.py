"""Which streams one camera has: ONVIF's device and media services, asked with a login (Profiles S and T)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from broker.contract.camera import MOST_SIDE_PX, FoundStream
from broker.trust.envelope import CameraLogin
from edge.camera.probing import plain, read_address
from edge.camera.soap import Address, Fault, Patience, Unanswered, ask, named, text_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_STREAMS: Final = 8
LONGEST_SOURCE: Final = 300
CLOSE_ENOUGH: Final = timedelta(seconds=30)
"""Devices take a login that is about as old as this; what differs more is said."""
_DEVICE: Final = "http://www.onvif.org/ver10/device/wsdl"
_MEDIA: Final = "http://www.onvif.org/ver10/media/wsdl"
_MEDIA2: Final = "http://www.onvif.org/ver20/media/wsdl"
_SECRET: Final = re.compile(
    r"((?:pass\w{0,10}|pwd|psw)=)[^&?]*?(?=_[a-z]+=|[&?]|$)", re.ASCII | re.IGNORECASE
)
_PARTS: Final = ("Year", "Month", "Day", "Hour", "Minute", "Second")
_HIDDEN: Final = r"\1•••"
_CODECS: Final = {"h265": "hevc", "jpeg": "mjpeg"}


@dataclass(frozen=True)
class _Talk:
    """What goes with every question to one device."""

    login: CameraLogin
    patience: Patience
    ahead: timedelta
    """How far the device's clock is ahead of ours."""
    now: datetime

    def ask(self, to: Address, question: str) -> Element:
        return ask(to, question, self.patience, self.login, self.now + self.ahead)


def streams_of(device: Address, login: CameraLogin, now: datetime, patience: Patience) -> list[FoundStream]:
    """The streams of a device, the largest picture first. now: for the login. Raises Unanswered."""
    ahead = _clock(device, now, patience)
    talk = _Talk(login, patience, ahead or timedelta(), now)
    try:
        streams = list(_streams(device, talk))
    except Fault as why:
        raise Unanswered("odd") from why
    except Unanswered as why:
        if why.code == "password" and ahead is not None and abs(ahead) > CLOSE_ENOUGH:
            raise Unanswered("clock", _apart(ahead)) from why
        raise
    own = {each.source: each for each in streams if _host(each.source) == device.host}
    if not own:
        raise Unanswered("elsewhere" if streams else "no-streams")
    return sorted(own.values(), key=lambda each: -each.width_px * each.height_px)


def _clock(device: Address, now: datetime, patience: Patience) -> timedelta | None:
    """How far the device's clock is ahead of ours; None when it does not say. Raises Unanswered: silent."""
    try:
        said = ask(device, f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>', patience)
        told = next(named(said, "UTCDateTime"), None)
        year, month, day, hour, minute, second = (int(text_of(told, each)) for each in _PARTS)
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - now
    except Unanswered as why:
        if why.code == "silent":
            raise
        return None
    except (Fault, ValueError, OverflowError):
        return None


def _streams(device: Address, talk: _Talk) -> Iterator[FoundStream]:
    """Profiles of the newer media service, else of the older."""
    services = _services(device, talk)
    found = False
    for space in (_MEDIA2, _MEDIA):
        to = services.get(space)
        if to is None or found:
            continue
        try:
            profiles = _profiles(to, space, talk)
        except Fault:
            continue
        for token, encoder in profiles[:MOST_STREAMS]:
            try:
                source = _source(text_of(talk.ask(to, _stream_question(space, token)), "Uri"))
            except Fault:
                continue
            if source:
                found = True
                yield FoundStream(
                    source=source,
                    codec=_codec(text_of(encoder, "Encoding")),
                    width_px=_side(text_of(encoder, "Width")),
                    height_px=_side(text_of(encoder, "Height")),
                )


def _services(device: Address, talk: _Talk) -> dict[str, Address]:
    """Where its media services are, on the machine that it is."""
    found: dict[str, Address] = {}
    try:
        question = (
            f'<GetServices xmlns="{_DEVICE}"><IncludeCapability>false</IncludeCapability></GetServices>'
        )
        for each in named(talk.ask(device, question), "Service"):
            address = read_address(text_of(each, "XAddr"), device.host)
            if address is not None:
                found[text_of(each, "Namespace")] = address
    except Fault:
        found = {}
    if _MEDIA in found or _MEDIA2 in found:
        return found
    said = talk.ask(
        device, f'<GetCapabilities xmlns="{_DEVICE}"><Category>Media</Category></GetCapabilities>'
    )
    address = read_address(text_of(next(named(said, "Media"), None), "XAddr"), device.host)
    if address is None:
        raise Unanswered("no-streams")
    return {_MEDIA: address}


def _profiles(to: Address, space: str, talk: _Talk) -> list[tuple[str, Element]]:
    """Token and encoder of each profile that has pictures."""
    kind = "<Type>VideoEncoder</Type>" if space == _MEDIA2 else ""
    said = talk.ask(to, f'<GetProfiles xmlns="{space}">{kind}</GetProfiles>')
    encoder = "VideoEncoder" if space == _MEDIA2 else "VideoEncoderConfiguration"
    found = []
    for each in named(said, "Profiles"):
        token, coded = each.get("token", "")[:200], next(named(each, encoder), None)
        if token and coded is not None:
            found.append((token, coded))
    return found


def _stream_question(space: str, token: str) -> str:
    profile = f"<ProfileToken>{html.escape(token)}</ProfileToken>"
    if space == _MEDIA2:
        return f'<GetStreamUri xmlns="{space}"><Protocol>RTSP</Protocol>{profile}</GetStreamUri>'
    return (
        f'<GetStreamUri xmlns="{space}"><StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport>'
        f"<tt:Protocol>RTSP</tt:Protocol></tt:Transport></StreamSetup>{profile}</GetStreamUri>"
    )


def _source(told: str) -> str:
    """A stream's address without any password in it; empty for what is none."""
    try:
        parts = urlsplit(told)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme != "rtsp" or not host or not told.isascii() or plain(told, LONGEST_SOURCE) != told:
        return ""
    rest = told[told.index("://") + 3 + len(parts.netloc) :]
    at = f"{host}:{port}" if port else host
    source = f"rtsp://{at}{_SECRET.sub(_HIDDEN, rest)}"
    return source if len(source) <= LONGEST_SOURCE else ""


def _host(source: str) -> str:
    return urlsplit(source).hostname or ""


def _codec(told: str) -> str:
    name = plain(told, 20).lower().replace(".", "")
    return _CODECS.get(name, name)


def _side(told: str) -> int:
    return min(MOST_SIDE_PX, int(told)) if told.isdecimal() and len(told) < 8 else 0


def _apart(ahead: timedelta) -> str:
    """How far two clocks are apart, in words."""
    minutes = abs(ahead) // timedelta(minutes=1)
    words = f"{minutes // 1440} ngày" if minutes >= 2880 else f"{minutes // 60} giờ" if minutes >= 120 else ""
    return words or (f"{minutes} phút" if minutes else "gần một phút")
