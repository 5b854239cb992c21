"""Plans of cameras: what a node is told, to whom addresses are sealed, and that nobody else can read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from broker.contract import identity_of, topic_of
from broker.contract.hub import CameraPlan
from broker.contract.message import payload
from broker.hub import camera_areas, camera_hours, camera_setup, quiet_proposal
from broker.hub.cameras import MOST_PER_NODE
from broker.hub.records import Account, Base, Camera, CameraQuiet, note_change
from broker.trust.envelope import CameraAddress, CamerasBody, open_signed
from broker.trust.seal import make_seal_key, open_seal
from tests.hub.studio import Studio
from tests.hub.town import NOW, PLACE


@pytest.fixture
def secret(studio: Studio) -> bytes:
    """The private half of the key that the camera service of thon-01 has said."""
    private, public = make_seal_key()
    say_key(studio, public)
    return private


def say_key(studio: Studio, public: bytes) -> None:
    with studio.town.database.session() as db:
        camera_setup.note_seal(db, "thon-01", public.decode(), NOW)


def put(studio: Studio, **fields: Any) -> None:
    """Write into the record of the town's only camera."""
    with studio.town.database.session() as db:
        row = db.get_one(Camera, ("thon-01", "cong"))
        for name, value in fields.items():
            setattr(row, name, value)
        note_change(db, "camera", "thon-01", NOW)


def told(studio: Studio, sent: list[Any]) -> list[CamerasBody]:
    """The plans of thon-01 among what was sent, believed as the node believes them."""
    plans = [m for to, m in sent if isinstance(m, CameraPlan) and to == "thon-01.camera"]
    trust = studio.town.keys.trust
    return [open_signed(each.signed, "cameras", trust, "hub", NOW, CamerasBody) for each in plans]


def test_a_node_is_told_its_cameras_with_addresses_that_only_it_can_open(
    studio: Studio, secret: bytes
) -> None:
    zone = {"name": "Cổng", "corners": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}
    put(
        studio,
        source="rtsp://xa:bi-mat@10.0.0.9/101",
        sub_source="rtsp://xa:bi-mat@10.0.0.9/102",
        zones=[zone],
    )
    body = told(studio, studio.step())[0]
    assert [(each.camera, each.zones[0].name) for each in body.cameras] == [("cong", "Cổng")]
    address = msgspec.json.decode(open_seal(secret, body.cameras[0].sealed), type=CameraAddress)
    assert address.source == "rtsp://xa:bi-mat@10.0.0.9/101"
    assert address.sub_source == "rtsp://xa:bi-mat@10.0.0.9/102"


def test_no_copy_of_the_records_and_no_packet_holds_a_camera_s_password(
    studio: Studio, secret: bytes
) -> None:
    put(studio, source="rtsp://xa:bi-mat@10.0.0.9/1", sub_source="http://10.0.0.9/v?user=xa&pwd=bi-mat&n=2")
    sent = studio.step()
    assert told(studio, sent)[0].cameras
    for to, message in sent:
        said = f"{topic_of(PLACE, identity_of(to), type(message))} {payload(message)!r}"
        assert "bi-mat" not in said
        assert "10.0.0.9" not in said
    with studio.town.database.reading() as db:
        for table in Base.metadata.sorted_tables:
            assert "bi-mat" not in str(db.execute(table.select()).all()), table.name
        row = db.get_one(Camera, ("thon-01", "cong"))
    assert row.source == "rtsp://xa:•••@10.0.0.9/1"
    assert row.sub_source == "http://10.0.0.9/v?user=xa&pwd=•••&n=2"


def test_a_node_that_said_no_key_is_told_of_no_camera_and_another_key_makes_the_plan_anew(
    studio: Studio,
) -> None:
    assert [body.cameras for body in told(studio, studio.step())] == [[]]
    found: list[CamerasBody] = []
    for _ in range(2):
        private, public = make_seal_key()
        for _ in range(2):  # said again it changes nothing
            say_key(studio, public)
            found += told(studio, studio.step())
        assert open_seal(private, found[-1].cameras[0].sealed)
    assert len(found) == 2
    assert found[0].generation < found[1].generation


@pytest.mark.parametrize(
    "key", ["", "x" * 100_000, "khoá", "-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----"]
)
def test_what_is_no_key_is_not_taken_for_one(studio: Studio, key: str) -> None:
    with studio.town.database.session() as db, pytest.raises(ValueError):
        camera_setup.note_seal(db, "thon-01", key, NOW)
    assert [body.cameras for body in told(studio, studio.step())] == [[]]


