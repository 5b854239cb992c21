"""A night of the duty room in a new browser: sounds asked for with the shift, a snapshot put away, a file taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect
from sqlalchemy import select

from broker.contract.camera import CameraPicture
from broker.hub import alerts, stills
from broker.hub.announcing.render import media_store
from broker.hub.records import CameraStill
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, picture, sign_in
from tests.console.stage import Stage

Open = Callable[..., Watched]
Serve = Callable[[Any], str]


def shoot(stage: Stage, page: Page) -> None:
    """Chụp ngay, and the picture comes from the node."""
    with page.expect_response("**/still"):
        page.locator("[data-gaze-shoot]").click()
    kept = media_store(stage.settings).add(picture(), "image/jpeg")
    with stage.database.session() as db:
        row = db.scalars(select(CameraStill).where(CameraStill.came_at.is_(None))).one()
        came = CameraPicture(request=row.request, camera=row.camera, taken_at=stage.now(), jpeg=picture())
        stills.take(db, row, came, kept.sha256, stage.now())


def test_who_takes_the_shift_in_a_new_browser_hears_what_was_ticked(
    stage: Stage, serve: Serve, open_page: Open
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, serve(stage.app), "khoa", "/duty/shift")
    asked = page.get_by_role("group", name="Kêu ở máy này khi có cảnh báo chưa ai xem")
    expect(asked.get_by_role("checkbox", checked=True)).to_have_count(5)
    asked.get_by_label("Mọi chuyển động").uncheck()
    page.get_by_role("button", name="Tôi nhận ca").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Khoa")
    page.get_by_role("link", name="Về phòng trực").click()
    expect(page.locator("#tieng summary span")).to_have_text("Tiếng: 4 loại")
    watched.check()


def test_a_snapshot_is_put_away_for_good_and_stands_over_no_other_alert(
    stage: Stage, serve: Serve, open_page: Open
) -> None:
    first = stage.alarm(snapshot=picture())
    watched = open_page(*DESK)
    page = watched.page
    address = serve(stage.app)
    sign_in(page, address, "khoa", f"/duty/{first}")
    shoot(stage, page)
    still = page.locator(".gaze-still")
    expect(still.locator("img")).to_be_visible()
    page.get_by_role("button", name="Cất hình này").click()
    expect(still).to_have_count(0)
    expect(page.locator("[data-gaze-shoot]")).to_be_focused()
    page.reload()
    expect(page.locator("[data-gaze-start]")).to_be_visible()
    expect(still).to_have_count(0)
    stage.clock.advance(60)
    shoot(stage, page)
    expect(still.locator("img")).to_be_visible()
    stage.clock.advance(60)
    second = stage.alarm(snapshot=picture())
    page.goto(f"{address}/duty/{second}")
    expect(page.locator("[data-gaze-start]")).to_be_visible()
    expect(still).to_have_count(0)
    watched.check()


def test_the_rest_of_an_incident_is_unfolded_by_the_keyboard(
    stage: Stage, serve: Serve, open_page: Open
) -> None:
    numbers = []
    for _ in range(11):
        stage.clock.advance(5)
        numbers.append(stage.alarm(snapshot=picture()))
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, serve(stage.app), "khoa", f"/duty/{numbers[-1]}")
    page.locator("#con-lai summary").focus()
    page.keyboard.press("Enter")
    rest = page.locator("#con-lai a")
    expect(rest).to_have_count(2)
    page.keyboard.press("Tab")
    expect(rest.first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/duty/{numbers[1]}")
    watched.check()


def test_a_file_that_was_taken_is_told_with_its_hour(stage: Stage, serve: Serve, open_page: Open) -> None:
    number = stage.alarm(snapshot=picture())
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, serve(stage.app), "khoa", f"/duty/{number}")
    page.locator("#lay-hinh > summary").click()
    page.locator("#lay-hinh select").select_option(index=1)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Lấy tệp có chữ ký").click()
    assert taken.value.suggested_filename.startswith(f"canh-bao-{number}-")
    expect(page.locator(".take-out .sent")).to_contain_text("Đã lấy hình ra tệp lúc")
    expect(page.locator(".taken-out li")).to_have_count(1)
    watched.check()


def test_on_a_phone_what_may_be_left_out_stands_under_the_state(
    stage: Stage, serve: Serve, open_page: Open
) -> None:
    number = stage.alarm(snapshot=picture())
    with stage.database.session() as db:
        alerts.close(db, stage.people["khoa"], number, "people", "đi chợ", stage.now())
    page = open_page(*PHONE).page
    sign_in(page, serve(stage.app), "khoa", f"/duty/{number}")
    state, offer = page.locator(".scene .lede").bounding_box(), page.locator(".quiet").first.bounding_box()
    assert state is not None
    assert offer is not None
    assert 0 <= offer["y"] - state["y"] - state["height"] < 40
    assert page.locator(".info > .moves > .state").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
