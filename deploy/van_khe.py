"""Xã Vân Khê, the demo's commune: villages, nodes, people and the pages that need them. Invented for this project."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.provision import CommuneFacts

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_FILE = Path(__file__).with_name("van_khe.toml")

NODE_VILLAGES = ("dong", "ben", "thuong", "doai", "go", "trung", "moi", "ha")
"""Village of thon-01, thon-02, …"""

CAMERA = "san"
DRAWN_SCENE = "scene:"


@dataclass(frozen=True)
class Person:
    """Someone with an account in the demo."""

    username: str
    full_name: str
    roles: tuple[str, ...]
    title: str


PEOPLE = (
    Person("lan", "Nguyễn Thị Lan", ("editor",), "Cán bộ văn hoá"),
    Person("hung", "Trần Văn Hùng", ("approver",), "Phó Chủ tịch xã"),
    Person("hanh", "Lê Thị Hạnh", ("approver",), "Trực phòng chống thiên tai"),
    Person("dung", "Lê Quốc Dũng", ("police",), "Trực ban công an xã"),
    Person("ha", "Phạm Thu Hà", ("leader",), "Chủ tịch xã"),
    Person("minh", "Đỗ Quang Minh", ("admin",), "Quản trị"),
)


@dataclass(frozen=True)
class House:
    """One node of the demo: a cultural house."""

    name: str
    village: str
    village_name: str

    @property
    def label(self) -> str:
        """As people call it."""
        return f"Nhà văn hoá {self.village_name}"


TEMPLATE_AUTHOR, TEMPLATE_SIGNERS = "lan", ("hung", "hanh")
"""Who wrote the demo's emergency templates, and who signed them: with two, either lets one speak alone."""


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def facts(
    broker_port: int, device_port: int, enrolment_port: int, hub_port: int, *, tls: bool
) -> CommuneFacts:
    """What every machine of the demo must know; all on loopback. tls: false only with the embedded broker."""
    table = _table()
    return CommuneFacts(
        table["province"],
        table["commune"],
        table["name"],
        "127.0.0.1",
        broker_port,
        device_port,
        tls,
        enrolment_port,
        hub_port,
    )


def houses(count: int) -> list[House]:
    """The first `count` cultural houses; after the eighth, villages get a second one."""
    names = {each["code"]: each["name"] for each in _table()["village"]}
    codes = [NODE_VILLAGES[n % len(NODE_VILLAGES)] for n in range(count)]
    return [House(f"thon-{n + 1:02d}", code, f"thôn {names[code]}") for n, code in enumerate(codes)]


def fill(db: Session, nodes: list[House], camera_source: str, now: datetime) -> None:
    """Villages, map and the first house's camera; what is there stays, the camera's source follows."""
    from deploy.enrol import put_villages, read_villages  # the database: at a first start only

    villages, river = read_villages(_FILE)
    put_villages(db, villages, now, river)
    _put_camera(db, nodes[0], camera_source, now)
    _put_levels(db, now)


def templates() -> list[dict[str, Any]]:
    """What is said in the demo's emergencies: fields of Wording; without villages it is for the whole commune."""
    table = _table()
    everywhere = [each["code"] for each in table["village"]]
    return [{"villages": everywhere, **each} for each in table["template"]]


def series_titles() -> list[str]:
    """What the overview calls the demo's series."""
    return list(_table()["series.names"].values())


def _put_levels(db: Session, now: datetime) -> None:
    """Names of the demo's series and the river's levels, where nobody has set them yet."""
    from broker.hub.records import put_setting, setting

    table = _table()
    for name in ("levels", "series.names"):
        if setting(db, name, None) is None:
            put_setting(db, name, table[name], now)


def _put_camera(db: Session, house: House, source: str, now: datetime) -> None:
    from broker.hub.records import Camera, note_change

    row = db.get(Camera, (house.name, CAMERA))
    if row is not None and row.source == source:
        return
    if row is None:
        row = Camera(
            node=house.name, camera=CAMERA, name="Sân nhà văn hoá", village=house.village, source=source
        )
        db.add(row)
    row.source, row.sealed = source, None  # the hub seals it at its next look
    note_change(db, "camera", f"{house.name}/{CAMERA}", now)
    note_change(db, "plan", "*", now)
