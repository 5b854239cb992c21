"""Keys in a real browser: a passkey in Chromium's virtual authenticator and a key file, from making them to a node
that believes what they signed; the root key signs the trust list in the browser too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import CDPSession, Page, expect

from broker.contract.hub import Signed
from broker.hub import next_list, trusted
from broker.hub.announcing.plans import signed_of
from broker.hub.records import Account, ApproverKey, Revision, SpeakerSeen
from broker.trust.approvers import comparison_code, new_key_file, sign_list
from broker.trust.envelope import Quiet, TrustBody, occurrence_id, open_trust
from broker.trust.keyfile import lock, unlock
from broker.trust.keys import public_pem
from broker.trust.passkey import use_of
from edge.speaker.firewall import Allowed, Ask, Post, check
from tests.browser.conftest import Watched
from tests.browser.test_console import sign_in
from tests.console.stage import Stage
from tests.fakes.house import a_second_of_nothing

Open = Callable[..., Watched]
DESK = (1440, 900)
PHONE = (390, 844)
PASSPHRASE = "con gà cục tác lá chanh"


@pytest.fixture
def address(stage: Stage, serve: Callable[[Any], str]) -> str:
    """The console under the name passkeys need: localhost is a safe place to a browser, an address in digits not."""
    found = serve(stage.app).replace("127.0.0.1", "localhost")
    stage.settings.console.address = found
    return found


@pytest.fixture
def root_file(stage: Stage, tmp_path: Path) -> Path:
    """The commune's root key as its holder keeps it."""
    file = tmp_path / "root.key"
    file.write_text(lock(stage.keys.root, "root", PASSPHRASE), encoding="utf-8")
    return file


def with_authenticator(page: Page, **change: object) -> tuple[CDPSession, str]:
    """Give the page a phone's authenticator that knows its user at once."""
    line = page.context.new_cdp_session(page)
    line.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    } | change
    made = line.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return line, made["authenticatorId"]


def check_page(watched: Watched) -> None:
    """Nothing went wrong and nothing left this machine."""
    assert watched.complaints == []
    assert [url for url in watched.strangers if not url.startswith("http://localhost:")] == []


def make_passkey(page: Page, address: str, name: str = "Điện thoại của tôi") -> None:
    """Through the page, as the approver does."""
    page.goto(f"{address}/my-keys")
    form = page.locator("#khoa-may")
    form.get_by_label("Gọi khoá này là").fill(name)
    form.get_by_role("button", name="Tạo khoá trong máy").click()
    expect(page.get_by_text("Đã ghi nhận khoá.")).to_be_visible()


def bring_list(page: Page, address: str, root_file: Path) -> None:
    """Through the page, as the holder of the root key does."""
    page.goto(f"{address}/trust")
    button = page.get_by_role("button", name="Ký danh sách")
    expect(page.locator("#danh-sach li").first).to_be_visible()
    page.get_by_label("Tệp khoá gốc của xã").set_input_files(root_file)
    page.get_by_label("Câu mật khẩu của khoá gốc").fill(PASSPHRASE)
    expect(button).to_have_attribute("aria-disabled", "false")
    button.click()
    expect(page.get_by_text("Đã nhận danh sách mới.")).to_be_visible()


def approve(page: Page, address: str, announcement: str) -> None:
    """Open the page, hear it, and press the large button."""
    page.goto(f"{address}/announcements/{announcement}/approve")
    page.get_by_role("button", name="Nghe", exact=True).click()
    expect(page.locator("#buoc-nghe")).to_have_class("done")
    button = page.get_by_role("button", name="Ký và duyệt")
    expect(button).to_have_attribute("aria-disabled", "false")
    button.click()


