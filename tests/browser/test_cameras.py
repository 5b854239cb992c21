"""Setting a camera up in a real browser: mouse, finger and keys, undo, a picture that comes, no script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from broker.contract.camera import CameraPicture
from broker.hub import stills
from broker.hub.announcing.render import media_store
from broker.hub.records import Camera, CameraStill
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, sign_in
from tests.console.stage import JPEG, Stage
from tests.until import until

Open = Callable[..., Watched]
HERE = "/cameras/thon-01/cong"


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served; the camera has one zone."""
    with stage.database.session() as db:
        row = db.get_one(Camera, ("thon-01", "cong"))
        row.zones = [{"name": "Kho", "corners": [[0.1, 0.2], [0.5, 0.2], [0.5, 0.7], [0.1, 0.7]]}]
    return serve(stage.app)


def clean(page: Page) -> None:
    """Nothing for axe to say, nothing beyond the right edge."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def kept(stage: Stage) -> Camera:
    with stage.database.reading() as db:
        return db.get_one(Camera, ("thon-01", "cong"))


def test_areas_are_drawn_dragged_undone_and_saved_and_a_picture_comes_under_them_on_a_phone(
    stage: Stage, address: str, open_page: Open, shoot: Callable[[Page, str], None]
) -> None:
    """One walk: the same person first at a desk, then with a phone."""
    watched = open_page(*DESK, has_touch=True)
    page = watched.page
    sign_in(page, address, "quan", HERE)
    draw_and_save(page, shoot)
    row = kept(stage)
    assert row.zones == [{"name": "Kho", "corners": [[0.105, 0.2], [0.5, 0.2], [1.0, 0.6], [0.1, 0.7]]}]
    assert len(row.masks) == 1
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.goto(address + HERE)
    drag_with_a_finger(page)
    ask_for_a_picture(page, stage)
    watched.check()


def draw_and_save(page: Page, shoot: Callable[[Page, str], None]) -> None:
    """Keys, then undo, then the mouse; the areas are saved."""
    corners = page.get_by_label("Các góc")
    expect(corners).to_have_count(1)  # rows for who has no script are gone
    page.get_by_role("textbox", name="Tên vùng canh").focus()
    knob = page.get_by_role("button", name="Góc 1 của Vùng canh Kho")
    box = knob.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    knob.press("ArrowRight")
    knob.press("Shift+ArrowDown")
    expect(corners).to_have_value("10.5,25; 50,20; 50,70; 10,70")
    knob.press("Insert")
    expect(corners).to_have_value("10.5,25; 30.3,22.5; 50,20; 50,70; 10,70")
    page.get_by_role("button", name="Bỏ góc").click()
    for _ in range(3):
        page.get_by_role("button", name="Hoàn tác").click()
    expect(corners).to_have_value("10.5,20; 50,20; 50,70; 10,70")
    stage_box = page.locator("[data-stage]").bounding_box()
    assert stage_box is not None
    page.locator("[data-areas] input[name=area]").focus()
    box = page.get_by_role("button", name="Góc 3 của").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 22, box["y"] + 22)
    page.mouse.down()
    page.mouse.move(
        stage_box["x"] + stage_box["width"] * 3, stage_box["y"] + stage_box["height"] * 0.6, steps=4
    )
    page.mouse.up()
    expect(corners).to_have_value("10.5,20; 50,20; 100,60; 10,70")
    page.get_by_role("button", name="Vùng che kín").click()
    expect(page.get_by_text("mất hẳn trong mọi hình").last).to_be_visible()
    expect(page.get_by_text("Có thay đổi chưa lưu")).to_be_visible()
    expect(page.get_by_text("Chưa lưu, tới nút Lưu")).to_be_visible()
    clean(page)
    shoot(page, "console-camera")
    page.get_by_role("button", name="Lưu cài đặt").click()
    expect(page.get_by_role("status").filter(has_text="Đã lưu lúc")).to_be_visible()
    assert page.evaluate("location.search") == ""  # loaded again, nothing is said to be saved


def drag_with_a_finger(page: Page) -> None:
    """A corner of an area nobody chose, in one touch; then so that the area's sides cross, which is said."""
    page.locator("[data-areas] input[name=corners]").nth(1).focus()  # another area is chosen
    page.locator("[data-stage]").scroll_into_view_if_needed()
    zone = page.get_by_label("Các góc").nth(0)
    expect(zone).to_have_value("10.5,20; 50,20; 100,60; 10,70")
    touch(page, (10.5, 20), (30, 40))
    expect(zone).to_have_value("30,40; 50,20; 100,60; 10,70")
    expect(page.get_by_role("button", name="Góc 1 của Vùng canh Kho")).to_be_focused()
    touch(page, (30, 40), (80, 80))
    expect(page.get_by_text("cắt nhau nên chưa lưu được").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]  # a corner at the edge
    page.locator("#ve").tap()  # the first tap after a made-up drag is lost in a browser without a screen
    page.get_by_role("button", name="Hoàn tác").tap()
    expect(zone).to_have_value("30,40; 50,20; 100,60; 10,70")
    expect(page.get_by_text("cắt nhau nên chưa lưu được").first).to_be_hidden()


def touch(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """One finger from one point of the picture to another, in percent, as the browser gets it from a touchscreen."""
    box = page.locator("[data-stage]").bounding_box()
    assert box is not None
    finger = page.context.new_cdp_session(page)
    (x0, y0), (x1, y1) = (
        (box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100) for x, y in (start, end)
    )
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x0, "y": y0}]})
    for part in (0.3, 0.7, 1.0):
        point = {"x": x0 + (x1 - x0) * part, "y": y0 + (y1 - y0) * part}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    finger.detach()


def ask_for_a_picture(page: Page, stage: Stage) -> None:
    """With a finger, while an area more is drawn; the camera answers."""
    page.get_by_role("button", name="Vùng bỏ qua").tap()
    page.get_by_role("button", name="Chụp hình bây giờ").tap()
    expect(page.get_by_text("Đang chờ hình của camera")).to_be_visible()

    def asked() -> CameraStill | None:
        with stage.database.reading() as db:
            return db.scalars(select(CameraStill)).first()

    until(lambda: asked() is not None, 5)
    sha256 = media_store(stage.settings).add(JPEG, "image/jpeg").sha256
    with stage.database.session() as db:
        row = db.scalars(select(CameraStill)).one()
        said = CameraPicture(request=row.request, camera="cong", taken_at=stage.now(), jpeg=JPEG)
        stills.take(db, row, said, sha256, stage.now())
    expect(page.get_by_text("Không phải hình trực tiếp")).to_be_visible()
    expect(page.locator("[data-stage] img")).to_have_count(1)
    expect(page.get_by_label("Các góc")).to_have_count(3)
    clean(page)


def test_without_a_script_areas_are_typed(stage: Stage, address: str, open_page: Open) -> None:
    page = open_page(*DESK, java_script_enabled=False).page
    sign_in(page, address, "quan", HERE)
    expect(page.locator("[data-stage] polygon")).to_have_count(1)
    page.locator("[name=kind]").nth(1).select_option("mask")
    page.locator("[name=corners]").nth(1).fill("70,10; 90,10; 90,30")
    page.get_by_role("button", name="Lưu cài đặt").click()
    expect(page.get_by_text("Đã lưu lúc")).to_be_visible()
    assert kept(stage).masks == [{"corners": [[0.7, 0.1], [0.9, 0.1], [0.9, 0.3]]}]