def test_a_damaged_record_of_a_camera_keeps_no_other_from_its_node(studio: Studio, secret: bytes) -> None:
    put(studio, masks=[{"corners": [[0.1, 7.0]]}])
    with studio.town.database.session() as db:
        db.add(Camera(node="thon-01", camera="san", name="Sân", village="dong", source="/dev/video1"))
    assert [each.camera for each in told(studio, studio.step())[0].cameras] == ["san"]


def test_without_the_hub_s_own_key_loudspeakers_are_told_all_the_same(studio: Studio, secret: bytes) -> None:
    studio.step()
    studio.sender._opener = b""
    put(studio, sensitivity=0.9)
    assert told(studio, studio.step()) == []
    assert "no-seal-key" in studio.session.problems


def test_the_fullest_cameras_a_node_may_have_fit_one_plan(studio: Studio, secret: bytes) -> None:
    triangle = {"corners": [[0.123, 0.456]] * 3}
    most = camera_areas.MOST_AREAS
    rest = camera_areas.MOST_CORNERS - 3 * 3 * most + 3
    zones = [{"name": '"' * camera_areas.LONGEST_NAME, **triangle}] * (most - 1)
    large = {"name": "Z", "corners": [[0.123, 0.456]] * min(rest, camera_areas.MOST_OF_ONE)}
    span = {"days": [0, 1, 2, 3, 4, 5, 6], "since_min": 1439, "until_min": 1439}
    with studio.town.database.session() as db:
        by = db.scalars(select(Account.id)).first()
        db.delete(db.get_one(Camera, ("thon-01", "cong")))
        for n in range(MOST_PER_NODE):
            row = Camera(node="thon-01", camera=f"{'c' * 24}{n:03}", name="ở" * 60, village="dong")
            row.source = row.sub_source = f"rtsp://u:p@{'x' * 389}"
            row.night_sensitivity, row.schedule = 0.7, [span] * camera_hours.MOST_SPANS
            row.zones, row.ignored, row.masks = [*zones, large], [triangle] * most, [triangle] * most
            db.add(row)
            around = {"corners": [[0.123, 0.456]] * quiet_proposal.MOST_CORNERS}
            made = {"node": row.node, "camera": row.camera, "applied_at": NOW, "ask_again_at": NOW}
            quiet = [
                CameraQuiet(name="q", area=around, hours=[span], applied_by=by, **made) for _ in range(8)
            ]
            db.add_all(quiet)
    assert len(told(studio, studio.step())[0].cameras) == MOST_PER_NODE


def test_a_quiet_area_is_told_until_it_is_undone_and_a_damaged_one_costs_no_camera(
    studio: Studio, secret: bytes
) -> None:
    corners = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
    night = [{"days": [0, 6], "since_min": 1080, "until_min": 300}]
    with studio.town.database.session() as db:
        by = db.scalars(select(Account.id)).first()
        made = {"node": "thon-01", "camera": "cong", "applied_at": NOW, "applied_by": by, "ask_again_at": NOW}
        tree = CameraQuiet(name="cây", area={"corners": corners}, hours=night, **made)
        db.add_all([tree, CameraQuiet(name="hỏng", area={"corners": [[7, 7]]}, **made)])
        db.add(CameraQuiet(name="hỏng", area={"kind": "?"}, **made))
        db.flush()
        number = tree.id
    told_first = told(studio, studio.step())[0].cameras[0].quiet
    assert [(each.corners, each.hours[0].since_min) for each in told_first] == [
        ([(0.1, 0.1), (0.4, 0.1), (0.4, 0.4)], 1080)
    ]
    with studio.town.database.session() as db:
        db.get_one(CameraQuiet, number).undone_at = NOW
        note_change(db, "plan", "thon-01", NOW)
    assert told(studio, studio.step())[0].cameras[0].quiet == []


def test_of_too_many_quiet_areas_the_newest_are_told(studio: Studio, secret: bytes) -> None:
    with studio.town.database.session() as db:
        by = db.scalars(select(Account.id)).first()
        made = {"node": "thon-01", "camera": "cong", "applied_by": by, "ask_again_at": NOW, "name": "mưa"}
        for age in range(10):
            at = NOW - timedelta(days=age)
            db.add(CameraQuiet(sensitivity=age / 10, applied_at=at, **made))
        db.add(CameraQuiet(sensitivity=0.9, applied_at=NOW, **{**made, "camera": "khac"}))
    told_now = told(studio, studio.step())[0].cameras[0].quiet
    assert sorted(each.sensitivity or 0.0 for each in told_now) == [age / 10 for age in range(8)]
