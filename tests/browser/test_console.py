"""The console in a real browser: writing, signing with a real key file, live progress, the duty room."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from broker.hub import alerts
from broker.hub.accounts import create_account
from broker.hub.records import Alert, Revision, note_change
from tests.browser.conftest import Watched
from tests.console.stage import PIN, Stage, cover, live_day, measure, procedure_waits, trouble
from tests.fakes.house import a_second_of_nothing
from tests.hub.town import PASSWORD
from tests.until import until

Open = Callable[..., Watched]
DESK = (1440, 900)
PHONE = (390, 844)


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served."""
    return serve(stage.app)


def sign_in(page: Page, address: str, name: str, path: str = "/") -> None:
    """Through the form, as a person does."""
    page.goto(f"{address}/sign-in?next={path}")
    page.get_by_label("Tên đăng nhập").fill(name)
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    page.wait_for_url(f"{address}{path}")


def picture(width: int = 640, height: int = 360) -> bytes:
    """A night scene drawn here: a yard, a lamp, somebody at a door."""
    y, x = np.mgrid[0:height, 0:width]
    lamp = np.exp(-((x - width * 0.4) ** 2 + (y - height * 0.15) ** 2) / 9000)
    grey = np.clip(38 + 60 * (y / height) + 150 * lamp, 0, 255).astype(np.uint8)
    grey[130:260, 350:500] = 120
    grey[150:260, 390:460] = 70
    grey[170:262, 412:436] = 25
    grey[152:172, 416:432] = 200
    return _encode(grey, "mjpeg")


