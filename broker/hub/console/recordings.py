"""Recordings on their way in and out of the console: the files people send, and hearing what was kept."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Blueprint, Flask, abort, current_app, request
from werkzeug.wrappers import Response

from broker.contract.hub import Media
from broker.hub import unused
from broker.hub.announcing.render import media_store
from broker.hub.announcing.workflow import WRITERS
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.pictures import send_media
from broker.hub.console.tracks import opened
from broker.hub.declined import Declined
from broker.hub.recordings import ENDINGS, LARGEST, NO_ROOM, keep_recording, too_large
from broker.hub.records import Account
from broker.speech.examiner import Examiner

log = logging.getLogger(__name__)
pages = Blueprint("recordings", __name__)

UPLOADS = frozenset({"compose.new", "compose.edit", "compose.tracks", "phrases.add"})
"""Views that take a recording."""
ACCEPTED = ",".join(("audio/*", *ENDINGS))
"""What the choice of a file offers."""
_FIELDS = 512 * 1024
"""Bytes that the other fields of such a form may have."""


def let_in(app: Flask) -> None:
    """Let large forms into the views that take a recording. Comes after the check of rights: strangers send none."""

    def widen() -> None:
        if request.endpoint in UPLOADS and request.mimetype == "multipart/form-data":
            request.max_content_length = LARGEST + _FIELDS

    app.before_request(widen)


@pages.get("/recordings/<token>")
@access.allow(*WRITERS)
def sound(token: str) -> Response:
    """A recording as it came in; the token is only given to who may use it. Ranges work."""
    track = opened(token)
    if track is None or track.recording is None:
        abort(404)
    return send_media(media_store(desk().settings), track.recording.sha256, track.recording.type)


def sent_recording(field: str) -> Media:
    """The recording that came in a field of this form, checked and kept. Raises Declined with the reason."""
    sent = request.files.get(field)
    if sent is None or not sent.filename:
        raise Declined("no-file", "Xin ghi âm hoặc chọn một tệp ghi sẵn.")
    if (request.content_length or 0) > LARGEST + _FIELDS:
        raise Declined("too-large", too_large())
    with TemporaryDirectory(prefix="langso-") as folder:
        file = Path(folder) / "recording"
        try:
            sent.save(file)
        except OSError as why:
            log.error("a recording was not kept: %s", why, extra={"event": "recording-failed"})
            raise Declined("disk-full", NO_ROOM) from why
        return _kept(file, sent.filename)


def _kept(file: Path, name: str) -> Media:
    """Check and keep a recording, counted for who brought it until it stands somewhere."""
    examiner: Examiner = current_app.extensions["examiner"]
    store, me, at = media_store(desk().settings), access.visitor().id, now()
    with desk().database.reading() as db:
        unused.refuse_many(db, db.get_one(Account, me), file.stat().st_size, at)
    with file.open("rb") as data:
        is_new = store.path_of(hashlib.file_digest(data, "sha256").hexdigest()) is None
    recording = keep_recording(store, examiner, file, name)
    if is_new:
        with desk().database.session() as db:
            unused.note_brought(db, db.get_one(Account, me), recording, at)
    return recording
