"""Who is on duty, in the head of a duty room that stays open while somebody takes over elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, sign_in
from tests.console.stage import Stage
from tests.console.test_shift import act


def test_the_head_of_an_open_duty_room_follows_who_is_on_duty(
    stage: Stage, serve: Callable[[Any], str], open_page: Callable[..., Watched]
) -> None:
    watched, address = open_page(*DESK), serve(stage.app)
    page = watched.page
    page.clock.install()
    sign_in(page, address, "khoa", "/duty")
    head = page.locator("#ca")
    expect(head).to_have_text("Chưa ai nhận ca")
    act(stage, stage.client("khoa"), "take")
    page.clock.fast_forward(61_000)
    expect(head).to_have_text("Ca ngày: Đại uý Trần Văn Khoa")
    head.click()
    expect(page.get_by_role("button", name="Giao ca")).to_be_visible()
    watched.check()
