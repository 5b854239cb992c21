"""What the pages of people say about each of them: roles in words, what is missing, who stands in for whom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from broker.hub import people, second_factor
from broker.hub.accounts import NO_PASSWORD
from broker.hub.console.access import ROLES_SAID
from broker.hub.console.wording import ago, count, local, short_day, when
from broker.hub.records import ROLES, Account
from broker.link.config import Settings

ROLES_TOLD = {
    "editor": ("Biên tập", "Soạn bản tin, trả lời phản ánh của dân."),
    "approver": ("Duyệt", "Nghe rồi ký duyệt bản tin bằng khoá riêng, tắt tiếng cả xã."),
    "police": ("Công an", "Xem cảnh báo và hình camera ở phòng trực."),
    "leader": ("Lãnh đạo", "Xem toàn cảnh của xã, đọc và trả lời phản ánh."),
    "village": ("Trưởng thôn", "Soạn và nghe bản tin của thôn mình, đến giúp người gọi."),
    "helper": ("Người giúp", "Nhận lượt gọi ở màn hình nhà văn hoá. Không chọn thôn: giúp cả xã."),
    "admin": ("Quản trị", "Lo người dùng, máy và camera; không xem hình, không đọc phản ánh."),
    "auditor": ("Kiểm tra", "Đọc sổ nhật ký và mọi danh sách, không sửa gì."),
}
"""Role → its name and what its holder does, as the form shows them."""
DEPUTIES_SAID = {role: name for role, (name, _) in ROLES_TOLD.items() if role in people.DEPUTISED}


@dataclass(frozen=True)
class Line:
    """One person as the list shows them."""

    username: str
    name: str
    title: str
    roles: str
    held: tuple[str, ...]
    """Own roles, by their codes."""
    weight: str
    """ok, wait, look or bad"""
    state: str
    phone: str
    """About the second factor; empty where none is asked for."""
    key: str
    """About the approver's key; empty for others."""
    seen: str
    is_off: bool
    rank: int
    """Those who need attention first, then by role."""


@dataclass(frozen=True)
class Proxy:
    """Somebody stands in for somebody."""

    id: int
    username: str
    name: str
    holder: str
    holder_name: str
    said: str


def line_of(
    db: Session, settings: Settings, account: Account, signers: Collection[int], at: datetime
) -> Line:
    """What the list says about one person."""
    needs_phone = second_factor.is_needed(db, settings, account, at)
    is_set = second_factor.is_set(account)
    weight, state = _state(db, account, at)
    if weight == "ok" and needs_phone and not is_set:
        weight, state = "wait", "Chưa bật mã xác nhận"
    if weight == "ok" and "approver" in account.roles and account.id not in signers:
        weight, state = "look", "Chưa có khoá ký được tin cậy"
    rank = {"bad": 0, "look": 1, "wait": 2, "ok": 3}[weight] * 10
    return Line(
        username=account.username,
        name=account.full_name,
        title=account.title,
        roles=", ".join(ROLES_SAID[role] for role in account.roles),
        held=tuple(account.roles),
        weight=weight,
        state=state,
        phone=("Đã bật" if is_set else "Chưa bật") if needs_phone or is_set else "",
        key=("Được tin cậy" if account.id in signers else "Chưa có") if "approver" in account.roles else "",
        seen=ago(account.signed_in_at, at) if account.signed_in_at else "chưa lần nào",
        is_off=account.disabled_at is not None,
        rank=rank + min((ROLES.index(role) for role in account.roles), default=0),
    )


def deputies_of(db: Session, at: datetime) -> list[Proxy]:
    """Everybody who stands in for somebody now."""
    found = []
    for row in people.deputies(db, at):
        who, holder = db.get_one(Account, row.account_id), db.get_one(Account, row.for_account_id)
        day = short_day(local(row.until).date(), local(at).date())
        said = f"{who.full_name} làm thay {holder.full_name} việc {ROLES_SAID[row.role]}, đến hết {day}"
        found.append(Proxy(row.id, who.username, who.full_name, holder.username, holder.full_name, said))
    return found


def headline(lines: Sequence[Line]) -> str:
    """The answer first: how many people, and how many may approve."""
    staff = [line for line in lines if not line.is_off]
    approvers = sum("approver" in line.held for line in staff)
    said = f"{count(approvers)} người duyệt" if approvers else "chưa có ai duyệt"
    return f"{count(len(staff))} người dùng, {said[0].lower()}{said[1:]}."


def worries(lines: Sequence[Line]) -> list[str]:
    """What would leave the commune without somebody tomorrow."""
    staff = [line for line in lines if not line.is_off]
    found = []
    able = [line for line in staff if line.key == "Được tin cậy"]
    if len(able) == 1:
        found.append(f"Chỉ {able[0].name} ký duyệt được. Khi vắng, loa của xã không nói được tin mới.")
    if sum("admin" in line.held for line in staff) == 1:
        found.append("Chỉ có một người quản trị. Nên có thêm một người để gỡ giúp khi mất điện thoại.")
    return found


def _state(db: Session, account: Account, at: datetime) -> tuple[str, str]:
    if account.disabled_at is not None:
        return "wait", f"Khoá từ {when(account.disabled_at, at)}"
    if account.password_hash != NO_PASSWORD:
        return "ok", "Đang dùng"
    waits = people.waiting_invitation(db, account, at)
    if waits is not None:
        return "wait", f"Chờ nhận lời mời, hạn {when(waits.expires_at, at)}"
    return "look", "Lời mời đã hết hạn"
