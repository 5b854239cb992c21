"""Nghe: on every page, the visible text and nothing else, sentence by sentence; where others hear it, asked first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from kiosk.app import create_app
from kiosk.content import shipped
from tests.browser.conftest import Watched
from tests.fakes.house import PANELS, Stage, set_stage
from tests.kiosk.test_pages import ROUTES
from tests.until import until

SAME_SHARE = 0.99
PAGES = [route for route in ROUTES if route != "/"]
"""The notice board has no bar: any touch leads to where Nghe is."""
SENSITIVE = next(each.code for each in shipped().procedures.values() if each.sensitive)
OPEN = next(each.code for each in shipped().procedures.values() if not each.sensitive)

VISIBLE = """() => {
  const main = document.querySelector("main");
  const drop = main.querySelectorAll(".bring i, .keys, .only-read, .found .icon");
  for (const each of drop) each.hidden = true; // numbers before the rows of a list, letters on keys
  const text = main.innerText;
  for (const each of drop) each.hidden = false;
  return text;
}"""
SENTENCES = """async (address) => {
  const { sentencesOf } = await import(address);
  return sentencesOf(document.querySelector("main")).map(({ text, range }) => [text, range.toString()]);
}"""

OpenPage = Callable[..., Watched]
Serve = Callable[..., str]


@pytest.fixture
def stage() -> Stage:
    return set_stage()


@pytest.fixture
def screen(stage: Stage, serve: Serve, open_page: OpenPage) -> Iterator[Watched]:
    watched = open_page(has_touch=True, base_url=serve(create_app(stage.house)))
    yield watched
    watched.check()


def words(text: str) -> Counter[str]:
    """The words of a text, without its marks and capitals."""
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def same_share(said: str, seen: str) -> float:
    """Share of words that are both said and seen, of all that are either."""
    a, b = words(said), words(seen)
    return sum((a & b).values()) / max(1, sum((a | b).values()))


def sentences(page: Page) -> list[tuple[str, str]]:
    """What the page's own reader would say, each with what it would highlight."""
    script = page.locator("script[type=module]").get_attribute("src") or ""
    found: list[tuple[str, str]] = page.evaluate(SENTENCES, script.replace("kiosk.js", "reader.js"))
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("size", ["vua", "to"])
def test_every_page_has_a_voice_that_says_what_is_seen(
    panel: str, size: str, serve: Serve, open_page: OpenPage
) -> None:
    shape = PANELS[panel]
    base = serve(create_app(set_stage(shape).house))
    page = open_page(shape.width_px, shape.height_px, base_url=base).page
    page.goto(f"/doi?chu={size}&ve=/giup")
    wrong = []
    for route in PAGES:
        page.goto(route)
        assert page.locator(".bar .hear").is_visible(), route
        told = sentences(page)
        seen = page.evaluate(VISIBLE)
        if not seen.strip():
            assert told == [], "a field alone: its question is said, as the next test shows"
            continue
        share = same_share(" ".join(text for text, _ in told), seen)
        if share < SAME_SHARE:
            wrong.append(f"{route}: {share:.3f}")
        wrong += [f"{route}: {text!r} lights up {lit!r}" for text, lit in told if words(text) != words(lit)]
    assert wrong == []


def test_a_field_alone_says_what_it_asks(serve: Serve, open_page: OpenPage) -> None:
    shape = PANELS["10.1"]
    stage = set_stage(shape)
    page = open_page(shape.width_px, shape.height_px, base_url=serve(create_app(stage.house))).page
    page.goto("/doi?chu=to&ve=/gop-y/light/village")
    page.locator(".bar .hear").click()
    until(lambda: ("Bác muốn nói gì với xã?", "vi") in stage.voice.said, 10)


def test_results_of_a_search_are_read_as_they_stand(screen: Watched, stage: Stage) -> None:
    page = screen.page
    page.goto("/tim")
    page.locator("[data-typing]").press_sequentially("khai sinh")
    expect(page.locator(".answers li")).to_have_count(3)
    page.locator(".bar .hear").tap()
    expect(page.locator(".player")).to_be_visible()
    expect(page.locator(".player")).to_be_hidden(timeout=40_000)
    said = " ".join(text for text, _ in stage.voice.said)
    for title in page.locator(".answer b").all_inner_texts():
        assert words(title) <= words(said), title
    assert "khai sinh" not in [text for text, _ in stage.voice.said], "what was typed is not said"


def test_reading_stops_begins_again_and_speaks_up(screen: Watched, stage: Stage) -> None:
    page = screen.page
    stage.voice.seconds = 60.0
    page.goto(f"/tt/{OPEN}")
    page.locator(".bar .hear").tap()
    expect(page.locator("[data-count]")).to_contain_text("Đang đọc câu 1 trên")
    first = page.locator("[data-sentence]").inner_text()
    assert page.evaluate("[...CSS.highlights.get('reading')].map(String).join('')").split() == first.split()
    page.locator("[data-hear=again]").tap()
    expect(page.locator("[data-sentence]")).to_have_text(first)
    page.locator("[data-hear=louder]").tap()
    assert float(page.evaluate("sessionStorage.getItem('loudness')")) > 1
    page.locator("[data-hear=stop]").tap()
    expect(page.locator(".player")).to_be_hidden()
    assert page.evaluate("CSS.highlights.has('reading')") is False


def test_a_page_that_concerns_nobody_else_asks_first_who_may_hear(screen: Watched, stage: Stage) -> None:
    page = screen.page
    page.goto(f"/tt/{SENSITIVE}")
    ask, hear = page.locator("[data-aloud-ask]"), page.locator(".bar .hear")
    hear.tap()
    expect(ask).to_contain_text("Đọc ra loa hay nghe bằng tai nghe?")
    assert stage.voice.said == []
    ask.locator("[data-aloud=ear]").tap()
    expect(ask).to_contain_text("Bác cắm tai nghe")
    assert stage.voice.said == []
    ask.locator("[data-aloud=plugged]").tap()
    expect(page.locator(".player")).to_be_visible()
    expect(ask).to_be_hidden()
    page.goto(f"/tt/{SENSITIVE}?buoc=1")
    page.locator(".bar .hear").tap()
    expect(page.locator(".player")).to_be_visible()
    page.locator(".bar .leave").tap()
    page.wait_for_url("**/")
    page.goto(f"/tt/{SENSITIVE}")
    before = len(stage.voice.said)
    page.locator(".bar .hear").tap()
    expect(ask).to_be_visible()
    assert len(stage.voice.said) == before
    ask.locator("[data-aloud=room]").tap()
    until(lambda: len(stage.voice.said) > before, 10)


def test_a_page_for_everybody_is_read_at_once(screen: Watched, stage: Stage) -> None:
    page = screen.page
    page.goto(f"/tt/{OPEN}")
    expect(page.locator("[data-aloud-ask]")).to_have_count(0)
    page.locator(".bar .hear").tap()
    until(lambda: stage.voice.said, 10)
