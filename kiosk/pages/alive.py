"""The page on the panel says that it lives; whoever looks after the browser asks when it last did."""

from __future__ import annotations

import threading

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response as Answer

from kiosk.house import House


def pages(house: House) -> Blueprint:
    """The blueprint of the beat."""
    job = Blueprint("alive", __name__)
    lock = threading.Lock()
    beat: dict[str, float] = {}
    """When (monotonic) a page last said that it lives, and whether that was the notice board."""

    @job.post("/nhip")
    def note() -> Answer:
        with lock:
            beat["at"] = house.clock.monotonic()
            beat["idle"] = float(request.args.get("bang") == "1")
        return Answer(status=204)

    @job.get("/nhip")
    def last() -> Answer:
        with lock:
            at, idle = beat.get("at"), bool(beat.get("idle"))
        return jsonify(age_s=None if at is None else house.clock.monotonic() - at, idle=idle)

    return job
