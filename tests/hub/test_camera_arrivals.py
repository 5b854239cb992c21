"""What cameras say: outages, tampering, labels and pictures, late, twice, out of order, hostile, by a wrong clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.contract import Identity
from broker.contract.camera import (
    MOST_GOP_S,
    MOST_PER_S,
    MOST_SIDE_PX,
    Box,
    CameraOutage,
    CameraState,
    CameraStatus,
    CameraTampered,
    Label,
    MotionEnded,
    MotionLabelled,
    MotionStarted,
)
from broker.hub.alerts import LONGEST_MS
from broker.hub.jpeg import is_jpeg
from broker.hub.records import Alert, CameraSeal, CameraSeen, Change, Quarantine
from broker.trust.seal import make_seal_key
from tests.hub.house import CAMERA, JPEG, NOW, House

ELSEWHERE = Identity("thon-02", "camera")
BOX = Box(x=0.1, y=0.2, w=0.3, h=0.4)
OTHER = JPEG + b"\x00"
"""Another picture: what follows the end of a JPEG is nobody's business."""
FAR = (datetime(2031, 1, 1, tzinfo=UTC), datetime(1901, 1, 1, tzinfo=UTC))


def begun(**change: Any) -> MotionStarted:
    fields = {"episode": "e1", "camera": "cong", "started_at": NOW, "snapshot": JPEG, "boxes": [BOX]}
    return MotionStarted(**(fields | change))


def over(**change: Any) -> MotionEnded:
    fields: dict[str, Any] = {"episode": "e1", "camera": "cong", "started_at": NOW, "lasted_ms": 9000}
    return MotionEnded(**(fields | {"ended_at": NOW + timedelta(seconds=9)} | change))


def seen(score: float = 0.9) -> MotionLabelled:
    labels = [Label(what="person", score=score, box=BOX)]
    return MotionLabelled(episode="e1", camera="cong", at=NOW, labels=labels)


def only(house: House) -> Alert:
    found = house.all(Alert)
    assert len(found) == 1
    return found[0]


def reasons(house: House) -> list[str]:
    return sorted(row.reason for row in house.all(Quarantine))


def test_an_episode_keeps_its_zone_confidence_labels_and_best_picture(house: House) -> None:
    first = begun(zone="Cổng", confidence=0.6, reasons=["travels"])
    last = over(best=OTHER, boxes=[BOX], confidence=0.8, reasons=["travels", "large"])
    house.take(house.entry(CAMERA, first, 1), house.entry(CAMERA, seen(), 2), house.entry(CAMERA, last, 3))
    alert = only(house)
    assert (alert.zone, alert.confidence, alert.reasons) == ("Cổng", 0.8, ["travels", "large"])
    assert [(each["what"], each["score"]) for each in alert.labels] == [("person", 0.9)]
    assert house.media.path_of(alert.best).read_bytes() == OTHER
    assert house.media.path_of(alert.snapshot).read_bytes() == JPEG
    assert (alert.lasted_ms, len(alert.best_boxes)) == (9000, 1)


def test_an_end_that_comes_before_its_beginning_makes_the_same_alert(house: House) -> None:
    house.take(house.entry(CAMERA, over(confidence=0.8, reasons=["large"]), 1))
    house.take(house.entry(CAMERA, begun(confidence=0.6, reasons=["small"], zone="Cổng"), 2))
    alert = only(house)
    assert alert.ended_at == NOW + timedelta(seconds=9)
    assert (alert.confidence, alert.reasons, alert.zone) == (0.8, ["large"], "Cổng")
    assert alert.snapshot is not None


def test_labels_alone_raise_nothing_and_name_nothing_else(house: House) -> None:
    house.take(house.entry(CAMERA, seen(), 1))
    assert house.all(Alert) == []
    house.take(house.entry(CAMERA, begun(), 2), house.entry(ELSEWHERE, seen(), 1))
    assert only(house).labels == []


