"""Warnings from elsewhere in a real browser: a file is brought and leads to a draft; every page is clean and fits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from broker.hub.cap import sources
from broker.hub.records import put_setting
from tests.browser.conftest import Watched
from tests.browser.test_approving import DESK, look_at
from tests.browser.test_console import sign_in
from tests.console.stage import NOW, Stage
from tests.console.test_warnings import bring, template
from tests.hub.cap.warnings import info_of, reference, xml_of


def fill(stage: Stage) -> None:
    """A morning of warnings: a draft, a template that stands ready, one in English, a drill, one taken back."""
    with stage.database.session() as db:
        db.add(template(stage))
        put_setting(db, "cap.rules", [{"id": "r", "template": "lu", "event": "xả lũ"}], NOW)
        by = stage.people["binh"]
        feed = "https://canhbao.khituong.example/cap/feed.atom"
        sources.add_source(db, by, "Đài Khí tượng Thuỷ văn tỉnh", feed, 300, "", "hanh", NOW)
        other = sources.add_source(
            db, by, "Ban chỉ huy phòng thủ dân sự", "https://ptds.tinh.example/cap", 900, "", "", NOW
        )
        other.problem = "ptds.tinh.example trả lời mã 503, không phải một cảnh báo."
    editor, since = stage.client("hanh"), NOW - timedelta(hours=3)
    foreign = info_of(
        language="en-US", headline="Tropical storm warning", description="Strong winds", expires=""
    )
    for data in (
        xml_of("a", sent=since, expires="", headline="Tin bão gần bờ, cơn bão số 9"),
        xml_of("b", sent=since, expires="", headline="Thuỷ điện Sông Vân xả lũ từ 18 giờ", event="Xả lũ"),
        xml_of("c", sent=since, status="Exercise", headline="Diễn tập cảnh báo sóng thần"),
        xml_of("d", sent=since, infos=foreign),
        xml_of("e", sent=NOW, kind="Cancel", infos="", references=reference("a", since)),
    ):
        assert bring(stage, editor, data).status_code == 302


def test_a_file_is_brought_and_leads_to_a_draft_and_all_pages_are_clean(
    stage: Stage,
    open_page: Callable[..., Watched],
    serve: Callable[[Any], str],
    tmp_path: Path,
    shoot: Callable[[Any, str], None],
) -> None:
    fill(stage)
    address = serve(stage.app)
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "binh", "/warnings")
    expect(page.get_by_role("heading", name="Một cảnh báo đã có mẫu khẩn cấp sẵn để phát.")).to_be_visible()
    shoot(page, "console-warnings")
    look_at(page)
    file = tmp_path / "tin.xml"
    file.write_bytes(xml_of("f", sent=NOW, expires="", headline="Mưa lớn, nguy cơ sạt lở đất"))
    page.get_by_label("Tệp CAP 1.2").set_input_files(file)
    page.get_by_role("button", name="Đưa vào").click()
    expect(page.get_by_text("Đã nhận cảnh báo này.")).to_be_visible()
    shoot(page, "console-warning")
    look_at(page)
    for path, name in (
        ("/warnings/2", "ready"),
        ("/warnings/4", "foreign"),
        ("/warnings/sources", "sources"),
    ):
        page.goto(f"{address}{path}")
        shoot(page, f"console-warning-{name}")
        look_at(page)
    page.goto(f"{address}/warnings/6")
    page.get_by_role("link", name="Mở bản tin đã soạn").click()
    expect(page.get_by_text("Mưa lớn, nguy cơ sạt lở đất").first).to_be_visible()
    watched.check()
