"""Vì sao không phát: every state of a play, and nothing at all, has its sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from broker.hub.announcing.explain import Asked, Facts, Order, why
from broker.link.clock import LOCAL
from broker.trust.envelope import Hours, Quiet

AT = datetime(2026, 11, 21, 17, 30, tzinfo=LOCAL)
"""A Saturday."""
LATER = AT + timedelta(hours=1)
PLAY = Asked("Họp dân", "routine", AT, AT, 60, 120)
FACTS = Facts(AT, LATER, "thôn Đông", Quiet(), AT - timedelta(days=9), plays=[PLAY])


def said(facts: Facts) -> str:
    return " ".join(why(facts))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"state": "played", "started_at": AT, "ended_at": AT, "proof_level": 1},
            "chưa chắc bà con đã nghe thấy",
        ),
        ({"state": "played", "is_filed": True}, "chỉ ghi vào tệp"),
        ({"state": "playing", "started_at": AT}, "đang phát, từ 17:30:00."),
        (
            {"state": "preempted", "reason": "preempted", "started_at": AT, "ended_at": AT},
            "bắt đầu 17:30:00 rồi dừng lúc 17:30:00. Nhường cho bản tin quan trọng hơn.",
        ),
        (
            {"state": "interrupted", "reason": "stopped", "started_at": AT, "stopped_by": "Ông Bình"},
            "dừng theo lệnh của Ông Bình.",
        ),
        ({"state": "refused", "reason": "quiet-hours"}, "bị loa từ chối. Đang trong giờ yên tĩnh"),
        ({"state": "refused", "reason": "mới-lạ"}, "Lý do khác (mới-lạ)."),
        ({"state": "missed", "reason": "too-late"}, "không phát được. Đã quá giờ phát cho phép"),
        ({"state": "expired"}, "Loa không nói lý do."),
        ({"state": "preempted"}, "đã nhường cho bản tin quan trọng hơn."),
        ({"state": "cancelled"}, "đã huỷ nên loa không phát."),
        ({"state": "cancelled", "ended": "withdrawn"}, "bản tin đã được gỡ"),
        ({"state": "cancelled", "ended": "superseded"}, "bản sửa mới"),
        (
            {"state": "cancelled", "stopped_by": "Ông Bình", "stopped_at": AT},
            "Ông Bình đã ra lệnh dừng lúc 17:30:00",
        ),
        ({"state": "planned"}, "chưa xác nhận là đã phát: từ khi gửi lịch"),
        ({"state": "armed", "said_at": AT}, "chưa xác nhận là đã phát: tin cuối của loa lúc 17:30:00"),
        ({"is_drill": True, "kind": "emergency"}, "Lượt diễn tập “Họp dân”"),
        (
            {
                "state": "ready",
                "begins": AT + timedelta(seconds=80),
                "behind": "Lũ",
                "turn": 2,
                "kind": "priority",
            },
            "bắt đầu 17:31:20, sau tin ưu tiên “Lũ” và lượt thứ 2 vì loa gần nhau nói luân phiên.",
        ),
    ],
)
def test_every_end_of_a_play_is_told_with_its_reason(change: dict[str, object], words: str) -> None:
    assert words in said(replace(FACTS, plays=[replace(PLAY, **change)]))  # type: ignore[arg-type]


def test_before_its_hour_it_is_told_until_when_it_can_begin() -> None:
    early = replace(FACTS, now=AT - timedelta(hours=1))
    assert "đang chờ trong lịch, bắt đầu được đến 17:32:00." in said(early)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "Không có bản tin nào được lên lịch cho thôn Đông lúc 17:30."),
        ({"elsewhere": ["Chợ", "Đò"]}, "Lúc đó có “Chợ”, “Đò”, nhưng dành cho thôn khác."),
        ({"registered_at": LATER}, "Lúc đó điểm này chưa có"),
        ({"retired_at": AT}, "Điểm này đã thu hồi từ 17:30"),
        ({"waiting": [("Tiêm phòng", AT, "Bà Hạnh")]}, "“Tiêm phòng” xin phát lúc 17:30 nhưng chưa ai duyệt"),
        (
            {"orders": [Order(AT, LATER, "Ông Bình")]},
            "lệnh im tiếng từ 17:30:00 đến 18:30:00 (Ông Bình ra lệnh).",
        ),
        (
            {"quiet": Quiet(weekend=Hours(since="17:00", until="08:00"))},
            "giờ yên tĩnh cuối tuần (17:00–08:00)",
        ),
        ({"away_since": AT}, "Loa mất nối với trung tâm từ 17:30"),
        ({"is_never_seen": True}, "chưa nối về trung tâm lần nào"),
        (
            {"next": ("Mai họp", AT + timedelta(days=1))},
            "Lượt kế tiếp của loa này: “Mai họp”, 17:30 ngày 22/11.",
        ),
    ],
)
def test_a_minute_without_a_play_is_told_with_what_is_known(change: dict[str, object], words: str) -> None:
    assert words in said(replace(FACTS, plays=[], **change))  # type: ignore[arg-type]


def test_a_loudspeaker_that_was_heard_is_not_excused_by_its_being_away_later() -> None:
    played = replace(PLAY, state="played", started_at=AT, ended_at=AT + timedelta(minutes=1), proof_level=3)
    told = said(replace(FACTS, plays=[played], away_since=AT + timedelta(minutes=20)))
    assert "và đã nghe thấy tiếng" in told
    assert "mất nối" not in told
