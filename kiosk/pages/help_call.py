"""Gọi người giúp: a person is called, and the page says what happens now."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from broker.link.outbox import OutboxFull
from kiosk.helper import Bell
from kiosk.house import House
from kiosk.pages.guide import found_in


def pages(house: House, bell: Bell) -> Blueprint:
    """The blueprint of calling a helper."""
    job = Blueprint("help_call", __name__)

    @job.post("/giup")
    def call() -> str:
        page = request.form.get("trang", "/")
        about = _title_of(page)
        try:
            bell.ring(page)
        except OutboxFull as why:
            return render_template("called.html", trouble=str(why), connected=False, about=about)
        return render_template("called.html", trouble="", connected=house.post.connected, about=about)

    def _title_of(page: str) -> str:
        """The procedure or life event the person was at; the helper asks about nothing that the screen knows."""
        content, code = house.content(), page.rpartition("/")[2]
        if page.startswith("/tt/"):
            found = found_in(content, code)
            return found.title if found else ""
        return next((each.title for each in content.life_events if page == f"/su-kien/{each.code}"), "")

    @job.get("/giup")
    def explain() -> str:
        return render_template("call.html")

    return job
