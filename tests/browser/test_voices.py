"""Listening and words in a real browser: pieces that light up together, voices heard, a word tried and kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from broker.hub import words
from tests.browser.conftest import Watched
from tests.browser.test_console import sign_in
from tests.console.stage import NOW, Stage
from tests.until import until

Open = Callable[..., Watched]
Shoot = Callable[[Page, str], None]
DESK = (1440, 900)
PHONE = (390, 844)
LIT = "[...document.querySelectorAll('.lit')].map((each) => each.textContent)"


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served."""
    return serve(stage.app)


def no_trouble(page: Page) -> None:
    """Nothing an assistive technology would stumble over, and nothing wider than the screen."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_written_and_what_is_said_light_up_together(address: str, open_page: Open) -> None:
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "hanh", "/announcements/new")
    field = page.locator("#loi")
    field.fill("\U0001f600 Họp lúc 19h30\ntại NVH, thu quỹ XQZK.")
    spoken = page.locator('[data-out="spoken"]')
    said = spoken.get_by_text("mười chín giờ ba mươi phút")
    expect(page.locator("[data-under]")).to_be_visible()
    said.hover()
    assert page.evaluate(LIT) == ["19h30", "mười chín giờ ba mươi phút"]
    said.click()  # leads to its place in the text
    assert field.evaluate("(it) => it.value.slice(it.selectionStart, it.selectionEnd)") == "19h30"
    page.mouse.move(5, 5)
    field.evaluate("(it) => it.setSelectionRange(23, 23)")  # the caret in “NVH”
    expect(spoken.locator(".lit")).to_have_text("nhà văn hóa")
    spoken.locator("mark").click()  # a doubt leads to its question
    expect(page.get_by_role("radio", name="ích quy dét ca")).to_be_focused()
    field.press_sequentially(" ")
    expect(page.locator("[data-under]")).to_be_visible()  # marks come back once they fit again
    no_trouble(page)
    watched.check()


def test_a_text_is_heard_in_a_voice_and_its_sentence_is_lit(
    address: str, open_page: Open, shoot: Shoot
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "hanh", "/voices")
    page.get_by_role("button", name="Mời họp").click()
    expect(page.locator("[data-said]")).to_contain_text("tổ dân phố ba")
    horn = page.get_by_role("button", name="Nghe giọng miền Nam, máy đọc có sẵn (espeak), loa ngoài trời")
    horn.click()
    cell = page.locator('[data-cell="vi-vn-x-south::horn"]')
    expect(cell.get_by_text("âm lượng đạt")).to_be_visible()
    audio = cell.locator("audio")
    audio.evaluate("(it) => it.play()")
    until(lambda: page.evaluate("CSS.highlights.has('reading')"), 10)
    shoot(page, "console-voices")
    other = page.locator('[data-cell="vi::kiosk"]')
    other.get_by_role("button").click()
    other.locator("audio").evaluate("(it) => it.play()")
    until(lambda: audio.evaluate("(it) => it.paused"), 10)  # one voice at a time
    page.get_by_role("radio", name="Chậm").check()  # what was heard is no longer what is chosen
    expect(page.locator("audio")).to_have_count(0)
    expect(horn).to_be_visible()
    no_trouble(page)
    watched.check()


def test_a_word_is_tried_kept_and_heard(stage: Stage, address: str, open_page: Open, shoot: Shoot) -> None:
    stage.draft(text="Mời bà con đến NVHTX lúc 8h.")
    for number in range(3):
        start = [NOW + timedelta(days=1 + number)]
        stage.submitted(title=f"Quỹ {number}", text="Quỹ XQZK.", answers={"XQZK": "xây dựng"}, starts=start)
    with stage.database.session() as db:
        for written, said in (("Pleiku", "plây cu"), ("HTXBX", "hợp tác xã Bến Xuân")):
            words.put_word(db, written, said, "binh", NOW - timedelta(days=3))
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "hanh", "/words")
    page.get_by_label("Khi viết").fill("NVHTX")
    said = page.get_by_label("Loa đọc là")
    said.fill("nhà văn hoá 3")
    expect(page.get_by_role("alert")).to_contain_text("xin viết thành chữ: “ba”")
    said.fill("nhà văn hoá thôn xóm")
    trial = page.locator('[data-out="trial"]')
    expect(trial).to_contain_text("Mời bà con đến nhà văn hoá thôn xóm lúc tám giờ.")
    shoot(page, "console-words")
    page.get_by_role("button", name="Ghi vào bảng từ").click()
    expect(page.get_by_role("status")).to_contain_text("Từ nay “NVHTX” đọc là")
    page.get_by_role("button", name="Thêm “XQZK”").click()
    expect(page.get_by_text("4 từ đang dùng")).to_be_visible()
    page.get_by_role("button", name="Nghe “NVHTX”").click()
    expect(page.locator("[data-heard] audio")).to_have_count(1)
    no_trouble(page)
    watched.check()


def test_the_pages_fit_a_phone(stage: Stage, address: str, open_page: Open) -> None:
    with stage.database.session() as db:
        words.put_word(db, "NVHTX", "nhà văn hoá thôn xóm " * 5, "binh", NOW)
    watched = open_page(*PHONE)
    sign_in(watched.page, address, "binh", "/words")
    no_trouble(watched.page)
    watched.page.goto(f"{address}/voices")
    no_trouble(watched.page)
    watched.check()
