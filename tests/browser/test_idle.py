"""Nothing of a visitor stays, nothing leads out of the screen, and no hand can break it."""

from __future__ import annotations

import logging
import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

import kiosk
from broker.contract.board import Readings
from broker.link.clock import MachineClock
from broker.link.session import Session
from broker.look.serving import Web
from kiosk.app import create_app
from kiosk.service import Measured, house_of
from tests.browser.conftest import CHROMIUM, FLAGS, Watched
from tests.fakes.house import PANELS, Stage, set_stage
from tests.kiosk.test_pages import ROUTES
from tests.settings import node_settings
from tests.until import until

FIELDS = {"q": "/tim", "loi": "/gop-y/light/village"}
"""Every field that letters can be typed into, and where it stands."""
CANARY = "zwkqhplmvbnrtk"
CONTROL = "nothingtohide"
FLUSHED_S = 40.0
"""The browser writes its session storage when it likes, some seconds after."""

OpenPage = Callable[..., Watched]
Serve = Callable[..., str]


@contextmanager
def real_screen(folder: Path) -> Iterator[str]:
    """The service's own house with its own outbox and disk, and its own web server; no broker."""
    settings = node_settings(folder)
    settings.keys_dir.mkdir(parents=True, exist_ok=True)
    (settings.keys_dir / "kiosk.password").write_text("secret", encoding="ascii")
    (settings.keys_dir / "hub-seal.pub").write_bytes(set_stage().house.seal_key() or b"")
    session = Session(settings, "kiosk", MachineClock(settings.data_dir / "floor", "host"))
    house = house_of(settings, session, Measured(session.inbox(Readings)))
    web = Web(create_app(house), "127.0.0.1", 0, key="kiosk.port", threads=8)
    stop = threading.Event()
    thread = threading.Thread(target=web.run, args=(stop, lambda: None), name="screen under test")
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.port}"
    finally:
        stop.set()
        thread.join()
        session.outbox.close()


def forms_of(text: str) -> list[bytes]:
    """What a text may look like on a disk."""
    return [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), quote(text).encode()]


def files_with(folder: Path, text: str) -> list[str]:
    """Files below `folder` that hold `text` in any form, or are named so."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            held = file.read_bytes()
            if text in file.name or any(form in held for form in forms_of(text)):
                found.append(str(file.relative_to(folder)))
    return found


def environments() -> bytes:
    """What every process of this user was started with."""
    held = b""
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            held += file.read_bytes()
        except OSError:  # gone meanwhile
            continue
    return held


def open_profile(browser: Browser, profile: Path) -> BrowserContext:
    """Chromium with a profile on the disk, as on the panel."""
    return browser.browser_type.launch_persistent_context(
        profile,
        executable_path=CHROMIUM,
        headless=True,
        chromium_sandbox=os.geteuid() != 0,
        args=FLAGS,
        viewport={"width": 1920, "height": 1080},
        has_touch=True,
    )


def type_canary(page: Page, base: str, name: str) -> None:
    """Half on the screen's keys, half on a USB keyboard; then larger letters, which must keep it."""
    page.goto(base + FIELDS[name])
    field = page.locator(f"[name={name}]")
    assert field.get_attribute("autocomplete") == "off"
    for letter in CANARY[:6]:
        page.locator(f".keys [data-key='{letter}']").evaluate("key => key.click()")
    field.press_sequentially(CANARY[6:])
    page.locator(".bar a", has_text="Chữ to").click()
    expect(page.locator("html[data-size=large]")).to_be_attached()
    expect(field).to_have_value(CANARY)
    page.locator(".bar a", has_text="Chữ vừa").click()
    expect(page.locator("html:not([data-size=large])")).to_be_attached()
    expect(field).to_have_value(CANARY)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", FIELDS)
