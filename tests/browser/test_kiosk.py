"""The touch screen in a real Chromium: a villager's two ways, and what must never happen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec
import pytest
from playwright.sync_api import Page, Request, expect

from broker.contract.kiosk import FeedbackSent, HelperCalled
from broker.link.outbox import OutboxFull
from broker.trust.seal import open_seal
from kiosk.app import create_app
from kiosk.feedback import Words
from tests.browser.conftest import Watched
from tests.fakes.house import PANELS, Stage, set_stage

OpenPage = Callable[..., Watched]
Serve = Callable[..., str]
Shoot = Callable[[Page, str], None]


@pytest.fixture
def stage() -> Stage:
    return set_stage()


@pytest.fixture
def kiosk(stage: Stage, serve: Serve, open_page: OpenPage) -> Iterator[Watched]:
    watched = open_page(has_touch=True, base_url=serve(create_app(stage.house)))
    yield watched
    watched.check()


def tap_keys(page: Page, text: str) -> None:
    """Type on the screen's own keyboard; 1 to 5 are the tone keys."""
    for letter in text:
        key = f"[data-tone='{letter}']" if letter in "12345" else f"[data-key='{letter}']"
        page.locator(f".keys {key}").tap()


def test_from_the_board_to_a_paper_found_without_marks(kiosk: Watched, shoot: Shoot) -> None:
    page = kiosk.page
    page.goto("/")
    shoot(page, "kiosk-board")
    page.locator(".board .news h1").tap()
    expect(page.locator("h1")).to_have_text("Bác cần làm việc gì?")
    shoot(page, "kiosk-home")
    page.locator(".find").tap()
    page.wait_for_url("**/tim")
    page.evaluate("window.stayed = true")
    shoot(page, "kiosk-search-start")
    tap_keys(page, "khai sinh")
    expect(page.locator(".answers li")).to_have_count(3)
    assert page.evaluate("window.stayed"), "results came by a reload"
    shoot(page, "kiosk-search")
    expect(page.locator(".answer").first).to_contain_text("khai sinh")
    page.locator(".answer").first.tap()
    expect(page.locator("main")).to_contain_text("Mang gì đi")
    expect(page.locator("main")).to_contain_text("khai sinh")
    shoot(page, "kiosk-procedure")
    page.locator(".bar a", has_text="Quay lại").tap()
    expect(page.locator("[data-typing]")).to_have_value("khai sinh")
    expect(page.locator(".answers li")).to_have_count(3)


def test_any_procedure_is_three_taps_away_by_the_list_of_a_life_event(kiosk: Watched) -> None:
    page = kiosk.page
    page.goto("/nha")
    page.locator(".tile", has_text="Kết hôn").tap()
    page.locator(".why .press").tap()
    page.locator(".row").first.tap()
    expect(page.locator("main h1, main .topic").first).to_contain_text("kết hôn")


def test_questions_lead_to_a_procedure_and_back(kiosk: Watched, shoot: Shoot) -> None:
    page = kiosk.page
    page.goto("/nha")
    page.locator(".tile", has_text="Học hành").tap()
    shoot(page, "kiosk-question")
    page.locator(".huge .tile", has_text="Vào lớp mới").tap()
    page.locator(".huge .tile", has_text="Lớp 6").tap()
    expect(page.locator("h1")).to_have_text("Cho con vào lớp 6")
    page.locator(".turn .lead").tap()
    expect(page.locator("main")).to_contain_text("Mang gì đi")
    for heading in ("Cho con vào lớp 6", "Con vào lớp mấy?", "Bác cần việc gì cho con?"):
        page.locator(".bar a", has_text="Quay lại").tap()
        expect(page.locator("h1")).to_have_text(heading)


def test_papers_are_ticked_without_scripts_too(stage: Stage, serve: Serve, open_page: OpenPage) -> None:
    watched = open_page(java_script_enabled=False, base_url=serve(create_app(stage.house)))
    page = watched.page
    page.goto("/tt/2.002854/kiem-giay")
    page.locator("label.tick").first.click()
    page.locator(".turn button").click()
    expect(page.locator("h1")).to_have_text("Bác còn thiếu 2 giấy")
    page.locator("button[name=sua]").click()
    expect(page.locator(":checked")).to_have_count(1)
    watched.check()


