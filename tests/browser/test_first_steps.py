"""Nodes, enrolment, revoking and the first steps in a real browser: live, clean for axe, right on a phone."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from broker.hub.keys import crl
from broker.hub.keys.issuing import Issuer
from broker.hub.keys.listener import listening
from broker.hub.records import put_setting
from tests.browser.conftest import Watched
from tests.browser.test_console import DESK, PHONE, sign_in
from tests.console.stage import NOW, Stage, live_day
from tests.console.test_first_steps import back, empty
from tests.console.test_nodes import add_node, certify, finish, join, revoke
from tests.hub.town import believe
from tests.until import until

Open = Callable[..., Watched]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served; the enrolment port is the usual one."""
    stage.settings.enrolment.port = 8444
    stage.settings.enrolment.name = "192.168.1.10"
    return serve(stage.app)


def heard(stage: Stage) -> None:
    """The page listens to what changes."""
    until(lambda: stage.broadcaster.count() > 0, 20)


@pytest.fixture
def door(stage: Stage) -> Iterator[None]:
    """The hub's real listener for nodes that enrol, on a free port."""
    stage.settings.enrolment.port, stage.settings.enrolment.name = 0, "127.0.0.1"
    worker, port = listening(stage.settings, stage.database, stage.clock)
    stage.settings.enrolment.port = port
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, lambda: None), name="enrolment")
    thread.start()
    yield
    stop.set()
    thread.join()


def run_on_machine(command: str, folder: Path) -> None:
    """The command as the page gave it, by the account that runs the tests and into a folder of its own."""
    words = shlex.split(command)
    assert words[:4] == ["sudo", "-u", "langso", "langso"]
    own = ["--dir", str(folder), "--data", str(folder / "data")]
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words[4:], *own],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_machine_enrols_in_five_actions_while_the_page_watches(
    stage: Stage, serve: Callable[[Any], str], door: None, open_page: Open, tmp_path: Path
) -> None:
    address = serve(stage.app)
    watched = open_page(*DESK, permissions=["clipboard-read", "clipboard-write"])
    page = watched.page
    sign_in(page, address, "quan", "/nodes")
    page.get_by_role("link", name="Thêm điểm").click()
    page.get_by_label("Thôn Hạ").check()
    page.get_by_role("button", name="Lấy mã ghi danh").click()
    page.get_by_role("button", name="Chép lệnh").click()
    expect(page.get_by_role("button", name="Đã chép")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    code = re.search(r"--code (\S+)", command)
    assert code is not None
    expect(page.locator("[data-until]")).to_contain_text("14 phút")
    page.evaluate("window.mark = 'same page'")
    heard(stage)
    run_on_machine(command, tmp_path)
    head = page.get_by_role("heading", level=1)
    expect(head).to_have_text("Nhà văn hoá thôn Hạ đã ghi danh, đang nối.")
    assert code[1] not in page.content()
    assert (tmp_path / "langso.toml").exists()
    assert oct((tmp_path / "keys" / "speaker.key").stat().st_mode & 0o777) == "0o600"
    join(stage)
    expect(head).to_have_text("Nhà văn hoá thôn Hạ đã sẵn sàng.")
    assert page.evaluate("window.mark") == "same page"
    watched.check()


def test_revoking_is_followed_live_and_by_keyboard(stage: Stage, address: str, open_page: Open) -> None:
    certify(stage, "thon-03")
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "quan", "/nodes/thon-03")
    page.get_by_role("link", name="Thu hồi").press("Enter")
    page.get_by_label("Máy bị mất hoặc bị lấy cắp").press("Space")
    page.get_by_label("Tôi hiểu loa ở điểm này sẽ im cho tới khi có máy mới.").press("Space")
    page.get_by_role("button", name="Thu hồi ngay").press("Enter")
    head = page.get_by_role("heading", level=1)
    expect(head).to_have_text("Đang cắt máy ở Bến 2, đầu cầu.")
    page.evaluate("window.mark = 'same page'")
    finish(stage, rights_gone_at=0.3)
    expect(page.get_by_text("sau 0,3 giây")).to_be_visible()
    finish(stage, crl_loaded_at=0.8, cut_off_at=1.2, probed_at=2.1)
    expect(head).to_have_text("Bến 2, đầu cầu: máy cũ đã bị cắt hẳn.")
    assert page.evaluate("window.mark") == "same page"
    watched.check()


