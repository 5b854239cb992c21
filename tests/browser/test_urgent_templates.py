"""An emergency template in a real browser: written with a doubt settled, heard to its end, signed by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from playwright.sync_api import Page, expect

from broker.hub.announcing.render import media_store
from broker.hub.records import EmergencyTemplate
from tests.browser.test_console import DESK, sign_in
from tests.browser.test_emergency import Open, address, look, with_key
from tests.console.stage import Stage
from tests.console.urgent import alarmed
from tests.fakes.house import a_second_of_nothing

__all__ = ["address"]


def test_a_template_is_written_by_one_and_heard_and_signed_by_another(
    stage: Stage, address: str, open_page: Open, tmp_path: Path, shoot: Callable[[Page, str], None]
) -> None:
    alarmed(stage)
    file = tmp_path / "cuong.langso-key"
    file.write_text(stage.key_file("k-cuong", "Đặng Hữu Cường"), encoding="utf-8")
    writer, signer = open_page(*DESK), open_page(*DESK)
    page, hand = writer.page, signer.page
    sign_in(page, address, "hanh", "/")
    page.goto(f"{address}/emergency/templates")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 mẫu dùng được ngay.")
    look(page, "urgent-templates", shoot)
    page.get_by_role("link", name="Viết mẫu").click()
    page.get_by_label("Tên mẫu").fill("Vỡ đập")
    page.get_by_label("Lời viết").fill("Đập hồ Vân sắp vỡ. Bà con mang giấy QXZ, chạy ngay lên đồi.")
    expect(page.locator('[data-out="spoken"]')).to_contain_text("“QXZ” đọc là gì?")
    look(page, "urgent-template-edit", shoot)
    page.get_by_label("quy ích dét").check()
    page.get_by_role("button", name="Gửi ký").click()
    expect(page.get_by_text("Chờ người khác ký")).to_be_visible()
    number = int(page.url.partition("?")[0].rpartition("/")[2])

    sign_in(hand, address, "cuong", "/")
    hand.goto(f"{address}/emergency/templates/{number}")
    expect(hand.locator("#noi-ky")).to_contain_text("Âm thanh đang được tạo")
    media = media_store(stage.settings).add(a_second_of_nothing(), "audio/ogg", 9_000)
    with stage.database.session() as db:
        db.get_one(EmergencyTemplate, number).audio = msgspec.to_builtins(media)
    expect(hand.get_by_role("button", name="Nghe", exact=True)).to_have_attribute("aria-disabled", "false")
    look(hand, "urgent-template-sign", shoot)
    with_key(hand, file)
    expect(hand.locator("#thieu")).to_have_text("Còn thiếu: nghe hết mẫu.")
    hand.get_by_role("button", name="Nghe", exact=True).click()
    button = hand.get_by_role("button", name="Ký mẫu này")
    expect(button).to_have_attribute("aria-disabled", "false")
    button.click()
    expect(hand.get_by_text("Mẫu dùng được ngay ở trang Phát khẩn cấp")).to_be_visible()
    look(hand, "urgent-template", shoot)
    expect(hand.get_by_text("Thêm một người ký nữa thì ai có quyền cũng phát một mình được.")).to_be_visible()

    # who signed it alone is told so on the red page, and asked for nothing; then another signs it too
    hand.goto(f"{address}/emergency")
    hand.get_by_label("Vỡ đập").check()
    expect(
        hand.locator(f'[data-of="{number}"]').get_by_text("Mẫu này mới một mình anh/chị ký")
    ).to_be_visible()
    expect(hand.get_by_role("button", name="Phát ngay")).to_be_hidden()
    look(hand, "emergency-lone", shoot)
    hand.get_by_role("link", name="Lấy lời này, hai người cùng ký").click()
    expect(hand.get_by_label("Viết ngắn")).to_contain_text("Đập hồ Vân sắp vỡ")
    third = open_page(*DESK)
    other, second = third.page, tmp_path / "hung.langso-key"
    second.write_text(stage.key_file("k-lanh", "Trần Văn Hùng"), encoding="utf-8")
    sign_in(other, address, "hung", "/")
    other.goto(f"{address}/emergency/templates/{number}")
    expect(other.get_by_role("button", name="Nghe", exact=True)).to_have_attribute("aria-disabled", "false")
    look(other, "urgent-template-second", shoot)
    with_key(other, second)
    other.get_by_role("button", name="Nghe", exact=True).click()
    expect(other.get_by_role("button", name="Ký mẫu này")).to_have_attribute("aria-disabled", "false")
    other.get_by_role("button", name="Ký mẫu này").click()
    expect(other.get_by_text("Đã đủ hai người ký.").first).to_be_visible()
    hand.goto(f"{address}/emergency")
    hand.get_by_label("Vỡ đập").check()
    expect(hand.get_by_role("button", name="Phát ngay")).to_be_visible()
    assert [
        each for watched in (writer, signer, third) for each in watched.complaints if "409" not in each
    ] == []
