"""Theo lĩnh vực: the seven fields of the village's QR board, each with all that the screen knows of it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, render_template

from broker.contract.content import BoardField
from broker.look.procedure import standing
from kiosk.house import House

PORTAL = "https://dichvucong.gov.vn/"
"""Where a phone finds all procedures of the country."""


@dataclass(frozen=True)
class Row:
    """One procedure of a field."""

    code: str
    title: str


@dataclass(frozen=True)
class Shelf:
    """A field with its procedures: those that are told, and those of which only the name is."""

    field: BoardField
    told: list[Row]
    named: list[Row]

    @property
    def count(self) -> int:
        """How many there are in all."""
        return len(self.told) + len(self.named)


def shelf_of(house: House, field: BoardField) -> Shelf:
    """All procedures of a field as they stand today, in the order of their names where only those are known."""
    bundle, today = house.content().bundle, house.today()
    own = [each for each in bundle.procedures if each.field == field.code]
    told = [Row(each.code, each.title) for each in own if standing(each, today) in ("fresh", "due")]
    silent = [Row(each.code, each.title) for each in own if standing(each, today) not in ("fresh", "due")]
    named = [Row(each.code, each.name) for each in bundle.named if each.field == field.code]
    return Shelf(field, told, sorted([*silent, *named], key=lambda row: row.title))


def pages(house: House) -> Blueprint:
    """The blueprint of the fields."""
    job = Blueprint("fields", __name__)

    @job.get("/linh-vuc")
    def fields() -> str:
        shelves = [shelf_of(house, field) for field in house.content().bundle.fields]
        return render_template(
            "fields.html", shelves=shelves, count=sum(shelf.count for shelf in shelves), portal=PORTAL
        )

    @job.get("/linh-vuc/<code>")
    def field(code: str) -> str:
        found = next((each for each in house.content().bundle.fields if each.code == code), None)
        if found is None:
            abort(404)
        return render_template("field.html", shelf=shelf_of(house, found))

    return job
