"""How keys are shown to people: whose, of what kind, until when, and the number to compare by telephone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.hub.console.wording import local
from broker.hub.next_list import Dropped
from broker.hub.records import Account, ApproverKey
from broker.trust.approvers import comparison_code
from broker.trust.envelope import TrustedKey

KINDS = {"passkey": "Khoá trong máy", "file": "Tệp khoá", "hub": "Khoá của trung tâm xã"}
ICONS = {"passkey": "phone", "file": "lock", "hub": "village"}
WHY_GONE = {
    "removed": "chủ khoá đã bỏ khoá này",
    "no-role": "người này không còn vai trò duyệt",
    "disabled": "tài khoản đã ngừng dùng",
    "expired": "khoá đã hết hạn",
    "unknown": "trung tâm không biết khoá này",
}


@dataclass(frozen=True)
class ShownKey:
    """One key as a page shows it."""

    id: str
    holder: str
    about: str
    """Title of the person, or what the key is for."""
    kind: str
    """passkey, file or hub"""
    label: str
    code: tuple[str, ...]
    """The comparison number in groups of four digits."""
    weight: str
    """Which look its state has: ok, wait, look or bad."""
    said: str
    is_emergency: bool = False

    @property
    def kind_said(self) -> str:
        """The kind in words, with the owner's own name for it."""
        return f"{KINDS[self.kind]} “{self.label}”" if self.label else KINDS[self.kind]

    @property
    def icon(self) -> str:
        """Which icon stands for the kind."""
        return ICONS[self.kind]


def day_of(at: datetime) -> str:
    """A day with its year: "25/12/2027"."""
    moment = local(at)
    return f"{moment.day}/{moment.month}/{moment.year}"


def own_key(row: ApproverKey, trusted: TrustedKey | None, address: str, at: datetime) -> ShownKey:
    """A key for its owner. address: what this console is called; a passkey signs nowhere else."""
    weight, said = _believed(trusted, at)
    if row.kind == "passkey" and row.origin != address:
        weight, said = "look", f"Chỉ ký được ở {row.origin}"
    return ShownKey(
        id=row.id,
        holder="",
        about=f"tạo ngày {day_of(row.made_at)}",
        kind=row.kind,
        label=row.label,
        code=code_of(row.public),
        weight=weight,
        said=said,
        is_emergency=trusted is not None and "emergency" in trusted.roles,
    )


def waiting_key(row: ApproverKey, owner: Account) -> ShownKey:
    """A key that waits for the commune's signature."""
    return ShownKey(
        id=row.id,
        holder=owner.full_name,
        about=owner.title,
        kind=row.kind,
        label=row.label,
        code=code_of(row.public),
        weight="wait",
        said=f"tạo ngày {day_of(row.made_at)}",
    )


def believed_key(
    key: TrustedKey, rows: Mapping[str, ApproverKey], owners: Mapping[int, Account], at: datetime
) -> ShownKey:
    """A key of the list in force."""
    row = rows.get(key.key)
    owner = owners.get(row.account_id) if row else None
    is_hub = "hub" in key.roles
    weight, said = _believed(key, at)
    return ShownKey(
        id=key.key,
        holder=key.holder,
        about="ký lịch phát, không làm loa nói được" if is_hub else owner.title if owner else "",
        kind="hub" if is_hub else "passkey" if key.passkey else "file",
        label=row.label if row else "",
        code=code_of(key.public),
        weight=weight,
        said=said,
        is_emergency="emergency" in key.roles,
    )


def leaving_key(gone: Dropped, rows: Mapping[str, ApproverKey], at: datetime) -> ShownKey:
    """A key that leaves with the next list, and why."""
    shown = believed_key(gone.key, rows, {}, at)
    return ShownKey(
        id=shown.id,
        holder=shown.holder,
        about="",
        kind=shown.kind,
        label=shown.label,
        code=shown.code,
        weight="bad",
        said=f"Sẽ bỏ: {WHY_GONE[gone.why]}",
        is_emergency=shown.is_emergency,
    )


def code_of(public: str) -> tuple[str, ...]:
    """The comparison number of a public key in groups."""
    return tuple(comparison_code(public).split())


def _believed(key: TrustedKey | None, at: datetime) -> tuple[str, str]:
    if key is None:
        return "wait", "Chờ xã ký vào danh sách tin cậy"
    if at > key.until:
        return "bad", f"Hết hạn từ {day_of(key.until)}"
    left_days = (key.until - at).days
    return ("look" if left_days < 30 else "ok"), f"Loa tin đến {day_of(key.until)}"
