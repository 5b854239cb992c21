"""Approving on a phone, one after another; then what follows: a time that runs down, the week, what was changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from broker.hub.announcing import workflow
from broker.hub.announcing.workflow import Draft
from tests.browser.conftest import Watched
from tests.browser.test_console import sign_in
from tests.console.stage import NOW, PIN, Stage
from tests.fakes.house import a_second_of_nothing
from tests.hub.town import LEXICON

PHONE = (390, 844)
DESK = (1440, 900)


def prepare(stage: Stage) -> str:
    """Three that wait, one of them a correction of something approved; returns the most pressing one."""
    first = stage.approved(
        title="Thu quỹ", text="Thu quỹ 50.000 đồng, từ 8h.", starts=[NOW + timedelta(days=2)]
    )
    with stage.database.session() as db:
        words = Draft(
            title="Thu quỹ",
            text="Thu quỹ 60.000 đồng, từ 7h30.",
            villages=["dong"],
            starts=[NOW + timedelta(days=3)],
        )
        second = workflow.save_draft(db, stage.people["hanh"], words, NOW, first.announcement_id)
        workflow.submit(db, stage.people["hanh"], second.id, LEXICON, NOW)
    stage.town.give_audio(second.id)
    sound = a_second_of_nothing()
    soon = stage.submitted(
        sound=sound, duration_ms=250, title="Tiêm phòng", starts=[NOW + timedelta(minutes=30)]
    )
    stage.submitted(sound=sound, duration_ms=250, title="Họp thôn", starts=[NOW + timedelta(hours=2)])
    return soon.announcement_id


def hear_and_sign(page: Page, key: Path) -> None:
    """What an approver does for each on the phone: the button above the words, the key, the button below."""
    page.locator("#nghe-truoc button").click()
    expect(page.locator("#buoc-nghe")).to_have_class(re.compile("done"))
    page.get_by_label("Tệp khoá của tôi").set_input_files(key)
    page.get_by_label("Mã PIN").fill(PIN)
    page.get_by_role("button", name="Ký và duyệt").click()


def look_at(page: Page) -> None:
    """Clean for axe on a desk and on a phone, and no wider than either."""
    for width, height in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 3000})
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": width, "height": height})


def test_two_are_heard_and_signed_on_a_phone_and_what_follows_is_clean(
    stage: Stage,
    open_page: Callable[..., Watched],
    serve: Callable[[Any], str],
    tmp_path: Path,
    shoot: Callable[[Page, str], None],
) -> None:
    pressing, address = prepare(stage), serve(stage.app)
    key = tmp_path / "binh.langso-key"
    key.write_text(stage.key_file(), encoding="utf-8")
    watched = open_page(*PHONE)
    page = watched.page
    sign_in(page, address, "binh", "/approvals")
    expect(page.get_by_role("heading", name="3 bản tin chờ anh/chị ký.")).to_be_visible()
    shoot(page, "console-approvals-phone")
    look_at(page)
    page.get_by_role("link", name="Bắt đầu với bản đầu tiên").click()
    expect(page.get_by_text("Bản 1 trên 3")).to_be_visible()
    hear_and_sign(page, key)
    expect(page.get_by_text("Đã ký duyệt “Tiêm phòng”.")).to_be_visible()
    expect(page.get_by_role("heading", name="Họp thôn")).to_be_visible()
    hear_and_sign(page, key)
    expect(page.get_by_text("Đã ký duyệt “Họp thôn”.")).to_be_visible()
    look_at(page)
    page.get_by_role("link", name="Xem chỗ khác nhau").click()
    expect(page.locator("del").filter(has_text="50.000")).to_be_visible()
    shoot(page, "console-revisions-phone")
    look_at(page)
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    page.goto(f"{address}/week")
    shoot(page, "console-week")
    look_at(page)
    page.goto(f"{address}/announcements/{pressing}")
    left = page.locator("[data-until]")
    was = left.inner_text()
    expect(left).not_to_have_text(was)
    watched.check()
