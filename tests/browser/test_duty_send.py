"""What an officer does is sent without leaving the page, and a picture that was put away stays away."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from broker.hub.records import Alert
from tests.browser.test_duty_heard import room as room
from tests.console.stage import Stage


def test_words_stay_while_the_hub_is_away_and_are_sent_by_one_press(stage: Stage, room: Page) -> None:
    room.route("**/note", lambda route: route.abort())
    room.locator("#ghi-chu summary").click()
    field = room.locator("#ghi-chu textarea")
    field.fill("xe tải đỗ trước cổng")
    room.get_by_role("button", name="Ghi lại").click()
    expect(room.locator("#ghi-chu [role=alert]")).to_contain_text("Chưa gửi được, chữ vẫn giữ nguyên")
    expect(field).to_have_value("xe tải đỗ trước cổng")
    room.unroute("**/note")
    room.get_by_role("button", name="Gửi lại").click()
    expect(room.locator("#da-xong")).to_have_text("Đã xong: Ghi lại.")
    expect(room.locator(".notes")).to_contain_text("xe tải đỗ trước cổng")


def test_what_is_done_is_shown_in_its_place(stage: Stage, room: Page) -> None:
    room.evaluate("window.stays = true")
    room.locator("[data-key=n]").click()
    expect(room.locator(".sent")).to_have_text("Đã xong: Tôi nhận.")
    assert room.evaluate("window.stays"), "the page was not loaded anew"
    with stage.database.reading() as db:
        assert [each.state for each in db.query(Alert)] == ["in-hand"]


def test_a_stream_that_breaks_for_a_moment_is_not_called_lost(room: Page) -> None:
    room.route("**/live?*", lambda route: route.abort())
    room.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    room.clock.run_for(1_000)
    expect(room.locator("#cu")).to_be_hidden()
    room.clock.run_for(5_000)
    expect(room.locator("#cu")).to_contain_text("Mất kết nối từ")
