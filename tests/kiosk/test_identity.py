"""Identity numbers: whoever sends one, from whichever form, it is refused and lies nowhere afterwards."""

from __future__ import annotations

import logging

import pytest

from kiosk.app import create_app
from kiosk.identity import holds_identity
from tests.fakes.house import changed, set_stage

NUMBER = "038 204-009.876"


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/tim", "q"),
        ("POST", "/tim/goi-y", "q"),
        ("POST", "/gop-y/light/village", "loi"),
        ("GET", "/doi", "ve"),
        ("POST", "/giup", "trang"),
    ],
)
def test_a_form_with_an_identity_number_is_refused_and_leaves_no_trace(
    method: str, path: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage = set_stage()
    asked: list[str] = []

    def find(query: str, _limit: int) -> list[object]:
        asked.append(query)
        return []

    client = create_app(changed(stage, find=find).house).test_client()
    sent = {field: f"toi la {NUMBER}", "mot_lan": "1" * 9}
    with caplog.at_level(logging.DEBUG):
        answer = client.open(
            path, method=method, **({"query_string": sent} if method == "GET" else {"data": sent})
        )
    assert answer.status_code == 422
    assert "Bác đừng gõ số căn cước ở đây" in answer.text
    assert NUMBER not in answer.text
    assert asked == []
    assert stage.post.sent == []
    assert NUMBER not in caplog.text


@pytest.mark.parametrize(
    "sign", [" ", ".", "-", "/", ",", "_", ":", "+", "\n", "—", "\u2011", "\u00a0", "\u200b", " / "]
)
def test_whatever_stands_between_its_parts_it_is_one_number(sign: str) -> None:
    for parts in (["038", "204", "009", "876"], ["0382", "0400", "9876"], ["145", "678", "901"]):
        assert holds_identity(f"số {sign.join(parts)} ạ"), parts


@pytest.mark.parametrize(
    "text",
    [
        "０３８２０４００９８７６",
        "٠٣٨٢٠٤٠٠٩٨٧٦",
        "⁰³⁸²⁰⁴⁰⁰⁹⁸⁷⁶",
        "𝟎𝟑𝟖𝟐𝟎𝟒𝟎𝟎𝟗𝟖𝟕𝟔",
        "CCCD 001234567890 0912345678",
        "0912345678, căn cước 001234567890",
        "001234567890 1950",
        "001.234.567.000",
        "không ba tám hai không bốn không không chín tám bảy sáu",
        "mot bon nam sau bay tam chin khong mot",
    ],
)
def test_odd_digits_neighbours_and_words_hide_no_identity_number(text: str) -> None:
    assert holds_identity(text)


@pytest.mark.parametrize(
    "text",
    [
        "0912345678, 15 tuổi",
        "0912 345 678 / 0987 654 321",
        "gọi 0912345678, 0987654321, 0905123456",
        "họp 20/11/2026, 8 giờ",
        "1900 1234",
        "nhà có ba người, một già hai trẻ, năm nay bốn việc",
        "không chín tám bảy sáu năm bốn ba hai một",
        "150.000.000 đồng",
    ],
)
def test_telephone_numbers_days_and_sums_are_no_identity(text: str) -> None:
    assert not holds_identity(text)


def test_feedback_goes_through_when_only_its_random_name_has_nine_digits() -> None:
    stage = set_stage()
    client = create_app(stage.house).test_client()
    sent = {"loi": "đèn hỏng từ 20.11.2026 8 giờ, gọi 0912 345 678", "mot_lan": "a123456789b"}
    assert client.post("/gop-y/light/village", data=sent).status_code == 303
    assert len(stage.post.sent) == 1


def test_an_announcement_whose_name_looks_like_a_number_can_be_left_by_every_button() -> None:
    stage = set_stage()
    client = create_app(stage.house).test_client()
    page = "/loa/bt-123456789a"
    assert client.post("/giup", data={"trang": page}).status_code == 303
    assert client.get("/doi", query_string={"chu": "to", "ve": page}).status_code == 303
    assert client.get("/ngon-ngu", query_string={"tu": f"{page}?tu=/loa"}).status_code == 200
    assert client.get("/doi", query_string={"chu": "to", "ve": "/loa/bt-123456789012"}).status_code == 422
    assert client.get("/doi", query_string={"chu": "to", "ve": "/tim?q=001099012345"}).status_code == 422


def test_digits_of_other_lengths_are_no_identity() -> None:
    for count in range(1, 16):
        assert holds_identity("7" * count) == (count in (9, 12)), count
        assert holds_identity(" . ".join("7" * count)) == (count in (9, 12)), count
