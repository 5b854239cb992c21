"""Language, colours and letter size: kept in cookies until the visitor leaves."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from kiosk.visitor import CHOICES


def pages() -> Blueprint:
    """The blueprint of choosing how the screen looks and speaks."""
    job = Blueprint("choose", __name__)

    @job.get("/ngon-ngu")
    def language() -> str:
        return render_template("language.html")

    @job.get("/doi")
    def change() -> Answer:
        back = request.args.get("ve", "/nha")
        safe = back.startswith("/") and not back.startswith(("//", "/\\")) and "\n" not in back
        answer = redirect(back if safe else "/nha", 303, Response)
        for name, allowed in CHOICES.items():
            chosen = request.args.get(name)
            if chosen in allowed:
                answer.set_cookie(name, chosen, httponly=True, samesite="Strict")
        return answer

    return job
