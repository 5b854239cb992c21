"""The line above an announcement's title: where it stands, and a time that is left which can run down evenly."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from broker.hub.announcing import workflow
from broker.hub.announcing.workflow import Draft
from broker.hub.console.countdown import countdown
from tests.console.stage import NOW, Stage
from tests.hub.town import LEXICON


@pytest.mark.parametrize(
    ("seconds", "by_minute", "said"),
    [
        (48 * 60 + 59, True, "còn 48 phút"),
        (48 * 60 + 59, False, "còn 48 phút 59 giây"),
        (61, True, "còn 1 phút"),
        (60, True, "còn 1 phút"),
        (59.2, True, "còn 1 phút"),
        (59, True, "còn 59 giây"),
        (0.4, False, "còn 1 giây"),
        (0, False, "đến giờ"),
        (-5, True, "đến giờ"),
        (90_000, False, "còn 1 ngày 1 giờ"),
    ],
)
def test_the_time_that_is_left_in_words_without_any_script(
    seconds: float, by_minute: bool, said: str
) -> None:
    written = countdown(NOW + timedelta(seconds=seconds), NOW, by_minute=by_minute, over="đến giờ")
    assert re.sub(r"<[^>]+>", "", written).replace("\N{NO-BREAK SPACE}", " ") == said
    assert f'data-now="{round(NOW.timestamp() * 1000)}"' in written


def line_of(stage: Stage, announcement: str) -> str:
    """The line above the title as Bình reads it."""
    page = stage.client("binh").get(f"/announcements/{announcement}").get_data(as_text=True)
    line = re.search(r'<p class="where">(.*?)</p>', page)
    assert line is not None
    return re.sub(r"<[^>]+>", "", line[1]).replace("\N{NO-BREAK SPACE}", " ")


def test_a_play_counts_down_to_its_start_then_to_the_end_of_the_last_loudspeaker(stage: Stage) -> None:
    one = stage.approved(repeat=2)
    key = one.announcement_id
    assert line_of(stage, key) == "Lượt phát 17:30, còn 48 phút"
    stage.clock.step(48 * 60 + 30)
    begun = NOW.replace(hour=17, minute=30)
    stage.receipt(key, "thon-01", "playing", started_at=begun, repeat=1, sound="card")
    stage.receipt(key, "thon-02", "playing", started_at=begun + timedelta(seconds=20), repeat=2, sound="card")
    assert line_of(stage, key).startswith("Lượt phát 17:30, đang phát · còn 2 phút 3")
    page = stage.client("binh").get(f"/announcements/{key}").get_data(as_text=True)
    assert "Lần đọc 1 trên 2 từ 17:30:00." in page
    assert "Lần đọc 2 trên 2 từ 17:30:20." in page
    stage.receipt(key, "thon-02", "playing", started_at=begun + timedelta(days=900), repeat=2)
    assert line_of(stage, key).startswith(
        "Lượt phát 17:30, đang phát · còn 2 phút"
    )  # a clock that runs ahead
    stage.clock.step(200)
    stage.receipt(key, "thon-02", "played", started_at=begun, ended_at=stage.now(), sound="card")
    assert line_of(stage, key) == "Lượt phát 17:30, đang phát"
    for node in ("thon-01", "thon-03"):
        stage.receipt(key, node, "played", started_at=begun, ended_at=stage.now(), sound="card")
    assert line_of(stage, key) == "Lượt phát 17:30, đã phát"


def test_a_correction_that_waits_hides_neither_the_playing_nor_the_way_to_stop_it(stage: Stage) -> None:
    one = stage.approved(title="Thu quỹ")
    key = one.announcement_id
    with stage.database.session() as db:
        words = Draft(
            title="Thu quỹ xã", text="Thu quỹ.", villages=["dong"], starts=[NOW + timedelta(days=1)]
        )
        newer = workflow.save_draft(db, stage.people["hanh"], words, NOW, key)
        workflow.submit(db, stage.people["hanh"], newer.id, LEXICON, NOW)
    client = stage.client("binh")
    page = client.get(f"/announcements/{key}").get_data(as_text=True)
    assert "Bản 1 đã duyệt vẫn phát, lượt 17:30, cho đến khi bản sửa này được duyệt." in page
    assert "Dừng lượt phát này" not in page
    link = re.search(rf'href="(/announcements/{key}\?lan=[^"]+)"', client.get("/").get_data(as_text=True))
    assert link is not None
    page = client.get(link[1]).get_data(as_text=True)
    assert "Bản sửa 2 đang chờ duyệt." in page
    assert "Dừng lượt phát này" in page
