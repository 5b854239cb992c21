"""Millimetres, contrast and names: each page on each panel, by themes, sizes and languages in pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from broker.look.procedure import parts_of
from kiosk.app import create_app
from kiosk.content import shipped
from tests.browser.conftest import Watched
from tests.fakes.house import NOW, PANELS, changed, set_stage

ROUTES = [
    "/nha", "/trong-thon", "/su-kien/nha-va-dat", "/su-kien/ket-hon", "/tim", "/tim?q=giay+to+dat+dai",
    "/tt/1.012084", "/tt/1.001193", "/tt/1.001193/kiem-giay", "/tt/1.001022",
    "/linh-vuc", "/linh-vuc/bao-hiem", "/su-kien/hoc-hanh/hoi", "/su-kien/sinh-con/hoi",
    "/su-kien/hoc-hanh/hoi/nhap-hoc/sau", "/loa", "/loa/a1", "/lich", "/canh-bao", "/canh-bao/gia-cong-an",
    "/gop-y", "/gop-y/light",
    "/gop-y/light/village", "/ngon-ngu", "/giup", "/khong-co", "/",
]  # fmt: skip

WRITTEN = ("/tim", "/gop-y")
"""Not on a panel that only looks up."""
FLOWING = "7"
"""The panel whose every page is turned by "Xem tiếp"."""

LONG = ("/linh-vuc/", "/tt/1.001193/kiem-giay")
"""As long as their content: all procedures of a field, all papers of one; turned by a button."""

PAIRS = [
    ("15.6", "light", "vua", "vi"),
    ("15.6", "warm", "to", "en"),
    ("15.6", "contrast", "to", "vi"),
    ("10.1", "contrast", "vua", "en"),
    ("10.1", "warm", "vua", "vi"),
    ("10.1", "light", "to", "vi"),
    ("10.1", "contrast", "to", "en"),
    ("7", "light", "vua", "vi"),
    ("7", "warm", "to", "en"),
    ("21.5-tall", "light", "to", "en"),
    ("21.5-tall", "contrast", "vua", "vi"),
]
"""Every two of panel, theme, size and language meet at least once, except rare ones."""

TARGET_MM, KEY_MM, GAP_MM, KEY_GAP_MM = 20.0, 14.0, 4.0, 1.0
CAPITAL_MM = {"vua": 4.8, "to": 7.33}
CAP_RATIO = 0.74
"""Capital height of Be Vietnam Pro over its font size."""

MEASURE = """() => {
  const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--mm'));
  const seen = (e) => e.checkVisibility() && e.getBoundingClientRect().width > 2 && !e.closest('.only-read');
  const targets = [...document.querySelectorAll('a, button, input, textarea')].filter(seen).map((e) => {
    const b = (e.matches('input, textarea') ? e.closest('label') : e).getBoundingClientRect();
    const view = e.closest('main')?.getBoundingClientRect();
    return {cut: view && (b.bottom > view.bottom + 1 || b.top < view.top - 1),
      what: e.textContent.trim().slice(0, 24) || e.name || e.className, key: e.matches('.key'),
      w: b.width / mm, h: b.height / mm, x: b.x / mm, y: b.y / mm};
  });
  const texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), out = [];
  const main = document.querySelector('main');
  while (walker.nextNode()) {
    const node = walker.currentNode, p = node.parentElement;
    if (!node.data.trim() || !seen(p) || p.closest('svg, .sprite, script, noscript, textarea')) continue;
    const range = new Range(); range.selectNodeContents(node);
    const b = range.getBoundingClientRect();
    texts.push([parseFloat(getComputedStyle(p).fontSize) / mm, node.data.trim().slice(0, 30), !!p.closest('.bar')]);
    if (b.right > innerWidth + 1 || b.left < -1) out.push(node.data.trim().slice(0, 30));
    const box = p.closest('.press, .key, .bar > *')?.getBoundingClientRect();
    if (box && (b.right > box.right + 1 || b.left < box.left - 1)) out.push('tight: ' + node.data.trim().slice(0, 30));
  }
  return {targets, texts, out, more: main.scrollHeight - main.clientHeight, wide: main.scrollWidth - main.clientWidth,
    page: document.documentElement.scrollWidth - innerWidth};
}"""

TOO_LONG = """() => document.fonts.ready.then(() => {
  const main = document.querySelector('main'); return main.scrollHeight - main.clientHeight;
})"""

CASES = [
    pytest.param(panel, theme, size, language, id=f"{panel}-{theme}-{size}-{language}")
    for panel, theme, size, language in PAIRS
]


def ready(page: Page) -> None:
    page.evaluate("document.fonts.ready")


def gap_of(a: dict[str, Any], b: dict[str, Any]) -> float:
    across = max(a["x"], b["x"]) - min(a["x"] + a["w"], b["x"] + b["w"])
    down = max(a["y"], b["y"]) - min(a["y"] + a["h"], b["y"] + b["h"])
    return max(across, down)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("panel", "theme", "size", "language"), CASES)
def test_pages_hold_their_millimetres_and_axe_finds_nothing(
    panel: str,
    theme: str,
    size: str,
    language: str,
    serve: Callable[..., str],
    open_page: Callable[..., Watched],
) -> None:
    shape = PANELS[panel]
    house = changed(set_stage(shape), theme=theme).house
    watched = open_page(shape.width_px, shape.height_px, base_url=serve(create_app(house)))
    page, axe, wrong = watched.page, Axe(), []
    page.goto(f"/doi?chu={size}&mau={theme}&tieng={language}&ve=/giup")
    for route in ROUTES:
        if panel == FLOWING and route.startswith(WRITTEN):
            continue
        page.goto(route)
        ready(page)
        found = page.evaluate(MEASURE)
        if route.startswith(LONG) or (panel == FLOWING and route != "/"):
            found["more"] = 0
        wrong += [f"{route}: {fault}" for fault in faults(found, "vua" if route == "/" else size, panel)]
        result = axe.run(
            page,
            options={"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}},
        )
        wrong += [
            f"{route}: axe {each['id']}: {each['nodes'][0]['html'][:120]}"
            for each in result.response["violations"]
        ]
    watched.complaints = [each for each in watched.complaints if "404" not in each]
    watched.check()
    assert wrong == []


def faults(found: dict[str, Any], size: str, panel: str) -> list[str]:
    """What breaks the design's millimetres on one page."""
    wrong = [f"text leaves its place: {each}" for each in found["out"]]
    for each in found["targets"]:
        least = KEY_MM if each["key"] else TARGET_MM
        if min(each["w"], each["h"]) < least - 0.05:
            wrong.append(f"{each['what']!r} is {each['w']:.1f} × {each['h']:.1f} mm")
    whole = [each for each in found["targets"] if not each["cut"]]
    for n, a in enumerate(whole):
        for b in whole[n + 1 :]:
            least = (
                KEY_GAP_MM if a["key"] and b["key"] else GAP_MM if not (a["key"] or b["key"]) else KEY_GAP_MM
            )
            if panel in ("10.1", FLOWING):
                least = min(least, 1.2)
            if gap_of(a, b) < least - 0.05:
                wrong.append(f"{a['what']!r} and {b['what']!r} are {gap_of(a, b):.1f} mm apart")
    low, text = min(
        (each[:2] for each in found["texts"] if not (panel == FLOWING and each[2])),
        default=(CAPITAL_MM[size] / CAP_RATIO, ""),
    )
    if panel == FLOWING:
        in_bar = min((each[0] for each in found["texts"] if each[2]), default=CAPITAL_MM["to"])
        if in_bar * CAP_RATIO < CAPITAL_MM["vua"] - 0.01:
            wrong.append(f"capitals of the bar are {in_bar * CAP_RATIO:.2f} mm")
    if low * CAP_RATIO < CAPITAL_MM[size] - 0.01:
        wrong.append(f"capitals of {text!r} are {low * CAP_RATIO:.2f} mm")
    if found["wide"] > 1 or found["page"] > 1:
        wrong.append(f"wider than the screen by {max(found['wide'], found['page'])} px")
    if found["more"] > 1 and not (panel == "10.1" and size == "to"):
        wrong.append(f"longer than the screen by {found['more']} px")
    return wrong