def test_what_was_typed_and_not_sent_lies_nowhere_after_the_silence(
    name: str, browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    profile, house = tmp_path / "profile", tmp_path / "house"
    house.mkdir()
    with caplog.at_level(logging.DEBUG), real_screen(house) as base:
        context = open_profile(browser, profile)
        page = context.pages[0]
        page.clock.install()
        type_canary(page, base, name)
        # The same storage, unsealed: once this is on the disk, the canary would be as well.
        page.evaluate("text => sessionStorage.setItem('control', text)", CONTROL)
        until(lambda: files_with(profile, CONTROL), FLUSHED_S, lambda: "the browser kept no storage")
        page.clock.run_for(46_000)
        expect(page.locator(".still")).to_be_visible()
        assert CANARY.encode() not in environments()
        page.clock.run_for(15_000)
        page.wait_for_url(base + "/")
        page.go_back()
        page.wait_for_load_state()
        assert CANARY not in page.content()
        for each, route in FIELDS.items():
            page.goto(base + route)
            expect(page.locator(f"[name={each}]")).to_have_value("")
        assert (
            page.evaluate(
                "(async () => (await indexedDB.databases()).length + (await caches.keys()).length)()"
            )
            == 0
        )
        assert page.evaluate("localStorage.length") == 0
        context.close()
    assert files_with(profile, CONTROL), "this browser wrote its storage to the disk"
    assert files_with(profile, CANARY) == []
    assert files_with(house, CANARY) == []
    assert CANARY not in caplog.text


@pytest.mark.timeout(240)
def test_what_was_sent_lies_nowhere_in_the_browser_either(browser: Browser, tmp_path: Path) -> None:
    profile, house = tmp_path / "profile", tmp_path / "house"
    house.mkdir()
    with real_screen(house) as base:
        context = open_profile(browser, profile)
        page = context.pages[0]
        page.goto(base + FIELDS["loi"])
        page.locator("[name=loi]").press_sequentially(CANARY)
        page.locator(".key.go").click()
        page.wait_for_url(re.compile(r"/gop-y/light/village/\w{10}$"))
        expect(page.locator(".page.kept")).to_be_visible()
        page.evaluate("text => sessionStorage.setItem('control', text)", CONTROL)
        until(lambda: files_with(profile, CONTROL), FLUSHED_S, lambda: "the browser kept no storage")
        assert page.evaluate("sessionStorage.getItem('typed:loi')") is None
        entry = context.new_cdp_session(page).send("Page.getNavigationHistory")["entries"][-1]
        page.locator(".bar .leave").click()
        page.wait_for_url(base + "/")
        page.go_back()
        page.wait_for_load_state()
        assert CANARY not in page.content()
        context.close()
    assert "village/" in entry["url"], "the page of the code is one that can be asked for again"
    assert files_with(profile, CANARY) == []
    assert files_with(house, CANARY) == []


def test_no_field_is_forgotten() -> None:
    names = set()
    for file in (Path(kiosk.__file__).parent / "templates").glob("*.html"):
        for tag in re.findall(r"<(?:input|textarea)\b[^>]*>", file.read_text(encoding="utf-8")):
            if not re.search(r"type=\"(?:hidden|checkbox|radio)\"", tag):
                found = re.search(r"name=\"(\w+)\"", tag)
                assert found, tag
                names.add(found[1])
    assert names == set(FIELDS)


@pytest.fixture
def stage() -> Stage:
    return set_stage()


@pytest.fixture
def screen(stage: Stage, serve: Serve, open_page: OpenPage) -> Iterator[Watched]:
    watched = open_page(has_touch=True, base_url=serve(create_app(stage.house)))
    yield watched
    watched.check()


@pytest.mark.parametrize(("size", "ask_s", "leave_s"), [("vua", 45, 60), ("to", 120, 150)])
def test_silence_is_asked_about_and_ends_the_visit_to_the_second(
    screen: Watched, stage: Stage, size: str, ask_s: int, leave_s: int
) -> None:
    page = screen.page
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # else the seconds that a busy machine takes would count as well
    page.goto(f"/doi?chu={size}&ve=/gop-y")
    page.clock.run_for((ask_s - 1) * 1000)
    expect(page.locator(".still")).to_be_hidden()
    page.clock.run_for(2_000)
    expect(page.locator(".still")).to_be_visible()
    until(lambda: ("Bác còn dùng không?", "vi") in stage.voice.said, 10)
    page.clock.run_for((leave_s - ask_s - 2) * 1000)
    assert page.url.endswith("/gop-y")
    page.clock.run_for(2_000)
    page.wait_for_url("**/")


def test_clock_waits_while_the_loudspeaker_s_own_recording_plays(screen: Watched) -> None:
    page = screen.page
    page.clock.install()
    page.goto("/canh-bao/gia-cong-an")
    page.evaluate("""() => {
      const sound = document.createElement("audio"); // one that plays: no sound card, no file, no end
      Object.defineProperties(sound, { paused: { value: false, configurable: true }, ended: { value: false } });
      document.body.append(sound);
    }""")
    page.clock.run_for(120_000)
    expect(page.locator(".still")).to_be_hidden()
    page.evaluate("Object.defineProperty(document.querySelector('audio'), 'paused', { value: true })")
    page.clock.run_for(46_000)
    expect(page.locator(".still")).to_be_visible()


def test_clock_waits_while_the_page_is_read_aloud(screen: Watched, stage: Stage) -> None:
    page = screen.page
    stage.voice.seconds = 300.0
    page.clock.install()
    page.goto("/canh-bao/gia-cong-an")
    page.locator(".bar .hear").tap()
    expect(page.locator(".player")).to_be_visible()
    until(lambda: stage.voice.said, 10)
    page.clock.run_for(300)
    page.clock.fast_forward(200_000)
    expect(page.locator(".player")).to_be_visible()
    expect(page.locator(".still")).to_be_hidden()
    page.locator("[data-hear=stop]").tap()
    page.clock.run_for(46_000)
    expect(page.locator(".still")).to_be_visible()


def test_two_fingers_at_once_change_no_size_and_the_next_tap_works(screen: Watched) -> None:
    page = screen.page
    page.goto("/tim")
    wire = page.context.new_cdp_session(page)
    boxes = [page.locator(f"[data-key={letter}]").bounding_box() for letter in "kp"]
    points = [{"x": box["x"] + 30, "y": box["y"] + 30} for box in boxes if box]
    wire.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
    for spread in range(0, 300, 50):
        apart = [
            {"x": points[0]["x"] - spread, "y": points[0]["y"]},
            {"x": points[1]["x"] + spread, "y": points[1]["y"]},
        ]
        wire.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": apart})
    wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate("visualViewport.scale") == 1
    page.locator("[data-typing]").fill("")
    page.locator("[data-key=m]").tap()
    expect(page.locator("[data-typing]")).to_have_value("m")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("panel", PANELS)
def test_a_hammering_child_leaves_a_useful_page(panel: str, serve: Serve, open_page: OpenPage) -> None:
    shape, stage = PANELS[panel], set_stage(PANELS[panel])
    base = serve(create_app(stage.house))
    watched = open_page(shape.width_px, shape.height_px, has_touch=True, base_url=base)
    page, dice = watched.page, random.Random(2026)
    page.goto("/nha")
    for _ in range(200):
        page.mouse.click(dice.randrange(shape.width_px), dice.randrange(shape.height_px))
        page.wait_for_load_state("domcontentloaded")
    page.wait_for_load_state()
    assert page.context.pages == [page]
    assert page.url.startswith(base + "/")
    expect(page.locator(".bar .home:visible, .start:visible").first).to_be_visible()
    page.goto("/nha")
    # In whatever language and letters the child has chosen.
    expect(page.locator(".tile").first).to_be_visible()
    assert len(stage.post.sent) <= 3
    watched.complaints = [each for each in watched.complaints if "status of 4" not in each]
    watched.check()


FORBIDDEN = [
    "F1", "F3", "F5", "F6", "F7", "F11", "F12", "Control+n", "Control+t", "Control+w", "Control+p", "Control+s",
    "Control+o", "Control+u", "Control+j", "Control+h", "Control+d", "Control+l", "Control+f", "Control+r",
    "Control+Shift+i",
    "Control+Shift+n", "Control+Shift+Delete", "Control+Tab", "Control++", "Control+-", "Alt+ArrowLeft",
    "Alt+Home", "Alt+d", "Alt+F4", "Meta+l", "ContextMenu",
]  # fmt: skip

LET_THROUGH = """() => {
  window.let_through = [];
  addEventListener("keydown", ({ defaultPrevented, key }) => {
    if (!defaultPrevented && !["Control", "Alt", "Shift", "Meta"].includes(key)) let_through.push(key);
  });
}"""


@pytest.mark.parametrize("route", ["/nha", "/tim"])
def test_no_key_of_the_browser_reaches_the_browser(screen: Watched, route: str) -> None:
    page = screen.page
    page.goto(route)
    page.evaluate(LET_THROUGH)
    for key in FORBIDDEN:
        page.keyboard.press(key)
    assert page.evaluate("let_through") == []
    assert page.context.pages == [page]
    page.keyboard.press("k")
    page.keyboard.press("Tab")
    assert page.evaluate("let_through") == ["k", "Tab"]


PREVENTED = """() => {
  const h1 = document.querySelector("h1"), how = { bubbles: true, cancelable: true };
  const found = ["contextmenu", "dragstart", "dragover", "drop", "auxclick", "selectstart"].map((kind) => {
    const event = new (/^dr/.test(kind) ? DragEvent : MouseEvent)(kind, how);
    return [kind, !h1.dispatchEvent(event)];
  });
  return [...found, ["wheel", !h1.dispatchEvent(new WheelEvent("wheel", { ...how, ctrlKey: true }))]];
}"""
STYLE = """() => {
  const style = getComputedStyle(document.body);
  return [style.overscrollBehaviorX, style.touchAction, style.userSelect];
}"""
OUTWARD = """([target, href]) => {
  const link = Object.assign(document.createElement("a"), { id: "out", href, target, textContent: "ra" });
  document.querySelector("h1").replaceChildren(link);
}"""


def test_no_gesture_opens_a_menu_a_selection_a_file_or_another_size(screen: Watched) -> None:
    page = screen.page
    page.goto("/nha")
    prevented = page.evaluate(PREVENTED)
    assert all(done for _, done in prevented), prevented
    before = page.url
    page.locator(".tile").first.click(button="middle")
    page.locator(".tile").first.click(modifiers=["Control"])
    page.locator(".tile").first.click(modifiers=["Shift"])
    assert page.context.pages == [page]
    assert page.url == before
    box = page.locator("h1").bounding_box()
    assert box
    page.mouse.move(box["x"] + 2, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + 30, steps=5)
    page.mouse.up()
    assert page.evaluate("String(getSelection())") == ""
    style = page.evaluate(STYLE)
    assert style == ["none", "pan-x pan-y", "none"]


def test_a_link_to_another_place_is_not_followed(screen: Watched) -> None:
    page = screen.page
    page.goto("/nha")
    for target, href in (("", "http://127.0.0.2:9/"), ("_blank", "/tim")):
        page.evaluate(OUTWARD, [target, href])
        page.locator("#out").click()
        assert page.url.endswith("/nha")
        assert page.context.pages == [page]


@pytest.mark.parametrize("route", ROUTES)
def test_no_page_links_out_of_the_house(route: str, stage: Stage) -> None:
    app: Flask = create_app(stage.house)
    page = app.test_client().get(route).text
    assert (
        re.findall(r"(?:href|action|src)=\"(?!/(?!/)|#)[^\"]*\"|target=|window\.open|download[= ]", page)
        == []
    )
