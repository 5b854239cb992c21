"""An emergency in a real browser: words signed on a desk and on a phone, a template spoken over a network that drops,
the live page, and both buttons that end it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from broker.hub.announcing.render import media_store
from broker.hub.records import Revision
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, sign_in
from tests.console.stage import PIN, Stage
from tests.console.urgent import alarmed, occurrences_of, revision_of, speak, told
from tests.fakes.house import a_second_of_nothing
from tests.until import until

Open = Callable[..., Watched]


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served."""
    return serve(stage.app)


def look(
    page: Page,
    name: str,
    shoot: Callable[[Page, str], None],
    sizes: Sequence[tuple[int, int]] = (DESK, PHONE),
) -> None:
    """Clean for axe and inside its width, on a desk and on a phone."""
    before = page.viewport_size
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": 3000})
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        shoot(page, f"console-{name}" + ("-phone" if width == PHONE[0] else ""))
    assert before is not None
    page.set_viewport_size(before)


def with_key(page: Page, file: Path, pin: str = PIN) -> None:
    """The key file and its PIN, and the word that it is open."""
    page.get_by_label("Tệp khoá của tôi").set_input_files(file)
    page.get_by_label("Mã PIN của tôi").fill(pin)


def drop_first(held: list[Route], route: Route) -> None:
    """The first request never arrives; what is sent again waits for the test."""
    held.append(route)
    if len(held) == 1:
        route.abort()


def key_of(page: Page) -> str:
    return page.url.partition("?")[0].rpartition("/")[2]


def test_words_of_two_signers_and_a_template_are_spoken_followed_and_ended(
    stage: Stage, address: str, open_page: Open, tmp_path: Path, shoot: Callable[[Page, str], None]
) -> None:
    ids = alarmed(stage)
    files = {}
    for who, key in (("hung", "k-lanh"), ("cuong", "k-cuong")):
        files[who] = tmp_path / f"{who}.langso-key"
        files[who].write_text(stage.key_file(key, who), encoding="utf-8")
    desk, phone = open_page(*DESK), open_page(*PHONE)
    page, hand = desk.page, phone.page
    sign_in(page, address, "hung", "/")
    page.get_by_role("link", name="Khẩn cấp").click()
    expect(page.get_by_text("Chọn chuyện gì ở ô 1.")).to_be_visible()
    look(page, "emergency", shoot)

    # free words: written, heard on trial, signed first
    page.get_by_label("Việc khác, tự viết").check()
    page.get_by_label("Viết ngắn").fill("Sạt lở ở dốc Gò lúc 14h30. Bà con thôn Gò đi ngay.")
    expect(page.locator('[data-out="spoken"]')).to_contain_text("mười bốn giờ ba mươi")
    page.get_by_role("button", name="Đưa ký").click()
    expect(page.locator("#noi-viet")).to_contain_text("thôn")
    page.locator('.map text[data-village="go"]').click()
    expect(page.get_by_label("Gò", exact=True)).to_be_checked()
    page.get_by_label("Trung", exact=True).check()
    page.get_by_role("button", name="Đưa ký").click()
    page.wait_for_url(f"{address}/emergency/kc-*")
    words = key_of(page)
    media = media_store(stage.settings).add(a_second_of_nothing(), "audio/ogg", 9_000)
    with stage.database.session() as db:
        db.get_one(Revision, revision_of(stage, words).id).audio = msgspec.to_builtins(media)
    with_key(page, files["hung"])
    expect(page.get_by_text("Khoá đã mở, ký được ngay")).to_be_visible()
    page.get_by_role("button", name="Ký trước").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Chờ người thứ hai ký")

    # the second person sees it on every page, and signs on a phone
    sign_in(hand, address, "cuong", "/")
    hand.get_by_role("link", name="Nghe rồi ký").click()
    expect(hand.locator("#loi")).to_contain_text("mười bốn giờ ba mươi")
    look(hand, "emergency-second", shoot)
    with_key(hand, files["cuong"], "00000000")
    hand.get_by_role("button", name="Ký và phát ngay").click()
    expect(hand.get_by_text("Mã PIN chưa đúng với tệp khoá này.")).to_be_in_viewport()
    with_key(hand, files["cuong"])
    hand.get_by_role("button", name="Ký và phát ngay").click()
    expect(hand.locator(".who")).to_contain_text("Trần Văn Hùng và Đặng Hữu Cường phát lúc")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Đang gửi lệnh tới loa"
    )  # it followed by itself

    # live on both, ended by one after asking once
    begun = stage.now()
    until(lambda: stage.broadcaster.count() > 1, 10)
    told(stage, words, "thon-04", "playing", started_at=begun, repeat=1)
    expect(page.locator('li[data-node="thon-04"]')).to_contain_text("Đang nói")
    look(page, "emergency-live", shoot)
    hand.locator("#hoi-huy summary").click()
    hand.get_by_role("button", name="Huỷ: Sạt lở ở dốc Gò lúc 14h30").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đã huỷ, loa không nhắc lại nữa")
    expect(page.get_by_role("link", name="Từng lượt, từng cụm loa")).to_be_visible()

    # a drill is calm, and its certificate fits a phone
    drill = speak(stage, ids["fire"], drill=True)
    told(stage, drill, "thon-01", "played", started_at=stage.now(), told_at=stage.now(), sound="card")
    for path, name, size in (
        (f"/drills/{drill}", "drill", PHONE),
        ("/drills", "drills", DESK),
        ("/drills/new", "drill-new", DESK),
    ):
        page.goto(f"{address}{path}")
        look(page, name, shoot, [size])

    # a template, over a network that drops the first try: said at once, sent again by itself, spoken once
    held: list[Route] = []
    page.route("**/emergency/speak", lambda route: drop_first(held, route))
    page.goto(f"{address}/emergency")
    page.get_by_label("Nước lên, sơ tán").check()
    expect(page.locator("#o-dau")).to_contain_text(
        "Thôn Đông, thôn Bến, thôn Hạ. 3 cụm loa. Chưa có loa: Hạ. Cử người đi báo."
    )
    with_key(page, files["hung"])
    page.get_by_role("button", name="Phát ngay").click()
    expect(page.get_by_text("CHƯA PHÁT: chưa tới được trung tâm.")).to_be_visible()
    page.unroute("**/emergency/speak")
    for again in held[1:]:  # one that is still to come goes out by itself
        again.continue_()
    expect(page.get_by_text("Nước lên, sơ tán.", exact=True)).to_be_visible()
    flood = key_of(page)
    assert len(occurrences_of(stage, flood)) > 1
    told(stage, flood, "thon-01", "playing", started_at=stage.now(), repeat=1)
    stage.clock.advance(12)
    expect(page.locator('li[data-node="thon-01"]')).to_contain_text("Đang nói")
    page.reload()
    expect(page.locator('[data-out="turn"]')).to_have_text("lần 1 trên 3")
    expect(page.locator(".say .reading")).to_contain_text("đến ngay trường tiểu học Vân Khê")
    page.locator("#hoi-im summary").click()
    page.get_by_role("button", name="Tắt tiếng ngay").click()
    expect(page.get_by_text("Đã ra lệnh im tiếng cả xã").first).to_be_visible()
    assert [each for each in desk.complaints if "409" not in each and "ERR_FAILED" not in each] == []
    assert [each for each in phone.complaints if "409" not in each] == []
    assert desk.strangers == []
