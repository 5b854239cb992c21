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
    beat = {"at": house.clock.monotonic(), "idle": 0.0}
    """When (monotonic) a page last said that it lives, and whether that was the notice board. A server that has just
    started has heard of none, and a page that lives has five seconds to be heard as after any silence."""

    @job.post("/nhip")
    def note() -> Answer:
        with lock:
            beat["at"] = house.clock.monotonic()
            beat["idle"] = float(request.args.get("bang") == "1")
        return Answer(status=204)

    @job.get("/nhip")
    def last() -> Answer:
        with lock:
            at, idle = beat["at"], bool(beat["idle"])
        return jsonify(age_s=house.clock.monotonic() - at, idle=idle)

    return job
