"""Things that happen step by step while a person watches: a machine enrols, a machine is cut off. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from broker.contract import NODE_SERVICES
from broker.hub.console.points import open_code
from broker.hub.console.wording import hm, hms, lasting, number
from broker.hub.keys.enrolment import TRIES
from broker.hub.records import EnrolCode, Revocation, ServiceSeen

State = Literal["done", "now", "todo", "fail"]
START = "sudo systemctl enable --now " + " ".join(f"langso@{service}" for service in NODE_SERVICES)
"""What starts a node's services on its first day (docs/INSTALL.md §3)."""
_HINT_AFTER_S = 60.0
"""A machine that has its certificates and says nothing for so long probably has no service running."""
_TROUBLED_AFTER_S = 15.0
"""A step that takes longer than this is not simply under way."""


@dataclass(frozen=True)
class Step:
    """One step: what it is, how it stands, and when it was done."""

    name: str
    state: State
    said: str = ""
    time: str = ""

    @property
    def state_said(self) -> str:
        """For those who do not see the mark."""
        return {"done": "xong", "now": "đang làm", "todo": "chưa tới", "fail": "không được"}[self.state]


@dataclass(frozen=True)
class Course:
    """All steps, and the answer first."""

    head: str
    said: str
    steps: Sequence[Step]
    is_over: bool
    """Nothing will change any more without a person."""
    is_well: bool


def enrol_course(
    label: str, code: EnrolCode | None, services: Sequence[ServiceSeen], at: datetime, rest_s: float = 0.0
) -> Course:
    """How the enrolment with a node's newest code goes.

    services: of that node, as they last said. rest_s: so long its name still rests after a revocation.
    """
    if code is None:
        return Course(f"{label} chưa có mã ghi danh.", "Bấm nút để lấy mã.", (), is_over=True, is_well=False)
    made = Step("Trung tâm cấp mã", "done", time=hms(code.made_at))
    if code.used_at is None:
        return _not_used(label, code, made, at, rest_s)
    fetched = Step(
        "Máy nhận chứng thư", "done", "Khoá do chính máy làm ra và không rời máy.", hms(code.used_at)
    )
    alive = [one for one in services if one.seen_at >= code.used_at and one.state not in ("lost", "stopped")]
    joined = (
        Step("Máy nối về trung tâm", "done", time=hms(min(_joined_at(one, code.used_at) for one in alive)))
        if alive
        else Step("Máy nối về trung tâm", "now", _why_silent(code.used_at, at, rest_s))
    )
    ready = [one for one in alive if one.state == "ready"]
    total = len(code.services)
    is_ready = len(ready) >= total
    last = Step(
        "Sẵn sàng",
        "done" if is_ready else "now" if alive else "todo",
        f"{len(ready)}/{total} chương trình đang chạy",
        hms(max(_joined_at(one, code.used_at) for one in ready)) if is_ready else "",
    )
    head = f"{label} đã sẵn sàng." if is_ready else f"{label} đã ghi danh, đang nối."
    said = (
        "Mọi chương trình của máy đang chạy và đã nối về trung tâm."
        if is_ready
        else "Thường mất chưa tới một phút."
    )
    return Course(head, said, (made, fetched, joined, last), is_over=is_ready, is_well=is_ready)


def _joined_at(one: ServiceSeen, since: datetime) -> datetime:
    """When a service came with its new certificate: one that was up all the time changed it while running."""
    return one.since if one.since >= since else one.seen_at


def _say_rest(rest_s: float) -> str:
    """Why a new machine is not let in yet, and for how long; empty when it is."""
    if rest_s <= 0:
        return ""
    return (
        "Máy cũ vừa bị thu hồi: trung tâm chờ đủ hai phút rồi mới mở cửa cho máy mới, "
        f"còn {lasting(max(1.0, rest_s))}."
    )


def _why_silent(used_at: datetime, at: datetime, rest_s: float) -> str:
    """What to say while no program of a machine has come."""
    if rest_s > 0:
        return _say_rest(rest_s)
    if (at - used_at).total_seconds() < _HINT_AFTER_S:
        return "Các chương trình trên máy đang khởi động."
    return f"Chưa chương trình nào gọi về. Lần cài đầu, chạy ở máy của điểm: {START}"


