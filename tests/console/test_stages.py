"""What a play's row says: who heard it, how well, and that a file nobody hears is no play."""

from __future__ import annotations

import pytest

from broker.hub.console.progress import sums_of
from broker.hub.console.stages import Progress, progress_of
from broker.hub.records import Play, ServiceSeen
from tests.console.stage import NODES, NOW, Stage


def row_of(state: str = "played", **change: object) -> Progress:
    """The row of one play on a sound card that began on time, with what is changed."""
    play = Play(occurrence="o", node="thon-01", announcement="a", revision=1, state=state, planned_at=NOW)
    fields: dict[str, object] = {
        "started_at": NOW, "ended_at": NOW, "repeat": 1, "sound": "card", "proof_level": 1, "proof": "consumed",
        "reason": "", "underruns": 0, "late_ms": 20, "volume": 100,
    }  # fmt: skip
    for name, value in (fields | change).items():
        setattr(play, name, value)
    seen = ServiceSeen(
        identity="thon-01.speaker", node="thon-01", service="speaker", state="ready", since=NOW
    )
    seen.problems = []
    return progress_of(play, "Đông 1", "dong", seen, NOW, 120)


@pytest.mark.parametrize(
    ("proof", "level", "said", "done"),
    [
        ("heard", 3, "Nghe thấy lúc 16:42:00, do micro.", 5),
        ("loop-back", 2, "do dây nghe lại ở thiết bị âm thanh.", 5),
        ("current", 2, "do cảm biến dòng điện ở tăng âm.", 5),
        ("consumed", 1, "Chưa đo: thiết bị âm thanh đã nhận đủ tiếng", 4),
        ("inconclusive", 1, "Chưa rõ: micro có nghe nhưng không chắc đó là tiếng loa này", 4),
        ("", 0, "Chưa đo: điểm này chưa báo có thiết bị nào nghe lại", 4),
        ("", 3, "do micro.", 5),
    ],
)
def test_each_kind_of_proof_has_its_words(proof: str, level: int, said: str, done: int) -> None:
    row = row_of(proof=proof, proof_level=level)
    assert said in row.why
    assert row.done == done
    assert not row.needs_person


def test_a_file_in_a_house_without_a_loudspeaker_is_not_played_and_needs_a_person() -> None:
    row = row_of(sound="file", proof_level=0, proof="")
    assert (row.state, row.done, row.mark, row.needs_person) == ("played", 3, "fail", True)
    assert row.why == "Ghi vào tệp, điểm không có loa: chưa ai nghe thấy."
    assert row.stage == "Ghi vào tệp"
    sums = sums_of([row, row_of()])
    assert (sums.played, sums.filed, sums.unmeasured, sums.stuck) == (1, 1, 1, 1)


def test_while_it_is_written_into_a_file_the_row_says_so_already() -> None:
    assert "điểm không có loa" in row_of("playing", sound="file").why


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"late_ms": 1400}, "chậm 1,4 giây"),
        ({"underruns": 3}, "Tiếng bị ngắt quãng 3 lần."),
        ({"volume": 30}, "Âm lượng 30 %."),
        ({"reason": "spoken-here"}, "điểm tự đọc đúng lời đã duyệt"),
    ],
)
def test_what_was_less_than_good_is_told_and_only_then(change: dict[str, object], said: str) -> None:
    assert said in row_of(**change).why
    assert said not in row_of().why


def test_a_loudspeaker_that_is_turned_down_to_nothing_was_not_heard() -> None:
    row = row_of(volume=0)
    assert row.needs_person
    assert "không ai nghe được" in row.why


def test_pages_do_not_count_what_only_went_into_files(stage: Stage) -> None:
    revision = stage.approved(villages=["dong", "ben", "trung"])
    key = revision.announcement_id
    stage.clock.advance(50 * 60)
    for node, _, _ in NODES:
        stage.receipt(key, node, "played", started_at=stage.now(), sound="file")
    client = stage.client("binh")
    page = client.get(f"/announcements/{key}").get_data(as_text=True)
    assert "đã ghi vào tệp, không ra loa nào" in page
    assert "4 trên 4 điểm không có loa" in page
    assert "Chạy thử trên máy không có loa thì như vậy là đúng." in page
    assert "4/4 chỉ ghi vào tệp" in client.get("/").get_data(as_text=True)
    assert "0/4 cụm đã phát" in client.get("/speakers").get_data(as_text=True)
    assert "4 lượt chỉ ghi vào tệp, không có loa" in client.get("/overview").get_data(as_text=True)


def test_one_house_with_a_loudspeaker_makes_it_played_there(stage: Stage) -> None:
    key = stage.approved().announcement_id
    for node, sound in (("thon-01", "card"), ("thon-02", "file"), ("thon-03", "file")):
        stage.receipt(key, node, "played", started_at=stage.now(), sound=sound, proof_level=0)
    page = stage.client("binh").get(f"/announcements/{key}").get_data(as_text=True)
    assert "2 trên 3 điểm không có loa" in page
    assert page.count('class="stuck"') == 2
    assert 'href="/speakers/thon-02"' in page


def test_the_commune_is_not_ready_to_speak_before_a_loudspeaker_has(stage: Stage) -> None:
    key = stage.approved(villages=["dong"]).announcement_id
    stage.receipt(key, "thon-01", "played", started_at=stage.now(), sound="file")
    client = stage.client("quan")
    page = client.get("/first-steps").get_data(as_text=True)
    assert "ghi vào tệp, điểm chưa có loa. Cắm loa rồi phát lại." in page
    stage.receipt(key, "thon-01", "played", sound="card")
    page = client.get("/first-steps").get_data(as_text=True)
    assert "báo về: đã phát" in page


def test_a_house_without_a_loudspeaker_is_not_ready_except_in_a_trial(stage: Stage) -> None:
    client = stage.client("hanh")
    assert "4 cụm loa sẵn sàng, ghi vào tệp vì chạy thử không có loa." in client.get("/").get_data(
        as_text=True
    )
    stage.settings.console.second_factor = True
    page = client.get("/").get_data(as_text=True)
    assert "0 trên 4 cụm loa sẵn sàng." in page
    assert "Không có loa: bản tin chỉ được ghi vào tệp." in page