def believed_by_a_node(stage: Stage, announcement: str) -> bool:
    """Whether the firewall of a node in Đông would play what was approved, by the list the hub would send it."""
    with stage.database.reading() as db:
        sent = trusted.signed_in_force(db)
        assert sent is not None
        trust = open_trust(sent, public_pem(stage.keys.root))
        revision = db.query(Revision).filter_by(announcement_id=announcement).one()
        signed = msgspec.json.decode(msgspec.json.encode(signed_of(revision)), type=Signed)
        row = revision.occurrences[0]
    ask = Ask(
        occurrence_id(announcement, revision.number, row.start),
        announcement,
        revision.number,
        row.start,
        signed,
    )
    post = Post("00/00000", "dong", trust, "trusted", Quiet(), 0)
    return isinstance(check(ask, post, row.start), Allowed)


def believed(stage: Stage) -> TrustBody:
    with stage.database.reading() as db:
        return trusted.in_force(db, stage.settings)


def test_a_passkey_is_made_signed_into_the_list_and_makes_a_node_speak(
    stage: Stage, address: str, open_page: Open, root_file: Path
) -> None:
    officer, holder = open_page(*DESK), open_page(*DESK)
    with_authenticator(officer.page)
    sign_in(officer.page, address, "binh", "/my-keys")
    make_passkey(officer.page, address)
    expect(officer.page.get_by_text("Chờ xã ký vào danh sách tin cậy")).to_be_visible()
    with stage.database.reading() as db:
        row = db.query(ApproverKey).filter_by(kind="passkey").one()
    code = officer.page.locator(f'[id="{row.id}"] .code').inner_text().split()
    assert code == comparison_code(row.public).split()

    sign_in(holder.page, address, "quan", "/trust")
    expect(holder.page.locator("#danh-sach li.new .code")).to_contain_text(code[0])
    assert holder.page.locator("#danh-sach li.new .code i").all_inner_texts() == code
    bring_list(holder.page, address, root_file)
    assert believed(stage).generation == stage.keys.trust.generation + 1
    assert next(one for one in believed(stage).keys if one.key == row.id).passkey is not None

    officer.page.goto(f"{address}/my-keys")
    expect(officer.page.get_by_text("Loa tin đến").last).to_be_visible()
    revision = stage.submitted(sound=a_second_of_nothing(), duration_ms=250)
    approve(officer.page, address, revision.announcement_id)
    expect(officer.page).to_have_url(f"{address}/announcements/{revision.announcement_id}?note=approved")
    assert believed_by_a_node(stage, revision.announcement_id)
    with stage.database.reading() as db:
        kept = db.get_one(Revision, revision.id)
        assert [each["key"] for each in kept.signatures or []] == [row.id]
        assert db.get_one(ApproverKey, row.id).sign_count > 0
    check_page(officer)
    check_page(holder)


def test_a_key_file_is_made_in_the_browser_and_makes_a_node_speak(
    stage: Stage, address: str, open_page: Open, root_file: Path, tmp_path: Path
) -> None:
    officer, holder = open_page(*DESK, accept_downloads=True), open_page(*PHONE)
    page = officer.page
    sign_in(page, address, "binh", "/my-keys")
    form = page.locator("#khoa-tep")
    form.get_by_label("Gọi khoá này là").fill("USB màu xanh")
    form.get_by_label("Mã PIN, từ 8 chữ số").fill("13579024")
    form.get_by_label("Nhập lại mã PIN").fill("13579124")
    form.get_by_role("button", name="Tạo tệp khoá").click()
    expect(page.get_by_text("Hai lần nhập mã PIN khác nhau")).to_be_visible()
    form.get_by_label("Nhập lại mã PIN").fill("13579024")
    with page.expect_download() as caught:
        form.get_by_role("button", name="Tạo tệp khoá").click()
    file = tmp_path / caught.value.suggested_filename
    caught.value.save_as(file)
    form.get_by_role("button", name="Tôi đã cất tệp").click()
    expect(page.get_by_text("Đã ghi nhận khoá.")).to_be_visible()
    name, private = unlock(file.read_text(encoding="utf-8"), "13579024")
    with stage.database.reading() as db:
        row = db.get_one(ApproverKey, name)
        assert (row.public, row.label, row.kind) == (public_pem(private), "USB màu xanh", "file")
    assert json.loads(file.read_text(encoding="utf-8"))["holder"] == "Phạm Văn Bình"

    sign_in(holder.page, address, "quan", "/trust")
    bring_list(holder.page, address, root_file)
    revision = stage.submitted(sound=a_second_of_nothing(), duration_ms=250)
    page.goto(f"{address}/announcements/{revision.announcement_id}/approve")
    page.get_by_label("Tôi duyệt mà không nghe hết").check()
    page.get_by_label("Tệp khoá của tôi").set_input_files(file)
    page.get_by_label("Mã PIN").fill("99999999")
    page.get_by_role("button", name="Ký và duyệt").click()
    expect(page.get_by_text("Mã PIN chưa đúng")).to_be_visible()
    page.get_by_label("Mã PIN").fill("13579024")
    page.get_by_role("button", name="Ký và duyệt").click()
    expect(page).to_have_url(f"{address}/announcements/{revision.announcement_id}?note=approved")
    assert believed_by_a_node(stage, revision.announcement_id)
    check_page(officer)
    check_page(holder)


