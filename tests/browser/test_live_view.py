"""Looking at a camera now in a real browser: live while pictures come, grey when they stop, gone at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from broker.hub.console.live_stream import OVER
from broker.hub.live_pictures import LivePictures
from broker.hub.records import CameraLive
from edge.camera.scene import Yard
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, sign_in
from tests.console.stage import Stage

Open = Callable[..., Watched]


class Node:
    """A node that sends pictures to every view that runs, four a second, while `sends` is set."""

    def __init__(self, stage: Stage) -> None:
        self.sends = threading.Event()
        self._live: LivePictures = stage.app.extensions["live-pictures"]
        self._stage = stage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Node:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number, yard = 0, Yard()
        while not self._stop.wait(0.25):
            number += 1
            done, jpeg = cv2.imencode(".jpg", cv2.resize(yard.draw(8.0 + number % 40 / 4), (640, 360)))
            assert done
            with self._stage.database.reading() as db:
                views = db.scalars(select(CameraLive.view).where(CameraLive.ended_at.is_(None))).all()
            for view in views if self.sends.is_set() else ():
                self._live.put(view, bytes(jpeg), 300)


@pytest.fixture
def node(stage: Stage) -> Iterator[Node]:
    """The camera's node."""
    with Node(stage) as made:
        yield made


def colours(page: Page) -> int:
    """How many of the canvas' pixels hold anything."""
    return int(
        page.evaluate(
            "() => { const c = document.querySelector('.gaze canvas');"
            "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((n) => n > 40).length }"
        )
    )


def test_an_officer_looks_by_one_key_and_never_takes_an_old_picture_for_a_live_one(
    stage: Stage,
    node: Node,
    serve: Callable[[Any], str],
    open_page: Open,
    shoot: Callable[[Page, str], None],
) -> None:
    done, jpeg = cv2.imencode(".jpg", cv2.resize(Yard().draw(12.0), (1280, 720)))
    assert done
    number = stage.alarm(snapshot=bytes(jpeg))
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, serve(stage.app), "khoa", f"/duty/{number}")
    node.sends.set()
    page.keyboard.press("v")
    state = page.locator(".gaze-on")
    expect(state).to_have_attribute("data-state", "live")
    expect(page.locator(".gaze-said")).to_contain_text("Trực tiếp")
    assert colours(page) > 10_000
    shoot(page, "duty-live")
    found = Axe().run(page, ".gaze", options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="Xem tiếp 1 phút").click()
    expect(page.get_by_role("button", name="Xem tiếp 1 phút")).to_have_count(0)
    assert colours(page) > 10_000, "the picture stays while the panel is made anew"
    node.sends.clear()
    expect(state).to_have_attribute("data-state", "old")
    expect(page.locator(".gaze-said")).to_contain_text("cách đây")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    stage.clock.advance(121)
    expect(page.locator("[data-gaze-note]")).to_have_text(OVER)
    expect(page.locator(".gaze canvas")).to_have_count(0)
    expect(page.get_by_role("button", name="Xem trực tiếp")).to_be_visible()
    watched.check()