def test_the_first_steps_tick_themselves_while_they_are_watched(
    stage: Stage, address: str, open_page: Open
) -> None:
    empty(stage)
    watched = open_page(*PHONE)
    page = watched.page
    sign_in(page, address, "quan", "/first-steps")
    head = page.get_by_role("heading", level=1)
    expect(head).to_have_text("Sáu bước nữa là loa nói được.")
    page.get_by_label("Tên các thôn, mỗi thôn một dòng").fill("Đông\nBến\nHạ")
    page.get_by_role("button", name="Thêm các thôn này").click()
    expect(head).to_have_text("Năm bước nữa là loa nói được.")
    page.evaluate("window.mark = 'same page'")
    heard(stage)
    back(stage, "hanh", "binh")
    with stage.database.session() as db:
        believe(db, stage.keys, {"binh": "k-binh"})
    add_node(stage, "dong", name="thon-01")
    join(stage, "thon-01")
    expect(head).to_have_text("Còn một bước cuối.", timeout=40_000)
    revision = stage.approved(villages=["dong"])
    stage.receipt(revision.announcement_id, "thon-01", "played", started_at=stage.now())
    expect(head).to_have_text("Xã đã dùng được.")
    assert page.evaluate("window.mark") == "same page"
    watched.check()


def test_without_any_script_a_node_is_added_and_revoked(stage: Stage, address: str, open_page: Open) -> None:
    page = open_page(*DESK, java_script_enabled=False).page
    sign_in(page, address, "quan", "/nodes/new")
    page.get_by_label("Thôn Hạ").check()
    page.get_by_role("button", name="Lấy mã ghi danh").click()
    expect(page.locator("#lenh")).to_contain_text("langso enrol thon-05")
    page.goto(f"{address}/nodes/thon-05/revoke")
    page.get_by_label("Thêm nhầm điểm này").check()
    page.get_by_label("Tôi hiểu").check()
    page.get_by_role("button", name="Thu hồi ngay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đang cắt máy ở Nhà văn hoá thôn Hạ.")


PAGES = (
    ("nodes", "/nodes"),
    ("node", "/nodes/thon-03"),
    ("node-new", "/nodes/new"),
    ("enrol", "/nodes/thon-05/enrol"),
    ("revoke", "/nodes/thon-01/revoke"),
    ("revoked", "/nodes/thon-03/revocation"),
    ("villages", "/villages"),
    ("first-steps", "/first-steps"),
)


@pytest.mark.parametrize(("name", "path"), PAGES, ids=[name for name, _ in PAGES])
def test_every_page_is_clean_for_axe_and_fits_a_phone(
    stage: Stage,
    address: str,
    open_page: Open,
    shoot: Callable[[Page, str], None],
    name: str,
    path: str,
) -> None:
    _set(stage, name)
    for width, height in (DESK, PHONE):
        watched = open_page(width, height)
        page = watched.page
        sign_in(page, address, "quan", "/nodes")
        if name == "enrol":
            page.goto(f"{address}/nodes/new")
            page.get_by_label("Thôn Hạ").check()
            page.get_by_role("button", name="Lấy mã ghi danh").click()
        else:
            page.goto(f"{address}{path}")
        page.wait_for_load_state("load")
        page.evaluate("document.fonts.ready")
        height_px = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size(
            {"width": width, "height": height_px}
        )  # the bar at the foot covers nothing then
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": width, "height": height})
        shoot(page, f"console-{name}" + ("-phone" if width == PHONE[0] else ""))
        watched.check()


def _set(stage: Stage, name: str) -> None:
    """What has happened before a page is opened."""
    if name == "first-steps":
        empty(stage)
        form: dict[str, object] = {"names": "Đông\nBến\nHạ\nTrung", "from": "first-steps"}
        stage.post(stage.client("quan"), "/villages", form, page="/first-steps")
        back(stage, "hanh", "binh")
        return
    live_day(stage)
    certify(stage, "thon-01", "thon-02", "thon-03")
    certify(stage, "thon-04", days=21)
    until_at = crl.write(stage.database, stage.settings.keys_dir, Issuer(stage.settings.keys_dir), NOW)
    with stage.database.session() as db:
        sentence = "Máy chuyển tin giữ đúng quyền của từng máy."
        value = {"verdict": "clear", "text": "", "sentence": sentence, "leaks": []}
        put_setting(db, "broker.canary", value, NOW)
    assert until_at > NOW + timedelta(days=30)
    if name == "revoked":
        revoke(stage)
        finish(stage, rights_gone_at=0.31, crl_loaded_at=0.84, cut_off_at=1.2, probed_at=2.14)
