"""Gọi người giúp: a person is called, and the page says what is known of the call and no more."""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from broker.link.outbox import OutboxFull
from kiosk.helper import Bell
from kiosk.house import House
from kiosk.pages.guide import found_in

_CALL = re.compile(r"[0-9a-f]{16}", re.ASCII)


def pages(house: House, bell: Bell) -> Blueprint:
    """The blueprint of calling a helper."""
    job = Blueprint("help_call", __name__)

    @job.post("/giup")
    def call() -> Answer | str:
        try:
            made, is_new = bell.ring(request.form.get("trang", "/"))
        except OutboxFull as why:
            return render_template("called.html", trouble=str(why), here="/giup")
        return redirect(f"/giup/{made}" + ("" if is_new else "?lai=1"), 303)

    @job.get("/giup/<call>")
    def called(call: str) -> str:
        """What is known of a call; larger letters and another language come back here and call nobody again."""
        page = bell.page_of(call)
        if page is None:
            abort(404)
        again = request.args.get("lai") == "1"
        return render_template(
            "called.html",
            trouble="",
            call=call,
            is_new=not again,
            state=bell.state(call),
            about=_title_of(page),
        )

    @job.get("/giup/<call>/buoc")
    def follow(call: str) -> Response:
        if not _CALL.fullmatch(call):
            abort(404)
        state = bell.state(call)
        answer = make_response(render_template("called_state.html", state=state))
        answer.headers["X-State"] = state
        return answer

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