def test_said_again_nothing_is_lost(house: House) -> None:
    for n in range(2):
        house.take(house.entry(CAMERA, begun(confidence=0.5), 1 + 3 * n, epoch=f"e{n}"))
        house.take(house.entry(CAMERA, seen(), 2 + 3 * n, epoch=f"e{n}"))
        house.take(house.entry(CAMERA, over(best=OTHER, boxes=[BOX]), 3 + 3 * n, epoch=f"e{n}"))
    alert = only(house)
    assert (alert.best is not None, len(alert.labels), alert.ended_at is not None) == (True, 1, True)


def test_a_tampering_shows_what_was_seen_before_and_what_is_seen_now(house: House) -> None:
    said: dict[str, Any] = {"tampering": "t1", "camera": "cong", "what": "moved", "started_at": NOW}
    house.take(house.entry(CAMERA, CameraTampered(**said, snapshot=JPEG, before=OTHER, confidence=0.9), 1))
    ended = CameraTampered(**said, ended_at=NOW + timedelta(minutes=4), lasted_ms=240_000)
    house.take(house.entry(CAMERA, ended, 2), house.entry(CAMERA, CameraTampered(**said), 3))
    alert = only(house)
    assert house.media.path_of(alert.before).read_bytes() == OTHER
    assert house.media.path_of(alert.snapshot).read_bytes() == JPEG
    assert (alert.what, alert.lasted_ms, alert.ended_at) == ("moved", 240_000, NOW + timedelta(minutes=4))


def test_an_outage_is_an_alert_of_its_own_kind_and_its_return_says_the_gap(house: House) -> None:
    said: dict[str, Any] = {"outage": "o1", "camera": "cong", "told_at": NOW}
    last = NOW - timedelta(seconds=12)
    house.take(house.entry(CAMERA, CameraOutage(**said, last_picture_at=last, why="silent"), 1))
    alert = only(house)
    assert (alert.kind, alert.what, alert.state, alert.started_at) == ("outage", "silent", "raised", last)
    assert (alert.ended_at, alert.lasted_ms) == (None, 0)
    back = CameraOutage(**said, last_picture_at=last, ended_at=NOW + timedelta(minutes=5), lasted_ms=312_000)
    house.take(house.entry(CAMERA, back, 2), house.entry(CAMERA, CameraOutage(**said), 3))
    alert = only(house)
    assert (alert.ended_at, alert.lasted_ms) == (NOW + timedelta(minutes=5), 312_000)
    assert alert.what == "silent"
    assert "alert" in {row.topic for row in house.all(Change)}


def test_an_outage_of_a_camera_that_never_sent_a_picture_begins_when_it_was_told(house: House) -> None:
    house.take(house.entry(CAMERA, CameraOutage(outage="o", camera="cong", told_at=NOW, why="x" * 5000), 1))
    alert = only(house)
    assert alert.started_at == NOW
    assert len(alert.what) <= 60


@pytest.mark.parametrize("other", [CAMERA, ELSEWHERE])
def test_an_id_that_means_something_else_changes_nothing(house: House, other: Identity) -> None:
    house.take(house.entry(CAMERA, begun(), 1))
    outage = CameraOutage(outage="e1", camera="cong", told_at=NOW)
    house.take(house.entry(other, outage, 2 if other is CAMERA else 1))
    kinds = sorted((row.node, row.kind) for row in house.all(Alert))
    if other is CAMERA:
        assert kinds == [("thon-01", "motion")]
        assert reasons(house) == ["CameraOutage: this episode is something else's"]
    else:
        assert kinds == [("thon-01", "motion"), ("thon-02", "outage")]


