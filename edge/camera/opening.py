"""How a source is opened, and what its failures are called. Texts for people never hold the source: it may hold a
password.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any, Literal

import av

OPEN_S = 5.0
SILENT_S = 5.0
"""Longest wait for the connection, and for the next packet."""
DEVICE_FPS = 10
ANALYSE_US = 1_000_000
"""libav looks at the beginning of a network stream this long; more would take a camera of 1 fps beyond OPEN_S."""

Kind = Literal["rtsp", "http", "device", "file", "scene"]
Code = Literal["unknown", "missing", "refused", "password", "path", "silent", "no-video", "broken", "ended"]

_SENTENCES: dict[Code, str] = {
    "unknown": "Địa chỉ camera không dùng được: cần rtsp://…, http://…, /dev/video…, tệp video hoặc scene:.",
    "missing": "Không thấy camera này trên máy: kiểm tra dây cắm hoặc đường dẫn.",
    "refused": "Camera không nhận kết nối: kiểm tra nguồn, dây mạng và địa chỉ.",
    "password": "Camera từ chối: sai tên hoặc mật khẩu.",
    "path": "Camera không có luồng hình này: kiểm tra phần sau tên máy trong địa chỉ.",
    "silent": "Camera không trả lời: kiểm tra nguồn và dây mạng.",
    "no-video": "Nguồn này chỉ có tiếng hoặc trống, không có hình.",
    "broken": "Không đọc được hình từ nguồn này: tệp hỏng hoặc không phải hình động.",
    "ended": "Camera đã ngừng gửi hình.",
}
_CODES: tuple[tuple[tuple[type[Exception], ...], Code], ...] = (
    ((av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError), "password"),
    ((av.error.HTTPNotFoundError, av.error.HTTPBadRequestError), "path"),
    ((av.error.HTTPOtherClientError, av.error.HTTPServerError), "refused"),
    ((ConnectionError, av.error.ConnectionRefusedError), "refused"),
    ((TimeoutError, av.error.TimeoutError, av.error.ExitError), "silent"),
    ((FileNotFoundError,), "missing"),
    ((av.error.EOFError,), "ended"),
)
_UNREACHED = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EIO})
"""No way to that machine, or no such name."""


class CaptureError(Exception):
    """No pictures. `code` for programs; str() is the Vietnamese sentence for people."""

    def __init__(self, code: Code) -> None:
        super().__init__(_SENTENCES[code])
        self.code: Code = code


def kind_of(source: str) -> Kind:
    """What a source is. Raises CaptureError for anything else."""
    if source.startswith(("rtsp://", "rtsps://")):
        return "rtsp"
    if source.startswith(("http://", "https://")):
        return "http"
    if source == "scene:" or source.startswith("scene:"):
        return "scene"
    if re.fullmatch(r"/dev/video[0-9]+|/dev/v4l/by-(id|path)/[^/]+", source):
        return "device"
    if source and "://" not in source and "\x00" not in source:
        return "file"
    raise CaptureError("unknown")


def open_source(source: str, kind: Kind) -> Any:
    """The source as libav sees it; only the protocols its kind needs are allowed. Raises what libav raises."""
    if kind == "rtsp":
        options = {
            "rtsp_transport": "tcp",
            "allowed_media_types": "video",
            "timeout": str(int(SILENT_S * 1e6)),
            "protocol_whitelist": "rtp,udp,tcp,rtsp,tls,crypto",
        }
        return _open_net(source, options)
    if kind == "http":
        options = {
            "timeout": str(int(SILENT_S * 1e6)),
            "max_redirects": "3",
            "protocol_whitelist": "http,https,tcp,tls,crypto",
            "format_whitelist": "mpjpeg,mpegts,flv",
            # MJPEG over HTTP carries no times; when a picture came is the best there is.
            "use_wallclock_as_timestamps": "1",
        }
        return _open_net(source, options)
    if kind == "device":
        return _open_device(source)
    options = {"protocol_whitelist": "file"}
    return av.open(str(Path(source).absolute()), options=options, metadata_errors="ignore")


def _open_net(source: str, options: dict[str, str]) -> Any:
    options = {**options, "analyzeduration": str(ANALYSE_US)}
    return av.open(source, options=options, metadata_errors="ignore", timeout=(OPEN_S, SILENT_S))


def _open_device(source: str) -> Any:
    """A USB camera: JPEG pictures if it can, since bare pixels must be coded here."""
    if not Path(source).exists():
        raise CaptureError("missing")
    options = {"framerate": str(DEVICE_FPS), "video_size": "1280x720"}
    for wish in ({**options, "input_format": "mjpeg"}, options):
        try:
            return av.open(source, format="video4linux2,v4l2", options=wish, timeout=(OPEN_S, SILENT_S))
        except (av.error.ArgumentError, ValueError):
            continue
    return av.open(source, format="video4linux2,v4l2", timeout=(OPEN_S, SILENT_S))


def code_of(why: Exception, kind: Kind = "file") -> Code:
    """The kind of failure. libav's own text is not kept: it repeats the source."""
    for errors, code in _CODES:
        if isinstance(why, errors):
            return code
    if kind in ("rtsp", "http") and getattr(why, "errno", None) in _UNREACHED:
        return "refused"
    if isinstance(why, OSError) and not isinstance(why, av.error.FFmpegError):
        return "refused"
    return "broken"
