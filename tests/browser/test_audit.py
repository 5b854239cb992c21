"""The page Nhật ký in a real browser: looking through the log, choosing rows, paper; readable and clean for axe."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from broker.hub import audit
from broker.hub.records import Revision, write_audit
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, sign_in
from tests.console.stage import NODES, NOW, Stage, live_day
from tests.console.test_audit import head, keep

Open = Callable[..., Watched]
MORNING = select(Revision.announcement_id).where(Revision.title.startswith("Bản tin sáng"))


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served, with a day of decisions in its log."""
    live_day(stage)
    with stage.database.session() as db:
        write_audit(
            db, NOW, "quan", "account.roles-changed", "hanh", {"before": "editor", "after": "editor,village"}
        )
        write_audit(db, NOW, "quan", "trust.taken", "3", {"added": "k-9F2A7C11", "removed": "k-cu"})
        write_audit(db, NOW, "quan", "node.revoked", "thon-03", {"reason": "Máy bị mất cắp"})
        write_audit(db, NOW, "hub.rights", "node.cut-off", "thon-03", {"seconds": "1.8"})
        write_audit(db, NOW, "khoa", "clip.viewed", "alert 4")
        write_audit(db, NOW, "binh", "play.stopped", "*")
    with stage.database.reading() as db:
        count = audit.newest(db).index
    for behind, (name, _, _) in enumerate(NODES[:3], 2):
        keep(stage, name, head(stage, count - behind))
    return serve(stage.app)


def clean(page: Page) -> None:
    """Nothing for axe to say, and nothing wider than the screen."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_auditor_looks_through_the_log_chooses_rows_and_prints(
    stage: Stage, address: str, open_page: Open, shoot: Callable[[Page, str], None]
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "soat", "/audit")
    page.get_by_role("button", name="Soi cả sổ bây giờ").click()
    expect(page.get_by_text("Vừa soi xong cả sổ")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Sổ liền mạch, 3 trên 4 điểm giữ mã khớp với sổ."
    )
    clean(page)
    shoot(page, "console-audit")
    page.get_by_label("Việc gì").select_option(label="Điểm và máy")
    page.get_by_label("Từ ngày").fill("2026-11-20")
    page.get_by_role("button", name="Xem").click()
    expect(page.locator(".deeds li")).to_have_count(2)
    expect(page.get_by_text("thu hồi Bến 2, đầu cầu: Máy bị mất cắp.")).to_be_visible()
    page.get_by_role("link", name="Bản in").click()
    expect(page.get_by_text("Từ 20/11/2026, loại: điểm và máy.")).to_be_visible()
    clean(page)
    page.emulate_media(media="print")
    for gone in (".mast", ".tabs", ".off-paper"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator(".paper-foot .big-code")).to_have_text(re.compile(r"^([0-9A-Z]{4}-){3}[0-9A-Z]{4}$"))
    watched.check()


def test_the_log_reads_well_on_a_phone(stage: Stage, address: str, open_page: Open) -> None:
    watched = open_page(*PHONE)
    page = watched.page
    sign_in(page, address, "soat", "/audit")
    clean(page)
    page.goto(f"{address}/audit/print")
    clean(page)
    watched.check()


def test_the_button_that_prints_asks_the_browser_to_print(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    page.add_init_script("window.print = () => { document.title = 'printed'; };")
    sign_in(page, address, "soat", "/audit/print")
    page.get_by_role("button", name="In", exact=True).click()
    expect(page).to_have_title("printed")
    watched.check()


def test_a_progress_page_on_paper_is_a_table_with_the_code_of_the_log(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(720, 1020)
    page = watched.page
    sign_in(page, address, "lanh", "/speakers")
    with stage.database.reading() as db:
        key = db.execute(MORNING).scalar_one()
    page.goto(f"{address}/announcements/{key}")
    expect(page.locator(".on-paper")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator(".on-paper")).to_contain_text("mã sổ")
    assert page.locator(".track tr").nth(1).evaluate("row => getComputedStyle(row).display") == "table-row"
    watched.check()
