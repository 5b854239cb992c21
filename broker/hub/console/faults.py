"""Loudspeakers and points that need a person, in words: what is wrong, since when, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract import HUB
from broker.hub import heard
from broker.hub.console import access
from broker.hub.console.day import Commune
from broker.hub.console.desk import desk
from broker.hub.console.wording import when
from broker.hub.records import AmplifierTrouble, NodeRecord, ServiceSeen, SpeakerSeen

SERVICE_NAMES = {
    "node": "Máy tính của điểm",
    "speaker": "Loa",
    "camera": "Camera",
    "kiosk": "Màn hình",
    "board": "Bo mạch",
}


TAMPERINGS = {
    "covered": "bị che",
    "blinded": "bị loá",
    "defocused": "bị mờ",
    "moved": "bị xoay",
    "frozen": "bị đứng hình",
}


AMPLIFIER_SAID = {
    "unexplained-current": "Tăng âm có dòng điện mà loa không phát, micro không bật: có thể có người cắm nguồn khác.",
    "relay-stuck": "Rơ-le của tăng âm không đóng mở theo lệnh.",
    "no-current": "Loa phát mà tăng âm không có dòng điện: xem nguồn, cầu chì và dây.",
}
"""What an alarm of an amplifier means, and what to look at."""


@dataclass(frozen=True)
class Fault:
    """Something that needs a person."""

    node: str
    village: str
    name: str
    weight: Literal["look", "bad"]
    text: str
    service: str


def faults_of(db: Session, commune: Commune, now: datetime) -> list[Fault]:
    """Loudspeakers that need a person, the worst first."""
    holding = {seen.node: seen for seen in db.scalars(select(SpeakerSeen)).all()}
    alarms = {
        row.node: row.what
        for row in db.scalars(select(AmplifierTrouble).where(AmplifierTrouble.ended_at.is_(None)))
    }
    found = [
        fault
        for node in commune.nodes
        if (
            fault := speaker_fault(
                node,
                commune.speakers.get(node.name),
                holding.get(node.name),
                now,
                alarms.get(node.name, ""),
            )
        )
    ]
    return sorted(found, key=lambda fault: (fault.weight != "bad", fault.name))


def speaker_fault(
    node: NodeRecord, seen: ServiceSeen | None, holds: SpeakerSeen | None, now: datetime, alarm: str = ""
) -> Fault | None:
    """What is wrong with one loudspeaker, None when all is well. alarm: of its amplifier, a code."""
    said = service_trouble(seen, now)
    if said is None and holds is not None and is_file(holds) and desk().settings.console.second_factor:
        said = ("look", "Không có loa: bản tin chỉ được ghi vào tệp.")  # in a trial that is as it should be
    if alarm and (said is None or said[0] != "bad"):
        said = ("bad", AMPLIFIER_SAID.get(alarm, alarm))
    if said is None and holds is not None and holds.silenced == "here":
        said = ("look", "Khoá im lặng ở điểm đang bật nên loa không phát; nhờ người ở thôn gạt lại khoá.")
    if said is None and holds is not None and holds.missing:
        said = ("look", f"Chưa tải xong âm thanh của {len(holds.missing)} lượt phát; máy tự tải lại.")
    if said is None:
        return None
    return Fault(node.name, node.village, node.label, said[0], said[1], "speaker")


def is_file(seen: SpeakerSeen) -> bool:
    """Whether the house has no loudspeaker; nodes of before said so only by the name of their output."""
    return seen.sound == "file" or (seen.sound == "none" and seen.output == "file")


def service_trouble(seen: ServiceSeen | None, now: datetime) -> tuple[Literal["look", "bad"], str] | None:
    """What is wrong with one service, in a sentence; None when it is alive and well."""
    if seen is None:
        return "bad", "Chưa nối về trung tâm lần nào."
    if seen.state == "lost":
        return "bad", f"Mất nối từ {when(seen.since, now)}. {advice_of(seen)}"
    if seen.state == "stopped":
        advice = f" {advice_of(seen)}" if seen.node == HUB else ""
        return "bad", f"Đã tắt từ {when(seen.since, now)}.{advice}"
    if seen.state == "starting":
        return "look", "Đang khởi động."
    if seen.problems:
        return "look", " ".join(str(problem.get("text", "")) for problem in seen.problems)
    return None if seen.state == "ready" else ("look", "Chạy, có chỗ vướng.")


def advice_of(seen: ServiceSeen) -> str:
    """What to do about a service that is lost."""
    if seen.node == HUB:
        return _restart(f"langso-hub@{seen.service}")
    return "Máy tự nối lại khi có điện, có mạng."


def broker_trouble(db: Session, now: datetime) -> str:
    """That the broker is down, since when and what to do; empty while it answers."""
    since = heard.away_since(db, now)
    if since is None:
        return ""
    return f"Máy chuyển tin không chạy từ {when(since, now)}. {_restart('mosquitto')}"


def announce_trouble(db: Session, now: datetime) -> str:
    """That the hub's announce says nothing any more, since when and what to do; empty while it does."""
    since = heard.silent_since(db, now)
    if since is None:
        return ""
    said = f"Chưa biết: chương trình gửi lịch phát im lặng từ {when(since, now)}."
    return f"{said} {_restart('langso-hub@announce')}"


def _restart(unit: str) -> str:
    """What to do about a program of the hub: the command for who may type it, for others whom to tell."""
    if access.visitor().is_any("admin"):
        return f"Ở máy trung tâm chạy: sudo systemctl restart {unit}"
    return "Xin báo người quản trị."


def service_rows(db: Session, node: str) -> Sequence[ServiceSeen]:
    """Every service of a point as it last said."""
    query = select(ServiceSeen).where(ServiceSeen.node == node).order_by(ServiceSeen.service)
    return db.scalars(query).all()
