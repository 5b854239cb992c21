"""The duty room on a small laptop and on a phone, upright and on its side: what is done about an alert is at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Watched
from tests.browser.test_console import picture, sign_in
from tests.console.stage import Stage

Box = dict[str, float]


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (844, 390), (390, 844)])
def test_the_duty_room_is_whole_on_a_small_screen(
    stage: Stage, serve: Callable[[Any], str], open_page: Callable[..., Watched], width: int, height: int
) -> None:
    number = stage.alarm(snapshot=picture())
    watched = open_page(width, height)
    page = watched.page
    sign_in(page, serve(stage.app), "khoa", f"/duty/{number}")

    def box(selector: str) -> Box:
        """At one moment: the page renews its parts, and a part that is replaced has no box."""
        found: Box = page.evaluate(
            "(one) => document.querySelector(one).getBoundingClientRect().toJSON()", selector
        )
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
