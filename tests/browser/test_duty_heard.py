"""The duty room when the hub or a line hangs, and when an officer types: nothing is silent, no letter acts unasked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from broker.hub.records import Alert
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, sign_in
from tests.console.stage import Stage

Open = Callable[..., Watched]
Serve = Callable[[Any], str]


@pytest.fixture
def room(stage: Stage, serve: Serve, open_page: Open) -> Page:
    """The duty room with an open alert, its clock moved by the test."""
    number = stage.alarm()
    page = open_page(*DESK).page
    page.clock.install()
    with page.expect_response("**/live?*"):
        sign_in(page, serve(stage.app), "khoa", f"/duty/{number}")
    return page


def test_a_question_that_hangs_is_asked_again(stage: Stage, room: Page) -> None:
    held: list[Route] = []
    room.route("**/duty/queue*", lambda route: route.continue_() if held else held.append(route))
    stage.clock.advance(200)
    with room.expect_request("**/duty/queue*"):
        stage.alarm("bom", "thon-02")
    room.clock.fast_forward(11_000)
    expect(room.locator("#moi")).to_be_hidden()
    expect(room.locator("#moi")).to_contain_text("1 cảnh báo mới")


def test_a_hub_that_says_nothing_any_more_is_called_lost(room: Page) -> None:
    room.route("**/live?*", lambda route: None)
    room.clock.fast_forward(31_000)
    expect(room.locator("#cu")).to_contain_text("Mất kết nối từ")
    room.unroute("**/live?*")
    room.clock.fast_forward(31_000)
    expect(room.locator("#cu")).to_be_hidden()


@pytest.mark.parametrize("part", ["ghi-chu", "chuyen", "dong"])
def test_letters_typed_after_opening_a_form_with_the_mouse_are_words(
    stage: Stage, room: Page, part: str
) -> None:
    summary = room.locator(f"#{part} summary")
    summary.click()
    room.keyboard.type("na")
    summary.focus()
    room.keyboard.type("na")
    field = room.locator(f"#{part}").locator("textarea, input:not([type=hidden])").first
    expect(field).to_have_value("na")
    with stage.database.reading() as db:
        assert [each.state for each in db.query(Alert)] == ["seen"], "no letter took it in hand"