def test_a_key_taken_back_leaves_with_the_next_list_and_its_words_are_refused(
    stage: Stage, address: str, open_page: Open, root_file: Path
) -> None:
    revision = stage.approved()
    assert believed_by_a_node(stage, revision.announcement_id)
    officer, holder = open_page(*PHONE), open_page(*DESK)
    sign_in(officer.page, address, "binh", "/my-keys")
    officer.page.locator(".keys summary").click()
    expect(officer.page.get_by_text("Đây là khoá duy nhất của xã đang được tin")).to_be_visible()
    with stage.database.session() as db:
        lanh = db.query(Account).filter_by(username="lanh").one()
        lanh.roles = [*lanh.roles, "approver"]
        public = public_pem(stage.keys.private["k-lanh"])
        db.add(ApproverKey(id="k-lanh", account_id=lanh.id, kind="file", public=public, made_at=stage.now()))
    officer.page.reload()
    officer.page.locator(".keys summary").click()
    officer.page.get_by_role("button", name="Bỏ khoá này").click()
    expect(officer.page.get_by_text("Anh/chị chưa có khoá ký.")).to_be_visible()
    sign_in(holder.page, address, "quan", "/trust")
    expect(holder.page.get_by_text("Sẽ bỏ: chủ khoá đã bỏ khoá này")).to_be_visible()
    bring_list(holder.page, address, root_file)
    assert not believed_by_a_node(stage, revision.announcement_id)
    check_page(officer)
    check_page(holder)


