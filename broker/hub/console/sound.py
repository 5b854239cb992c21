"""Hearing announcements: the sound of a revision by its hash, and drafts read out on trial."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Blueprint, abort, current_app, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from werkzeug.wrappers import Response

from broker.hub.announcing import checks
from broker.hub.announcing.render import CANNOT, Renderer, media_store, spoken_of
from broker.hub.announcing.trials import OPUS, trial_store
from broker.hub.announcing.workflow import WRITERS, Draft
from broker.hub.console import access
from broker.hub.console.desk import desk, lexicon, now
from broker.hub.console.pictures import send_media
from broker.hub.console.progress import is_unsigned
from broker.hub.declined import Declined
from broker.hub.recordings import kept_tracks, settled
from broker.hub.records import Account, Revision
from broker.hub.roles import villages_of
from broker.speech.track import TrackError
from broker.speech.voice import VOICES, EngineError

log = logging.getLogger(__name__)
pages = Blueprint("sound", __name__)

LISTENERS = ("editor", "approver", "leader", "admin", "auditor", "village")
LONGEST_TRIAL = 4000
"""Characters of a draft that are read on trial."""


@dataclass(frozen=True)
class Hearing:
    """A draft read out on trial, or the sentence why not."""

    address: str = ""
    trouble: str = ""


@pages.get("/announcements/<key>/audio/<sha256>")
@access.allow(*LISTENERS)
def audio(key: str, sha256: str) -> Response:
    """The sound of one revision of an announcement, exactly the bytes its envelope names. Ranges work."""
    with desk().database.reading() as db:
        rows = db.scalars(select(Revision).where(Revision.announcement_id == key)).all()
        me = db.get_one(Account, access.visitor().id)
        may = villages_of(db, me, now(), *LISTENERS)
        found = [row for row in rows if row.audio and row.audio.get("sha256") == sha256]
        hears = may is None or any(
            row.author_id == me.id or (may & set(row.villages) and not is_unsigned(row)) for row in found
        )
    if not found:
        abort(404)  # other things live in the media store that are not for everybody
    if not hears:
        abort(403)  # a village person hears what is for the own village
    return send_media(media_store(desk().settings), sha256, OPUS)


@pages.get("/announcements/trial/<token>")
@access.allow(*WRITERS)
def trial(token: str) -> Response:
    """The sound of a draft read on trial; the token is only given to who asked for it."""
    try:
        sha256 = str(_seal().loads(token))
    except BadSignature:
        abort(404)
    return send_media(trial_store(desk().settings), sha256, OPUS)


def preview_of(draft: Draft) -> Hearing:
    """Read a draft out with the engine of the hub."""
    text = draft.text[:LONGEST_TRIAL]
    spoken = spoken_of(text, draft.answers, lexicon()).text
    if len(spoken) > checks.LONGEST_SPOKEN:
        return Hearing(trouble="Lời loa sẽ đọc dài quá nên chưa đọc thử được, xin viết ngắn lại.")
    if not any(char.isalnum() for char in spoken):
        return Hearing(trouble="Bản tin chưa có lời nào để đọc.")
    try:
        kept_tracks(draft.tracks, spoken)
    except Declined as why:
        return Hearing(trouble=str(why))
    voice = draft.voice if draft.voice in VOICES else "vi"
    try:
        renderer: Renderer = current_app.extensions["renderer"]
        path = renderer.preview(spoken, voice, settled(draft.tracks), is_emergency=draft.kind == "emergency")
    except TrackError as why:
        log.error("trial reading failed: %s", why, extra={"event": "render-failed"})
        return Hearing(trouble="Có bản ghi trong bản tin bị hỏng, xin bỏ bản ghi đó rồi ghi lại.")
    except EngineError as why:
        log.warning("trial reading failed: %s", why, extra={"event": "render-failed"})
        return Hearing(trouble="Máy chưa đọc được bản này, xin chọn giọng khác hoặc báo người quản trị.")
    except OSError as why:
        log.error("trial reading failed: %s", why, extra={"event": "render-failed"})
        return Hearing(trouble="Máy chủ hết chỗ ghi âm thanh, xin báo người quản trị.")
    except (MemoryError, ValueError) as why:
        log.error("trial reading failed: %r", why, extra={"event": "render-failed"})
        return Hearing(trouble=CANNOT)
    return Hearing(address=url_for("sound.trial", token=_seal().dumps(path.name)))


def _seal() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="trial")