def clip(frames: int = 15) -> bytes:
    """Three seconds of somebody crossing a yard."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("h264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for n in range(frames):
            grey = np.full((180, 320), 60, dtype=np.uint8)
            grey[60:140, 20 + 15 * n : 40 + 15 * n] = 190
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.dstack([grey] * 3), "rgb24")))
        container.mux(stream.encode())
    return out.getvalue()


def _encode(grey: np.ndarray[Any, np.dtype[np.uint8]], codec: str) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mjpeg") as container:
        stream: Any = container.add_stream(codec, rate=1)
        stream.height, stream.width = grey.shape
        stream.pix_fmt = "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.dstack([grey] * 3), "rgb24")))
        container.mux(stream.encode())
    return out.getvalue()


def test_writing_shows_the_spoken_words_asks_the_doubt_and_sends(
    stage: Stage, address: str, open_page: Open, shoot: Callable[[Page, str], None]
) -> None:
    live_day(stage)
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "hanh", "/announcements/new")
    page.get_by_label("Tên bản tin").fill("Mời họp bình xét hộ nghèo")
    page.get_by_label("Anh/chị viết").fill(
        "Kính mời bà con thôn Đông và thôn Bến đến họp lúc 19h30 ngày 22/11 tại NVH thôn Đông. "
        "Nội dung: bình xét hộ nghèo năm 2026, thu quỹ QPCTX 50.000đ/hộ. Mỗi nhà cử một người đi họp."
    )
    expect(page.locator('[data-out="spoken"] u').first).to_contain_text("mười chín giờ ba mươi")
    expect(page.get_by_text("“QPCTX” đọc là gì?", exact=True).last).to_be_visible()
    send = page.get_by_role("button", name="Gửi duyệt")
    expect(send).to_have_attribute("aria-disabled", "true")
    page.locator('.places text[data-village="dong"]').click()
    expect(page.get_by_label("Thôn Đông")).to_be_checked()
    page.get_by_label("Thôn Bến").check()
    page.get_by_label("Giờ phát, ví dụ 17:30").fill("17:30")
    expect(page.get_by_text("Ba giờ còn trống gần nhất:")).to_be_visible()
    shoot(page, "console-compose")
    page.locator("button[data-start]").first.click()
    expect(page.get_by_text("Ba giờ còn trống gần nhất:")).to_have_count(0)
    page.get_by_label("đọc cách khác", exact=True).check()
    page.get_by_label("“QPCTX” đọc cách khác là").fill("quỹ phòng chống thiên tai xã")
    expect(page.locator('[data-out="spoken"]')).to_contain_text("quỹ phòng chống thiên tai xã")
    expect(page.locator('[data-out="saved"]')).to_contain_text("tự cất lúc 16:42")
    expect(send).to_have_attribute("aria-disabled", "false")
    send.click()
    expect(page.get_by_text("Đã gửi duyệt.")).to_be_visible()
    watched.check()


def test_the_approver_hears_reads_and_signs_in_the_browser(
    stage: Stage, address: str, open_page: Open, tmp_path: Path, shoot: Callable[[Page, str], None]
) -> None:
    revision = stage.submitted(sound=a_second_of_nothing(), duration_ms=250)
    file = tmp_path / "binh.langso-key"
    file.write_text(stage.key_file(), encoding="utf-8")
    watched = open_page(*DESK)
    page, sent = watched.page, []
    page.on("request", lambda asked: sent.append(asked.post_data or ""))
    sign_in(page, address, "binh", f"/announcements/{revision.announcement_id}/approve")
    sent.clear()
    expect(page.locator("#loi")).to_contain_text("từ tám giờ đến mười một giờ")
    sign = page.get_by_role("button", name="Ký và duyệt")
    page.get_by_label("Tệp khoá của tôi").set_input_files(file)
    page.get_by_label("Mã PIN").fill("00000000")
    expect(sign).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#thieu")).to_contain_text("Còn thiếu: nghe hết")
    page.get_by_role("button", name="Nghe", exact=True).click()
    expect(page.locator("#buoc-nghe")).to_have_class(re.compile("done"))
    shoot(page, "console-approve")
    expect(page.locator("#thieu")).to_be_hidden()
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    sign.click()
    expect(page.get_by_text("Mã PIN chưa đúng với tệp khoá này.")).to_be_in_viewport()
    expect(page.get_by_label("Mã PIN")).to_be_focused()
    page.get_by_label("Mã PIN").fill(PIN)
    sign.click()
    expect(page.get_by_text("Đã ký duyệt.")).to_be_visible(timeout=15_000)
    with stage.database.reading() as db:
        assert db.get_one(Revision, revision.id).state == "approved"
    assert not any(PIN in text or "wrapped" in text for text in sent)
    watched.check()


def test_sound_that_is_not_what_would_be_signed_is_not_signed(
    stage: Stage, address: str, open_page: Open
) -> None:
    revision = stage.submitted(sound=a_second_of_nothing(), duration_ms=250)
    watched = open_page(*DESK)
    page = watched.page
    page.route("**/audio/*", lambda route: route.fulfill(body=b"somebody else's sound"))
    sign_in(page, address, "binh", f"/announcements/{revision.announcement_id}/approve")
    page.get_by_role("button", name="Nghe", exact=True).click()
    expect(page.get_by_text("Âm thanh tải về không đúng bản sẽ ký.")).to_be_visible()
    expect(page.get_by_role("button", name="Ký và duyệt")).to_have_attribute("aria-disabled", "true")


def test_progress_follows_the_receipts_without_reload(
    stage: Stage, address: str, open_page: Open, shoot: Callable[[Page, str], None]
) -> None:
    names = live_day(stage)
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "binh", f"/announcements/{names['power']}")
    row = page.locator('tr[data-node="thon-01"]')
    expect(row).to_have_attribute("data-state", "ready")
    page.evaluate("window.mark = 'same page'")
    until(lambda: stage.broadcaster.count() > 0, 10)
    begun = stage.now()
    stage.receipt(names["power"], "thon-01", "playing", started_at=begun, repeat=1, late_ms=300)
    expect(row).to_contain_text("chậm 0,3 giây", timeout=3000)
    shoot(page, "console-progress")
    stage.receipt(names["power"], "thon-01", "played", started_at=begun, sound="card", proof_level=1)
    expect(row).to_contain_text("Phát lúc 16:42:00. Chưa đo", timeout=3000)
    assert page.evaluate("window.mark") == "same page"
    watched.check()


def test_an_alert_arrives_live_above_what_is_read_and_is_taken_by_key(
    stage: Stage, address: str, open_page: Open, shoot: Callable[[Page, str], None]
) -> None:
    first = stage.alarm(snapshot=picture(), clip=clip())
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "khoa", f"/duty/{first}")
    until(lambda: stage.broadcaster.count() > 0, 10)
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("Chuyển động ở cửa kho lúa")
    stage.clock.advance(60)
    second = stage.alarm(camera="bom", node="thon-02", snapshot=picture())
    fresh = page.get_by_role("button", name="1 cảnh báo mới ở trên")
    expect(fresh).to_be_visible(timeout=3000)
    expect(page.locator("#hang li")).to_have_count(1)
    expect(title).to_have_text("Chuyển động ở cửa kho lúa")
    cover(stage)
    fresh = page.get_by_role("button", name="2 cảnh báo mới ở trên")
    expect(fresh).to_be_visible(timeout=3000)
    expect(page.locator("#mu")).to_contain_text("1 camera không nhìn được", timeout=3000)
    shoot(page, "duty-room")
    fresh.click()
    expect(page.locator("#hang li")).to_have_count(3)
    page.keyboard.press("t")
    page.wait_for_url(f"{address}/duty/{second}")
    page.keyboard.press("n")
    expect(page.locator(".scene .state").first).to_have_text("Khoa đang xử lý")
    page.keyboard.press("b")
    page.keyboard.press("3")
    expect(page.locator(".scene .state").first).to_contain_text("Báo nhầm: chó, mèo, gia súc")
    with stage.database.reading() as db:
        assert db.get_one(Alert, second).close_reason == "animal"
    watched.check()


def test_chosen_kinds_sound_until_somebody_looks_and_a_note_is_written_by_keys(
    stage: Stage, address: str, open_page: Open
) -> None:
    first = stage.alarm(snapshot=picture())
    watched = open_page(*DESK)
    page = watched.page
    page.add_init_script(
        """window.tones = [];
        const made = AudioContext.prototype.createOscillator;
        AudioContext.prototype.createOscillator = function () { window.tones.push(1); return made.call(this); };"""
    )
    page.clock.install(time=0)
    sign_in(page, address, "khoa", f"/duty/{first}")
    until(lambda: stage.broadcaster.count() > 0, 10)
    page.keyboard.press("i")
    page.get_by_label("Nút SOS").check()
    expect(page.locator("#tieng summary")).to_have_text("Tiếng: chỉ nút SOS")
    stage.clock.advance(300)
    stage.alarm(camera="bom", node="thon-02", snapshot=picture())
    expect(page.locator("#chua-xem")).to_have_text("1 chưa xem")
    page.clock.run_for(21_000)
    assert page.evaluate("window.tones.length") == 0, "movement was not chosen"
    with stage.database.session() as db:
        alerts.raised(db, "thon-01", "s-1", "sos", "cho", stage.now(), stage.now())
        note_change(db, "alert", "0", stage.now())
    expect(page.locator("#chua-xem")).to_have_text("2 chưa xem")
    assert page.evaluate("window.tones.length") == 6
    page.clock.run_for(20_000)
    assert page.evaluate("window.tones.length") == 12
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.type("Đã gọi trưởng thôn.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".notes")).to_contain_text("Đã gọi trưởng thôn.")
    expect(page.locator("#tieng summary")).to_have_text("Tiếng: chỉ nút SOS")
    until(lambda: stage.broadcaster.count() > 0, 10)
    with stage.database.session() as db:
        ba = create_account(
            db, username="ba", full_name="Đỗ Ba", password=PASSWORD, roles=["police"], now=stage.now()
        )
        alerts.take(db, ba, first, stage.now())
    expect(page.locator("#viec")).to_contain_text("Nhận thay Ba")
    watched.check()


def test_a_clip_plays_and_its_view_is_recorded(stage: Stage, address: str, open_page: Open) -> None:
    number = stage.alarm(snapshot=picture(), clip=clip())
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "khoa", f"/duty/{number}")
    page.keyboard.press(" ")
    until(lambda: page.evaluate("document.querySelector('video').currentTime") > 0.2, 10)
    with stage.database.reading() as db:
        assert [step.what for step in db.get_one(Alert, number).steps].count("viewed") == 1
    watched.check()


def test_without_any_script_an_announcement_is_written_and_sent(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(*DESK, java_script_enabled=False)
    page = watched.page
    sign_in(page, address, "hanh", "/announcements/new")
    page.get_by_label("Tên bản tin").fill("Dọn vệ sinh đường làng")
    page.get_by_label("Anh/chị viết").fill("Sáng Chủ nhật 6h30, mời bà con dọn vệ sinh đường làng.")
    page.get_by_label("Thôn Bến").check()
    page.get_by_label("Giờ phát, ví dụ 17:30").fill("18h15")
    page.get_by_role("button", name="Xem lại lời đọc").click()
    expect(page.locator('[data-out="spoken"] u').first).to_contain_text("sáu giờ")
    page.get_by_role("button", name="Gửi duyệt").click()
    expect(page.get_by_text("Đã gửi duyệt.")).to_be_visible()


def test_the_wires_page_follows_what_happens_and_keeps_what_is_open(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "quan", "/wire")
    expect(page.get_by_text("Không có tin hỏng nào chờ xem.")).to_be_visible()
    page.evaluate("window.mark = 'same page'")
    until(lambda: stage.broadcaster.count() > 0, 20)
    trouble(stage)
    expect(page.get_by_role("heading", level=1)).to_have_text("Có việc cần xem trên đường truyền.")
    stranger = page.locator(".poison").filter(has_text="Nguồn lạ")
    stranger.locator("summary").click()
    shown = stranger.locator(".bytes").last
    expect(shown).to_contain_text("<script>alert(1)</script>⟨00⟩")
    stage.clock.advance(30)
    trouble(stage)
    expect(stranger.locator("dd").first).to_have_text("2")
    expect(shown).to_be_visible()
    assert page.evaluate("window.mark") == "same page"
    with page.expect_download() as taken:
        stranger.get_by_role("link", name="Tải mẫu").click()
    assert taken.value.suggested_filename.endswith(".bin")
    stranger.get_by_role("button", name="Đã xem").click()
    expect(page.get_by_text("1 loại đã xem, chưa thấy lại")).to_be_visible()
    watched.check()


def test_a_series_changes_its_stretch_by_keyboard_and_gives_its_table(
    stage: Stage, address: str, open_page: Open
) -> None:
    measure(stage)
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "lanh", "/overview")
    page.get_by_role("link", name="Xem lâu hơn, tải về").first.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("2,13 mét")
    page.get_by_role("link", name="30 ngày").press("Enter")
    expect(page.get_by_role("img", name="Sông Vân ở trạm bơm thôn Bến, 30 ngày qua").first).to_be_visible()
    page.get_by_text("Xem bảng số").press("Enter")
    table = page.get_by_role("table", name="Sông Vân ở trạm bơm thôn Bến, 30 ngày qua, mét")
    expect(table.get_by_role("row")).to_have_count(
        45
    )  # 43 stretches of four hours, the silence before, the head
    with page.expect_download() as taken:
        page.get_by_role("link", name="Tải bảng này (CSV)").click()
    assert taken.value.suggested_filename == "thon-02-song-van.water_level_m.csv"
    watched.check()


def test_a_procedure_is_written_by_keyboard_and_its_screen_drawn_without_script(
    stage: Stage, address: str, open_page: Open
) -> None:
    procedure_waits(stage)
    watched = open_page(*DESK, java_script_enabled=False)
    page = watched.page
    sign_in(page, address, "hanh", "/noi-dung/1.001193")
    page.get_by_role("link", name="Sửa").press("Enter")
    page.get_by_label("Tên gọi bình dân").fill("Làm giấy cho bé mới sinh")
    page.get_by_label("Tên gọi bình dân").press("Enter")
    glass = page.locator(".kiosk-glass")
    expect(glass.get_by_text("Làm giấy cho bé mới sinh")).to_be_visible()
    expect(page.locator("ins").last).to_contain_text("cho bé mới")
    page.get_by_role("button", name="Bỏ dòng 1").first.press("Enter")
    expect(glass.get_by_text("Tờ khai đăng ký khai sinh")).to_have_count(0)
    page.get_by_role("button", name="Màn dọc").press("Enter")
    expect(glass).to_have_attribute("data-panel", "tall")
    page.get_by_label("Bao lâu").fill("3")
    page.get_by_role("button", name="Gửi duyệt").press("Enter")
    expect(page.locator("#loi-processing_time")).to_be_visible()
    page.get_by_label("Bao lâu").fill("3 ngày làm việc")
    page.get_by_role("button", name="Gửi duyệt").press("Enter")
    expect(page.get_by_text("Đã gửi duyệt.")).to_be_visible()
    assert "409" in watched.complaints.pop()  # the browser's own word for what the linter refused
    watched.check()


ROUTES = (
    ("signin", "", "/sign-in"),
    ("today", "binh", "/"),
    ("tomorrow", "hanh", "/tomorrow"),
    ("compose", "hanh", "/announcements/new"),
    ("edit", "hanh", "/announcements/{waits}/edit"),
    ("progress", "binh", "/announcements/{power}"),
    ("approve", "binh", "/announcements/{waits}/approve"),
    ("speakers", "binh", "/speakers"),
    ("loudspeaker", "binh", "/speakers/thon-01"),
    ("rules", "binh", "/rules"),
    ("why", "hanh", "/why?node=thon-01&day=2026-11-21&at=17:30"),
    ("feedback", "lanh", "/feedback"),
    ("overview", "lanh", "/overview"),
    ("aired", "hanh", "/broadcasts"),
    ("aired-month", "lanh", "/broadcasts?ky=2026-11"),
    ("duty", "khoa", "/duty/{alert}"),
    ("duty-search", "khoa", "/duty/search"),
    ("duty-day", "khoa", "/duty/camera/thon-01/cong"),
    ("shift", "khoa", "/duty/shift"),
    ("duty-phones", "quan", "/duty/phones"),
    ("cameras", "quan", "/cameras"),
    ("camera", "quan", "/cameras/thon-01/cong"),
    ("notice", "quan", "/cameras/notice"),
    ("wire", "quan", "/wire"),
    ("wire-calm", "quan", "/wire"),
    ("gauges", "lanh", "/measured"),
    ("gauge", "lanh", "/measured/thon-02/board/song-van.water_level_m?range=7d"),
    ("gauge-empty", "lanh", "/measured/thon-03/board/nha.air_celsius?range=24h"),
    ("content", "binh", "/noi-dung"),
    ("content-one", "binh", "/noi-dung/1.001193?man=doc"),
    ("content-edit", "hanh", "/noi-dung/1.001193/sua"),
    ("content-version", "binh", "/noi-dung/1.000656/ban/1"),
    ("content-new", "hanh", "/noi-dung/moi"),
    ("content-words", "hanh", "/noi-dung/tim-khong-thay"),
    ("content-board", "hanh", "/noi-dung/bang-qr"),
    ("missing", "hanh", "/announcements/none"),
)


OPENED = ("wire", "gauge", "content-one", "content-version")
"""Pages whose folded parts are looked at too."""


@pytest.mark.parametrize(("name", "who", "path"), ROUTES, ids=[name for name, _, _ in ROUTES])
def test_every_page_is_clean_for_axe_and_fits_a_phone(
    stage: Stage,
    address: str,
    open_page: Open,
    shoot: Callable[[Page, str], None],
    name: str,
    who: str,
    path: str,
) -> None:
    names: dict[str, Any] = live_day(stage)
    measure(stage)
    if name != "wire-calm":
        trouble(stage)
    if name.startswith("content"):
        procedure_waits(stage)
    path = path.format(**names, alert=stage.alarm(snapshot=picture(), clip=clip()))
    for width, height in (DESK, PHONE):
        watched = open_page(width, height)
        page = watched.page
        if who:
            sign_in(page, address, who, "/overview" if who == "khoa" else "/")
        page.goto(f"{address}{path}")
        page.wait_for_load_state("load")
        page.evaluate("document.fonts.ready")
        for folded in page.locator("main details:not(.edit) > summary").all() if name in OPENED else ():
            folded.click()
        whole = max(3000, page.evaluate("document.documentElement.scrollHeight") + 200)
        page.set_viewport_size(
            {"width": width, "height": whole}
        )  # nothing lies half under the bar of a phone
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, found.generate_report()
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shoot(page, f"console-{name}" + ("-phone" if width == PHONE[0] else ""))
        if name != "missing":
            watched.check()
