"""Bảng mã QR: a sheet of A4 with the codes of one field, or of all, to hang up in the village."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, render_template

from broker.hub.console import access
from broker.hub.console.content_shelf import base_now, entries, plain, today
from broker.hub.console.desk import desk
from broker.hub.content_due import HIDDEN
from broker.hub.content_review import READERS
from broker.look.procedure import official_host

pages = Blueprint("content_board", __name__)


@dataclass(frozen=True)
class Code:
    """One code on the board."""

    title: str
    address: str
    host: str
    checked: str


@dataclass(frozen=True)
class Field:
    """One field and its codes."""

    code: str
    title: str
    hint: str
    icon: str
    codes: Sequence[Code]


@pages.get("/noi-dung/bang-qr")
@access.allow(*READERS)
def whole() -> str:
    """Every field that has codes, on as many sheets as it takes."""
    fields = [each for each in _fields() if each.codes]
    return render_template("content_board.html", here="content", fields=fields, is_whole=True)


@pages.get("/noi-dung/bang-qr/<field>")
@access.allow(*READERS)
def one(field: str) -> str:
    """One field, codes large enough for an old phone. 404 for no field, or one without codes."""
    fields = [each for each in _fields() if each.code == field and each.codes]
    if not fields:
        abort(404)
    return render_template("content_board.html", here="content", fields=fields, is_whole=False)


def _fields() -> list[Field]:
    """What screens tell today and may be opened on a phone: official addresses over https, nothing else."""
    base, day = base_now(), today()
    with desk().database.reading() as db:
        known = sorted(entries(db, base, day), key=lambda each: plain(each.title))
    found = []
    for field in base.fields:
        codes = [
            Code(one.title, one.address, host, f"{one.checked_on:%d/%m/%Y}")
            for each in known
            if (one := each.shown) is not None
            and each.field == field.code
            and each.due is not None
            and each.due.standing not in (*HIDDEN, "early")
            and (host := official_host(one.address))
        ]
        found.append(Field(field.code, field.title, field.hint, field.icon, codes))
    return found