@pytest.mark.parametrize(
    "picture",
    [
        b"<script>alert(1)</script>",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x00",
        b"\x89PNG\r\n\x1a\n" + bytes(90),
        JPEG[:20],
        JPEG.replace(b"\x00\x01\x00\x01\x01\x01\x11", b"\xff\xff\xff\xff\x01\x01\x11"),
        b"\xff\xd8" + b"\xff" * 5000,
    ],
)
def test_what_is_no_picture_is_not_stored_and_its_alert_is_raised_all_the_same(
    house: House, picture: bytes
) -> None:
    assert not is_jpeg(picture)
    house.take(house.entry(CAMERA, begun(snapshot=picture), 1))
    assert only(house).snapshot is None
    assert reasons(house) == ["MotionStarted: not a JPEG"]
    assert [each for each in house.media.root.rglob("*") if each.is_file()] == []


@pytest.mark.parametrize("at", FAR)
def test_an_alarm_of_a_wrong_clock_is_raised_by_the_hub_s_time(house: House, at: datetime) -> None:
    house.take(house.entry(CAMERA, begun(started_at=at), 1), house.entry(CAMERA, over(ended_at=at), 2))
    outage = CameraOutage(outage="o", camera="cong", told_at=at, last_picture_at=at)
    house.take(house.entry(CAMERA, outage, 3))
    motion, lost = house.all(Alert)
    assert (motion.started_at, motion.clock, lost.started_at, lost.clock) == (NOW, "unknown", NOW, "unknown")
    assert motion.ended_at == NOW
    assert sum(row.count for row in house.all(Quarantine)) == 4


def test_a_clock_set_back_lets_nothing_end_before_it_began(house: House) -> None:
    house.take(house.entry(CAMERA, begun(), 1))
    house.take(house.entry(CAMERA, over(ended_at=NOW - timedelta(hours=2)), 2))
    assert only(house).ended_at == NOW + timedelta(seconds=9)


def test_an_impossible_length_is_cut(house: House) -> None:
    house.take(house.entry(CAMERA, begun(), 1), house.entry(CAMERA, over(lasted_ms=2**62), 2))
    assert only(house).lasted_ms == LONGEST_MS


def test_a_camera_with_an_impossible_time_takes_neither_the_others_nor_the_key_with_it(house: House) -> None:
    _, public = make_seal_key()
    states = [
        CameraState(camera="cong", state="offline", since=FAR[0]),
        CameraState(camera="san", state="live", since=NOW, codec="hevc", gop_s=4.0, tampering="covered"),
    ]
    house.take(house.entry(CAMERA, CameraStatus(cameras=states, seal=public.decode())))
    row = house.all(CameraSeen)[0]
    assert (row.camera, row.codec, row.gop_s, row.tampering) == ("san", "hevc", 4.0, "covered")
    assert [each.public for each in house.all(CameraSeal)] == [public.decode()]
    house.take(house.entry(CAMERA, CameraStatus(cameras=[states[1]], seal="no key")))
    assert [each.public for each in house.all(CameraSeal)] == [public.decode()]
    assert len(house.all(CameraSeen)) == 1


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("frames_per_s", MOST_PER_S),
        ("width_px", MOST_SIDE_PX),
        ("height_px", MOST_SIDE_PX),
        ("gop_s", MOST_GOP_S),
    ],
)
def test_numbers_no_camera_has_are_refused_before_the_records_are_touched(
    house: House, field: str, most: float
) -> None:
    for value in (most, most + 1, -1, 2**62):
        state = CameraState(camera="cong", state="live", since=NOW, **{field: value})  # type: ignore[arg-type]
        house.take(house.entry(CAMERA, CameraStatus(cameras=[state])))
    assert [getattr(row, field) for row in house.all(CameraSeen)] == [most]
    assert sum(row.count for row in house.all(Quarantine)) == 3


def test_pages_hear_of_a_camera_that_is_covered_though_it_goes_on_sending(house: House) -> None:
    for n, tampering in enumerate(("", "", "covered")):
        state = CameraState(camera="cong", state="live", since=NOW, tampering=tampering, frames_per_s=n)  # type: ignore[arg-type]
        house.take(house.entry(CAMERA, CameraStatus(cameras=[state])))
    assert [row.topic for row in house.all(Change)] == ["camera", "camera"]
