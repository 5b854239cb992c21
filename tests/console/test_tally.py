"""One word over all loudspeakers of a playing, and a dot for each."""

from __future__ import annotations

import pytest

from broker.hub.console.stages import Progress
from broker.hub.console.tally import dots, open_dots, say_tally, tally_of

HEARD = Progress("n", "N", "v", "played", 5, "", "", "ok", needs_person=False)
PLAYED = Progress("n", "N", "v", "played", 4, "", "", "ok", needs_person=False)
PLAYING = Progress("n", "N", "v", "playing", 2, "now", "", "wait", needs_person=False)
READY = Progress("n", "N", "v", "ready", 2, "", "", "wait", needs_person=False)
FETCHING = Progress("n", "N", "v", "fetching", 0, "now", "", "wait", needs_person=False)
GONE = Progress("n", "N", "v", "planned", 0, "fail", "", "bad", needs_person=True)
MISSED = Progress("n", "N", "v", "missed", 2, "fail", "", "bad", needs_person=True)
FILED = Progress("n", "N", "v", "played", 3, "fail", "", "bad", needs_person=True, is_filed=True)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], ("look", "Không có cụm loa nào")),
        ([READY, READY], ("ok", "2/2 cụm sẵn sàng")),
        ([READY, FETCHING], ("wait", "1/2 cụm sẵn sàng")),
        ([READY, GONE], ("look", "1/2 cụm sẵn sàng")),
        ([PLAYING, READY], ("ok", "Đang phát")),
        ([PLAYING, PLAYED, MISSED], ("look", "Đang phát, 1/3 xong, 1 cụm không được")),
        ([PLAYED, HEARD], ("ok", "2/2 đã phát, 1 nghe thấy")),
        ([HEARD, HEARD], ("ok", "2/2 đã nghe thấy")),
        ([HEARD, MISSED], ("look", "1/2 đã phát, 1 nghe thấy")),
        ([MISSED, MISSED], ("bad", "2/2 chưa phát trọn")),
        ([FILED, FILED], ("look", "2/2 chỉ ghi vào tệp")),
    ],
)
def test_a_playing_in_a_word(rows: list[Progress], said: tuple[str, str]) -> None:
    assert say_tally(tally_of(rows), is_cancelled=False, is_past=False) == said


def test_what_was_stopped_is_stopped_once_it_is_silent_unless_all_of_it_was_said() -> None:
    assert (
        say_tally(tally_of([PLAYING]), is_cancelled=True, is_past=False)[1] == "Đã ra lệnh dừng, chờ loa báo"
    )
    assert say_tally(tally_of([READY]), is_cancelled=True, is_past=True)[1] == "Đã dừng theo lệnh"
    assert say_tally(tally_of([HEARD]), is_cancelled=True, is_past=True)[1] == "1/1 đã nghe thấy"
    assert say_tally(tally_of([GONE]), is_cancelled=False, is_past=True) == ("bad", "1/1 chưa phát trọn")
    over = say_tally(tally_of([FILED, PLAYED]), is_cancelled=True, is_past=True)
    assert over == ("look", "1/2 đã phát")  # both had come to the end before anybody stopped them


def test_a_dot_for_each_and_those_that_need_a_person_last() -> None:
    marks = dots([GONE, READY, FETCHING, PLAYED]).split("></i>")[:-1]
    assert [mark.removeprefix('<i class="pip ').rstrip('"') for mark in marks] == ["ok", "wait", "ok", "bad"]
    assert open_dots(3).count("pip wait") == 3