@pytest.mark.parametrize("panel", ["10.1"])
def test_with_large_letters_a_small_home_shows_tasks_and_a_step_its_number(
    panel: str, serve: Callable[..., str], open_page: Callable[..., Watched]
) -> None:
    shape = PANELS[panel]
    watched = open_page(shape.width_px, shape.height_px, base_url=serve(create_app(set_stage(shape).house)))
    page = watched.page
    page.goto("/doi?chu=to&ve=/nha")
    ready(page)
    view = page.locator("main").bounding_box()
    tiles = [each.bounding_box() for each in page.locator(".tile").all()]
    assert view
    end = view["y"] + view["height"]
    assert sum(box is not None and box["y"] + box["height"] <= end for box in tiles) >= 6
    page.goto("/tt/2.002913?buoc=1")
    ready(page)
    assert page.locator(".progress span", has_text="1 trên").is_visible()
    assert page.locator(".progress .doubted").is_visible()


LONGEST = 8
"""Procedures with the most words; what holds them holds the others."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("panel", "size"), [("15.6", "vua"), ("15.6", "to"), ("10.1", "vua"), ("21.5-tall", "vua")]
)
def test_every_step_of_the_longest_procedures_fits_its_panel(
    panel: str, size: str, serve: Callable[..., str], open_page: Callable[..., Watched]
) -> None:
    shape = PANELS[panel]
    watched = open_page(shape.width_px, shape.height_px, base_url=serve(create_app(set_stage(shape).house)))
    page, wrong = watched.page, []
    page.goto(f"/doi?chu={size}&ve=/giup")
    longest = sorted(shipped().procedures.values(), key=lambda each: -len(str(parts_of(each, NOW.date()))))[
        :LONGEST
    ]
    for procedure in longest:
        page.goto(f"/tt/{procedure.code}", wait_until="load")
        while True:
            more = page.evaluate(TOO_LONG)
            if more > 1:
                wrong.append(f"{page.url.split('/tt/')[1]}: {more} px too long")
            onward = page.locator(".turn a.lead[href*=buoc]")
            if not onward.count():
                break
            page.goto(onward.get_attribute("href") or "", wait_until="load")
    assert wrong == []
