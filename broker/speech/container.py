"""What kind of sound file some bytes are, whatever their name says, and whether their end is missing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class Container:
    """One kind of sound file people bring."""

    name: str
    """As officials know it from the end of a file's name."""
    media_type: str
    demuxer: str
    """PyAV's name of its reader; no other may look at the bytes."""
    said: frozenset[str]
    """What browsers and file names call it: media types without their parameters, name endings without a dot."""


MP3 = Container("mp3", "audio/mpeg", "mp3", frozenset({"audio/mpeg", "audio/mp3", "audio/x-mp3", "mp3"}))
M4A = Container(
    "m4a",
    "audio/mp4",
    "mov",
    frozenset({"audio/mp4", "audio/x-m4a", "audio/m4a", "audio/aac", "video/mp4", "audio/3gpp", "video/3gpp"})
    | {"video/quicktime", "m4a", "mp4", "3gp", "mov", "m4b"},
)
WAV = Container(
    "wav",
    "audio/wav",
    "wav",
    frozenset({"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "wav"}),
)
OGG = Container(
    "ogg",
    "audio/ogg",
    "ogg",
    frozenset({"audio/ogg", "audio/opus", "application/ogg", "video/ogg", "ogg", "oga", "opus"}),
)
WEBM = Container(
    "webm",
    "audio/webm",
    "matroska",
    frozenset({"audio/webm", "video/webm", "audio/x-matroska", "video/x-matroska", "webm", "mkv", "mka"}),
)
CONTAINERS = (MP3, M4A, WAV, OGG, WEBM)


def container_of(head: bytes) -> Container | None:
    """The container of a file by its first 16 bytes or more, None for what we do not take."""
    if head[:4] == b"OggS":
        return OGG
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return WAV
    if head[:4] == b"\x1aE\xdf\xa3":
        return WEBM
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return M4A
    is_frame = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 != 0xF0
    return MP3 if head[:3] == b"ID3" or is_frame else None


def said_container(said_type: str) -> Container | None:
    """The container that a media type or a file's name speaks of; None when it speaks of none we know."""
    word = said_type.split(";")[0].strip().lower()
    word = word if "/" in word and "." not in word.rpartition("/")[2][-5:] else word.rpartition(".")[2]
    return next((each for each in CONTAINERS if word in each.said), None)


def is_cut(file: BinaryIO, size: int, container: Container) -> bool:
    """Whether the last element of a file says it goes on behind the file's end. MP3 says nothing of it."""
    walk = {"wav": _wav_is_cut, "m4a": _mp4_is_cut, "ogg": _ogg_is_cut, "webm": _webm_is_cut}
    look = walk.get(container.name)
    return look is not None and look(file, size)


def _wav_is_cut(file: BinaryIO, size: int) -> bool:
    at = 12
    while at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] == b"data":  # a recorder that streams cannot know the length and writes the largest
            return 0 < length < 0x7FFF0000 and at + 8 + length > size
        at += 8 + length + length % 2
    return True


def _mp4_is_cut(file: BinaryIO, size: int) -> bool:
    at, has_index = 0, False
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        has_index |= head[4:8] == b"moov"
        if length == 0:  # to the end of the file
            return not has_index
        if length < 8:
            return True
        at += length
    return at != size or not has_index


def _ogg_is_cut(file: BinaryIO, size: int) -> bool:
    at = 0
    while at + 27 <= size:
        file.seek(at)
        head = file.read(27 + 255)
        if head[:4] != b"OggS":
            return True
        count = head[26]
        if len(head) < 27 + count:
            return True
        at += 27 + count + sum(head[27 : 27 + count])
    return at != size


_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675


def _webm_is_cut(file: BinaryIO, size: int) -> bool:
    """EBML elements one after the other; those that hold others without a known length are walked into."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(12)
        name, after_name = _number(head, 0, keep_mark=True)
        length, after_length = _number(head, after_name, keep_mark=False)
        if after_length > len(head) or not after_name or after_length == after_name:
            return True
        is_unknown = length == (1 << 7 * (after_length - after_name)) - 1
        if not is_unknown and at + after_length + length > size:
            return True
        at += after_length
        if not (is_unknown or name in (_SEGMENT, _CLUSTER)):
            at += length
    return at != size


def _number(head: bytes, at: int, *, keep_mark: bool) -> tuple[int, int]:
    """An EBML number and where it ends (RFC 8794 §4); it ends where it began when there is none."""
    if at >= len(head) or not head[at]:
        return 0, at
    width = 9 - head[at].bit_length()
    value = int.from_bytes(head[at : at + width], "big")
    return (value if keep_mark else value & ((1 << 7 * width) - 1)), at + width
