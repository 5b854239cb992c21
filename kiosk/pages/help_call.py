"""Gọi người giúp: a person is called, and the page says what happens now."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from broker.link.outbox import OutboxFull
from kiosk.helper import Bell
from kiosk.house import House


def pages(house: House, bell: Bell) -> Blueprint:
    """The blueprint of calling a helper."""
    job = Blueprint("help_call", __name__)

    @job.post("/giup")
    def call() -> str:
        try:
            bell.ring(request.form.get("trang", "/"))
        except OutboxFull as why:
            return render_template("called.html", trouble=str(why), connected=False)
        return render_template("called.html", trouble="", connected=house.post.connected)

    @job.get("/giup")
    def explain() -> str:
        return render_template("call.html")

    return job
