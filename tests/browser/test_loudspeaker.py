"""Loudspeakers in a real browser: volumes by slider, by number, without a script; a test; silence on an open page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from broker.hub.announcing import workflow
from broker.hub.records import SpeakerTest, SpeakerTuning, note_change
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, sign_in
from tests.console.proven import a_known_loudspeaker
from tests.console.stage import Stage, live_day
from tests.until import until

Open = Callable[..., Watched]
HERE = "/speakers/thon-01"


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served; Đông 1 has said a lot of itself."""
    a_known_loudspeaker(stage)
    return serve(stage.app)


def clean(page: Page) -> None:
    """Nothing for axe to say, nothing beyond the right edge."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def kept(stage: Stage) -> SpeakerTuning:
    with stage.database.reading() as db:
        return db.get_one(SpeakerTuning, "thon-01")


def test_a_slider_and_its_number_move_together_and_are_kept(
    stage: Stage, address: str, open_page: Open, shoot: Callable[[Page, str], None]
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "binh", HERE)
    slider = page.get_by_role("slider", name="Tin thông thường")
    typed = page.get_by_role("textbox", name="Tin thông thường")
    slider.press("ArrowRight")
    expect(typed).to_have_value("75")
    shoot(page, "console-loudspeaker")
    typed.fill("35")
    expect(slider).to_have_value("35")
    page.get_by_role("slider", name="Tin khẩn cấp").press("Home")
    expect(page.get_by_role("textbox", name="Tin khẩn cấp")).to_have_value("50")
    clean(page)
    page.get_by_role("button", name="Đặt loa như trên").click()
    expect(page.get_by_text("Đã đặt xong.")).to_be_visible()
    assert (kept(stage).routine_percent, kept(stage).emergency_percent) == (35, 50)
    watched.check()


def test_what_is_typed_stays_while_the_page_follows_the_loudspeaker(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "quan", HERE)
    page.get_by_role("textbox", name="Tin ưu tiên").fill("55")
    page.get_by_role("heading", level=1).click()
    until(lambda: stage.broadcaster.count() > 0, 10)
    page.get_by_role("button", name="Kêu thử").wait_for()
    with stage.database.session() as db:
        row = db.get_one(SpeakerTest, "t1")
        row.proof, row.proof_level, row.proof_score = "consumed", 1, None
        note_change(db, "speaker", "thon-01", stage.now())
    expect(page.get_by_text("Máy đã phát đủ, chưa đo ngoài loa")).to_be_visible(timeout=5000)
    expect(page.get_by_role("textbox", name="Tin ưu tiên")).to_have_value("55")
    watched.check()


def test_without_any_script_the_numbers_alone_set_the_loudspeaker_and_it_is_tested(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(*PHONE, java_script_enabled=False)
    page = watched.page
    sign_in(page, address, "binh", HERE)
    expect(page.get_by_role("slider")).to_have_count(0)
    page.get_by_role("textbox", name="Tin thông thường").fill("80")
    page.get_by_label("Phát chậm hơn giờ hẹn").fill("1,25")
    page.get_by_label("Tự thử hằng tuần").select_option("Không thử")
    page.get_by_role("button", name="Đặt loa như trên").click()
    expect(page.get_by_text("Đã đặt xong.")).to_be_visible()
    row = kept(stage)
    assert (row.routine_percent, row.offset_ms, row.test_weekday) == (80, 1250, None)
    page.get_by_role("button", name="Kêu thử").click()
    expect(page.get_by_text("Đang thử, chờ loa báo về")).to_be_visible()
    with stage.database.reading() as db:
        assert (
            db.scalars(select(SpeakerTest).where(SpeakerTest.asked_at.is_not(None))).one().node == "thon-01"
        )


def test_a_test_that_would_be_refused_says_why_before_it_is_pressed(
    stage: Stage, address: str, open_page: Open
) -> None:
    stage.clock.advance(5 * 3600)
    watched = open_page(*PHONE)
    page = watched.page
    sign_in(page, address, "binh", HERE)
    button = page.get_by_role("button", name="Kêu thử")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description(
        "Đang trong giờ yên tĩnh, từ 21:00 đến 06:00; loa không kêu thử."
    )
    button.click(force=True)
    expect(page).to_have_url(f"{address}{HERE}")
    with stage.database.reading() as db:
        assert db.scalars(select(SpeakerTest).where(SpeakerTest.asked_at.is_not(None))).all() == []
    page.set_viewport_size(
        {"width": PHONE[0], "height": 3000}
    )  # whole: nothing lies under the bar of a phone
    clean(page)
    watched.check()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_silence_comes_and_goes_on_an_open_page(
    stage: Stage, address: str, open_page: Open, shoot: Callable[[Page, str], None], size: tuple[int, int]
) -> None:
    live_day(stage)
    watched = open_page(*size)
    page = watched.page
    sign_in(page, address, "binh", "/")
    until(lambda: stage.broadcaster.count() > 0, 10)
    line = page.get_by_text("Đã ra lệnh im tiếng cả xã đến 16:52.")
    expect(line).to_have_count(0)
    with stage.database.session() as db:
        workflow.stop(db, stage.people["binh"], "", stage.now())
    expect(line).to_be_visible(timeout=5000)
    page.set_viewport_size({"width": size[0], "height": 2200})  # whole: nothing lies under the bar of a phone
    clean(page)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    if size == DESK:
        shoot(page, "console-silence")
    page.get_by_role("button", name="Cho loa nói lại").click()
    expect(page.get_by_text("Loa cả xã được nói lại.")).to_be_visible()
    expect(line).to_have_count(0)
    watched.check()


@pytest.mark.parametrize(("who", "path"), [("hanh", "/announcements/new"), ("khoa", "/duty")])
def test_who_has_a_page_open_that_follows_something_else_learns_of_silence_too(
    stage: Stage, address: str, open_page: Open, who: str, path: str
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    page.clock.install()
    sign_in(page, address, who, path)
    line = page.get_by_text("Đã ra lệnh im tiếng cả xã đến 16:52.")
    page.get_by_role("banner").wait_for()
    expect(line).to_have_count(0)
    with stage.database.session() as db:
        workflow.stop(db, stage.people["binh"], "", stage.now())
    page.clock.run_for(21_000)
    expect(line).to_be_visible()
    watched.check()
