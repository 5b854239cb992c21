"""A console with a commune behind it: eight villages, points, people, a day of announcements, a duty room.

Everything is written through the hub's own functions and records; only the clock is moved by hand.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from broker.contract import Identity
from broker.contract.board import Reading
from broker.contract.camera import Box, CameraTampered, MotionEnded, MotionStarted
from broker.contract.node import Lost
from broker.hub import alerts, content, gaps
from broker.hub import content_review as review
from broker.hub.accounts import create_account
from broker.hub.announcing import workflow
from broker.hub.announcing.render import media_store
from broker.hub.announcing.signing import Desk
from broker.hub.announcing.workflow import Draft
from broker.hub.console.app import create_app
from broker.hub.console.desk import Desk as ConsoleDesk
from broker.hub.console.live import Broadcaster
from broker.hub.console.session_store import Kept
from broker.hub.quarantine import quarantine
from broker.hub.records import (
    Account,
    Camera,
    CameraSeen,
    Database,
    HelperCall,
    HighWater,
    NodeRecord,
    Play,
    Revision,
    SearchWord,
    ServiceSeen,
    SpeakerSeen,
    Village,
    note_change,
    put_setting,
)
from broker.hub.records.database import open_url
from broker.hub.telemetry.recorder import Recorder
from broker.link.clock import LOCAL
from broker.link.config import Settings
from broker.trust.approvers import lock_key
from kiosk.content import shipped
from tests.fakes.clock import FakeClock
from tests.hub.town import LEXICON, PASSWORD, PLACE, Keys, Town, believe, hub_settings

NOW = datetime(2026, 11, 21, 16, 42, tzinfo=LOCAL)
PIN = "24681012"

POINTS = {
    "A": (40, 60), "B": (120, 28), "C": (205, 40), "D": (290, 22), "E": (368, 70), "F": (384, 150),
    "G": (350, 226), "H": (276, 270), "I": (180, 262), "J": (96, 280), "K": (36, 220), "L": (20, 140),
    "M": (66, 132), "O": (130, 106), "Q": (220, 100), "R": (290, 114), "S": (112, 190), "T": (196, 178),
    "U": (274, 188),
}  # fmt: skip
VILLAGES = (
    ("doai", "Đoài", "ABOML", (76, 84)),
    ("thuong", "Thượng", "BCQO", (168, 72)),
    ("go", "Gò", "CDERQ", (288, 66)),
    ("dong", "Đông", "EFUR", (350, 130)),
    ("trung", "Trung", "OQRUTS", (200, 138)),
    ("moi", "Mới", "LMOSK", (70, 182)),
    ("ben", "Bến", "KSTIJ", (112, 240)),
    ("ha", "Hạ", "TUFGHI", (282, 228)),
)
RIVER = "M390,92 C368,104 350,94 330,112 S296,158 282,186 S242,212 222,226 S206,262 211,286"
NODES = (
    ("thon-01", "dong", "Đông 1, nhà văn hoá"),
    ("thon-02", "ben", "Bến 1, trạm bơm"),
    ("thon-03", "ben", "Bến 2, đầu cầu"),
    ("thon-04", "trung", "Trung 1, đình"),
)
PEOPLE = (
    ("hanh", "Lê Thị Hạnh", "văn hoá xã", ["editor"]),
    ("binh", "Phạm Văn Bình", "phó chủ tịch xã", ["approver"]),
    ("khoa", "Trần Văn Khoa", "đại uý", ["police"]),
    ("lanh", "Vũ Thị Lành", "chủ tịch xã", ["leader"]),
    ("quan", "Ngô Quang Quân", "", ["admin"]),
    ("thon", "Đỗ Văn Thôn", "trưởng thôn Đông", ["village"]),
    ("giup", "Hà Thu Giúp", "tổ công nghệ số", ["helper"]),
    ("soat", "Lý Văn Soát", "", ["auditor"]),
)


@dataclass
class Stage:
    """The console and the hands that move it."""

    settings: Settings
    database: Database
    clock: FakeClock
    keys: Keys
    app: Flask
    broadcaster: Broadcaster
    people: dict[str, Account] = field(default_factory=dict)

    def client(self, name: str = "") -> FlaskClient:
        """A browser of the test client, signed in when a name is given."""
        client = self.app.test_client()
        if name:
            answer = self.post(client, "/sign-in", {"name": name, "password": PASSWORD}, page="/sign-in")
            assert answer.status_code == 302, answer.get_data(as_text=True)
        return client

    def half(self, name: str) -> FlaskClient:
        """Somebody who has shown the password and not yet the second factor, where the settings ask for one."""
        client = self.app.test_client()
        answer = self.post(client, "/sign-in", {"name": name, "password": PASSWORD}, page="/sign-in")
        assert answer.headers["Location"].startswith("/sign-in/"), answer.get_data(as_text=True)
        return client

    def sessions_of(self, name: str) -> list[Kept]:
        """Where somebody is signed in."""
        desk: ConsoleDesk = self.app.extensions["desk"]
        return desk.sessions.of(self.people[name].id)

    def post(self, client: FlaskClient, path: str, form: dict[str, object], page: str = "", **more: object):  # type: ignore[no-untyped-def]
        """Send a form with the token of `page` (default: the sign-in page or Hôm nay)."""
        shown = client.get(page or "/sign-in", follow_redirects=True).get_data(as_text=True)
        token = re.search(r'name="csrf-token" content="([^"]+)"', shown)
        assert token is not None, shown[:2000]
        return client.post(path, data={**form, "csrf_token": token[1]}, **more)

    def now(self) -> datetime:
        """The time on the hub."""
        return self.clock.now()

    @property
    def town(self) -> Town:
        """Ways to walk an announcement through, by Hạnh and Bình."""
        people = self.people
        return Town(
            self.database,
            self.keys,
            Desk(PLACE, self.keys.hub),
            people["hanh"],
            people["binh"],
            people["binh"],
            people["binh"],
        )

    def draft(self, **change: object) -> Revision:
        """A draft by Hạnh for 17:30 today in Đông and Bến."""
        fields: dict[str, object] = {
            "title": "Cắt điện sáng Chủ nhật để sửa đường dây",
            "text": "Sáng Chủ nhật, điện lực cắt điện từ 8h đến 11h để sửa đường dây. Bà con chủ động bơm nước.",
            "villages": ["dong", "ben"],
            "starts": [NOW.replace(hour=17, minute=30)],
        }
        with self.database.session() as db:
            return workflow.save_draft(db, self.people["hanh"], Draft(**(fields | change)), self.now())  # type: ignore[arg-type]

    def submitted(self, sound: bytes | None = None, duration_ms: int = 62_000, **change: object) -> Revision:
        """A draft sent for approval, with its sound in the media store."""
        revision = self.draft(**change)
        with self.database.session() as db:
            workflow.submit(db, self.people["hanh"], revision.id, LEXICON, self.now())
        data = sound or f"sound of revision {revision.id}".encode()
        media = media_store(self.settings).add(data, "audio/ogg", duration_ms)
        with self.database.session() as db:
            db.get_one(Revision, revision.id).audio = msgspec.to_builtins(media)
        return revision

    def approved(self, **change: object) -> Revision:
        """Approved by Bình with his own key."""
        revision = self.submitted(**change)
        signed = self.town.signed(revision.id, now=self.now())
        with self.database.session() as db:
            workflow.approve(
                db, Desk(PLACE, self.keys.hub), self.people["binh"], revision.id, signed, self.now()
            )
        with self.database.reading() as db:
            return db.get_one(Revision, revision.id)

    def receipt(self, announcement: str, node: str, state: str, **change: object) -> None:
        """What ingest writes when a receipt comes."""
        with self.database.session() as db:
            play = db.scalars(select(Play).where(Play.announcement == announcement, Play.node == node)).one()
            play.state, play.said_at = state, self.now()
            for name, value in change.items():
                setattr(play, name, value)
            note_change(db, "play", f"{play.occurrence} {node}", self.now())

    def alarm(
        self, camera: str = "cong", node: str = "thon-01", snapshot: bytes = b"", **change: object
    ) -> int:
        """What ingest does with a motion alarm; the alert's number."""
        at = self.now()
        store = media_store(self.settings)
        picture = store.add(snapshot or JPEG, "image/jpeg")
        said = MotionStarted(
            episode=f"e-{at.timestamp()}-{camera}",
            camera=camera,
            started_at=at - timedelta(seconds=3),
            snapshot=JPEG,
            boxes=[Box(x=0.58, y=0.34, w=0.14, h=0.39)],
        )
        with self.database.session() as db:
            alert = alerts.raise_motion(db, node, said, picture.sha256, at)
            clip = change.get("clip")
            if isinstance(clip, bytes):
                media = store.add(clip, str(change.get("type", "video/mp4")), 21_000)
                ended = MotionEnded(
                    episode=said.episode, camera=camera, started_at=said.started_at, ended_at=at, clip=media
                )
                alerts.end_motion(db, node, ended, True, at)
            return alert.id

    def key_file(self, name: str = "k-binh", holder: str = "Phạm Văn Bình") -> str:
        """The key file of an approver, as the commune hands it over."""
        made = json.loads(lock_key(self.keys.private[name], holder, PIN))
        made["key"] = name
        return json.dumps(made)


