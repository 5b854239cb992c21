"""Đọc trước: which of two ưu tiên that meet speaks first, on Hôm nay and on the page of tomorrow."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from broker.hub.announcing.order import ORDERERS, put_first
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.records import Account

pages = Blueprint("ordering", __name__)


@pages.post("/occurrences/<occurrence>/first")
@access.allow(*ORDERERS)
def first(occurrence: str) -> Response:
    """Let one ưu tiên speak before those it meets, and go back to the page of its day."""
    with desk().database.session() as db:
        put_first(db, db.get_one(Account, access.visitor().id), occurrence, now())
    back = "today.tomorrow" if request.form.get("back") == "tomorrow" else "today.today"
    return redirect(url_for(back))
