"""The duty room on a small laptop and on a phone, upright and on its side: what is done about an alert is at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import FloatRect

from tests.browser.conftest import Watched
from tests.browser.test_console import picture, sign_in
from tests.console.stage import Stage


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (844, 390), (390, 844)])
def test_the_duty_room_is_whole_on_a_small_screen(
    stage: Stage, serve: Callable[[Any], str], open_page: Callable[..., Watched], width: int, height: int
) -> None:
    number = stage.alarm(snapshot=picture())
    watched = open_page(width, height)
    page = watched.page
    sign_in(page, serve(stage.app), "khoa", f"/duty/{number}")

    def box(selector: str) -> FloatRect:
        found = page.locator(selector).first.bounding_box()
        assert found is not None
        return found

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert box("#hang")["width"] >= 240
    assert box("#gio")["height"] < 45, "the clock stands in one line"
    scene, info, act = box("#noi-dung"), box("#viec"), box(".moves .lead")
    is_beside = scene["x"] + scene["width"] <= info["x"] + 1
    assert is_beside or scene["y"] + scene["height"] <= info["y"] + 1, "nothing lies upon the picture"
    assert act["y"] + act["height"] <= height, "the first thing to do needs no scrolling"
    if is_beside:
        ends = "all => Math.max(...all.map((each) => each.getBoundingClientRect().right))"
        assert page.locator(".info .moves .press").evaluate_all(ends) <= width - 16, "no button is cut"
    watched.check()
