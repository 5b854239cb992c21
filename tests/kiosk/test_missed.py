"""What nobody found is told to officials, and never what one person typed."""

from __future__ import annotations

import pickle
from datetime import date

import pytest

from broker.contract.kiosk import SearchMissed
from broker.contract.message import Message
from broker.link.outbox import OutboxFull
from kiosk.app import create_app
from kiosk.missed import HASHES_KEPT, Missed
from tests.fakes.house import set_stage

DAY = date(2026, 11, 23)


class Box:
    """Where messages for the hub are kept."""

    def __init__(self) -> None:
        self.kept: list[SearchMissed] = []

    def send(self, msg: Message) -> None:
        assert isinstance(msg, SearchMissed)
        self.kept.append(msg)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def missed(box: Box) -> Missed:
    return Missed(box.send, lambda: DAY)


def test_what_three_visits_asked_is_told_once_without_marks(box: Box, missed: Missed) -> None:
    for query in ("Đổi bằng lái xe", "doi bang lai xe", "ĐỔI BẰNG LÁI XE"):
        assert not box.kept
        missed.note(query)
        missed.next_visit()
    [told] = box.kept
    assert (told.on, told.words[0].text, told.words[0].count) == (DAY, "doi bang lai xe", 3)


def test_one_person_who_asks_again_and_again_is_one(box: Box, missed: Missed) -> None:
    for _ in range(20):
        missed.note("đổi bằng lái xe")
    assert not box.kept


def test_nothing_of_what_was_typed_stays_in_memory(missed: Missed) -> None:
    missed.note("bí mật canari")
    kept = pickle.dumps(missed._seen)
    assert b"canari" not in kept
    assert "canari".encode("utf-16-le") not in kept


def test_numbers_never_leave_the_screen(box: Box, missed: Missed) -> None:
    for _ in range(3):
        missed.note("căn cước 001099012345 của tôi")
        missed.next_visit()
    assert box.kept[0].words[0].text == "can cuoc cua toi"


def test_what_is_written_in_another_script_is_not_counted(box: Box, missed: Missed) -> None:
    for _ in range(3):
        missed.note("出生登记 дом")
        missed.next_visit()
    assert box.kept == []


def test_a_letter_or_a_novel_is_not_counted(box: Box, missed: Missed) -> None:
    for query in ("a", "", "123 456", "rất dài " * 50):
        for _ in range(3):
            missed.note(query)
            missed.next_visit()
    assert not box.kept


def test_memory_is_bounded_whatever_is_typed(missed: Missed) -> None:
    for n in range(HASHES_KEPT + 50):
        missed.note("a" * (n % 60 + 2) + "b" * (n // 60))
        missed.next_visit()
    assert len(missed._seen) <= HASHES_KEPT


def test_a_full_disk_does_not_stop_the_screen() -> None:
    def full(msg: Message) -> None:
        raise OutboxFull("event")

    counts = Missed(full, lambda: DAY)
    for _ in range(3):
        counts.note("đổi bằng lái")
        counts.next_visit()


def test_only_a_question_that_was_sent_counts_and_only_once_a_visit() -> None:
    stage = set_stage()
    client = create_app(stage.house).test_client()
    for _ in range(3):
        client.post("/tim/goi-y", data={"q": "xyzzyx qwrtpl"})
        client.get("/", headers={"Sec-Fetch-Dest": "document"})
    assert not stage.post.sent
    for _ in range(3):
        page = client.post("/tim/goi-y", data={"q": "xyzzyx qwrtpl", "tim": "1"}).text
        client.post("/tim/goi-y", data={"q": "xyzzyx qwrtpl", "tim": "1"})
        assert "Máy chưa hiểu ý bác" in page
        assert "/su-kien/" in page
        client.get("/", headers={"Sec-Fetch-Dest": "document"})
    [told] = [each for each in stage.post.sent if isinstance(each, SearchMissed)]
    assert told.words[0].text == "xyzzyx qwrtpl"
