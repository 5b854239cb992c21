"""Sending pictures and clips out of the media store, in pieces where a player asks for pieces."""

from __future__ import annotations

from flask import abort, send_file
from werkzeug.wrappers import Response

from broker.link.media import MediaError, MediaStore

_SAFE = frozenset(
    {"image/jpeg", "image/png", "video/mp4", "video/webm", "video/x-matroska"}
    | {"audio/ogg", "audio/mpeg", "audio/mp4", "audio/wav", "audio/webm"}
)


def send_media(store: MediaStore, sha256: str, kind: str) -> Response:
    """The bytes of a hash. Ranges work. 404 when they are not here; an unknown type is sent as bytes only."""
    try:
        path = store.path_of(sha256)
    except MediaError:
        path = None
    if path is None:
        abort(404)
    mimetype = kind if kind in _SAFE else "application/octet-stream"
    answer = send_file(path, mimetype=mimetype, conditional=True, etag=sha256, max_age=0)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