CAMERA_FORM: dict[str, Any] = {
    "name": "Cửa kho lúa",
    "source": "rtsp://u:•••@10.0.0.9/1",
    "sub_source": "",
    "day": "0.5",
    "night": "",
    "hours": "always",
    "label": "yes",
}
"""The camera page as it is sent when nothing but the name was changed."""
JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300030202020202030202020303030304060404040404080606050609080a"
    "0a090809090a0c0f0c0a0b0e0b09090d110d0e0f101011100a0c12131210130f101010ffc9000b080001000101011100ffcc00060010"
    "1005ffda0008010100003f00d2cf20ffd9"
)
"""One grey pixel."""


@contextmanager
def set_stage(folder: Path, keys: Keys, settled: Path) -> Iterator[Stage]:
    """The commune and its console; the live feed runs. `settled`: the database of `settle`, which is copied."""
    settings = hub_settings(folder / "data", keys.hub)
    settings.data_dir.mkdir(parents=True)
    shutil.copy(settled, settings.data_dir / "hub.db")
    database = open_url(f"sqlite:///{settings.data_dir / 'hub.db'}")
    clock = FakeClock(NOW)
    broadcaster = Broadcaster(database)
    app = create_app(settings, database, clock, broadcaster)
    stage = Stage(settings, database, clock, keys, app, broadcaster)
    with database.session() as db:
        believe(db, keys, {"binh": "k-binh"})
    with database.reading() as db:
        stage.people = {each.username: each for each in db.scalars(select(Account))}
    stop = threading.Event()
    thread = threading.Thread(target=broadcaster.run, args=(stop, lambda: None), name="live")
    thread.start()
    try:
        yield stage
    finally:
        stop.set()
        thread.join()
        database.close()


