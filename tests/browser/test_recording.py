"""Recording in a real browser with a microphone that is a file: what is spoken ends in the announcement."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from broker.contract.hub import Media
from broker.hub import phrases
from broker.hub.announcing.render import media_store
from broker.hub.recordings import LARGEST, TEXT, Track, tracks_of
from broker.hub.records import Phrase, Revision, Village
from tests.browser.conftest import CHROMIUM, FLAGS, Watched
from tests.browser.test_console import sign_in
from tests.console.stage import Stage
from tests.fakes.voiced import silence_wav, voice_wav
from tests.until import until

Open = Callable[..., Watched]
Shoot = Callable[[Page, str], None]
DESK = (1440, 900)
PHONE = (390, 844)
MICROPHONE = {"permissions": ["microphone"]}
LANGUAGE = '[name="track-language"]'
GREETING = "Kính thưa bà con, đây là đài truyền thanh xã Vân Khê."


@pytest.fixture(scope="module")
def browser(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A second Chromium, whose microphone hears a file over and over."""
    voice = tmp_path_factory.mktemp("microphone") / "voice.wav"
    voice.write_bytes(voice_wav(4.0))
    made = browser.browser_type.launch(
        executable_path=CHROMIUM,
        headless=True,
        chromium_sandbox=os.geteuid() != 0,
        args=[*FLAGS, "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={voice}"],
    )
    yield made
    made.close()


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served; Tày is spoken in Đông and Bến, Nùng in Bến."""
    with stage.database.session() as db:
        db.get_one(Village, "dong").languages = ["tyz"]
        db.get_one(Village, "ben").languages = ["tyz", "nut"]
    return serve(stage.app)


def speak(page: Page) -> None:
    """Record for a good second."""
    page.get_by_role("button", name="Ghi âm").click()
    until(lambda: page.locator("[data-level]").evaluate("(each) => each.value") > 0.5, 20)
    expect(page.locator("[data-clock]")).not_to_have_text("0:00")
    page.get_by_role("button", name="Xong").click()


def test_a_voice_is_recorded_beside_the_text_moved_heard_and_kept(
    stage: Stage, address: str, open_page: Open, shoot: Shoot
) -> None:
    watched = open_page(*DESK, **MICROPHONE)
    page = watched.page
    sign_in(page, address, "hanh", "/announcements/new")
    page.get_by_label("Tên bản tin").fill("Cắt điện sáng Chủ nhật")
    page.get_by_label("Anh/chị viết").fill("Sáng Chủ nhật, điện lực cắt điện từ 8h đến 11h.")
    page.get_by_label("Thôn Bến").check()
    expect(page.get_by_text("Chưa có bản đọc tiếng Tày: thôn Bến cần ghi âm.")).to_be_visible()
    lines = page.locator(".tracks > li")
    expect(lines).to_have_count(1)
    page.get_by_role("button", name="Ghi âm").click()
    page.get_by_role("button", name="Bỏ, không lấy").click()
    expect(page.get_by_text("Đã bỏ đoạn vừa ghi.")).to_be_visible()
    speak(page)
    expect(page.get_by_text("Anh/chị chọn tiếng của bản ghi trước.")).to_be_visible()
    page.locator(LANGUAGE).select_option("tyz")
    expect(lines).to_have_count(2)
    expect(page.get_by_text("Chưa có bản đọc tiếng Tày")).to_have_count(0)
    page.get_by_role("button", name="Đưa phần 2 lên trước").click()
    expect(lines.first).to_contain_text("Tiếng Tày")
    page.get_by_role("button", name="Nghe thử").click()
    trial = page.get_by_label("Nghe thử bản tin")
    expect(trial).to_be_visible(timeout=60_000)
    page.get_by_label("Anh/chị viết").fill("Sáng Chủ nhật, điện lực cắt điện từ 8h đến 10h.")
    expect(page.get_by_text("Bản tin đã đổi sau khi nghe thử")).to_be_visible()
    expect(trial).to_have_count(0)
    lines.first.locator("audio").evaluate("(each) => each.play()")
    until(lambda: lines.first.locator("audio").evaluate("(each) => each.currentTime") > 0.1, 20)
    shoot(page, "console-recording")
    expect(page.locator('[data-out="saved"]')).to_contain_text("tự cất")
    until(lambda: [one.language for one in kept(stage)] == ["tyz", "vi"], 20)
    watched.check()


def kept(stage: Stage) -> list[Track]:
    """What the newest draft holds."""
    with stage.database.reading() as db:
        newest = db.scalars(select(Revision).order_by(Revision.id.desc())).first()
        return tracks_of(newest.tracks) if newest else []


def test_a_phrase_is_recorded_heard_again_before_it_is_kept_and_kept(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(*PHONE, **MICROPHONE)
    page = watched.page
    sign_in(page, address, "hanh", "/phrases")
    page.get_by_label("Câu này nói gì").fill(GREETING)
    page.locator(LANGUAGE).select_option("nut")
    speak(page)
    page.get_by_role("button", name="Nghe lại").click()
    expect(page.get_by_role("button", name="Dừng nghe")).to_be_visible()
    expect(page.get_by_role("button", name="Nghe lại")).to_be_visible()  # it has ended
    page.get_by_role("button", name="Cất câu này").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Xã có 1 câu ghi sẵn.")
    with stage.database.reading() as db:
        made = db.scalars(select(Phrase)).one()
    assert (made.language, made.recording["type"]) == ("nut", "audio/webm")
    assert 800 < made.recording["duration_ms"] < 6000
    watched.check()


def test_without_a_script_a_file_is_brought_and_a_bad_one_refused(
    stage: Stage, address: str, open_page: Open, tmp_path: Path
) -> None:
    good, silent = tmp_path / "loi.wav", tmp_path / "im.wav"
    good.write_bytes(voice_wav())
    silent.write_bytes(silence_wav())
    page = open_page(*PHONE, java_script_enabled=False).page
    sign_in(page, address, "hanh", "/announcements/new")
    text = page.get_by_label("Anh/chị viết")
    text.fill("Mời bà con đi họp.")
    page.locator(LANGUAGE).select_option("tyz")
    page.get_by_label("Tệp ghi sẵn").set_input_files(silent)
    page.get_by_role("button", name="Thêm bản ghi này").click()
    expect(page.get_by_text("Bản ghi không có tiếng.")).to_be_visible()
    expect(text).to_have_value("Mời bà con đi họp.")
    page.locator(LANGUAGE).select_option("tyz")
    page.get_by_label("Tệp ghi sẵn").set_input_files(good)
    page.get_by_role("button", name="Thêm bản ghi này").click()
    expect(page.locator(".tracks > li")).to_have_count(2)
    page.get_by_role("button", name="Đưa phần 2 lên trước").click()
    expect(page.locator(".tracks > li").first).to_contain_text("Tiếng Tày")
    expect(text).to_have_value("Mời bà con đi họp.")


def test_a_file_that_is_too_large_is_told_before_it_is_sent(
    address: str, open_page: Open, tmp_path: Path
) -> None:
    large = tmp_path / "dai.wav"
    with large.open("wb") as file:
        file.truncate(LARGEST + 1)
    page, sent = open_page(*DESK).page, []
    sign_in(page, address, "hanh", "/announcements/new")
    page.on("request", lambda asked: sent.append(asked.url))
    page.locator(LANGUAGE).select_option("tyz")
    page.get_by_label("Tệp ghi sẵn").set_input_files(large)
    expect(page.get_by_text("Tệp lớn quá 40 MB.")).to_be_visible()
    assert [url for url in sent if url.endswith("/tracks")] == []


def test_a_browser_that_may_not_use_the_microphone_says_what_to_do(address: str, open_page: Open) -> None:
    page = open_page(*DESK).page
    sign_in(page, address, "hanh", "/phrases")
    page.get_by_role("button", name="Ghi âm").click()
    expect(page.get_by_text("Trình duyệt chưa được phép dùng micrô.")).to_be_visible()


def test_the_pages_of_recordings_are_clean_for_axe_and_fit_desk_and_phone(
    stage: Stage, address: str, open_page: Open, shoot: Shoot
) -> None:
    store = media_store(stage.settings)
    media = store.add(voice_wav(), "audio/wav", 2000)
    with stage.database.session() as db:
        said = [
            phrases.add_phrase(db, stage.people["hanh"], GREETING, each, media, stage.now())
            for each in ("vi", "tyz")
        ]
    key = prepared(stage, media, said[1].id)
    watched = open_page(*PHONE)
    page = watched.page
    for name, who, path in (
        ("phrases", "hanh", "/phrases"),
        ("tracks", "hanh", f"/announcements/{key}/edit"),
        ("approve-tracks", "binh", f"/announcements/{key}/approve"),
        ("languages", "quan", "/villages"),
    ):
        page.context.clear_cookies()
        sign_in(page, address, who, path)
        for width, height in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("document.fonts.ready")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            shoot(page, f"console-{name}" + ("-phone" if width == PHONE[0] else ""))
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    watched.check()


def prepared(stage: Stage, media: Media, phrase: int) -> str:
    """An announcement in three parts that waits for approval."""
    tracks = [Track("tyz", media, phrase), TEXT, Track("tyz", media)]
    return stage.submitted(sound=voice_wav(), duration_ms=2000, tracks=tracks).announcement_id
