"""A camera is found on a point's network and added, in a real browser: the search brings its page by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from broker.contract.camera import CamerasFound
from broker.hub import camera_search
from broker.hub.records import Camera, CameraSeal, CameraSearch
from broker.trust.seal import make_seal_key
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, sign_in
from tests.console.stage import Stage
from tests.console.test_found_cameras import FOUND, STREAMS
from tests.until import until


def test_a_search_brings_its_page_by_itself_and_the_camera_is_added(
    stage: Stage,
    serve: Callable[[Any], str],
    open_page: Callable[..., Watched],
    shoot: Callable[[Page, str], None],
) -> None:
    with stage.database.session() as db:
        public = make_seal_key()[1].decode()
        db.add(CameraSeal(node="thon-01", public=public, seen_at=stage.now()))
    address = serve(stage.app)
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "quan", "/cameras")
    page.get_by_label("Tìm ở điểm").select_option("thon-01")
    page.get_by_role("button", name="Tìm camera").click()
    expect(page.get_by_role("status")).to_contain_text("đang tìm")
    answer(stage, devices=FOUND[1:])
    page.get_by_text("Hỏi luồng hình").first.click()
    fill_login(page)
    clean(page)
    page.get_by_role("button", name="Hỏi luồng hình").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hỏi camera 10.0.0.8")
    answer(stage, streams=STREAMS)
    page.locator("input[name=name]").fill("Cổng làng")
    expect(page.get_by_label("Luồng phụ")).to_have_value("1")
    fill_login(page)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    clean(page)
    shoot(page, "console-camera-found")
    page.get_by_role("button", name="Thêm").click()
    page.wait_for_url(f"{address}/cameras/thon-01/cong-lang")
    with stage.database.reading() as db:
        assert db.get_one(Camera, ("thon-01", "cong-lang")).sub_source.endswith("@10.0.0.8:554/sub")
    watched.check()


def fill_login(page: Page) -> None:
    """Name and password of the camera."""
    page.get_by_label("Tên đăng nhập của camera").fill("admin")
    page.get_by_label("Mật khẩu của camera").fill("ge-heim")


def answer(stage: Stage, **said: Any) -> None:
    """The point answers what was asked last."""

    def asked() -> str:
        with stage.database.reading() as db:
            return db.scalar(select(CameraSearch.request).where(CameraSearch.came_at.is_(None))) or ""

    until(lambda: bool(asked()), 10.0)
    request = asked()
    with stage.database.session() as db:
        row = db.get_one(CameraSearch, request)
        camera_search.take(db, row, CamerasFound(request=request, **said), stage.now())


def clean(page: Page) -> None:
    """Nothing for axe to say, nothing beyond the right edge."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
