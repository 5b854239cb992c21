"""Writing in a real browser: said again and again, clashes left out at one press, and no word lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, sign_in
from tests.console.stage import NOW, Stage
from tests.hub.town import PASSWORD

Open = Callable[..., Watched]


def look(page: Page, shoot: Callable[[Page, str], None], name: str, *widths: int) -> None:
    """axe at these widths, with nothing under the phone's bar; and nothing runs out at the side."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 4500})
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shoot(page, f"console-{name}" + ("-phone" if width == PHONE[0] else ""))
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})


def test_said_again_and_again_and_no_word_is_lost(
    stage: Stage, serve: Callable[[Any], str], open_page: Open, shoot: Callable[[Page, str], None]
) -> None:
    stage.submitted(title="Phiên chợ", starts=[NOW.replace(day=24, hour=17, minute=0)])
    address = serve(stage.app)
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "hanh", "/announcements/new")
    words, saved = page.get_by_label("Anh/chị viết"), page.locator('[data-out="saved"]')
    page.get_by_label("Tên bản tin").fill("Thu gom rác")
    words.fill("Sáng mai xe thu gom rác đi qua các thôn.")
    page.get_by_label("Thôn Đông").check()
    page.get_by_label("Giờ phát, ví dụ 17:30").fill("17:00")
    page.get_by_label("Nhiều lần").check()
    expect(page.get_by_label("Giờ phát trong ngày")).to_have_value("17:00")
    page.get_by_label("Lặp lại thế nào").select_option("day")
    page.get_by_label("Ngày cuối cùng").fill("10/12/2026")
    expect(page.get_by_text("1 trên 20 lượt chưa phát được:")).to_be_visible()
    page.locator(".whole-list summary").click()
    look(page, shoot, "compose-again", DESK[0], PHONE[0])
    page.get_by_role("button", name="Bỏ những ngày này").click()
    expect(page.get_by_label("Trừ những ngày")).to_have_value("24/11/2026")
    expect(page.get_by_text("Xem cả 19 lượt, từ 21/11/2026 đến 10/12/2026")).to_be_visible()
    expect(page.get_by_role("button", name="Gửi duyệt")).to_have_attribute("aria-disabled", "false")
    expect(saved).to_contain_text("tự cất lúc 16:42")
    watched.check()
    read_it_another_way(page, words)
    lose_the_network_and_the_session(page, address)
    page.get_by_label("Lặp lại thế nào").select_option("holiday")
    expect(page.get_by_label("Quốc khánh 2/9")).to_be_visible()
    page.get_by_role("button", name="Cất thành mẫu").click()
    expect(page.get_by_label("Tên mẫu")).to_have_value("Thu gom rác")
    look(page, shoot, "pattern", PHONE[0])
    page.get_by_role("button", name="Cất mẫu này").click()
    expect(page.get_by_text("Đã cất mẫu.")).to_be_visible()
    look(page, shoot, "patterns", DESK[0])
    page.get_by_role("link", name="Soạn từ mẫu này").click()
    expect(page.get_by_label("Anh/chị viết")).to_have_value("Viết khi phiên đã hết.")


def read_it_another_way(page: Page, words: Locator) -> None:
    """The choice and what is typed beside it outlive every preview, however late its answer comes."""
    before, preview = words.input_value(), "**/announcements/preview*"
    words.fill("Trạm y tế khám UV từ mai.")
    other, own = page.get_by_label("đọc cách khác", exact=True), page.get_by_label("“UV” đọc cách khác là")
    with page.expect_response(preview):
        other.check()
    expect(page.locator('[data-out="missing"]')).to_be_attached()
    expect(other).to_be_checked()
    expect(other).to_be_focused()
    page.route(preview, lambda _: None)  # its answer waits until the route is taken away
    with page.expect_request(preview):
        own.fill("uy")
    own.press_sequentially(" vê")
    page.unroute(preview)
    expect(page.locator('[data-out="spoken"]')).to_contain_text("khám uy vê từ mai")
    expect(own).to_have_value("uy vê")
    expect(own).to_be_focused()
    words.fill(before)


def lose_the_network_and_the_session(page: Page, address: str) -> None:
    """What is written meanwhile is told not to be kept, stays, and is kept afterwards."""
    words, saved = page.get_by_label("Anh/chị viết"), page.locator('[data-out="saved"]')
    page.context.set_offline(True)
    words.fill("Viết lúc mất mạng.")
    expect(page.get_by_text("Mất kết nối với trung tâm.")).to_be_visible()
    expect(saved).to_have_text("Chưa cất được")
    page.context.set_offline(False)
    expect(saved).to_contain_text("tự cất lúc")
    page.context.clear_cookies()
    words.fill("Viết khi phiên đã hết.")
    expect(page.get_by_text("Phiên làm việc đã hết nên chưa cất được.")).to_be_visible()
    expect(words).to_have_value("Viết khi phiên đã hết.")
    other = page.context.new_page()
    other.goto(f"{address}/sign-in")
    other.get_by_label("Tên đăng nhập").fill("hanh")
    other.get_by_label("Mật khẩu").fill(PASSWORD)
    other.get_by_role("button", name="Đăng nhập").click()
    other.wait_for_url(f"{address}/")
    other.close()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(saved).to_contain_text("tự cất lúc")
    expect(page.get_by_text("Phiên làm việc đã hết nên chưa cất được.")).to_be_hidden()
