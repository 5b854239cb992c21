"""Trong thôn ta: only the doors that lead somewhere today."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template

from kiosk.house import House


@dataclass(frozen=True)
class Door:
    """One door of village life: where it leads, its picture, its words."""

    path: str
    icon: str
    words: str


def doors_of(house: House) -> list[Door]:
    """The doors that have something behind them now; writing needs a panel with a keyboard."""
    content = house.content()
    doors = [Door("/loa", "replay", "Nghe lại\u00a0loa")]
    if content.events:
        doors.append(Door("/lich", "calendar", "Lịch\u00a0thôn"))
    if house.panel.layout != "lookup":
        doors.append(Door("/gop-y", "say", "Phản\u00a0ánh, góp\u00a0ý"))
    return [*doors, Door("/canh-bao", "shield", "Coi\u00a0chừng lừa\u00a0đảo")]


def pages(house: House) -> Blueprint:
    """The blueprint of the village's doors."""
    job = Blueprint("village", __name__)

    @job.get("/trong-thon")
    def doors() -> str:
        return render_template("village.html", doors=doors_of(house))

    return job
