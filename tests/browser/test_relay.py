"""A relayed programme in a real browser: a station listed, taken while writing, signed by who knows what it means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from broker.hub import stations
from broker.hub.records import Revision
from tests.browser.conftest import Watched
from tests.browser.test_console import sign_in
from tests.console.stage import NOW, PIN, Stage, live_day
from tests.console.test_relay import ADDRESS, HALF_HOUR
from tests.fakes.house import a_second_of_nothing

Open = Callable[..., Watched]
Shoot = Callable[[Page, str], None]
DESK = (1440, 900)
PHONE = (390, 844)


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served."""
    return serve(stage.app)


def no_trouble(page: Page) -> None:
    """Nothing an assistive technology would stumble over, and nothing wider than the screen."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def list_stations(stage: Stage) -> None:
    """What an approver did some day."""
    with stage.database.session() as db:
        for name, where in (("Đài tỉnh", ADDRESS), ("Micro phòng truyền thanh", "snap://192.168.1.10:1704")):
            stations.add_station(db, stage.people["binh"], name, where, NOW)


def test_a_station_is_listed_and_taken_and_sent_for_approval(
    stage: Stage, address: str, open_page: Open, shoot: Shoot
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "binh", "/stations")
    page.get_by_label("Tên đài").fill("Đài tỉnh")
    page.get_by_label("Địa chỉ luồng phát thanh").fill(ADDRESS)
    page.get_by_role("button", name="Thêm đài này").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Danh sách có 1 đài.")
    no_trouble(page)
    watched.check()
    other = open_page(*DESK)
    page = other.page
    sign_in(page, address, "hanh", "/announcements/new")
    page.get_by_label("Tên bản tin").fill("Thời sự chiều của đài tỉnh")
    expect(page.get_by_role("combobox", name="Đài", exact=True)).to_be_hidden()
    page.get_by_role("radio", name="Tiếp sóng đài").check()
    words = page.get_by_label("Lời đọc khi không bắt được đài")
    expect(words).to_have_value(stations.INSTEAD)
    page.get_by_role("radio", name="Đọc lời viết").check()
    expect(words).to_have_value("")
    page.get_by_role("radio", name="Tiếp sóng đài").check()
    expect(words).to_have_value(stations.INSTEAD)
    expect(page.locator('[data-out="spoken"]')).to_contain_text("không bắt được sóng của đài")
    expect(page.get_by_label("Số lần đọc")).to_be_hidden()
    page.get_by_role("combobox", name="Đài", exact=True).select_option("Đài tỉnh")
    page.get_by_label("Số phút tiếp sóng").fill("90")
    expect(page.locator('[data-out="relay"]')).to_contain_text("từ 1 đến 59")
    page.get_by_label("Số phút tiếp sóng").fill("30")
    page.get_by_label("Thôn Đông").check()
    page.get_by_label("Giờ phát, ví dụ 17:30").fill("17:30")
    expect(page.locator('[data-out="relay"]')).to_contain_text("Đài nói gì thì loa nói nấy")
    expect(page.locator('[data-out="left"]')).to_contain_text("Đủ rồi, gửi duyệt được")
    shoot(page, "console-relay-compose")
    no_trouble(page)
    page.get_by_role("button", name="Gửi duyệt").click()
    expect(page.get_by_text("Đã gửi duyệt.")).to_be_visible()
    expect(page.get_by_text("Đài tỉnh, 30 phút")).to_be_visible()
    other.check()
    with stage.database.reading() as db:
        row = db.scalars(select(Revision)).one()
    assert row.relay == msgspec.to_builtins(HALF_HOUR)


def test_whoever_signs_a_relay_says_that_nobody_can_hear_it_beforehand(
    stage: Stage, address: str, open_page: Open, tmp_path: Path, shoot: Shoot
) -> None:
    list_stations(stage)
    revision = stage.submitted(
        sound=a_second_of_nothing(),
        duration_ms=250,
        relay=HALF_HOUR,
        title="Thời sự chiều",
        text=stations.INSTEAD,
    )
    file = tmp_path / "binh.langso-key"
    file.write_text(stage.key_file(), encoding="utf-8")
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "binh", f"/announcements/{revision.announcement_id}/approve")
    expect(page.locator("#dai")).to_have_text("Đài tỉnh")
    expect(page.locator("#dai-lau")).to_have_text("30 phút")
    page.get_by_label("Tệp khoá của tôi").set_input_files(file)
    page.get_by_label("Mã PIN").fill(PIN)
    page.get_by_label("Tôi duyệt mà không nghe hết").check()
    sign = page.get_by_role("button", name="Ký và duyệt")
    expect(sign).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Tôi biết không ai nghe trước được").check()
    expect(sign).to_have_attribute("aria-disabled", "false")
    shoot(page, "console-relay-approve")
    no_trouble(page)
    sign.click()
    expect(page.get_by_text("Đã ký duyệt.")).to_be_visible(timeout=15_000)
    watched.check()


@pytest.mark.parametrize(("width", "height"), [DESK, PHONE], ids=["desk", "phone"])
def test_pages_of_a_relay_are_clean_and_fit(
    stage: Stage, address: str, open_page: Open, shoot: Shoot, width: int, height: int
) -> None:
    live_day(stage)
    list_stations(stage)
    ahead = stage.approved(relay=HALF_HOUR, title="Thời sự tối", starts=[NOW.replace(hour=20, minute=0)])
    waits = stage.submitted(relay=HALF_HOUR, title="Thời sự mai", starts=[NOW.replace(day=22, hour=17)])
    watched = open_page(width, height)
    page = watched.page
    sign_in(page, address, "binh")
    keys = (ahead.announcement_id, waits.announcement_id)
    for name, path in (
        ("today", "/"),
        ("stations", "/stations"),
        ("progress", f"/announcements/{keys[0]}"),
        ("edit", f"/announcements/{keys[1]}/edit"),
        ("approve", f"/announcements/{keys[1]}/approve"),
    ):
        page.goto(f"{address}{path}")
        page.wait_for_load_state("load")
        page.evaluate("document.fonts.ready")
        page.set_viewport_size(
            {"width": width, "height": 3000}
        )  # whole: nothing lies under the bar of a phone
        no_trouble(page)
        page.set_viewport_size({"width": width, "height": height})
        shoot(page, f"console-relay-{name}" + ("-phone" if width == PHONE[0] else ""))
    watched.check()