def test_feedback_is_typed_kept_and_followed(kiosk: Watched, stage: Stage, shoot: Shoot) -> None:
    page = kiosk.page
    page.goto("/nha")
    page.locator(".door", has_text="Phản").tap()
    shoot(page, "kiosk-feedback-topic")
    page.locator(".tile", has_text="đèn đường").tap()
    page.locator(".tile", has_text="Thôn Đông").tap()
    tap_keys(page, "đen2 hong3 ba hôm nay")
    expect(page.locator("textarea")).to_have_value("đèn hỏng ba hôm nay")
    shoot(page, "kiosk-feedback-words")
    page.locator(".key.go").tap()
    expect(page.locator("h1")).to_have_text("Đã ghi lại lời bác")
    expect(page.locator(".steps")).to_contain_text("Đang chờ có mạng")
    shoot(page, "kiosk-feedback-kept")
    (sent,) = stage.post.sent
    assert isinstance(sent, FeedbackSent)
    words = msgspec.json.decode(open_seal(stage.private, sent.sealed), type=Words)
    assert words.text == "đèn hỏng ba hôm nay"
    assert re.sub(r"\s", "", page.locator(".code").inner_text()) == sent.code
    stage.post.connected = True
    stage.post.there.add(sent.code)
    expect(page.locator(".steps")).to_contain_text("Đã tới xã", timeout=10_000)


def test_keyboard_puts_the_tone_where_a_hand_would(kiosk: Watched) -> None:
    page = kiosk.page
    page.goto("/tim")
    for keys, written in [
        ("hoa2", "hoà"), ("hoa2n", "hoàn"), ("quy1", "quý"), ("gia3i", "giải"), ("khoe3", "khoẻ"),
        ("thuơ3", "thuở"), ("nguyên4", "nguyễn"), ("mua5", "mụa"), ("xoa1b", "xoáb"), ("bê11", "bê"), ("gi2", "gì"),
        ("chuyên3", "chuyển"), ("ngoai2", "ngoài"), ("rươu5", "rượu"), ("tuân1", "tuấn"), ("nghia4", "nghĩa"),
    ]:  # fmt: skip
        page.locator("[data-typing]").fill("")
        tap_keys_quickly(page, keys)
        assert page.locator("[data-typing]").input_value() == written, keys


def tap_keys_quickly(page: Page, text: str) -> None:
    """The same keys without waiting out the trembling hand: clicks that come from no pointer."""
    for letter in text:
        key = f"[data-tone='{letter}']" if letter in "12345" else f"[data-key='{letter}']"
        page.locator(f".keys {key}").evaluate("key => key.click()")


def test_erase_numbers_space_and_usb_keyboard_write_into_the_same_field(kiosk: Watched) -> None:
    page = kiosk.page
    page.goto("/tim")
    field = page.locator("[data-typing]")
    tap_keys(page, "ab")
    page.locator("[data-do=erase]").tap()
    page.locator("[data-do=numbers]").tap()
    page.locator("[data-key='1']").tap()
    page.locator("[data-do=numbers]").tap()
    field.press_sequentially(" đất")
    tap_keys(page, "k")
    expect(field).to_have_value("a1 đấtk")
    page.locator("[data-clear]").tap()
    expect(field).to_have_value("")
    expect(page.locator(".pick-field")).to_be_visible()


def test_second_press_of_a_trembling_hand_is_no_press(kiosk: Watched) -> None:
    page = kiosk.page
    page.goto("/tim")
    page.locator("[data-key=k]").dblclick(delay=10)
    expect(page.locator("[data-typing]")).to_have_value("k")


def test_page_is_read_aloud_sentence_by_sentence(kiosk: Watched, stage: Stage, shoot: Shoot) -> None:
    page = kiosk.page
    stage.voice.seconds = 0.8  # long enough to be looked at on a machine that is busy
    page.goto("/tt/2.002854")
    page.locator(".bar .hear").tap()
    expect(page.locator(".player")).to_be_visible()
    expect(page.locator("[data-count]")).to_contain_text(
        re.compile(r"Đang đọc câu (?!1 )\d+ trên"), timeout=10_000
    )
    shoot(page, "kiosk-listen")
    assert page.evaluate("CSS.highlights.get('reading').size") == 1
    stage.voice.seconds = 0.1
    expect(page.locator(".player")).to_be_hidden(timeout=60_000)
    said = " ".join(text for text, _ in stage.voice.said)
    for words in ("Mang gì đi", "Đơn xin chuyển trường", "Lệ phí", "Trường nơi con muốn chuyển"):
        assert words in said
    assert {language for _, language in stage.voice.said} == {"vi"}


def test_what_a_villager_wrote_is_never_read_aloud_and_so_never_lies_in_the_clips(
    kiosk: Watched, stage: Stage
) -> None:
    page = kiosk.page
    stage.post.refuse = OutboxFull("Máy đã đầy, chưa cất thêm được.")
    page.goto("/gop-y/light/village")
    page.locator("textarea").fill("chuyện riêng của tôi")
    page.locator(".key.go").tap()
    expect(page.locator(".trouble")).to_be_visible()
    page.locator(".bar .hear").tap()
    expect(page.locator(".player")).to_be_visible()
    expect(page.locator(".player")).to_be_hidden(timeout=30_000)
    said = " ".join(text for text, _ in stage.voice.said)
    assert "Máy đã đầy" in said
    assert "chuyện riêng" not in said
    kiosk.complaints.clear()  # the browser notes the 503