def settle(path: Path) -> Path:
    """A database with villages, points, people, and services that are all alive."""
    database = open_url(f"sqlite:///{path}")
    _fill(database)
    with database.engine.connect() as db:
        db.exec_driver_sql("ROLLBACK")
        db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


def _fill(database: Database) -> None:
    with database.session() as db:
        for rank, (code, name, corners, (x, y)) in enumerate(VILLAGES):
            path = "M" + " ".join(f"{POINTS[c][0]},{POINTS[c][1]}" for c in corners) + "z"
            db.add(Village(code=code, name=name, rank=rank, centre_x=x, centre_y=y, path=path))
        put_setting(db, "map.river", RIVER, NOW)
        db.flush()
        for name, village, label in NODES:
            db.add(NodeRecord(name=name, village=village, label=label, registered_at=NOW))
            for service in ("node", "speaker", "camera", "kiosk", "board"):
                db.add(_alive(name, service))
            db.add(SpeakerSeen(node=name, doing="idle", output="file", since=NOW, seen_at=NOW))
        for service in ("ingest", "announce", "web"):
            db.add(_alive("hub", service))
        db.add(_camera("thon-01", "cong", "Cửa kho lúa", "dong"))
        db.add(_camera("thon-02", "bom", "Trạm bơm", "ben"))
        for node, camera in (("thon-01", "cong"), ("thon-02", "bom")):
            since = NOW - timedelta(hours=41)
            seen = CameraSeen(
                node=node, camera=camera, state="live", since=since, frames_per_s=15.0, seen_at=NOW
            )
            db.add(seen)
        for username, full_name, title, roles in PEOPLE:
            create_account(
                db,
                username=username,
                full_name=full_name,
                title=title,
                password=PASSWORD,
                roles=roles,
                villages=["dong"] if "village" in roles else [],
                now=NOW,
            )


def live_day(stage: Stage) -> dict[str, str]:
    """A day as the pictures show it; announcements by a short name."""
    at = NOW
    stage.clock.step(-11 * 3600)
    morning = stage.approved(
        title="Bản tin sáng: thời tiết, giá lúa, việc trong xã",
        villages=[code for code, *_ in VILLAGES],
        starts=[at.replace(hour=6, minute=0)],
        repeat=2,
    )
    for node, _, _ in NODES:
        proof = 3 if node == "thon-01" else 1
        begun = at.replace(hour=6, minute=0, second=1)
        stage.receipt(
            morning.announcement_id, node, "played", started_at=begun, ended_at=begun + timedelta(minutes=2),
            late_ms=300, proof_level=proof, sound="card",
        )  # fmt: skip
    stage.clock.step(11 * 3600)
    power = stage.approved()
    play = stage.approved(
        title="Mời bà con xem hát chèo ở nhà văn hoá",
        villages=["dong"],
        starts=[at.replace(hour=19, minute=15)],
    )
    waits = stage.submitted(
        title="Lịch tiêm phòng cho trẻ, thứ Hai",
        villages=[code for code, *_ in VILLAGES],
        kind="priority",
        starts=[at.replace(hour=18, minute=15)],
    )
    stage.receipt(power.announcement_id, "thon-01", "ready")
    stage.receipt(power.announcement_id, "thon-02", "ready")
    stage.receipt(play.announcement_id, "thon-01", "ready")
    with stage.database.session() as db:
        lost = db.get_one(ServiceSeen, "thon-03.speaker")
        lost.state, lost.since = "lost", at - timedelta(hours=4)
        for seen in db.scalars(select(SpeakerSeen)):
            seen.output, seen.sound = "USB Audio", "card"
        db.add(HelperCall(call="c1", node="thon-01", at=at, page="/", received_at=at - timedelta(minutes=2)))
    return {
        "morning": morning.announcement_id,
        "power": power.announcement_id,
        "play": play.announcement_id,
        "waits": waits.announcement_id,
    }