def test_a_user_who_is_not_verified_makes_and_signs_nothing(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(*DESK)
    with_authenticator(watched.page, isUserVerified=False)
    sign_in(watched.page, address, "binh", "/my-keys")
    form = watched.page.locator("#khoa-may")
    form.get_by_label("Gọi khoá này là").fill("Điện thoại")
    form.get_by_role("button", name="Tạo khoá trong máy").click()
    expect(watched.page.get_by_text("Chưa tạo khoá")).to_be_visible()
    with stage.database.reading() as db:
        assert db.query(ApproverKey).filter_by(kind="passkey").count() == 0


def test_the_wrong_root_key_signs_no_list(
    stage: Stage, address: str, open_page: Open, root_file: Path, tmp_path: Path
) -> None:
    with stage.database.session() as db:
        trusted.remove_key(db, "k-binh", "binh", stage.now())
    other = tmp_path / "other.key"
    other.write_text(stage.key_file(), encoding="utf-8")
    watched = open_page(*DESK)
    page = watched.page
    sign_in(page, address, "quan", "/trust")
    page.get_by_label("Tệp khoá gốc của xã").set_input_files(root_file)
    page.get_by_label("Câu mật khẩu của khoá gốc").fill("sai mật khẩu rồi")
    page.get_by_role("button", name="Ký danh sách").click()
    expect(page.get_by_text("Câu mật khẩu chưa đúng")).to_be_visible()
    page.get_by_label("Tệp khoá gốc của xã").set_input_files(other)
    page.get_by_label("Câu mật khẩu của khoá gốc").fill("24681000")
    page.get_by_role("button", name="Ký danh sách").click()
    expect(page.get_by_text("không phải khoá gốc của xã")).to_be_visible()
    assert believed(stage).generation == stage.keys.trust.generation
    check_page(watched)


def test_passkeys_are_offered_only_at_the_console_s_own_address(
    stage: Stage, address: str, open_page: Open
) -> None:
    watched = open_page(*PHONE)
    elsewhere = address.replace("localhost", "127.0.0.1")
    sign_in(watched.page, elsewhere, "binh", "/my-keys")
    expect(watched.page.get_by_role("button", name="Tạo khoá trong máy")).to_be_hidden()
    expect(watched.page.get_by_role("link", name=address)).to_be_visible()
    check_page(watched)


def busy_keys(stage: Stage) -> None:
    """A list that is in force and has reached most points, keys that wait, and a leader who may approve too."""
    now = stage.now()
    with stage.database.session() as db:
        lanh = db.get_one(Account, stage.people["lanh"].id)
        lanh.roles = ["leader", "approver"]
        public = public_pem(stage.keys.private["k-lanh"])
        db.add(ApproverKey(id="k-lanh", account_id=lanh.id, kind="file", public=public, made_at=now))
        db.flush()
        body = next_list.proposal(db, stage.settings, now, add=(), emergency=("k-lanh",))
        trusted.take(db, stage.settings, sign_list(body, stage.keys.root), "quan", now)
        for n in ("thon-01", "thon-02", "thon-03"):
            db.get_one(SpeakerSeen, n).trust_generation = 3
        db.get_one(SpeakerSeen, "thon-04").trust_generation = 2
        use = use_of(stage.settings.console_address)
        for kind, label in (("passkey", "Điện thoại của tôi"), ("file", "USB ở két sắt")):
            trusted.add_key(
                db,
                stage.settings,
                stage.people["binh"],
                kind=kind,
                public=new_key_file("Phạm Văn Bình", "13579024").public,
                label=label,
                now=now,
                by="binh",
                credential=b"phone" if kind == "passkey" else None,
                use=use if kind == "passkey" else None,
            )


@pytest.mark.parametrize(
    ("name", "who", "path"),
    [
        ("my-keys", "binh", "/my-keys"),
        ("trust", "quan", "/trust"),
        ("approve-passkey", "binh", "/announcements/{key}/approve"),
    ],
)
def test_the_pages_of_keys_are_clean_for_axe_and_fit_a_phone(
    stage: Stage,
    address: str,
    open_page: Open,
    shoot: Callable[[Page, str], None],
    name: str,
    who: str,
    path: str,
) -> None:
    busy_keys(stage)
    if name == "approve-passkey":
        with stage.database.session() as db:
            body = next_list.proposal(db, stage.settings, stage.now())
            trusted.take(db, stage.settings, sign_list(body, stage.keys.root), "quan", stage.now())
        path = path.format(key=stage.submitted(sound=a_second_of_nothing()).announcement_id)
    for size in (DESK, PHONE):
        watched = open_page(*size)
        page = watched.page
        sign_in(page, address, who, path)
        if name == "trust":
            expect(page.locator("#danh-sach li").first).to_be_visible()
        page.evaluate("document.fonts.ready")
        shoot(page, f"console-{name}" + ("-phone" if size == PHONE else ""))
        for folded in page.locator("main details > summary").all():
            folded.click()
        page.set_viewport_size({"width": size[0], "height": 3000})  # nothing lies half under a bar
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        check_page(watched)
