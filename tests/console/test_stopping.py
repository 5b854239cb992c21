"""What rows and pages say of a play that was ordered to stop: what sounded stays, silence is told once confirmed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from broker.hub.announcing import workflow
from broker.hub.console.stages import Progress, progress_of
from broker.hub.console.stopping import Orders
from broker.hub.records import Play, ServiceSeen, SpeakerSeen
from tests.console.stage import NOW, Stage

STOP = NOW + timedelta(seconds=8)


def row_of(state: str, now: datetime, orders: Orders, life: str = "ready", **change: object) -> Progress:
    """The row of one play planned for NOW."""
    play = Play(occurrence="o", node="thon-01", announcement="a", revision=1, state=state, planned_at=NOW)
    fields: dict[str, object] = {
        "repeat": 1, "sound": "card", "proof_level": 0, "proof": "", "reason": "", "underruns": 0, "said_at": NOW,
    }  # fmt: skip
    for name, value in (fields | change).items():
        setattr(play, name, value)
    seen = ServiceSeen(identity="thon-01.speaker", node="thon-01", service="speaker", state=life, since=NOW)
    return progress_of(play, "Đông 1", "dong", seen, now, 120, orders=orders)


def stopped(**more: object) -> Orders:
    return Orders(stopped_at=STOP, length_s=60.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("stopped", "Đã đọc 8 giây rồi dừng theo lệnh lúc 16:42:08."),
        ("silenced", "Đã đọc 8 giây rồi dừng theo lệnh im tiếng cả xã lúc 16:42:08."),
        ("revoked", "Đã đọc 8 giây rồi dừng lúc 16:42:08 vì xã không còn tin khoá của người ký."),
    ],
)
def test_what_had_sounded_before_the_order_stays(reason: str, said: str) -> None:
    row = row_of("cancelled", STOP, stopped(), reason=reason, started_at=NOW, ended_at=STOP, played_ms=8_000)
    assert row.why.replace("\N{NO-BREAK SPACE}", " ") == said
    assert (row.done, row.stage, row.needs_person, row.is_unconfirmed) == (3, "Đã dừng", False, False)


def test_what_was_stopped_before_its_first_sample_was_received_all_the_same() -> None:
    row = row_of("cancelled", STOP, stopped(), reason="stopped")
    assert (row.done, row.stage, row.why) == (1, "Đã huỷ", "Đã dừng theo lệnh.")


@pytest.mark.parametrize("state", ["planned", "sent", "ready", "playing"])
def test_until_the_loudspeaker_answers_the_row_says_that_it_has_not(state: str) -> None:
    row = row_of(state, STOP + timedelta(seconds=3), stopped())
    assert row.why == "Đã ra lệnh dừng lúc 16:42:08, chờ loa báo đã im."
    assert (row.is_unconfirmed, row.needs_person) == (True, False)
    late = row_of(state, STOP + timedelta(seconds=20), stopped())
    assert "có thể vẫn đang nói" in late.why
    assert "tắt nguồn tăng âm" in late.why
    assert late.needs_person


def test_a_loudspeaker_that_is_away_is_not_waited_for() -> None:
    row = row_of("playing", STOP + timedelta(seconds=1), stopped(), "lost")
    assert "có thể vẫn đang nói" in row.why


def test_nobody_speaks_beyond_the_length_of_the_play() -> None:
    row = row_of("playing", NOW + timedelta(minutes=5), stopped(), started_at=NOW)
    assert "chưa biết đã đọc đến đâu" in row.why
    assert "có thể vẫn đang nói" not in row.why


def test_a_play_nothing_was_heard_of_is_cancelled_once_the_loudspeaker_follows_a_later_plan() -> None:
    before = row_of("cancelled", STOP + timedelta(seconds=3), stopped(), said_at=None)
    assert before.is_unconfirmed
    after = row_of(
        "cancelled",
        STOP + timedelta(seconds=3),
        stopped(applied_at=STOP + timedelta(seconds=1)),
        said_at=None,
    )
    assert (after.is_unconfirmed, after.stage) == (False, "Đã huỷ")


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (NOW + timedelta(seconds=60), "Cả xã được lệnh im đến 16:43; hết im thì phát."),
        (NOW + timedelta(minutes=8), "cho loa nói lại trước 16:44 thì phát, không thì bỏ lượt này"),
    ],
)
def test_what_falls_due_in_silence_says_until_when_it_waits(until: datetime, said: str) -> None:
    row = row_of("armed", NOW + timedelta(seconds=5), Orders(silent_until=until))
    assert said in row.why
    assert not row.needs_person
    assert row_of("armed", NOW, Orders()).why == "Sắp phát."
    assert row_of("armed", until, Orders(silent_until=until)).why != row.why, "it is over"


def test_a_stopped_play_is_not_under_way_and_its_page_says_who_stopped_it(stage: Stage) -> None:
    key = stage.approved(villages=["dong"]).announcement_id
    stage.clock.advance(48 * 60 + 5)
    stage.receipt(key, "thon-01", "playing", started_at=stage.now(), sound="card")
    client = stage.client("hanh")
    assert "1/1 cụm đang phát" in client.get("/speakers").get_data(as_text=True)
    with stage.database.session() as db:
        workflow.stop(db, stage.people["binh"], "", stage.now())
    page = client.get("/speakers").get_data(as_text=True)
    assert "<h2>Đang phát</h2>" not in page
    assert "đã ra lệnh dừng, 1 cụm chưa báo đã im" in page
    page = client.get(f"/announcements/{key}").get_data(as_text=True)
    assert "Phạm Văn Bình ra lệnh dừng lúc 17:30, chờ loa báo" in page
    stage.receipt(
        key, "thon-01", "cancelled", reason="stopped", played_ms=8_000, ended_at=stage.now(), sound="card"
    )
    page = client.get(f"/announcements/{key}").get_data(as_text=True)
    assert "đã dừng lúc 17:30 theo lệnh của Phạm Văn Bình" in page
    assert "rồi dừng theo lệnh lúc 17:30:05." in page
    assert "17:30, chờ loa báo" not in page


def test_silence_after_a_play_leaves_its_page_as_it_was(stage: Stage) -> None:
    key = stage.approved(villages=["dong"]).announcement_id
    stage.clock.advance(48 * 60 + 70)
    stage.receipt(key, "thon-01", "played", started_at=stage.now(), ended_at=stage.now(), sound="card")
    with stage.database.session() as db:
        workflow.stop(db, stage.people["binh"], "", stage.now())
    page = stage.client("hanh").get(f"/announcements/{key}").get_data(as_text=True)
    assert "17:30, đã phát" in page
    assert "đã dừng" not in page


def test_what_is_ready_during_silence_says_so_on_its_page(stage: Stage) -> None:
    key = stage.approved(villages=["dong"]).announcement_id
    stage.clock.advance(47 * 60)
    with stage.database.session() as db:
        workflow.stop(db, stage.people["binh"], "", stage.now())
        db.get_one(SpeakerSeen, "thon-01").silenced = "commune"
    stage.receipt(key, "thon-01", "armed")
    page = stage.client("hanh").get(f"/announcements/{key}").get_data(as_text=True)
    assert "cho loa nói lại trước 17:32 thì phát" in page
