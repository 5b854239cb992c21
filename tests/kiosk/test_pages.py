"""The screen's pages, asked without a browser: what they say, what they keep, what they refuse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import pytest
from flask.testing import FlaskClient

from broker.contract.content import Approved
from kiosk.app import create_app
from kiosk.content import shipped
from tests.fakes.house import NOW, PANELS, Stage, changed, lively, set_stage


@pytest.fixture
def stage() -> Stage:
    return set_stage()


@pytest.fixture
def client(stage: Stage) -> FlaskClient:
    return create_app(stage.house).test_client()


ROUTES = [
    "/", "/nha", "/trong-thon", "/su-kien/sinh-con", "/su-kien/giay-to-khac?trang=3", "/tim", "/tim?q=khai+sinh",
    "/tt/1.001193", "/tt/1.001193?buoc=2", "/tt/1.001193/kiem-giay", "/linh-vuc", "/linh-vuc/tu-phap",
    "/su-kien/hoc-hanh/hoi", "/su-kien/hoc-hanh/hoi/chuyen", "/su-kien/hoc-hanh/hoi/nhap-hoc/sau",
    "/loa", "/loa/a1", "/lich", "/canh-bao", "/canh-bao/gia-cong-an",
    "/gop-y", "/gop-y/light", "/gop-y/light/village", "/ngon-ngu", "/giup", "/khan-cap",
]  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("size", ["vua", "to"])
def test_every_page_answers_on_every_panel_without_inline_style_or_script(
    route: str, panel: str, size: str
) -> None:
    client = create_app(set_stage(PANELS[panel]).house).test_client()
    client.set_cookie("chu", size)
    answer = client.get(route)
    if panel == "7" and route.startswith(("/tim", "/gop-y")):
        assert answer.headers["Location"] == ("/linh-vuc" if route.startswith("/tim") else "/giup")
        return
    assert answer.status_code == 200
    assert not re.search(r"<style|<script(?![^>]*src=)|\sstyle\s*=|\son[a-z]+\s*=|javascript:", answer.text)
    assert "<!--sprite" not in answer.text
    used = set(re.findall(r'href="#i-([a-z]+)"', answer.text))
    assert used <= set(re.findall(r'<symbol id="i-([a-z]+)"', answer.text))


def test_panel_that_only_looks_up_offers_nothing_to_type() -> None:
    client = create_app(set_stage(PANELS["7"]).house).test_client()
    for route in [each for each in ROUTES if not each.startswith(("/tim", "/gop-y"))]:
        page = client.get(route).text
        assert 'href="/gop-y' not in page
        assert "data-keys" not in page
        assert 'href="/doi?go=' not in page
        if route.startswith(("/nha", "/linh-vuc")):
            assert 'href="/tim"' not in page


def test_bar_has_the_same_seven_words_on_every_page(client: FlaskClient) -> None:
    for route in ROUTES[1:]:
        bar = client.get(route).text.split('<nav class="bar"')[1].split("</nav>")[0]
        words = [re.sub(r"\s+", " ", each) for each in re.findall(r"<span>(.*?)</span>", bar)]
        assert words == [
            "Nhà", "Quay lại", "Nghe", "Chữ to", "Ngôn ngữ", "Gọi người giúp", "Xoá và thoát",
        ]  # fmt: skip


def test_board_tells_time_lunar_day_news_warning_and_water(client: FlaskClient) -> None:
    page = client.get("/").text
    for words in (
        "16:42",
        "Thứ Bảy",
        "21 tháng 11",
        "âm lịch",
        "Hát chèo",
        "Sông cao 2,1 mét",
        "Coi chừng",
    ):
        assert words in page


def test_board_shows_no_time_while_the_clock_is_unknown(stage: Stage) -> None:
    stage.clock.believe("unknown")
    assert "16:42" not in create_app(stage.house).test_client().get("/").text


def test_board_tells_what_the_loudspeaker_will_say_here_and_nowhere_else() -> None:
    content = lively(shipped())
    content.bundle.notices = []
    content.bundle.approved = [
        approved("Tiêm phòng", NOW + timedelta(hours=1)),
        approved("Của thôn khác", NOW + timedelta(minutes=5), villages=["ben"]),
        approved("Đã nói xong", NOW - timedelta(minutes=5)),
    ]
    text = create_app(set_stage(content=content).house).test_client().get("/").text
    assert '<p class="where">17:42</p>' in text
    assert "Tiêm phòng" in text
    assert "Của thôn khác" not in text
    assert "Đã nói xong" not in text


def test_an_emergency_takes_the_whole_board_until_it_is_over() -> None:
    content = lively(shipped())
    content.bundle.approved = [approved("Nước lên, sơ tán", NOW - timedelta(minutes=5), kind="emergency")]
    stage = set_stage(content=content)
    client = create_app(stage.house).test_client()
    board = client.get("/").text
    assert 'role="alert"' in board
    assert "Nước lên, sơ tán" in board
    assert "Hát chèo" not in board
    assert "Nước lên, sơ tán" in client.get("/khan-cap").text
    stage.clock.advance(3 * 3600)
    assert 'role="alert"' not in client.get("/").text
    assert "Không có tin khẩn cấp nào" in client.get("/khan-cap").text


def approved(
    title: str,
    at: datetime,
    kind: Literal["routine", "emergency"] = "routine",
    villages: Sequence[str] = ("dong",),
) -> Approved:
    return Approved(
        announcement=title,
        title=title,
        text=f"{title}. Mời bà con nghe loa.",
        kind=kind,
        villages=list(villages),
        starts=[at],
        until=at + timedelta(hours=2),
    )


def test_board_keeps_silent_about_old_readings(stage: Stage) -> None:
    stage.clock.advance(3600)
    assert "Sông cao" not in create_app(stage.house).test_client().get("/").text


def test_board_forgets_the_visitor_before(client: FlaskClient) -> None:
    client.get("/doi?chu=to&tieng=en&mau=warm&ve=/nha")
    assert {"chu", "tieng", "mau"} <= {name for name in ("chu", "tieng", "mau") if client.get_cookie(name)}
    answer = client.get("/")
    assert '"storage"' in answer.headers["Clear-Site-Data"]
    assert not any(client.get_cookie(name) for name in ("chu", "tieng", "mau"))


def test_without_content_of_the_commune_the_shipped_one_is_shown() -> None:
    client = create_app(set_stage(content=shipped()).house).test_client()
    for route in ("/", "/nha", "/loa", "/su-kien/ket-hon"):
        assert client.get(route).status_code == 200
    assert "Lịch thôn" not in client.get("/nha").text


def test_search_without_marks_finds_the_paper(client: FlaskClient) -> None:
    page = client.post("/tim/goi-y", data={"q": "lam giay khai sinh cho chau"}).text
    assert page.index("/tt/1.001193") > 0
    assert page.count('class="press answer"') == 3


def test_search_that_finds_nothing_says_what_to_do(client: FlaskClient) -> None:
    assert "Gọi người giúp" in client.post("/tim/goi-y", data={"q": "zzzz qqqq"}).text


def test_procedure_answers_the_four_questions_with_code_and_date(client: FlaskClient) -> None:
    page = client.get("/tt/1.012084").text + "".join(
        client.get(f"/tt/1.012084?buoc={n}").text for n in range(1, 9)
    )
    for words in (
        "Mang gì đi",
        "Bao lâu",
        "Lệ phí",
        "Làm ở đâu",
        "Đối chiếu ngày",
        "dichvucong.gov.vn",
        "<path",
    ):
        assert words in page


def test_every_procedure_has_all_its_words_on_its_steps(client: FlaskClient) -> None:
    client.set_cookie("chu", "to")
    for procedure in shipped().procedures.values():
        if procedure.valid_to and f"{procedure.valid_to}" < "2026-11-21":
            continue
        first = client.get(f"/tt/{procedure.code}").text
        count = int(re.search(r"\d+ trên (\d+)", first)[1])  # type: ignore[index]
        whole = "".join(client.get(f"/tt/{procedure.code}?buoc={n}").text for n in range(1, count + 1))
        for document in procedure.documents:
            assert document.name.rstrip(".")[:30].replace("&", "&amp;").replace('"', "&#34;") in whole


def test_repealed_code_leads_to_its_successor(client: FlaskClient) -> None:
    answer = client.get("/tt/2.000986")
    assert answer.status_code == 302
    assert "/tt/3.000722" in answer.headers["Location"]


def test_unknown_page_keeps_the_bar_and_says_what_to_do(client: FlaskClient) -> None:
    answer = client.get("/khong-co")
    assert answer.status_code == 404
    assert "Nhà" in answer.text


@pytest.mark.parametrize(
    "where", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:1"]
)
def test_links_never_lead_out_of_the_house(client: FlaskClient, where: str) -> None:
    assert client.get("/doi", query_string={"chu": "to", "ve": where}).headers["Location"] == "/nha"
    assert (
        "evil" not in client.get("/tt/1.001193", query_string={"tu": where}).text.split('<nav class="bar"')[0]
    )
    assert 'href="/nha"' in client.get("/tt/1.001193", query_string={"tu": where}).text


def test_other_pages_in_the_browser_may_not_press_our_buttons(client: FlaskClient) -> None:
    assert client.post("/giup", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "la.example"},
        {"Host": "la.example:8081"},
        {"Origin": "http://la.example"},
        {"Origin": "null"},
    ],
)
def test_no_other_name_and_no_other_page_reaches_the_screen(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert client.post("/nhip", headers=headers).status_code == 403
    assert client.get("/", headers=headers).status_code == 403


def test_the_screens_own_addresses_are_its_own(client: FlaskClient) -> None:
    for own in ("127.0.0.1:8081", "localhost", "[::1]:8081"):
        answer = client.post("/nhip", headers={"Host": own, "Origin": f"http://{own}"})
        assert answer.status_code == 204


def test_english_is_complete_enough_to_find_the_way(client: FlaskClient) -> None:
    client.get("/doi?tieng=en&ve=/nha")
    page = client.get("/nha").text
    assert 'lang="en"' in page
    assert "Home" in page
    assert "Làm giấy tờ" not in page


def test_failing_page_gives_a_person_a_next_step(stage: Stage) -> None:
    def broken(_query: str, _limit: int) -> list[object]:
        raise RuntimeError("index is gone")

    client = create_app(changed(stage, find=broken).house).test_client()
    answer = client.get("/tim?q=x")
    assert answer.status_code == 500
    assert "Gọi người giúp" in answer.text


def test_every_scam_has_its_page_and_ends_with_whom_to_call(client: FlaskClient) -> None:
    listed = re.findall(r'href="(/canh-bao/[a-z-]+)', client.get("/canh-bao").text)
    assert {"/canh-bao/tin-nhan-la", "/canh-bao/chua-ro"} <= set(listed)
    for path in listed:
        assert "gọi 113, hoặc báo công an xã" in client.get(path).text, path


def test_a_scam_that_is_typed_leads_to_its_warning(client: FlaskClient) -> None:
    assert 'href="/canh-bao/tin-nhan-la?tu=/tim"' in client.get("/tim?q=tin+nhan+lua+dao").text
    assert 'href="/canh-bao?tu=/tim"' in client.get("/tim?q=lua+dao").text
