"""People in a real browser: an invitation, a phone set up, a code, sessions ended; and pages everybody can read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from broker.hub import people, second_factor
from tests.browser.conftest import Watched
from tests.console.stage import Stage
from tests.hub.town import PASSWORD

Open = Callable[..., Watched]
Shoot = Callable[[Page, str], None]
DESK = (1440, 900)
PHONE = (390, 844)
NEW = "mưa rào trên mái tôn"


@pytest.fixture
def strict(stage: Stage) -> Stage:
    """A console that asks for the second factor."""
    stage.settings.console.second_factor = True
    return stage


@pytest.fixture
def address(strict: Stage, serve: Callable[[Any], str]) -> str:
    """Where the console is served."""
    return serve(strict.app)


def sign_in(page: Page, address: str, name: str, path: str, password: str = PASSWORD) -> None:
    page.goto(f"{address}/sign-in?next={path}")
    page.get_by_label("Tên đăng nhập").fill(name)
    page.get_by_label("Mật khẩu").fill(password)
    page.get_by_role("button", name="Đăng nhập").click()


def give_phone(stage: Stage, name: str) -> str:
    sealed = second_factor.propose(stage.settings)
    with stage.database.session() as db:
        account = people.person(db, name)
        account.totp_sealed, account.totp_since, account.totp_step = sealed, stage.now(), 1
    return second_factor.secret_of(stage.settings, sealed)


def code(stage: Stage, secret: str) -> str:
    """The next code of a phone."""
    stage.clock.advance(30)
    return next(iter(second_factor.codes_of(secret, stage.now()).values()))


def come_in(stage: Stage, page: Page, address: str, name: str, secret: str, path: str) -> None:
    sign_in(page, address, name, path)
    page.get_by_label("Mã sáu chữ số").fill(code(stage, secret))
    page.get_by_role("button", name="Vào làm việc").click()
    page.wait_for_url(f"{address}{path}")


def no_trouble(page: Page) -> None:
    """Nothing an assistive technology would stumble over, and nothing wider than the screen."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_from_the_invitation_to_the_first_page(
    strict: Stage, address: str, open_page: Open, shoot: Shoot
) -> None:
    secret = give_phone(strict, "quan")
    admin = open_page(*DESK, permissions=["clipboard-read", "clipboard-write"])
    come_in(strict, admin.page, address, "quan", secret, "/people/new")
    admin.page.get_by_label("Họ và tên").fill("Cao Thị Mai")
    admin.page.get_by_label("Chức vụ").fill("Phó Chủ tịch xã")
    admin.page.get_by_label("Duyệt", exact=False).check()
    admin.page.get_by_label("Tên đăng nhập").fill("mai")
    shoot(admin.page, "console-person-new")
    admin.page.get_by_role("button", name="Tạo lời mời").click()
    expect(admin.page.get_by_role("heading", level=1)).to_contain_text("Cao Thị Mai")
    admin.page.get_by_role("button", name="Chép địa chỉ").click()
    copied = admin.page.evaluate("navigator.clipboard.readText()")
    path = re.sub(r"^https?://[^/]+", "", copied)
    assert path.startswith("/invitation/")

    mai = open_page(*PHONE)
    page = mai.page
    page.goto(f"{address}{path}")
    no_trouble(page)
    page.get_by_label("Mật khẩu của anh/chị").fill(NEW)
    page.get_by_role("button", name="Hiện mật khẩu").click()
    expect(page.get_by_label("Mật khẩu của anh/chị")).to_have_attribute("type", "text")
    page.get_by_label("Nhập lại mật khẩu").fill(NEW)
    shoot(page, "console-invitation-phone")
    page.get_by_role("button", name="Đặt mật khẩu").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("lớp khoá bằng điện thoại")
    no_trouble(page)
    page.locator("summary").click()
    own = page.locator(".secret-in").inner_text().replace(" ", "")
    page.get_by_label("sáu chữ số").fill(code(strict, own))
    page.get_by_role("button", name="Bật mã và vào làm việc").click()
    page.wait_for_url(f"{address}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for watched in (admin, mai):
        watched.check()


def test_an_ended_session_closes_its_open_page(strict: Stage, address: str, open_page: Open) -> None:
    here, there = open_page(*DESK), open_page(*PHONE)
    for watched in (here, there):
        sign_in(watched.page, address, "hanh", "/account/sessions" if watched is here else "/")
    expect(there.page.get_by_role("heading", level=1)).to_be_visible()
    here.page.wait_for_url(f"{address}/account/sessions")
    here.page.reload()
    expect(here.page.get_by_role("heading", level=1)).to_contain_text("2 máy")
    here.page.get_by_role("button", name="Đăng xuất mọi máy khác").click()
    expect(here.page.get_by_role("heading", level=1)).to_contain_text("chỉ đăng nhập ở máy này")
    there.page.wait_for_url(re.compile("/sign-in"), timeout=30_000)
    here.check()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_of_people_is_clean(
    strict: Stage, address: str, open_page: Open, shoot: Shoot, size: tuple[int, int]
) -> None:
    secret = give_phone(strict, "quan")
    watched = open_page(*size)
    page = watched.page
    sign_in(page, address, "quan", "/people")
    page.wait_for_url(re.compile("/sign-in/code"))
    no_trouble(page)
    page.get_by_label("Mã sáu chữ số").fill(code(strict, secret))
    page.get_by_role("button", name="Vào làm việc").click()
    page.wait_for_url(f"{address}/people")
    for path in ("/people", "/people/binh", "/people/new", "/account", "/account/sessions"):
        page.goto(f"{address}{path}")
        no_trouble(page)
        if size == DESK and path in ("/people", "/account/sessions"):
            shoot(page, f"console{path.replace('/', '-')}")
    watched.check()