def test_reading_can_be_stopped(kiosk: Watched) -> None:
    page = kiosk.page
    page.goto("/canh-bao/gia-cong-an")
    page.locator(".bar .hear").tap()
    page.locator("[data-hear=louder]").tap()
    page.locator("[data-hear=again]").tap()
    page.locator("[data-hear=stop]").tap()
    expect(page.locator(".player")).to_be_hidden()


def test_silence_is_asked_about_aloud_and_then_everything_is_gone(
    kiosk: Watched, stage: Stage, shoot: Shoot
) -> None:
    page = kiosk.page
    page.clock.install()
    page.goto("/doi?chu=vua&tieng=vi&mau=warm&ve=/gop-y/light/village")
    page.locator("textarea").fill("bí mật của tôi")
    page.clock.run_for(44_000)
    expect(page.locator(".still")).to_be_hidden()
    page.clock.run_for(1_500)
    expect(page.locator(".still")).to_be_visible()
    shoot(page, "kiosk-still")
    assert (
        float(
            page.locator(".still .left").evaluate(
                "ring => parseFloat(getComputedStyle(ring).strokeDasharray)"
            )
        )
        < 289
    )
    page.locator("[data-stay]").tap()
    expect(page.locator(".still")).to_be_hidden()
    expect(page.locator("textarea")).to_have_value("bí mật của tôi")
    page.clock.run_for(46_000)
    expect(page.locator(".still")).to_be_visible()
    page.clock.run_for(16_000)
    page.wait_for_url("**/")
    assert ("Bác còn dùng không?", "vi") in stage.voice.said
    assert page.context.cookies() == []
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    page.go_back()
    assert "bí mật" not in page.content()
    page.goto("/gop-y/light/village")
    expect(page.locator("textarea")).to_have_value("")


def test_leaving_wipes_what_was_typed(kiosk: Watched) -> None:
    page = kiosk.page
    page.goto("/tim")
    tap_keys(page, "ly hon")
    page.locator(".bar .leave").tap()
    page.wait_for_url("**/")
    page.goto("/tim")
    expect(page.locator("[data-typing]")).to_have_value("")


def test_going_home_ends_a_search(kiosk: Watched) -> None:
    page = kiosk.page
    page.goto("/tim")
    tap_keys(page, "ly hon")
    expect(page.locator(".answer").first).to_be_visible()
    page.locator(".bar .home").tap()
    page.wait_for_url("**/nha")
    page.locator(".find").tap()
    tap_keys(page, "sinh")
    expect(page.locator("[data-typing]")).to_have_value("sinh")


def test_helper_is_called_in_one_tap_and_the_page_says_so(kiosk: Watched, stage: Stage, shoot: Shoot) -> None:
    page = kiosk.page
    page.goto("/tt/1.001193")
    page.locator(".bar .help").tap()
    expect(page.locator("h1")).to_have_text("Máy đang gọi người giúp")
    shoot(page, "kiosk-helper")
    (call,) = stage.post.sent
    assert isinstance(call, HelperCalled)
    stage.post.there.add(call.call)
    expect(page.locator("h1")).to_have_text("Xã đã nhận lời gọi của bác")
    assert call.page == "/tt/1.001193"


def test_letters_grow_words_change_and_the_place_is_kept(kiosk: Watched, shoot: Shoot) -> None:
    page = kiosk.page
    page.goto("/gop-y/light/village")
    page.locator("textarea").fill("giữ chữ này")
    page.locator(".bar a", has_text="Chữ to").tap()
    expect(page.locator("html[data-size=large]")).to_be_attached()
    expect(page.locator("textarea")).to_have_value("giữ chữ này")
    page.locator(".bar a", has_text="Ngôn ngữ").tap()
    shoot(page, "kiosk-language")
    page.locator("a[lang=en]").tap()
    expect(page.locator(".bar .home")).to_have_text("Home")
    expect(page.locator("textarea")).to_have_value("giữ chữ này")


def test_without_scripts_search_and_feedback_still_work(
    stage: Stage, serve: Serve, open_page: OpenPage
) -> None:
    watched = open_page(java_script_enabled=False, base_url=serve(create_app(stage.house)))
    page = watched.page
    page.goto("/tim")
    page.locator("[name=q]").fill("khai sinh")
    page.locator("[name=q]").press("Enter")
    assert page.locator(".answer").count() == 3
    page.goto("/gop-y/light/village")
    page.locator("textarea").fill("đèn hỏng")
    page.locator("noscript button, button.press.lead").first.click()
    assert "Đã ghi lại lời bác" in page.content()
    watched.check()


def test_first_load_is_small(serve: Serve, open_page: OpenPage) -> None:
    watched = open_page(base_url=serve(create_app(set_stage(PANELS["10.1"]).house)))
    asked: list[Request] = []
    watched.page.on("requestfinished", lambda each: asked.append(each))
    watched.page.goto("/nha", wait_until="networkidle")
    sizes = {each.url: each.sizes()["responseBodySize"] for each in asked}
    assert 90_000 < sum(sizes.values()) < 130_000, sizes
