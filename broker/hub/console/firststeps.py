"""Bắt đầu: what a fresh hub still lacks until a loudspeaker speaks, step by step, with live ticks."""

from __future__ import annotations

from flask import Blueprint, render_template
from sqlalchemy import select

from broker.hub.console import access, steps
from broker.hub.console.desk import desk, is_part, now
from broker.hub.records import Village

pages = Blueprint("firststeps", __name__)


@pages.get("/first-steps")
@access.allow("admin")
def first_steps() -> str:
    """The page, or only its changing part for the script."""
    at = now()
    with desk().database.reading() as db:
        stairs = steps.stairs_of(db, desk().settings, at)
        villages = db.scalars(select(Village).order_by(Village.rank, Village.code)).all()
    return render_template(
        "_first-steps.html" if is_part() else "first-steps.html",
        here="first",
        head=steps.headline(stairs),
        stairs=stairs,
        villages=villages,
        is_over=all(step.is_done for step in stairs),
    )