def _not_used(label: str, code: EnrolCode, made: Step, at: datetime, rest_s: float) -> Course:
    rest = (
        Step("Máy nối về trung tâm", "todo", _say_rest(rest_s)),
        Step("Sẵn sàng", "todo", f"0/{len(code.services)} chương trình"),
    )
    if open_code(code, at) is not None:
        said = "Trang này tự đổi khi máy gọi về."
        wrong = _wrong(code)
        waits = Step("Máy nhận chứng thư", "now", wrong or "Đang chờ máy ở điểm chạy lệnh.")
        return Course(f"Chạy một lệnh ở máy của {label}.", said, (made, waits, *rest), False, True)
    if code.tries_left <= 0:
        why = "Mã đã bị gõ sai quá số lần cho phép nên bị khoá."
    elif code.ended_at is not None:
        why = "Mã này đã được thay bằng mã mới hơn."
    else:
        why = f"Mã hết hạn lúc {hm(code.expires_at)} mà chưa máy nào dùng."
    failed = Step("Máy nhận chứng thư", "fail", why)
    return Course(
        "Mã này không dùng được nữa.",
        f"{why} Lấy mã mới là làm tiếp được.",
        (made, failed, *rest),
        True,
        False,
    )


def _wrong(code: EnrolCode) -> str:
    wrong = TRIES - code.tries_left
    return f"Mã đã bị gõ sai {wrong} lần. Xin gõ lại đúng như trên trang." if wrong else ""


def revoke_course(label: str, row: Revocation, at: datetime) -> Course:
    """How far one revoking is. Steps may be done in any order."""
    wanted = (
        (
            "Xoá hết quyền của máy ở máy chuyển tin",
            row.rights_gone_at,
            "Máy chuyển tin chưa nhận lệnh xoá quyền.",
        ),
        ("Đưa chứng thư vào danh sách thu hồi", row.crl_loaded_at, "Máy chuyển tin chưa đọc danh sách mới."),
        ("Ngắt mọi kết nối của máy", row.cut_off_at, "Máy cũ vẫn cố nối lại; trung tâm ngắt tiếp."),
        (
            "Thử vào lại bằng chứng thư đã thu hồi: bị từ chối",
            row.probed_at,
            "Phép thử chưa cho kết quả chắc chắn; trung tâm thử lại.",
        ),
    )
    left = [done for _, done, _ in wanted if done is None]
    waited_s = (at - row.asked_at).total_seconds()
    is_late = bool(row.trouble) or waited_s > _TROUBLED_AFTER_S
    steps = [Step("Ghi lệnh thu hồi vào sổ nhật ký", "done", time=hms(row.asked_at))]
    is_first = True
    for name, done, hitch in wanted:
        if done is not None:
            steps.append(Step(name, "done", time=f"sau {number(_seconds(row, done), 1)} giây"))
            continue
        why = hitch if is_first and is_late else ""
        steps.append(Step(name, ("fail" if is_late else "now") if is_first else "todo", why))
        is_first = False
    if not left:
        took = max(_seconds(row, done) for _, done, _ in wanted if done is not None)
        return Course(
            f"{label}: máy cũ đã bị cắt hẳn.",
            f"Xong sau {number(took, 1)} giây. Máy ấy không vào lại được nữa, kể cả khi trung tâm khởi động lại.",
            steps,
            is_over=True,
            is_well=True,
        )
    head = f"Đang cắt máy ở {label}."
    said = "Thường xong trong 5 giây. Đóng trang này thì trung tâm vẫn làm tiếp."
    if is_late:
        head = f"Chưa cắt xong máy ở {label}."
        said = "Trung tâm thử lại tới khi được. Cần gấp thì rút điện hoặc dây mạng của máy ở điểm."
    return Course(head, said, steps, is_over=False, is_well=not is_late)


def _seconds(row: Revocation, done: datetime) -> float:
    return max(0.0, (done - row.asked_at).total_seconds())
