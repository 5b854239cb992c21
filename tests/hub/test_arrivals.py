"""Arrivals: what each message of a node does to the records."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from broker.contract.camera import Box, CameraState, CameraStatus, CameraTampered, MotionEnded, MotionStarted
from broker.contract.hub import Media
from broker.contract.kiosk import FeedbackSent
from broker.contract.node import Problem
from broker.contract.speaker import PlanApplied, PlayReceipt, SpeakerStatus
from broker.hub.records import (
    Alert,
    CameraSeen,
    Change,
    Feedback,
    Play,
    PlayStep,
    Quarantine,
    ServiceSeen,
    SpeakerSeen,
)
from tests.hub.house import CAMERA, JPEG, KIOSK, NOW, SPEAKER, House, receipt, state


def test_a_will_of_an_earlier_start_does_not_overwrite_a_later_birth(house: House) -> None:
    house.take(house.entry(KIOSK, state("ready", "b2")))
    house.take(house.entry(KIOSK, state("lost", "b1")))
    assert house.all(ServiceSeen)[0].state == "ready"
    house.clock.advance(5)
    house.take(house.entry(KIOSK, state("lost", "b2")))
    row = house.all(ServiceSeen)[0]
    assert (row.state, row.since) == ("lost", NOW + timedelta(seconds=5))
    house.clock.advance(5)
    house.take(house.entry(KIOSK, state("lost", "b2")))
    assert house.all(ServiceSeen)[0].since == NOW + timedelta(seconds=5), "a retained will is no new loss"


def test_a_service_s_problems_are_kept_and_only_changes_are_noted(house: House) -> None:
    trouble = [Problem(code="no-sound", text="Chưa thấy thiết bị âm thanh.")]
    for _ in range(3):
        house.take(house.entry(SPEAKER, state("degraded", problems=trouble)))
    assert house.all(ServiceSeen)[0].problems == [
        {"code": "no-sound", "text": "Chưa thấy thiết bị âm thanh."}
    ]
    assert [row.topic for row in house.all(Change)] == ["service"]


def test_receipts_make_the_trail_of_a_play(house: House) -> None:
    played = {"started_at": NOW, "ended_at": NOW, "late_ms": 120, "sound": "card", "proof_level": 1}
    house.take(
        house.entry(SPEAKER, receipt("ready"), 1),
        house.entry(SPEAKER, receipt("playing", started_at=NOW), 2),
        house.entry(SPEAKER, receipt("played", **played), 3),
    )
    play = house.all(Play)[0]
    assert (play.node, play.state, play.late_ms, play.started_at) == ("thon-01", "played", 120, NOW)
    assert [step.state for step in house.all(PlayStep)] == ["ready", "playing", "played"]


def test_speaker_status_and_applied_plan_share_a_row(house: House) -> None:
    house.take(
        house.entry(SPEAKER, SpeakerStatus(doing="idle", since=NOW, output="card", plan_generation=3)),
        house.entry(SPEAKER, PlanApplied(generation=3, at=NOW, ready=["a"], missing=["b"]), 1),
    )
    row = house.all(SpeakerSeen)[0]
    assert (row.output, row.applied_generation, row.ready, row.missing) == ("card", 3, ["a"], ["b"])


def test_a_play_whose_sound_arrived_is_missing_no_longer(house: House) -> None:
    occurrence = receipt("ready").occurrence
    house.take(
        house.entry(SPEAKER, PlanApplied(generation=3, at=NOW, ready=[], missing=[occurrence, "b"]), 1),
        house.entry(SPEAKER, receipt("fetching"), 2),
    )
    assert house.all(SpeakerSeen)[0].missing == [occurrence, "b"]
    house.take(house.entry(SPEAKER, receipt("ready"), 3))
    assert house.all(SpeakerSeen)[0].missing == ["b"]


def test_a_motion_episode_becomes_one_alert_with_its_picture(house: House) -> None:
    box = Box(x=0.1, y=0.2, w=0.3, h=0.4)
    started = MotionStarted(episode="e1", camera="cong", started_at=NOW, snapshot=JPEG, boxes=[box])
    clip = Media(sha256="a" * 64, size=10, type="video/mp4")
    ended = MotionEnded(episode="e1", camera="cong", started_at=NOW, ended_at=NOW, clip=clip)
    house.take(house.entry(CAMERA, started, 1), house.entry(CAMERA, ended, 2))
    alert = house.all(Alert)[0]
    assert (alert.kind, alert.state, alert.has_clip) == ("motion", "raised", False)
    assert alert.boxes == [{"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}]
    picture = house.media.path_of(alert.snapshot)
    assert picture is not None
    assert picture.read_bytes() == JPEG
    assert alert.clip == {"sha256": "a" * 64, "size": 10, "type": "video/mp4", "duration_ms": None}


def test_a_tampering_is_raised_and_ends(house: House) -> None:
    said = {"tampering": "t1", "camera": "cong", "what": "covered", "started_at": NOW}
    house.take(house.entry(CAMERA, CameraTampered(**said, snapshot=JPEG), 1))
    house.take(house.entry(CAMERA, CameraTampered(**said, ended_at=NOW), 2))
    alert = house.all(Alert)[0]
    assert (alert.kind, alert.what, alert.ended_at, alert.snapshot is None) == (
        "tamper",
        "covered",
        NOW,
        False,
    )


def test_the_cameras_of_a_node_mirror_what_it_last_said(house: House) -> None:
    def status(*names: str) -> CameraStatus:
        return CameraStatus(cameras=[CameraState(camera=n, state="live", since=NOW) for n in names])

    house.take(house.entry(CAMERA, status("cong", "san")))
    house.take(house.entry(CAMERA, status("cong")))
    assert [row.camera for row in house.all(CameraSeen)] == ["cong"]


@pytest.mark.parametrize("since", ["9999-12-31T23:59:00+00:00", "0001-01-01T00:00:00+14:00"])
def test_a_camera_or_a_receipt_of_an_impossible_time_is_counted_and_never_shown(
    house: House, since: str
) -> None:
    at = datetime.fromisoformat(since)
    seen = CameraStatus(cameras=[CameraState(camera="cong", state="offline", since=at)])
    receipt = PlayReceipt(occurrence="o", announcement="a", revision=1, state="ready", at=NOW, planned_at=at)
    assert house.take(house.entry(CAMERA, seen), house.entry(SPEAKER, receipt, 1))
    assert house.all(CameraSeen) == []
    assert house.all(Play) == []
    assert sum(row.count for row in house.all(Quarantine)) == 2


def test_feedback_is_kept_sealed_and_its_code_is_not_overwritten(house: House) -> None:
    mine = FeedbackSent(code="0123456789", at=NOW, sealed=b"one")
    house.take(house.entry(KIOSK, mine, 1), house.entry(KIOSK, mine, 1, epoch="e2"))
    house.take(house.entry(KIOSK, FeedbackSent(code="0123456789", at=NOW, sealed=b"two"), 2))
    assert [row.sealed for row in house.all(Feedback)] == [b"one"]
    assert house.all(Quarantine)[0].count == 1
