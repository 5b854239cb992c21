"""Language, colours and letter size: kept in cookies until the visitor leaves."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from kiosk.visitor import CHOICES


def _own(address: str) -> str:
    """An address of this screen with its question, home for any other: links never lead out of the house."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_own and "\\" not in address else "/nha"


def pages() -> Blueprint:
    """The blueprint of choosing how the screen looks and speaks."""
    job = Blueprint("choose", __name__)

    @job.get("/ngon-ngu")
    def language() -> str:
        return render_template("language.html", up=_own(request.args.get("tu", "")))

    @job.get("/doi")
    def change() -> Answer:
        answer = redirect(_own(request.args.get("ve", "")), 303, Response)
        for name, allowed in CHOICES.items():
            chosen = request.args.get(name)
            if chosen in allowed:
                answer.set_cookie(name, chosen, httponly=True, samesite="Strict")
        return answer

    return job