def measure(stage: Stage) -> None:
    """A week of water level and warmth, with the levels that people act on."""
    at = stage.now()
    with stage.database.session() as db:
        for hours in range(168, -1, -4):
            moment = at - timedelta(hours=hours)
            water = 1.7 + (168 - hours) / 420 + (0.03 if hours % 24 < 12 else 0)
            warm = 22 + 4 * ((moment.astimezone(LOCAL).hour - 4) % 24) / 24
            readings = [
                Reading(series="song-van.water_level_m", at=moment, value=water, unit="m"),
                Reading(series="nha.air_celsius", at=moment, value=warm, unit="°C"),
            ]
            Recorder().write(db, {Identity("thon-02", "board"): readings}, at)
        names = {"thon-02/song-van.water_level_m": "Sông Vân ở trạm bơm thôn Bến"}
        put_setting(db, "series.names", names, at)
        marks = [
            {"value": v, "name": n}
            for v, n in ((3.0, "Báo động I"), (3.6, "Báo động II"), (4.2, "Báo động III"))
        ]
        put_setting(db, "levels", {"song-van.water_level_m": marks}, at)


def trouble(stage: Stage) -> None:
    """Everything a wire can have: messages that could not be stored, losses, a chatterer, lanes half the way."""
    at = stage.now()
    with stage.database.session() as db:
        topic = "ls/00/00000/thon-01/board/tele/readings"
        quarantine(db, "thon-01.board", "Readings: future", topic, b'{"items":[{"series":"a"}]}', at)
        quarantine(
            db, "unknown", "frame: JSON is malformed", topic, b"<script>alert(1)</script>\x00\xff\n", at
        )
        for lane, upto in (("tele", 1_204_551), ("event", 3_311)):
            db.merge(HighWater(source="thon-01.board", epoch="a4f9c2e77b01", lane=lane, upto=upto, at=at))
        for n in range(10):
            lost = Lost(lane="tele", first=5000 * n + 1, last=5000 * n + 400, count=380, reason="quota")
            gaps.note_told(db, "thon-02.board", f"{at:%M%S}-{n}", lost, at - timedelta(hours=5 * n))
        reading = Reading(series="nha.air_celsius", at=at - timedelta(days=2), value=-3.5, unit="°C")
        Recorder().write(db, {Identity("thon-03", "board"): [reading]}, at)
        hub = db.get_one(ServiceSeen, "hub.ingest")
        hub.problems = [{"code": "chatter", "text": "thon-01.board gửi quá nhiều; đang nhận chậm lại."}]


def procedure_waits(stage: Stage, code: str = "1.000656") -> int:
    """The release's procedures at the hub, one written anew by Hạnh and sent, words asked in vain; its number."""
    base = shipped().bundle
    content.set_base(stage.settings.data_dir, msgspec.json.encode(base))
    shown = next(each for each in base.procedures if each.code == code)
    change = msgspec.structs.replace(shown, title="Báo nhà có người mất", processing_time="3 ngày")
    day = stage.now().date()
    with stage.database.session() as db:
        hanh = stage.people["hanh"]
        revision = review.save(db, hanh, base, change, review.stamp(shown, None), stage.now())
        review.send(db, hanh, revision.id, stage.now())
        for word, count in (("giay bao tu", 9), ("mua bo", 4)):
            db.add(SearchWord(text=word, count=count, first_on=day, last_on=day))
        return revision.id


def cover(stage: Stage, node: str = "thon-02", camera: str = "bom") -> int:
    """A camera is covered; the alert's number."""
    at = stage.now()
    said = CameraTampered(
        tampering=f"t-{camera}", camera=camera, what="covered", started_at=at - timedelta(minutes=35)
    )
    with stage.database.session() as db:
        return alerts.raise_tampering(db, node, said, None, at).id


def _alive(node: str, service: str) -> ServiceSeen:
    return ServiceSeen(
        identity=f"{node}.{service}",
        node=node,
        service=service,
        state="ready",
        since=NOW - timedelta(hours=41),
        boot="b",
        version="0.1.0",
        seen_at=NOW,
    )


def _camera(node: str, code: str, name: str, village: str) -> Camera:
    return Camera(node=node, camera=code, name=name, village=village, source="rtsp://u:bí-mật@10.0.0.9/1")
