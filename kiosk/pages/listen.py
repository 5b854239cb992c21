"""Nghe: one sentence in, its sound out. The browser asks sentence by sentence and highlights what it plays."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, request

from broker.look import say
from kiosk.house import House, Silent

log = logging.getLogger(__name__)

LONGEST = 600


def pages(house: House) -> Blueprint:
    """The blueprint of reading aloud."""
    job = Blueprint("listen", __name__)

    @job.post("/nghe")
    def sound() -> Response:
        text = request.form.get("cau", "").strip()[:LONGEST]
        language = request.form.get("tieng", "vi")
        if not text:
            return Response(status=204)
        try:
            return Response(house.read_aloud(text, language), mimetype="audio/ogg")
        except Silent as why:
            log.warning("cannot read aloud: %s", why, extra={"event": "silent"})
            return Response(say("Máy chưa đọc được. Bác bấm Gọi người giúp."), 503, mimetype="text/plain")

    return job
