"""Hạ nút xuống thấp: on every page of every panel, what can be pressed lies where someone who sits can reach it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from kiosk.app import create_app
from tests.browser.conftest import Watched
from tests.fakes.house import PANELS, set_stage
from tests.kiosk.test_pages import ROUTES

HALF = 0.5
KEYS_OF_SMALL_MM = 90.0
"""On a 10.1" panel (136 mm high) four rows of 14 mm keys and the bar are more than half of it."""
ROOM_MM = 24.0
"""The part of a page that is seen at once holds a whole target and its gap."""

PRESSED = """() => {
  const main = document.querySelector("main"), view = main.getBoundingClientRect();
  const seen = [...document.querySelectorAll("a, button, .press")].filter((each) => each.checkVisibility());
  const found = seen.map((each) => {
    const box = each.getBoundingClientRect(), inside = main.contains(each);
    const top = inside ? Math.max(box.top, view.top) : box.top;
    const end = inside ? Math.min(box.bottom, view.bottom) : box.bottom;
    return { what: each.textContent.trim().slice(0, 30), top, end, right: box.right };
  });
  return {
    found: found.filter(({ top, end }) => end > top),
    seen: view.height,
    typing: !!document.querySelector(".keys:not([hidden])"),
  };
}"""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("panel", [name for name in PANELS if name != "7"])
@pytest.mark.parametrize("size", ["vua", "to"])
def test_everything_to_press_lies_in_the_lower_half(
    panel: str, size: str, serve: Callable[..., str], open_page: Callable[..., Watched]
) -> None:
    shape = PANELS[panel]
    page = open_page(shape.width_px, shape.height_px, base_url=serve(create_app(set_stage(shape).house))).page
    page.goto(f"/doi?chu={size}&tam=thap&ve=/giup")
    wrong: list[str] = []
    for route in ROUTES[1:]:
        page.goto(route)
        page.evaluate("document.fonts.ready")
        seen: dict[str, Any] = page.evaluate(PRESSED)
        assert len(seen["found"]) >= 7, route
        highest_mm = shape.height_px * HALF / shape.px_per_mm
        if seen["typing"] and panel == "10.1":
            highest_mm = KEYS_OF_SMALL_MM
        for each in seen["found"]:
            above_mm = (shape.height_px - each["top"]) / shape.px_per_mm
            if above_mm > highest_mm + 0.5:
                wrong.append(
                    f"{route}: {each['what']!r} is {above_mm:.0f} mm up, {highest_mm:.0f} is the highest"
                )
            if each["end"] > shape.height_px + 1 or each["right"] > shape.width_px + 1:
                wrong.append(f"{route}: {each['what']!r} leaves the panel")
        if seen["seen"] / shape.px_per_mm < ROOM_MM:
            wrong.append(f"{route}: only {seen['seen'] / shape.px_per_mm:.0f} mm of the page are seen")
    assert wrong == []


def test_it_is_chosen_on_the_page_of_languages_and_ends_with_the_visit(
    serve: Callable[..., str], open_page: Callable[..., Watched]
) -> None:
    watched = open_page(base_url=serve(create_app(set_stage().house)))
    page = watched.page
    page.goto("/ngon-ngu")
    page.locator("a", has_text="Hạ nút xuống thấp").click()
    expect(page.locator("html[data-reach=low]")).to_be_attached()
    page.goto("/tim")
    page.locator("[data-typing]").press_sequentially("khai sinh")
    page.locator(".key.go").click()
    expect(page.locator(".answers li")).to_have_count(3)
    expect(page.locator(".keys")).to_be_hidden()
    page.locator("[data-clear]").click()
    expect(page.locator(".keys")).to_be_visible()
    page.locator(".bar .leave").click()
    page.wait_for_url("**/")
    page.goto("/nha")
    expect(page.locator("html:not([data-reach])")).to_be_attached()
    watched.check()
