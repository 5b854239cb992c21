"""Gọi người giúp: a person is called, and the page says what happens now."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from broker.link.outbox import OutboxFull
from kiosk.helper import Bell


def pages(bell: Bell) -> Blueprint:
    """The blueprint of calling a helper."""
    job = Blueprint("help_call", __name__)

    @job.post("/giup")
    def call() -> str:
        try:
            bell.ring(request.form.get("trang", "/"))
        except OutboxFull as why:
            return render_template("called.html", trouble=str(why))
        return render_template("called.html", trouble="")

    @job.get("/giup")
    def explain() -> str:
        return render_template("call.html")

    return job
